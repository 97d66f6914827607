package bus

import (
	"slices"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// askEvery is the least time between two asks to a peer: what comes meanwhile
	// goes with the next.
	askEvery = 5 * time.Millisecond
	// An ask that is not answered is said again, the first time after minRepeat, then
	// after twice as long each time up to maxRepeat.
	minRepeat = 250 * time.Millisecond
	maxRepeat = 4 * time.Second
	// slowAfter is how long those who come to a room wait for a peer's answer.
	slowAfter = time.Second

	maxAskBytes = 256 << 10
	maxClosed   = 1024 // ended sources in one peer's queue, about
)

// ask is what a peer was asked and has not answered.
type ask struct {
	id      uint64
	data    []byte // to say it again
	sources []*source
	made    time.Time
	repeat  time.Duration // until it is said again
	due     time.Time     // when that is

	series uint64 // of the answer that is arriving
	next   uint64 // the message of it that is expected
}

// askForLocked makes a room's source for a peer, and has the peer asked for its events.
func (p *peer) askForLocked(r *room) {
	s := &source{peer: p, room: r}
	for len(r.sources) <= p.slot {
		r.sources = append(r.sources, nil)
	}
	r.sources[p.slot] = s
	if _, left := p.leaves[r.key]; left { // which the peer was not told, and need not be
		delete(p.leaves, r.key)
		s.asked = true
	}
	s.wantLocked()
}

// leaveLocked ends a source, and tells its peer.
func (b *Bus) leaveLocked(s *source) {
	p := s.peer
	s.closed = true
	s.releaseWaitsLocked()
	p.tidyLocked(b.listened)
	if !s.asked {
		return
	}
	p.leaves[s.room.key] = struct{}{}
	if len(p.leaves) > b.limits.leaves {
		clear(p.leaves)
		p.reset = true
		b.askAgainLocked(p)
	}
	b.askLocked(p, time.Now())
}

// askLocked sends an ask if there is something to ask, no other is on its way, and it
// is time.
func (b *Bus) askLocked(p *peer, now time.Time) {
	if p.ask != nil || !p.live || len(p.queue) == 0 && len(p.leaves) == 0 && !p.reset {
		return
	}
	if soonest := p.askedAt.Add(askEvery); now.Before(soonest) {
		b.dueLocked(soonest)
		return
	}
	b.asks++ // counted over all peers: one that was forgotten gets no id again
	p.ask = &ask{id: b.asks, made: now, repeat: minRepeat, due: now.Add(minRepeat)}
	p.ask.data = b.composeLocked(p)
	b.stats.Asks++
	b.sendAskLocked(p, now)
}

// tidyLocked takes ended sources out of the queue when they are many: a peer that does
// not answer must not make it grow.
func (p *peer) tidyLocked(listened int) {
	if len(p.queue) > 2*listened+maxClosed {
		p.queue = slices.DeleteFunc(p.queue, func(s *source) bool { return s.closed })
	}
}

func (b *Bus) sendAskLocked(p *peer, now time.Time) {
	p.askedAt = now
	b.dueLocked(p.ask.due)
	b.outLocked(p.subject, p.ask.data)
}

// composeLocked takes as much from what is to be asked as fits into one message.
func (b *Bus) composeLocked(p *peer) []byte {
	m := askMessage{id: p.ask.id, reset: p.reset}
	p.reset = false
	size := 0
	for key := range p.leaves {
		if size >= maxAskBytes {
			break
		}
		size += len(key) + 2
		delete(p.leaves, key)
		m.leaves = append(m.leaves, key)
	}
	taken := 0
	for _, s := range p.queue {
		if size >= maxAskBytes {
			break
		}
		taken++
		s.queued = false
		if s.closed || s.complete() { // an event can have made it complete
			s.releaseWaitsLocked()
			continue
		}
		a := roomAsk{key: s.room.key, after: s.last}
		if !s.known {
			a.since, a.time = true, int64(s.room.opened.Sub(b.started))+p.offset
		}
		size += len(a.key) + 16
		s.asked, s.inAsk = true, true
		m.rooms = append(m.rooms, a)
		p.ask.sources = append(p.ask.sources, s)
	}
	if p.queue = p.queue[taken:]; len(p.queue) == 0 {
		p.queue = nil
	}
	return m.encode(b.id, size)
}

