package test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws/wsutil"

	"github.com/parley-chat/parley/internal/parleytest"
)

// TestStoppingServerAnswersWhatItAccepted sends messages until the moment at which
// the server is told to stop. Whoever sees a message must be followed by the end of
// the connection without a Close frame, and what one session got the others got, too.
func TestStoppingServerAnswersWhatItAccepted(t *testing.T) {
	const sessions = 20
	p := serve(t, "--dev")
	c := parleytest.Anonymous(t, p.url).As("test", "test")
	room := c.CreateRoom(t, nil)
	users := make([]*parleytest.User, sessions)
	for i := range users {
		users[i] = c.Join(t, room, fmt.Sprint("user-", i), "SEND_MESSAGE")
	}
	const messages = 50
	for i := range messages {
		users[0].Say(t, fmt.Sprint(i))
	}
	first := users[0].Next(t) // so they are on their way
	p.signal(syscall.SIGTERM)
	var last string
	for i, u := range users {
		got := ""
		if i == 0 {
			got = first.Content // which may be the last
		}
		for {
			frame, err := u.Read()
			if closed := (wsutil.ClosedError{}); errors.As(err, &closed) {
				t.Errorf("session %d got Close %d, after which official clients stay away", i, closed.Code)
			}
			if err != nil {
				break
			}
			got = frame.Content
		}
		if i == 0 {
			last = got
		}
		if got != last {
			t.Errorf("the last message of session %d is %q, that of session 0 %q", i, got, last)
		}
	}
	p.wait()
}

// TestDrainTakesItsTime checks that a server which is told to stop refuses newcomers
// at once, says that it is not ready, and ends sessions one after the other.
func TestDrainTakesItsTime(t *testing.T) {
	const sessions = 20
	p := serve(t, "--dev", "--drain-seconds=6")
	c := parleytest.Anonymous(t, p.url).As("test", "test")
	room := c.CreateRoom(t, nil)
	var open atomic.Int32
	ends := make(chan time.Time, sessions)
	for i := range sessions {
		u := c.Join(t, room, fmt.Sprint("user-", i))
		open.Add(1)
		go func() {
			_, _ = io.Copy(io.Discard, u.Conn)
			open.Add(-1)
			ends <- time.Now()
		}()
	}
	p.signal(syscall.SIGTERM)
	begin := time.Now()
	<-ends // the drain goes on
	if n := open.Load(); n < sessions/2 {
		t.Errorf("%d of %d sessions are open at the beginning of the drain", n, sessions)
	}
	if status, _ := p.get("/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("readiness is %d during the drain, want 503", status)
	}
	if _, err := c.TryCall("ListRooms", nil); err == nil {
		t.Error("a stopping server took a new connection")
	}
	for range sessions - 1 {
		<-ends
	}
	if took := time.Since(begin); took < 5*time.Second || took > 20*time.Second {
		t.Errorf("the last session ended after %s, want about 6s", took)
	}
	p.wait()
}

// TestSecondSignalEndsTheDrain checks that, and that one to reload does not.
func TestSecondSignalEndsTheDrain(t *testing.T) {
	p := serve(t, "--dev", "--drain-seconds=3600")
	c := parleytest.Anonymous(t, p.url).As("test", "test")
	room := c.CreateRoom(t, nil)
	ended := make(chan struct{}, 2)
	for range 2 {
		u := c.Join(t, room, "ana")
		go func() {
			_, _ = io.Copy(io.Discard, u.Conn)
			ended <- struct{}{}
		}()
	}
	p.signal(syscall.SIGTERM)
	for ready := true; ready; { // until the drain has begun
		status, _ := p.get("/readyz")
		ready = status == http.StatusOK
	}
	p.signal(syscall.SIGHUP)
	for range 2 {
		select {
		case <-ended:
			t.Error("a session ended when the server was told to reload")
			ended <- struct{}{}
		case <-time.After(300 * time.Millisecond):
		}
	}
	p.signal(syscall.SIGTERM)
	<-ended
	<-ended
	p.wait()
}
