package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/parley-chat/parley/internal/parleytest/freeport"
	"github.com/parley-chat/parley/internal/store/engine"
)

// patience is for what must happen, on a machine with much else to do.
const patience = time.Minute

// logBuffer collects log lines; a failing test shows them.
type logBuffer struct {
	mu    sync.Mutex
	lines bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lines.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lines.String()
}

func newLog(t testing.TB) (*slog.Logger, *logBuffer) {
	t.Helper()
	buffer := &logBuffer{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log:\n%s", buffer)
		}
	})
	return slog.New(slog.NewTextHandler(buffer, nil)), buffer
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

// eventually waits until check returns nil.
func eventually(t testing.TB, check func() error) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s, still: %v", patience, err)
		}
	}
}

// noLeaks fails the test if a goroutine that begins after this is left at its end.
func noLeaks(t testing.TB) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		for begin := time.Now(); goleak.Find(before) != nil && time.Since(begin) < patience; {
		}
		goleak.VerifyNone(t, before)
	})
}

// node is a node of a cluster in this process.
type node struct {
	*engine.Engine
	config engine.Config
	log    *logBuffer
}

// cluster is a cluster in this process.
type cluster struct {
	addresses []string
	nodes     []*node
}

// newCluster starts a cluster. change may make its nodes' settings others.
func newCluster(t testing.TB, size int, change func(i int, c *engine.Config)) *cluster {
	t.Helper()
	noLeaks(t)
	c := &cluster{addresses: freeport.Addresses(size), nodes: make([]*node, size)}
	var starting sync.WaitGroup
	for i := range c.nodes {
		cfg := c.config(t, i)
		if change != nil {
			change(i, &cfg)
		}
		c.nodes[i] = &node{config: cfg}
		starting.Go(func() { c.nodes[i].start(t) })
	}
	starting.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return c
}

// config returns the settings of one node.
func (c *cluster) config(t testing.TB, i int) engine.Config {
	return engine.Config{
		Dir: t.TempDir(), Node: fmt.Sprint("node", i), StartTimeout: patience,
		Cluster: &engine.Cluster{Name: "test", Listen: c.addresses[i], Join: c.addresses,
			Secret: "secret"},
	}
}

// start starts the node, which is stopped at the end of the test.
func (n *node) start(t testing.TB) {
	log, lines := newLog(t)
	n.log = lines
	e, err := engine.Start(context.Background(), n.config, log)
	if err != nil {
		t.Errorf("Start(%s) = %v, want a node", n.config.Node, err)
		return
	}
	n.Engine = e
	t.Cleanup(e.Stop)
}

// status returns what a node says of all, as soon as the buckets answer.
func (n *node) status(t testing.TB) (s engine.Status) {
	t.Helper()
	eventually(t, func() (err error) {
		s, err = n.Status(t.Context())
		return err
	})
	return s
}

// bucket returns a bucket as a node sees it, made when it is missing.
func (n *node) bucket(t testing.TB, name string) jetstream.KeyValue {
	t.Helper()
	conn, err := n.Connect("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	var kv jetstream.KeyValue
	eventually(t, func() error {
		if kv, err = n.open(t.Context(), conn, name); err != nil {
			return fmt.Errorf("make bucket %s: %w", name, err)
		}
		return nil
	})
	return kv
}

// tryBucket returns why a bucket cannot be made.
func (n *node) tryBucket(ctx context.Context, name string) error {
	conn, err := n.Connect("test")
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = n.open(ctx, conn, name)
	return err
}

func (n *node) open(ctx context.Context, conn *nats.Conn, name string,
) (jetstream.KeyValue, error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, err
	}
	return js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: n.Bucket(name), Replicas: n.Replicas(), Storage: n.Storage(),
	})
}
