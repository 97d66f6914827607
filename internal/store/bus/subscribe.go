package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const subscribeTimeout = 5 * time.Second

// subscription is one call of Subscribe.
type subscription struct {
	unsubscribe func()

	mu      sync.Mutex         // held while a callback runs
	deliver func(event []byte) // nil once stopped
	lost    func()
}

// Subscribe calls deliver with each event of a room, in the order in which each node
// published its own, until stop. What is published on any node after Subscribe has
// returned is delivered, once. lost is called when this cannot be kept: events of the
// room may be missing here. Both may keep what they get, must not block, and must not
// call stop. stop waits for a callback in progress, and there is none after.
//
// Subscribe returns when every other node knows of it. A node that does not answer is
// not waited for long: what it publishes meanwhile is delivered when it is heard again.
func (b *Bus) Subscribe(
	ctx context.Context, room string, deliver func(event []byte), lost func(),
) (stop func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, subscribeTimeout)
	defer cancel()
	if !validKey(room) {
		return nil, fmt.Errorf("not the key of a room: %q", room)
	}
	s := &subscription{deliver: deliver, lost: lost, unsubscribe: func() {}}
	if b.net != nil {
		if s.unsubscribe, err = b.net.Subscribe(b.roomPrefix() + room); err != nil {
			return nil, err
		}
	}
	w, err := b.listen(room, s)
	if err != nil {
		s.unsubscribe()
		return nil, err
	}
	stop = func() { b.unlisten(room, s) }
	select {
	case <-w.done:
		return stop, nil
	case <-b.closing:
		err = ErrClosed
	case <-ctx.Done():
		err = fmt.Errorf("the other nodes do not answer: %w", ctx.Err())
	}
	stop()
	return nil, err
}

// listen adds a subscription, and asks the peers for their events. The returned wait
// ends when they have answered.
func (b *Bus) listen(key string, s *subscription) (*wait, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.halted:
		return nil, ErrClosed
	case b.net != nil && !b.net.Connected():
		return nil, ErrAway
	case b.listened >= b.limits.rooms && (b.rooms[key] == nil || b.rooms[key].subs == nil):
		return nil, errors.New("too many rooms are listened to")
	}
	r := b.roomLocked(key)
	var subs []*subscription
	if old := r.subs; old != nil {
		subs = *old
	} else {
		b.openLocked(r)
	}
	subs = append(slices.Clip(subs), s)
	r.subs = &subs
	return b.awaitLocked(r), nil
}

// openLocked makes a room's sources when it gets its first subscription.
func (b *Bus) openLocked(r *room) {
	b.listened++
	if b.net == nil {
		return
	}
	b.byHash[r.hash], r.sameHash = r, b.byHash[r.hash]
	r.opened = time.Now()
	for _, p := range b.slots {
		if p != nil {
			p.askForLocked(r)
			b.askLocked(p, time.Now())
		}
	}
}

// unlisten ends a subscription.
func (b *Bus) unlisten(key string, s *subscription) {
	if !b.removeSubscription(key, s) {
		return // stopped before
	}
	s.unsubscribe()
	// dispatch may have found the subscription already: the lock waits for its
	// callback, and what it finds after is nil.
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliver, s.lost = nil, nil
}

func (b *Bus) removeSubscription(key string, s *subscription) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.rooms[key]
	if r == nil || r.subs == nil {
		return false
	}
	subs := *r.subs
	i := slices.Index(subs, s)
	if i < 0 {
		return false
	}
	if len(subs) == 1 {
		r.subs = nil
		b.closeLocked(r)
		return true
	}
	subs = slices.Concat(subs[:i], subs[i+1:])
	r.subs = &subs
	return true
}

// closeLocked tells the peers that nobody listens to a room any more.
func (b *Bus) closeLocked(r *room) {
	b.listened--
	if b.net != nil {
		b.unhashLocked(r)
	}
	for _, s := range r.sources {
		if s != nil {
			b.leaveLocked(s)
		}
	}
	r.sources = nil
	b.dropLocked(r)
}

// unhashLocked takes a room out of byHash, where others may have its hash.
func (b *Bus) unhashLocked(r *room) {
	first := b.byHash[r.hash]
	at := &first
	for *at != r {
		at = &(*at).sameHash
	}
	if *at, r.sameHash = r.sameHash, nil; first == nil {
		delete(b.byHash, r.hash)
	} else {
		b.byHash[r.hash] = first
	}
}

// call delivers an event.
func (s *subscription) call(event []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deliver != nil {
		s.deliver(event)
	}
}

// lose tells that events may be missing.
func (s *subscription) lose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost != nil {
		s.lost()
	}
}

// wait is a Subscribe that waits for the answers of peers.
type wait struct {
	missing int           // guarded by Bus.mu
	done    chan struct{} // closed when nothing is missing any more
}

// arrivedLocked takes one answer off the missing ones.
func (w *wait) arrivedLocked() {
	if w.missing--; w.missing == 0 {
		close(w.done)
	}
}

// awaitLocked returns a wait for all peers that are worth waiting for.
func (b *Bus) awaitLocked(r *room) *wait {
	w := &wait{missing: 1, done: make(chan struct{})}
	for _, s := range r.sources {
		if s != nil && !s.complete() && s.peer.live && !s.peer.slow {
			w.missing++
			s.waits = append(s.waits, w)
		}
	}
	w.arrivedLocked()
	return w
}
