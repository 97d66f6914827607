package chatlog

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/chatlog/queue"
	"github.com/parley-chat/parley/internal/hub"
	"github.com/parley-chat/parley/internal/metrics"
)

// Configurations knows the logging configurations. store.Store implements it.
type Configurations interface {
	// LoggingConfiguration returns an error with code NotFound when there is none.
	LoggingConfiguration(arn parley.ARN) (parley.LoggingConfiguration, error)
}

// Config is what a Logger works with. Configurations, Destinations, QueueDir, Metrics
// and Log are required.
type Config struct {
	Configurations Configurations
	Destinations   *Destinations
	// QueueDir is the folder of the queue, made when it is needed.
	QueueDir string
	// QueueBytes and QueueAge bound what the queue holds. Default 1 GiB and 24 hours.
	QueueBytes int64
	QueueAge   time.Duration
	// Window is how much time the objects of S3 and folders span. Default 5 minutes.
	Window time.Duration
	// Flush is the same for the calls of CloudWatch Logs and Firehose. Default 5 seconds.
	Flush time.Duration

	Metrics *metrics.Metrics
	Log     *slog.Logger
}

// The defaults of a Config.
const (
	DefaultWindow = 5 * time.Minute
	DefaultFlush  = 5 * time.Second

	// MinQueueBytes is the least that QueueBytes may be.
	MinQueueBytes = queue.MinBytes
)

// Logger logs the chat of rooms that name logging configurations. Its methods may be
// called from any goroutine.
type Logger struct {
	cfg          Config
	spool        *queue.Spool
	destinations atomic.Pointer[Destinations]
	ctx          context.Context // of deliveries
	cancel       context.CancelFunc
	draining     chan struct{} // closed when what is queued is to be delivered at once
	once         sync.Once     // closes draining
	running      sync.WaitGroup

	mu         sync.Mutex // guards deliveries
	deliveries map[parley.ARN]*delivery
}

// Open returns a logger that goes on with what a former one left in the queue.
func Open(ctx context.Context, cfg Config) (*Logger, error) {
	if cfg.Window == 0 {
		cfg.Window = DefaultWindow
	}
	if cfg.Flush == 0 {
		cfg.Flush = DefaultFlush
	}
	l := &Logger{cfg: cfg, draining: make(chan struct{}), deliveries: map[parley.ARN]*delivery{}}
	l.ctx, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	l.destinations.Store(cfg.Destinations)
	var err error
	l.spool, err = queue.Open(queue.Config{
		Dir: cfg.QueueDir, MaxBytes: cfg.QueueBytes, MaxAge: cfg.QueueAge,
		Dropped: l.dropped, Opened: l.opened, Log: cfg.Log,
	})
	if err != nil {
		l.cancel()
		l.running.Wait()
		return nil, err
	}
	cfg.Metrics.WatchLogs(l.metrics)
	return l, nil
}

// Append queues records, in their order, for each configuration that their rooms name
// and that logs. When it returns, the records survive the end of the process; it does
// not wait long for a disk that is slow.
func (l *Logger) Append(records []hub.Record) {
	s := scratches.Get().(*scratch)
	defer s.free()
	known := map[named][]queue.Place{}
	for _, r := range records {
		var names named
		copy(names[:], r.Configurations)
		to, ok := known[names]
		if !ok {
			to = l.places(r.Configurations)
			known[names] = to
		}
		if len(to) > 0 {
			begin := len(s.text)
			s.text = appendRecord(s.text, r)
			s.entries = append(s.entries, queue.Entry{To: to, Record: queue.Record{
				Room: r.Room.ID, At: cutToMillis(r.At), JSON: s.text[begin:len(s.text):len(s.text)]}})
		}
	}
	if len(s.entries) > 0 {
		l.spool.Append(s.entries)
	}
}

// scratch is what Append needs while it runs.
type scratch struct {
	text    []byte // the JSON of all records
	entries []queue.Entry
}

// maxScratch is more bytes of text than is kept from one call to the next.
const maxScratch = 1 << 20

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func (s *scratch) free() {
	clear(s.entries)
	s.entries, s.text = s.entries[:0], s.text[:0]
	if cap(s.text) <= maxScratch {
		scratches.Put(s)
	}
}

// named are the configurations that a room names.
type named [parley.MaxRoomLoggingConfigurations]parley.ARN

