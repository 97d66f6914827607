package bus

import (
	"slices"

	"github.com/nats-io/nats.go"
)

const (
	resendBytes = 64 << 10  // of events in one message, about
	windowBytes = 512 << 10 // of events in one answer, about
)

// answering is an answer in the making.
type answering struct {
	peer   *peer
	answer answerMessage
	resend resendMessage
	size   int // of the events in resend
	total  int // of those in the answer so far
}

// onAsk notes what a peer wants, and sends it what it missed.
func (b *Bus) onAsk(_ *nats.Msg, node uint64, r reader) error {
	m, err := decodeAsk(r)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.peers[node]
	if p == nil || m.id < p.asked {
		return nil // it asks again when its beats are heard; or was overtaken
	}
	if m.id == p.asked && p.answerOut > b.sent {
		return nil // it asks again since the answer has not even left
	}
	if m.reset && m.id != p.asked {
		b.clearInterestLocked(p)
	}
	p.asked = m.id
	for _, key := range m.leaves {
		if r := b.rooms[key]; r != nil {
			b.removeInterestLocked(p, r)
		}
	}
	b.series++
	a := &answering{peer: p}
	a.answer = answerMessage{ask: m.id, series: b.series, beat: b.beat, g: b.ring.next - 1}
	a.resend = resendMessage{ask: m.id, series: b.series}
	for i := range m.rooms {
		if !b.answerRoomLocked(a, &m.rooms[i]) {
			break
		}
	}
	b.flushLocked(a)
	b.stats.Answers++
	b.outLocked(p.subject, a.answer.encode(b.id))
	p.answerOut = b.sent + uint64(b.sending+len(b.outgoing))
	return nil
}

// answerRoomLocked sends what a peer missed of one room. It returns false when the
// answer is full.
func (b *Bus) answerRoomLocked(a *answering, ask *roomAsk) bool {
	if a.total >= windowBytes {
		return false
	}
	r := b.roomLocked(ask.key)
	b.addInterestLocked(a.peer, r)
	if b.goneLocked(r, ask) {
		a.answer.gone = append(a.answer.gone, a.answer.done)
	}
	for _, g := range b.missedByLocked(r, ask) {
		if a.total >= windowBytes {
			return false
		}
		b.resendLocked(a, r, g)
		a.answer.upTo = g
	}
	a.answer.done++
	a.answer.upTo = 0
	return true
}

// goneLocked reports whether events that are asked for are not kept any more.
func (b *Bus) goneLocked(r *room, ask *roomAsk) bool {
	evicted, at := r.evicted, r.evictedAt
	if r.last == 0 {
		evicted, at = b.floor, b.floorAt
	}
	if ask.since {
		return at >= ask.time
	}
	return evicted > ask.after
}

// missedByLocked returns the events in the ring that are asked for, the oldest first.
func (b *Bus) missedByLocked(r *room, ask *roomAsk) []uint64 {
	var missed []uint64
	g := r.last
	for e := b.ring.at(g); e != nil; e = b.ring.at(g) {
		if ask.since && e.time < ask.time || !ask.since && g <= ask.after {
			break
		}
		missed = append(missed, g)
		g = e.prev
	}
	slices.Reverse(missed)
	return missed
}

func (b *Bus) resendLocked(a *answering, r *room, g uint64) {
	e := b.ring.at(g)
	event := e.event()
	if a.size > 0 && a.size+len(event) > resendBytes {
		b.flushLocked(a)
	}
	a.resend.events = append(a.resend.events, resentEvent{r.key, g, e.prev, event})
	size := len(event) + len(r.key) + 16
	a.size += size
	a.total += size
	b.stats.Resent++
}

// flushLocked sends the events that were collected.
func (b *Bus) flushLocked(a *answering) {
	if len(a.resend.events) == 0 {
		return
	}
	b.outLocked(a.peer.subject, a.resend.encode(b.id, a.size))
	a.resend.events, a.size = a.resend.events[:0], 0
	a.resend.index++
	a.answer.count++
}

// addInterestLocked has a peer get the events of a room from now on.
func (b *Bus) addInterestLocked(p *peer, r *room) {
	if r.interest&p.bit != 0 {
		return
	}
	if p.interests >= b.limits.interests {
		b.wantAllLocked(p)
		return
	}
	r.interest |= p.bit
	p.interests++
}

func (b *Bus) removeInterestLocked(p *peer, r *room) {
	if r.interest&p.bit == 0 {
		return
	}
	r.interest &^= p.bit
	p.interests--
	b.unwaitLocked(p.bit, r.held...)
	b.dropLocked(r)
}

// wantAllLocked sends a peer everything, from now on. Nothing waits for it then.
func (b *Bus) wantAllLocked(p *peer) {
	p.all = true
	b.all |= p.bit
	b.waitableLocked(p)
	b.unwaitLocked(p.bit, b.holds...)
}

func (b *Bus) clearInterestLocked(p *peer) {
	for _, r := range b.rooms {
		b.removeInterestLocked(p, r)
	}
	p.all = false
	b.all &^= p.bit
	b.waitableLocked(p)
}
