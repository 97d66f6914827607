package metrics

import "github.com/prometheus/client_golang/prometheus"

// Bus is how the events of rooms travel to and from this node. What is not about now
// counts since the start.
type Bus struct {
	Nodes   int // that are alive, with this one
	Waiting int // events that are here and not delivered yet
	Holding int // of them, this node's own that wait for other nodes
	Kept    int // bytes of events for nodes that missed them

	Messages  uint64 // of any kind, to other nodes
	Sent      uint64 // events to other nodes
	Received  uint64 // events of other nodes
	Recovered uint64 // events that were missed, and came again
	Gaps      uint64 // times that another node was not heard for a while, and was again
	Late      uint64 // times that another node did not acknowledge events in time
	Overflows uint64 // times that events came faster than they were taken
	Losses    uint64 // rooms whose sessions were dropped, since events are missing
}

// busMetrics are the metrics of a Bus, each with what it shows.
var busMetrics = []struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(Bus) float64
}{
	{nodeDesc("parley_cluster_nodes", "Nodes that this one hears, with itself."),
		prometheus.GaugeValue, func(b Bus) float64 { return float64(b.Nodes) }},
	{nodeDesc("parley_bus_waiting_events", "Room events that arrived and are not on tapes yet."),
		prometheus.GaugeValue, func(b Bus) float64 { return float64(b.Waiting) }},
	{nodeDesc("parley_bus_held_events",
		"Of them, events of this node that wait until other nodes have them."),
		prometheus.GaugeValue, func(b Bus) float64 { return float64(b.Holding) }},
	{nodeDesc("parley_bus_kept_bytes", "Events that are kept for nodes that missed them."),
		prometheus.GaugeValue, func(b Bus) float64 { return float64(b.Kept) }},
	{nodeDesc("parley_bus_messages_total",
		"Messages of any kind to other nodes: events, signs of life, acknowledgements."),
		prometheus.CounterValue, func(b Bus) float64 { return float64(b.Messages) }},
	{nodeDesc("parley_bus_sent_events_total", "Room events that went to other nodes."),
		prometheus.CounterValue, func(b Bus) float64 { return float64(b.Sent) }},
	{nodeDesc("parley_bus_received_events_total", "Room events that came from other nodes."),
		prometheus.CounterValue, func(b Bus) float64 { return float64(b.Received) }},
	{nodeDesc("parley_bus_recovered_events_total",
		"Room events that were missed at first, and came again."),
		prometheus.CounterValue, func(b Bus) float64 { return float64(b.Recovered) }},
	{nodeDesc("parley_bus_gaps_total", "Times that another node was not heard for a while."),
		prometheus.CounterValue, func(b Bus) float64 { return float64(b.Gaps) }},
	{nodeDesc("parley_bus_late_total",
		"Times that another node did not acknowledge events within 100 ms."),
		prometheus.CounterValue, func(b Bus) float64 { return float64(b.Late) }},
	{nodeDesc("parley_bus_overflows_total", "Times that room events came faster than they were taken."),
		prometheus.CounterValue, func(b Bus) float64 { return float64(b.Overflows) }},
	{nodeDesc("parley_bus_lost_rooms_total",
		"Rooms whose sessions were dropped, to come back, since events are missing for good."),
		prometheus.CounterValue, func(b Bus) float64 { return float64(b.Losses) }},
}
