package metrics

import (
	"math"

	dto "github.com/prometheus/client_model/go"
)

// Value is one number of the metrics as it is now: a counter's or a gauge's. A histogram
// has two: how much was observed, under its name with _count, and the sum, with _sum.
type Value struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"`
	Number float64           `json:"value"`
}

// Values returns the numbers of the metrics that are wanted, by name. What is infinite,
// such as a limit that is none, or not a number, is left out. The error says which could not be read; the
// others are there.
func (m *Metrics) Values(wanted func(name string) bool) ([]Value, error) {
	families, err := m.registry.Gather()
	var values []Value
	for _, family := range families {
		if !wanted(family.GetName()) {
			continue
		}
		for _, metric := range family.GetMetric() {
			values = appendValues(values, family.GetName(), metric)
		}
	}
	return values, err
}

func appendValues(values []Value, name string, metric *dto.Metric) []Value {
	labels := map[string]string{}
	for _, label := range metric.GetLabel() {
		labels[label.GetName()] = label.GetValue()
	}
	if h := metric.Histogram; h != nil {
		return append(values, Value{name + "_count", labels, float64(h.GetSampleCount())},
			Value{name + "_sum", labels, h.GetSampleSum()})
	}
	number := metric.GetCounter().GetValue() + metric.GetGauge().GetValue() // one is nil
	if math.IsInf(number, 0) || math.IsNaN(number) {
		return values
	}
	return append(values, Value{name, labels, number})
}
