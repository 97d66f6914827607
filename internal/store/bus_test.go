package store_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store"
)

// patience is for what must happen, on a machine with much else to do.
const patience = time.Minute

// subscribe returns a channel with what arrives in a room.
func subscribe(t *testing.T, s *store.Store, room parley.ARN) <-chan string {
	t.Helper()
	arrived := make(chan string, 1<<17)
	stop, err := s.Subscribe(t.Context(), room,
		func(event []byte) { arrived <- string(event) }, func() {})
	if err != nil {
		t.Fatalf("Subscribe(%s) = %v, want nil", room, err)
	}
	t.Cleanup(stop)
	return arrived
}

func publish(t *testing.T, s *store.Store, room parley.ARN, event string) {
	t.Helper()
	if err := s.Publish(t.Context(), room, []byte(event)); err != nil {
		t.Errorf("Publish(%s) = %v, want nil", room, err)
	}
}

func receive(t *testing.T, arrived <-chan string, want string) {
	t.Helper()
	select {
	case got := <-arrived:
		if got != want {
			t.Fatalf("received %q, want %q", got, want)
		}
	case <-time.After(patience):
		t.Fatalf("received nothing for %s, want %q", patience, want)
	}
}

func TestEventsArriveInOrder(t *testing.T) {
	inBothModes(t, func(t *testing.T, s *store.Store) {
		a, b := world.NewRoomARN(), world.NewRoomARN()
		first, second, other := subscribe(t, s, a), subscribe(t, s, a), subscribe(t, s, b)
		const events = 5000
		for i := range events {
			publish(t, s, a, fmt.Sprint("a", i))
			publish(t, s, b, fmt.Sprint("b", i))
		}
		for i := range events {
			receive(t, first, fmt.Sprint("a", i))
			receive(t, second, fmt.Sprint("a", i))
			receive(t, other, fmt.Sprint("b", i))
		}
	})
}

func TestSubscriptionIsInForceWhenItReturns(t *testing.T) {
	s := open(t, "")
	for i := range 300 {
		room := world.NewRoomARN()
		arrived := subscribe(t, s, room)
		publish(t, s, room, fmt.Sprint(i))
		receive(t, arrived, fmt.Sprint(i))
	}
}

func TestNoDeliveryAfterStop(t *testing.T) {
	s := open(t, "")
	room := world.NewRoomARN()
	for range 50 {
		var stopped atomic.Bool
		started := make(chan struct{}, 1)
		stop, err := s.Subscribe(t.Context(), room, func([]byte) {
			select {
			case started <- struct{}{}:
			default:
			}
			runtime.Gosched() // so that stop comes in between
			if stopped.Load() {
				t.Error("deliver runs after stop has returned")
			}
		}, func() {})
		if err != nil {
			t.Fatal(err)
		}
		for range 200 {
			publish(t, s, room, "x")
		}
		<-started
		stop()
		stopped.Store(true)
		stop() // a second time does nothing
	}
	arrived := subscribe(t, s, room)
	publish(t, s, room, "last")
	receiveUntil(t, arrived, "last")
}

func receiveUntil(t *testing.T, arrived <-chan string, want string) {
	t.Helper()
	for {
		select {
		case got := <-arrived:
			if got == want {
				return
			}
		case <-time.After(patience):
			t.Fatalf("%q did not arrive in %s", want, patience)
		}
	}
}

func TestRoomsShareGoroutines(t *testing.T) {
	s := open(t, "")
	const rooms = 1000
	before := runtime.NumGoroutine()
	arns := make([]parley.ARN, rooms)
	var arrived sync.WaitGroup
	arrived.Add(rooms)
	for i := range arns {
		arns[i] = world.NewRoomARN()
		want := arns[i].ID
		stop, err := s.Subscribe(t.Context(), arns[i], func(event []byte) {
			if string(event) != want {
				t.Errorf("room %s received %q", want, event)
			}
			arrived.Done()
		}, func() {})
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
	}
	if now := runtime.NumGoroutine(); now > before+rooms/10 { // the engine has some for itself
		t.Errorf("%d rooms take %d goroutines more", rooms, now-before)
	}
	for _, arn := range arns {
		publish(t, s, arn, arn.ID)
	}
	arrived.Wait()
}

func TestDeliveredEventMayBeKept(t *testing.T) {
	s := open(t, "")
	room := world.NewRoomARN()
	kept := make(chan []byte, 1000)
	stop, err := s.Subscribe(t.Context(), room, func(event []byte) { kept <- event }, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	for i := range cap(kept) {
		publish(t, s, room, strings.Repeat(fmt.Sprint(i%10), 1000))
	}
	events := make([][]byte, cap(kept))
	for i := range events {
		events[i] = <-kept
	}
	for i, event := range events {
		if want := strings.Repeat(fmt.Sprint(i%10), 1000); string(event) != want {
			t.Fatalf("event %d changed after its delivery: %.20q…", i, event)
		}
	}
}

// TestFullBusRefuses has more events wait for their delivery than may.
func TestFullBusRefuses(t *testing.T) {
	s := open(t, "")
	room, release := world.NewRoomARN(), make(chan struct{})
	stop, err := s.Subscribe(t.Context(), room, func([]byte) { <-release }, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	defer close(release)
	for published := 0; err == nil; published++ {
		if published > 1<<17 {
			t.Fatalf("%d events wait, and more are taken", published)
		}
		err = s.Publish(t.Context(), room, []byte("event"))
	}
	wantCode(t, "Publish() to a full bus", err, parley.Unavailable)
	if stats := s.Stats().Bus; stats.Waiting == 0 || stats.Refused != 1 {
		t.Errorf("Stats() = %+v, want events that wait and one refused", stats)
	}
}

func TestConfirmedEventsArrive(t *testing.T) {
	s := open(t, "")
	room := world.NewRoomARN()
	arrived := subscribe(t, s, room)
	if err := s.PublishConfirmed(t.Context(), room, []byte("event")); err != nil {
		t.Errorf("PublishConfirmed() = %v, want nil", err)
	}
	receive(t, arrived, "event")
}

func TestAloneIsTheOnlyNode(t *testing.T) {
	s := open(t, "")
	if nodes := s.Nodes(); len(nodes) != 1 || !nodes[0].Self || !nodes[0].Live {
		t.Errorf("Nodes() = %+v, want this node alone", nodes)
	}
	if live := s.Live(); len(live) != 1 || live[0] != s.Node() {
		t.Errorf("Live() = %q, want %q alone", live, s.Node())
	}
}
