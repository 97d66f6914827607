// Package outbox hands things to another system, a few at a time: it owns the queue in
// which they wait, the goroutine that sends them, and when they are sent again. It
// never delays those who put things in, and counts what is lost instead. What is sent,
// and how, is left to others.
package outbox

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// firstPause is the wait before a batch is sent a second time; each further one is
	// twice as long, up to maxPause, which is also the longest that the other side may
	// ask for.
	firstPause = 500 * time.Millisecond
	maxPause   = 30 * time.Second
	// closeTimeout is how long Close takes for what waits.
	closeTimeout = 3 * time.Second
)

// Config says what an Outbox does. All of it is required.
type Config[T any] struct {
	// Name says in the log what is sent, such as traces.
	Name string
	// Waiting is how many things may wait. More are lost.
	Waiting int
	// Batch is how many are sent together at most.
	Batch int
	// Every is how long one waits for others to be sent with.
	Every time.Duration
	// Tries is how often one is sent at most.
	Tries int
	// Send hands a batch over, which it does not keep.
	Send func(ctx context.Context, batch []T) Result[T]
	Log  *slog.Logger
}

// Result is what became of a batch.
type Result[T any] struct {
	Sent  int           // things that the other side has now
	Again []T           // those that it may take another time; the rest is lost
	After time.Duration // that the other side asks to wait; 0: it does not
	Err   error         // why not all are sent
}

// Outbox sends things. Its methods may be called from any goroutine.
type Outbox[T any] struct {
	cfg   Config[T]
	queue chan T // Put sends, run receives; never closed

	quit    chan struct{} // closed by Close
	once    sync.Once
	ctx     context.Context // of Send
	cancel  context.CancelFunc
	running sync.WaitGroup
	failing bool // the last batch was lost, or part of it; owned by run

	sent, lost atomic.Uint64
}

// New returns an outbox that runs.
func New[T any](cfg Config[T]) *Outbox[T] {
	o := &Outbox[T]{cfg: cfg, queue: make(chan T, cfg.Waiting), quit: make(chan struct{})}
	o.ctx, o.cancel = context.WithCancel(context.Background())
	o.running.Go(o.run)
	return o
}

// Put has a thing sent. It never waits: the thing is lost when too many wait already.
func (o *Outbox[T]) Put(thing T) {
	select {
	case o.queue <- thing:
	default:
		o.lost.Add(1)
	}
}

// Sent and Lost return how many things the other side has taken, and how many it has
// not.
func (o *Outbox[T]) Sent() uint64 { return o.sent.Load() }
func (o *Outbox[T]) Lost() uint64 { return o.lost.Load() }

// Close sends what waits, as far as that is possible within a few seconds. It may be
// called twice. What is put in from then on goes nowhere.
func (o *Outbox[T]) Close() {
	o.once.Do(func() {
		timer := time.AfterFunc(closeTimeout, o.cancel)
		defer timer.Stop()
		close(o.quit)
		o.running.Wait()
		o.cancel()
	})
}

// run sends batches until the outbox is closed and the queue is empty.
func (o *Outbox[T]) run() {
	var batch []T
	ticker := time.NewTicker(o.cfg.Every)
	defer ticker.Stop()
	for {
		select {
		case thing := <-o.queue:
			if batch = append(batch, thing); len(batch) < o.cfg.Batch {
				continue
			}
		case <-ticker.C:
		case <-o.quit:
			o.empty(batch)
			return
		}
		o.deliver(batch)
		clear(batch) // so that nothing is kept of what is sent
		batch = batch[:0]
	}
}

// empty sends a batch and all that waits.
func (o *Outbox[T]) empty(batch []T) {
	for {
		for len(batch) < o.cfg.Batch && len(o.queue) > 0 {
			batch = append(batch, <-o.queue)
		}
		if len(batch) == 0 {
			return
		}
		o.deliver(batch)
		batch = batch[:0]
	}
}

// deliver sends one batch, more than once if need be, and counts what becomes of it.
func (o *Outbox[T]) deliver(batch []T) {
	if len(batch) == 0 {
		return
	}
	var lost int
	var err error
	pause := firstPause
	for try := 1; ; try++ {
		result := o.cfg.Send(o.ctx, batch)
		o.sent.Add(uint64(result.Sent))
		lost += len(batch) - result.Sent - len(result.Again)
		if result.Err != nil {
			err = result.Err
		}
		if batch = result.Again; len(batch) == 0 {
			break
		}
		if try == o.cfg.Tries || !o.wait(cmp.Or(result.After, pause)) {
			lost += len(batch)
			break
		}
		pause *= 2
	}
	o.lost.Add(uint64(lost))
	o.tell(lost, err)
}

// RetryAfter returns how long an HTTP answer asks to be left alone, in seconds: 0 when it
// does not say that, and never more than an outbox waits.
func RetryAfter(h http.Header) time.Duration {
	seconds, _ := strconv.Atoi(h.Get("Retry-After")) // the greatest int for one that is greater
	return time.Duration(min(max(seconds, 0), int(maxPause/time.Second))) * time.Second
}

// wait returns after about a pause, and reports whether there may be another try: there
// is none once the outbox is closed.
func (o *Outbox[T]) wait(pause time.Duration) bool {
	pause = min(pause, maxPause)
	timer := time.NewTimer(pause + rand.N(pause/4)) // nodes must not all come back at once
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-o.quit:
		return false
	}
}

// tell has the log say when things begin to be lost, and when that is over.
func (o *Outbox[T]) tell(lost int, err error) {
	switch failing := lost > 0; {
	case failing && !o.failing:
		o.cfg.Log.Warn(o.cfg.Name+" are lost", "err", err)
	case !failing && o.failing:
		o.cfg.Log.Info(o.cfg.Name + " are sent again")
	}
	o.failing = lost > 0
}
