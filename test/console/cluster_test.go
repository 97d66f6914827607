package console

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/parleytest/freeport"
)

// TestCluster shows a cluster of three nodes, of which the script ends one and starts it
// again. They are processes, since only those can be killed: a node that is stopped in
// order says goodbye, and is not missed.
func TestCluster(t *testing.T) {
	browser := requireBrowser(t)
	c := newCluster(t, buildCommand(t), "ada", "bob", "cyd")
	c.start(t)
	control := httptest.NewServer(c)
	defer control.Close()
	var nodes []string // NAME=URL
	for _, n := range c.nodes {
		nodes = append(nodes, n.name+"="+n.url)
	}
	run(t, "cluster", "PARLEY_URL="+c.nodes[0].url, "PARLEY_NODES="+strings.Join(nodes, ","),
		"PARLEY_CONTROL="+control.URL, "PARLEY_CHROMIUM="+browser)
}

// cluster is nodes that the script may end and start.
type cluster struct {
	mu    sync.Mutex // held while a node is ended or started
	nodes []*node
}

// node is one of the cluster's, which is a process while it runs.
type node struct {
	name string
	url  string
	args []string // of the command
	log  *os.File // what all its processes write

	process *exec.Cmd // the last one
}

// startTime bounds how long a node may take to be ready, and stopTime how long to end.
const (
	startTime = 2 * time.Minute
	stopTime  = 2 * time.Minute
)

// settings are those of all nodes. Chat logs are delivered every second.
const settings = "quotas: none\nlogs: {window: 1s, flush: 1s}\n"

// newCluster sets nodes up that have the access key test with the secret test. Those that
// run at the end of the test are killed.
func newCluster(t *testing.T, command string, names ...string) *cluster {
	t.Helper()
	dir := t.TempDir()
	config := write(t, dir, "parley.yaml", settings)
	master := write(t, dir, "master.key", strings.Repeat("6b", 32))
	listen, join := freeport.Addresses(len(names)), freeport.Addresses(len(names))
	c := &cluster{}
	for i, name := range names {
		data := filepath.Join(dir, name)
		if err := os.Mkdir(data, 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, data, "credentials",
			"[default]\naws_access_key_id = test\naws_secret_access_key = test\n")
		log, err := os.Create(filepath.Join(dir, name+".log"))
		if err != nil {
			t.Fatal(err)
		}
		n := &node{name: name, url: "http://" + listen[i], log: log, args: []string{command, "serve",
			"--config=" + config, "--data=" + data, "--node-name=" + name,
			"--listen=" + listen[i], "--admin-listen=127.0.0.1:0",
			"--cluster-name=test", "--cluster-listen=" + join[i], "--insecure-cluster",
			"--cluster-join=" + strings.Join(join, ","), "--master-key-file=" + master}}
		t.Cleanup(func() { n.close(t) })
		c.nodes = append(c.nodes, n)
	}
	return c
}

// write writes a file, and returns its path.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// start starts all nodes at once, since they are ready only when they have each other.
func (c *cluster) start(t *testing.T) {
	t.Helper()
	var all sync.WaitGroup
	errs := make([]error, len(c.nodes))
	for i, n := range c.nodes {
		all.Go(func() { errs[i] = n.start() })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// ServeHTTP does what the script asks for with POST /ACTION/NODE: start, stop, which is a
// signal, or kill. It answers when that is done.
func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.nodes {
		var err error
		switch r.URL.Path {
		case "/start/" + n.name:
			err = n.start()
		case "/stop/" + n.name:
			err = n.end(syscall.SIGTERM)
		case "/kill/" + n.name:
			err = n.end(syscall.SIGKILL)
		default:
			continue
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
		return
	}
	http.NotFound(w, r)
}

// start starts the node's process, and waits until it is ready.
func (n *node) start() error {
	cmd := exec.Command(n.args[0], n.args[1:]...)
	cmd.Stderr = n.log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	n.process = cmd
	late := time.AfterFunc(startTime, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "parley: ready ") {
		return fmt.Errorf("node %s printed %q (%v), want the ready line", n.name, line, err)
	}
	return nil
}

// end ends the node's process with a signal, and waits for that.
func (n *node) end(signal syscall.Signal) error {
	if err := n.process.Process.Signal(signal); err != nil {
		return fmt.Errorf("signal node %s: %w", n.name, err)
	}
	late := time.AfterFunc(stopTime, func() { _ = n.process.Process.Kill() })
	defer late.Stop()
	if err := n.process.Wait(); err != nil && signal != syscall.SIGKILL {
		return fmt.Errorf("node %s ended with %w after %s", n.name, err, signal)
	}
	return nil
}

// close kills the node if it runs, and shows what it has logged if the test has failed.
func (n *node) close(t *testing.T) {
	if n.process != nil && n.process.ProcessState == nil {
		if err := n.end(syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}
	if t.Failed() {
		text, _ := os.ReadFile(n.log.Name()) // it says so itself if it is empty
		t.Logf("%s has logged:\n%s", n.name, text)
	}
	_ = n.log.Close()
}
