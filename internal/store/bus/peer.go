package bus

import (
	"cmp"
	"slices"
	"time"
)

const (
	// maxPeers is how many other nodes can be known at a time: one bit each.
	maxPeers = 64

	suspectAfter = 2 * time.Second  // without a beat
	forgetAfter  = 10 * time.Minute // the same
	// giveUpAfter is how long a silent peer may bring what is missing of it.
	giveUpAfter = suspectAfter + ringAge
	// maxStall bounds how long dispatch may be behind before silence counts that
	// may be its own fault.
	maxStall = 5 * time.Second
)

// peer is another node, from its first beat on. A node that starts again is another
// one. All is guarded by Bus.mu.
type peer struct {
	id      uint64
	name    string
	subject string
	slot    int
	bit     uint64

	live   bool      // false: suspect, nobody waits for it
	heard  time.Time // its last beat
	offset int64     // its clock minus ours, at most
	hears  bool      // its last beat says that it hears this node
	silent bool      // it was live, and is not any more
	gaveUp bool      // what is missing of it was declared lost
	beat   uint64    // its last beat; 0: none was taken yet
	have   uint64    // up to here, all its events that concern this node are here or asked for
	acks   []uint64  // its events to acknowledge

	// What this node asks it.
	queue    []*source           // what to ask for next
	leaves   map[string]struct{} // rooms that it shall be told are left
	reset    bool                // it shall forget all that was asked
	answered uint64              // the last that was answered
	ask      *ask                // the one without an answer yet
	askedAt  time.Time           // when one was last sent
	slow     bool                // it has not answered for slowAfter

	// What it asks this node.
	asked     uint64 // its last ask
	answerOut uint64 // the answer has left when so many messages have
	interests int    // rooms that it listens to
	all       bool   // it listens to more rooms than can be remembered: gets everything

	warned time.Time // when something was last logged of it

	lagging bool   // late with acknowledgements: not waited for
	lagBeat uint64 // until it has heard this beat
}

// addPeerLocked makes a node known that is heard for the first time, or returns nil
// when there are too many.
func (b *Bus) addPeerLocked(id uint64, name string) *peer {
	slot := slices.Index(b.slots[:], nil)
	if slot < 0 {
		if slot = b.oldestSuspectLocked(); slot < 0 {
			b.stats.Strangers++
			return nil
		}
		b.removePeerLocked(b.slots[slot])
	}
	p := &peer{id: id, name: name, subject: b.nodeSubject(id), slot: slot, bit: 1 << slot,
		leaves: map[string]struct{}{}, reset: true} // of what it may know from before
	b.peers[id], b.slots[slot] = p, p
	for r := range b.listenedLocked() {
		p.askForLocked(r)
	}
	b.log.Info("the bus hears a node", "node", name)
	return p
}

// oldestSuspectLocked returns the slot of a peer that can make room for another, or -1. It
// has been silent for so long that it cannot send again what is here already.
func (b *Bus) oldestSuspectLocked() int {
	oldest := -1
	for i, p := range b.slots {
		if p.gaveUp && (oldest < 0 || p.heard.Before(b.slots[oldest].heard)) {
			oldest = i
		}
	}
	return oldest
}

// removePeerLocked forgets a node. What is missing of it is lost.
func (b *Bus) removePeerLocked(p *peer) {
	b.suspectLocked(p)
	b.giveUpLocked(p)
	delete(b.peers, p.id)
	b.slots[p.slot] = nil
	b.clearInterestLocked(p)
	for r := range b.listenedLocked() {
		if p.slot < len(r.sources) {
			r.sources[p.slot] = nil
		}
	}
}

// removeEarlierLocked forgets what a node that has left was before, when it was killed and
// started again: nobody needs to wait for that.
func (b *Bus) removeEarlierLocked(name string) {
	for _, p := range b.slots {
		if p != nil && !p.live && p.name == name {
			b.removePeerLocked(p)
		}
	}
}

// suspectLocked stops waiting for a peer that is not heard any more.
func (b *Bus) suspectLocked(p *peer) {
	if !p.live {
		return
	}
	p.live, p.silent = false, true
	b.waitableLocked(p)
	b.unwaitLocked(p.bit, b.holds...)
	b.releaseWaitsLocked(p)
	if x := b.exchange.Load(); x != nil {
		b.enqueueLocked(delivery{call: func() { x.gone(p.id) }})
	}
}

