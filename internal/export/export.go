// Package export tells other systems what the server does: what happens in rooms goes
// to EventBridge and to a webhook, and metrics go to CloudWatch. It owns the form of
// what is told, and how these systems are called; what there is to tell is left to
// others.
package export

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/metrics"
	"github.com/parley-chat/parley/internal/notice"
	"github.com/parley-chat/parley/internal/outbox"
)

const (
	// maxWaiting is how many events wait for each of the systems. More are lost.
	maxWaiting = 1024
	// maxBatch is how many events a call has. Source: PutEvents, API reference.
	maxBatch = 10
	// batchEvery is how long an event waits for others to be sent with.
	batchEvery = time.Second
	// maxTries is how often an event is sent at most, over about a minute.
	maxTries = 8
	// callTimeout bounds one call.
	callTimeout = 10 * time.Second
	// breachEvery is how often the breach of one limit is told at most.
	breachEvery = time.Minute
	// maxBreaches is of how many limits it is known when their breach was told.
	maxBreaches = 10_000
)

// Names of the exports, in metrics.
const (
	nameCloudWatch  = "cloudwatch"
	nameEventBridge = "eventbridge"
	nameWebhook     = "webhook"
)

// Config says what goes where. What is nil is off.
type Config struct {
	// Source is what events name as their source.
	Source      string
	EventBridge *EventBridge
	Webhook     *Webhook
	CloudWatch  *CloudWatch
	Metrics     *metrics.Metrics
	Log         *slog.Logger
}

// Exporter exports. Close ends it.
type Exporter struct {
	source     string
	events     []events // to be sent
	cloudWatch *cloudWatch

	mu   sync.Mutex           // guards told
	told map[breach]time.Time // when the breach of a limit was told last
}

// events sends events to one system.
type events struct {
	name   string
	outbox *outbox.Outbox[event]
	close  func() // connections
}

// breach is a limit that was breached.
type breach struct {
	world parley.World
	quota parley.Quota
}

// New returns an exporter that runs. ctx bounds the start alone.
func New(ctx context.Context, cfg Config) (_ *Exporter, err error) {
	e := &Exporter{source: cfg.Source, told: map[breach]time.Time{}}
	defer func() {
		if err != nil {
			e.Close()
		}
	}()
	if cfg.EventBridge != nil {
		bus, err := newEventBridge(ctx, *cfg.EventBridge)
		if err != nil {
			return nil, err
		}
		e.add(nameEventBridge, bus.send, bus.close, cfg.Log)
	}
	if cfg.Webhook != nil {
		hook := newWebhook(*cfg.Webhook)
		e.add(nameWebhook, hook.send, hook.close, cfg.Log)
	}
	if cfg.CloudWatch != nil {
		if e.cloudWatch, err = newCloudWatch(ctx, *cfg.CloudWatch, cfg.Metrics, cfg.Log); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func (e *Exporter) add(
	name string, send func(context.Context, []event) outbox.Result[event], close func(),
	log *slog.Logger,
) {
	e.events = append(e.events, events{name, outbox.New(outbox.Config[event]{
		Name: "events", Waiting: maxWaiting, Batch: maxBatch, Every: batchEvery, Tries: maxTries,
		Send: send, Log: log.With("export", name),
	}), close})
}

// Notify has a notice sent to where events go. It never waits.
func (e *Exporter) Notify(n notice.Notice) {
	if len(e.events) == 0 || n.Kind == notice.LimitBreach && !e.mayTell(n) {
		return
	}
	ev := newEvent(n, e.source)
	for _, to := range e.events {
		to.outbox.Put(ev)
	}
}

// mayTell reports whether it is time to tell that a limit is breached: clients breach
// rates many times a second.
func (e *Exporter) mayTell(n notice.Notice) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	of := breach{n.World, n.Quota}
	if last, ok := e.told[of]; ok && n.Time.Sub(last) < breachEvery {
		return false
	}
	if len(e.told) >= maxBreaches {
		clear(e.told)
	}
	e.told[of] = n.Time
	return true
}

// State returns what became of what was to be sent.
func (e *Exporter) State() []metrics.Export {
	var states []metrics.Export
	for _, to := range e.events {
		states = append(states,
			metrics.Export{Name: to.name, Sent: to.outbox.Sent(), Lost: to.outbox.Lost()})
	}
	if e.cloudWatch != nil {
		states = append(states, e.cloudWatch.state())
	}
	return states
}

// Close sends what waits, as far as that is possible within a few seconds.
func (e *Exporter) Close() {
	var closing sync.WaitGroup
	for _, to := range e.events {
		closing.Go(func() {
			to.outbox.Close()
			to.close()
		})
	}
	if e.cloudWatch != nil {
		closing.Go(e.cloudWatch.close)
	}
	closing.Wait()
}

// errPart is why some events of a batch are lost.
var errPart = errors.New("some events were refused")
