package metrics

import "github.com/prometheus/client_golang/prometheus"

// Export is what became of what one export had to send: spans, events or data.
type Export struct {
	Name       string // a constant of the package that sends
	Sent, Lost uint64 // since the start
}

// WatchExports has the metrics show the exports that list returns whenever they are
// read. It may be called once.
func (m *Metrics) WatchExports(list func() []Export) {
	m.registry.MustRegister(exports{list,
		prometheus.NewDesc("parley_exports_sent_total",
			"Spans, events and data that other systems have taken, by export: traces,"+
				" cloudwatch, eventbridge or webhook.", []string{"export"}, nil),
		prometheus.NewDesc("parley_exports_lost_total",
			"Spans, events and data that were not taken in time, or refused, by export.",
			[]string{"export"}, nil),
	})
}

// exports is a prometheus.Collector.
type exports struct {
	list       func() []Export
	sent, lost *prometheus.Desc
}

func (e exports) Describe(to chan<- *prometheus.Desc) {
	to <- e.sent
	to <- e.lost
}

func (e exports) Collect(to chan<- prometheus.Metric) {
	for _, x := range e.list() {
		to <- prometheus.MustNewConstMetric(e.sent, prometheus.CounterValue, float64(x.Sent), x.Name)
		to <- prometheus.MustNewConstMetric(e.lost, prometheus.CounterValue, float64(x.Lost), x.Name)
	}
}
