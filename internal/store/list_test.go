package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)

// createAt creates rooms with the given ids and nanoseconds of update.
func createAt(t testing.TB, s *store.Store, nanos map[string]int) {
	t.Helper()
	for id, n := range nanos {
		room := parley.NewRoom(world, parley.RoomChange{}, nil, epoch.Add(time.Duration(n)))
		room.ARN.ID = id
		if err := s.CreateRoom(t.Context(), room, 0); err != nil {
			t.Fatalf("CreateRoom(%s) = %v, want nil", room.ARN, err)
		}
	}
}

func ids(rooms []parley.Room) []string {
	var ids []string
	for _, r := range rooms {
		ids = append(ids, r.ARN.ID)
	}
	return ids
}

func cursor(r parley.Room) parley.RoomCursor {
	return parley.RoomCursor{UpdateTime: r.UpdateTime, ARN: r.ARN}
}

// pages returns the ids of all rooms, read in pages.
func pages(t *testing.T, s *store.Store, size int, match func(parley.Room) bool,
	between func(page int)) []string {
	t.Helper()
	var all []string
	var after parley.RoomCursor
	for page := 0; ; page++ {
		rooms, more := s.ListRooms(world, after, size, match)
		all = append(all, ids(rooms)...)
		if !more {
			return all
		}
		if len(rooms) != size {
			t.Fatalf("page %d has %d rooms and there are more, want %d", page, len(rooms), size)
		}
		after = cursor(rooms[size-1])
		between(page)
	}
}

func TestListRoomsInOrder(t *testing.T) {
	want := []string{"e", "b", "c", "d", "f", "a"}
	inBothModes(t, func(t *testing.T, s *store.Store) {
		createAt(t, s, map[string]int{"a": 1, "b": 3, "c": 3, "d": 3, "e": 4, "f": 2})
		other := parley.NewRoom(parley.World{Region: "us-east-1", Account: world.Account},
			parley.RoomChange{}, nil, epoch)
		if err := s.CreateRoom(t.Context(), other, 0); err != nil {
			t.Fatal(err)
		}
		for size := 1; size <= len(want)+1; size++ {
			got := pages(t, s, size, all, func(int) {})
			if !slices.Equal(got, want) {
				t.Errorf("pages of %d: %v, want %v", size, got, want)
			}
		}
		got := pages(t, s, 1, func(r parley.Room) bool { return r.ARN.ID < "d" }, func(int) {})
		if want := []string{"b", "c", "a"}; !slices.Equal(got, want) {
			t.Errorf("filtered pages: %v, want %v", got, want)
		}
		rooms, more := s.ListRooms(parley.World{}, parley.RoomCursor{}, 10, all)
		if len(rooms) > 0 || more {
			t.Errorf("ListRooms() of an unknown world = %v, %v; want none", ids(rooms), more)
		}
	})
}

func TestUpdateMovesRoomInList(t *testing.T) {
	inBothModes(t, func(t *testing.T, s *store.Store) {
		createAt(t, s, map[string]int{"a": 1, "b": 2, "c": 3})
		a := parley.ARN{Region: world.Region, Account: world.Account, Kind: parley.KindRoom, ID: "a"}
		if _, err := s.UpdateRoom(t.Context(), a, addTag("x")); err != nil {
			t.Fatal(err)
		}
		if got := pages(t, s, 2, all, func(int) {}); !slices.Equal(got, []string{"c", "b", "a"}) {
			t.Errorf("after a change of tags: %v, want [c b a]", got)
		}
		update(t, s, a, parley.RoomChange{Name: ptr("x")})
		if got := pages(t, s, 2, all, func(int) {}); !slices.Equal(got, []string{"a", "c", "b"}) {
			t.Errorf("after a change of the name: %v, want [a c b]", got)
		}
	})
}

func TestPagesWhileRoomsChange(t *testing.T) {
	inBothModes(t, func(t *testing.T, s *store.Store) {
		var stay []string
		var moved, gone []parley.Room
		for i := range 60 {
			room := create(t, s, parley.RoomChange{})
			switch i % 3 {
			case 0:
				moved = append(moved, room)
			case 1:
				gone = append(gone, room)
			default:
				stay = append(stay, room.ARN.ID)
			}
		}
		got := pages(t, s, 5, all, func(page int) {
			create(t, s, parley.RoomChange{})
			update(t, s, moved[page%len(moved)].ARN, parley.RoomChange{})
			if page < len(gone) {
				if err := s.DeleteRoom(t.Context(), gone[page].ARN); err != nil {
					t.Fatal(err)
				}
			}
		})
		counts := map[string]int{}
		for _, id := range got {
			counts[id]++
		}
		for _, id := range stay {
			if counts[id] != 1 {
				t.Errorf("room %s, which did not change, was listed %d times, want once", id, counts[id])
			}
		}
		for id, n := range counts {
			if n > 1 {
				t.Errorf("room %s was listed %d times", id, n)
			}
		}
	})
}
