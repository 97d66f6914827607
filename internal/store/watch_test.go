package store

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store/bucket"
)

// freezing is a bucket whose watches bring nothing any more once they are frozen.
type freezing struct {
	jetstream.KeyValue
	frozen *atomic.Bool
}

type freezingWatch struct {
	jetstream.KeyWatcher
	updates chan jetstream.KeyValueEntry
}

func (f freezing) WatchAll(ctx context.Context, opts ...jetstream.WatchOpt) (
	jetstream.KeyWatcher, error) {
	watch, err := f.KeyValue.WatchAll(ctx, opts...)
	if err != nil {
		return nil, err
	}
	f.frozen.Store(false)
	w := &freezingWatch{watch, make(chan jetstream.KeyValueEntry)}
	go func() {
		defer close(w.updates)
		for e := range watch.Updates() {
			if f.frozen.Load() {
				continue
			}
			w.updates <- e
		}
	}()
	return w, nil
}

func (w *freezingWatch) Updates() <-chan jetstream.KeyValueEntry { return w.updates }

// freeze has a node's watch of rooms stand still, until it is made anew.
func freeze(t *testing.T, s *Store) {
	t.Helper()
	was := s.rooms.kv
	frozen := new(atomic.Bool)
	s.rooms.kv = freezing{was, frozen}
	t.Cleanup(func() { s.rooms.kv = was })
	s.rooms.restart <- struct{}{}
	room, key := createRoom(t, s)
	within(t, "the new watch has begun", func() bool {
		elsewhere(t, s, key, room)
		entry, err := s.rooms.leader.Last(t.Context(), key)
		return err == nil && s.rooms.watched.Load() >= entry.Revision
	})
	frozen.Store(true)
}

func testStalledWatch(t *testing.T, nodes []*Store) {
	freeze(t, nodes[0])
	found, _ := createRoom(t, nodes[1])
	if _, err := nodes[0].FindRoom(t.Context(), found.ARN); err != nil {
		t.Errorf("FindRoom() while the watch stands still = %v, want the room", err)
	}
	seen, _ := createRoom(t, nodes[1])
	within(t, "the watch is replaced", func() bool {
		_, err := nodes[0].Room(seen.ARN)
		return err == nil
	})
}

func testForgotten(t *testing.T, nodes []*Store) {
	room, key := createRoom(t, nodes[0])
	freeze(t, nodes[0])
	if err := nodes[1].DeleteRoom(t.Context(), room.ARN); err != nil {
		t.Fatal(err)
	}
	// The mark of the deletion is gone when the watch is made anew.
	leader := nodes[1].rooms.leader
	stream, err := nodes[1].js.Stream(t.Context(), "KV_"+leader.Bucket)
	if err == nil {
		err = stream.Purge(t.Context(), jetstream.WithPurgeSubject(leader.Subject(key)))
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nodes[0].Room(room.ARN); err != nil {
		t.Fatalf("the deletion is seen while the watch stands still: %v", err)
	}
	createRoom(t, nodes[1]) // so that there is something to miss
	within(t, "the deletion is seen", func() bool {
		_, err := nodes[0].Room(room.ARN)
		return parley.CodeOf(err) == parley.NotFound
	})
	if got := nodes[0].rooms.copy.deleted[room.ARN]; got != 0 {
		t.Errorf("the deletion is remembered at %d, which nobody will confirm", got)
	}
}

// What the copy has seen the end of does not come back, whoever brings it late.
func TestCopyIgnoresThePast(t *testing.T) {
	s, _ := openInMemory(t)
	room := parley.NewRoom(world, parley.RoomChange{}, nil, time.Now())
	key, err := resourceKey(parley.KindRoom, room.ARN)
	if err != nil {
		t.Fatal(err)
	}
	room, value, err := s.rooms.prepare(room.ARN, room)
	if err != nil {
		t.Fatal(err)
	}
	late := bucket.Entry{Key: key, Value: value, Revision: 10}
	s.rooms.accept(bucket.Entry{Key: key, Revision: 11, Deleted: true})
	for what, bring := range map[string]func(){
		"the watch":          func() { s.rooms.accept(late) },
		"a look":             func() { _ = s.rooms.take(room.ARN, late) },
		"this node's writer": func() { s.rooms.keep(room, late.Revision) },
	} {
		bring()
		if _, err := s.Room(room.ARN); parley.CodeOf(err) != parley.NotFound {
			t.Errorf("%s brings back a room that is deleted: %v", what, err)
		}
	}
	late.Revision = 12
	s.rooms.accept(late)
	if _, err := s.Room(room.ARN); err != nil {
		t.Errorf("a room that was saved again = %v, want it", err)
	}
}
