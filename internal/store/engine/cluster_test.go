package engine_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-chat/parley/internal/parleytest/freeport"
	"github.com/parley-chat/parley/internal/store/engine"
)

// put saves a value, when the bucket has a leader that takes it.
func put(t testing.TB, kv jetstream.KeyValue, key, value string) {
	t.Helper()
	eventually(t, func() error {
		_, err := kv.PutString(t.Context(), key, value)
		return err
	})
}

// wantKey waits until a bucket shows that it has a key: a replica that answers may be
// behind.
func wantKey(t testing.TB, kv jetstream.KeyValue, key string) {
	t.Helper()
	eventually(t, func() error {
		if _, err := kv.Get(t.Context(), key); err != nil {
			return fmt.Errorf("key %s: %w", key, err)
		}
		return nil
	})
}

// wantNames waits until a node shows which nodes there are and which of them are alive:
// in each answer, those are missing that took too long.
func wantNames(t testing.TB, n *node, alive, dead []string) {
	t.Helper()
	eventually(t, func() error {
		s := n.status(t)
		var gotAlive, gotDead []string
		for _, node := range s.Nodes {
			if node.Alive {
				gotAlive = append(gotAlive, node.Name)
			} else {
				gotDead = append(gotDead, node.Name)
			}
		}
		if s.Leader == "" || !slices.Equal(gotAlive, alive) || !slices.Equal(gotDead, dead) {
			return fmt.Errorf("Status() shows the leader %q, %v alive and %v dead, want one, %v and %v",
				s.Leader, gotAlive, gotDead, alive, dead)
		}
		return nil
	})
}

// remove has a cluster forget a dead node, as soon as it is believed to be dead.
func remove(t testing.TB, from *node, name string) {
	t.Helper()
	eventually(t, func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		err := from.RemoveNode(ctx, name)
		if err != nil && strings.Contains(err.Error(), "has no node") {
			return nil // an attempt that was not answered in time was the one
		}
		return err
	})
}

func TestClusterSaysHowItIs(t *testing.T) {
	c := newCluster(t, 3, nil)
	put(t, c.nodes[0].bucket(t, "b"), "key", "value")
	for i, n := range c.nodes {
		if n.Quorum() != 2 || n.Replicas() != 3 || !n.Shared() || n.Bucket("b") != "b" ||
			n.Prefix() != "parley" || n.Node() != fmt.Sprint("node", i) {
			t.Errorf("node %d: quorum %d, replicas %d, shared %t, bucket %q, prefix %q, name %q; "+
				"want 2, 3, true, b, parley, node%d", i, n.Quorum(), n.Replicas(), n.Shared(),
				n.Bucket("b"), n.Prefix(), n.Node(), i)
		}
		wantNames(t, n, []string{"node0", "node1", "node2"}, nil)
		eventually(t, func() error { return checkStatus(n.status(t), c.addresses) })
		eventually(t, func() error {
			stats, err := n.Stats()
			if err != nil || stats.Entries != 1 || stats.Bytes == 0 {
				return fmt.Errorf("Stats() = %+v, %v; want one entry", stats, err)
			}
			return nil
		})
	}
}

// checkStatus checks what a node of a cluster of three says, in which a bucket named b has
// one entry.
func checkStatus(s engine.Status, addresses []string) error {
	if s.Mode != "cluster" || s.Cluster != "test" || s.Leader == "" || len(s.Streams) != 1 {
		return fmt.Errorf("Status() = %+v, want a cluster named test with a leader and one bucket", s)
	}
	if len(s.Nodes) != len(addresses) {
		return fmt.Errorf("Status() shows the nodes %+v, want %d", s.Nodes, len(addresses))
	}
	for i, node := range s.Nodes {
		if node.Address != addresses[i] || node.Since.IsZero() || node.LastSeen.IsZero() {
			return fmt.Errorf("Status() shows %+v, want address %s and times", node, addresses[i])
		}
	}
	b := s.Streams[0]
	if b.Bucket != "b" || b.Leader == "" || b.Messages != 1 || len(b.Replicas) != 2 {
		return fmt.Errorf("Status() shows bucket %+v, want b with a leader, a message and two replicas", b)
	}
	return nil
}

