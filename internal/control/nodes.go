package control

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/metrics"
)

// Nodes knows how the nodes of the server are. Each method tells of all that answer in
// time, this one first, and names those that do not.
type Nodes interface {
	NodeMetrics(ctx context.Context) (all []NodeMetrics, missing []string, err error)
	// RoomTraffic returns what a room has on each node, and zeros where it has no
	// sessions.
	RoomTraffic(ctx context.Context, room parley.ARN) (
		all []RoomTraffic, missing []string, err error)
	// LogDeliveries returns how the chat logs of a world get to their destinations. A
	// node tells of the configurations that have logged something since it started.
	LogDeliveries(ctx context.Context, w parley.World) (
		all []LogDelivery, missing []string, err error)
}

// NodeMetrics are the metrics of one node.
type NodeMetrics struct {
	Node    string          `json:"node"` // its name; empty when it is the only one
	Metrics []metrics.Value `json:"metrics"`
}

// RoomTraffic is what a room has on one node, and what its sessions get. Counts begin
// anew when the room was empty.
type RoomTraffic struct {
	Node       string `json:"node"`
	Sessions   int    `json:"sessions"`
	Frames     int64  `json:"frames"`     // messages and events
	Deliveries int64  `json:"deliveries"` // of frames to sessions
}

// LogDelivery says how the logs of one configuration are doing on one node. Counts are
// since the node started.
type LogDelivery struct {
	Node                 string     `json:"node"`
	LoggingConfiguration string     `json:"loggingConfiguration"` // ARN
	Where                string     `json:"where,omitempty"`      // what the destination's name means
	QueuedBytes          int64      `json:"queuedBytes"`
	LagSeconds           float64    `json:"lagSeconds"` // age of the oldest queued record
	Delivered            int64      `json:"delivered"`  // records
	Dropped              int64      `json:"dropped"`
	LastDelivery         *time.Time `json:"lastDelivery,omitempty"`
	// Since when deliveries fail, and how. When they succeed again, this is gone.
	FailingSince *time.Time `json:"failingSince,omitempty"`
	ErrorKind    string     `json:"errorKind,omitempty"`
	LastError    string     `json:"lastError,omitempty"`
}

// absent names the nodes of which an answer does not tell: they do not answer.
type absent struct {
	Missing []string `json:"missing,omitempty"`
}

// serverMetrics is the answer of GetMetrics.
type serverMetrics struct {
	Time  string        `json:"time"` // when they were read
	Nodes []NodeMetrics `json:"nodes"`
	absent
}

func (h *Handler) getMetrics(ctx context.Context, c *call) (any, error) {
	told := serverMetrics{Time: timestamp(c.now), Nodes: []NodeMetrics{}}
	if h.nodes == nil {
		return told, nil
	}
	var err error
	if told.Nodes, told.Missing, err = h.nodes.NodeMetrics(ctx); err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	return told, nil
}

// timestamp returns a time as exactly as rates need it.
func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// roomTraffic is the answer of GetRoomTraffic.
type roomTraffic struct {
	Time  string        `json:"time"`
	Nodes []RoomTraffic `json:"nodes"`
	absent
}

// getRoomTraffic tells what goes on in a room, also in one that was deleted while people
// are in it.
func (h *Handler) getRoomTraffic(ctx context.Context, c *call) (any, error) {
	arn := c.requiredARN("identifier", parley.KindRoom)
	if err := c.body.Err(); err != nil {
		return nil, err
	}
	if err := c.own(arn); err != nil {
		return nil, err
	}
	told := roomTraffic{Time: timestamp(c.now), Nodes: []RoomTraffic{}}
	if h.nodes == nil {
		return told, nil
	}
	var err error
	if told.Nodes, told.Missing, err = h.nodes.RoomTraffic(ctx, arn); err != nil {
		return nil, fmt.Errorf("read the traffic of %s: %w", arn, err)
	}
	return told, nil
}

// logDeliveries is the answer of GetLogDeliveries.
type logDeliveries struct {
	Deliveries []LogDelivery `json:"deliveries"`
	absent
}

// MaxDeliveries is how many deliveries are told of at once; those that fail come first.
const MaxDeliveries = 1000

// getLogDeliveries tells how the logs of a configuration are doing, or, without an
// identifier, those of all.
func (h *Handler) getLogDeliveries(ctx context.Context, c *call) (any, error) {
	only, err := c.deliveriesOf()
	if err != nil {
		return nil, err
	}
	answer := logDeliveries{Deliveries: []LogDelivery{}}
	if h.nodes == nil {
		return answer, nil
	}
	all, missing, err := h.nodes.LogDeliveries(ctx, c.world)
	if err != nil {
		return nil, fmt.Errorf("read the deliveries of logs: %w", err)
	}
	for _, d := range all {
		if only == "" || d.LoggingConfiguration == only {
			answer.Deliveries = append(answer.Deliveries, d)
		}
	}
	answer.Deliveries, answer.Missing = FirstDeliveries(answer.Deliveries), missing
	return answer, nil
}

// FirstDeliveries puts deliveries in order, those that fail first, and returns as many as
// are told of.
func FirstDeliveries(all []LogDelivery) []LogDelivery {
	slices.SortStableFunc(all, failingFirst)
	return all[:min(len(all), MaxDeliveries)]
}

// deliveriesOf reads and checks which configuration is asked about: its ARN, or nothing
// for all.
func (c *call) deliveriesOf() (arn string, err error) {
	text, ok := c.body.String("identifier")
	if !ok {
		return "", c.body.Err()
	}
	named := c.body.Check().ARN("identifier", text, parley.KindLoggingConfiguration)
	if err := c.body.Err(); err != nil {
		return "", err
	}
	return named.String(), c.own(named)
}

func failingFirst(a, b LogDelivery) int {
	healthy := func(d LogDelivery) int {
		if d.FailingSince != nil {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(healthy(a), healthy(b)),
		cmp.Compare(a.LoggingConfiguration, b.LoggingConfiguration))
}
