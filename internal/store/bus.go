package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-chat/parley"
)

const (
	// maxWaiting is how many events may wait for their delivery on this node, all
	// rooms together. The hub bounds how many of its own it has on the way to much
	// less; past this, events are dropped and the loss is logged.
	maxWaiting = 64 << 10

	subjectPrefix    = "parley.room."
	subscribeTimeout = 5 * time.Second
)

// bus carries the events of rooms between nodes. All subscriptions share one
// channel, which one goroutine empties: a room costs no goroutine.
type bus struct {
	log      *slog.Logger
	receive  *nats.Conn // a connection of its own: a flood of events delays nothing else
	arrivals chan *nats.Msg
	// overflows counts the times that arrivals was full, and events were dropped.
	overflows atomic.Int64
	closing   chan struct{}
	done      chan struct{} // dispatch has ended

	mu   sync.RWMutex // guards subs; never held while delivering
	subs map[*nats.Subscription]*subscription
}

type subscription struct {
	mu      sync.Mutex         // held while deliver runs
	deliver func(event []byte) // nil once stopped
}

func openBus(e *engine, log *slog.Logger) (*bus, error) {
	b := &bus{
		log:      log,
		arrivals: make(chan *nats.Msg, maxWaiting),
		closing:  make(chan struct{}),
		done:     make(chan struct{}),
		subs:     map[*nats.Subscription]*subscription{},
	}
	var err error
	if b.receive, err = e.connect("parley events", b.asyncError); err != nil {
		return nil, err
	}
	go b.dispatch()
	return b, nil
}

func (b *bus) close() {
	close(b.closing)
	<-b.done
	b.receive.Close()
}

// check returns nil when the server answers and dispatch runs.
func (b *bus) check(ctx context.Context) error { return b.receive.FlushWithContext(ctx) }

// asyncError hears of dropped events, once for each time that maxWaiting is
// reached.
func (b *bus) asyncError(_ *nats.Conn, sub *nats.Subscription, err error) {
	if !errors.Is(err, nats.ErrSlowConsumer) || sub == nil {
		b.log.Warn("the bus has trouble with its engine", "err", err)
		return
	}
	b.overflows.Add(1)
	room, _ := parseKey(parley.KindRoom, strings.TrimPrefix(sub.Subject, subjectPrefix)) // ours
	dropped, _ := sub.Dropped()                                                          // of this subscription; fails once it has ended
	b.log.Error("room events dropped: this node is too slow for what it receives",
		"room", room.String(), "dropped", dropped, "err", err)
}

// Publish sends an event to all nodes that are subscribed to the room, this one
// included. It returns when the event is on its way; the events that one caller
// publishes one after the other arrive in this order.
func (s *Store) Publish(ctx context.Context, room parley.ARN, event []byte) error {
	key, err := resourceKey(parley.KindRoom, room)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return unavailable(err)
	}
	if err := s.conn.Publish(subjectPrefix+key, event); err != nil {
		return unavailable(fmt.Errorf("publish: %w", err))
	}
	return nil
}

// Subscribe calls deliver with each event of a room, from one goroutine for all
// rooms, in the order of publishing, until stop. What is published after Subscribe
// has returned is delivered. deliver may keep the event, must not block, and must
// not call stop. stop waits for a delivery in progress, and there is none after.
func (s *Store) Subscribe(ctx context.Context, room parley.ARN,
	deliver func(event []byte)) (stop func(), err error) {
	key, err := resourceKey(parley.KindRoom, room)
	if err != nil {
		return nil, err
	}
	stop, err = s.bus.subscribe(ctx, subjectPrefix+key, deliver)
	if err != nil {
		return nil, unavailable(fmt.Errorf("subscribe: %w", err))
	}
	return stop, nil
}

func (b *bus) subscribe(ctx context.Context, subject string,
	deliver func(event []byte)) (stop func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, subscribeTimeout)
	defer cancel()
	sub, err := b.add(subject, deliver)
	if err != nil {
		return nil, err
	}
	stop = func() { b.remove(sub) }
	// The answer to this comes after the server has seen the subscription.
	if err := b.receive.FlushWithContext(ctx); err != nil {
		stop()
		return nil, err
	}
	return stop, nil
}

func (b *bus) add(subject string, deliver func(event []byte)) (*nats.Subscription, error) {
	b.mu.Lock() // so that dispatch finds the subscription of the first event
	defer b.mu.Unlock()
	sub, err := b.receive.ChanSubscribe(subject, b.arrivals)
	if err != nil {
		return nil, err
	}
	b.subs[sub] = &subscription{deliver: deliver}
	return sub, nil
}

func (b *bus) remove(sub *nats.Subscription) {
	b.mu.Lock()
	s := b.subs[sub]
	delete(b.subs, sub)
	b.mu.Unlock()
	if s == nil {
		return // stopped before
	}
	_ = sub.Unsubscribe() // fails only when the connection is closed, and it with it
	// dispatch may have looked the subscription up already: the lock waits for its
	// delivery, and what it finds after is nil.
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliver = nil
}

// dispatch delivers what arrives. It is the only goroutine that calls a deliver.
func (b *bus) dispatch() {
	defer close(b.done)
	for {
		select {
		case <-b.closing:
			return
		case msg := <-b.arrivals:
			b.mu.RLock()
			s := b.subs[msg.Sub]
			b.mu.RUnlock()
			if s != nil {
				s.call(msg.Data)
			}
		}
	}
}

func (s *subscription) call(event []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deliver != nil {
		s.deliver(event)
	}
}