// leaderOf returns the node that leads the only bucket, as a node knows it; empty if it
// does not.
func leaderOf(t testing.TB, n *node) string {
	t.Helper()
	if s := n.status(t); len(s.Streams) > 0 {
		return s.Streams[0].Leader
	}
	return ""
}

// hasCopy reports whether a node has all of the only bucket.
func hasCopy(s engine.Status, name string) bool {
	if len(s.Streams) != 1 {
		return false
	}
	b := s.Streams[0]
	return b.Leader == name || slices.ContainsFunc(b.Replicas, func(r engine.Replica) bool {
		return r.Node == name && r.Current && r.Lag == 0
	})
}

// shortestElection is how long a bucket takes no writes at the least when its leader dies,
// and does not hand over.
const shortestElection = 3 * time.Second

// TestNodeStopsAndComesBack stops a node that leads. The others go on at once, since it
// handed its leaderships over, and it takes in what it missed before it is current.
func TestNodeStopsAndComesBack(t *testing.T) {
	c := newCluster(t, 3, nil)
	kv := c.nodes[0].bucket(t, "b")
	put(t, kv, "before", "x")
	within(t, "node1 leads", func() bool {
		if leaderOf(t, c.nodes[0]) == "node1" {
			return true
		}
		_ = c.nodes[0].MoveLeader(t.Context(), "b", "node1") // again, if it did not
		return false
	})
	c.nodes[1].Stop()
	start := time.Now()
	put(t, kv, "meanwhile", "x")
	if took := time.Since(start); took > shortestElection {
		t.Errorf("a write after the leader stopped in order took %s, want no election", took)
	}
	wantNames(t, c.nodes[0], []string{"node0", "node2"}, []string{"node1"})
	c.nodes[1].start(t)
	if err := c.nodes[1].Current(t.Context()); err != nil {
		t.Fatalf("Current() = %v, want nil", err)
	}
	c.nodes[0].Stop()
	again := c.nodes[1].bucket(t, "b")
	for _, key := range []string{"before", "meanwhile"} {
		wantKey(t, again, key)
	}
}

// TestNodeIsRemovedAndReplaced removes a dead node, and starts one with another name
// and an empty folder, which takes over its share.
func TestNodeIsRemovedAndReplaced(t *testing.T) {
	c := newCluster(t, 3, nil)
	kv := c.nodes[0].bucket(t, "b")
	put(t, kv, "key", "x")
	for name, want := range map[string]string{"node2": "is alive", "nobody": "has no node"} {
		eventually(t, func() error {
			err := c.nodes[0].RemoveNode(t.Context(), name)
			if err == nil || !strings.Contains(err.Error(), want) {
				return fmt.Errorf("RemoveNode(%s) = %v, want an error with %q", name, err, want)
			}
			return nil
		})
	}
	c.nodes[2].Stop()
	remove(t, c.nodes[0], "node2")
	wantNames(t, c.nodes[0], []string{"node0", "node1"}, nil)
	put(t, kv, "key", "y")
	cfg := c.config(t, 2)
	cfg.Node = "node3"
	replacement := &node{config: cfg}
	replacement.start(t)
	if t.Failed() {
		return
	}
	within(t, "the new node has a copy",
		func() bool { return hasCopy(replacement.status(t), "node3") })
	wantNames(t, replacement, []string{"node0", "node1", "node3"}, nil)
}

