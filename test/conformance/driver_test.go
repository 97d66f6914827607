package conformance

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// maxLine is the longest line that a driver may print, in bytes.
const maxLine = 1 << 20

// driver is a program of drivers/ that runs one client for us. It reads a call per
// line on its standard input and prints an answer per call, and events in between.
type driver struct {
	name   string
	stdin  io.WriteCloser
	stderr bytes.Buffer  // read only when ended is closed
	ended  chan struct{} // closed when the process has ended

	mu      sync.Mutex           // guards what follows
	calls   int                  // made so far; the id of the last one
	answers map[int]chan line    // of the calls in progress; read sends, capacity 1
	events  map[string]chan line // by session; read sends, capacity maxEvents
}

// maxEvents is how many events of a session may wait for the test to look at them.
const maxEvents = 1024

// line is what a driver prints: the answer to a call, or an event of a session.
type line struct {
	ID     int             `json:"id"` // of the call; 0 for an event
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`

	Session string          `json:"session"`
	Event   string          `json:"event"`
	Value   json.RawMessage `json:"value"`
}

// startDriver starts drivers/file with the interpreter. The driver ends with the
// test, by the end of its standard input.
func startDriver(t *testing.T, env []string, interpreter, file string, args ...string) *driver {
	t.Helper()
	d := &driver{
		name:    file,
		ended:   make(chan struct{}),
		answers: map[int]chan line{},
		events:  map[string]chan line{},
	}
	cmd := exec.Command(interpreter, append([]string{filepath.Join("drivers", file)}, args...)...)
	cmd.Env, cmd.Stderr = env, &d.stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start the driver %s: %v", file, err)
	}
	d.stdin = stdin
	go func() {
		defer close(d.ended)
		d.read(stdout)
		_ = cmd.Wait() // its standard error says more, and calls see the end
	}()
	t.Cleanup(func() { d.stop(t, cmd) })
	return d
}

// read hands each line to whoever waits for it, until the driver ends.
func (d *driver) read(stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var l line
		if json.Unmarshal(lines.Bytes(), &l) != nil {
			continue // a client's own output
		}
		if l.ID == 0 {
			d.inbox(l.Session) <- l
			continue
		}
		d.mu.Lock()
		answer := d.answers[l.ID]
		delete(d.answers, l.ID)
		d.mu.Unlock()
		if answer != nil {
			answer <- l
		}
	}
}

// inbox returns where the events of a session wait for the test.
func (d *driver) inbox(session string) chan line {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.events[session] == nil {
		d.events[session] = make(chan line, maxEvents)
	}
	return d.events[session]
}

func (d *driver) stop(t *testing.T, cmd *exec.Cmd) {
	_ = d.stdin.Close() // fails when the driver has ended, which is what is wanted
	select {
	case <-d.ended:
	case <-time.After(stopTimeout):
		t.Errorf("the driver %s did not end with its standard input", d.name)
		_ = cmd.Process.Kill()
		<-d.ended
	}
	if t.Failed() && d.stderr.Len() > 0 {
		t.Logf("standard error of the driver %s:\n%s", d.name, d.stderr.String())
	}
}

// start begins a call and returns where its answer will arrive.
func (d *driver) start(t *testing.T, call string, args any) <-chan line {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	answer := make(chan line, 1)
	d.answers[d.calls] = answer
	request, err := json.Marshal(map[string]any{"id": d.calls, "call": call, "args": args})
	if err != nil {
		t.Fatalf("encode %s for %s: %v", call, d.name, err)
	}
	if _, err := d.stdin.Write(append(request, '\n')); err != nil {
		t.Fatalf("%s to the driver %s: %v", call, d.name, err)
	}
	return answer
}

// wait returns the answer to a call that start began.
func (d *driver) wait(t *testing.T, call string, answer <-chan line) line {
	t.Helper()
	select {
	case l := <-answer:
		return l
	case <-d.ended:
		t.Fatalf("the driver %s ended during %s:\n%s", d.name, call, d.stderr.String())
	case <-time.After(callTimeout):
		t.Fatalf("%s through %s: no answer within %v", call, d.name, callTimeout)
	}
	return line{}
}

// call makes a call and waits for its answer.
func (d *driver) call(t *testing.T, call string, args any) line {
	t.Helper()
	return d.wait(t, call, d.start(t, call, args))
}

// decode reads a driver's JSON into value.
func decode(t *testing.T, data json.RawMessage, value any) {
	t.Helper()
	if err := json.Unmarshal(data, value); err != nil {
		t.Fatalf("decode %s: %v", data, err)
	}
}
