package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/parley-chat/parley"
)

// What holds of stores that share their buckets, and nobody is in the way of.
var sharing = []struct {
	name string
	test func(t *testing.T, nodes []*Store)
}{
	{"nodes read what others wrote", testNodesReadWhatOthersWrote},
	{"nodes read what others wrote while they go on", testNodesReadWhileOthersWrite},
	{"one of many creations of a resource succeeds", testCreatedOnce},
	{"no update of a resource is lost", testNoUpdateIsLost},
	{"one of many deletions of a resource succeeds", testDeletedOnce},
	{"a quota counts the rooms of all nodes", testQuotaCountsAllNodes},
	{"one of many redemptions of a token succeeds", testRedeemedOnce},
	{"nodes are as one store", testNodesAreAsOne},
	{"rooms name no missing configuration", testReferenceRaces},
	{"a room is what it was when a change is undone", testUndoneRoom},
	{"a write that was not answered is recognised", testOwnWriteIsRecognised},
	{"a write that was lost is made again", testLostWriteIsMadeAgain},
	{"a write that another overtook is not its own", testOvertakenWrite},
	{"what a dead node left half done is mended", testMending},
	{"a watch that stands still is replaced", testStalledWatch},
	{"what was deleted while nobody watched is gone", testForgotten},
}

func TestStoresThatShare(t *testing.T) {
	nodes := StartServers(t).OpenAll("sharing")
	for _, s := range sharing {
		t.Run(s.name, func(t *testing.T) { s.test(t, nodes) })
	}
}

// atOnce calls do for each node at once, and returns the errors.
func atOnce(nodes []*Store, do func(i int, s *Store) error) []error {
	errs := make([]error, len(nodes))
	var wg sync.WaitGroup
	for i, s := range nodes {
		wg.Go(func() { errs[i] = do(i, s) })
	}
	wg.Wait()
	return errs
}

// wantOne checks that one of many succeeded, and the others failed with a code.
func wantOne(t *testing.T, errs []error, want parley.Code) {
	t.Helper()
	successes := 0
	for _, err := range errs {
		if err == nil {
			successes++
		} else if parley.CodeOf(err) != want {
			t.Errorf("error %v of those that fail, want code %v", err, want)
		}
	}
	if successes != 1 {
		t.Errorf("%d of %d succeeded, want 1", successes, len(errs))
	}
}

func renamed(name string) func(parley.Room) (parley.Room, error) {
	return func(r parley.Room) (parley.Room, error) {
		return r.With(parley.RoomChange{Name: &name}, time.Now()), nil
	}
}

func testNodesReadWhatOthersWrote(t *testing.T, nodes []*Store) {
	for i := range 100 {
		writer, reader := nodes[i%3], nodes[(i+1)%3]
		room, _ := createRoom(t, writer)
		if _, err := reader.FindRoom(t.Context(), room.ARN); err != nil {
			t.Fatalf("FindRoom() at another node = %v, want the room", err)
		}
		name := strconv.Itoa(i)
		if _, err := writer.UpdateRoom(t.Context(), room.ARN, renamed(name)); err != nil {
			t.Fatal(err)
		}
		if got, err := current(t, reader, room.ARN); err != nil || got.Name != name {
			t.Fatalf("CurrentRoom() at another node = %q, %v; want the name %q", got.Name, err, name)
		}
		if list := currentList(t, reader, world); list[0].Name != name {
			t.Fatalf("ListRooms() at another node = %+v, want the room first", list)
		}
		if err := reader.DeleteRoom(t.Context(), room.ARN); err != nil {
			t.Fatalf("DeleteRoom() at another node = %v, want nil", err)
		}
		_, err := current(t, writer, room.ARN)
		if parley.CodeOf(err) != parley.NotFound {
			t.Fatalf("CurrentRoom() of what another node deleted = %v, want code %v",
				err, parley.NotFound)
		}
	}
}