// places returns the queues of the configurations that log.
func (l *Logger) places(configurations []parley.ARN) (to []queue.Place) {
	for i, arn := range configurations {
		if slices.Contains(configurations[:i], arn) {
			continue // a room may name one twice
		}
		if window, active := l.window(arn); active {
			to = append(to, queue.Place{Queue: queueName(arn), Window: window})
		}
	}
	return to
}

// window returns how much time a delivery of a configuration spans, and whether it
// logs, as a room asks that names it. One that this node does not know yet does, and so
// does one that is being deleted: since a room names it, it will stay.
func (l *Logger) window(arn parley.ARN) (window time.Duration, active bool) {
	c, err := l.cfg.Configurations.LoggingConfiguration(arn)
	if err != nil {
		return l.cfg.Flush, true
	}
	active = c.State == parley.LoggingActive || c.State == parley.LoggingDeleting
	if store, _ := l.destinations.Load().store(c.Destination); store != nil ||
		c.Destination.Kind == parley.DestinationS3 {
		return l.cfg.Window, active
	}
	return l.cfg.Flush, active
}

// queueName returns the name of a configuration's queue, which is that of a folder.
func queueName(arn parley.ARN) string {
	return arn.Region + "." + arn.Account + "." + arn.ID
}

func parseQueueName(name string) (parley.ARN, error) {
	parts := strings.Split(name, ".")
	if len(parts) != 3 {
		return parley.ARN{}, fmt.Errorf("the folder %q in the queue of chat logs is not its own", name)
	}
	return parley.ARN{Region: parts[0], Account: parts[1],
		Kind: parley.KindLoggingConfiguration, ID: parts[2]}, nil
}

// opened starts the delivery of a queue.
func (l *Logger) opened(q *queue.Queue) {
	arn, err := parseQueueName(q.Name())
	if err != nil {
		l.cfg.Log.Warn("chat logs", "err", err)
		return
	}
	d := newDelivery(l, arn, q)
	l.mu.Lock()
	l.deliveries[arn] = d
	l.mu.Unlock()
	l.running.Go(func() { d.run(l.ctx) })
}

// dropped counts records that are lost, and logs it once until it is over.
func (l *Logger) dropped(name string, records int, why queue.Reason, err error) {
	if arn, parseErr := parseQueueName(name); parseErr == nil {
		l.cfg.Metrics.LogDropped(arn.ID, string(why), records)
		if d := l.delivery(arn); d != nil {
			d.dropped(records, why, err)
		}
	}
}

func (l *Logger) delivery(arn parley.ARN) *delivery {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.deliveries[arn]
}

// forget drops the delivery of a configuration that is deleted and has nothing left.
func (l *Logger) forget(d *delivery) {
	l.mu.Lock()
	if l.deliveries[d.arn] == d {
		delete(l.deliveries, d.arn)
	}
	l.mu.Unlock()
	l.cfg.Metrics.LogForgotten(d.arn.ID)
}

// Reload replaces the destinations. Deliveries that wait to try again do so at once.
func (l *Logger) Reload(to *Destinations) {
	l.destinations.Swap(to).Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.deliveries {
		d.hurry()
	}
}

// Probe asks whether a destination is there. The error has code NotFound or
// AccessDenied; when the destination does not answer, there is none.
func (l *Logger) Probe(ctx context.Context, arn parley.ARN, to parley.Destination) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	t, err := l.destinations.Load().target(ctx, arn.Region, to)
	if err == nil {
		err = t.probe(ctx)
	}
	if err == nil {
		return nil
	}
	failure := &parley.Error{Resource: arn.Resource(), Err: err}
	switch kindOf(err) {
	case notFound:
		failure.Code, failure.Message = parley.NotFound, "The log destination does not exist."
	case accessDenied:
		failure.Code, failure.Message = parley.AccessDenied, "The log destination refuses access."
	default:
		l.cfg.Log.Warn("a log destination was not found to be there", "destination", to.Name, "err", err)
		return nil
	}
	return failure
}

// probeTimeout bounds a look at a destination.
const probeTimeout = 5 * time.Second

// Close has what is queued delivered until ctx is done, and leaves the rest to the
// next process. A destination that fails is not tried again.
func (l *Logger) Close(ctx context.Context) error {
	l.spool.Flush()
	l.once.Do(func() { close(l.draining) })
	stop := context.AfterFunc(ctx, l.cancel)
	l.running.Wait()
	stop()
	l.cancel()
	l.destinations.Load().Close()
	return l.spool.Close()
}

// closing reports whether Close was called.
func (l *Logger) closing() bool {
	select {
	case <-l.draining:
		return true
	default:
		return false
	}
}
