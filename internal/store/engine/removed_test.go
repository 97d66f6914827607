package engine_test

import (
	"context"
	"strings"
	"testing"
	"time"
	_ "unsafe" // for go:linkname

	_ "github.com/nats-io/nats-server/v2/server"

	"github.com/parley-chat/parley/internal/store/engine"
)

// peerRemoveTimeout is how long the servers do not take one back that was removed: their
// 5 minutes are long for a test.
//
//go:linkname peerRemoveTimeout github.com/nats-io/nats-server/v2/server.peerRemoveTimeout
var peerRemoveTimeout time.Duration

// TestRemovedNodeComesBack starts a removed node with its data. It is refused at first,
// since nobody tells it what happens to the copies that it has; after a while it gets
// its place back, and what it missed.
func TestRemovedNodeComesBack(t *testing.T) {
	usual := peerRemoveTimeout
	t.Cleanup(func() { peerRemoveTimeout = usual })
	peerRemoveTimeout = 30 * time.Second
	c := newCluster(t, 3, nil)
	kv, back := c.nodes[0].bucket(t, "b"), c.nodes[2]
	put(t, kv, "key", "before")
	back.Stop()
	remove(t, c.nodes[0], "node2")
	put(t, kv, "key", "meanwhile")

	early := back.config
	early.StartTimeout = 10 * time.Second
	log, _ := newLog(t)
	e, err := engine.Start(t.Context(), early, log)
	if err == nil {
		e.Stop()
	}
	want := "it does not for 5 minutes after a node with this name was removed"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Start() of a removed node = %v, want an error with %q", err, want)
	}

	back.start(t)
	if t.Failed() {
		t.FailNow()
	}
	within(t, "the node has its copy again", func() bool { return hasCopy(back.status(t), "node2") })
	c.nodes[1].Stop()
	within(t, "two nodes, of which it is one, go on", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := kv.PutString(ctx, "key", "after")
		return err == nil
	})
	if err := back.Fault(); err != nil {
		t.Errorf("Fault() of the node that is back = %v, want nil", err)
	}
}
