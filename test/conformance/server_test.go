package conformance

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	region  = "us-east-1"
	account = "000000000000" // the one that the first start creates

	// None of these is a promise: machines that are busy with other tests have time.
	startTimeout = 2 * time.Minute
	stopTimeout  = 2 * time.Minute
	callTimeout  = 2 * time.Minute // of one client program or call
)

// parleyBinary is the path of the server under test. TestMain sets it.
var parleyBinary string

// parallelTests is how many tests run at once, unless the flag -parallel says it. Those
// that take longest wait for timers, and so the number is larger than that of CPUs.
const parallelTests = "8"

// TestMain builds the server once, runs the tests, and looks after the document that
// says what they found.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == parallelFlag })
	if !given {
		if err := flag.Set(parallelFlag, parallelTests); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(buildAndRun(m))
}

const parallelFlag = "test.parallel"

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "parley-conformance-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "make a folder for the binary:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	parleyBinary = filepath.Join(dir, "parley")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", parleyBinary, "./cmd/parley")
	build.Dir = filepath.Join("..", "..")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build parley:", err)
		return 1
	}
	if code := m.Run(); code != 0 {
		return code
	}
	if err := results.document(); err != nil {
		fmt.Fprintln(os.Stderr, "FAIL:", err)
		return 1
	}
	return 0
}

// server is a parley process started as a newcomer starts it, on free ports.
type server struct {
	url         string // http://HOST:PORT, as the ready line names it
	dir         string // its working folder, which holds parley-data
	credentials string // the file that the first start wrote
	options     []string

	process *exec.Cmd
	stderr  bytes.Buffer
	done    chan error // gets the result of the process; capacity 1
}

// startServer starts a server and waits until it is ready. When the test ends, the
// server is told to stop, and must exit with code 0.
func startServer(t *testing.T, options ...string) *server {
	t.Helper()
	dir := t.TempDir()
	s := &server{
		dir:         dir,
		credentials: filepath.Join(dir, "parley-data", "credentials"),
		options:     options,
	}
	s.start(t)
	t.Cleanup(func() {
		if s.process != nil {
			s.stop(t)
		}
	})
	return s
}

// start starts the server, again on the same address after a stop.
func (s *server) start(t *testing.T) {
	t.Helper()
	listen := "127.0.0.1:0"
	if s.url != "" {
		listen = strings.TrimPrefix(s.url, "http://")
	}
	args := append([]string{"serve", "--listen", listen, "--admin-listen", "127.0.0.1:0",
		"--data", filepath.Join(s.dir, "parley-data")}, s.options...)
	process := exec.Command(parleyBinary, args...)
	process.Dir, process.Env, process.Stderr = s.dir, cleanEnv(s.dir), &s.stderr
	stdout, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatalf("start parley: %v", err)
	}
	s.process, s.done = process, make(chan error, 1)
	ready := make(chan string, 1)
	go s.watch(stdout, ready)
	select {
	case s.url = <-ready:
	case err := <-s.done:
		s.done <- err
		t.Fatalf("parley ended before it was ready: %v", err)
	case <-time.After(startTimeout):
		t.Fatalf("parley printed no ready line within %v", startTimeout)
	}
}

// watch sends the URL of the ready line to ready, reads on until the process ends,
// and sends its result to done.
func (s *server) watch(stdout io.Reader, ready chan<- string) {
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "parley: ready "); ok {
			ready <- url
			break
		}
	}
	_, _ = io.Copy(io.Discard, stdout) // ends with the process, whose result Wait has
	s.done <- s.process.Wait()
}

// stop sends SIGTERM to the server and fails the test unless it exits with code 0.
func (s *server) stop(t *testing.T) {
	err := s.process.Process.Signal(syscall.SIGTERM)
	if err == nil {
		select {
		case err = <-s.done:
		case <-time.After(stopTimeout):
			err = fmt.Errorf("still running %v later", stopTimeout)
			_ = s.process.Process.Kill()
			<-s.done
		}
	}
	s.process = nil
	if err != nil {
		t.Errorf("parley after SIGTERM: %v, want exit code 0", err)
	}
	if t.Failed() {
		t.Logf("standard error of parley:\n%s", s.stderr.String())
	}
}

// chatURL returns the address of the messaging plane.
func (s *server) chatURL() string { return "ws" + strings.TrimPrefix(s.url, "http") }
