package engine_test

import (
	"context"
	"errors"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-chat/parley/internal/store/engine"
)

func startSingle(t testing.TB, dir string) *node {
	t.Helper()
	noLeaks(t)
	n := &node{config: engine.Config{Dir: dir, Node: "alone"}}
	n.start(t)
	if t.Failed() {
		t.FailNow()
	}
	return n
}

func TestSingleSaysHowItIs(t *testing.T) {
	for dir, storage := range map[string]jetstream.StorageType{
		"": jetstream.MemoryStorage, t.TempDir(): jetstream.FileStorage,
	} {
		n := startSingle(t, dir)
		if n.Quorum() != 0 || n.Replicas() != 1 || n.Shared() || n.Bucket("b") != "b" ||
			n.Prefix() != "parley" || n.Node() != "alone" || n.Storage() != storage {
			t.Errorf("quorum %d, replicas %d, shared %t, bucket %q, prefix %q, name %q, storage %v; "+
				"want 0, 1, false, b, parley, alone, %v", n.Quorum(), n.Replicas(), n.Shared(),
				n.Bucket("b"), n.Prefix(), n.Node(), n.Storage(), storage)
		}
		put(t, n.bucket(t, "b"), "key", "value")
		s := n.status(t)
		if s.Mode != "single" || len(s.Nodes) != 0 || len(s.Streams) != 1 || s.Streams[0].Messages != 1 {
			t.Errorf("Status() = %+v, want a bucket with a message and no nodes", s)
		}
		n.Balance(t.Context(), nil) // returns at once
		if err := n.Current(t.Context()); err != nil {
			t.Errorf("Current() = %v, want nil", err)
		}
		if err := n.RemoveNode(t.Context(), "alone"); err == nil {
			t.Error("RemoveNode() without a cluster = nil, want an error")
		}
	}
}

// TestSingleTriesOnce: there is nobody to wait for.
func TestSingleTriesOnce(t *testing.T) {
	n := startSingle(t, "")
	calls, want := 0, errors.New("no")
	err := n.Await(t.Context(), "nothing", func(context.Context) error {
		calls++
		return want
	})
	if !errors.Is(err, want) || calls != 1 {
		t.Errorf("Await() = %v after %d calls, want %v after one", err, calls, want)
	}
}

// TestConnectionsDoNotKeepWhatTheyCannotSend closes the way to the server.
func TestConnectionsDoNotKeepWhatTheyCannotSend(t *testing.T) {
	n := startSingle(t, "")
	conn, err := n.Connect("test")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Publish("subject", nil); err != nil {
		t.Errorf("Publish() = %v, want nil", err)
	}
	n.Stop()
	within(t, "a message is refused", func() bool { return conn.Publish("subject", nil) != nil })
}
