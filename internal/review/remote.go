package review

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/hub"
)

const (
	// warmEvery is how often connections are used, so that neither side closes them.
	warmEvery = 30 * time.Second
	// warmTimeout bounds what is done for that.
	warmTimeout = 10 * time.Second
	// holdTimeout bounds how long a call goes on that may not be cancelled.
	holdTimeout = 30 * time.Second
)

// caller hands messages to functions that are somewhere else.
type caller interface {
	// call invokes a function and returns its whole answer. The error is a failure, or
	// counts as one of the kind Invocation.
	call(ctx context.Context, function string, payload []byte) ([]byte, error)
	// warm gets ready for calls: it has connections, and credentials if there are any.
	warm(ctx context.Context) error
	close()
}

// remote is a target that is called. Its workers make the calls, one each at a time: so
// there are never more at once than there are workers.
type remote struct {
	name    string
	caller  caller
	workers int
	hold    bool // calls are not cancelled when their time is over
	calls   chan call
	breaker breaker
	log     *slog.Logger

	quit    context.CancelFunc // ends workers between two calls
	cancel  context.CancelFunc // ends calls
	running sync.WaitGroup
}

// call is a message for a worker.
type call struct {
	function string
	payload  []byte
	deadline time.Time
	answer   chan<- answer // capacity 1, so that a worker never waits
}

// answer is what came of a call.
type answer struct {
	body []byte
	err  error
	at   time.Time // when all of it was there
}

func newRemote(name string, c caller, workers int, hold bool) *remote {
	return &remote{name: name, caller: c, workers: workers, hold: hold, calls: make(chan call)}
}

// start starts the workers, and what keeps connections warm. A remote whose calls are
// not cancelled waits for those made before it.
func (r *remote) start(before <-chan struct{}, log *slog.Logger) {
	r.log = log
	var open, calls context.Context // as long as the remote, not as a review
	open, r.quit = context.WithCancel(context.Background())
	calls, r.cancel = context.WithCancel(context.Background())
	for range r.workers {
		r.running.Go(func() {
			if r.hold {
				select {
				case <-before:
				case <-open.Done():
				}
			}
			r.work(open, calls)
		})
	}
	r.running.Go(func() { r.keepWarm(open) })
}

// stop waits for the calls that go on, and ends what start started.
func (r *remote) stop() {
	r.quit()
	r.running.Wait()
	r.cancel()
}

// work makes calls, one after the other, until open is done. A call is ended
// when calls is.
func (r *remote) work(open, calls context.Context) {
	for {
		select {
		case c := <-r.calls:
			c.answer <- r.call(calls, c)
		case <-open.Done():
			return
		}
	}
}

func (r *remote) call(ctx context.Context, c call) answer {
	deadline := c.deadline
	if r.hold {
		deadline = time.Now().Add(holdTimeout)
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	body, err := r.caller.call(ctx, c.function, c.payload)
	return answer{body, err, time.Now()}
}

// keepWarm keeps connections warm until ctx is done.
func (r *remote) keepWarm(ctx context.Context) {
	ticker := time.NewTicker(warmEvery)
	defer ticker.Stop()
	for {
		bounded, cancel := context.WithTimeout(ctx, warmTimeout)
		if err := r.caller.warm(bounded); err != nil && ctx.Err() == nil {
			r.log.Debug("review target is not ready", "target", r.name, "err", err)
		}
		cancel()
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// Why there is no answer, besides what a call ends with.
var (
	errBroken = errors.New("not called: the last calls all failed")
	errBusy   = errors.New("not called: too many messages were under review at once")
	errLate   = errors.New("no complete answer in time")
)

// decide has a message reviewed by a deadline.
func (r *remote) decide(m hub.Review, deadline time.Time) (hub.Decision, error) {
	if !r.breaker.allow(time.Now()) {
		return hub.Decision{}, errBroken
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	answers := make(chan answer, 1)
	select {
	case r.calls <- call{m.Handler.URI, encodePayload(m), deadline, answers}:
	case <-timer.C:
		r.breaker.abandon()
		return hub.Decision{}, errBusy
	}
	a := await(answers, timer, deadline)
	r.note(a.err)
	if a.err != nil {
		return hub.Decision{}, a.err
	}
	return parseAnswer(a.body, m)
}

// await returns an answer that was complete by the deadline, or errLate.
func await(answers <-chan answer, timer *time.Timer, deadline time.Time) (a answer) {
	select {
	case a = <-answers:
	case <-timer.C:
		select {
		case a = <-answers: // on a busy machine, this may come late
		default:
			return answer{err: errLate}
		}
	}
	if a.at.After(deadline) || errors.Is(a.err, context.DeadlineExceeded) {
		return answer{err: errLate}
	}
	return a
}

// note tells the breaker what came of a call. A function that fails, and an answer that
// is wrong, were there in time.
func (r *remote) note(err error) {
	if err == nil || failureOf(err) != Invocation {
		if r.breaker.succeed() {
			r.log.Info("review target works again", "target", r.name)
		}
		return
	}
	if r.breaker.fail(time.Now()) {
		r.log.Warn("review target fails: fallbacks decide", "target", r.name, "err", err)
	}
}
