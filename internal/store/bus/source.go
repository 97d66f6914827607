package bus

// source is what this node has of one peer's events in one room that is listened to
// here. It lives as long as the listening: who comes back to a room gets a new one.
type source struct {
	peer   *peer
	room   *room
	closed bool // nobody listens any more

	// known is set by the first answer; before, the peer may not know that this node
	// listens.
	known bool
	// All events up to last are here. If the source is complete, so are those up to
	// peer.have.
	last uint64
	// An event up to want is missing, if that is more than last.
	want uint64
	// due is the first ask that this source must be part of; 0: none.
	due uint64

	asked  bool // in some ask: the peer knows, or will know, that this node listens
	queued bool // in peer.queue
	inAsk  bool // in peer.ask
	waits  []*wait
}

// source returns where a peer's events in the room are, or nil if nobody listens.
func (r *room) source(p *peer) *source {
	if p.slot >= len(r.sources) {
		return nil
	}
	return r.sources[p.slot]
}

// complete reports whether this node has all it knows of.
func (s *source) complete() bool { return s.known && s.due == 0 && s.want <= s.last }

// atLocked returns the event up to which all are here.
func (s *source) atLocked() uint64 {
	if s.complete() {
		return max(s.last, s.peer.have)
	}
	return s.last
}

// nextLocked reports whether the event g, before which the room had prev, can be
// delivered now: all before it are here, and it is not.
func (s *source) nextLocked(g, prev uint64) bool {
	at := s.atLocked()
	return s.known && g > at && prev <= at
}

// missedLocked notes that an event of the source is missing, and has it asked for.
func (s *source) missedLocked(g uint64) {
	s.last = s.atLocked()
	if g > s.last {
		s.want = max(s.want, g)
	}
	if !s.complete() {
		s.wantLocked()
	}
}

// wantLocked makes a source part of the next ask. The caller sends that with askLocked.
func (s *source) wantLocked() {
	if s.queued || s.inAsk {
		return // if the answer does not bring everything, it is asked for again
	}
	s.queued = true
	s.peer.queue = append(s.peer.queue, s)
}

// lostLocked tells the room's listeners that events are missing for good.
func (b *Bus) lostLocked(r *room) {
	subs := r.subs
	if subs == nil {
		return
	}
	b.stats.Losses++
	for _, s := range *subs {
		b.enqueueLocked(delivery{call: s.lose})
	}
}
