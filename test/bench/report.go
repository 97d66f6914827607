package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
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

// report prints all that was measured, and then which targets were reached. The
// first contender is the one that the others are compared with, the last is parley.
func (b *bench) report(out io.Writer, contenders []*contender, rooms roomsResult) error {
	fmt.Fprintf(out, "CreateChatToken, medians of %d runs; %s, %s/%s\n",
		rounds, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if len(b.cpus) > 1 {
		fmt.Fprintf(out, "each server on CPU %d with GOMAXPROCS=1, the load on CPU %d\n\n",
			b.cpus[len(b.cpus)-1], b.cpus[0])
	} else {
		fmt.Fprint(out, "each server with GOMAXPROCS=1, not bound to a CPU of its own\n\n")
	}
	bare, own := contenders[0].total(), contenders[len(contenders)-1].total()
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "server\tcalls/s\tof bare\tp50 at half\tp99 at half\tload's CPU\t")
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
			fmt.Fprintf(out, "%s: the load's own CPU was the limit; the server can do more\n", c.name)
		}
	}
	fmt.Fprintf(out, "\n%d rooms: ready after %s; page of 50: p50 %s, p99 %s; "+
		"filter without a match: p50 %s\n\n", manyRooms, rooms.ready.Round(time.Millisecond),
		micros(percentile(rooms.pages, 50)), micros(percentile(rooms.pages, 99)),
		micros(percentile(rooms.filtered, 50)))
	return reportTargets(out, bare, own, rooms)
}

func reportTargets(out io.Writer, bare, own result, rooms roomsResult) error {
	share := own.perSecond / bare.perSecond
	page := percentile(rooms.pages, 99)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "target\twanted\tmeasured\t")
	for _, t := range []struct {
		name, wanted, measured string
		reached                bool
	}{
		{"parley serve, calls per second", fmt.Sprintf("≥ %d", wantPerSecond),
			fmt.Sprintf("%.0f", own.perSecond), own.perSecond >= wantPerSecond},
		{"parley serve, share of bare net/http", fmt.Sprintf("≥ %.0f %%", 100*wantShare),
			fmt.Sprintf("%.0f %%", 100*share), share >= wantShare},
		{"parley serve, p99 at half load", "< " + wantP99.String(), micros(own.p99), own.p99 < wantP99},
		{fmt.Sprintf("%d rooms, start", manyRooms), "< " + wantReady.String(),
			rooms.ready.Round(time.Millisecond).String(), rooms.ready < wantReady},
		{fmt.Sprintf("%d rooms, page (p99)", manyRooms), "< " + wantPage.String(),
			micros(page), page < wantPage},
	} {
		verdict := "reached"
		if !t.reached {
			verdict = "MISSED"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", t.name, t.wanted, t.measured, verdict)
	}
	return table.Flush()
}

// micros returns a short time as people compare it.
func micros(d time.Duration) string { return d.Round(time.Microsecond).String() }
