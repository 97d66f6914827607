package store_test

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store"
)

func newRoom(change parley.RoomChange) parley.Room {
	return parley.NewRoom(world, change, nil, time.Now())
}

func create(t testing.TB, s *store.Store, change parley.RoomChange) parley.Room {
	t.Helper()
	room := newRoom(change)
	if err := s.CreateRoom(t.Context(), room, 0); err != nil {
		t.Fatalf("CreateRoom(%s) = %v, want nil", room.ARN, err)
	}
	return room
}

// plain returns a room without the readings of the monotonic clock in its times,
// which are not stored.
func plain(r parley.Room) parley.Room {
	r.CreateTime, r.UpdateTime = r.CreateTime.Round(0), r.UpdateTime.Round(0)
	return r
}

func wantRooms(t *testing.T, s *store.Store, want []parley.Room) {
	t.Helper()
	for _, room := range want {
		got, err := s.Room(room.ARN)
		if diff := cmp.Diff(plain(room), got); err != nil || diff != "" {
			t.Errorf("Room(%s) = %v, differs (-want +got):\n%s", room.ARN, err, diff)
		}
	}
	rooms, more := s.ListRooms(world, parley.RoomCursor{}, len(want)+1, all)
	if len(rooms) != len(want) || more {
		t.Errorf("ListRooms() = %d rooms, more %v; want %d", len(rooms), more, len(want))
	}
}

func all(parley.Room) bool { return true }

func ptr[T any](v T) *T { return &v }

func fullRoom() parley.Room {
	return parley.NewRoom(world, parley.RoomChange{
		Name:                    ptr("lobby"),
		MaxMessageLength:        ptr(100),
		MaxMessageRatePerSecond: ptr(7),
		ReviewHandler: &parley.ReviewHandler{
			URI:      "arn:aws:lambda:eu-west-1:123456789012:function:review",
			Fallback: parley.FallbackDeny,
		},
		LoggingConfigurations: &[]parley.ARN{{
			Region: world.Region, Account: world.Account,
			Kind: parley.KindLoggingConfiguration, ID: "abcdefghijkl",
		}},
	}, map[string]string{"größe": "groß", "empty": ""}, time.Now())
}

func TestRoomIsKept(t *testing.T) {
	detached := newRoom(parley.RoomChange{
		ReviewHandler: &parley.ReviewHandler{Fallback: parley.FallbackAllow},
	})
	want := []parley.Room{fullRoom(), newRoom(parley.RoomChange{}), detached}
	inBothModes(t, func(t *testing.T, s *store.Store) {
		for _, room := range want {
			if err := s.CreateRoom(t.Context(), room, 0); err != nil {
				t.Fatalf("CreateRoom(%s) = %v, want nil", room.ARN, err)
			}
		}
		wantRooms(t, s, want)
	})
}

func TestRoomsSurviveReopening(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	full := fullRoom()
	if err := s.CreateRoom(t.Context(), full, 0); err != nil {
		t.Fatal(err)
	}
	changed, gone := create(t, s, parley.RoomChange{}), create(t, s, parley.RoomChange{})
	changed = update(t, s, changed.ARN, parley.RoomChange{Name: ptr("new")})
	if err := s.DeleteRoom(t.Context(), gone.ARN); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	s = open(t, dir)
	wantRooms(t, s, []parley.Room{full, changed})
	changed = update(t, s, changed.ARN, parley.RoomChange{Name: ptr("newer")})
	if err := s.DeleteRoom(t.Context(), full.ARN); err != nil {
		t.Fatal(err)
	}
	wantRooms(t, s, []parley.Room{changed})
}

func update(t testing.TB, s *store.Store, arn parley.ARN, change parley.RoomChange) parley.Room {
	t.Helper()
	room, err := s.UpdateRoom(t.Context(), arn, func(r parley.Room) (parley.Room, error) {
		return r.With(change, time.Now()), nil
	})
	if err != nil {
		t.Fatalf("UpdateRoom(%s) = %v, want nil", arn, err)
	}
	return room
}

func TestUpdateRoom(t *testing.T) {
	inBothModes(t, func(t *testing.T, s *store.Store) {
		room := create(t, s, parley.RoomChange{Name: ptr("before")})
		want := plain(room.With(parley.RoomChange{Name: ptr("after")}, time.Now()))
		got, err := s.UpdateRoom(t.Context(), room.ARN, func(have parley.Room) (parley.Room, error) {
			if diff := cmp.Diff(plain(room), have); diff != "" {
				t.Errorf("change is given another room (-want +got):\n%s", diff)
			}
			return want, nil
		})
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("UpdateRoom() = %v, differs (-want +got):\n%s", err, diff)
		}
		wantRooms(t, s, []parley.Room{want})

		refused := errors.New("refused")
		_, err = s.UpdateRoom(t.Context(), room.ARN, func(parley.Room) (parley.Room, error) {
			return parley.Room{}, refused
		})
		if !errors.Is(err, refused) {
			t.Errorf("UpdateRoom() = %v, want the error of change", err)
		}
		wantRooms(t, s, []parley.Room{want})
	})
}

