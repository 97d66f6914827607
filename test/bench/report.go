package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// What is wanted of the control plane.
const (
	wantPerSecond = 15_000
	wantShare     = 0.60 // of what the bare handler answers
	wantP99       = 5 * time.Millisecond
	wantReady     = 2 * time.Second
	wantPage      = 5 * time.Millisecond
)

// saturated is the share of its CPU from which on the load is the limit itself.
const saturated = 0.95

// median returns the middle of a few values.
func median[T cmp.Ordered](values []T) T {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}

// percentile returns the value below which p percent of the values are, or 0 when
// there are none.
func percentile(values []time.Duration, p int) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, len(sorted)*p/100)]
}

// total returns the medians of a contender's runs.
func (c *contender) total() result {
	column := func(of func(result) float64) float64 {
		var values []float64
		for _, r := range c.results {
			values = append(values, of(r))
		}
		return median(values)
	}
	return result{
		perSecond: column(func(r result) float64 { return r.perSecond }),
		busy:      column(func(r result) float64 { return r.busy }),
		p50:       time.Duration(column(func(r result) float64 { return float64(r.p50) })),
		p99:       time.Duration(column(func(r result) float64 { return float64(r.p99) })),
	}
}

// figure is something that was measured, beside what is wanted of it.
type figure struct {
	name     string
	wanted   string // empty when nothing is
	measured string
	met      bool
}

// atLeast, atMost and below return a figure whose number has to be so beside another.
// The format is that of both numbers.
func atLeast(name, format string, wanted, measured float64) figure {
	return figure{name, "≥ " + fmt.Sprintf(format, wanted), fmt.Sprintf(format, measured),
		measured >= wanted}
}

func atMost(name, format string, wanted, measured float64) figure {
	return figure{name, "≤ " + fmt.Sprintf(format, wanted), fmt.Sprintf(format, measured),
		measured <= wanted}
}

func below(name, format string, wanted, measured float64) figure {
	return figure{name, "< " + fmt.Sprintf(format, wanted), fmt.Sprintf(format, measured),
		measured < wanted}
}

// note adds a remark to what was measured.
func (f figure) note(format string, args ...any) figure {
	f.measured += " (" + fmt.Sprintf(format, args...) + ")"
	return f
}

// report prints all figures.
func report(out io.Writer, figures []figure) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "figure\twanted\tmeasured\t")
	for _, f := range figures {
		verdict := "met"
		switch {
		case f.wanted == "":
			verdict = ""
		case !f.met:
			verdict = "MISSED"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", f.name, f.wanted, f.measured, verdict)
	}
	return table.Flush()
}

// reportCalls prints what was measured of the control plane. The first contender is
// the one that the others are compared with, the last is parley.
func (b *bench) reportCalls(contenders []*contender, rooms roomsResult) error {
	bare := contenders[0].total()
	table := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "CreateChatToken\tcalls/s\tof bare\tp50 at half\tp99 at half\tload's CPU\t")
	for _, c := range contenders {
		r := c.total()
		fmt.Fprintf(table, "%s\t%.0f\t%.0f %%\t%s\t%s\t%.0f %%\t\n", c.name, r.perSecond,
			100*r.perSecond/bare.perSecond, micros(r.p50), micros(r.p99), 100*r.busy)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, c := range contenders {
		if c.total().busy >= saturated {
			fmt.Fprintf(b.out, "%s: the load's own CPU was the limit; the server can do more\n", c.name)
		}
	}
	_, err := fmt.Fprintf(b.out, "\n%d rooms: ready after %s; page of 50: p50 %s, p99 %s; "+
		"filter without a match: p50 %s\n\n", manyRooms, rooms.ready.Round(time.Millisecond),
		micros(percentile(rooms.pages, 50)), micros(percentile(rooms.pages, 99)),
		micros(percentile(rooms.filtered, 50)))
	return err
}

func controlFigures(contenders []*contender, rooms roomsResult) []figure {
	bare, own := contenders[0].total(), contenders[len(contenders)-1].total()
	millis := func(d time.Duration) float64 { return 1e3 * d.Seconds() }
	list := fmt.Sprintf("%d rooms, ", manyRooms)
	return []figure{
		atLeast("CreateChatToken, calls per second", "%.0f", wantPerSecond, own.perSecond),
		atLeast("CreateChatToken, share of bare net/http", "%.0f %%", 100*wantShare,
			100*own.perSecond/bare.perSecond),
		below("CreateChatToken, p99 at half load", "%.2f ms", millis(wantP99), millis(own.p99)),
		below(list+"start", "%.0f ms", millis(wantReady), millis(rooms.ready)),
		below(list+"page (p99)", "%.2f ms", millis(wantPage), millis(percentile(rooms.pages, 99))),
	}
}

// micros returns a short time as people compare it.
func micros(d time.Duration) string { return d.Round(time.Microsecond).String() }
