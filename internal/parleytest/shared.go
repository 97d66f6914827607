package parleytest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-chat/parley/internal/app"
)

// nodesVariable says how many nodes Start starts, in packages that use Main.
const nodesVariable = "PARLEY_TEST_NODES"

// shared holds the clusters that tests of a package use one after the other.
var shared pool

// pool is clusters by their settings. Tests that run at the same time share one.
type pool struct {
	mu       sync.Mutex // guards what follows
	size     int        // nodes of a cluster; 0 without Main
	clusters []*sharedCluster
}

type sharedCluster struct {
	*Cluster
	settings app.Config // of a node, without what is its own
	dir      string
	log      switchedWriter
}

// maxShared is how many clusters are kept. Tests with further settings have clusters of
// their own.
const maxShared = 4

// Main runs the tests of a package for its TestMain, and returns the exit code. With
// PARLEY_TEST_NODES=n in the environment, Start starts clusters of n nodes.
func Main(m *testing.M) int {
	text := os.Getenv(nodesVariable)
	if text == "" {
		return m.Run()
	}
	nodes, err := strconv.Atoi(text)
	if err != nil || nodes < 1 {
		fmt.Fprintf(os.Stderr, "%s must be a number of nodes, not %q\n", nodesVariable, text)
		return 1
	}
	shared.mu.Lock()
	shared.size = nodes
	shared.mu.Unlock()
	code := m.Run()
	if err := shared.close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// Nodes returns how many nodes what Start starts has.
func Nodes() int { return max(shared.nodes(), 1) }

func (p *pool) nodes() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.size
}

// start returns a cluster with the given settings: one that is there, or another.
func (p *pool) start(t testing.TB, nodes int, options []func(*app.Config)) *Server {
	t.Helper()
	settings := newConfig()
	for _, option := range options {
		option(&settings)
	}
	c, err := p.find(nodes, options, settings)
	if err != nil {
		t.Fatalf("start cluster: %v", err)
	}
	if c == nil {
		return StartCluster(t, nodes, options...).Server
	}
	c.log.set(t)
	own := &Cluster{Nodes: make([]*Server, nodes)}
	for i, n := range c.Nodes {
		own.Nodes[i] = &Server{App: n.App}
	}
	own.connect(t)
	t.Cleanup(func() {
		own.clear(t, settings.Regions)
		c.log.set(nil)
	})
	return own.Server
}

// find returns the shared cluster with the given settings, or nil when there is none and
// no more may be made.
func (p *pool) find(
	nodes int, options []func(*app.Config), settings app.Config,
) (*sharedCluster, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.clusters {
		if reflect.DeepEqual(c.settings, settings) {
			return c, nil
		}
	}
	plain := newConfig() // in other settings there may be what ends with the test
	plain.Quotas, plain.Limits = settings.Quotas, settings.Limits
	if len(p.clusters) == maxShared || !reflect.DeepEqual(plain, settings) {
		return nil, nil
	}
	c, err := newShared(nodes, options, settings)
	if err == nil {
		p.clusters = append(p.clusters, c)
	}
	return c, err
}

func newShared(
	nodes int, options []func(*app.Config), settings app.Config,
) (_ *sharedCluster, err error) {
	c := &sharedCluster{settings: settings}
	if c.dir, err = os.MkdirTemp("", "parley-cluster"); err != nil {
		return nil, err
	}
	c.Cluster, err = newCluster(context.Background(), c.dir, nodes, options, &c.log)
	if err != nil {
		return nil, errors.Join(err, c.close(), os.RemoveAll(c.dir))
	}
	return c, nil
}

// close ends the clusters, after which nothing of them may be left.
func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, c := range p.clusters {
		errs = append(errs, c.close(), os.RemoveAll(c.dir))
	}
	p.clusters = nil
	return errors.Join(append(errs, leaks())...)
}

// verify fails a test that has left goroutines behind. While there are shared clusters,
// whose goroutines come and go, it is left to close.
func (p *pool) verify(t testing.TB, others goleak.Option) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.clusters) > 0 {
		return
	}
	if err := leaks(others); err != nil {
		t.Error(err)
	}
}

// leaks returns the goroutines that are left, nil when there are none. On a busy machine
// they take their time to end.
func leaks(options ...goleak.Option) (err error) {
	for begin := time.Now(); time.Since(begin) < timeout; {
		if err = goleak.Find(options...); err == nil {
			return nil
		}
	}
	return err
}

// clear removes what a test has made.
func (c *Cluster) clear(t testing.TB, regions []string) {
	for _, region := range regions {
		in := c.In(region)
		in.clear(t, "ListRooms", "rooms", "DeleteRoom")
		in.clear(t, "ListLoggingConfigurations", "loggingConfigurations",
			"DeleteLoggingConfiguration")
	}
}

// clear deletes the entries of a list, page by page.
func (c *Client) clear(t testing.TB, list, member, remove string) {
	for {
		page := c.Call(t, list, nil)
		entries, _ := page.Body[member].([]any)
		if page.Status != http.StatusOK {
			t.Errorf("%s after the test: %+v", list, page)
		}
		if len(entries) == 0 {
			return
		}
		for _, entry := range entries {
			arn := entry.(map[string]any)["arn"]
			a := c.Call(t, remove, map[string]any{"identifier": arn})
			gone := a.Status == http.StatusNotFound // listed by a node that was behind
			if a.Status != http.StatusNoContent && !gone {
				t.Fatalf("%s of what the test has left: %+v", remove, a)
			}
		}
	}
}

// switchedWriter shows log lines with the test that runs.
type switchedWriter struct {
	mu sync.Mutex // guards t
	t  testing.TB // nil between tests
}

func (w *switchedWriter) set(t testing.TB) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.t = t
}

func (w *switchedWriter) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.t != nil {
		w.t.Log("server: " + string(bytes.TrimSpace(line)))
	}
	return len(line), nil
}
