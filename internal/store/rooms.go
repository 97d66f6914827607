package store

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-chat/parley"
)

// maxAttempts is how often a change of a room is tried when others, on other
// nodes, change it at the same time.
const maxAttempts = 10

// CreateRoom saves a new room. The error has code QuotaExceeded when the room's
// world has limit rooms already, where 0 is no limit, and Conflict when the room
// exists. Rooms that other nodes create at the same moment are not counted.
func (s *Store) CreateRoom(ctx context.Context, room parley.Room, limit int) error {
	key, err := roomKey(room.ARN)
	if err != nil {
		return err
	}
	value, err := encodeRoom(room)
	if err != nil {
		return err
	}
	if err := s.copy.reserve(room.ARN, limit); err != nil {
		return err
	}
	defer s.copy.release(room.ARN)
	var revision uint64
	err = s.write(ctx, func(ctx context.Context) (err error) {
		revision, err = s.rooms.Create(ctx, key, value)
		return err
	})
	if exists(err) {
		return &parley.Error{Code: parley.Conflict, Message: "The room exists already.",
			Resource: room.ARN.Resource(), Err: err}
	}
	if err != nil {
		return err
	}
	_, err = s.take(room.ARN, value, revision)
	return err
}

// Room returns a room as this node knows it. The error has code NotFound when
// there is none.
func (s *Store) Room(arn parley.ARN) (parley.Room, error) {
	r, err := s.copy.get(arn)
	if err != nil {
		return parley.Room{}, err
	}
	return r.Room, nil
}

// UpdateRoom replaces a room by what change makes of it, and returns that. When
// another node is faster, change is called again with the room as it is then. An
// error of change is returned as it is, and nothing is saved. change must not call
// the Store, and cannot change the ARN.
func (s *Store) UpdateRoom(ctx context.Context, arn parley.ARN,
	change func(parley.Room) (parley.Room, error)) (parley.Room, error) {
	var updated parley.Room
	err := s.replace(ctx, arn, func(key string, have *storedRoom) error {
		room, err := change(have.Room)
		if err != nil {
			return err
		}
		value, err := encodeRoom(room)
		if err != nil {
			return err
		}
		var revision uint64
		err = s.write(ctx, func(ctx context.Context) (err error) {
			revision, err = s.rooms.Update(ctx, key, value, have.revision)
			return err
		})
		if err != nil {
			return err
		}
		updated, err = s.take(arn, value, revision)
		return err
	})
	return updated, err
}

// DeleteRoom removes a room. The error has code NotFound when there is none.
func (s *Store) DeleteRoom(ctx context.Context, arn parley.ARN) error {
	return s.replace(ctx, arn, func(key string, have *storedRoom) error {
		err := s.write(ctx, func(ctx context.Context) error {
			return s.rooms.Purge(ctx, key, jetstream.LastRevision(have.revision),
				jetstream.PurgeTTL(markerLife))
		})
		if err == nil {
			s.copy.remove(arn, have.revision)
		}
		return err
	})
}

// replace runs do, which writes over the revision of the room that it is given,
// until that was the newest one.
func (s *Store) replace(ctx context.Context, arn parley.ARN,
	do func(key string, have *storedRoom) error) error {
	key, err := roomKey(arn)
	if err != nil {
		return err
	}
	done, err := s.turns.take(ctx, arn)
	if err != nil {
		return err
	}
	defer done()
	for range maxAttempts {
		have, err := s.copy.get(arn)
		if err != nil {
			return err
		}
		if err = do(key, have); !changed(err) {
			return err
		}
		if err := s.refresh(ctx, key, have); err != nil {
			return err
		}
	}
	return unavailable(fmt.Errorf("the room was changed by others %d times in a row", maxAttempts))
}

// refresh brings the copy of a room up to date without waiting for the watch.
func (s *Store) refresh(ctx context.Context, key string, have *storedRoom) error {
	entry, err := s.rooms.Get(ctx, key)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		s.copy.remove(have.ARN, have.revision)
		return nil
	case err != nil:
		return unavailable(err)
	}
	_, err = s.take(have.ARN, entry.Value(), entry.Revision())
	return err
}

// take puts a room into the copy as it is stored, so that nobody else holds its
// maps and slices, and what this node sees is what all nodes see.
func (s *Store) take(arn parley.ARN, value []byte, revision uint64) (parley.Room, error) {
	room, err := decodeRoom(arn, value)
	if err != nil {
		return parley.Room{}, err
	}
	s.copy.put(&storedRoom{Room: room, revision: revision})
	return room, nil
}

// ListRooms returns the first limit rooms of w after a place that match, by
// descending UpdateTime, and whether there are more of them. match must be quick,
// must not wait for anything and must not call the Store.
func (s *Store) ListRooms(w parley.World, after parley.RoomCursor, limit int,
	match func(parley.Room) bool) (rooms []parley.Room, more bool) {
	return s.copy.list(w, after, limit, match)
}

// turns lets one caller at a time change a room, so that the callers on one node
// wait for each other instead of making each other try again.
type turns struct {
	seed maphash.Seed
	// taken holds a value for each turn that is taken. Rooms share turns by hash.
	taken [64]chan struct{} // capacity 1
}

func newTurns() turns {
	t := turns{seed: maphash.MakeSeed()}
	for i := range t.taken {
		t.taken[i] = make(chan struct{}, 1)
	}
	return t
}

// take waits for the room's turn. The caller calls done at its end.
func (t *turns) take(ctx context.Context, arn parley.ARN) (done func(), err error) {
	turn := t.taken[maphash.Comparable(t.seed, arn)%uint64(len(t.taken))]
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, unavailable(ctx.Err())
	}
}
