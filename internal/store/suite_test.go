package store_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store"
)

// behaviour is what holds of every store.
type behaviour struct {
	name string
	test func(t *testing.T, s *store.Store) // with an empty one
}

// suite are the behaviours of resources and tokens.
var suite = []behaviour{
	{"a detached review handler is kept", testDetachedReviewHandlerIsKept},
	{"every kind of destination is kept", testEveryKindOfDestinationIsKept},
	{"rooms that match are listed", testListRoomsThatMatch},
	{"a room cannot name an unknown configuration", testRoomCannotNameAnUnknownConfiguration},
	{"a configuration in use is not deleted", testConfigurationIsNotDeletedWhileARoomNamesIt},
	{"a configuration is named or deleted", testConfigurationIsNamedOrDeleted},
	{"nothing dangles when callers go away", testNothingDanglesWhenCallersGoAway},
	{"a backup has its form", testBackupHasItsForm},
	{"a restore is done again", testRestoreIsDoneAgain},
	{"a restore overwrites when told", testRestoreOverwritesWhenTold},
	{"a conflict writes nothing", testConflictWritesNothing},
	{"restores at the same time help each other", testRestoresAtTheSameTime},
	{"many rooms are restored", testManyRoomsAreRestored},
	{"a token is used once", testTokenIsUsedOnce},
	{"a race for a token has one winner", testRedemptionRaceHasOneWinner},
}

// modes are how a store may be. What start returns has an empty one.
var modes = []struct {
	name  string
	start func(t *testing.T) (empty func(t *testing.T) *store.Store)
}{
	{"memory", func(*testing.T) func(t *testing.T) *store.Store {
		return func(t *testing.T) *store.Store { return open(t, "") }
	}},
	{"files", func(*testing.T) func(t *testing.T) *store.Store {
		return func(t *testing.T) *store.Store { return open(t, t.TempDir()) }
	}},
	{"three nodes", startThree},
}

func TestEveryStore(t *testing.T) {
	for _, mode := range modes {
		t.Run(mode.name, func(t *testing.T) {
			empty := mode.start(t)
			for _, b := range suite {
				t.Run(b.name, func(t *testing.T) { b.test(t, empty(t)) })
			}
			for _, b := range rooms.suite() {
				t.Run("rooms "+b.name, func(t *testing.T) { b.test(t, empty(t)) })
			}
			for _, b := range configurations.suite() {
				t.Run("configurations "+b.name, func(t *testing.T) { b.test(t, empty(t)) })
			}
		})
	}
}

// startThree starts three nodes, of which the first is tested, and the others must have
// seen the same when a test ends. All know that nothing is left when the next one begins.
func startThree(t *testing.T) (empty func(t *testing.T) *store.Store) {
	nodes := store.StartServers(t).OpenAll("suite")
	return func(t *testing.T) *store.Store {
		t.Cleanup(func() {
			wantAllSame(t, nodes)
			clear(t, nodes[2], rooms)
			clear(t, nodes[1], configurations)
			wantAllSame(t, nodes)
		})
		return nodes[0]
	}
}

// worlds are where the tests have resources.
var worlds = []parley.World{world, {Region: "us-east-1", Account: world.Account},
	{Region: world.Region, Account: "210987654321"}}

// listed returns all resources of a kind that a node lists.
func listed[T any](k kind[T]) func(s *store.Store) []T {
	return func(s *store.Store) (all []T) {
		for _, w := range worlds {
			var list []T
			store.Promptly(func() {
				list, _ = k.list(s, context.Background(), w, parley.Cursor{}, 10_000)
			})
			all = append(all, list...)
		}
		return all
	}
}

// wantAllSame checks that all nodes list the same of both kinds.
func wantAllSame(t *testing.T, nodes []*store.Store) {
	t.Helper()
	wantSame(t, nodes, listed(rooms))
	wantSame(t, nodes, listed(configurations))
}

// wantSame checks that all nodes list the same.
func wantSame[T any](t *testing.T, nodes []*store.Store, list func(*store.Store) []T) {
	t.Helper()
	want := list(nodes[0])
	for i, node := range nodes {
		if diff := cmp.Diff(want, list(node)); diff != "" {
			t.Errorf("node %d lists others than node 0 (-want +got):\n%s", i, diff)
		}
	}
}

// clear deletes all resources of a kind.
func clear[T any](t *testing.T, s *store.Store, k kind[T]) {
	t.Helper()
	for _, r := range listed(k)(s) {
		if err := k.delete(s, context.Background(), k.arn(r)); err != nil {
			t.Errorf("delete %s = %v, want nil", k.arn(r), err)
		}
	}
}
