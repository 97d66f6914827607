// Package metrics holds every metric of the server, in one file. The other
// packages call its methods and know nothing of Prometheus. No label holds a
// value that a user chose.
package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/parley-chat/parley"
)

// Metrics counts what one server does. Its methods may be called from any
// goroutine.
type Metrics struct {
	registry *prometheus.Registry

	apiCalls    *prometheus.HistogramVec
	handshakes  *prometheus.CounterVec
	connections prometheus.Gauge
	requests    *prometheus.CounterVec
	refusals    *prometheus.CounterVec
	throttled   *prometheus.CounterVec
	deliveries  prometheus.Counter
	ended       *prometheus.CounterVec
	rooms       prometheus.Gauge
	dropped     *prometheus.CounterVec
}

// New returns metrics that are all zero, with those of the Go runtime and the
// process.
func New() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		apiCalls: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "parley_api_duration_seconds",
			Help: "Time to answer control plane calls, by operation and outcome" +
				" (ok or an error code).",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1},
		}, []string{"operation", "outcome"}),
		handshakes: counters("parley_handshakes_total",
			"WebSocket handshakes, by outcome (ok or an error code).", "outcome"),
		connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "parley_connections", Help: "Sessions open now."}),
		requests: counters("parley_requests_total",
			"Messaging requests accepted for processing, by action.", "action"),
		refusals: counters("parley_refusals_total",
			"Messaging requests answered with an ERROR frame, by error code.", "code"),
		throttled: counters("parley_throttled_total",
			"Requests over a rate, by scope (connection, room, account, api, node).", "scope"),
		deliveries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "parley_deliveries_total",
			Help: "Room frames handed to sessions: one per frame and session."}),
		ended: counters("parley_sessions_ended_total",
			"Sessions ended, by reason.", "reason"),
		rooms: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "parley_open_rooms", Help: "Rooms with at least one session on this node."}),
		dropped: counters("parley_connections_dropped_total",
			"Connections that were no sessions and were closed, by reason: too_many,"+
				" too_many_from_address, untrusted_peer or no_proxy_header.", "reason"),
	}
	m.registry.MustRegister(m.apiCalls, m.handshakes, m.connections, m.requests, m.refusals,
		m.throttled, m.deliveries, m.ended, m.rooms, m.dropped,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func counters(name, help, label string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
}

// Handler serves the metrics in Prometheus's text form.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// APICall records an answered control plane call. The operation is "unknown" for
// a request that names none; err is nil for a success.
func (m *Metrics) APICall(operation string, err error, took time.Duration) {
	m.apiCalls.WithLabelValues(operation, outcome(err)).Observe(took.Seconds())
}

// Handshake records a WebSocket handshake; err is nil when it opened a session.
func (m *Metrics) Handshake(err error) { m.handshakes.WithLabelValues(outcome(err)).Inc() }

// SessionOpened records that a session joined a room.
func (m *Metrics) SessionOpened() { m.connections.Inc() }

// SessionEnded records why an opened session ended. The reason is one of the
// constants of the package that ends sessions.
func (m *Metrics) SessionEnded(reason string) {
	m.connections.Dec()
	m.ended.WithLabelValues(reason).Inc()
}

// ConnectionDropped records why a connection that was no session was closed. The
// reason is one of the constants of the package that lets connections in.
func (m *Metrics) ConnectionDropped(reason string) { m.dropped.WithLabelValues(reason).Inc() }

// RoomOpened records that a room got its first session on this node.
func (m *Metrics) RoomOpened() { m.rooms.Inc() }

// RoomClosed records that a room lost its last session on this node.
func (m *Metrics) RoomClosed() { m.rooms.Dec() }

// Request records a messaging request that passed its checks and rates.
func (m *Metrics) Request(action string) { m.requests.WithLabelValues(action).Inc() }

// Refusal records a messaging request answered with an ERROR frame.
func (m *Metrics) Refusal(code parley.Code) { m.refusals.WithLabelValues(code.String()).Inc() }

// Throttled records a request over a rate.
func (m *Metrics) Throttled(scope string) { m.throttled.WithLabelValues(scope).Inc() }

// Deliveries records one room frame handed to n sessions.
func (m *Metrics) Deliveries(n int) { m.deliveries.Add(float64(n)) }

func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	return parley.CodeOf(err).String()
}
