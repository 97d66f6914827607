package load

// maxHoles is how many holes are remembered of one sender's messages at one
// receiver. A message that comes late into an older hole counts as lost and as a
// duplicate.
const maxHoles = 64

// arrivals checks which messages of one sender one receiver gets: it finds those
// that are lost, come twice, or come in another order. The common case, the next
// message in order, costs one comparison.
type arrivals struct {
	next  uint32
	holes *holes // nil as long as nothing was out of order
}

// holes are the messages before arrivals.next that did not come.
type holes struct {
	ranges    []span // disjoint, in order
	forgotten int    // messages in holes that are no longer remembered
}

// span is from ≤ seq < to.
type span struct{ from, to uint32 }

// arrival says what a message was for a receiver.
type arrival int

const (
	inOrder   arrival = iota // the next one, or a later one
	late                     // one that was missing until now
	duplicate                // one that was there already
)

// add counts a message.
func (a *arrivals) add(seq uint32) arrival {
	if seq == a.next {
		a.next++
		return inOrder
	}
	if seq > a.next {
		a.skip(span{a.next, seq})
		a.next = seq + 1
		return inOrder
	}
	if a.holes != nil && a.holes.fill(seq) {
		return late
	}
	return duplicate
}

func (a *arrivals) skip(s span) {
	if a.holes == nil {
		a.holes = &holes{}
	}
	h := a.holes
	if len(h.ranges) >= maxHoles {
		h.forgotten += int(h.ranges[0].to - h.ranges[0].from)
		h.ranges = h.ranges[:copy(h.ranges, h.ranges[1:])]
	}
	h.ranges = append(h.ranges, s)
}

// fill takes a message out of the hole that it is in, and reports whether there is
// one.
func (h *holes) fill(seq uint32) bool {
	for i, r := range h.ranges {
		if seq < r.from || seq >= r.to {
			continue
		}
		// What is left of the hole is before the message, after it, or both.
		rest := append([]span{}, h.ranges[:i]...)
		for _, part := range []span{{r.from, seq}, {seq + 1, r.to}} {
			if part.from < part.to {
				rest = append(rest, part)
			}
		}
		h.ranges = append(rest, h.ranges[i+1:]...)
		return true
	}
	return false
}

// missing returns how many of the first sent messages did not come.
func (a *arrivals) missing(sent int) int {
	n := max(sent-int(a.next), 0)
	if a.holes != nil {
		n += a.holes.forgotten
		for _, r := range a.holes.ranges {
			n += int(r.to - r.from)
		}
	}
	return n
}