func TestUnknownRoomIsNotFound(t *testing.T) {
	inBothModes(t, func(t *testing.T, s *store.Store) {
		deleted := create(t, s, parley.RoomChange{})
		if err := s.DeleteRoom(t.Context(), deleted.ARN); err != nil {
			t.Fatalf("DeleteRoom() = %v, want nil", err)
		}
		for _, arn := range []parley.ARN{deleted.ARN, world.NewRoomARN(), {}} {
			_, err := s.Room(arn)
			wantCode(t, "Room", err, parley.NotFound)
		}
		for _, arn := range []parley.ARN{deleted.ARN, world.NewRoomARN()} {
			_, err := s.UpdateRoom(t.Context(), arn, func(r parley.Room) (parley.Room, error) {
				t.Errorf("UpdateRoom(%s) calls change", arn)
				return r, nil
			})
			wantCode(t, "UpdateRoom", err, parley.NotFound)
			wantCode(t, "DeleteRoom", s.DeleteRoom(t.Context(), arn), parley.NotFound)
		}
		wantRooms(t, s, nil)
	})
}

func TestCreateExistingRoomConflicts(t *testing.T) {
	inBothModes(t, func(t *testing.T, s *store.Store) {
		room := create(t, s, parley.RoomChange{Name: ptr("first")})
		again := room
		again.Name = "second"
		wantCode(t, "CreateRoom", s.CreateRoom(t.Context(), again, 0), parley.Conflict)
		wantRooms(t, s, []parley.Room{room})
	})
}

func TestStoredRoomIsNobodyElses(t *testing.T) {
	s := open(t, "")
	room := fullRoom()
	if err := s.CreateRoom(t.Context(), room, 0); err != nil {
		t.Fatal(err)
	}
	want, _ := s.Room(room.ARN)
	before := want.Tags["größe"]
	room.Tags["größe"] = "klein"
	if got, _ := s.Room(room.ARN); got.Tags["größe"] != before {
		t.Errorf("a change of the caller's map reached the store: tag is %q", got.Tags["größe"])
	}
}

