package store

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store/marks"
)

// others returns the two servers besides one.
func others(i int) (a, b int) { return (i + 1) % 3, (i + 2) % 3 }

// A leader that dies loses nothing that was acknowledged, and is waited for.
func TestLeaderDiesDuringWrites(t *testing.T) {
	servers := StartServers(t)
	nodes := servers.OpenAll("writes")
	leader := servers.Leader("writes", roomsBucket)
	a, b := others(leader)
	survivors := []*Store{nodes[a], nodes[b]}
	l := createConfiguration(t, nodes[a])

	stop, started := make(chan struct{}), make(chan struct{}, 1)
	var mu sync.Mutex // guards what follows
	saved := map[parley.ARN]string{}
	var longest time.Duration
	writer := func(s *Store) error {
		for round := 0; ; round++ {
			select {
			case <-stop:
				return nil
			default:
			}
			began := time.Now()
			room := parley.NewRoom(world, naming(l.ARN), nil, began)
			err := s.CreateRoom(t.Context(), room, 0)
			if err == nil {
				_, err = s.UpdateRoom(t.Context(), room.ARN, renamed("new"))
				mu.Lock()
				saved[room.ARN] = ""
				if err == nil {
					saved[room.ARN] = "new"
				}
				longest = max(longest, time.Since(began))
				mu.Unlock()
			}
			if err != nil && parley.CodeOf(err) != parley.Unavailable {
				return err
			}
			select {
			case started <- struct{}{}:
			default:
			}
		}
	}
	done := make(chan []error, 1)
	go func() {
		done <- atOnce([]*Store{survivors[0], survivors[1], survivors[0], survivors[1]},
			func(_ int, s *Store) error { return writer(s) })
	}()
	for range 50 {
		<-started
	}
	led := servers.Leader("writes", roomsBucket) == leader // else its death holds up nobody
	servers.Kill(leader)
	before := time.Now()
	within(t, "rooms are saved again", func() bool {
		return survivors[0].CreateRoom(t.Context(),
			parley.NewRoom(world, parley.RoomChange{}, nil, time.Now()), 0) == nil
	})
	t.Logf("the buckets took writes again after %s", time.Since(before))
	close(stop)
	for _, err := range <-done {
		if err != nil {
			t.Errorf("a write while the leader dies = %v, want nil or code %v", err, parley.Unavailable)
		}
	}
	t.Logf("%d rooms were saved, the slowest within %s", len(saved), longest)
	if led && longest < time.Second {
		t.Error("no write outlasted the election, want those under way to")
	}
	servers.Run(leader)
	for i, s := range []*Store{survivors[0], survivors[1], servers.Open(leader, "writes")} {
		for arn, name := range saved {
			got, err := current(t, s, arn)
			if err != nil || name != "" && got.Name != name {
				t.Errorf("node %d has what was saved as %q as %+v, %v", i, name, got, err)
			}
		}
	}
}

// A node that is cut off knows nothing of what others do, and does not say so.
func TestNodeThatIsCutOff(t *testing.T) {
	servers := StartServers(t)
	nodes := servers.OpenAll("cut")
	alone := servers.Leader("cut", roomsBucket)
	a, b := others(alone)
	known, _ := createRoom(t, nodes[a])
	if _, err := nodes[alone].FindRoom(t.Context(), known.ARN); err != nil {
		t.Fatal(err)
	}
	servers.Cut(alone)
	var created parley.Room
	within(t, "the others go on", func() bool {
		created = parley.NewRoom(world, parley.RoomChange{}, nil, time.Now())
		return nodes[b].CreateRoom(t.Context(), created, 0) == nil
	})
	if _, err := current(t, nodes[a], created.ARN); err != nil {
		t.Errorf("CurrentRoom() at the other node = %v, want the room", err)
	}

	// It still thinks that it leads.
	short := func() context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		t.Cleanup(cancel)
		return ctx
	}
	s := nodes[alone]
	_, findErr := s.FindRoom(short(), created.ARN)
	_, currentErr := s.CurrentRoom(short(), created.ARN)
	_, updateErr := s.UpdateRoom(short(), known.ARN, renamed("lost"))
	for what, err := range map[string]error{
		"FindRoom() of another's":    findErr,
		"CurrentRoom() of another's": currentErr,
		"UpdateRoom()":               updateErr,
		"DeleteRoom() of another's":  s.DeleteRoom(short(), created.ARN),
		"CreateRoom()": s.CreateRoom(short(),
			parley.NewRoom(world, parley.RoomChange{}, nil, time.Now()), 0),
		"Redeem()": s.Redeem(short(),
			parley.NewToken(parley.TokenRequest{SessionMinutes: 1}, time.Now()), "a"),
	} {
		if parley.CodeOf(err) != parley.Unavailable {
			t.Errorf("%s at a node that is cut off = %v, want code %v", what, err, parley.Unavailable)
		}
	}
	if _, err := s.CurrentRoom(t.Context(), known.ARN); err != nil {
		t.Errorf("CurrentRoom() of what the node knows = %v, want it", err)
	}
	within(t, "the node that is cut off says that it cannot save", func() bool {
		return !s.Stats().CanSave
	})
	if list, _ := s.ListRooms(t.Context(), world, parley.Cursor{}, 10, anyRoom); len(list) != 1 {
		t.Errorf("ListRooms() = %+v, want what the node knows: not %s", list, created.ARN)
	}

	servers.Heal(alone)
	within(t, "the node is back", func() bool {
		_, err := s.Room(created.ARN)
		return err == nil
	})
	within(t, "it can write", func() bool {
		err := s.DeleteRoom(t.Context(), created.ARN)
		// An attempt that was not answered in time may have been the one.
		return err == nil || parley.CodeOf(err) == parley.NotFound
	})
	within(t, "it says that it can save", func() bool { return s.Stats().CanSave })
	got, err := current(t, nodes[a], known.ARN)
	if err != nil || got.Name == "lost" {
		t.Logf("a change that was refused as unavailable is made: %+v, %v", got, err)
	}
	mine, err := current(t, s, known.ARN)
	if err != nil || mine.Name != got.Name {
		t.Errorf("the nodes disagree about a room: %q and %q, %v", got.Name, mine.Name, err)
	}
}