// testNodesReadWhileOthersWrite has a room changed without pause from its creation on,
// and read on a node whose watch brings nothing.
func testNodesReadWhileOthersWrite(t *testing.T, nodes []*Store) {
	freeze(t, nodes[0])
	for range 30 {
		room, _ := createRoom(t, nodes[1])
		var acknowledged atomic.Int64
		ctx, stop := context.WithCancel(t.Context())
		var writing sync.WaitGroup
		writing.Go(func() {
			for i := int64(1); ctx.Err() == nil; i++ {
				if _, err := nodes[1].UpdateRoom(t.Context(), room.ARN,
					renamed(strconv.FormatInt(i, 10))); err != nil {
					t.Error(err)
					return
				}
				acknowledged.Store(i)
			}
		})
		for range 10 {
			want := acknowledged.Load()
			got, err := current(t, nodes[0], room.ARN)
			if have, _ := strconv.ParseInt(got.Name, 10, 64); err != nil || have < want {
				t.Errorf("CurrentRoom() = %q, %v; want the name %d or one that came later",
					got.Name, err, want)
				break
			}
		}
		stop()
		writing.Wait()
		if t.Failed() {
			return
		}
	}
}

func anyRoom(parley.Room) bool { return true }

// current is what CurrentRoom returns if nothing holds it up.
func current(t *testing.T, s *Store, arn parley.ARN) (room parley.Room, err error) {
	Promptly(func() { room, err = s.CurrentRoom(t.Context(), arn) })
	return room, err
}

// currentConfiguration is current for configurations.
func currentConfiguration(t *testing.T, s *Store, arn parley.ARN) (
	l parley.LoggingConfiguration, err error) {
	Promptly(func() { l, err = s.CurrentLoggingConfiguration(t.Context(), arn) })
	return l, err
}

// currentList is what ListRooms returns if nothing holds it up.
func currentList(t *testing.T, s *Store, w parley.World) (list []parley.Room) {
	Promptly(func() { list, _ = s.ListRooms(t.Context(), w, parley.Cursor{}, 100_000, anyRoom) })
	return list
}

func testCreatedOnce(t *testing.T, nodes []*Store) {
	for range 30 {
		room := parley.NewRoom(world, parley.RoomChange{}, nil, time.Now())
		wantOne(t, atOnce(nodes, func(i int, s *Store) error {
			mine := room
			mine.Name = strconv.Itoa(i)
			return s.CreateRoom(t.Context(), mine, 0)
		}), parley.Conflict)
	}
}

