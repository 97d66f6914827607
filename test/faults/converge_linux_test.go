package faults

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/parley-chat/parley/test/faults/history"
)

const (
	// healBound is how long the cluster may take after a fault until all is well, and
	// blackoutBound after one of all nodes, which have to form a cluster again. A machine
	// that is busy has more time.
	healBound     = 15 * time.Second
	blackoutBound = 30 * time.Second
	// probeTime is how long an attempt may take to find out whether it is.
	probeTime = 6 * time.Second
	// probeInterval is the pause between two attempts.
	probeInterval = 100 * time.Millisecond
)

// condition is something that has to be so after a fault.
type condition struct {
	name string
	// met returns why it is not so yet.
	met func(ctx context.Context, healed time.Duration) error
}

// conditions returns what has to be so after a fault.
func (r *run) conditions() []condition {
	return []condition{
		{"all nodes are ready", func(ctx context.Context, _ time.Duration) error {
			return r.cluster.ready(ctx)
		}},
		{"a message from each node reaches sessions on all nodes",
			func(ctx context.Context, _ time.Duration) error { return r.probe(ctx) }},
		{"all nodes have what was acknowledged",
			func(ctx context.Context, _ time.Duration) error { return r.compare(ctx) }},
		{"echoed messages have reached all sessions, and kicks have ended theirs",
			func(_ context.Context, healed time.Duration) error { return r.complete(healed) }},
	}
}

// converge waits until all is well after a fault that was taken back at a time, and fails
// the run when that takes too long. Nothing is changed meanwhile, so that what the nodes
// have can be compared.
func (r *run) converge(ctx context.Context, healed, bound time.Duration) {
	late := r.watch.machine.total()
	r.changing.Lock() // waits for the changes that go on
	defer r.changing.Unlock()
	for _, c := range r.conditions() {
		most := max(bound, r.now()-healed+probeTime)
		r.await(ctx, c, healed,
			func() bool { return r.now()-healed > r.watch.machine.stretch(most, late) })
	}
	r.check.Settle(healed)
}

// await waits until a condition is met, or it is overdue.
func (r *run) await(ctx context.Context, c condition, healed time.Duration, overdue func() bool) {
	for ctx.Err() == nil {
		err := c.met(ctx, healed)
		took := r.now() - healed
		if err == nil {
			r.healing[c.name] = max(r.healing[c.name], took.Round(time.Millisecond))
			return
		}
		if overdue() {
			r.fail(fmt.Errorf("%.1f s after the healing it is not so that %s:\n%w",
				took.Seconds(), c.name, err))
			return
		}
		pause(ctx, probeInterval)
	}
}

// complete returns what sessions miss of what was known at a time.
func (r *run) complete(until time.Duration) error {
	var errs []error
	for _, v := range r.check.Missing(until) {
		errs = append(errs, violation{r, v})
	}
	return some(errs)
}

// some joins errors, of which it leaves out those that are too many to be read.
func some(errs []error) error {
	if more := len(errs) - shownViolations; more > 0 {
		errs = append(errs[:shownViolations:shownViolations], fmt.Errorf("and %d more", more))
	}
	return errors.Join(errs...)
}

// violation is an error that shows the history around it.
type violation struct {
	run *run
	history.Violation
}

const (
	// shownViolations is how many violations of a kind are shown at a time.
	shownViolations = 3
	// shownLines is how much of the history is shown with a violation.
	shownLines = 50
)

// Error says what was violated, and what happened before.
func (v violation) Error() string {
	text := fmt.Sprintf("%s: %s", v.About, v.Text)
	for _, line := range v.run.check.Around(v.Violation, shownLines) {
		text += "\n\t" + line
	}
	return text
}

// compare returns how what the nodes have differs from what was acknowledged, and from
// each other.
func (r *run) compare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	var all [nodeCount]listing
	var errs []error
	for i, n := range r.cluster.nodes {
		var err error
		if all[i], err = r.list(ctx, i); err != nil {
			return fmt.Errorf("list what node %s has: %w", n.name, err)
		}
		for _, v := range r.check.Differs(r.now(), history.Listed{Node: n.name, Values: all[i].values}) {
			errs = append(errs, violation{r, v})
		}
		for name, value := range all[i].values {
			if other := all[0].values[name]; other != value {
				errs = append(errs, fmt.Errorf("node %s has %s as %q, node a as %q",
					n.name, name, value, other))
			}
		}
		if len(all[i].values) != len(all[0].values) {
			errs = append(errs, fmt.Errorf("node %s has %d resources, node a has %d",
				n.name, len(all[i].values), len(all[0].values)))
		}
	}
	if len(errs) > 0 {
		return some(errs)
	}
	r.add(history.Agreed{Values: all[0].values})
	for _, w := range r.workers {
		w.settle(all[0])
	}
	return nil
}

// probe opens a session on each node, and has each send a message, which all must receive.
func (r *run) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	var work sync.WaitGroup
	defer work.Wait()
	arrived := make(chan int, nodeCount*nodeCount)
	var sessions []*session
	defer func() {
		for _, s := range sessions {
			_ = s.conn.Close()
		}
	}()
	for node := range nodeCount {
		s, err := r.join(ctx, node, r.probeRoom, "probe")
		if err != nil {
			return err
		}
		sessions = append(sessions, s)
		work.Go(func() { r.read(s, func() { arrived <- node }) })
	}
	for _, s := range sessions {
		if err := r.send(s, 1); err != nil {
			return err
		}
	}
	var got [nodeCount]int
	for range nodeCount * nodeCount {
		select {
		case node := <-arrived:
			got[node]++
		case <-ctx.Done():
			return fmt.Errorf("the sessions on the nodes received %v messages of %d", got, nodeCount)
		}
	}
	return nil
}
