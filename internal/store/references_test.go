package store_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store"
)

// naming returns a room that names configurations.
func naming(arns ...parley.ARN) parley.Room {
	return newRoom(parley.RoomChange{LoggingConfigurations: &arns})
}

// attach makes a room name these configurations and no others.
func attach(ctx context.Context, s *store.Store, room parley.Room, arns ...parley.ARN) error {
	_, err := s.UpdateRoom(ctx, room.ARN, func(r parley.Room) (parley.Room, error) {
		return r.With(parley.RoomChange{LoggingConfigurations: &arns}, time.Now()), nil
	})
	return err
}

func testRoomCannotNameAnUnknownConfiguration(t *testing.T, s *store.Store) {
	known, gone := configurations.create(t, s), configurations.create(t, s)
	configurations.mustDelete(t, s, gone)
	foreign := configurations.mustSave(t, s, configurations.new(
		parley.World{Region: "us-east-1", Account: world.Account}, time.Now()))
	stranger := configurations.mustSave(t, s, configurations.new(
		parley.World{Region: world.Region, Account: "210987654321"}, time.Now()))
	room := rooms.mustSave(t, s, naming(known.ARN))
	for what, arn := range map[string]parley.ARN{
		"deleted":            gone.ARN,
		"never there":        configurations.fresh().ARN,
		"in another region":  foreign.ARN,
		"in another account": stranger.ARN,
		"a room":             room.ARN,
	} {
		for call, err := range map[string]error{
			"create": s.CreateRoom(t.Context(), naming(known.ARN, arn), 0),
			"update": attach(t.Context(), s, room, known.ARN, arn),
		} {
			wantCode(t, call+" with one that is "+what, err, parley.NotFound)
			wantResource(t, err, arn.Resource(), 0)
		}
	}
	rooms.want(t, s, room)
}

func testConfigurationIsNotDeletedWhileARoomNamesIt(t *testing.T, s *store.Store) {
	used, other := configurations.create(t, s), configurations.create(t, s)
	created := rooms.mustSave(t, s, naming(used.ARN, other.ARN, used.ARN))
	updated := rooms.create(t, s)
	if err := attach(t.Context(), s, updated, used.ARN); err != nil {
		t.Fatal(err)
	}
	wantInUse(t, s, used, created, updated)
	rooms.rename(t, s, created, "renamed")
	if _, err := s.UpdateRoom(t.Context(), updated.ARN, rooms.tagged("x")); err != nil {
		t.Fatal(err)
	}
	used = configurations.rename(t, s, used, "renamed")
	wantInUse(t, s, used, created, updated)
	if err := attach(t.Context(), s, created, other.ARN); err != nil {
		t.Fatal(err)
	}
	wantInUse(t, s, used, updated)
	wantInUse(t, s, other, created)
	rooms.mustDelete(t, s, updated)
	configurations.mustDelete(t, s, used)
	if err := attach(t.Context(), s, created); err != nil {
		t.Fatal(err)
	}
	configurations.mustDelete(t, s, other)
	configurations.want(t, s)
}

// wantInUse checks that a configuration cannot be deleted, because of one of users.
func wantInUse(t *testing.T, s *store.Store, l parley.LoggingConfiguration, users ...parley.Room) {
	t.Helper()
	err := s.DeleteLoggingConfiguration(t.Context(), l.ARN)
	wantCode(t, "delete a configuration in use", err, parley.Conflict)
	wantResource(t, err, l.ARN.Resource(), 0)
	named := 0
	for _, room := range users {
		if err != nil && strings.Contains(err.Error(), room.ARN.String()) {
			named++
		}
	}
	if named != 1 {
		t.Errorf("delete a configuration in use = %v, want one of its %d rooms named", err, len(users))
	}
	if _, err := s.LoggingConfiguration(l.ARN); err != nil {
		t.Errorf("a configuration in use is gone: %v", err)
	}
}

func TestReferencesSurviveReopening(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	used, unused := configurations.create(t, s), configurations.create(t, s)
	room := rooms.mustSave(t, s, naming(used.ARN))
	closeStore(t, s)
	s = open(t, dir)
	wantInUse(t, s, used, room)
	configurations.mustDelete(t, s, unused)
	rooms.mustDelete(t, s, room)
	configurations.mustDelete(t, s, used)
}

