package hub

import (
	"cmp"
	"slices"
	"time"

	"github.com/parley-chat/parley"
)

// traffic counts what a room's sessions on this node get.
type traffic struct {
	frames, deliveries int64 // since the room was opened
	minute             int64 // of the last frame, since 1970
	here, before       int64 // deliveries in that minute, and in the one before
}

// add counts a frame that a number of sessions get.
func (t *traffic) add(now time.Time, receivers int) {
	t.turn(now)
	t.frames++
	t.deliveries += int64(receivers)
	t.here += int64(receivers)
}

// turn begins a new minute when it is time for one.
func (t *traffic) turn(now time.Time) {
	minute := now.Unix() / 60
	switch {
	case minute <= t.minute: // a clock that was set back starts no new minute
		return
	case minute == t.minute+1:
		t.before = t.here
	default:
		t.before = 0
	}
	t.minute, t.here = minute, 0
}

// RoomTraffic is what a room has on this node, and what its sessions get. Counts are
// since its first session came.
type RoomTraffic struct {
	Room       parley.ARN
	Sessions   int
	Frames     int64 // messages and events
	Deliveries int64 // of frames to sessions
	LastMinute int64 // deliveries in the last full minute
}

// TopRooms returns the n rooms with the most deliveries in the last full minute. Of
// those with as many, it takes the ones with the most sessions.
func (h *Hub) TopRooms(n int) []RoomTraffic {
	all := h.traffic(time.Now())
	slices.SortFunc(all, func(a, b RoomTraffic) int {
		return cmp.Or(cmp.Compare(b.LastMinute, a.LastMinute), cmp.Compare(b.Sessions, a.Sessions),
			cmp.Compare(a.Room.String(), b.Room.String()))
	})
	return all[:min(n, len(all))]
}

// RoomTraffic returns what a room has on this node, which is nothing when it has no
// session here.
func (h *Hub) RoomTraffic(arn parley.ARN) RoomTraffic {
	h.mu.Lock()
	r := h.rooms[arn]
	found := RoomTraffic{Room: arn}
	if r != nil {
		found.Sessions = r.members
	}
	h.mu.Unlock()
	if r != nil {
		r.readTraffic(time.Now(), &found)
	}
	return found
}

// readTraffic adds what the room's sessions got.
func (r *room) readTraffic(now time.Time, to *RoomTraffic) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.traffic.turn(now)
	to.Frames, to.Deliveries = r.traffic.frames, r.traffic.deliveries
	to.LastMinute = r.traffic.before
}

// traffic returns that of all rooms.
func (h *Hub) traffic(now time.Time) []RoomTraffic {
	h.mu.Lock()
	all := make([]RoomTraffic, 0, len(h.rooms))
	rooms := make([]*room, 0, len(h.rooms))
	for arn, r := range h.rooms {
		all = append(all, RoomTraffic{Room: arn, Sessions: r.members})
		rooms = append(rooms, r)
	}
	h.mu.Unlock()
	for i, r := range rooms {
		r.readTraffic(now, &all[i])
	}
	return all
}

// Pending returns how many requests are on their way: under review, in line, or on the
// bus.
func (h *Hub) Pending() int { return int(h.pending.Load()) }
