package parleytest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/parleytest/freeport"
)

// Cluster is several servers that form a cluster, in this process.
type Cluster struct {
	*Server // stands for all nodes, which it uses in turn
	Nodes   []*Server

	configs []app.Config // with the addresses that the nodes had when they first started
	log     *slog.Logger
}

// clusterTimeout bounds how long a cluster may take to form, and a node to come back.
const clusterTimeout = 2 * time.Minute

// StartCluster starts a cluster of n nodes as StartOne starts a server, except that they
// keep things in folders of the test. Options change the settings of all of them.
func StartCluster(t testing.TB, n int, options ...func(*app.Config)) *Cluster {
	t.Helper()
	others := goleak.IgnoreCurrent()
	c, err := newCluster(t.Context(), t.TempDir(), n, options, testWriter{t})
	t.Cleanup(func() {
		if err := c.close(); err != nil {
			t.Errorf("close cluster: %v", err)
		}
		shared.verify(t, others)
	})
	if err != nil {
		t.Fatalf("start cluster: %v", err)
	}
	c.connect(t)
	return c
}

// newCluster starts a cluster without clients. What it returns with an error is to be
// closed, too.
func newCluster(
	ctx context.Context, dir string, n int, options []func(*app.Config), log io.Writer,
) (*Cluster, error) {
	c := &Cluster{Nodes: make([]*Server, n), log: slog.New(slog.NewTextHandler(log, nil))}
	if err := c.configure(dir, n, options); err != nil {
		return c, err
	}
	ctx, cancel := context.WithTimeout(ctx, clusterTimeout)
	defer cancel()
	return c, c.each(func(i int) error { return c.start(ctx, i) })
}

// configure sets the nodes up, in a folder for each.
func (c *Cluster) configure(dir string, n int, options []func(*app.Config)) error {
	addresses := freeport.Addresses(n)
	master := filepath.Join(dir, "master.key")
	if err := os.WriteFile(master, []byte(strings.Repeat("6b", 32)), 0o600); err != nil {
		return err
	}
	for i := range n {
		cfg := newConfig()
		cfg.NodeName = fmt.Sprint("node-", i)
		cfg.Listen, cfg.AdminListen = freeport.Address(), freeport.Address() // also of later starts
		cfg.Data = filepath.Join(dir, cfg.NodeName)
		cfg.ClusterName, cfg.ClusterListen, cfg.ClusterJoin = "test", addresses[i], addresses
		cfg.InsecureCluster, cfg.MasterKeyFile = true, master
		for _, option := range options {
			option(&cfg)
		}
		if err := os.Mkdir(cfg.Data, 0o700); err != nil {
			return err
		}
		key := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n",
			testKey.AccessKeyID, testKey.SecretAccessKey)
		if err := os.WriteFile(filepath.Join(cfg.Data, "credentials"), []byte(key), 0o600); err != nil {
			return err
		}
		c.configs = append(c.configs, cfg)
	}
	return nil
}

// start starts a node, at the addresses that it had before.
func (c *Cluster) start(ctx context.Context, i int) error {
	cfg := &c.configs[i]
	a, err := app.Start(ctx, *cfg, c.log.With("node", cfg.NodeName))
	if err != nil {
		return fmt.Errorf("%s: %w", cfg.NodeName, err)
	}
	if c.Nodes[i] == nil {
		c.Nodes[i] = &Server{}
	}
	c.Nodes[i].App = a
	return nil
}

// connect gives the nodes clients, which last as long as the test.
func (c *Cluster) connect(t testing.TB) {
	all := &spread{}
	for _, n := range c.Nodes {
		*n = *newServer(t, n.App)
		all.urls = append(all.urls, n.URL)
	}
	first := *c.Nodes[0]
	client := *first.Client
	client.spread = all
	c.Server = &Server{App: first.App, Client: &client, Admin: first.Admin}
}

// each does something with all nodes at once.
func (c *Cluster) each(do func(i int) error) error {
	var all sync.WaitGroup
	errs := make([]error, len(c.Nodes))
	for i := range c.Nodes {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func (c *Cluster) close() error {
	return c.each(func(i int) error {
		if c.Nodes[i] == nil {
			return nil
		}
		return c.Nodes[i].Close()
	})
}

// Stop stops a node as a signal does.
func (c *Cluster) Stop(t testing.TB, i int) {
	t.Helper()
	if err := c.Nodes[i].Drain(t.Context()); err != nil {
		t.Fatalf("stop node %d: %v", i, err)
	}
}

// Restart starts a node that was stopped, with what it had, and returns when it serves.
func (c *Cluster) Restart(t testing.TB, i int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clusterTimeout)
	defer cancel()
	if err := c.start(ctx, i); err != nil {
		t.Fatalf("start node again: %v", err)
	}
}

// Without returns a client of all nodes but one.
func (c *Cluster) Without(i int) *Client {
	client := *c.Client
	client.spread = &spread{urls: slices.Delete(slices.Clone(c.Client.spread.urls), i, i+1)}
	return &client
}
