package bus

import (
	"iter"
	"math"
	"time"
)

const (
	// ringAge is how long the ring keeps this node's events.
	ringAge = 60 * time.Second
	// historyAge is how long a room's last event is remembered once it left the ring. Of
	// an older one it is not known any more in which room it was, only that it was
	// before floor.
	historyAge = 10 * time.Minute

	never = math.MinInt64 // before all times on a node's clock
)

// room is what a node knows of a room: who listens here, who elsewhere, and what this
// node published in it. It exists while one of these is so.
type room struct {
	key      string
	subject  string
	hash     uint64
	sameHash *room // the next one in Bus.byHash

	subs    *[]*subscription // replaced, never changed; nil: nobody listens here
	sources []*source        // while there are subs: one for each peer, by slot
	opened  time.Time        // when it got its first subscription

	interest uint64 // slots of the peers that listen
	touched  bool   // it is in Bus.touched

	last      uint64   // this node's last event here; 0: none is remembered
	evicted   uint64   // the last that left the ring, or floor
	evictedAt int64    // when that was published
	held      []uint64 // own events that wait for other nodes, and those behind them
}

// roomLocked returns a room, which it makes if there is none.
func (b *Bus) roomLocked(key string) *room {
	r := b.rooms[key]
	if r == nil {
		r = &room{key: key, evictedAt: never}
		if b.net != nil {
			r.subject, r.hash = b.roomPrefix()+key, hashKey(key)
		}
		b.rooms[key] = r
	}
	return r
}

// dropLocked forgets a room of which there is nothing to know.
func (b *Bus) dropLocked(r *room) {
	if r.interest == 0 && r.last == 0 && r.subs == nil {
		delete(b.rooms, r.key)
	}
}

// listenedLocked goes through the rooms that are listened to here.
func (b *Bus) listenedLocked() iter.Seq[*room] {
	return func(yield func(*room) bool) {
		for _, r := range b.rooms {
			if r.subs != nil && !yield(r) {
				return
			}
		}
	}
}

// recordLocked gives an event its number and puts it into the ring.
func (b *Bus) recordLocked(r *room, event []byte, waits uint64) (g uint64, e *entry) {
	g = b.ring.next
	if r.last == 0 {
		r.last, r.evicted, r.evictedAt = b.floor, b.floor, b.floorAt
	}
	data, body := encodeEvent(b.id, eventMessage{
		waiting: waits != 0, g: g, prev: r.last, event: event,
	})
	b.ring.push(entry{
		room: r, prev: r.last, time: b.now(), data: data, body: body, waits: waits,
	})
	r.last = g
	b.trimLocked(b.now())
	return g, b.ring.at(g)
}

// trimLocked takes out of the ring what is too old or too much, and out of the rooms'
// histories what is too old.
func (b *Bus) trimLocked(now int64) {
	for b.ring.len() > 0 {
		full := b.ring.bytes > b.limits.ringBytes && b.ring.len() > 1
		if !full && now-b.ring.at(b.ring.first).time < int64(ringAge) {
			break
		}
		b.evictLocked()
	}
	for len(b.history) > 0 {
		h := b.history[0]
		if len(b.history) <= b.limits.history && now-h.time < int64(ringAge+historyAge) {
			break
		}
		b.history = b.history[1:]
		b.forgetLocked(h)
	}
}

// evictLocked takes the oldest event out of the ring.
func (b *Bus) evictLocked() {
	g := b.ring.first
	e := b.ring.at(g)
	if e.waits != 0 {
		e.waits = 0
		b.releaseLocked(e.room)
	}
	r := e.room
	r.evicted, r.evictedAt = g, e.time
	if r.last == g {
		b.history = append(b.history, past{r, g, e.time})
	}
	b.ring.pop()
}

// past is a room's last event, after it left the ring.
type past struct {
	room *room
	g    uint64
	time int64
}

// forgetLocked forgets a room's last event, unless there were others since.
func (b *Bus) forgetLocked(h past) {
	if h.room.last != h.g {
		return
	}
	h.room.last = 0
	if h.g > b.floor {
		b.floor, b.floorAt = h.g, h.time
	}
	b.dropLocked(h.room)
}
