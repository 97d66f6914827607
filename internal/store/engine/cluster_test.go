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

func put(t testing.TB, kv jetstream.KeyValue, key, value string) {
	t.Helper()
	if _, err := kv.PutString(t.Context(), key, value); err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
}

// wantNames checks which nodes there are and which of them are alive.
func wantNames(t testing.TB, s engine.Status, alive, dead []string) {
	t.Helper()
	var gotAlive, gotDead []string
	for _, n := range s.Nodes {
		if n.Alive {
			gotAlive = append(gotAlive, n.Name)
		} else {
			gotDead = append(gotDead, n.Name)
		}
	}
	if !slices.Equal(gotAlive, alive) || !slices.Equal(gotDead, dead) {
		t.Errorf("Status() shows %v alive and %v dead, want %v and %v", gotAlive, gotDead, alive, dead)
	}
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
		s := n.status(t)
		wantNames(t, s, []string{"node0", "node1", "node2"}, nil)
		if s.Mode != "cluster" || s.Cluster != "test" || s.Leader == "" || len(s.Streams) != 1 {
			t.Fatalf("Status() = %+v, want a cluster named test with a leader and one bucket", s)
		}
		for j, node := range s.Nodes {
			if node.Address != c.addresses[j] || node.Since.IsZero() || node.LastSeen.IsZero() {
				t.Errorf("Status() shows %+v, want address %s and times", node, c.addresses[j])
			}
		}
		b := s.Streams[0]
		if b.Bucket != "b" || b.Leader == "" || b.Messages != 1 || len(b.Replicas) != 2 {
			t.Errorf("Status() shows bucket %+v, want b with a leader, a message and two replicas", b)
		}
		if stats, err := n.Stats(); err != nil || stats.Entries != 1 || stats.Bytes == 0 {
			t.Errorf("Stats() = %+v, %v; want one entry", stats, err)
		}
	}
}

// TestNodeStopsAndComesBack stops a node that leads. The others go on at once, since it
// handed its leaderships over, and it takes in what it missed before it is current.
func TestNodeStopsAndComesBack(t *testing.T) {
	c := newCluster(t, 3, nil)
	kv := c.nodes[0].bucket(t, "b")
	put(t, kv, "before", "x")
	if err := c.nodes[0].MoveLeader(t.Context(), "b", "node1"); err != nil {
		t.Logf("node1 leads already: %v", err)
	}
	within(t, "node1 leads", func() bool { return c.nodes[0].status(t).Streams[0].Leader == "node1" })
	c.nodes[1].Stop()
	start := time.Now()
	put(t, kv, "meanwhile", "x")
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("a write after the leader stopped in order took %s, want no election", took)
	}
	wantNames(t, c.nodes[0].status(t), []string{"node0", "node2"}, []string{"node1"})
	c.nodes[1].start(t)
	if err := c.nodes[1].Current(t.Context()); err != nil {
		t.Fatalf("Current() = %v, want nil", err)
	}
	c.nodes[0].Stop()
	again := c.nodes[1].bucket(t, "b")
	for _, key := range []string{"before", "meanwhile"} {
		if _, err := again.Get(t.Context(), key); err != nil {
			t.Errorf("the node that came back does not have %q: %v", key, err)
		}
	}
}

// TestNodeIsRemovedAndReplaced removes a dead node, and starts one with another name
// and an empty folder, which takes over its share.
func TestNodeIsRemovedAndReplaced(t *testing.T) {
	c := newCluster(t, 3, nil)
	kv := c.nodes[0].bucket(t, "b")
	put(t, kv, "key", "x")
	for name, want := range map[string]string{"node2": "is alive", "nobody": "has no node"} {
		err := c.nodes[0].RemoveNode(t.Context(), name)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("RemoveNode(%s) = %v, want an error with %q", name, err, want)
		}
	}
	c.nodes[2].Stop()
	within(t, "the dead node is removed", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		return c.nodes[0].RemoveNode(ctx, "node2") == nil
	})
	wantNames(t, c.nodes[0].status(t), []string{"node0", "node1"}, nil)
	put(t, kv, "key", "y")
	cfg := c.config(t, 2)
	cfg.Node = "node3"
	replacement := &node{config: cfg}
	replacement.start(t)
	if t.Failed() {
		return
	}
	within(t, "the new node has a copy", func() bool {
		s := replacement.status(t)
		return s.Streams[0].Leader == "node3" ||
			slices.ContainsFunc(s.Streams[0].Replicas, func(r engine.Replica) bool {
				return r.Node == "node3" && r.Current
			})
	})
	wantNames(t, replacement.status(t), []string{"node0", "node1", "node3"}, nil)
}

// TestClusterWaitsForItsNodes starts one node of three: it says who is missing.
func TestClusterWaitsForItsNodes(t *testing.T) {
	noLeaks(t)
	at := freeport.Addresses(3)
	log, lines := newLog(t)
	e, err := engine.Start(t.Context(), engine.Config{
		Dir: t.TempDir(), Node: "a", StartTimeout: 7 * time.Second,
		Cluster: &engine.Cluster{Name: "test", Listen: at[0], Join: at},
	}, log)
	if err == nil {
		e.Stop()
		t.Fatal("Start() of one node of three = nil, want an error")
	}
	for _, want := range []string{"waited 7s",
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
