package bus

// Stats counts what happened since Open, but for the last part, which is how it is now.
type Stats struct {
	Published uint64 // events of this node
	Sent      uint64 // of them, those that left it
	Refused   uint64 // how often events found the bus full
	Held      uint64 // own events whose delivery waited for other nodes
	Lags      uint64 // times that a node was too late with acknowledgements

	Received  uint64 // events of other nodes
	Doubles   uint64 // of them, those that were here already
	Recovered uint64 // events that were missed, and came again
	Gaps      uint64 // times that beats of a node were missed
	Forgotten uint64 // times that a node had forgotten this one
	Overflows uint64 // times that too much had arrived, and messages began to be dropped
	Losses    uint64 // rooms in which events are missing for good

	Asks      uint64 // for what was missed, and for the events of rooms
	Repeats   uint64 // asks said again
	Answers   uint64 // to asks of other nodes
	Resent    uint64 // events, with them
	Messages  uint64 // handed to the network
	Unsent    uint64 // messages that it did not take, or that were too many
	Malformed uint64 // messages that could not be understood
	Strangers uint64 // beats of nodes that were too many

	Waiting   int // own events and arrivals that are not delivered yet
	Holding   int // of them, own events that wait for other nodes
	Rooms     int // that are listened to here
	Live      int // nodes, with this one
	Kept      int // events in the ring
	KeptBytes int // that they take
}

// Stats returns how the bus is now.
func (b *Bus) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.stats
	s.Waiting = len(b.queue) + b.held + len(b.arrivals)
	s.Holding = b.held
	s.Rooms = b.listened
	s.Live = b.liveLocked()
	s.Kept, s.KeptBytes = b.ring.len(), b.ring.bytes
	return s
}

func (b *Bus) overflowed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stats.Overflows++
}
