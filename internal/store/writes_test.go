package store

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-chat/parley"
)

// once is a bucket whose first write goes to another one.
type once struct {
	jetstream.KeyValue
	first jetstream.KeyValue
	used  *atomic.Bool
	then  func() // after the first write
}

func (o once) bucket() jetstream.KeyValue {
	if o.used.Swap(true) {
		return o.KeyValue
	}
	return o.first
}

func (o once) Create(ctx context.Context, key string, value []byte,
	opts ...jetstream.KVCreateOpt) (uint64, error) {
	defer o.then()
	return o.bucket().Create(ctx, key, value, opts...)
}

func (o once) Update(ctx context.Context, key string, value []byte, last uint64) (uint64, error) {
	defer o.then()
	return o.bucket().Update(ctx, key, value, last)
}

func (o once) Purge(ctx context.Context, key string, opts ...jetstream.KVDeleteOpt) error {
	defer o.then()
	return o.bucket().Purge(ctx, key, opts...)
}

// firstWriteTo has the first write of a node's rooms go to a bucket until the test ends.
func firstWriteTo(t *testing.T, s *Store, first jetstream.KeyValue, then func()) {
	was := s.rooms.kv
	s.rooms.kv = once{was, first, new(atomic.Bool), then}
	t.Cleanup(func() { s.rooms.kv = was })
}

func testOwnWriteIsRecognised(t *testing.T, nodes []*Store) {
	testFirstWrite(t, nodes, func(kv jetstream.KeyValue) jetstream.KeyValue { return mute{kv} })
}

func testLostWriteIsMadeAgain(t *testing.T, nodes []*Store) {
	testFirstWrite(t, nodes, func(kv jetstream.KeyValue) jetstream.KeyValue { return lossy{kv} })
}

// testFirstWrite has writes succeed whose first attempt does not.
func testFirstWrite(t *testing.T, nodes []*Store,
	broken func(jetstream.KeyValue) jetstream.KeyValue) {
	s, other := nodes[0], nodes[1]
	room := parley.NewRoom(world, parley.RoomChange{}, nil, time.Now())
	steps := []struct {
		name string
		do   func() error
		want parley.Code // of a look at another node
	}{
		{"create", func() error { return s.CreateRoom(t.Context(), room, 0) }, parley.Internal},
		{"update", func() error {
			_, err := s.UpdateRoom(t.Context(), room.ARN, renamed("new"))
			return err
		}, parley.Internal},
		{"delete", func() error { return s.DeleteRoom(t.Context(), room.ARN) }, parley.NotFound},
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			firstWriteTo(t, s, broken(s.rooms.kv), func() {})
			if err := step.do(); err != nil {
				t.Errorf("a write whose first attempt is not answered = %v, want nil", err)
			}
			got, err := current(t, other, room.ARN)
			if parley.CodeOf(err) != step.want || step.name == "update" && got.Name != "new" {
				t.Errorf("another node has %+v, %v; want code %v", got, err, step.want)
			}
		})
	}
}

func testOvertakenWrite(t *testing.T, nodes []*Store) {
	s, other := nodes[0], nodes[1]
	room, _ := createRoom(t, s)
	var overtaken atomic.Bool
	firstWriteTo(t, s, lossy{s.rooms.kv}, func() {
		if overtaken.Swap(true) {
			return
		}
		if _, err := other.UpdateRoom(t.Context(), room.ARN, renamed("theirs")); err != nil {
			t.Error(err)
		}
	})
	length := 7
	got, err := s.UpdateRoom(t.Context(), room.ARN, func(r parley.Room) (parley.Room, error) {
		return r.With(parley.RoomChange{MaxMessageLength: &length}, time.Now()), nil
	})
	if err != nil || got.Name != "theirs" || got.MaxMessageLength != length {
		t.Errorf("UpdateRoom() = %+v, %v; want both changes", got, err)
	}

	created := parley.NewRoom(world, parley.RoomChange{}, nil, time.Now())
	overtaken.Store(false)
	firstWriteTo(t, s, lossy{s.rooms.kv}, func() {
		if overtaken.Swap(true) {
			return
		}
		theirs, err := renamed("theirs")(created)
		if err = errors.Join(err, other.CreateRoom(t.Context(), theirs, 0)); err != nil {
			t.Error(err)
		}
	})
	err = s.CreateRoom(t.Context(), created, 0)
	if parley.CodeOf(err) != parley.Conflict {
		t.Errorf("CreateRoom() of what another node created = %v, want code %v", err, parley.Conflict)
	}
}

// What never gets an answer says so in time, and nothing else.
func TestWriteWithoutAnswer(t *testing.T) {
	s := StartServers(t).Open(0, "mute")
	bucket := s.rooms.kv
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	attempts := 0
	s.rooms.kv = once{lossy{bucket}, lossy{bucket}, new(atomic.Bool), func() {
		if attempts++; attempts == 3 {
			cancel() // as a time limit does
		}
	}}
	err := s.CreateRoom(ctx, parley.NewRoom(world, parley.RoomChange{}, nil, time.Now()), 0)
	if parley.CodeOf(err) != parley.Unavailable ||
		!strings.Contains(err.Error(), errNoAnswer.Error()) {
		t.Errorf("CreateRoom() = %v, want code %v and the reason", err, parley.Unavailable)
	}
	s.rooms.kv = mute{bucket}
	room := parley.NewRoom(world, parley.RoomChange{}, nil, time.Now())
	if err := s.CreateRoom(t.Context(), room, 0); err != nil {
		t.Errorf("CreateRoom() that is saved and never answered = %v, want nil", err)
	}
}
