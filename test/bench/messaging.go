package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/parley-chat/parley/internal/load"
)

// What is wanted of the messaging plane.
const (
	wantShare1000   = 85.0 // percent of the physical limit, one message at a time
	wantShare10000  = 75.0
	wantBatches     = 4_000_000 // deliveries per CPU-second with 64 outstanding
	wantModestP99   = 10.0      // ms at 100 messages/s to 1,000 receivers
	wantModestCores = 0.5
	wantMillionP99  = 15.0 // ms at 1,000 messages/s to 1,000 receivers
	wantKeptUp      = 99.0 // percent of the messages
	wantSmallRooms  = 1.5  // times the CPU of one large room
	contentBytes    = 150
	outstanding     = 64
	framesPerWrite  = 16 // of the limit with batches
	warmUpFlag      = "--warm-up=1s"
)

// variant is one of several things that are measured in turns.
type variant struct {
	name    string
	measure func(context.Context) (*load.FanoutResult, error)
	results []*load.FanoutResult
}

// takeTurns measures all variants in each round.
func (b *bench) takeTurns(ctx context.Context, variants ...*variant) error {
	for round := range rounds {
		for _, v := range variants {
			b.progress("run %d of %d: %s", round+1, rounds, v.name)
			r, err := v.measure(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", v.name, err)
			}
			v.results = append(v.results, r)
		}
	}
	return nil
}

// median returns the median of what the rounds found.
func (v *variant) median(of func(*load.FanoutResult) float64) float64 {
	var values []float64
	for _, r := range v.results {
		values = append(values, of(r))
	}
	return median(values)
}

func perCPU(r *load.FanoutResult) float64 { return r.DeliveriesPerCPU }

// own returns a variant that is a server under the load of some flags.
func (b *bench) own(name string, flags ...string) *variant {
	return &variant{name: "parley, " + name,
		measure: func(ctx context.Context) (*load.FanoutResult, error) {
			return b.fanout(ctx, append([]string{warmUpFlag}, flags...)...)
		}}
}

// limit returns a variant that is the physical limit, under the same load.
func (b *bench) limit(name string, receivers, outstanding, batch int) *variant {
	return &variant{name: "limit, " + name,
		measure: func(ctx context.Context) (*load.FanoutResult, error) {
			return b.measureLimit(ctx, batch, load.FanoutConfig{
				Rooms: 1, Receivers: receivers, Senders: 1, ContentBytes: contentBytes,
				Outstanding: outstanding, WaitForAll: outstanding == 1,
				Duration: b.each, WarmUp: b.each / 4, ConnectConcurrency: 64, BusyPoll: true,
			})
		}}
}

// measureLimit starts the server of the physical limit, and its load.
func (b *bench) measureLimit(ctx context.Context, batch int, cfg load.FanoutConfig) (
	_ *load.FanoutResult, err error,
) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	environment := func(role string, r limitRole) []string {
		text, _ := json.Marshal(r) // it has only numbers, an address and times
		return []string{roleVariable + "=" + role, limitVariable + "=" + string(text), "GOMAXPROCS=1"}
	}
	s, err := startServer(ctx, b.serverCPU(), environment(roleLimit, limitRole{
		Sessions: cfg.Receivers, FrameBytes: load.RawFrameBytes(cfg.ContentBytes), Batch: batch}), self)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	var r load.FanoutResult
	err = b.load(ctx, &r, environment(roleRaw, limitRole{
		Server: s.addr, PID: s.cmd.Process.Pid, Config: cfg}), self)
	return &r, err
}

// measureOneAtATime compares the cost of a delivery with that of a write, when each
// message is sent after the one before has reached all, so that none can share a write
// with another.
func (b *bench) measureOneAtATime(ctx context.Context) ([]figure, error) {
	var figures []figure
	for _, size := range []struct {
		receivers int
		wanted    float64
	}{{1000, wantShare1000}, {10_000, wantShare10000}} {
		name := fmt.Sprintf("%d receivers, one message at a time", size.receivers)
		limit := b.limit(name, size.receivers, 1, 1)
		own := b.own(name, fmt.Sprintf("--receivers=%d", size.receivers), "--wait-for-all")
		if err := b.takeTurns(ctx, limit, own); err != nil {
			return nil, err
		}
		ours, most := own.median(perCPU), limit.median(perCPU)
		figures = append(figures, atLeast("a: "+name+": of the limit", "%.0f %%", size.wanted,
			100*ours/most).note("%.0fk of %.0fk deliveries per CPU-second", ours/1e3, most/1e3))
	}
	return figures, nil
}

