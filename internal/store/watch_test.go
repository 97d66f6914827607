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
	frozen  *atomic.Bool
	watched *atomic.Bool // whether a watch has begun
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
	f.watched.Store(true)
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

// freeze has a node's watch of rooms stand still, until it is made anew. The store may do
// that at any time: frozen tells whether it has not.
func freeze(t *testing.T, s *Store) (frozen *atomic.Bool) {
	t.Helper()
	was := s.rooms.kv
	frozen = new(atomic.Bool)
	watched := new(atomic.Bool)
	s.rooms.kv = freezing{was, frozen, watched}
	t.Cleanup(func() { s.rooms.kv = was })
	s.rooms.restart <- struct{}{}
	within(t, "another watch has begun", watched.Load)
	room, _ := createRoom(t, s)
	revision := s.rooms.copy.get(room.ARN).revision
	within(t, "the watch has brought all",
		func() bool { return s.rooms.watched.Load() >= revision })
	frozen.Store(true)
	return frozen
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
	const tries = 5
	for range tries {
		if forgetUnseen(t, nodes) {
			return
		}
	}
	t.Errorf("%d times, the watch was made anew before a deletion was forgotten", tries)
}

// forgetUnseen has a room deleted whose deletion a node does not see before it is
// forgotten. It returns false if the node's watch was made anew meanwhile.
func forgetUnseen(t *testing.T, nodes []*Store) bool {
	t.Helper()
	room, key := createRoom(t, nodes[0])
	frozen := freeze(t, nodes[0])
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
	_, err = nodes[0].Room(room.ARN)
	if !frozen.Load() {
		return false
	}
	if err != nil {
		t.Fatalf("the deletion is seen while the watch stands still: %v", err)
	}
	createRoom(t, nodes[1]) // so that there is something to miss
	within(t, "the deletion is seen", func() bool {
		_, err := nodes[0].Room(room.ARN)
		return parley.CodeOf(err) == parley.NotFound
	})
	c := nodes[0].rooms.copy
	c.mu.RLock()
	defer c.mu.RUnlock()
	if got := c.deleted[room.ARN]; got != 0 {
		t.Errorf("the deletion is remembered at %d, which nobody will confirm", got)
	}
	return true
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
