package test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws/wsutil"

	"github.com/parley-chat/parley/internal/parleytest"
)

// TestThousandSessionsReceiveEverythingInOneOrder sends 100 messages a second, the
// most that the documented quotas allow a room, from 20 of 1,000 sessions.
func TestThousandSessionsReceiveEverythingInOneOrder(t *testing.T) {
	const sessions, senders, perSecond, messages = 1000, 20, 100, 500
	data := filepath.Join(t.TempDir(), "parley-data")
	p := serve(t, "--data="+data)
	c := p.client(data)
	room := c.CreateRoom(t, map[string]any{"maximumMessageRatePerSecond": perSecond})
	users := make([]*parleytest.User, sessions)
	for i := range users {
		users[i] = c.Join(t, room, fmt.Sprintf("user-%d", i), "SEND_MESSAGE")
	}
	received := make([][]string, sessions)
	var readers sync.WaitGroup
	for i, u := range users {
		readers.Go(func() { received[i] = readContents(t, u, messages) })
	}
	tick := time.NewTicker(time.Second / perSecond)
	defer tick.Stop()
	begin := time.Now()
	for i := range messages {
		users[i%senders].Say(t, fmt.Sprintf("message %d", i))
		<-tick.C
	}
	readers.Wait()
	t.Logf("%d deliveries in %s", sessions*messages, time.Since(begin).Round(time.Millisecond))
	want := make([]string, messages)
	for i := range want {
		want[i] = fmt.Sprintf("message %d", i)
	}
	for i, got := range received {
		if !slices.Equal(got, received[0]) {
			t.Errorf("session %d received another order or number of messages than session 0", i)
		}
	}
	slices.Sort(received[0])
	slices.Sort(want)
	if !slices.Equal(received[0], want) {
		t.Errorf("session 0 received %d messages, want each of the %d once", len(received[0]), messages)
	}
	p.stop()
}

// readContents reads n messages and returns their contents.
func readContents(t *testing.T, u *parleytest.User, n int) []string {
	contents := make([]string, 0, n)
	for len(contents) < n {
		if err := u.Conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Error(err)
			return contents
		}
		data, err := wsutil.ReadServerText(u.Stream)
		if err != nil {
			t.Errorf("%s after %d messages: %v", u.ID, len(contents), err)
			return contents
		}
		_, rest, ok := bytes.Cut(data, []byte(`"Content":"`))
		content, _, _ := bytes.Cut(rest, []byte(`"`))
		if !ok {
			t.Errorf("%s received %s, want a message", u.ID, data)
			return contents
		}
		contents = append(contents, string(content))
	}
	return contents
}