// TestClusterWaitsForItsNodes starts one node of three: it says who is missing.
func TestClusterWaitsForItsNodes(t *testing.T) {
	noLeaks(t)
	at := freeport.Addresses(3)
	log, lines := newLog(t)
	e, err := engine.Start(t.Context(), engine.Config{
		Dir: t.TempDir(), Node: "a", StartTimeout: 11 * time.Second,
		Cluster: &engine.Cluster{Name: "test", Listen: at[0], Join: at},
	}, log)
	if err == nil {
		e.Stop()
		t.Fatal("Start() of one node of three = nil, want an error")
	}
	for _, want := range []string{"waited 11s",
		at[1] + " (not reached: connect: connection refused)", at[2]} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Start() of one node of three = %q, want %q in it", err, want)
		}
	}
	if !strings.Contains(lines.String(), at[1]) {
		t.Errorf("the log says only %s, want the address of a missing node", lines)
	}
	if strings.Contains(err.Error(), at[0]) {
		t.Errorf("Start() = %q, want it not to miss itself, %s", err, at[0])
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	noLeaks(t)
	at := freeport.Addresses(3)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	log, _ := newLog(t)
	_, err := engine.Start(ctx, engine.Config{Dir: t.TempDir(), Node: "a",
		Cluster: &engine.Cluster{Name: "test", Listen: at[0], Join: at}}, log)
	if err == nil || ctx.Err() == nil {
		t.Errorf("Start() = %v before its context ended (%v), want an error after", err, ctx.Err())
	}
}

// TestFoldersOfAnotherKindAreRefused gives the folder of a node without others to a
// cluster, which would drop what is in it, and the other way round.
func TestFoldersOfAnotherKindAreRefused(t *testing.T) {
	c := newCluster(t, 3, nil)
	log, _ := newLog(t)
	alone := engine.Config{Dir: t.TempDir(), Node: "a"}
	e, err := engine.Start(t.Context(), alone, log)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{Engine: e}
	put(t, n.bucket(t, "b"), "key", "x")
	e.Stop()
	c.nodes[0].Stop()
	joining := c.config(t, 0)
	joining.Dir = alone.Dir
	alone.Dir = c.nodes[0].config.Dir
	for what, cfg := range map[string]engine.Config{
		"what a node without others saved": joining, "a node's share of a cluster": alone,
	} {
		e, err := engine.Start(t.Context(), cfg, log)
		if err == nil {
			e.Stop()
		}
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("Start() = %v, want an error with %q", err, what)
		}
	}
	alone.Dir = joining.Dir
	if e, err = engine.Start(t.Context(), alone, log); err != nil {
		t.Fatalf("Start() with its own folder again = %v, want nil", err)
	}
	t.Cleanup(e.Stop)
	if _, err := (&node{Engine: e}).bucket(t, "b").Get(t.Context(), "key"); err != nil {
		t.Errorf("after a refused start the folder lost its entry: %v", err)
	}
}

// leaders counts how many buckets each node leads.
func leaders(s engine.Status) map[string]int {
	led := map[string]int{}
	for _, n := range s.Nodes {
		led[n.Name] = 0
	}
	for _, b := range s.Streams {
		led[b.Leader]++
	}
	return led
}

func most(led map[string]int) int  { return slices.Max(slices.Collect(maps.Values(led))) }
func least(led map[string]int) int { return slices.Min(slices.Collect(maps.Values(led))) }

// TestLeadersAreSpread has one node lead all buckets, and lets the balancer do a round.
func TestLeadersAreSpread(t *testing.T) {
	c := newCluster(t, 3, nil)
	var buckets []string
	for i := range 8 {
		buckets = append(buckets, fmt.Sprint("b", i))
		c.nodes[0].bucket(t, buckets[i])
	}
	within(t, "node0 leads all", func() bool {
		for _, b := range c.nodes[0].status(t).Streams {
			if b.Leader != "node0" {
				_ = c.nodes[0].MoveLeader(t.Context(), b.Bucket, "node0") // again, if it did not
			}
		}
		return leaders(c.nodes[0].status(t))["node0"] == len(buckets)
	})
	within(t, "leaders are spread", func() bool {
		c.nodes[1].BalanceNow(t.Context(), buckets)
		led := leaders(c.nodes[1].status(t))
		return led["node0"]+led["node1"]+led["node2"] == len(buckets) &&
			most(led)-least(led) <= 1
	})
}
