package chatlog

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/chatlog/queue"
)

// delivery empties the queue of one configuration. It has one goroutine.
type delivery struct {
	logger *Logger
	arn    parley.ARN
	queue  *queue.Queue
	log    *slog.Logger
	wake   chan struct{} // try again now; capacity 1

	mu    sync.Mutex // guards what follows
	state state
}

// state is what is known of a delivery.
type state struct {
	to        parley.Destination
	where     string
	gone      bool // the configuration was deleted
	delivered int64
	dropped   int64
	dropping  bool      // it was logged that records are dropped
	failing   time.Time // since when; zero while it does not fail
	kind      errorKind // of the last failure
	lastError string
	lastTime  time.Time // of the last delivery
}

func newDelivery(l *Logger, arn parley.ARN, q *queue.Queue) *delivery {
	return &delivery{logger: l, arn: arn, queue: q, wake: make(chan struct{}, 1),
		log: l.cfg.Log.With("logging_configuration", arn.String())}
}

// hurry ends a wait for the next try.
func (d *delivery) hurry() {
	select {
	case d.wake <- struct{}{}:
	default: // it is awake
	}
}

// run delivers what is due until ctx is done, the queue is emptied for the last time,
// or the configuration is gone.
func (d *delivery) run(ctx context.Context) {
	d.destination()
	for ctx.Err() == nil {
		closing := d.logger.closing()
		due, next := d.queue.Take(time.Now(), closing)
		switch {
		case len(due) > 0:
			if !d.deliver(ctx, due) {
				return
			}
		case closing:
			return
		case d.isGone() && d.queue.Forget():
			d.logger.forget(d)
			return
		default:
			d.wait(ctx, next)
		}
	}
}

// wait returns when the queue may have something due, at the latest at next, unless
// that is zero.
func (d *delivery) wait(ctx context.Context, next time.Time) {
	var at <-chan time.Time
	if !next.IsZero() {
		timer := time.NewTimer(time.Until(next))
		defer timer.Stop()
		at = timer.C
	}
	select {
	case <-at:
	case <-d.queue.Changed():
	case <-d.logger.draining:
	case <-ctx.Done():
	}
}

// deliver delivers segments, however long it takes. It reports false when it has to
// give up because the process ends.
func (d *delivery) deliver(ctx context.Context, segments []*queue.Segment) bool {
	b, err := openBatch(d.arn.World(), segments)
	if err != nil {
		d.failed(err)
		return !d.logger.closing() && d.pause(ctx, minBackOff)
	}
	defer b.close()
	if b.damaged > 0 {
		d.log.Warn("the queue of chat logs was cut off, as by a power cut", "bytes", b.damaged)
	}
	for failures := 0; len(b.items) > 0; {
		before := len(b.items)
		err := d.try(ctx, b)
		if err == nil {
			break
		}
		if d.logger.closing() || ctx.Err() != nil {
			return false
		}
		if failures++; len(b.items) < before {
			failures = 1
		}
		if !d.pause(ctx, backOff(failures)) {
			return false
		}
	}
	d.queue.Done(segments)
	return true
}

// try sends what is left of a batch.
func (d *delivery) try(ctx context.Context, b *batch) error {
	t, err := d.target(ctx)
	asked := false // all that was left may have been dropped meanwhile
	if err == nil {
		d.leadsTo(t.String())
		err = b.deliver(ctx, timed{t}, func(p part, r result) {
			asked = asked || len(p.items) > 0
			d.note(p, r)
		})
	}
	if err != nil && ctx.Err() == nil {
		d.failed(err)
	}
	if err == nil && asked {
		d.recovered()
	}
	return err
}

// errUnknown is the failure of a configuration that this node does not know yet: what
// another node makes may come after the room that names it.
var errUnknown = errors.New("the logging configuration is not known here, nor where it led")

// target returns where records go now.
func (d *delivery) target(ctx context.Context) (target, error) {
	to := d.destination()
	if to.Name == "" {
		return nil, errUnknown
	}
	return d.logger.destinations.Load().target(ctx, d.arn.Region, to)
}

// timed is a target whose calls are bounded in time.
type timed struct{ target }

func (t timed) send(ctx context.Context, world parley.World, p part) result {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return t.target.send(ctx, world, p)
}

