package store

import (
	"context"
	"errors"
	"sync"
)

// rounds lets callers share the runs of a function that is the same for all of them:
// who calls while it runs waits for the next run, together with all who do.
type rounds struct {
	turn chan struct{} // holds a value while a round runs; capacity 1

	mu   sync.Mutex // guards next
	next *round     // not begun yet; nil when nobody waits for one
}

type round struct {
	done chan struct{} // closed at its end
	err  error         // of the run; set before done is closed
}

func newRounds() rounds { return rounds{turn: make(chan struct{}, 1)} }

// join returns what a run of run returned that began after the call. The first caller
// of a round runs it, whether its context goes on or not: the others need it. So run
// must have a time limit of its own.
func (r *rounds) join(ctx context.Context, run func() error) error {
	mine, first := r.enter()
	if !first {
		select {
		case <-mine.done:
			return mine.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	defer close(mine.done)
	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	r.begin()
	mine.err = errors.New("a run that others waited for did not end") // if it panics
	mine.err = run()
	return mine.err
}

// enter returns the next round, and whether the caller is the first in it.
func (r *rounds) enter() (mine *round, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == nil {
		r.next, first = &round{done: make(chan struct{})}, true
	}
	return r.next, first
}

// begin has later callers need another round.
func (r *rounds) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next = nil
}
