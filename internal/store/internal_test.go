package store

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store/record"
)

// These tests play another node, which writes to the same buckets, or break what
// lies beneath the store.

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func openInMemory(t *testing.T) (*Store, *safeBuffer) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	lines := &safeBuffer{}
	s, err := Open(t.Context(), Config{}, slog.New(slog.NewTextHandler(lines, nil)))
	if err != nil {
		t.Fatalf("Open() = %v, want a store", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
		WantNoLeaks(t, before)
	})
	return s, lines
}

// patience is for what must happen, on a machine with much else to do.
const patience = time.Minute

// within waits until done.
func within(t testing.TB, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !done(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("after %s, still not: %s", patience, what)
		}
	}
}

var world = parley.World{Region: "eu-west-1", Account: "123456789012"}

func createRoom(t *testing.T, s *Store) (room parley.Room, key string) {
	t.Helper()
	room = parley.NewRoom(world, parley.RoomChange{}, nil, time.Now())
	if err := s.CreateRoom(t.Context(), room, 0); err != nil {
		t.Fatalf("CreateRoom() = %v, want nil", err)
	}
	key, err := resourceKey(parley.KindRoom, room.ARN)
	if err != nil {
		t.Fatal(err)
	}
	return room, key
}

func createConfiguration(t *testing.T, s *Store) parley.LoggingConfiguration {
	t.Helper()
	l := parley.NewLoggingConfiguration(world, parley.LoggingConfigurationChange{}, nil, time.Now())
	if err := s.CreateLoggingConfiguration(t.Context(), l, 0); err != nil {
		t.Fatalf("CreateLoggingConfiguration() = %v, want nil", err)
	}
	return l
}

// naming returns what makes a room name configurations.
func naming(arns ...parley.ARN) parley.RoomChange {
	return parley.RoomChange{LoggingConfigurations: &arns}
}

// elsewhere saves a room as another node does.
func elsewhere(t *testing.T, s *Store, key string, room parley.Room) {
	t.Helper()
	value, err := record.EncodeRoom(room)
	if err == nil {
		_, err = s.rooms.kv.Put(t.Context(), key, value)
	}
	if err != nil {
		t.Fatalf("save room as another node: %v", err)
	}
}

