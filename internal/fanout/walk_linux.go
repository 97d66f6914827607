package fanout

import "sync/atomic"

// walk is the sessions of one shard on one tape, and how far they have been
// written to in this round.
type walk struct {
	shard  *shard
	tape   *Tape
	queued atomic.Bool // it is in grown or rounds

	// What follows is owned by the shard.

	members []*Session
	next    int     // members from here on have their turn yet to come
	end     int64   // the tape's end when the round began
	begun   instant // when the shard heard that the tape had grown
}

// wake says that the tape has grown. The caller holds Tape.mu.
func (w *walk) wake() {
	if w.queued.Swap(true) {
		return // the shard has yet to come round
	}
	w.shard.mu.Lock()
	w.shard.grown = append(w.shard.grown, w)
	w.shard.rouseLocked()
	w.shard.mu.Unlock()
}

// enter adds a session to the walk of its tape.
func (sh *shard) enter(s *Session) {
	w := sh.walks[s.tape]
	if w == nil {
		w = &walk{shard: sh, tape: s.tape}
		sh.walks[s.tape] = w
		s.tape.mu.Lock()
		s.tape.walks = append(s.tape.walks, w)
		s.tape.mu.Unlock()
	}
	s.seat.walk, s.seat.slot = w, int32(len(w.members))
	w.members = append(w.members, s)
	if s.at.total < s.tape.end.Load() {
		w.wake() // the tape grew before there was a walk to wake
	}
}

// exit takes a session out of its walk. The members that have had their turn in
// this round stay in front of those that have not.
func (sh *shard) exit(s *Session) {
	w := s.seat.walk
	hole := int(s.seat.slot)
	if hole < w.next {
		w.next--
		hole = w.move(w.next, hole)
	}
	last := len(w.members) - 1
	w.move(last, hole)
	w.members[last] = nil
	w.members = w.members[:last]
	if last == 0 {
		delete(sh.walks, w.tape)
		w.tape.removeWalk(w)
	}
}

// move puts the member of one slot into another, and returns the slot it was in.
func (w *walk) move(from, to int) int {
	if from != to {
		w.members[to] = w.members[from]
		w.members[to].seat.slot = int32(to)
	}
	return from
}

// removeWalk ends the wakes of a walk that has no members any more.
func (t *Tape) removeWalk(w *walk) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, other := range t.walks {
		if other == w {
			t.walks = append(t.walks[:i], t.walks[i+1:]...)
			return
		}
	}
}

// restart ends a round. It reports whether the tape has grown since it began, so
// that there must be another.
func (w *walk) restart(now instant) bool {
	late := &w.shard.late
	late.Store(max(int64(w.shard.engine.now()-w.begun), late.Load()/2))
	w.queued.Store(false)
	if w.tape.end.Load() == w.end || w.queued.Swap(true) {
		return false
	}
	w.next, w.begun = 0, now
	return true
}