// reviveLocked counts a peer among the live ones. For one that was silent, events wait
// only when it has shown that it hears this node, too.
func (b *Bus) reviveLocked(p *peer) {
	if p.silent {
		p.lagging, p.lagBeat = true, b.beat+1
		b.log.Info("a node is heard again", "node", p.name)
	}
	p.live, p.silent, p.gaveUp = true, false, false
	b.waitableLocked(p)
	b.beatSoonLocked()
	if p.ask != nil {
		b.repeatLocked(p, time.Now())
	}
}

// waitableLocked keeps the sets of peers in step with what is known of one.
func (b *Bus) waitableLocked(p *peer) {
	b.live &^= p.bit
	b.waitable &^= p.bit
	if p.live {
		b.live |= p.bit
		if !p.lagging && !p.all {
			b.waitable |= p.bit
		}
	}
}

// giveUpLocked declares lost what is missing of a peer that may never bring it.
func (b *Bus) giveUpLocked(p *peer) {
	p.gaveUp = true
	for r := range b.listenedLocked() {
		s := r.source(p)
		if s == nil || s.want <= s.last {
			continue
		}
		b.lostLocked(r)
		s.last = s.want
	}
}

// handledLocked returns up to when what arrived has been handled. While dispatch is
// behind, that others are silent may be its own fault.
func (b *Bus) handledLocked(now time.Time) time.Time {
	busy := b.busy.Load()
	if busy == 0 {
		return now
	}
	since := b.started.Add(time.Duration(busy))
	if now.Sub(since) > maxStall {
		return now.Add(-maxStall)
	}
	return since
}

// watchPeersLocked finds those that fell silent.
func (b *Bus) watchPeersLocked(now time.Time) {
	upTo := b.handledLocked(now)
	for _, p := range b.slots {
		switch {
		case p == nil:
		case p.live && upTo.Sub(p.heard) > suspectAfter:
			b.log.Warn("a node is not heard any more", "node", p.name)
			b.suspectLocked(p)
		case !p.live && now.Sub(p.heard) > forgetAfter:
			b.removePeerLocked(p)
		case !p.live && !p.gaveUp && now.Sub(p.heard) > giveUpAfter:
			b.giveUpLocked(p)
		}
	}
}

// warnLocked logs a complaint of a peer, now and then.
func (b *Bus) warnLocked(p *peer, what string) {
	if now := time.Now(); now.Sub(p.warned) > logEvery {
		p.warned = now
		b.log.Warn(what, "node", p.name)
	}
}

// Exchange has report's bytes sent with every beat of this node, if there are some, and
// calls heard with those of other nodes. gone tells that a node is not heard any more;
// if it comes back, heard is called again.
func (b *Bus) Exchange(
	report func() []byte, heard func(node uint64, report []byte), gone func(node uint64),
) {
	b.exchange.Store(&exchange{report, heard, gone})
}

// Node is a node of the bus.
type Node struct {
	ID      uint64
	Name    string
	Self    bool
	Live    bool
	Lagging bool      // it is late with acknowledgements: events do not wait for it
	Heard   time.Time // its last beat
	Missing int       // rooms for which events of it are asked for
	Rooms   int       // that it listens to and this node knows of
}

// Nodes returns this node and all others that are known, in the order of their ids.
func (b *Bus) Nodes() []Node {
	b.mu.Lock()
	defer b.mu.Unlock()
	nodes := []Node{{ID: b.id, Name: b.cfg.Node, Self: true, Live: true,
		Heard: time.Now(), Rooms: b.listened}}
	for _, p := range b.slots {
		if p == nil {
			continue
		}
		n := Node{ID: p.id, Name: p.name, Live: p.live, Lagging: p.lagging,
			Heard: p.heard, Missing: len(p.queue), Rooms: p.interests}
		if p.ask != nil {
			n.Missing += len(p.ask.sources)
		}
		nodes = append(nodes, n)
	}
	slices.SortFunc(nodes, func(a, b Node) int { return cmp.Compare(a.ID, b.ID) })
	return nodes
}