func TestRedeemWhileALeaderDies(t *testing.T) {
	servers := StartServers(t)
	nodes := servers.OpenAll("redeem")
	// The tokens whose marks lose their leader, and one whose marks do not.
	names := marks.BucketNames()
	dies := servers.Leader("redeem", names[0])
	a, b := others(dies)
	var tokens []parley.Token
	spared := 0
	for len(tokens) < 60 || spared == 0 {
		token := parley.NewToken(parley.TokenRequest{SessionMinutes: 1}, time.Now())
		led := servers.Leader("redeem", names[marks.BucketOf(token.ID)]) == dies
		if !led {
			spared++
		}
		tokens = append(tokens, token)
	}
	servers.Kill(dies)
	const most = 10 * time.Second // that Redeem takes
	redeem := func(s *Store, connection string) []error {
		return atOnce(make([]*Store, len(tokens)), func(i int, _ *Store) error {
			began := time.Now()
			err := s.Redeem(t.Context(), tokens[i], connection)
			if took := time.Since(began); took > 2*most { // the machine may be busy
				t.Errorf("Redeem() took %s, want at most %s", took, most)
			}
			return err
		})
	}
	first := redeem(nodes[a], "a")
	for i, err := range redeem(nodes[b], "b") {
		for first[i] == nil && parley.CodeOf(err) == parley.Unavailable { // another election
			err = nodes[b].Redeem(t.Context(), tokens[i], "b")
		}
		switch {
		case first[i] == nil && !errors.Is(err, marks.ErrRefused):
			t.Errorf("Redeem() of a used token = %v, want %v", err, marks.ErrRefused)
		case first[i] != nil && parley.CodeOf(first[i]) != parley.Unavailable:
			t.Errorf("Redeem() while a leader dies = %v, want code %v", first[i], parley.Unavailable)
		}
	}
	redeemed := 0
	for _, err := range first {
		if err == nil {
			redeemed++
		}
	}
	t.Logf("%d of %d tokens were redeemed at once, %d of them without waiting",
		redeemed, len(tokens), spared)
	if redeemed < spared {
		t.Errorf("%d tokens were redeemed, want at least those of other leaders, %d", redeemed, spared)
	}
}

// marksSince returns when the buckets of marks were made.
func marksSince(t *testing.T, s *Store) (since []time.Time) {
	t.Helper()
	for _, name := range marks.BucketNames() {
		stream, err := s.js.Stream(t.Context(), "KV_"+s.engine.Bucket(name))
		if err != nil {
			t.Fatal(err)
		}
		since = append(since, stream.CachedInfo().Created)
	}
	return since
}

// Servers that restart one after the other lose no mark, and refuse no token.
func TestMarksSurviveRollingRestart(t *testing.T) {
	servers := StartServers(t)
	first := servers.Open(0, "rolling")
	began := marksSince(t, first)
	used, unused := parley.NewToken(parley.TokenRequest{SessionMinutes: 1}, time.Now()),
		parley.NewToken(parley.TokenRequest{SessionMinutes: 1}, time.Now())
	unused.ExpiresAt = unused.ExpiresAt.Add(time.Hour) // not while the servers restart
	before := unused
	before.IssuedAt = time.Now().Add(-time.Hour)
	if err := first.Redeem(t.Context(), used, "a"); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range servers.running {
		servers.Stop(i)
		servers.Run(i)
		servers.Settle(t)
	}
	s := servers.Open(1, "rolling")
	for i, since := range marksSince(t, s) {
		if !since.Equal(began[i]) {
			t.Errorf("bucket %d is from %s after the restarts, want %s", i, since, began[i])
		}
	}
	for what, err := range map[string]error{
		"a used token":                  s.Redeem(t.Context(), used, "b"),
		"a token from before the marks": s.Redeem(t.Context(), before, "b"),
	} {
		if !errors.Is(err, marks.ErrRefused) {
			t.Errorf("Redeem() of %s after a rolling restart = %v, want %v", what, err, marks.ErrRefused)
		}
	}
	if err := s.Redeem(t.Context(), unused, "b"); err != nil {
		t.Errorf("Redeem() of a token from before the restarts = %v, want nil", err)
	}
}
