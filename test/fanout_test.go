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

// TestSlowReaderDelaysNobody stops reading on one session while the others go on,
// until the server drops it.
func TestSlowReaderDelaysNobody(t *testing.T) {
	data := filepath.Join(t.TempDir(), "parley-data")
	p := serve(t, "--data="+data, "--quotas=none")
	c := p.client(data)
	room := c.CreateRoom(t, nil)
	slow := c.Join(t, room, "slow")
	ana := c.Join(t, room, "ana", "SEND_MESSAGE")
	wide := fmt.Sprintf(`{"Action":"SEND_MESSAGE","Content":%q,"Attributes":{"pad":%q}}`,
		bytes.Repeat([]byte("c"), 500), bytes.Repeat([]byte("p"), 1000))
	var slowest time.Duration
	gone := func() bool {
		_, metrics := p.get("/metrics")
		return bytes.Contains([]byte(metrics), []byte(`parley_sessions_ended_total{reason="slow"} 1`))
	}
	for i := 0; !gone(); i++ {
		if i > 100 {
			t.Fatal("the slow reader is over 15 MB behind and still there")
		}
		for range 100 {
			begin := time.Now()
			ana.Send(t, wide)
			ana.Next(t)
			slowest = max(slowest, time.Since(begin))
		}
	}
	t.Logf("the slowest of the other session's messages took %s", slowest)
	if slowest > 2*time.Second {
		t.Errorf("a message of the other session took %s", slowest)
	}
	for { // what was sent before is still there, and no Close frame after it
		if _, err := slow.Read(); err != nil {
			if _, closed := err.(wsutil.ClosedError); closed {
				t.Error("the slow reader got a Close frame, after which official clients stay away")
			}
			break
		}
	}
	p.stop()
}
