package store

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
)

// roomsNaming returns rooms that name configurations.
func roomsNaming(n int, named ...parley.ARN) []parley.Room {
	var rooms []parley.Room
	for range n {
		rooms = append(rooms, parley.NewRoom(world, naming(named...), nil, time.Now()))
	}
	return rooms
}

// inBatches runs a test with a single node, and with one of three. Both take batches.
func inBatches(t *testing.T, test func(t *testing.T, s *Store)) {
	allowed := func(t *testing.T, s *Store) {
		if err := s.AllowBatches(t.Context()); err != nil {
			t.Fatalf("AllowBatches: %v", err)
		}
		test(t, s)
	}
	t.Run("single", func(t *testing.T) {
		s, _ := openInMemory(t)
		allowed(t, s)
	})
	t.Run("three nodes", func(t *testing.T) { allowed(t, StartServers(t).OpenAll("batches")[0]) })
}

func TestBatches(t *testing.T) {
	inBatches(t, func(t *testing.T, s *Store) {
		t.Run("revisions are right", func(t *testing.T) { batchRevisions(t, s) })
		t.Run("all or none", func(t *testing.T) { batchWithOneThatExists(t, s) })
		t.Run("of unknown configurations", func(t *testing.T) { batchNamingNothing(t, s) })
	})
}

// batchRevisions saves a batch while others write, and compares the copy with the
// bucket.
func batchRevisions(t *testing.T, s *Store) {
	l := createConfiguration(t, s)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			room := parley.NewRoom(world, parley.RoomChange{}, nil, time.Now())
			if err := s.CreateRoom(t.Context(), room, 0); err != nil {
				t.Errorf("CreateRoom meanwhile: %v", err)
				return
			}
		}
	}()
	defer func() { close(stop); <-stopped }()
	for _, n := range []int{1, 2, MaxBatchRooms} {
		rooms := roomsNaming(n, l.ARN)
		if err := s.CreateRooms(t.Context(), rooms); err != nil {
			t.Fatalf("%d rooms: %v", n, err)
		}
		for _, room := range rooms {
			key, err := resourceKey(parley.KindRoom, room.ARN)
			if err != nil {
				t.Fatal(err)
			}
			there, err := s.rooms.leader.Last(t.Context(), key)
			have := s.rooms.copy.get(room.ARN)
			if err != nil || have == nil || there.Revision != have.revision {
				t.Fatalf("a room of a batch of %d has revision %d, %v; the copy has %+v",
					n, there.Revision, err, have)
			}
			if diff := cmp.Diff(room, have.resource); diff != "" {
				t.Fatalf("a room of a batch (-want +got):\n%s", diff)
			}
		}
	}
}

func batchWithOneThatExists(t *testing.T, s *Store) {
	there, _ := createRoom(t, s)
	rooms := append(roomsNaming(10), there)
	if err := s.CreateRooms(t.Context(), rooms); !errors.Is(err, ErrNoBatch) {
		t.Fatalf("a batch with a room that exists: %v", err)
	}
	for _, room := range rooms[:10] {
		if _, err := s.FindRoom(t.Context(), room.ARN); parley.CodeOf(err) != parley.NotFound {
			t.Errorf("a room of a refused batch: %v", err)
		}
	}
}

func batchNamingNothing(t *testing.T, s *Store) {
	there := createConfiguration(t, s)
	gone := createConfiguration(t, s)
	if err := s.DeleteLoggingConfiguration(t.Context(), gone.ARN); err != nil {
		t.Fatal(err)
	}
	rooms := append(roomsNaming(5, there.ARN), roomsNaming(5, there.ARN, gone.ARN)...)
	if err := s.CreateRooms(t.Context(), rooms); !errors.Is(err, ErrNoBatch) {
		t.Errorf("a batch with rooms that name what is gone: %v", err)
	}
	for _, room := range rooms {
		if _, err := s.FindRoom(t.Context(), room.ARN); parley.CodeOf(err) != parley.NotFound {
			t.Errorf("a room of a refused batch: %v", err)
		}
	}
}

// TestBatchIsUndoneWhenItsConfigurationGoes deletes a configuration between the look
// for it and the save.
func TestBatchIsUndoneWhenItsConfigurationGoes(t *testing.T) {
	nodes := StartServers(t).OpenAll("undone")
	s := nodes[0]
	if err := s.AllowBatches(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept, gone := createConfiguration(t, s), createConfiguration(t, s)
	rooms := append(roomsNaming(3, kept.ARN), roomsNaming(3, kept.ARN, gone.ARN)...)
	a := &announcements{rooms: s.rooms, configurations: s.configurations, log: s.log}
	err := a.saveRooms(t.Context(), rooms, []parley.ARN{kept.ARN, gone.ARN}, func() (uint64, error) {
		if err := nodes[1].DeleteLoggingConfiguration(t.Context(), gone.ARN); err != nil {
			t.Errorf("DeleteLoggingConfiguration: %v", err)
		}
		return s.rooms.commit(t.Context(), rooms)
	})
	if parley.CodeOf(err) != parley.NotFound {
		t.Errorf("a batch whose configuration was deleted: %v, want not found", err)
	}
	for i, room := range rooms {
		_, err := nodes[2].FindRoom(t.Context(), room.ARN)
		if kept := i < 3; (err == nil) != kept {
			t.Errorf("room %d of the batch: %v, want it kept %t", i, err, kept)
		}
	}
}
