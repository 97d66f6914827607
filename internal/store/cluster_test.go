package store_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/parleytest/freeport"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/engine"
)

// cluster is stores that are the nodes of a cluster in this process.
type cluster struct {
	configs []store.Config
	nodes   []*store.Store
}

// openCluster opens the nodes of a cluster.
func openCluster(t testing.TB, size int) *cluster {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { store.WantNoLeaks(t, before) })
	c := &cluster{nodes: make([]*store.Store, size)}
	at := freeport.Addresses(size)
	for i := range size {
		c.configs = append(c.configs, store.Config{Dir: t.TempDir(), Node: fmt.Sprint("node", i),
			Cluster: &engine.Cluster{Name: "test", Listen: at[i], Join: at}})
	}
	c.open(t, 0, size)
	return c
}

// open opens some of the nodes at once.
func (c *cluster) open(t testing.TB, from, to int) {
	t.Helper()
	var opening sync.WaitGroup
	for i := from; i < to; i++ {
		opening.Go(func() {
			log, _ := newLog(t)
			var err error
			if c.nodes[i], err = store.Open(context.Background(), c.configs[i], log); err != nil {
				t.Errorf("Open(node%d) = %v, want a store", i, err)
			}
		})
	}
	opening.Wait()
	if t.Failed() {
		t.FailNow()
	}
	for _, s := range c.nodes[from:to] {
		t.Cleanup(func() { closeStore(t, s) })
	}
}

// within waits until done.
func within(t testing.TB, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !done(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("after %s, still not: %s", patience, what)
		}
	}
}

// TestNodesOfACluster has what one node saves and publishes come to the others, of
// which one stops and comes back.
func TestNodesOfACluster(t *testing.T) {
	c := openCluster(t, 3)
	for i, s := range c.nodes {
		within(t, fmt.Sprint("all is well on node", i),
			func() bool { return s.Check(t.Context()) == nil })
	}
	names := []string{"node0", "node1", "node2"}
	within(t, "node0 hears all", func() bool { return slices.Equal(c.nodes[0].Live(), names) })
	room := rooms.create(t, c.nodes[0])
	arrived := subscribe(t, c.nodes[1], room.ARN)
	publish(t, c.nodes[2], room.ARN, "hello")
	receive(t, arrived, "hello")
	closeStore(t, c.nodes[2])
	second := rooms.create(t, c.nodes[0])
	c.open(t, 2, 3)
	for _, arn := range []parley.ARN{room.ARN, second.ARN} {
		if _, err := c.nodes[2].FindRoom(t.Context(), arn); err != nil {
			t.Errorf("FindRoom(%s) of the node that came back = %v, want the room", arn, err)
		}
	}
	publish(t, c.nodes[2], room.ARN, "again")
	receive(t, arrived, "again")

	within(t, "a node says that it can save", func() bool { return c.nodes[0].Stats().CanSave })
	closeStore(t, c.nodes[1])
	closeStore(t, c.nodes[2])
	within(t, "the node that is left says that it cannot save", func() bool {
		return !c.nodes[0].Stats().CanSave
	})
}

// TestTokensAreUsedOnceInACluster restarts two of three nodes one after the other, and
// tries all tokens again on all nodes.
func TestTokensAreUsedOnceInACluster(t *testing.T) {
	c := openCluster(t, 3)
	var tokens []parley.Token
	for i := range 64 {
		token := newToken()
		if err := c.nodes[i%3].Redeem(t.Context(), token, "first"); err != nil {
			t.Fatalf("Redeem() = %v, want nil", err)
		}
		tokens = append(tokens, token)
	}
	for i := range 2 {
		closeStore(t, c.nodes[i])
		c.open(t, i, i+1)
	}
	for i, token := range tokens {
		wantCode(t, "redeem a token again", c.nodes[i%3].Redeem(t.Context(), token, "second"),
			parley.Unauthenticated)
	}
	start := time.Now()
	if err := c.nodes[0].Redeem(t.Context(), newToken(), "first"); err != nil {
		t.Errorf("Redeem() of a new token = %v after %s, want nil", err, time.Since(start))
	}
}
