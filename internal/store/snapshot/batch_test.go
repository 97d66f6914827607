package snapshot

import (
	"testing"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store"
)

func TestBatchLimits(t *testing.T) {
	var rooms []parley.Room
	world := parley.World{Region: "eu-west-1", Account: "123456789012"}
	for range store.MaxBatchRooms + 1 {
		rooms = append(rooms, parley.NewRoom(world, parley.RoomChange{}, nil, time.Now()))
	}
	var b batch
	for i, room := range rooms {
		if takes := b.takes(room, 1); takes != (i < store.MaxBatchRooms) {
			t.Errorf("a batch of %d takes another: %t", i, takes)
		}
		b.add(room, 1)
	}
	if got := len(b.empty()); got != len(rooms) || len(b.rooms) != 0 {
		t.Errorf("the batch had %d rooms, and has %d", got, len(b.rooms))
	}
	b.add(rooms[0], maxBatchBytes-1)
	if !b.takes(rooms[1], 1) || b.takes(rooms[1], 2) {
		t.Error("a batch does not end at its bytes")
	}
	elsewhere := rooms[1]
	elsewhere.ARN.Region = "eu-central-1"
	if b.takes(elsewhere, 1) {
		t.Error("a batch takes rooms of two worlds")
	}
}
