package metrics

import "github.com/prometheus/client_golang/prometheus"

// Registry returns what the metrics are registered in.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// Level is level.
type Level = level

// NewLevel, Add and Look are what level has.
var NewLevel, Add, Look = newLevel, (*level).add, (*level).look
