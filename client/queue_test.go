package client_test

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/client"
)

// numbers writes the numbers from and below, and counts them.
func (p *peer) numbers(from, below int, written *atomic.Int32) {
	for n := from; n < below; n++ {
		if _, err := p.conn.Write(ws.MustCompileFrame(ws.NewTextFrame(
			message(strconv.Itoa(n), "", strconv.Itoa(n))))); err != nil {
			return // the test is over
		}
		written.Add(1)
	}
}

// dialIn is fake.join, but nothing is received.
func (f *fake) dialIn(options client.Options) (*client.Room, *peer) {
	f.t.Helper()
	options.NetDial, options.PingInterval = f.dial, 24*time.Hour
	return dial(f.t, "ws://chat.example", f.tokens(0), options), f.accept()
}

// TestNobodyHasToReceive checks that a room whose user only sends takes everything, and
// keeps the newest for the first receiver.
func TestNobodyHasToReceive(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, p := f.dialIn(client.Options{QueueLen: 3})
		var written atomic.Int32
		p.numbers(0, 1000, &written)
		result := say(t.Context(), room, "x")
		p.text(message("echo", p.request().RequestID, "echo"))
		if err := <-result; err != nil {
			t.Errorf("Send returned %v", err)
		}
		expectMessages(t, room, "998", "999", "echo")
		expectNothing(t, room)
	})
}

// TestFullQueueHasTheServerWait checks the size of the queue.
func TestFullQueueHasTheServerWait(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, p := f.join(0, client.Options{QueueLen: 10})
		var written atomic.Int32
		go p.numbers(0, 100, &written)
		pass(time.Hour)
		// One more is read, and waits. A few lie in the buffer for reading.
		if n := written.Load(); n < 11 || n > 50 {
			t.Errorf("the server could write %d messages, want little over 10", n)
		}
		for n := range 100 {
			expectMessages(t, room, strconv.Itoa(n))
		}
	})
}

// TestSendWithinReceive checks that a request is answered although its maker takes
// nothing out of the full queue meanwhile.
func TestSendWithinReceive(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, p := f.join(0, client.Options{QueueLen: 100})
		var written atomic.Int32
		go func() {
			p.numbers(0, 150, &written) // more than the queue takes
			p.text(message("echo", p.request().RequestID, "echo"))
			p.numbers(150, 300, &written)
		}()
		pass(time.Second)
		next := 0
		for received, err := range room.Receive(t.Context()) {
			m, ok := received.(*client.Message)
			if err != nil || !ok {
				t.Fatalf("received %T, error %v", received, err)
			}
			if m.Content == "echo" {
				continue
			}
			if m.Content != strconv.Itoa(next) {
				t.Fatalf("received %s, want %d", m.Content, next)
			}
			if next == 0 {
				if _, err := room.Send(t.Context(), "x", nil); err != nil {
					t.Errorf("Send returned %v", err)
				}
			}
			if next++; next == 300 {
				return
			}
		}
	})
}

// TestSendWithinReceiveGivesUp checks that a request fails rather than wait for an answer
// that cannot be reached, and that nothing is lost by that.
func TestSendWithinReceiveGivesUp(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, p := f.join(0, client.Options{QueueLen: 100})
		var written atomic.Int32
		go p.numbers(0, 1000, &written)
		pass(time.Second)
		for n := range 1000 {
			expectMessages(t, room, strconv.Itoa(n))
			if n%100 != 0 || n > 700 { // then the server has not enough left
				continue
			}
			if err := <-say(t.Context(), room, "x"); !errors.Is(err, client.ErrOutcomeUnknown) {
				t.Errorf("after message %d, Send returned %v, want that its outcome is unknown", n, err)
			}
		}
	})
}

// TestChangesDoNotFillTheQueue checks that a connection that comes and goes for days
// costs no memory while nobody receives what is there.
func TestChangesDoNotFillTheQueue(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, p := f.join(0, client.Options{QueueLen: 2, MaxBackoff: time.Second})
		p.say("1")
		p.say("2")
		for range 100 {
			p.drop()
			p = f.accept()
		}
		expectMessages(t, room, "1", "2")
		expectState(t, room, client.Connected)
		expectNothing(t, room)
	})
}

// TestRepeatsAreDropped checks it for one connection, for which a short memory is enough.
func TestRepeatsAreDropped(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, p := f.join(0, client.Options{})
		pass(time.Hour)
		for range 3 {
			for n := range 256 {
				p.say(strconv.Itoa(n))
			}
		}
		p.event(parley.Event{ID: "0", Name: "another type, the same id"})
		p.say("end")
		for n := range 256 {
			expectMessages(t, room, strconv.Itoa(n))
		}
		expectMessages(t, room, "end")
	})
}

func TestHandleCallsHandlers(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, p := f.dialIn(client.Options{})
		go func() {
			p.say("1")
			p.event(parley.Event{ID: "2", Name: "news", Attributes: map[string]string{"k": "v"}})
			p.event(parley.Event{ID: "3", Name: parley.EventDeleteMessage,
				Attributes: map[string]string{"MessageID": "old spelling"}})
			p.kick()
		}()
		var got []string
		add := func(s string) { got = append(got, s) }
		err := room.Handle(t.Context(), client.Handlers{
			Message:          func(m *client.Message) { add("message " + m.Content) },
			Event:            func(e *client.Event) { add("event " + e.Name + e.Attributes["k"]) },
			MessageDeleted:   func(d *client.MessageDeleted) { add("deleted " + d.MessageID) },
			UserDisconnected: func(d *client.UserDisconnected) { add("disconnected " + d.UserID) },
			StateChange:      func(c *client.StateChange) { add(c.State.String()) },
		})
		want := []string{"connected", "message 1", "event newsv", "deleted old spelling",
			"disconnected ana", "disconnected"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("handlers were called with (-want +got):\n%s", diff)
		}
		if !errors.As(err, new(*client.DisconnectedError)) {
			t.Errorf("Handle returned %v, want why the room ended", err)
		}
		if again := room.Handle(t.Context(), client.Handlers{}); again != err {
			t.Errorf("Handle returned %v when called again, want %v", again, err)
		}
	})
}

// TestReceiversShare checks that two loops get everything between them, and that a
// context ends its own loop only.
func TestReceiversShare(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, p := f.join(0, client.Options{})
		var count atomic.Int32
		ended := make(chan error, 2)
		loop := func(ctx context.Context) {
			ended <- room.Handle(ctx, client.Handlers{Message: func(*client.Message) { count.Add(1) }})
		}
		ctx, cancel := context.WithCancel(t.Context())
		go loop(ctx)
		go loop(t.Context())
		var written atomic.Int32
		p.numbers(0, 1000, &written)
		pass(0)
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Handle returned %v, want that of its context", err)
		}
		p.numbers(1000, 2000, &written)
		pass(0)
		if n := count.Load(); n != 2000 {
			t.Errorf("the loops received %d messages, want 2000", n)
		}
		go p.finish()
		_ = room.Close()
		if err := <-ended; err != nil {
			t.Errorf("Handle returned %v after Close", err)
		}
	})
}