func TestChangesByOtherNodesAreSeen(t *testing.T) {
	s, _ := openInMemory(t)
	room, key := createRoom(t, s)
	room.Name = "renamed"
	elsewhere(t, s, key, room)
	within(t, "the new name is seen", func() bool {
		got, err := s.Room(room.ARN)
		return err == nil && got.Name == "renamed"
	})
	if err := s.rooms.kv.Purge(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	within(t, "the deletion is seen", func() bool {
		_, err := s.Room(room.ARN)
		return parley.CodeOf(err) == parley.NotFound
	})
	elsewhere(t, s, key, room)
	within(t, "the room is back", func() bool {
		_, err := s.Room(room.ARN)
		return err == nil
	})
}

func TestUpdateIsRepeatedWhenAnotherNodeIsFaster(t *testing.T) {
	s, _ := openInMemory(t)
	room, key := createRoom(t, s)
	calls := 0
	got, err := s.UpdateRoom(t.Context(), room.ARN, func(r parley.Room) (parley.Room, error) {
		if calls++; calls <= maxAttempts-1 {
			other := r
			other.MaxMessageLength = calls
			elsewhere(t, s, key, other)
		}
		r.Name = "mine"
		return r, nil
	})
	if err != nil || calls != maxAttempts ||
		got.Name != "mine" || got.MaxMessageLength != maxAttempts-1 {
		t.Errorf("UpdateRoom() = %+v, %v after %d calls of change; want both changes after %d",
			got, err, calls, maxAttempts)
	}
}

func TestUpdateGivesUpWhenOtherNodesAreAlwaysFaster(t *testing.T) {
	s, _ := openInMemory(t)
	room, key := createRoom(t, s)
	calls := 0
	_, err := s.UpdateRoom(t.Context(), room.ARN, func(r parley.Room) (parley.Room, error) {
		calls++
		elsewhere(t, s, key, r)
		return r, nil
	})
	if parley.CodeOf(err) != parley.Unavailable || calls != maxAttempts {
		t.Errorf("UpdateRoom() = %v after %d calls of change, want code %v after %d",
			err, calls, parley.Unavailable, maxAttempts)
	}
}

func TestUpdateOfRoomDeletedByAnotherNode(t *testing.T) {
	s, _ := openInMemory(t)
	room, key := createRoom(t, s)
	_, err := s.UpdateRoom(t.Context(), room.ARN, func(r parley.Room) (parley.Room, error) {
		return r, s.rooms.kv.Purge(t.Context(), key)
	})
	if parley.CodeOf(err) != parley.NotFound {
		t.Errorf("UpdateRoom() = %v, want code %v", err, parley.NotFound)
	}
	if value, err := s.rooms.kv.Get(t.Context(), key); !errors.Is(err, jetstream.ErrKeyNotFound) {
		t.Errorf("the update brought back a deleted room: %v, %v", value, err)
	}
}

func TestDamagedRecordOfAnotherNodeIsLogged(t *testing.T) {
	s, lines := openInMemory(t)
	room, key := createRoom(t, s)
	for key, want := range map[string]string{key: room.ARN.String(), "a.b": "a.b", "a.b.c_d": "c_d"} {
		if _, err := s.rooms.kv.Put(t.Context(), key, []byte("{")); err != nil {
			t.Fatal(err)
		}
		within(t, "the log says what is wrong with "+key, func() bool {
			return strings.Contains(lines.String(), want)
		})
	}
	if got, err := s.Room(room.ARN); err != nil || got.ARN != room.ARN {
		t.Errorf("Room() = %v, %v; want what was known before the damage", got, err)
	}
}

// Each deletion leaves a mark in the bucket, which must not stay for ever, and one
// in memory, which must go when the watch has caught up.
func TestDeletionLeavesNothingForEver(t *testing.T) {
	s, _ := openInMemory(t)
	room, key := createRoom(t, s)
	if err := s.DeleteRoom(t.Context(), room.ARN); err != nil {
		t.Fatal(err)
	}
	stream, err := s.js.Stream(t.Context(), "KV_"+roomsBucket)
	if err != nil {
		t.Fatal(err)
	}
	mark, err := stream.GetLastMsgForSubject(t.Context(), "$KV."+roomsBucket+"."+key)
	if err != nil {
		t.Fatal(err)
	}
	if got := mark.Header.Get(jetstream.MsgTTLHeader); got != markerLife.String() {
		t.Errorf("the mark of a deletion lives for %q, want %q", got, markerLife)
	}
	if state := stream.CachedInfo().State; state.Msgs != 1 {
		t.Errorf("a deleted room leaves %d messages, want the mark alone", state.Msgs)
	}
	for range 100 {
		l := createConfiguration(t, s)
		room := parley.NewRoom(world, naming(l.ARN), nil, time.Now())
		for _, err := range []error{
			s.CreateRoom(t.Context(), room, 1),
			s.DeleteRoom(t.Context(), room.ARN),
			s.DeleteLoggingConfiguration(t.Context(), l.ARN),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	wantEmpty(t, s.rooms.copy)
	wantEmpty(t, s.configurations.copy)
}

func wantEmpty[T any](t *testing.T, c *localCopy[T]) {
	t.Helper()
	within(t, "all deletions are forgotten", func() bool {
		c.mu.RLock()
		defer c.mu.RUnlock()
		return len(c.deleted)+len(c.creating)+len(c.lists)+len(c.resources)+len(c.naming) == 0
	})
}

// What the watch shows late must not undo what this node did meanwhile.
func TestCopyNeverGoesBackwards(t *testing.T) {
	c := newLocalCopy[int]()
	named := func(revision int) parley.ARN { return parley.ARN{ID: strconv.Itoa(revision)} }
	at := func(revision int) *stored[int] {
		return &stored[int]{
			Cursor:   parley.Cursor{UpdateTime: time.Unix(int64(revision), 0), ARN: recordARN},
			resource: revision, names: []parley.ARN{named(revision)}, revision: uint64(revision),
		}
	}
	want := func(step string, want ...int) {
		t.Helper()
		var got []int
		if r := c.get(recordARN); r != nil {
			got = []int{r.resource}
		}
		list, _ := c.list(recordARN.World(), parley.Cursor{}, 10, func(int) bool { return true })
		var naming []int
		for revision := range 10 {
			if arn, ok := c.oneNaming(named(revision)); ok && arn == recordARN {
				naming = append(naming, revision)
			}
		}
		for what, got := range map[string][]int{"get": got, "list": list, "naming": naming} {
			if !slices.Equal(got, want) {
				t.Errorf("%s: %s shows revisions %v, want %v", step, what, got, want)
			}
		}
	}
	c.put(at(3))
	c.put(at(2))
	want("an older write", 3)
	c.put(at(5))
	c.put(at(3))
	want("a write seen twice", 5)
	c.removed(recordARN, 4)
	want("an older deletion", 5)
	c.remove(recordARN, 5)
	want("own deletion")
	c.put(at(5))
	want("the write before own deletion, seen late")
	c.removed(recordARN, 6)
	c.put(at(7))
	want("a write after the deletion", 7)
	c.remove(recordARN, 6)
	want("own deletion of what was overwritten", 7)
	c.removed(recordARN, 8)
	c.remove(recordARN, 7)
	if want("own deletion, after the watch saw it"); len(c.deleted) > 0 {
		t.Errorf("deletions that nobody will confirm are remembered: %v", c.deleted)
	}
}

func TestCheckSaysThatTheEngineIsGone(t *testing.T) {
	s, _ := openInMemory(t)
	s.engine.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := s.Check(ctx); err == nil {
		t.Error("Check() without an engine = nil, want an error")
	}
	token := parley.NewToken(parley.TokenRequest{SessionMinutes: 1}, time.Now())
	if err := s.Redeem(ctx, token, "a"); parley.CodeOf(err) != parley.Unavailable {
		t.Errorf("Redeem() without an engine = %v, want code %v", err, parley.Unavailable)
	}
}
