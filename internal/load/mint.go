package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/api"
)

// MintConfig says what a mint run does.
type MintConfig struct {
	Connections int     // calls at once, at least 1
	Rate        float64 // calls per second, whether or not they are answered; 0 for as many as can be
	Room        string  // ARN of the room to use; when empty, one is made and deleted

	Duration time.Duration // that is measured
	WarmUp   time.Duration // before it
}

// MintResult is what a mint run measured.
type MintResult struct {
	Connections int     `json:"connections"`
	Rate        float64 `json:"wanted_calls_per_second,omitempty"`

	Seconds        float64 `json:"measured_seconds"`
	Calls          int     `json:"calls"` // that succeeded
	CallsPerSecond float64 `json:"calls_per_second"`
	// Latency is that of the calls that succeeded. With a rate, it counts from when a
	// call was to be made.
	Latency Latency        `json:"latency"`
	Failed  map[string]int `json:"failed_calls"` // by what went wrong

	Server      *ServerUse `json:"server,omitempty"`
	CallsPerCPU float64    `json:"calls_per_server_cpu_second,omitempty"`
	LoadCores   float64    `json:"load_cores"`
}

// Problem says what went wrong in a run that has numbers, or returns nil.
func (r *MintResult) Problem() error {
	switch {
	case len(r.Failed) > 0:
		return fmt.Errorf("calls failed: %s", counts(r.Failed))
	case r.Calls == 0:
		return errors.New("no call was answered in the time that is measured")
	}
	return nil
}

// Mint makes CreateChatToken calls and measures them. The result is nil when
// nothing was measured. When ctx ends early, it is of what was measured until then.
func Mint(ctx context.Context, target Target, cfg MintConfig, show Show) (
	_ *MintResult, err error,
) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if err := CheckFiles(cfg.Connections); err != nil {
		return nil, err
	}
	calls := newCalls(target, cfg.Connections)
	defer calls.close()
	rooms, err := openRooms(ctx, calls, cfg.Room, 1)
	defer func() { err = errors.Join(err, rooms.close()) }()
	if err != nil {
		return nil, err
	}
	m := &mints{cfg: cfg, begin: time.Now(), failed: map[string]int{},
		schedule: schedule{perSecond: cfg.Rate}}
	m.call = func(ctx context.Context, i int) error {
		_, err := calls.mint(ctx, rooms.arns[0], userID(i))
		return err
	}
	defer show.over()
	return m.run(ctx, target.Probe, show)
}

// mints is one mint run.
type mints struct {
	cfg   MintConfig
	begin time.Time
	call  func(ctx context.Context, i int) error

	mu       sync.Mutex // guards all below
	schedule schedule
	begun    int // calls
	from     int64
	calls    int // that count
	dead     int // that were not answered
	latency  histogram
	failed   map[string]int
	over     bool
	err      error // why the run was given up
}

// run makes calls, one after another on each connection.
func (m *mints) run(ctx context.Context, probe Probe, show Show) (*MintResult, error) {
	var workers sync.WaitGroup
	for range m.cfg.Connections {
		workers.Go(func() { m.work(ctx) })
	}
	r := &MintResult{Connections: m.cfg.Connections, Rate: m.cfg.Rate, Failed: m.failed}
	m.wait(ctx, WarmingUp, m.cfg.WarmUp, show)
	err := m.measure(ctx, r, probe, show)
	m.stop()
	workers.Wait()
	if err := errors.Join(err, m.err); err != nil {
		return nil, err
	}
	r.Latency = m.latency.latency()
	return r, nil
}

// measure counts the calls of a while.
func (m *mints) measure(ctx context.Context, r *MintResult, probe Probe, show Show) error {
	before, err := look(ctx, probe)
	if err != nil {
		return err
	}
	own := ownCPU()
	from := m.now()
	m.mu.Lock()
	m.from = from
	m.mu.Unlock()
	m.wait(ctx, Measuring, m.cfg.Duration, show)
	m.mu.Lock()
	r.Calls = m.calls
	m.mu.Unlock()
	r.Seconds = seconds(m.now() - from)
	r.LoadCores = (ownCPU() - own).Seconds() / r.Seconds
	after, err := look(ctx, probe)
	if err != nil {
		return err
	}
	r.CallsPerSecond = per(r.Calls, r.Seconds)
	if probe != nil {
		r.Server = newServerUse(before, before, after, r.Seconds)
		r.CallsPerCPU = per(r.Calls, r.Server.CPUSeconds)
	}
	return nil
}

func (m *mints) now() int64 { return int64(time.Since(m.begin)) }

// wait shows progress for a while, or until the run is over.
func (m *mints) wait(ctx context.Context, doing string, d time.Duration, show Show) {
	end := time.NewTimer(d)
	defer end.Stop()
	ticker := time.NewTicker(showEvery)
	defer ticker.Stop()
	for last := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-end.C:
			return
		case <-ticker.C:
		}
		m.mu.Lock()
		p := Progress{Doing: doing, Sessions: m.cfg.Connections, Of: m.cfg.Connections,
			Unit: "calls/s", PerSecond: float64(m.begun-last) / showEvery.Seconds(),
			P99: m.latency.quantile(0.99)}
		last = m.begun
		over := m.over
		m.mu.Unlock()
		if over {
			return
		}
		if show != nil {
			show(p)
		}
	}
}

// work makes calls until the run is over.
func (m *mints) work(ctx context.Context) {
	for {
		i, due, more := m.turn()
		if !more {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Duration(due - m.now())):
		}
		err := m.call(ctx, i)
		if ctx.Err() != nil {
			return
		}
		m.record(due, m.now(), err)
	}
}

// turn returns the number of the next call, and when it is due.
func (m *mints) turn() (i int, due int64, more bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over {
		return 0, 0, false
	}
	m.begun++
	if m.cfg.Rate == 0 {
		return m.begun, m.now(), true
	}
	due = m.schedule.due()
	m.schedule.sent++
	return m.begun, due, true
}

// record counts a call that was due at one time and answered at another.
func (m *mints) record(due, now int64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var refused *api.Refusal
	switch {
	case err == nil && m.from > 0:
		m.calls++
		if due >= m.from {
			m.latency.add(now - due)
		}
	case err == nil:
	case errors.As(err, &refused):
		m.failed[kind(refused)+hintFor(refused.Status)]++
	default:
		m.failed[err.Error()]++
		if m.dead++; m.dead >= maxDead {
			m.over, m.err = true, fmt.Errorf("%d calls were not answered, the last: %w", m.dead, err)
		}
	}
}

// stop ends the run.
func (m *mints) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.over = true
}
