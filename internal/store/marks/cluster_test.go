package marks

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/parley-chat/parley/internal/parleytest/freeport"
	"github.com/parley-chat/parley/internal/store/engine"
)

// patience bounds what takes an election or two.
const patience = time.Minute

// openCluster returns marks of each node of a cluster. Nobody watches them, and they are
// open on the first.
func openCluster(t *testing.T) []*Marks {
	t.Helper()
	nodes := make([]*Marks, 3)
	at := freeport.Addresses(len(nodes))
	var opening sync.WaitGroup
	for i := range nodes {
		dir := t.TempDir() // removed after the engine has stopped
		opening.Go(func() {
			nodes[i] = start(t, engine.Config{Dir: dir, Node: fmt.Sprint("node", i),
				StartTimeout: patience, Cluster: &engine.Cluster{Name: "test", Listen: at[i], Join: at}})
		})
	}
	opening.Wait()
	if t.Failed() {
		t.FailNow()
	}
	within(t, "the marks are open", func() bool { return nodes[0].Open(t.Context()) == nil })
	return nodes
}

// moveLeader has the leader of a bucket hand over to another node.
func moveLeader(ctx context.Context, m *Marks, bucket, to string) error {
	request, err := json.Marshal(server.JSApiLeaderStepdownRequest{
		Placement: &server.Placement{Preferred: to}})
	if err != nil {
		return err
	}
	_, err = m.conn.RequestWithContext(ctx,
		fmt.Sprintf(server.JSApiStreamLeaderStepDownT, "KV_"+bucket), request)
	return err
}

// TestTokenIDsKnowThatTheLeaderIsAnother has a node hand over a bucket right before
// tokens are minted there.
func TestTokenIDsKnowThatTheLeaderIsAnother(t *testing.T) {
	nodes := openCluster(t)
	m, other := nodes[0], nodes[1].engine.Node()
	var bucket string
	within(t, "the node leads a bucket of some", func() bool {
		known := m.look(m.reach.Load(), true)
		led := slices.DeleteFunc(BucketNames(), func(b string) bool { return !m.engine.Leads(b) })
		if len(led) < 2 {
			for _, b := range BucketNames()[:2] {
				_ = moveLeader(t.Context(), m, b, m.engine.Node()) // again, if it did not
			}
			return false
		}
		bucket = led[0]
		return known.good>>slices.Index(BucketNames(), bucket)&1 == 1
	})
	within(t, "another node leads it", func() bool {
		if m.engine.Leads(bucket) {
			_ = moveLeader(t.Context(), m, bucket, other)
		}
		return nodes[1].engine.Leads(bucket)
	})
	for range 1000 {
		if id := m.NewTokenID(); bucketName(BucketOf(id)) == bucket {
			t.Fatalf("NewTokenID() = %s of bucket %s, which this node handed over", id, bucket)
		}
	}
}

// within waits until done.
func within(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !done(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("after %s, still not: %s", patience, what)
		}
	}
}