func testNoUpdateIsLost(t *testing.T, nodes []*Store) {
	room, _ := createRoom(t, nodes[0])
	callers := slices.Repeat(nodes, 4)
	const updates = 10
	for _, err := range atOnce(callers, func(i int, s *Store) error {
		for n := range updates {
			_, err := s.UpdateRoom(t.Context(), room.ARN, func(r parley.Room) (parley.Room, error) {
				tags := map[string]string{fmt.Sprint(i, "-", n): ""}
				for key := range r.Tags {
					tags[key] = ""
				}
				r.Tags = tags
				return r, nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	}) {
		if err != nil {
			t.Errorf("UpdateRoom() = %v, want nil", err)
		}
	}
	for i, s := range nodes {
		got, err := current(t, s, room.ARN)
		if want := len(callers) * updates; err != nil || len(got.Tags) != want {
			t.Errorf("node %d has the room with %d tags, %v; want all %d", i, len(got.Tags), err, want)
		}
	}
}

func testDeletedOnce(t *testing.T, nodes []*Store) {
	for range 30 {
		room, _ := createRoom(t, nodes[0])
		wantOne(t, atOnce(nodes, func(_ int, s *Store) error {
			return s.DeleteRoom(t.Context(), room.ARN)
		}), parley.NotFound)
	}
}

func testQuotaCountsAllNodes(t *testing.T, nodes []*Store) {
	elsewhere := parley.World{Region: "us-east-1", Account: world.Account}
	create := func(s *Store) error {
		return s.CreateRoom(t.Context(),
			parley.NewRoom(elsewhere, parley.RoomChange{}, nil, time.Now()), 6)
	}
	for i := range 6 {
		if err := create(nodes[i%3]); err != nil {
			t.Fatalf("CreateRoom() below the quota = %v, want nil", err)
		}
	}
	for _, s := range nodes {
		var err error
		Promptly(func() { err = create(s) })
		if parley.CodeOf(err) != parley.QuotaExceeded {
			t.Errorf("CreateRoom() over the quota = %v, want code %v", err, parley.QuotaExceeded)
		}
	}
}

func testRedeemedOnce(t *testing.T, nodes []*Store) {
	for range 50 {
		token := parley.NewToken(parley.TokenRequest{SessionMinutes: 1}, time.Now())
		wantOne(t, atOnce(slices.Repeat(nodes, 4), func(i int, s *Store) error {
			return s.Redeem(t.Context(), token, strconv.Itoa(i))
		}), parley.Unauthenticated)
	}
}

// testNodesAreAsOne does the same to three nodes, each time another one, and to a map.
func testNodesAreAsOne(t *testing.T, nodes []*Store) {
	rapid.Check(t, func(rt *rapid.T) {
		w := parley.World{Region: "eu-west-1", Account: fmt.Sprintf("%012d", rand.Int64N(1e12))} // empty
		model := map[parley.ARN]parley.Room{}
		node := rapid.SampledFrom(nodes)
		known := func(rt *rapid.T) parley.ARN {
			if len(model) == 0 {
				rt.Skip("no rooms")
			}
			arns := slices.SortedFunc(mapKeys(model), func(a, b parley.ARN) int {
				return model[a].CreateTime.Compare(model[b].CreateTime)
			})
			return rapid.SampledFrom(arns).Draw(rt, "room")
		}
		rt.Repeat(map[string]func(*rapid.T){
			"create": func(rt *rapid.T) {
				room := parley.NewRoom(w, parley.RoomChange{}, nil, time.Now().Round(0))
				if err := node.Draw(rt, "node").CreateRoom(context.Background(), room, 0); err != nil {
					rt.Fatal(err)
				}
				model[room.ARN] = room
			},
			"update": func(rt *rapid.T) {
				arn := known(rt)
				room, err := node.Draw(rt, "node").UpdateRoom(context.Background(), arn,
					renamed(rapid.StringMatching("[a-z]{3}").Draw(rt, "name")))
				if err != nil {
					rt.Fatal(err)
				}
				model[arn] = room
			},
			"delete": func(rt *rapid.T) {
				arn := known(rt)
				if err := node.Draw(rt, "node").DeleteRoom(context.Background(), arn); err != nil {
					rt.Fatal(err)
				}
				delete(model, arn)
			},
			"get": func(rt *rapid.T) {
				arn := known(rt)
				got, err := current(t, node.Draw(rt, "node"), arn)
				if diff := cmp.Diff(model[arn], got); err != nil || diff != "" {
					rt.Fatalf("CurrentRoom() = %v, differs (-want +got):\n%s", err, diff)
				}
			},
			"list": func(rt *rapid.T) {
				wantModel(rt, model, currentList(t, node.Draw(rt, "node"), w))
			},
		})
		// What the watches bring alone is the same in the end.
		for _, s := range nodes {
			within(t, "all copies are the same", func() bool {
				list, _ := s.rooms.copy.list(w, parley.Cursor{}, 1000, anyRoom)
				return len(list) == len(model) && !slices.ContainsFunc(list, func(r parley.Room) bool {
					return !cmp.Equal(r, model[r.ARN])
				})
			})
		}
	})
}

func mapKeys(model map[parley.ARN]parley.Room) func(yield func(parley.ARN) bool) {
	return func(yield func(parley.ARN) bool) {
		for arn := range model {
			if !yield(arn) {
				return
			}
		}
	}
}

func wantModel(rt *rapid.T, model map[parley.ARN]parley.Room, list []parley.Room) {
	if len(list) != len(model) {
		rt.Fatalf("%d rooms are listed, want %d", len(list), len(model))
	}
	for i, r := range list {
		if diff := cmp.Diff(model[r.ARN], r); diff != "" {
			rt.Fatalf("a listed room differs (-want +got):\n%s", diff)
		}
		if i > 0 && list[i-1].UpdateTime.Before(r.UpdateTime) {
			rt.Fatalf("rooms %d and %d are not listed by descending UpdateTime", i-1, i)
		}
	}
}

// testReferenceRaces has nodes delete configurations that rooms come to name elsewhere.
func testReferenceRaces(t *testing.T, nodes []*Store) {
	const lanes, rounds = 16, 65
	var named, kept [lanes]int // how often the room won, and the configuration was kept
	lane := make([]*Store, lanes)
	for i, err := range atOnce(lane, func(i int, _ *Store) error {
		for range rounds {
			room, gone, err := raceOverNodes(t, nodes)
			if err != nil {
				return err
			}
			if room {
				named[i]++
			}
			if !gone {
				kept[i]++
			}
		}
		return nil
	}) {
		if err != nil {
			t.Errorf("lane %d: %v", i, err)
		}
	}
	t.Logf("of %d configurations, were named and kept: %v, %v", rounds, named, kept)
	for i, s := range nodes {
		for _, room := range currentList(t, s, world) {
			for _, arn := range room.LoggingConfigurations {
				l, err := currentConfiguration(t, s, arn)
				if err != nil || l.State != parley.LoggingActive {
					t.Errorf("at node %d a room names %+v, %v; want an active one", i, l, err)
				}
			}
		}
	}
}

// raceOverNodes saves a room that names a configuration at one node, and deletes the
// configuration at another. It reports whether the room names it then, and whether it is
// gone. On a slow machine it may be neither: the room did not wait for the deletion, which
// was refused because of the room.
func raceOverNodes(t *testing.T, nodes []*Store) (named, gone bool, err error) {
	nodes = slices.Clone(nodes)
	rand.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
	l := parley.NewLoggingConfiguration(world, parley.LoggingConfigurationChange{}, nil, time.Now())
	if err := nodes[2].CreateLoggingConfiguration(t.Context(), l, 0); err != nil {
		return false, false, err
	}
	room := parley.NewRoom(world, parley.RoomChange{}, nil, time.Now())
	attached := rand.IntN(2) == 0
	if attached {
		if err := nodes[2].CreateRoom(t.Context(), room, 0); err != nil {
			return false, false, err
		}
	}
	began := time.Now()
	errs := atOnce(nodes[:2], func(i int, s *Store) error {
		switch {
		case i == 1:
			return s.DeleteLoggingConfiguration(t.Context(), l.ARN)
		case attached:
			return attach(t, s, room.ARN, l.ARN)
		}
		return s.CreateRoom(t.Context(), room.With(naming(l.ARN), time.Now()), 0)
	})
	slow := time.Since(began) >= announcedPatience
	_, lookErr := currentConfiguration(t, nodes[2], l.ARN)
	saved, roomErr := current(t, nodes[2], room.ARN)
	named, gone = len(saved.LoggingConfigurations) > 0, errs[1] == nil
	refused := parley.CodeOf(errs[0]) == parley.NotFound && !named && attached == (roomErr == nil)
	kept := parley.CodeOf(errs[1]) == parley.Conflict && lookErr == nil
	switch {
	case gone && refused && lookErr != nil,
		kept && errs[0] == nil && named && roomErr == nil,
		kept && refused && slow:
		return named, gone, nil
	}
	return named, gone, fmt.Errorf("save a room = %v (was there %v); delete what it names = %v; then the "+
		"configuration is %v, and the room %+v, %v", errs[0], attached, errs[1], lookErr, saved, roomErr)
}
