package metrics

import (
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Node is how the parts of a running server are, besides what they count.
type Node struct {
	MaxSessions int // 0 is no limit
	Pending     int // requests on their way: under review, in line or on the bus

	FanoutLag       time.Duration // of the slowest shard
	BlockedSessions int           // whose sockets are full
	BlockedBytes    int64         // that these have yet to take

	Bus Bus

	CanSave         bool   // the store takes changes
	StoreBytes      uint64 // in memory and on disk
	StoreEntries    uint64
	StoreErrors     uint64 // requests that the engine refused, since the start
	SlowConnections int64  // that the engine cut off, since the start

	Quotas []QuotaUse
}

// QuotaUse is how much of a quota is used in one account and region. The operator names
// accounts and regions.
type QuotaUse struct {
	Quota, Account, Region string
	Used, Limit            int // a limit of 0 is none
}

// WatchNode has the metrics show what look returns whenever they are read. It may be
// called once.
func (m *Metrics) WatchNode(look func() Node) { m.registry.MustRegister(nodeCollector{look}) }

// nodeMetrics are the metrics of a Node, each with what it shows.
var nodeMetrics = []struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(Node) float64
}{
	{nodeDesc("parley_connections_limit", "Sessions that the node takes; +Inf is no limit."),
		prometheus.GaugeValue, func(n Node) float64 { return limitOf(n.MaxSessions) }},
	{nodeDesc("parley_pending_requests",
		"Messaging requests on their way: under review, in line behind one, or on the bus."),
		prometheus.GaugeValue, func(n Node) float64 { return float64(n.Pending) }},
	{nodeDesc("parley_fanout_lag_seconds",
		"How long the slowest shard took, of late, to write a frame to all its sessions of a room."),
		prometheus.GaugeValue, func(n Node) float64 { return n.FanoutLag.Seconds() }},
	{nodeDesc("parley_blocked_sessions", "Sessions whose sockets are full: they do not read."),
		prometheus.GaugeValue, func(n Node) float64 { return float64(n.BlockedSessions) }},
	{nodeDesc("parley_send_queue_bytes", "Bytes that sessions whose sockets are full have yet to take."),
		prometheus.GaugeValue, func(n Node) float64 { return float64(n.BlockedBytes) }},
	{nodeDesc("parley_store_can_save", "1 while the store takes changes, and otherwise 0."),
		prometheus.GaugeValue, func(n Node) float64 { return oneIf(n.CanSave) }},
	{nodeDesc("parley_store_bytes", "What the engine, JetStream, keeps in memory and on disk."),
		prometheus.GaugeValue, func(n Node) float64 { return float64(n.StoreBytes) }},
	{nodeDesc("parley_store_entries", "Entries that the engine keeps: its messages."),
		prometheus.GaugeValue, func(n Node) float64 { return float64(n.StoreEntries) }},
	{nodeDesc("parley_store_errors_total", "Requests to JetStream that it refused."),
		prometheus.CounterValue, func(n Node) float64 { return float64(n.StoreErrors) }},
	{nodeDesc("parley_store_slow_consumers_total",
		"Connections of the engine that were cut off since they read too slowly."),
		prometheus.CounterValue, func(n Node) float64 { return float64(n.SlowConnections) }},
}

// The metrics of quotas, one series of each for every quota that counts things.
var (
	quotaUsed = nodeDesc("parley_quota_used",
		"How much is used of a quota in an account and region on this node.",
		"quota", "account", "region")
	quotaLimit = nodeDesc("parley_quota_limit",
		"What a quota allows in each account and region; +Inf is no limit.", "quota")
)

func nodeDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// nodeCollector is a prometheus.Collector.
type nodeCollector struct{ look func() Node }

func (c nodeCollector) Describe(to chan<- *prometheus.Desc) {
	for _, m := range nodeMetrics {
		to <- m.desc
	}
	for _, m := range busMetrics {
		to <- m.desc
	}
	to <- quotaUsed
	to <- quotaLimit
}

func (c nodeCollector) Collect(to chan<- prometheus.Metric) {
	node := c.look()
	for _, m := range nodeMetrics {
		to <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(node))
	}
	for _, m := range busMetrics {
		to <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(node.Bus))
	}
	limits := map[string]int{}
	for _, q := range node.Quotas {
		limits[q.Quota] = q.Limit
		to <- prometheus.MustNewConstMetric(quotaUsed, prometheus.GaugeValue,
			float64(q.Used), q.Quota, q.Account, q.Region)
	}
	for quota, limit := range limits {
		to <- prometheus.MustNewConstMetric(quotaLimit, prometheus.GaugeValue, limitOf(limit), quota)
	}
}

// limitOf returns a limit as metrics show it, so that nothing comes near one that is
// none.
func limitOf(limit int) float64 {
	if limit == 0 {
		return math.Inf(1)
	}
	return float64(limit)
}

func oneIf(so bool) float64 {
	if so {
		return 1
	}
	return 0
}
