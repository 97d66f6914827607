package review

import (
	"iter"
	"log/slog"
	"regexp"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/hub"
)

// table holds the targets of one configuration.
type table struct {
	timeout time.Duration
	strict  bool
	targets []*target
	reviews sync.WaitGroup // that use it; Add only under Reviewer.mu while in force
	closed  chan struct{}  // by close
}

// start starts what the targets need. Those that must not be called by two at once
// begin when the table that was in force before is closed.
func (t *table) start(before <-chan struct{}, log *slog.Logger) {
	for r := range t.remotes() {
		r.start(before, log)
	}
}

// cancel ends the calls that go on.
func (t *table) cancel() {
	for r := range t.remotes() {
		r.cancel()
	}
}

// close waits for the reviews and calls that go on, and ends what start started.
func (t *table) close() {
	t.reviews.Wait()
	for r := range t.remotes() {
		r.stop()
	}
	t.discard()
	close(t.closed)
}

// discard frees what load made.
func (t *table) discard() {
	for r := range t.remotes() {
		r.caller.close()
	}
}

func (t *table) remotes() iter.Seq[*remote] {
	return func(yield func(*remote) bool) {
		for _, target := range t.targets {
			if target.remote != nil && !yield(target.remote) {
				return
			}
		}
	}
}

// find returns the target of a function, or nil.
func (t *table) find(function string) *target {
	for _, target := range t.targets {
		if target.pattern.MatchString(function) {
			return target
		}
	}
	return nil
}

// target is what is behind the functions whose ARNs match a pattern: a remote one, or
// rules.
type target struct {
	name    string // the pattern as configured
	pattern *regexp.Regexp
	remote  *remote
	rules   *rules
}

func (t *target) decide(m hub.Review, deadline time.Time) (hub.Decision, error) {
	if t.rules != nil {
		return t.rules.decide(m), nil
	}
	return t.remote.decide(m, deadline)
}
