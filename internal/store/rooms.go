package store

import (
	"context"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store/record"
)

func newRooms(s *Store) *collection[parley.Room] {
	return newCollection(kind[parley.Room]{
		arnKind: parley.KindRoom, bucket: roomsBucket,
		encode: record.EncodeRoom, decode: record.DecodeRoom,
		place: func(r parley.Room) parley.Cursor {
			return parley.Cursor{UpdateTime: r.UpdateTime, ARN: r.ARN}
		},
		names: func(r parley.Room) []parley.ARN { return r.LoggingConfigurations },
	}, s)
}

// CreateRoom saves a new room. The error has code QuotaExceeded when the room's
// world has limit rooms already, where 0 is no limit, Conflict when the room
// exists, and NotFound when the room names a logging configuration that its world
// does not have. Rooms that other nodes create at the same moment are not counted:
// the limit may be exceeded by as many.
//
// Where several nodes write, here and in the other calls that change something, what
// loses its leader meanwhile is tried again, for 12 seconds at most. Then, and
// whenever it cannot be said what is stored, the error has code Unavailable, and the
// change may be made or not.
func (s *Store) CreateRoom(ctx context.Context, room parley.Room, limit int) error {
	return s.rooms.create(ctx, room, limit)
}

// Room returns a room as this node knows it, at once. The error has code NotFound
// when this node knows of none.
func (s *Store) Room(arn parley.ARN) (parley.Room, error) { return s.rooms.get(arn) }

// FindRoom returns a room as this node knows it. The error has code NotFound when
// there was no such room anywhere when FindRoom was called, and Unavailable when
// nobody can say so.
func (s *Store) FindRoom(ctx context.Context, arn parley.ARN) (parley.Room, error) {
	return s.rooms.find(ctx, arn)
}

// CurrentRoom returns a room as all nodes left it before the call. When nobody can say
// how that was within a second, it does what FindRoom does.
func (s *Store) CurrentRoom(ctx context.Context, arn parley.ARN) (parley.Room, error) {
	return s.rooms.current(ctx, arn)
}

// UpdateRoom replaces a room by what change makes of it, and returns that. The
// error has code NotFound when there is no such room, or when it would name a
// logging configuration that its world does not have; the error says which. When
// another node is faster, change is called again with the room as it is then. An
// error of change is returned as it is, and nothing is saved. change must not call
// the Store, and cannot change the ARN.
func (s *Store) UpdateRoom(ctx context.Context, arn parley.ARN,
	change func(parley.Room) (parley.Room, error)) (parley.Room, error) {
	return s.rooms.update(ctx, arn, change)
}

// DeleteRoom removes a room. The error has code NotFound when there is none.
func (s *Store) DeleteRoom(ctx context.Context, arn parley.ARN) error {
	return s.rooms.delete(ctx, arn)
}

// ListRooms returns the first limit rooms of w after a place that match, by
// descending UpdateTime, and whether there are more of them: as all nodes left them
// before the call or, when nobody can say how that was within a second, as this node
// knows them. match must be quick, must not wait for anything and must not call the
// Store.
func (s *Store) ListRooms(ctx context.Context, w parley.World, after parley.Cursor, limit int,
	match func(parley.Room) bool) (rooms []parley.Room, more bool) {
	return s.rooms.list(ctx, w, after, limit, match)
}

// KnownRooms is ListRooms as this node knows the rooms, at once.
func (s *Store) KnownRooms(w parley.World, after parley.Cursor, limit int,
	match func(parley.Room) bool) (rooms []parley.Room, more bool) {
	return s.rooms.copy.list(w, after, limit, match)
}

// CountRooms returns how many rooms of w this node knows.
func (s *Store) CountRooms(w parley.World) int { return s.rooms.copy.count(w) }
