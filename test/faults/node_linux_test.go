package faults

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/parley-chat/parley/test/faults/network"
)

// node is one of the cluster's, which is a process while it runs. Its methods are called
// by the run alone, one at a time.
type node struct {
	name   string
	host   int // of the network
	net    *network.Network
	binary string
	args   []string
	url    string // of the chat and control listener: http://HOST:PORT
	admin  string
	log    *os.File // what all its processes write
	http   *http.Client
	failed func(error) // is told when a process ends and nobody asked for it

	process *process // nil when none runs
}

// process is one run of a node.
type process struct {
	cmd    *exec.Cmd
	wanted sync.Once     // done when the end was asked for, or came without that
	ended  chan struct{} // closed when the process has ended
	err    error         // of its end; set before ended is closed
}

// start starts the node. Its clock is off by some seconds if it is the node for that.
func (n *node) start(clock int) error {
	if n.host != clockNode {
		clock = 0
	}
	fmt.Fprintf(n.log, "--- the node is started, with a clock %+d s off\n", clock)
	cmd := exec.Command(n.binary, n.args...)
	cmd.Env = append(os.Environ(), clockVariable+"="+strconv.Itoa(clock))
	cmd.Stdout, cmd.Stderr = n.log, n.log
	// The thread that starts it lives until the network is closed.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := n.net.Run(n.host, cmd.Start); err != nil {
		return fmt.Errorf("start node %s: %w", n.name, err)
	}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	n.process = p
	go func() {
		defer close(p.ended)
		p.err = cmd.Wait()
		p.wanted.Do(func() {
			n.failed(fmt.Errorf("node %s ended by itself: %v", n.name, p.err))
		})
	}()
	return nil
}

// stopTime is how long a node may take to end in order.
const stopTime = time.Minute

// stop ends the node's process with a signal, and waits for that.
func (n *node) stop(signal syscall.Signal) error {
	p := n.process
	if p == nil {
		return nil
	}
	n.process = nil
	p.wanted.Do(func() {})
	if err := p.cmd.Process.Signal(signal); err != nil {
		return fmt.Errorf("signal node %s: %w", n.name, err)
	}
	timer := time.NewTimer(stopTime)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
		_ = p.cmd.Process.Kill()
		<-p.ended
		return fmt.Errorf("node %s did not end within %s of %s", n.name, stopTime, signal)
	}
	if signal == syscall.SIGTERM && p.err != nil {
		return fmt.Errorf("node %s ended with %w after SIGTERM", n.name, p.err)
	}
	return nil
}

// signal sends a signal that does not end the process.
func (n *node) signal(signal syscall.Signal) error {
	return n.process.cmd.Process.Signal(signal)
}

// readyTime is how long the answer to whether a node is ready may take.
const readyTime = 4 * time.Second

// ready returns why the node is not ready, or nil.
func (n *node) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.admin+"/readyz", nil)
	if err != nil {
		return err
	}
	res, err := n.http.Do(req)
	if err != nil {
		return fmt.Errorf("node %s: %w", n.name, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%d %s", res.StatusCode, text)
	}
	if err != nil {
		return fmt.Errorf("node %s is not ready: %w", n.name, err)
	}
	return nil
}
