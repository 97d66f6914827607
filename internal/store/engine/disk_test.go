package engine_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/parleytest/freeport"
	"github.com/parley-chat/parley/internal/store/engine"
)

// childNode is the variable that makes the test binary a node of a cluster, with the
// settings that are its value, instead of running tests.
const childNode = "PARLEY_TEST_ENGINE_NODE"

func TestMain(m *testing.M) {
	if text := os.Getenv(childNode); text != "" {
		beNode(text)
	}
	os.Exit(m.Run())
}

// settings are what a node in a process of its own is told.
type settings struct {
	Dir, Node, Cluster, Listen string
	Join                       []string
	Secret                     string
}

// maxFileBytes is how large files of a node with a full disk may become.
const maxFileBytes = 128 << 10

// beNode runs a node, which prints a line when it has started. At the next line of its
// input its disk is full; it prints what is wrong with it then, and stops at the end of
// its input.
func beNode(text string) {
	if err := runNode(text); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

func runNode(text string) error {
	var s settings
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return err
	}
	cfg := engine.Config{Dir: s.Dir, Node: s.Node, Cluster: &engine.Cluster{
		Name: s.Cluster, Listen: s.Listen, Join: s.Join, Secret: s.Secret}}
	e, err := engine.Start(context.Background(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer e.Stop()
	fmt.Println("started")
	input := bufio.NewScanner(os.Stdin)
	input.Scan()
	signal.Ignore(syscall.SIGXFSZ) // writes past the limit fail instead
	limit := syscall.Rlimit{Cur: maxFileBytes, Max: maxFileBytes}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for e.Fault() == nil {
		<-tick.C
	}
	fmt.Println(e.Fault())
	input.Scan()
	return nil
}

// child is a node in a process of its own.
type child struct {
	cmd    *exec.Cmd
	input  io.WriteCloser
	output *bufio.Scanner
}

func startChild(t *testing.T, cfg engine.Config) *child {
	t.Helper()
	text, err := json.Marshal(settings{cfg.Dir, cfg.Node, cfg.Cluster.Name, cfg.Cluster.Listen,
		cfg.Cluster.Join, cfg.Cluster.Secret})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childNode+"="+string(text))
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd, input, bufio.NewScanner(output)}
	t.Cleanup(func() {
		_ = input.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the other process: %v", err)
		}
	})
	return c
}

// wantLine waits for the next line that the child prints.
func (c *child) wantLine(t *testing.T, want string) {
	t.Helper()
	if !c.output.Scan() || !strings.Contains(c.output.Text(), want) {
		t.Fatalf("the other process prints %q, want a line with %q", c.output.Text(), want)
	}
}

// TestDiskOfOneNodeFails fills the disk of the node that leads a bucket. It says so and
// stops storing, and the others go on.
func TestDiskOfOneNodeFails(t *testing.T) {
	noLeaks(t)
	c := &cluster{addresses: freeport.Addresses(3), nodes: make([]*node, 2)}
	sick := startChild(t, c.config(t, 2))
	var starting sync.WaitGroup
	for i := range c.nodes {
		c.nodes[i] = &node{config: c.config(t, i)}
		starting.Go(func() { c.nodes[i].start(t) })
	}
	starting.Wait()
	if t.Failed() {
		t.FailNow()
	}
	sick.wantLine(t, "started")
	kv := c.nodes[0].bucket(t, "b")
	within(t, "the node leads the bucket", func() bool {
		_ = c.nodes[0].MoveLeader(t.Context(), "b", "node2") // again, if it did not
		return leaderOf(t, c.nodes[0]) == "node2"
	})
	if _, err := io.WriteString(sick.input, "full\n"); err != nil {
		t.Fatal(err)
	}
	value := strings.Repeat("x", maxFileBytes/8)
	for i := range 16 {
		within(t, "a value is saved", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			_, err := kv.PutString(ctx, fmt.Sprint(i), value)
			return err == nil
		})
	}
	sick.wantLine(t, "its disk is full or fails")
	within(t, "another node than that with the full disk leads the bucket", func() bool {
		leader := leaderOf(t, c.nodes[0])
		return leader != "" && leader != "node2"
	})
	for i := range 16 {
		wantKey(t, kv, fmt.Sprint(i))
	}
}
