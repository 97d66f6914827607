package store

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley"
)

// testMending has a node find what another one did not come to finish.
func testMending(t *testing.T, nodes []*Store) {
	s := nodes[0]
	a := &announcements{rooms: s.rooms, configurations: s.configurations, log: s.log}
	kept, unused, used := createConfiguration(t, nodes[1]), createConfiguration(t, nodes[1]),
		createConfiguration(t, nodes[1])
	missing := parley.NewLoggingConfiguration(world, parley.LoggingConfigurationChange{}, nil,
		time.Now())
	dangling, key := createRoom(t, nodes[1])
	elsewhere(t, nodes[1], key, dangling.With(naming(missing.ARN, kept.ARN), time.Now()))
	user := parley.NewRoom(world, naming(used.ARN), nil, time.Now())
	if err := nodes[1].CreateRoom(t.Context(), user, 0); err != nil {
		t.Fatal(err)
	}
	for _, l := range []parley.LoggingConfiguration{unused, used} {
		_, err := nodes[1].UpdateLoggingConfiguration(t.Context(), l.ARN,
			func(l parley.LoggingConfiguration) (parley.LoggingConfiguration, error) {
				l.State = parley.LoggingDeleting
				return l, nil
			})
		if err != nil {
			t.Fatal(err)
		}
	}

	now := time.Now()
	var suspects map[suspect]time.Time
	within(t, "all of it is seen", func() bool {
		suspects = a.look(suspects, now)
		return len(suspects) == 3
	})
	for suspect, since := range a.look(suspects, now.Add(mendAfter)) {
		if !since.Equal(now) {
			t.Errorf("%s looks broken since %s, want since the first look", suspect.arn, since)
		}
		a.mendOne(t.Context(), suspect)
		a.mendOne(t.Context(), suspect) // as another node does
	}
	if left := a.look(suspects, now); len(left) > 0 {
		t.Errorf("after mending, %v look broken, want none", left)
	}

	room, err := current(t, nodes[2], dangling.ARN)
	if err != nil || !slices.Equal(room.LoggingConfigurations, []parley.ARN{kept.ARN}) {
		t.Errorf("the room is %+v, %v; want it to name what is there", room, err)
	}
	l, err := currentConfiguration(t, nodes[2], used.ARN)
	if err != nil || l.State != parley.LoggingActive {
		t.Errorf("the configuration in use is %+v, %v; want it active", l, err)
	}
	_, err = currentConfiguration(t, nodes[2], unused.ARN)
	if parley.CodeOf(err) != parley.NotFound {
		t.Errorf("the configuration not in use: %v, want code %v", err, parley.NotFound)
	}
}

// testUndoneRoom has a room come to name a configuration that is deleted meanwhile, and
// that with what it named before deleted, too, or not.
func testUndoneRoom(t *testing.T, nodes []*Store) {
	s, other := nodes[0], nodes[1]
	for _, deleteOld := range []bool{false, true} {
		before, after := createConfiguration(t, other), createConfiguration(t, other)
		room := parley.NewRoom(world, naming(before.ARN), nil, time.Now())
		room.Name = "before"
		if err := s.CreateRoom(t.Context(), room, 0); err != nil {
			t.Fatal(err)
		}
		var saved atomic.Bool
		firstWriteTo(t, s, s.rooms.kv, func() {
			if saved.Swap(true) {
				return
			}
			key, err := resourceKey(parley.KindLoggingConfiguration, after.ARN)
			if err == nil {
				err = other.configurations.kv.Purge(t.Context(), key) // as if announced before
			}
			if err == nil && deleteOld {
				err = other.DeleteLoggingConfiguration(t.Context(), before.ARN)
			}
			if err != nil {
				t.Error(err)
			}
		})
		_, err := s.UpdateRoom(t.Context(), room.ARN, func(r parley.Room) (parley.Room, error) {
			r.Name = "after"
			return r.With(naming(after.ARN), time.Now()), nil
		})
		if parley.CodeOf(err) != parley.NotFound {
			t.Errorf("UpdateRoom() = %v, want code %v", err, parley.NotFound)
		}
		want := []parley.ARN{before.ARN}
		if deleteOld {
			want = nil
		}
		got, err := current(t, nodes[2], room.ARN)
		if err != nil || got.Name != "before" || !slices.Equal(got.LoggingConfigurations, want) {
			t.Errorf("the room is %+v, %v; want it as before, naming %v", got, err, want)
		}
	}
}
