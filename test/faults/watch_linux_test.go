package faults

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/parley-chat/parley/internal/api"
)

// These bounds are for a machine that has time: see machine.
const (
	// callBound is how long the cluster may take to do what it is asked while one of its
	// nodes is dead: a bucket whose leader it was takes no writes until there is another.
	callBound = 12 * time.Second
	// returnBound is how long it may take from the first attempt of a client whose node
	// is dead until it has a session on another.
	returnBound = 5 * time.Second
	// patience is how long a client waits for an answer: longer than a node may take.
	patience = 40 * time.Second
)

// watch measures how long clients wait, and finds those that must not have failed. Its
// methods may be called from any goroutine.
type watch struct {
	fail    func(error) // is told what must not have been
	machine machine

	mu      sync.Mutex // guards what follows
	fault   *fault     // the current one, from the calm before it to the end of its healing
	totals  map[string]int
	failed  map[string]int
	longest map[string]time.Duration
}

func newWatch(fail func(error)) *watch {
	return &watch{fail: fail, totals: map[string]int{}, failed: map[string]int{},
		longest: map[string]time.Duration{}}
}

// set says that another fault is the current one.
func (w *watch) set(f *fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = f
}

func (w *watch) current() *fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fault
}

// spares reports whether the clients of a node must notice nothing of a fault.
func (f *fault) spares(node int) bool { return f != nil && f.kind.harmless() && f.node != node }

// attempt is something that a client began to do.
type attempt struct {
	at    time.Time
	under *fault        // the current one at that time
	late  time.Duration // how late the machine had been by then
}

// begin returns an attempt that begins now.
func (w *watch) begin() attempt { return attempt{time.Now(), w.current(), w.machine.total()} }

// done says that an attempt ended at a node. what names it.
func (w *watch) done(what string, node int, a attempt, bound time.Duration, err error) {
	took := time.Since(a.at)
	bound = w.machine.stretch(bound, a.late)
	w.count(what, node, a.under, took, err)
	if a.under.spares(node) && w.current().spares(node) && (err != nil || took > bound) {
		w.fail(fmt.Errorf("%s at node %c took %s under a %s, want %s at most: %w",
			what, 'a'+node, took.Round(time.Millisecond), a.under.kind, bound,
			cmp.Or(err, errors.New("it was done"))))
	}
}

// lost says that the server ended a session at a node, and nobody asked for that.
func (w *watch) lost(node int) { w.count("a session that was lost", node, w.current(), 0, nil) }

func (w *watch) count(what string, node int, under *fault, took time.Duration, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := "at the start, " + what
	if under != nil {
		where := "at the other nodes"
		if node == under.node {
			where = "at its node"
		}
		name = fmt.Sprintf("%s, %s %s", under.kind, what, where)
	}
	w.totals[name]++
	if err != nil {
		w.failed[name]++
		return
	}
	w.longest[name] = max(w.longest[name], took)
}

// String is a table of what was measured.
func (w *watch) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(w.totals)) {
		fmt.Fprintf(&b, "  %-50s %6d times, %5d failed, the others took up to %s\n",
			name, w.totals[name], w.failed[name], w.longest[name].Round(time.Millisecond))
	}
	return b.String()
}

// serverFault returns the error if it is no answer, or one that blames the server.
func serverFault(err error) error {
	var refused *api.Refusal
	var status ws.StatusError
	switch {
	case errors.As(err, &refused) && refused.Status < 500:
		return nil
	case errors.As(err, &status) && status < 500:
		return nil
	}
	return err
}

func TestWatchFindsWhatOthersNotice(t *testing.T) {
	down, cut := &fault{kind: kill, node: 0}, &fault{kind: partition, node: 0}
	failure := errors.New("no answer")
	tests := []struct {
		name          string
		node          int
		began, during *fault
		took, busy    time.Duration
		err           error
		want          bool
	}{
		{"in time", 1, down, down, callBound / 2, 0, nil, false},
		{"late", 1, down, down, callBound, 0, nil, true},
		{"late on a busy machine", 1, down, down, callBound, time.Second, nil, false},
		{"later on a busy machine", 1, down, down, callBound + lateFactor*time.Second, time.Second, nil, true},
		{"far too late", 1, down, down, (1 + maxGrowth) * callBound, time.Hour, nil, true},
		{"failed", 1, down, down, 0, 0, failure, true},
		{"failed at the dead node", 0, down, down, 0, 0, failure, false},
		{"failed in a partition", 1, cut, cut, 0, 0, failure, false},
		{"began in a partition", 1, cut, down, 0, 0, failure, false},
		{"ended in a partition", 1, down, cut, 0, 0, failure, false},
		{"failed at the start", 1, nil, nil, 0, 0, failure, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var wrong error
			w := newWatch(func(err error) { wrong = err })
			w.set(test.during)
			w.machine.late.Store(int64(time.Hour + test.busy))
			began := attempt{time.Now().Add(-test.took), test.began, time.Hour}
			w.done("a call", test.node, began, callBound, test.err)
			if (wrong != nil) != test.want {
				t.Errorf("found %v, want something: %t", wrong, test.want)
			}
			if !strings.Contains(w.String(), "a call") {
				t.Errorf("the table is %q", w)
			}
		})
	}
}
