// Package review calls the message review handlers of rooms. A handler is named by the
// ARN of a Lambda function; the configuration says what is behind it: the Lambda API, a
// runtime interface emulator, a webhook, or rules of our own. The package owns the time
// that a review may take, what an answer may be, and what a failed handler leads to. The
// order of messages, and what becomes of them, are left to hub.
package review

import (
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/hub"
	"github.com/parley-chat/parley/internal/metrics"
)

// Reviewer decides on messages. It implements hub.Reviewer, and its methods may be
// called from any goroutine.
type Reviewer struct {
	metrics *metrics.Metrics
	log     *slog.Logger
	closing sync.WaitGroup // a goroutine for each of retired

	mu      sync.Mutex // guards what follows
	table   *table     // the targets in force; nil once closed
	retired []*table   // that are not closed yet
}

// New returns a Reviewer, whose Close has to be called. The error names everything that
// is wrong with the configuration; file says where a path of it leads.
func New(
	cfg Config, file func(string) string, m *metrics.Metrics, log *slog.Logger,
) (*Reviewer, error) {
	r := &Reviewer{metrics: m, log: log}
	return r, r.Reload(cfg, file)
}

// Reload replaces the configuration. Reviews that go on end with the old one, which
// also stays in force after an error.
func (r *Reviewer) Reload(cfg Config, file func(string) string) error {
	t, err := cfg.load(file)
	if err == nil {
		r.enforce(t)
	}
	return err
}

// enforce starts targets, which replace those in force.
func (r *Reviewer) enforce(t *table) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := make(chan struct{})
	if r.table == nil {
		close(before)
	} else {
		before = r.table.closed
		r.retireLocked()
	}
	t.start(before, r.log)
	r.table = t
}

// closeGrace is how long calls that may not be cancelled may take to end after Close.
const closeGrace = 2 * time.Second

// Close waits for what is left of the calls to handlers, and after a moment ends them.
// There may be no reviews after it. It may be called on nil.
func (r *Reviewer) Close() {
	if r == nil {
		return
	}
	r.mu.Lock()
	if r.table != nil {
		r.retireLocked()
	}
	r.mu.Unlock()
	impatient := time.AfterFunc(closeGrace, r.cancel)
	defer impatient.Stop()
	r.closing.Wait()
}

// cancel ends the calls to handlers that are not in force any more.
func (r *Reviewer) cancel() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.retired {
		t.cancel()
	}
}

// retireLocked has the targets in force closed when nothing uses them any more.
func (r *Reviewer) retireLocked() {
	old := r.table
	r.table = nil
	r.retired = append(r.retired, old)
	r.closing.Go(func() {
		old.close()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.retired = slices.DeleteFunc(r.retired, func(t *table) bool { return t == old })
	})
}

// acquire returns the targets in force. The caller calls Done on its reviews.
func (r *Reviewer) acquire() *table {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.table.reviews.Add(1)
	return r.table
}

// Has reports whether rooms may name a function: with strict mapping, only one that a
// target is for.
func (r *Reviewer) Has(function string) bool {
	t := r.acquire()
	defer t.reviews.Done()
	return !t.strict || t.find(function) != nil
}

// Result says who decided on a message, and what.
type Result string

// The results.
const (
	Allowed         Result = "allow"
	Denied          Result = "deny"
	FallbackAllowed Result = "fallback_allow"
	FallbackDenied  Result = "fallback_deny"
)

// Outcome is what came of a review.
type Outcome struct {
	Target   string // the pattern of the target, or unmapped or awsName
	Decision hub.Decision
	Result   Result
	Err      error   // why the handler did not decide; nil when it did
	Failure  Failure // the kind of Err
	Took     time.Duration
}

// unmapped stands for all functions that no target is for, in metrics.
const unmapped = "unmapped"

var errUnmapped = errors.New("no review target is configured for this function")

// Try reviews a message and tells what came of it. Unlike Review, it counts nothing.
func (r *Reviewer) Try(m hub.Review) Outcome {
	t := r.acquire()
	defer t.reviews.Done()
	begin := time.Now()
	o := Outcome{Target: unmapped, Err: errUnmapped}
	if target := t.find(m.Handler.URI); target != nil {
		o.Target = target.name
		o.Decision, o.Err = target.decide(m, begin.Add(t.timeout))
	}
	o.Took = time.Since(begin)
	switch {
	case o.Err == nil && o.Decision.Allow:
		o.Result = Allowed
	case o.Err == nil:
		o.Result = Denied
	default:
		o.Failure = failureOf(o.Err)
		o.Result = fallback(m.Handler)
		o.Decision = hub.Decision{Allow: o.Result == FallbackAllowed,
			Content: m.Content, Attributes: m.Attributes}
	}
	return o
}

func fallback(h parley.ReviewHandler) Result {
	if h.Fallback == parley.FallbackDeny {
		return FallbackDenied
	}
	return FallbackAllowed
}

// Review implements hub.Reviewer.
func (r *Reviewer) Review(m hub.Review) hub.Decision {
	o := r.Try(m)
	r.metrics.ReviewTook(o.Target, o.Took)
	r.metrics.ReviewResult(o.Target, string(o.Result))
	if o.Err != nil {
		r.metrics.ReviewFailed(o.Target, string(o.Failure))
		r.log.Debug("review", "room", m.Room.String(), "target", o.Target,
			"code", string(o.Failure), "err", o.Err)
	}
	return o.Decision
}

// Overflow implements hub.Reviewer.
func (r *Reviewer) Overflow(h parley.ReviewHandler) (allow bool) {
	t := r.acquire()
	defer t.reviews.Done()
	name, result := unmapped, fallback(h)
	if target := t.find(h.URI); target != nil {
		name = target.name
	}
	r.metrics.ReviewResult(name, string(result))
	r.metrics.ReviewFailed(name, string(Invocation))
	return result == FallbackAllowed
}
