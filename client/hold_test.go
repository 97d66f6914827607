package client_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/parleytest"
)

// hold has many rooms of one process stay in a chat room, each with a user of its own,
// while someone speaks all the time. They are refreshed again and again, and each must
// receive each message, once, and in order.
type hold struct {
	srv     *parleytest.Server
	rooms   int
	length  time.Duration
	every   time.Duration // between two messages
	minutes int           // that sessions last
	// shorten is how long they are said to last, if that is less.
	shorten time.Duration

	chat     string        // the chat room
	dialing  chan struct{} // limits how many are at it
	tokens   atomic.Int64  // made
	received atomic.Int64  // messages
	lost     atomic.Int64
	doubled  atomic.Int64 // or out of order
	changes  atomic.Int64 // of state, after the first
}

// TestHold is the small copy of TestSoak.
func TestHold(t *testing.T) {
	h := &hold{srv: start(t), rooms: 50, length: 7 * time.Second, every: 5 * time.Millisecond,
		minutes: 1, shorten: 4 * time.Second}
	h.run(t)
}

// TestSoak holds 1,000 rooms for the time that PARLEY_SOAK says, and for five minutes at
// least. Sessions last two.
func TestSoak(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("PARLEY_SOAK"))
	if err != nil {
		t.Skip("set PARLEY_SOAK to a time, such as 5m, to run this: see make soak")
	}
	h := &hold{srv: start(t), rooms: 1000, length: max(length, 5*time.Minute),
		every: 100 * time.Millisecond, minutes: 2}
	h.run(t)
}

func (h *hold) refreshes() int64 { return h.tokens.Load() - int64(h.rooms) - 1 }

// wanted is how many refreshes there have to be.
func (h *hold) wanted() int64 { return 2 * int64(h.rooms) }

// token mints a token, of which it may say that the session will end sooner than it will.
func (h *hold) token(user string) client.TokenProvider {
	provider := mint(h.srv.Client, h.chat, user, h.minutes)
	return func(ctx context.Context) (client.Token, error) {
		h.dialing <- struct{}{}
		defer func() { <-h.dialing }()
		h.tokens.Add(1)
		token, err := provider(ctx)
		if early := time.Now().Add(h.shorten); h.shorten > 0 {
			token.SessionExpirationTime = early
		}
		return token, err
	}
}

func (h *hold) run(t *testing.T) {
	h.chat = h.srv.CreateRoom(t, nil)
	h.dialing = make(chan struct{}, 20)
	before := usage()
	var receivers sync.WaitGroup
	var sent atomic.Int64 // set before the last message is sent
	rooms := make([]*client.Room, h.rooms)
	for i := range rooms {
		rooms[i] = dial(t, h.srv.URL, h.token(fmt.Sprint("user-", i)), client.Options{})
		receivers.Go(func() { h.receive(t, rooms[i], &sent) })
	}
	sender := dial(t, h.srv.URL, h.token("sender"), client.Options{})
	during := usage()
	tick := time.NewTicker(h.every)
	defer tick.Stop()
	for begin := time.Now(); ; <-tick.C {
		took := time.Since(begin)
		if took >= h.length && (h.refreshes() >= h.wanted() || took >= h.length+timeout) {
			break // a busy machine takes longer for the refreshes
		}
		send(t, sender, strconv.FormatInt(sent.Load(), 10))
		sent.Add(1)
	}
	end := usage()
	send(t, sender, "end")
	receivers.Wait()
	for _, room := range append(rooms, sender) {
		_ = room.Close()
	}
	t.Logf("%d rooms for %s: %d messages, %d deliveries, %d refreshes, %d lost, %d doubled",
		h.rooms, h.length, sent.Load(), h.received.Load(), h.refreshes(), h.lost.Load(), h.doubled.Load())
	t.Logf("server and clients before: %s", before)
	t.Logf("with all rooms: %s", during)
	t.Logf("at the end: %s", end)
	t.Logf("after: %s", usage())
	if h.lost.Load() != 0 || h.doubled.Load() != 0 || h.changes.Load() != 0 {
		t.Errorf("%d messages were lost and %d doubled or out of order, and the connection was lost %d times",
			h.lost.Load(), h.doubled.Load(), h.changes.Load())
	}
	if refreshes := h.refreshes(); refreshes < h.wanted() {
		t.Errorf("%d refreshes of %d rooms, want two of each at least", refreshes, h.rooms)
	}
	if want := sent.Load() * int64(h.rooms); h.received.Load() != want {
		t.Errorf("%d deliveries, want %d", h.received.Load(), want)
	}
}

// receive receives up to the last message.
func (h *hold) receive(t *testing.T, room *client.Room, sent *atomic.Int64) {
	next := int64(0)
	for received, err := range room.Receive(t.Context()) {
		switch received := received.(type) {
		case *client.Message:
			if received.Content == "end" {
				h.lost.Add(sent.Load() - next)
				return
			}
			n, err := strconv.ParseInt(received.Content, 10, 64)
			if err != nil {
				t.Errorf("received %q", received.Content)
			}
			h.received.Add(1)
			if n < next {
				h.doubled.Add(1)
				continue
			}
			h.lost.Add(n - next)
			next = n + 1
		case *client.StateChange:
			if received.State != client.Connected {
				t.Logf("after %d messages: %s %v", next, received.State, received.Err)
				h.changes.Add(1)
			}
		default:
			t.Errorf("received %T, error %v", received, err)
			return
		}
	}
}

// usage tells what the process uses.
func usage() string {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return fmt.Sprintf("%d goroutines, %.1f MB heap, %.1f MB stacks",
		runtime.NumGoroutine(), float64(m.HeapAlloc)/(1<<20), float64(m.StackInuse)/(1<<20))
}