func TestUnsafeARNIsRefused(t *testing.T) {
	s := open(t, "")
	good := world.NewRoomARN()
	other := world.NewRoomARN()
	stop, err := s.Subscribe(t.Context(), good, func(event []byte) {
		t.Errorf("event %q arrived through an unsafe ARN", event)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	unsafe := []parley.ARN{
		{},
		{Region: "*", Account: good.Account, Kind: good.Kind, ID: good.ID},
		{Region: good.Region, Account: "*", Kind: good.Kind, ID: good.ID},
		{Region: good.Region, Account: good.Account, Kind: good.Kind, ID: "*"},
		{Region: good.Region, Account: good.Account, Kind: good.Kind, ID: ">"},
		{Region: good.Region, Account: good.Account, Kind: good.Kind, ID: ""},
		{Region: good.Region, Account: good.Account, Kind: good.Kind, ID: "a b"},
		{Region: good.Region, Account: good.Account, Kind: good.Kind, ID: "a\r\nPUB x 0"},
		{Region: good.Region, Account: "1." + good.Account, Kind: good.Kind, ID: good.ID},
		{Region: good.Region, Account: good.Account, Kind: parley.KindLoggingConfiguration, ID: good.ID},
		{Region: good.Region, Account: good.Account, Kind: good.Kind, ID: fmt.Sprintf("%0129d", 1)},
	}
	for _, arn := range unsafe {
		room := parley.Room{ARN: arn}
		_, err := s.Subscribe(t.Context(), arn, func(event []byte) {
			t.Errorf("%q receives %q", arn, event)
		})
		for what, err := range map[string]error{
			"CreateRoom": s.CreateRoom(t.Context(), room, 0),
			"DeleteRoom": s.DeleteRoom(t.Context(), arn),
			"Publish":    s.Publish(t.Context(), arn, []byte("x")),
			"Subscribe":  err,
		} {
			wantCode(t, fmt.Sprintf("%s(%q)", what, arn), err, parley.Invalid)
		}
	}
	arrived := subscribe(t, s, other)
	publish(t, s, other, "other")
	receive(t, arrived, "other")
}

func TestQuota(t *testing.T) {
	inBothModes(t, func(t *testing.T, s *store.Store) {
		const limit = 3
		var rooms []parley.Room
		for range limit {
			room := newRoom(parley.RoomChange{})
			if err := s.CreateRoom(t.Context(), room, limit); err != nil {
				t.Fatalf("CreateRoom() with %d of %d rooms = %v, want nil", len(rooms), limit, err)
			}
			rooms = append(rooms, room)
		}
		err := s.CreateRoom(t.Context(), newRoom(parley.RoomChange{}), limit)
		wantCode(t, "CreateRoom over the quota", err, parley.QuotaExceeded)
		var detail *parley.Error
		want := parley.Resource{Type: parley.ResourceRoom, ID: world.Account}
		if errors.As(err, &detail) && (detail.Resource != want || detail.Limit != limit) {
			t.Errorf("error names %v and limit %d, want %v and %d",
				detail.Resource, detail.Limit, want, limit)
		}
		elsewhere := parley.NewRoom(parley.World{Region: "us-east-1", Account: world.Account},
			parley.RoomChange{}, nil, time.Now())
		if err := s.CreateRoom(t.Context(), elsewhere, 1); err != nil {
			t.Errorf("CreateRoom() in another region = %v, want nil", err)
		}
		wantCode(t, "CreateRoom of an existing one", s.CreateRoom(t.Context(), rooms[0], limit+1),
			parley.Conflict)
		if err := s.DeleteRoom(t.Context(), rooms[0].ARN); err != nil {
			t.Fatal(err)
		}
		if err := s.CreateRoom(t.Context(), newRoom(parley.RoomChange{}), limit); err != nil {
			t.Errorf("CreateRoom() after a deletion = %v, want nil", err)
		}
	})
}

func TestQuotaIsNotOvershot(t *testing.T) {
	inBothModes(t, func(t *testing.T, s *store.Store) {
		const limit, callers = 20, 100
		errs := inParallel(callers, func(int) error {
			return s.CreateRoom(t.Context(), newRoom(parley.RoomChange{}), limit)
		})
		created := 0
		for _, err := range errs {
			if err == nil {
				created++
				continue
			}
			wantCode(t, "CreateRoom over the quota", err, parley.QuotaExceeded)
		}
		rooms, _ := s.ListRooms(world, parley.RoomCursor{}, callers, all)
		if created != limit || len(rooms) != limit {
			t.Errorf("%d creations succeeded and %d rooms exist, want %d", created, len(rooms), limit)
		}
	})
}

// inParallel calls do n times at once and returns the errors.
func inParallel(n int, do func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = do(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

func TestConcurrentUpdatesLoseNothing(t *testing.T) {
	inBothModes(t, func(t *testing.T, s *store.Store) {
		const callers, updates = 50, 4
		room := create(t, s, parley.RoomChange{})
		errs := inParallel(callers, func(i int) error {
			for n := range updates {
				key := fmt.Sprintf("%d-%d", i, n)
				_, err := s.UpdateRoom(t.Context(), room.ARN, addTag(key))
				if err != nil {
					return fmt.Errorf("UpdateRoom() by %s: %w", key, err)
				}
			}
			return nil
		})
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
		got, err := s.Room(room.ARN)
		if err != nil || len(got.Tags) != callers*updates {
			t.Errorf("after %d updates the room has %d tags, %v", callers*updates, len(got.Tags), err)
		}
	})
}

func addTag(key string) func(parley.Room) (parley.Room, error) {
	return func(r parley.Room) (parley.Room, error) {
		tags := map[string]string{key: ""}
		for k, v := range r.Tags {
			tags[k] = v
		}
		r.Tags = tags
		return r, nil
	}
}

func TestConcurrentUpdatesAndDeletion(t *testing.T) {
	inBothModes(t, func(t *testing.T, s *store.Store) {
		room := create(t, s, parley.RoomChange{})
		errs := inParallel(20, func(i int) error {
			if i == 10 {
				return s.DeleteRoom(t.Context(), room.ARN)
			}
			_, err := s.UpdateRoom(t.Context(), room.ARN, addTag(strconv.Itoa(i)))
			return err
		})
		for i, err := range errs {
			if err != nil {
				wantCode(t, fmt.Sprintf("caller %d", i), err, parley.NotFound)
			}
		}
		if errs[10] != nil {
			t.Errorf("DeleteRoom() = %v, want nil", errs[10])
		}
		_, err := s.Room(room.ARN)
		wantCode(t, "Room after the deletion", err, parley.NotFound)
	})
}

func TestChangeBySameCallerIsSeenAtOnce(t *testing.T) {
	s := open(t, "")
	for i := range 200 {
		room := create(t, s, parley.RoomChange{})
		name := strconv.Itoa(i)
		update(t, s, room.ARN, parley.RoomChange{Name: &name})
		if got, err := s.Room(room.ARN); err != nil || got.Name != name {
			t.Fatalf("Room() after UpdateRoom() = name %q, %v; want %q", got.Name, err, name)
		}
		if err := s.DeleteRoom(t.Context(), room.ARN); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Room(room.ARN); err == nil {
			t.Fatalf("Room() after DeleteRoom() = %v, want not found", got)
		}
	}
	wantRooms(t, s, nil)
}
