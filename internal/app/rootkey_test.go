package app_test

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/app/config"
	"github.com/parley-chat/parley/internal/parleytest"
	"github.com/parley-chat/parley/internal/parleytest/freeport"
)

// nodes are servers that form a cluster, each with a folder of its own.
type nodes struct {
	configs []app.Config
	apps    []*app.App
}

// newNodes returns three nodes that have not started. Nothing is in their folders.
func newNodes(t *testing.T) *nodes {
	t.Helper()
	master := filepath.Join(t.TempDir(), "master.key")
	if err := os.WriteFile(master, []byte(strings.Repeat("5a", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	join := freeport.Addresses(3)
	n := &nodes{apps: make([]*app.App, len(join))}
	for i, address := range join {
		cfg := config.Default()
		cfg.Listen, cfg.AdminListen, cfg.Data = "127.0.0.1:0", "127.0.0.1:0", t.TempDir()
		cfg.ClusterName, cfg.ClusterListen, cfg.ClusterJoin = "test", address, join
		cfg.NodeName, cfg.InsecureCluster, cfg.MasterKeyFile = fmt.Sprint("n", i), true, master
		n.configs = append(n.configs, cfg)
	}
	return n
}

// start starts all nodes that do not run.
func (n *nodes) start(t *testing.T) {
	t.Helper()
	errs := make([]error, len(n.apps))
	var all sync.WaitGroup
	for i := range n.apps {
		if n.apps[i] != nil {
			continue
		}
		all.Go(func() {
			n.apps[i], errs[i] = app.Start(t.Context(), n.configs[i], slog.New(slog.DiscardHandler))
		})
	}
	all.Wait()
	t.Cleanup(func() { n.stop(t, 0, 1, 2) })
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// stop stops some nodes, together.
func (n *nodes) stop(t *testing.T, which ...int) {
	t.Helper()
	var all sync.WaitGroup
	for _, i := range which {
		if n.apps[i] == nil {
			continue
		}
		all.Go(func() {
			if err := n.apps[i].Close(); err != nil {
				t.Errorf("close node %d: %v", i, err)
			}
			n.apps[i] = nil
		})
	}
	all.Wait()
}

func (n *nodes) path(i int, name string) string { return filepath.Join(n.configs[i].Data, name) }

// write puts a root key into the folder of a node.
func (n *nodes) write(t *testing.T, i int, id string) {
	t.Helper()
	text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = secret-of-%[1]s\n", id)
	if err := os.WriteFile(n.path(i, "credentials"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// wantKey checks that all nodes accept one key, have it in their files, and refuse
// another.
func (n *nodes) wantKey(t *testing.T, what, id, not string) {
	t.Helper()
	for i, a := range n.apps {
		if text := readFile(t, n.path(i, "credentials")); !strings.Contains(text, id) {
			t.Errorf("%s: node %d has the file %q, want the key %s", what, i, text, id)
		}
		c := parleytest.Anonymous(t, a.ClientURL())
		if answer := c.As(id, "secret-of-"+id).Call(t, "ListRooms", nil); answer.Status != 200 {
			t.Errorf("%s: node %d answers %+v to the key %s", what, i, answer, id)
		}
		if answer := c.As(not, "secret-of-"+not).Call(t, "ListRooms", nil); answer.Status != 403 {
			t.Errorf("%s: node %d answers %+v to the key %s, which is not in force", what, i, answer, not)
		}
	}
}

// startFirst starts three nodes for the first time, of which one has a key. On a busy
// machine it may come later than the others wait for it, and find that they have made one:
// then it starts three other nodes.
func startFirst(t *testing.T, id string) *nodes {
	t.Helper()
	const tries = 5
	for range tries {
		n := newNodes(t)
		n.write(t, 1, id)
		n.start(t)
		if _, err := os.Stat(n.path(1, "credentials.before")); errors.Is(err, fs.ErrNotExist) {
			return n
		}
		n.stop(t, 0, 1, 2)
	}
	t.Fatalf("%d times, the key of a node was not the one of all", tries)
	return nil
}

// TestRootKeyOfNodes follows the root key of three nodes: one of them has it from
// before, a person changes it on another, and a node comes back with one of its own.
func TestRootKeyOfNodes(t *testing.T) {
	n := startFirst(t, "FIRST")
	n.wantKey(t, "after the first start", "FIRST", "NONE")

	n.write(t, 1, "CHANGED")
	for _, i := range []int{1, 0, 2} {
		if err := n.apps[i].Reload(n.configs[i]); err != nil {
			t.Fatalf("Reload: %v", err)
		}
	}
	n.wantKey(t, "after a change", "CHANGED", "FIRST")

	n.stop(t, 2)
	n.write(t, 2, "STRAY")
	n.start(t)
	n.wantKey(t, "after a node came with another key", "CHANGED", "STRAY")
	if kept := readFile(t, n.path(2, "credentials.before")); !strings.Contains(kept, "STRAY") {
		t.Errorf("what the node had before is %q", kept)
	}
}
