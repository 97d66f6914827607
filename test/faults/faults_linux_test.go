// Package faults breaks a cluster at random while clients use it, and checks that they
// see nothing that must not be: see package history. The nodes are real processes, each
// on a network of its own if the machine allows that, which package network breaks.
//
//	PARLEY_FAULTS=20m go test -count=1 -timeout 40m -v -run '^TestFaults$' ./test/faults
//
// PARLEY_FAULTS is how long faults are made; without it there are none. PARLEY_FAULTS_SEED
// repeats the faults of another run, which has printed it. PARLEY_FAULTS_KINDS are those
// to make, with commas between them, such as kill,partition; all if it is not set.
package faults

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/test/faults/history"
)

const (
	lengthVariable = "PARLEY_FAULTS"
	seedVariable   = "PARLEY_FAULTS_SEED"
	kindsVariable  = "PARLEY_FAULTS_KINDS"
	// formTime is how long the nodes may take to become a cluster.
	formTime = 2 * time.Minute
)

// The load. It is small, as nodes, clients and the network share one machine.
const (
	roomCount   = 3
	workerCount = 3
)

// run is a cluster under load that is broken.
type run struct {
	t        *testing.T
	began    time.Time
	cluster  *cluster
	clients  []*api.Client // one for each node
	check    *history.Checker
	watch    *watch
	numbers  atomic.Int64 // that were given to senders and kicks
	failures chan error   // what is wrong; capacity maxFailures, the rest is dropped
	broken   atomic.Bool  // whether the run has to end
	shown    int          // how many violations were shown

	changing       sync.RWMutex // held for writing while what the nodes have is compared
	workers        []*worker
	members        []*member
	configurations registry
	probeRoom      string
	healing        map[string]time.Duration // the longest until each condition was met
	faults         map[string]int           // how many there were of each kind
}

const maxFailures = 100

// TestFaults breaks a cluster for some time.
func TestFaults(t *testing.T) {
	if os.Getenv(lengthVariable) == "" {
		t.Skip("this breaks a cluster for minutes, with nothing else on the machine: make faults")
	}
	length, seed := setting(t, lengthVariable, 0, time.ParseDuration),
		setting(t, seedVariable, rand.Uint64(), func(s string) (uint64, error) {
			return strconv.ParseUint(s, 10, 64)
		})
	t.Logf("%s=%d repeats these faults", seedVariable, seed)
	dir := folder(t)
	r := &run{t: t, cluster: newCluster(t, dir), check: history.New(),
		failures: make(chan error, maxFailures),
		healing:  map[string]time.Duration{}, faults: map[string]int{}}
	r.began, r.watch = time.Now(), newWatch(r.complain)
	for i, n := range r.cluster.nodes {
		n.failed = r.fail
		r.clients = append(r.clients, r.cluster.client(i))
	}
	s := newSchedule(seed, setting(t, kindsVariable, r.cluster.kinds(), parseKinds))
	defer func() { r.report(dir, seed) }()
	r.form(s.clock())
	stop := r.load()
	defer stop()
	for end := r.now() + length; r.now() < end && r.isWell(); {
		r.breakOnce(s.next())
	}
}

// setting returns what an environment variable says.
func setting[T any](t *testing.T, name string, value T, parse func(string) (T, error)) T {
	t.Helper()
	if text := os.Getenv(name); text != "" {
		var err error
		if value, err = parse(text); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return value
}

// folder returns a new folder, which is kept when the test fails.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "parley-faults")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the nodes' logs and data, and the history, are in %s", dir)
			return
		}
		_ = os.RemoveAll(dir)
	})
	return dir
}

// now is the time since the beginning of the run.
func (r *run) now() time.Duration { return time.Since(r.began) }

func (r *run) add(e history.Event) { r.check.Add(r.now(), e) }

// fail notes that something is wrong, after which the run ends. It may be called from any
// goroutine.
func (r *run) fail(err error) {
	r.broken.Store(true)
	r.complain(err)
}

// complain notes that something is wrong, after which the run goes on.
func (r *run) complain(err error) {
	err = fmt.Errorf("at %.3f: %w", r.now().Seconds(), err)
	first, _, _ := strings.Cut(err.Error(), "\n")
	r.add(history.Note(first))
	select {
	case r.failures <- err:
	default:
	}
}

