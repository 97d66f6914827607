package chatlog

import (
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/metrics"
)

// Status says how the logs of one configuration are doing on this node.
type Status struct {
	LoggingConfiguration string                 `json:"logging_configuration"` // ARN
	Kind                 parley.DestinationKind `json:"kind"`
	// Name is that of the bucket, log group or delivery stream, and Where is what it
	// means, once that was used.
	Name        string `json:"name"`
	Where       string `json:"where,omitempty"`
	Deleted     bool   `json:"deleted,omitempty"`
	QueuedBytes int64  `json:"queued_bytes"`
	// LagSeconds is the age of the oldest queued record.
	LagSeconds   float64    `json:"lag_seconds"`
	Delivered    int64      `json:"delivered_records"`
	Dropped      int64      `json:"dropped_records"`
	LastDelivery *time.Time `json:"last_delivery,omitempty"`
	FailingSince *time.Time `json:"failing_since,omitempty"`
	ErrorKind    string     `json:"error_kind,omitempty"`
	LastError    string     `json:"last_error,omitempty"`
}

// Status returns how the deliveries are doing of configurations that have logged
// something on this node. Counts are since the start.
func (l *Logger) Status() map[parley.ARN]Status {
	l.mu.Lock()
	deliveries := make([]*delivery, 0, len(l.deliveries))
	for _, d := range l.deliveries {
		deliveries = append(deliveries, d)
	}
	l.mu.Unlock()
	all := map[parley.ARN]Status{}
	for _, d := range deliveries {
		all[d.arn] = d.status(time.Now())
	}
	return all
}

func (d *delivery) status(now time.Time) Status {
	d.mu.Lock()
	state := d.state
	d.mu.Unlock()
	s := Status{
		LoggingConfiguration: d.arn.String(),
		Kind:                 state.to.Kind, Name: state.to.Name, Where: state.where, Deleted: state.gone,
		QueuedBytes: d.queue.Bytes(), LagSeconds: d.lag(now).Seconds(),
		Delivered: state.delivered, Dropped: state.dropped,
		LastDelivery: timeOrNil(state.lastTime), FailingSince: timeOrNil(state.failing),
		LastError: state.lastError,
	}
	if s.FailingSince != nil {
		s.ErrorKind = string(state.kind)
	}
	return s
}

// lag returns the age of the oldest record that is not at its destination.
func (d *delivery) lag(now time.Time) time.Duration {
	first := d.queue.Oldest()
	if first.IsZero() {
		return 0
	}
	return max(0, now.Sub(first))
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// metrics returns what metrics show of the queues.
func (l *Logger) metrics() []metrics.LogQueue {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	queues := make([]metrics.LogQueue, 0, len(l.deliveries))
	for arn, d := range l.deliveries {
		queues = append(queues, metrics.LogQueue{
			Configuration: arn.ID, Bytes: d.queue.Bytes(), Lag: d.lag(now)})
	}
	return queues
}