// measureBatches is about messages that come faster than they can be sent on.
func (b *bench) measureBatches(ctx context.Context) ([]figure, error) {
	var figures []figure
	for _, receivers := range []int{1000, 10_000} {
		name := fmt.Sprintf("%d receivers, %d outstanding", receivers, outstanding)
		limit := b.limit(name, receivers, outstanding, framesPerWrite)
		own := b.own(name, fmt.Sprintf("--receivers=%d", receivers),
			fmt.Sprintf("--outstanding=%d", outstanding))
		if err := b.takeTurns(ctx, limit, own); err != nil {
			return nil, err
		}
		lost := own.median(func(r *load.FanoutResult) float64 { return float64(r.Lost) })
		figures = append(figures,
			atLeast("b: "+name+": deliveries per CPU-second", "%.0fk", wantBatches/1e3,
				own.median(perCPU)/1e3).
				note("limit with %d frames in a write: %.0fk", framesPerWrite, limit.median(perCPU)/1e3),
			figure{"b: " + name + ": lost deliveries", "0", fmt.Sprint(lost), lost == 0})
	}
	return figures, nil
}

func p50(r *load.FanoutResult) float64   { return r.Latency.P50 }
func p99(r *load.FanoutResult) float64   { return r.Latency.P99 }
func cores(r *load.FanoutResult) float64 { return r.Server.Cores }
func own(r *load.FanoutResult) float64   { return r.LoadCores }

// keptUp returns the percentage of the messages that should have been sent.
func keptUp(r *load.FanoutResult) float64 { return 100 * r.MessagesPerSecond / r.Rate }

func (b *bench) measureModest(ctx context.Context) ([]figure, error) {
	v := b.own("1,000 receivers, 100 messages/s", "--receivers=1000", "--rate=100")
	if err := b.takeTurns(ctx, v); err != nil {
		return nil, err
	}
	const name = "c: 1,000 receivers, 100 messages/s: "
	return []figure{
		below(name+"p99", "%.2f ms", wantModestP99, v.median(p99)).note("p50 %.2f ms", v.median(p50)),
		below(name+"server's cores", "%.2f", wantModestCores, v.median(cores)).
			note("load's %.2f", v.median(own)),
	}, nil
}

func (b *bench) measureMillion(ctx context.Context) ([]figure, error) {
	v := b.own("1,000 receivers, 1,000 messages/s", "--receivers=1000", "--rate=1000")
	if err := b.takeTurns(ctx, v); err != nil {
		return nil, err
	}
	const name = "d: 1,000 receivers, 1,000 messages/s: "
	delivered := func(r *load.FanoutResult) float64 {
		return 100 * r.DeliveriesPerSecond / (r.Rate * float64(r.Receivers))
	}
	return []figure{
		atLeast(name+"delivered in time", "%.1f %%", wantKeptUp,
			min(v.median(keptUp), v.median(delivered))).
			note("server's cores %.2f, load's %.2f", v.median(cores), v.median(own)),
		below(name+"p99", "%.2f ms", wantMillionP99, v.median(p99)).note("p50 %.2f ms", v.median(p50)),
	}, nil
}

// measureRooms compares the CPU for a delivery in many small rooms with that in one
// large room.
func (b *bench) measureRooms(ctx context.Context) ([]figure, error) {
	many := b.own("1,000 rooms of 10", "--rooms=1000", "--receivers=10", "--rate=10000")
	one := b.own("one room of 10,000", "--rooms=1", "--receivers=10000", "--rate=10")
	if err := b.takeTurns(ctx, many, one); err != nil {
		return nil, err
	}
	ratio := one.median(perCPU) / many.median(perCPU)
	return []figure{
		below("g: 1,000 rooms of 10 beside one of 10,000: CPU", "%.2f times", wantSmallRooms, ratio).
			note("%.2f and %.2f cores, %.0fk and %.0fk deliveries/s", many.median(cores), one.median(cores),
				many.median(rate)/1e3, one.median(rate)/1e3),
	}, nil
}

func rate(r *load.FanoutResult) float64 { return r.DeliveriesPerSecond }
