package bus

import (
	"time"

	"github.com/nats-io/nats.go"
)

const (
	beatEvery = 250 * time.Millisecond
	// beatSpacing is the least time between a beat and one that is sent early.
	beatSpacing = 50 * time.Millisecond
	// firstListen is how long Open listens: every node that is there has beaten by then.
	firstListen = beatEvery + beatSpacing

	maxDigest      = 4096 // rooms in one beat
	maxReportBytes = 256 << 10
)

// beatLocked sends a beat.
func (b *Bus) beatLocked(now time.Time, report []byte, bye bool) {
	b.beat++
	b.beatAt = now
	m := beatMessage{bye: bye, number: b.beat, g: b.ring.next - 1, now: b.now(),
		name: b.cfg.Node, report: report}
	for _, p := range b.slots {
		if p != nil {
			m.heard = append(m.heard, heardNode{p.id, p.asked, p.beat})
		}
	}
	for i, r := range b.touched {
		m.rooms = append(m.rooms, roomDigest{r.hash, r.last})
		r.touched = false
		b.touched[i] = nil
	}
	b.touched = b.touched[:0]
	b.outLocked(b.beatSubject(), m.encode(b.id))
}

// beatSoon has the others told without delay how far this node is.
func (b *Bus) beatSoon() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.beatSoonLocked()
}

func (b *Bus) beatSoonLocked() {
	if soon := b.beatAt.Add(beatSpacing); soon.Before(b.beatDue) {
		b.beatDue = soon
		b.dueLocked(soon)
	}
}

// goodbye tells the others that this node leaves.
func (b *Bus) goodbye() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.beatLocked(time.Now(), nil, true)
	b.left = true
}

// report returns what this node's user has to tell the others.
func (b *Bus) report() []byte {
	x := b.exchange.Load()
	if x == nil {
		return nil
	}
	report := x.report()
	if len(report) > maxReportBytes {
		b.log.Error("a report is too long for a beat", "bytes", len(report))
		return nil
	}
	return report
}

// onBeat hears from a node.
func (b *Bus) onBeat(_ *nats.Msg, node uint64, r reader) error {
	m, err := decodeBeat(r)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.peers[node]
	if p == nil {
		if m.bye {
			return nil
		}
		if p = b.addPeerLocked(node, m.name); p == nil {
			return nil
		}
	}
	if m.number <= p.beat {
		return nil // overtaken by a later one
	}
	b.beatHeardLocked(p, &m)
	if m.bye {
		b.log.Info("a node left the bus", "node", p.name)
		b.removePeerLocked(p)
		b.removeEarlierLocked(p.name)
		return nil
	}
	if x := b.exchange.Load(); x != nil && len(m.report) > 0 {
		b.todo = append(b.todo, delivery{call: func() { x.heard(node, m.report) }})
	}
	return nil
}

// beatHeardLocked learns from a beat what is missing.
func (b *Bus) beatHeardLocked(p *peer, m *beatMessage) {
	p.heard, p.offset = time.Now(), m.now-b.now()
	first, gap := p.beat == 0, m.number != p.beat+1
	if gap && !first && m.g != p.have {
		b.stats.Gaps++
		b.missedAllLocked(p, m.g)
	}
	for _, d := range m.rooms {
		for r := b.byHash[d.hash]; r != nil; r = r.sameHash {
			if s := r.source(p); s != nil && s.atLocked() < d.g {
				s.missedLocked(d.g)
			}
		}
	}
	b.heardByLocked(p, m)
	p.beat, p.have = m.number, m.g
	if !p.live {
		b.reviveLocked(p)
	}
	b.askLocked(p, p.heard)
}

// missedAllLocked notes that any room may have had events up to g.
func (b *Bus) missedAllLocked(p *peer, g uint64) {
	for r := range b.listenedLocked() {
		if s := r.source(p); s != nil && s.atLocked() < g {
			s.missedLocked(g)
		}
	}
}

// heardByLocked learns from a beat how far its node hears this one.
func (b *Bus) heardByLocked(p *peer, m *beatMessage) {
	var me heardNode
	listed := false
	for _, h := range m.heard {
		if h.node == b.id {
			me, listed = h, true
		}
	}
	if listed && !p.hears && p.ask != nil {
		p.ask.repeat = minRepeat
		b.repeatLocked(p, time.Now()) // what was asked so far was in vain
	}
	p.hears = listed
	if me.asked < p.answered { // it has forgotten what it was asked
		b.stats.Forgotten++
		p.answered = 0
		b.askAgainLocked(p)
	}
	if p.lagging && me.beat >= p.lagBeat {
		p.lagging = false
		b.waitableLocked(p)
	}
}

// askAgainLocked has a peer asked for all rooms, after what is here.
func (b *Bus) askAgainLocked(p *peer) {
	for r := range b.listenedLocked() {
		if s := r.source(p); s != nil {
			s.last = s.atLocked()
			s.due = b.asks + 1
			s.wantLocked()
		}
	}
}
