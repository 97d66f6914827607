package bus

import (
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// ackBatch is how many events are acknowledged at the latest together.
	ackBatch = 512
	// logEvery is how often the same complaint is logged at most.
	logEvery = 10 * time.Second
)

// handlers has a function for each kind of message. They decode it and take mu.
var handlers = map[byte]func(*Bus, *nats.Msg, uint64, reader) error{
	kindEvent:  (*Bus).onEvent,
	kindBeat:   (*Bus).onBeat,
	kindAsk:    (*Bus).onAsk,
	kindResend: (*Bus).onResend,
	kindAnswer: (*Bus).onAnswer,
	kindAck:    (*Bus).onAck,
}

// enqueueLocked gives dispatch something to do.
func (b *Bus) enqueueLocked(d delivery) {
	b.queue = append(b.queue, d)
	if len(b.queue) == 1 {
		signal(b.wake)
	}
}

// signal makes a channel of capacity 1 ready, if it is not.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// dispatch handles what arrives and delivers. All callbacks but report run on it.
func (b *Bus) dispatch() {
	var batch []delivery
	for {
		if len(b.arrivals) == 0 {
			b.busy.Store(0)
		}
		select {
		case <-b.closing:
			return
		case <-b.wake:
			b.startWork()
			batch = b.deliverQueue(batch)
		case msg := <-b.arrivals:
			b.startWork()
			b.arrive(msg)
		}
	}
}

// startWork remembers since when dispatch has not been without work.
func (b *Bus) startWork() {
	if b.net != nil && b.busy.Load() == 0 {
		b.busy.Store(b.now())
	}
}

// deliverQueue does what is in the queue. It returns a slice to use again.
func (b *Bus) deliverQueue(batch []delivery) []delivery {
	b.mu.Lock()
	batch, b.queue = b.queue, batch[:0]
	b.mu.Unlock()
	b.do(batch)
	return batch
}

// do makes calls and deliveries, and clears them, so that nothing is kept.
func (b *Bus) do(batch []delivery) {
	for i, d := range batch {
		batch[i] = delivery{}
		if b.closed.Load() {
			return
		}
		if d.call != nil {
			d.call()
			continue
		}
		for _, s := range *d.to {
			s.call(d.event)
		}
	}
}

// arrive handles a message, makes the calls that it leads to, and acknowledges events
// when there is nothing more to handle.
func (b *Bus) arrive(msg *nats.Msg) {
	if err := b.handle(msg); err != nil {
		b.complain(msg.Subject, err)
	}
	b.do(b.todo)
	b.todo = b.todo[:0]
	if b.unacked > 0 && (len(b.arrivals) == 0 || b.unacked >= ackBatch) {
		b.sendAcks()
	}
}

func (b *Bus) handle(msg *nats.Msg) error {
	kind, node, r, err := open(msg.Data)
	if err != nil {
		return err
	}
	if handler := handlers[kind]; handler != nil {
		return handler(b, msg, node, r)
	}
	return errMalformed
}

// complain counts messages that cannot be understood, and logs them now and then.
func (b *Bus) complain(subject string, err error) {
	b.mu.Lock()
	b.stats.Malformed++
	first := time.Since(b.complained) > logEvery
	if first {
		b.complained = time.Now()
	}
	b.mu.Unlock()
	if first {
		b.log.Error("a message of another node cannot be understood: "+
			"do all nodes run this version?", "subject", subject, "err", err)
	}
}

// onEvent takes an event of a peer.
func (b *Bus) onEvent(msg *nats.Msg, node uint64, r reader) error {
	m, err := decodeEvent(r)
	if err != nil {
		return err
	}
	key := msg.Subject[min(len(b.cfg.Prefix)+len(".room."), len(msg.Subject)):]
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.peers[node]
	if p == nil {
		return nil // its first beat has us ask for what it sent before
	}
	b.stats.Received++
	if b.takeLocked(p, b.rooms[key], m) && m.waiting {
		p.acks = append(p.acks, m.g)
		b.unacked++
	}
	return nil
}

// takeLocked has an event delivered if it is next in its room. It reports whether this
// node has all that it needs of the event.
func (b *Bus) takeLocked(p *peer, r *room, m eventMessage) bool {
	if r == nil {
		return true // nobody listens here
	}
	s := r.source(p)
	if s == nil {
		return true
	}
	if !s.nextLocked(m.g, m.prev) {
		if m.g <= s.atLocked() && s.known {
			b.stats.Doubles++
			return true
		}
		s.missedLocked(m.g)
		b.askLocked(p, time.Now())
		return false
	}
	s.last = m.g
	b.todo = append(b.todo, delivery{to: r.subs, event: m.event})
	return true
}

// sendAcks tells the peers which of their events have arrived.
func (b *Bus) sendAcks() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.slots {
		if p != nil && len(p.acks) > 0 {
			b.outLocked(p.subject, encodeAck(b.id, p.acks))
			p.acks = p.acks[:0]
		}
	}
	b.unacked = 0
}

// onAck hears that a peer has events.
func (b *Bus) onAck(_ *nats.Msg, node uint64, r reader) error {
	events, err := decodeAck(r)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.peers[node]; p != nil {
		b.unwaitLocked(p.bit, events...)
	}
	return nil
}
