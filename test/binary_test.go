// Package test holds the black-box tests: they drive a started server over real
// sockets. Those that need a process of its own build the command and run it.
//
// With PARLEY_TEST_NODES=3 in the environment, the tests that call parleytest.Start run
// against a cluster of three nodes, over which their calls and sessions are spread. Those
// that call parleytest.StartOne, or start a process, are about one node.
package test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/parleytest"
	"github.com/parley-chat/parley/internal/parleytest/freeport"
)

// binary is the built command.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "parley-test")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "parley")
		build := exec.Command("go", "build", "-o", binary, "../cmd/parley")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
			return 1
		}
		return parleytest.Main(m)
	}())
}

// process is a server in a process of its own.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	url    string
	admin  string
	stderr *logBuffer
	took   time.Duration // from the start of the process to its ready line
}

// serve runs parley serve on free ports and waits for its ready line. It is killed
// at the end of the test if it still runs.
func serve(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{t: t, stderr: &logBuffer{}}
	args = append([]string{"serve", "--listen=127.0.0.1:0", "--admin-listen=" + freeport.Address()}, args...)
	p.admin = "http://" + strings.TrimPrefix(args[2], "--admin-listen=")
	p.cmd = exec.Command(binary, args...)
	p.cmd.Stderr = p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	out := bufio.NewReader(stdout)
	line, err := out.ReadString('\n')
	p.took = time.Since(begin)
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "parley: ready ")
	if err != nil || !ok {
		p.kill()
		t.Fatalf("parley %v printed %q (%v), want the ready line\n%s", args, line, err, p.stderr)
	}
	p.url = url
	return p
}

// logBuffer collects what a process logs.
type logBuffer struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// log returns what the process has logged so far.
func (p *process) log() string { return p.stderr.String() }

// kill ends the process at once, as a power cut would.
func (p *process) kill() {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
}

// stop asks the process to end, and checks that it does so without an error.
func (p *process) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	p.wait()
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// wait checks that the process ends without an error.
func (p *process) wait() {
	p.t.Helper()
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("the server ended with %v, want success\n%s", err, p.stderr)
	}
}

// get reads a page of the admin listener.
func (p *process) get(path string) (status int, body string) {
	p.t.Helper()
	res, err := http.Get(p.admin + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// residentBytes is how much memory the process has.
func (p *process) residentBytes() int {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		var kib int
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	p.t.Fatal("the kernel does not tell the process's memory")
	return 0
}
