package load

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Progress is what a run shows once a second.
type Progress struct {
	Doing               string // one of the constants below
	Sessions            int    // open now
	Of                  int    // sessions to open
	PerSecond           float64
	Unit                string // of PerSecond
	DeliveriesPerSecond float64
	P99                 time.Duration // since the run began to measure
	Lost                int           // deliveries that are overtaken by later ones
	Over                bool          // nothing more comes; all else is not set
}

// What a run is doing.
const (
	Connecting = "connecting"
	Minting    = "minting tokens"
	WarmingUp  = "warming up"
	Measuring  = "measuring"
	Draining   = "waiting for the last"
	Holding    = "holding"
)

// Show is called once a second during a run, and at its end, from one goroutine at a
// time.
type Show func(Progress)

// over says that the run is over.
func (show Show) over() {
	if show != nil {
		show(Progress{Over: true})
	}
}

// counts lists what was counted by name, the most frequent first.
func counts(by map[string]int) string {
	names := slices.SortedFunc(maps.Keys(by), func(a, b string) int { return by[b] - by[a] })
	var texts []string
	for _, name := range names {
		texts = append(texts, fmt.Sprintf("%d × %s", by[name], name))
	}
	return strings.Join(texts, ", ")
}

// progress shows what has happened since it was called last.
func (f *fanout) progress(now int64) {
	since := f.shown
	f.shown = moment{at: now, count: f.count}
	if f.show == nil {
		return
	}
	seconds := float64(now-since.at) / float64(time.Second)
	p := Progress{
		Doing:               [...]string{Connecting, WarmingUp, Measuring, Draining}[f.phase],
		Sessions:            f.open,
		Of:                  f.cfg.Rooms * f.cfg.Receivers,
		PerSecond:           float64(f.count.sent-since.count.sent) / seconds,
		Unit:                "messages/s",
		DeliveriesPerSecond: float64(f.count.deliveries-since.count.deliveries) / seconds,
		P99:                 f.latency.quantile(0.99),
	}
	for i := range f.arrivals {
		p.Lost += f.arrivals[i].missing(0)
	}
	f.show(p)
}
