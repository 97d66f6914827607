package bus

import (
	"context"
	"fmt"
	"time"
)

// holdTime is how long an event waits for other nodes before it is delivered here.
const holdTime = 100 * time.Millisecond

// Publish sends an event to all nodes that listen to the room, this one included. It
// returns when the event is on its way; the events that one caller publishes one after
// the other arrive in this order. When it fails, nobody gets the event. The bus keeps
// the event, which must not be changed.
func (b *Bus) Publish(ctx context.Context, room string, event []byte) error {
	_, err := b.publish(ctx, room, event, false)
	return err
}

// PublishConfirmed is a Publish that returns when the other nodes have the event, or do
// not answer in time. Its error is the context's when that ended first; the event is on
// its way then.
func (b *Bus) PublishConfirmed(ctx context.Context, room string, event []byte) error {
	confirmed, err := b.publish(ctx, room, event, true)
	if err != nil || confirmed == nil {
		return err
	}
	select {
	case <-confirmed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// publish returns a channel that is closed when other nodes need not be waited for any
// more, if they must be and the caller wants to know.
func (b *Bus) publish(
	ctx context.Context, room string, event []byte, confirm bool,
) (confirmed <-chan struct{}, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(event) > MaxEventBytes {
		return nil, fmt.Errorf("an event of %d bytes; at most %d can be published",
			len(event), MaxEventBytes)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.admitLocked(room); err != nil {
		return nil, err
	}
	b.stats.Published++
	if b.net != nil {
		return b.sendLocked(b.roomLocked(room), event, confirm), nil
	}
	if r := b.rooms[room]; r != nil {
		b.enqueueLocked(delivery{to: r.subs, event: event})
	}
	return nil, nil
}

// Takes returns the error with which Publish refuses whatever it is given now, or nil.
func (b *Bus) Takes() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.takesLocked()
}

func (b *Bus) takesLocked() error {
	if err := b.readyLocked(); err != nil {
		return err
	}
	if len(b.queue)+b.held >= maxWaiting || b.outgoingFullLocked() {
		b.stats.Refused++
		return ErrFull
	}
	return nil
}

// admitLocked returns why an event cannot be published now, or nil.
func (b *Bus) admitLocked(room string) error {
	if err := b.takesLocked(); err != nil {
		return err
	}
	if b.rooms[room] == nil && !validKey(room) { // what is in the map was valid
		return fmt.Errorf("not the key of a room: %q", room)
	}
	return nil
}

// sendLocked records an event, sends it if another node listens, and delivers it here
// now or when the others have it.
func (b *Bus) sendLocked(r *room, event []byte, confirm bool) (confirmed <-chan struct{}) {
	waits := r.interest & b.waitable
	g, e := b.recordLocked(r, event, waits)
	if r.interest|b.all != 0 {
		b.stats.Sent++
		b.outLocked(r.subject, e.data)
		b.touchLocked(r) // after the event: it may send a beat
	}
	if waits == 0 && len(r.held) == 0 {
		b.deliverOwnLocked(r, e)
		return nil
	}
	r.held = append(r.held, g)
	b.held++
	if waits != 0 {
		b.stats.Held++
		b.holds = append(b.holds, g)
		b.dueLocked(time.Now().Add(holdTime))
	}
	if !confirm {
		return nil
	}
	return e.confirmation()
}

// deliverOwnLocked hands an own event to the listeners of this node.
func (b *Bus) deliverOwnLocked(r *room, e *entry) {
	if e.confirm != nil {
		close(e.confirm)
		e.confirm = nil
	}
	if subs := r.subs; subs != nil {
		b.enqueueLocked(delivery{to: subs, event: e.event()})
	}
}

// releaseLocked delivers the events of a room that need not wait any more. An event
// that need not, but is behind one that must, waits with it.
func (b *Bus) releaseLocked(r *room) {
	n := 0
	for _, g := range r.held {
		e := b.ring.at(g)
		if e.waits != 0 {
			break
		}
		b.deliverOwnLocked(r, e)
		n++
	}
	b.held -= n
	if r.held = r.held[n:]; len(r.held) == 0 {
		r.held = nil
	}
}

// unwaitLocked stops waiting for peers, given by their slots, with these events. Some
// may not be in the ring any more.
func (b *Bus) unwaitLocked(slots uint64, events ...uint64) {
	for _, g := range events {
		e := b.ring.at(g)
		if e == nil || e.waits&slots == 0 {
			continue
		}
		if e.waits &^= slots; e.waits == 0 {
			b.releaseLocked(e.room)
		}
	}
}

// expireLocked stops waiting for peers that are late with what they are waited for,
// and does not wait for them again until they have caught up.
func (b *Bus) expireLocked(now time.Time) {
	for len(b.holds) > 0 {
		e := b.ring.at(b.holds[0])
		if e != nil && e.waits != 0 {
			published := b.started.Add(time.Duration(e.time))
			if due := published.Add(holdTime); due.After(now) {
				b.dueLocked(due)
				return
			}
			b.lagLocked(e.waits)
		}
		b.holds = b.holds[1:]
	}
	b.holds = nil
}

// lagLocked marks the peers in these slots as lagging.
func (b *Bus) lagLocked(slots uint64) {
	for _, p := range b.slots {
		if p == nil || slots&p.bit == 0 {
			continue
		}
		p.lagging, p.lagBeat = true, b.beat+1
		b.stats.Lags++
		b.waitableLocked(p)
		b.warnLocked(p, "a node is late: events do not wait for it")
	}
	b.unwaitLocked(slots, b.holds...)
}

// touchLocked has the next beat say which event was the room's last. A beat that would
// become long is sent early.
func (b *Bus) touchLocked(r *room) {
	if r.touched {
		return
	}
	r.touched = true
	b.touched = append(b.touched, r)
	if len(b.touched) >= maxDigest {
		b.beatLocked(time.Now(), nil, false)
	}
}