// watchAsksLocked sends asks whose time has come, and says those again that were not
// answered.
func (b *Bus) watchAsksLocked(now time.Time) {
	for _, p := range b.slots {
		if p == nil || !p.live {
			continue
		}
		b.askLocked(p, now)
		if p.ask == nil {
			continue
		}
		if !p.slow && now.Sub(p.ask.made) >= slowAfter {
			p.slow = true
			b.warnLocked(p, "a node does not answer: what it publishes may come late")
			b.releaseWaitsLocked(p)
		}
		if !p.ask.due.After(b.handledLocked(now)) {
			b.repeatLocked(p, now)
		}
		if p.ask.due.After(now) {
			b.dueLocked(p.ask.due)
		} else { // its answer may be among what waits for dispatch
			b.dueLocked(now.Add(minRepeat))
		}
	}
}

// repeatLocked says an ask again.
func (b *Bus) repeatLocked(p *peer, now time.Time) {
	p.ask.repeat = min(2*p.ask.repeat, maxRepeat)
	p.ask.due = now.Add(p.ask.repeat)
	b.stats.Repeats++
	b.sendAskLocked(p, now)
}

// onResend takes events that came again. They are in order, and complete if the
// messages of their series are.
func (b *Bus) onResend(_ *nats.Msg, node uint64, r reader) error {
	m, err := decodeResend(r)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.peers[node]
	if p == nil || p.ask == nil || p.ask.id != m.ask {
		return nil
	}
	if m.index == 0 {
		p.ask.series, p.ask.next = m.series, 0
	}
	if p.ask.series != m.series || p.ask.next != m.index {
		return nil // something of the series was lost; it does not end well
	}
	p.ask.next++
	for _, e := range m.events {
		b.takeAgainLocked(p, e)
	}
	return nil
}

func (b *Bus) takeAgainLocked(p *peer, e resentEvent) {
	p.acks = append(p.acks, e.g)
	b.unacked++
	r := b.rooms[e.key]
	if r == nil {
		return
	}
	// Who came back to the room meanwhile has a source that is not part of the ask.
	if s := r.source(p); s != nil && s.inAsk && e.g > s.last {
		s.last = e.g
		b.stats.Recovered++
		b.todo = append(b.todo, delivery{to: r.subs, event: e.event})
	}
}

// onAnswer ends an ask.
func (b *Bus) onAnswer(_ *nats.Msg, node uint64, r reader) error {
	m, err := decodeAnswer(r)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.peers[node]
	if p == nil || p.ask == nil || p.ask.id != m.ask {
		return nil
	}
	if m.count > 0 && (p.ask.series != m.series || p.ask.next != m.count) {
		return nil // incomplete: the ask is said again
	}
	a := p.ask
	p.ask, p.answered, p.slow = nil, a.id, false
	b.answeredLocked(a, &m)
	b.askLocked(p, time.Now())
	return nil
}

// answeredLocked takes an answer to what was asked.
func (b *Bus) answeredLocked(a *ask, m *answerMessage) {
	for i, s := range a.sources {
		s.inAsk = false
		if s.closed {
			continue
		}
		switch {
		case uint64(i) < m.done:
			s.settleLocked(a.id, m.g)
		case uint64(i) == m.done && m.upTo > 0:
			s.settleLocked(a.id, m.upTo)
			s.want = max(s.want, m.g)
		}
		if s.complete() {
			s.releaseWaitsLocked()
		} else {
			s.wantLocked()
		}
	}
	for _, i := range m.gone {
		if i < uint64(len(a.sources)) && !a.sources[i].closed {
			b.lostLocked(a.sources[i].room)
		}
	}
}

// settleLocked notes that an ask brought all events up to g.
func (s *source) settleLocked(ask, g uint64) {
	s.known = true
	s.last = max(s.last, g)
	if s.due <= ask {
		s.due = 0
	}
}

// releaseWaitsLocked has those who come to the room wait no longer.
func (s *source) releaseWaitsLocked() {
	for _, w := range s.waits {
		w.arrivedLocked()
	}
	s.waits = nil
}

// releaseWaitsLocked has nobody wait for a peer any longer.
func (b *Bus) releaseWaitsLocked(p *peer) {
	for _, s := range p.queue {
		s.releaseWaitsLocked()
	}
	if p.ask != nil {
		for _, s := range p.ask.sources {
			s.releaseWaitsLocked()
		}
	}
}
