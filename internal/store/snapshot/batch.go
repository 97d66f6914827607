package snapshot

import (
	"slices"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store"
)

// maxBatchBytes is how long the rooms of a batch are together, as they are stored.
const maxBatchBytes = 4 << 20

// batch collects new rooms of one world.
type batch struct {
	rooms []parley.Room
	bytes int
}

// takes reports whether a room can be added.
func (b *batch) takes(room parley.Room, size int) bool {
	return len(b.rooms) == 0 || len(b.rooms) < store.MaxBatchRooms && b.bytes+size <= maxBatchBytes &&
		b.rooms[0].ARN.World() == room.ARN.World()
}

func (b *batch) add(room parley.Room, size int) {
	b.rooms, b.bytes = append(b.rooms, room), b.bytes+size
}

// empty returns the rooms, and has none from then on.
func (b *batch) empty() []parley.Room {
	rooms := slices.Clip(b.rooms)
	b.rooms, b.bytes = nil, 0
	return rooms
}
