package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// level is how many sessions are open, and the peak of it. It is a
// prometheus.Collector.
type level struct {
	open, peak *prometheus.Desc

	mu     sync.Mutex // guards what follows
	now    int
	minute int64 // of the last change or look, since 1970
	most   int   // in that minute
	before int   // the most in the minute before
}

func newLevel() *level {
	return &level{
		open: prometheus.NewDesc("parley_connections", "Sessions open now.", nil, nil),
		peak: prometheus.NewDesc("parley_connections_peak",
			"The most sessions open at once in this minute or the last one.", nil, nil),
	}
}

// add changes how many are open.
func (l *level) add(at time.Time, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turnLocked(at)
	l.now += n
	l.most = max(l.most, l.now)
}

// look returns how many are open, and the most that were at once in this minute or the
// last one: so that nobody who looks once a minute misses any.
func (l *level) look(at time.Time) (open, peak int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turnLocked(at)
	return l.now, max(l.most, l.before)
}

// turnLocked begins a new minute when it is time for one.
func (l *level) turnLocked(at time.Time) {
	minute := at.Unix() / 60
	switch {
	case minute <= l.minute: // a clock that was set back starts no new minute
		return
	case minute == l.minute+1:
		l.before = l.most
	default:
		l.before = l.now
	}
	l.minute, l.most = minute, l.now
}

// Describe and Collect make it a prometheus.Collector.
func (l *level) Describe(to chan<- *prometheus.Desc) {
	to <- l.open
	to <- l.peak
}

func (l *level) Collect(to chan<- prometheus.Metric) {
	open, peak := l.look(time.Now())
	to <- prometheus.MustNewConstMetric(l.open, prometheus.GaugeValue, float64(open))
	to <- prometheus.MustNewConstMetric(l.peak, prometheus.GaugeValue, float64(peak))
}