// note counts what became of a part.
func (d *delivery) note(p part, r result) {
	m := d.logger.cfg.Metrics
	records := len(p.items) - len(r.left) - r.refused
	bytes := 0
	for _, i := range p.items {
		bytes += int(i.Bytes)
	}
	for _, i := range r.left {
		bytes -= int(i.Bytes)
	}
	m.LogDelivered(d.arn.ID, records, bytes)
	if r.err != nil && !errors.Is(r.err, context.Canceled) {
		m.LogDestinationError(d.arn.ID, string(kindOf(r.err)))
	}
	if r.refused > 0 {
		m.LogDropped(d.arn.ID, string(reasonRefused), r.refused)
		d.dropped(r.refused, reasonRefused, nil)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state.delivered += int64(records)
	if records > 0 {
		d.state.lastTime = time.Now()
	}
}

// reasonRefused is why records are dropped that the destination says it will never
// take, beside the reasons of the queue.
const reasonRefused queue.Reason = "refused"

// Times between tries.
const (
	minBackOff = time.Second
	maxBackOff = 5 * time.Minute
	// lookEvery is how often a delivery that waits sees whether its destination changed.
	lookEvery = time.Second
)

// backOff returns how long to wait after a number of failures in a row: twice as long
// each time, of which up to a half is left to chance.
func backOff(failures int) time.Duration {
	d := maxBackOff
	if failures < 10 {
		d = min(minBackOff<<(failures-1), maxBackOff)
	}
	return d/2 + rand.N(d/2) + 1
}

// pause waits for the next try, or less when there is reason to hope. It reports
// whether there is to be one.
func (d *delivery) pause(ctx context.Context, wait time.Duration) bool {
	end := time.NewTimer(wait)
	defer end.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	before := d.destination()
	for {
		select {
		case <-end.C:
			return true
		case <-d.wake:
			return true
		case <-look.C:
			if d.destination() != before {
				return true
			}
		case <-d.logger.draining:
			return true // for the last time
		case <-ctx.Done():
			return false
		}
	}
}

// destination returns where the configuration leads now, or did before it was
// deleted, and remembers it: what is queued is delivered even so.
func (d *delivery) destination() parley.Destination {
	c, err := d.logger.cfg.Configurations.LoggingConfiguration(d.arn)
	d.mu.Lock()
	to := d.state.to
	d.state.gone = err != nil
	d.mu.Unlock()
	switch {
	case err == nil && to != c.Destination:
		to = c.Destination
		d.remember(to)
	case err != nil && to.Name == "":
		to = d.recall()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state.to = to
	return to
}

// remember keeps a destination beside the queue. When that fails, it matters only if
// the process ends and the configuration is deleted before the queue is empty.
func (d *delivery) remember(to parley.Destination) {
	text, err := json.Marshal(to)
	if err == nil {
		err = d.queue.SetNote(text)
	}
	if err != nil {
		d.log.Warn("the destination of a queue is not written down", "err", err)
	}
}

// recall returns what remember kept, or a destination without a name.
func (d *delivery) recall() (to parley.Destination) {
	text, err := d.queue.Note()
	if err == nil {
		err = json.Unmarshal(text, &to)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		d.log.Warn("the destination of a queue is not known", "err", err)
	}
	return to
}

func (d *delivery) isGone() bool {
	d.destination()
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state.gone
}

func (d *delivery) leadsTo(where string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state.where = where
}

// failed remembers a failure, and logs the first one and each of another kind.
func (d *delivery) failed(err error) {
	kind := kindOf(err)
	d.mu.Lock()
	news := d.state.failing.IsZero() || d.state.kind != kind
	if d.state.failing.IsZero() {
		d.state.failing = time.Now()
	}
	d.state.kind, d.state.lastError = kind, err.Error()
	where := d.state.where
	d.mu.Unlock()
	if news {
		d.log.Warn("chat logs are not delivered; they wait in the queue",
			"destination", where, "kind", string(kind), "err", err)
	}
}

// recovered remembers that all is well.
func (d *delivery) recovered() {
	d.mu.Lock()
	since, dropping, dropped := d.state.failing, d.state.dropping, d.state.dropped
	d.state.failing, d.state.dropping, d.state.lastError = time.Time{}, false, ""
	d.mu.Unlock()
	if !since.IsZero() {
		d.log.Info("chat logs are delivered again", "after", time.Since(since).Round(time.Second))
	}
	if dropping {
		d.log.Warn("chat log records are not dropped any more", "dropped_in_all", dropped)
	}
}

// dropped counts records that are lost, and logs the first ones.
func (d *delivery) dropped(records int, why queue.Reason, err error) {
	d.mu.Lock()
	d.state.dropped += int64(records)
	news := !d.state.dropping && records > 0
	d.state.dropping = d.state.dropping || news
	d.mu.Unlock()
	if news {
		d.log.Error("chat log records are dropped", "reason", string(why), "records", records, "err", err)
	}
}