// One of a creation and a deletion that exclude each other has to be refused. On a slow
// machine, a room may also not wait for the end of a deletion that is refused in the end.
func testConfigurationIsNamedOrDeleted(t *testing.T, s *store.Store) {
	for range 100 {
		l, room := configurations.create(t, s), rooms.create(t, s)
		began := time.Now()
		errs := inParallel(3, func(i int) error {
			switch i {
			case 0:
				return s.DeleteLoggingConfiguration(t.Context(), l.ARN)
			case 1:
				return s.CreateRoom(t.Context(), naming(l.ARN), 0)
			default:
				return attach(t.Context(), s, room, l.ARN)
			}
		})
		deleted, wantOthers := errs[0] == nil, parley.Internal
		if deleted {
			wantOthers = parley.NotFound
		} else {
			wantCode(t, "delete", errs[0], parley.Conflict)
		}
		slow := time.Since(began) >= store.AnnouncedPatience
		for _, err := range errs[1:] {
			if slow && parley.CodeOf(err) == parley.NotFound {
				continue
			}
			if (err != nil) != deleted || parley.CodeOf(err) != wantOthers {
				t.Errorf("deleted %v, and a room that names it is saved with %v", deleted, err)
			}
		}
	}
	wantNothingDangles(t, s)
}

// wantNothingDangles checks that what the rooms name is there.
func wantNothingDangles(t *testing.T, s *store.Store) {
	t.Helper()
	list, _ := s.ListRooms(t.Context(), world, parley.Cursor{}, s.CountRooms(world), all)
	for _, room := range list {
		for _, arn := range room.LoggingConfigurations {
			if _, err := s.LoggingConfiguration(arn); err != nil {
				t.Errorf("room %s names a configuration, but: %v", room.ARN.ID, err)
			}
		}
	}
}

// A caller that goes away leaves a write behind of which nobody knows what became.
func testNothingDanglesWhenCallersGoAway(t *testing.T, s *store.Store) {
	shared := rooms.create(t, s)
	var used, gone int
	for range 150 {
		if raceForConfiguration(t, s, shared) {
			gone++
		} else {
			used++
		}
		wantNothingDangles(t, s)
	}
	if used == 0 || gone == 0 {
		t.Errorf("configurations were used in %d rounds and deleted in %d, want both", used, gone)
	}
}

func TestNothingDanglesAfterReopening(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	testNothingDanglesWhenCallersGoAway(t, s)
	closeStore(t, s)
	wantNothingDangles(t, open(t, dir))
}

// raceForConfiguration lets impatient callers save rooms that name a configuration
// and delete it, all at once. It reports whether the configuration is deleted then.
func raceForConfiguration(t *testing.T, s *store.Store, shared parley.Room) (deleted bool) {
	t.Helper()
	began := time.Now()
	l := configurations.create(t, s)
	usual := time.Since(began) // of one call, on this machine
	actions := []func(ctx context.Context) error{
		func(ctx context.Context) error { return s.CreateRoom(ctx, naming(l.ARN), 0) },
		func(ctx context.Context) error { return attach(ctx, s, shared, l.ARN) },
		func(ctx context.Context) error { return attach(ctx, s, shared) },
		func(ctx context.Context) error { return s.DeleteLoggingConfiguration(ctx, l.ARN) },
		func(ctx context.Context) error { return s.DeleteLoggingConfiguration(ctx, l.ARN) },
	}
	rand.Shuffle(len(actions), func(i, j int) { actions[i], actions[j] = actions[j], actions[i] })
	for _, err := range inParallel(len(actions), func(i int) error {
		patience := rand.N(2*usual+1) << rand.IntN(6)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		return actions[i](ctx)
	}) {
		switch code := parley.CodeOf(err); code {
		case parley.NotFound, parley.Conflict, parley.Unavailable:
		default:
			if err != nil {
				t.Errorf("error %v of an unexpected code %v", err, code)
			}
		}
	}
	err := s.DeleteLoggingConfiguration(t.Context(), l.ARN)
	if deleted = err == nil || parley.CodeOf(err) == parley.NotFound; !deleted {
		wantCode(t, "delete what may be in use", err, parley.Conflict)
	}
	return deleted
}

func wantResource(t *testing.T, err error, want parley.Resource, limit int) {
	t.Helper()
	var detail *parley.Error
	if errors.As(err, &detail) && (detail.Resource != want || detail.Limit != limit) {
		t.Errorf("error %q names %v and limit %d, want %v and %d",
			err, detail.Resource, detail.Limit, want, limit)
	}
}
