package keyring_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/app/keyring"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/engine"
	"github.com/parley-chat/parley/internal/token"
)

// nodes are three nodes that share their keys.
type nodes struct {
	configs [3]store.Config
	stores  [3]*store.Store
	rings   [3]*keyring.Keyring
}

// startNodes returns when all nodes have started. They stop with the test.
func startNodes(t *testing.T) *nodes {
	t.Helper()
	n := &nodes{}
	join := freeAddresses(t, len(n.configs))
	t.Cleanup(func() {
		for i := range n.stores {
			n.stop(i)
		}
	})
	var errs [3]error
	var all sync.WaitGroup
	for i, address := range join {
		n.configs[i] = store.Config{Dir: t.TempDir(), Node: fmt.Sprint("node-", i),
			Cluster: &engine.Cluster{Name: "test", Listen: address, Join: join}}
		all.Go(func() { errs[i] = n.start(t, i) })
	}
	all.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	return n
}

// freeAddresses returns addresses on which nobody listens, of this machine alone.
func freeAddresses(t *testing.T, n int) (addresses []string) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // all of them at the end, so that no two are the same
		addresses = append(addresses, l.Addr().String())
	}
	return addresses
}

// start starts a node, at the address that it had before.
func (n *nodes) start(t *testing.T, i int) (err error) {
	log := slog.New(slog.DiscardHandler)
	if n.stores[i], err = store.Open(t.Context(), n.configs[i], log); err != nil {
		return err
	}
	if n.rings[i], err = keyring.Load(t.Context(), n.stores[i], master, month, log); err != nil {
		return err
	}
	return n.rings[i].Start(t.Context())
}

func (n *nodes) stop(i int) {
	n.rings[i].Close()
	if n.stores[i] != nil {
		_ = n.stores[i].Close()
	}
}

// TestRotationOfThreeNodes is about rotations that do not go as they usually do. Its
// parts share a cluster, since it takes seconds to start.
func TestRotationOfThreeNodes(t *testing.T) {
	n := startNodes(t)
	t.Run("by all at once", func(t *testing.T) { rotateTogether(t, n) })
	n.rings[2].Close()
	t.Run("that one has not heard of", func(t *testing.T) { rotateUnheard(t, n) })
	t.Run("that one does not answer", func(t *testing.T) { rotateUnanswered(t, n) })
}

// rotateTogether has all nodes rotate at once: they help each other.
func rotateTogether(t *testing.T, n *nodes) {
	var sealing [3]token.KeyID
	var all sync.WaitGroup
	for i, k := range n.rings {
		all.Go(func() {
			if err := k.Rotate(t.Context()); err != nil {
				t.Errorf("node %d: %v", i, err)
			}
			sealing[i] = seals(k)
		})
	}
	all.Wait()
	newest := n.rings[0].Keys()
	if len(newest) < 2 || len(newest) > 4 {
		t.Errorf("three rotations at once left %d keys: %+v", len(newest), newest)
	}
	for i, id := range sealing {
		if !slices.ContainsFunc(newest, func(k token.Key) bool { return k.ID == id }) {
			t.Errorf("on node %d the key %s seals, which is not among %+v", i, id, newest)
		}
	}
}

// rotateUnheard has node 2, which is deaf, be offered tokens of a key that it does not
// know.
func rotateUnheard(t *testing.T, n *nodes) {
	if err := keyring.RotateAlone(t.Context(), n.rings[0]); err != nil {
		t.Fatal(err)
	}
	if seals(n.rings[2]) == seals(n.rings[0]) {
		t.Fatalf("the node that should be deaf has heard of %s", seals(n.rings[0]))
	}
	for range 3 {
		wantOpen(t, "a token of a key that the node has not heard of", n.rings[2], sealed(t, n.rings[0]))
	}
	forged := "AQ" + strings.Repeat("A", 100) // of the key 00000000
	start := time.Now()
	for range 5 {
		if _, err := n.rings[2].Open(forged, time.Now()); err == nil {
			t.Fatal("a forged token was accepted")
		}
	}
	if took := time.Since(start); took < time.Second {
		t.Errorf("5 reads for keys that do not exist took %s: they are not spaced", took)
	}
}

// rotateUnanswered has node 2 be alive, and not answer.
func rotateUnanswered(t *testing.T, n *nodes) {
	before := n.rings[0].Keys()
	err := n.rings[0].Rotate(t.Context())
	const want = "the new token key was withdrawn: it did not reach node-2 within 10s"
	if err == nil || err.Error() != want {
		t.Errorf("a rotation that a node does not answer: %v, want %q", err, want)
	}
	if after := n.rings[0].Keys(); !slices.Equal(after, before) {
		t.Errorf("it changed the keys from %+v to %+v", before, after)
	}
	// A node that is dead is not waited for.
	n.stop(2)
	last := seals(n.rings[0])
	if err := n.rings[0].Rotate(t.Context()); err != nil || seals(n.rings[0]) == last {
		t.Errorf("a rotation without the node: %v, and %s seals", err, seals(n.rings[0]))
	}
	if err := n.start(t, 2); err != nil {
		t.Fatal(err)
	}
	wantOpen(t, "a token of the new key", n.rings[2], sealed(t, n.rings[0]))
}
