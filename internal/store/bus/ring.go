package bus

const (
	// entryBytes is about what an event in the ring takes besides its bytes.
	entryBytes = 128
	firstRing  = 256 // entries
)

// entry is an event of this node, in the ring.
type entry struct {
	room    *room
	prev    uint64 // the event before in the room, which may have left the ring
	time    int64  // when it was published, on this node's clock
	data    []byte // the message
	body    int    // where the event begins in data
	waits   uint64 // the slots of peers that have not acknowledged it, while it is held
	confirm chan struct{}
}

func (e *entry) event() []byte { return e.data[e.body:] }

// confirmation returns a channel that is closed when the event is not held any more.
func (e *entry) confirmation() chan struct{} {
	if e.confirm == nil {
		e.confirm = make(chan struct{})
	}
	return e.confirm
}

// ring holds this node's last events, by their numbers, which have no gaps.
type ring struct {
	entries []entry // a circle; its length is a power of two
	first   uint64  // the number of the oldest event; that of the next if there is none
	next    uint64  // the number of the next event
	bytes   int
}

// at returns an event, or nil when it is not in the ring.
func (r *ring) at(g uint64) *entry {
	if g < r.first || g >= r.next {
		return nil
	}
	return &r.entries[g&uint64(len(r.entries)-1)]
}

func (r *ring) push(e entry) {
	if r.next-r.first == uint64(len(r.entries)) {
		r.grow()
	}
	r.entries[r.next&uint64(len(r.entries)-1)] = e
	r.next++
	r.bytes += len(e.data) + entryBytes
}

func (r *ring) grow() {
	old := *r
	r.entries = make([]entry, max(firstRing, 2*len(old.entries)))
	for g := old.first; g < old.next; g++ {
		r.entries[g&uint64(len(r.entries)-1)] = *old.at(g)
	}
}

// pop takes the oldest event out.
func (r *ring) pop() {
	e := r.at(r.first)
	r.bytes -= len(e.data) + entryBytes
	*e = entry{}
	r.first++
}

func (r *ring) len() int { return int(r.next - r.first) }
