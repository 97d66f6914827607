package test

import (
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/parley-chat/parley/internal/parleytest"
)

// TestNothingIsLostBetweenTwoSessionsOfAUser does in a busy room what the official
// SDK does every half minute: it opens a second session and closes the first as soon
// as the handshake is answered. What it has not got by then from the first has to come
// from the second; so all that is older than the second session has to be on its way
// to the first before the handshake is answered.
func TestNothingIsLostBetweenTwoSessionsOfAUser(t *testing.T) {
	const refreshes, viewers = 30, 300
	srv := parleytest.StartOne(t, noQuotas) // on two nodes it is not promised
	room := srv.CreateRoom(t, nil)
	for i := range viewers { // their kernels take what they do not read
		srv.Join(t, room, fmt.Sprint("viewer-", i))
	}
	var stopped atomic.Bool
	var talk sync.WaitGroup
	ben := srv.Join(t, room, "ben", "SEND_MESSAGE")
	old := srv.Join(t, room, "ana")
	talk.Go(func() { count(t, ben, &stopped) })
	defer talk.Wait()
	defer stopped.Store(true)
	last := number(t, old.Next(t))
	for range refreshes {
		fresh := srv.Join(t, room, "ana")
		last = drain(t, old, last)
		_ = old.Conn.Close()
		first := number(t, fresh.Next(t))
		if first > last+1 {
			t.Errorf("the old session got messages up to %d before the handshake of the new one "+
				"was answered, which got those from %d: %d are lost", last, first, first-last-1)
		}
		old, last = fresh, max(first, last)
	}
}

// count sends numbers, each when the one before has come back, until it is stopped.
func count(t *testing.T, u *parleytest.User, stopped *atomic.Bool) {
	for n := 1; !stopped.Load(); n++ {
		trySend(t, u, fmt.Sprintf(`{"Action":"SEND_MESSAGE","Content":"%d"}`, n))
		if _, err := u.Read(); err != nil {
			t.Errorf("%s: %v", u.ID, err)
			return
		}
	}
}

func number(t *testing.T, frame parleytest.Frame) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(frame.Content, &n); err != nil {
		t.Fatalf("got %+v, want a number", frame)
	}
	return n
}

// drain reads what has arrived at a session, without waiting for more, and returns the
// last number. It ends the reading of the session's connection.
func drain(t *testing.T, u *parleytest.User, last int) int {
	t.Helper()
	if err := u.Conn.(*net.TCPConn).CloseRead(); err != nil {
		t.Fatal(err)
	}
	for {
		frame, err := parleytest.ReadFrame(u.Stream)
		if err != nil {
			return last // the last frame may have come in part
		}
		var got parleytest.Frame
		if err := json.Unmarshal(frame.Payload, &got); err != nil {
			t.Fatalf("%q: %v", frame.Payload, err)
		}
		last = number(t, got)
	}
}
