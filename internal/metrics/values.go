package metrics

// Value is one number of the metrics as it is now: a counter's or a gauge's.
type Value struct {
	Name   string
	Labels map[string]string
	Number float64
}

// Values returns the numbers of the metrics that have one of the names. The error says
// which could not be read; the others are there.
func (m *Metrics) Values(names map[string]bool) ([]Value, error) {
	families, err := m.registry.Gather()
	var values []Value
	for _, family := range families {
		if !names[family.GetName()] {
			continue
		}
		for _, metric := range family.GetMetric() {
			labels := map[string]string{}
			for _, label := range metric.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			number := metric.GetCounter().GetValue() + metric.GetGauge().GetValue() // one is nil
			values = append(values, Value{family.GetName(), labels, number})
		}
	}
	return values, err
}