// isWell fails the test with what is wrong, and reports whether the run can go on.
func (r *run) isWell() bool {
	found := r.check.Violations()
	for _, v := range found[r.shown:] {
		r.fail(violation{r, v})
	}
	r.shown = len(found)
	for {
		select {
		case err := <-r.failures:
			r.t.Error(err)
		default:
			return !r.broken.Load()
		}
	}
}

// form starts the nodes, and waits until they are a cluster.
func (r *run) form(clock int) {
	if err := r.cluster.forAll(func(n *node) error { return n.start(clock) }); err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), formTime)
	defer cancel()
	for {
		err := r.cluster.ready(ctx)
		if err == nil {
			break
		}
		if !r.isWell() || ctx.Err() != nil {
			r.t.Fatalf("the cluster did not form: %v", err)
		}
		pause(ctx, probeInterval)
	}
	r.t.Logf("the cluster has formed after %.1f s; the clock of node %c is %+d s off",
		r.now().Seconds(), 'a'+clockNode, clock)
}

// load has clients use the cluster until the function that it returns is called.
func (r *run) load() (stop func()) {
	ctx, cancel := context.WithCancel(r.t.Context())
	var work sync.WaitGroup
	var rooms [roomCount]string
	for i := range rooms {
		rooms[i] = r.createRoom(ctx)
	}
	r.probeRoom = r.createRoom(ctx)
	tokens := r.createRoom(ctx)
	work.Go(func() { r.watch.machine.measure(ctx) })
	work.Go(func() { r.redeemTwice(ctx, tokens) })
	for _, room := range rooms {
		var users []string
		for node := range nodeCount {
			users = append(users, fmt.Sprintf("kicked-%c", 'a'+node))
			r.members = append(r.members,
				&member{run: r, room: room, user: fmt.Sprintf("speaks-%c", 'a'+node), home: node, speaks: true},
				&member{run: r, room: room, user: fmt.Sprintf("reads-%c", 'a'+node), home: node},
				&member{run: r, room: room, user: users[node], home: node})
		}
		work.Go(func() { r.moderate(ctx, room, users) })
	}
	for _, m := range r.members {
		work.Go(func() { m.live(ctx) })
	}
	for i := range workerCount {
		w := &worker{run: r, name: fmt.Sprintf("%s%d", workerPrefix, i)}
		r.workers = append(r.workers, w)
		work.Go(func() { w.work(ctx) })
	}
	return func() { cancel(); work.Wait() }
}

func (r *run) createRoom(ctx context.Context) string {
	answer, err := r.call(ctx, anyNode(), "CreateRoom", api.Object{{Name: "name", Value: "chat"}})
	if err != nil {
		r.t.Fatal(err)
	}
	return answer.Text("arn")
}

// breakOnce makes one fault, takes it back, and waits until all is well.
func (r *run) breakOnce(f fault) {
	ctx := r.t.Context()
	r.watch.set(&f)
	for _, m := range r.members {
		m.goHome()
	}
	pause(ctx, f.calm)
	r.note("%s", f)
	if err := r.cluster.begin(ctx, f); err != nil {
		r.fail(err)
	}
	pause(ctx, f.length)
	r.note("the end of it")
	healed := r.now()
	if err := r.cluster.end(f); err != nil {
		r.fail(err)
	}
	bound := healBound
	if f.kind == blackout {
		bound = blackoutBound
	}
	r.converge(ctx, healed, bound)
	if !r.broken.Load() {
		r.note("all is well after %.1f s", (r.now() - healed).Seconds())
	}
	r.faults[string(f.kind)]++
}

// note writes to the test's log and to the history.
func (r *run) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.t.Logf("%9.3f  %s", r.now().Seconds(), text)
	r.add(history.Note(text))
}

// report prints what was done and found, and writes the history if something is wrong.
func (r *run) report(dir string, seed uint64) {
	r.isWell()
	r.t.Logf("faults:\n%s", table(r.faults))
	r.t.Logf("checks:\n%s", table(r.check.Counts()))
	r.t.Logf("the longest after the end of a fault until\n%s", table(r.healing))
	r.t.Logf("clients:\n%s", r.watch)
	r.t.Logf("in all, the machine was %s late", r.watch.machine.total().Round(time.Millisecond))
	if r.t.Failed() {
		r.t.Logf("%s=%d repeats these faults", seedVariable, seed)
		path := filepath.Join(dir, "history.log")
		text := strings.Join(r.check.Lines(), "\n") + "\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			r.t.Error(err)
		}
	}
}

// table returns lines with the values by their names.
func table[V any](values map[string]V) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(&b, "  %-75s %v\n", name, values[name])
	}
	return b.String()
}
