// Package metrics holds every metric of the server. The other packages call its
// methods, or tell how they are when metrics are read, and know nothing of
// Prometheus. No label holds a value that a user chose.
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
	connections *level
	requests    *prometheus.CounterVec
	refusals    *prometheus.CounterVec
	throttled   *prometheus.CounterVec
	deliveries  *prometheus.CounterVec
	billed      *prometheus.CounterVec
	ended       *prometheus.CounterVec
	rooms       prometheus.Gauge
	dropped     *prometheus.CounterVec

	reviews       *prometheus.HistogramVec
	reviewResults *prometheus.CounterVec
	reviewErrors  *prometheus.CounterVec

	logs logMetrics
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
		connections: newLevel(),
		requests: counters("parley_requests_total",
			"Messaging requests accepted for processing, by action.", "action"),
		refusals: counters("parley_refusals_total",
			"Messaging requests answered with an ERROR frame, by error code.", "code"),
		throttled: counters("parley_throttled_total",
			"Requests over a limit, by its scope (connection, room, account, api, node, address)"+
				" and action.", "scope", "action"),
		deliveries: counters("parley_deliveries_total",
			"Room frames handed to sessions, one per frame and session, by the action that"+
				" they come from.", "action"),
		billed: counters("parley_billed_messages_total",
			"Chat messages as the original bills them, by direction: sent, and delivered, one"+
				" per message and session.", "direction"),
		ended: counters("parley_sessions_ended_total",
			"Sessions ended, by reason: peer (it left), expired, disconnected, protocol (broken by"+
				" the client), slow or silent (the client), or dropped (the server stops).", "reason"),
		rooms: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "parley_open_rooms", Help: "Rooms with at least one session on this node."}),
		dropped: counters("parley_connections_dropped_total",
			"Connections that were no sessions and were closed, by reason: too_many,"+
				" too_many_from_address, untrusted_peer or no_proxy_header.", "reason"),
		logs: newLogMetrics(),
		reviews: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "parley_review_duration_seconds",
			Help: "Time to review messages, by target.",
			Buckets: []float64{.00001, .0001, .001, .0025, .005, .01, .025, .05, .1, .15, .2,
				.5, 1, 2.5, 10},
		}, []string{"uri"}),
		reviewResults: counters("parley_review_results_total",
			"Messages reviewed, by target and result (allow, deny, or fallback_allow and"+
				" fallback_deny when the handler failed).", "uri", "result"),
		reviewErrors: counters("parley_review_errors_total",
			"Review handlers that failed, by target and kind: invocation when there was no"+
				" answer in time, response_validation or function.", "uri", "kind"),
	}
	m.registry.MustRegister(m.apiCalls, m.handshakes, m.connections, m.requests, m.refusals,
		m.throttled, m.deliveries, m.billed, m.ended, m.rooms, m.dropped,
		m.reviews, m.reviewResults, m.reviewErrors,
		m.logs.records, m.logs.bytes, m.logs.dropped, m.logs.errors,
		collectors.NewGoCollector(), collectors.NewBuildInfoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
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
func (m *Metrics) SessionOpened() { m.connections.add(time.Now(), 1) }

// SessionEnded records why an opened session ended. The reason is one of the
// constants of the package that ends sessions.
func (m *Metrics) SessionEnded(reason string) {
	m.connections.add(time.Now(), -1)
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
func (m *Metrics) Request(action string) {
	m.requests.WithLabelValues(action).Inc()
	if action == billedAction {
		m.billed.WithLabelValues("sent").Inc()
	}
}

// Refusal records a messaging request answered with an ERROR frame.
func (m *Metrics) Refusal(code parley.Code) { m.refusals.WithLabelValues(code.String()).Inc() }

// Throttled records a request over a limit. The action is a constant of the package
// that refuses it.
func (m *Metrics) Throttled(scope, action string) {
	m.throttled.WithLabelValues(scope, action).Inc()
}

// ReviewTook records how long a review took. Here and below, the target is one that the
// operator configured.
func (m *Metrics) ReviewTook(target string, took time.Duration) {
	m.reviews.WithLabelValues(target).Observe(took.Seconds())
}

// ReviewResult records what was decided on a message, and by whom: the result is a
// constant of the package that reviews.
func (m *Metrics) ReviewResult(target, result string) {
	m.reviewResults.WithLabelValues(target, result).Inc()
}

// ReviewFailed records that a review handler failed, and how: the kind is a constant of
// the package that reviews.
func (m *Metrics) ReviewFailed(target, kind string) {
	m.reviewErrors.WithLabelValues(target, kind).Inc()
}

// billedAction is what the original bills: messages sent, and delivered.
const billedAction = "SEND_MESSAGE"

// Deliveries records one room frame handed to n sessions, and the action that it comes
// from.
func (m *Metrics) Deliveries(action string, n int) {
	m.deliveries.WithLabelValues(action).Add(float64(n))
	if action == billedAction {
		m.billed.WithLabelValues("delivered").Add(float64(n))
	}
}

func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	return parley.CodeOf(err).String()
}

// logMetrics count what becomes of chat logs. Their label logging_configuration is the
// id of a configuration: the server makes ids, a quota bounds how many configurations
// there are, and those that are deleted are forgotten.
type logMetrics struct {
	records *prometheus.CounterVec
	bytes   *prometheus.CounterVec
	dropped *prometheus.CounterVec
	errors  *prometheus.CounterVec
}

const labelConfiguration = "logging_configuration"

func newLogMetrics() logMetrics {
	return logMetrics{
		records: counters("parley_log_delivered_records_total",
			"Chat log records that are at their destination.", labelConfiguration),
		bytes: counters("parley_log_delivered_bytes_total",
			"JSON of those records, before it is compressed.", labelConfiguration),
		dropped: counters("parley_log_dropped_total",
			"Chat log records lost, by reason: size or age (over the queue's limit), disk (it"+
				" did not take them), refused (by the destination, for good) or form (too large).",
			labelConfiguration, "reason"),
		errors: counters("parley_log_destination_errors_total",
			"Calls of log destinations that failed, by kind: access_denied, not_found or other.",
			labelConfiguration, "kind"),
	}
}

// LogDelivered records that chat log records are at their destination. Here and below,
// the configuration is the id of a logging configuration.
func (m *Metrics) LogDelivered(configuration string, records, bytes int) {
	m.logs.records.WithLabelValues(configuration).Add(float64(records))
	m.logs.bytes.WithLabelValues(configuration).Add(float64(bytes))
}

// LogDropped records that chat log records are lost. The reason is one of the constants
// of the package that drops them.
func (m *Metrics) LogDropped(configuration, reason string, records int) {
	m.logs.dropped.WithLabelValues(configuration, reason).Add(float64(records))
}

// LogDestinationError records a failed call of a log destination. The kind is one of
// the constants of the package that calls it.
func (m *Metrics) LogDestinationError(configuration, kind string) {
	m.logs.errors.WithLabelValues(configuration, kind).Inc()
}

// LogForgotten drops what was recorded of a configuration that is deleted.
func (m *Metrics) LogForgotten(configuration string) {
	label := prometheus.Labels{labelConfiguration: configuration}
	for _, counter := range []*prometheus.CounterVec{
		m.logs.records, m.logs.bytes, m.logs.dropped, m.logs.errors,
	} {
		counter.DeletePartialMatch(label)
	}
}

// LogQueue is what waits in the queue of a logging configuration.
type LogQueue struct {
	Configuration string        // its id
	Bytes         int64         // on disk
	Lag           time.Duration // the age of the oldest record
}

// WatchLogs has the metrics show the queues that list returns whenever they are read.
// It may be called once.
func (m *Metrics) WatchLogs(list func() []LogQueue) {
	m.registry.MustRegister(logQueues{list,
		prometheus.NewDesc("parley_log_spool_bytes",
			"Chat log records on disk that wait for their destination.",
			[]string{labelConfiguration}, nil),
		prometheus.NewDesc("parley_log_lag_seconds",
			"Age of the oldest chat log record that is not at its destination.",
			[]string{labelConfiguration}, nil),
	})
}

// logQueues is a prometheus.Collector.
type logQueues struct {
	list       func() []LogQueue
	bytes, lag *prometheus.Desc
}

func (q logQueues) Describe(to chan<- *prometheus.Desc) {
	to <- q.bytes
	to <- q.lag
}

func (q logQueues) Collect(to chan<- prometheus.Metric) {
	for _, state := range q.list() {
		to <- prometheus.MustNewConstMetric(q.bytes, prometheus.GaugeValue,
			float64(state.Bytes), state.Configuration)
		to <- prometheus.MustNewConstMetric(q.lag, prometheus.GaugeValue,
			state.Lag.Seconds(), state.Configuration)
	}
}
