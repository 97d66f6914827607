package load

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/load/sockets"
)

// fanout is one fan-out run. After run began, it is owned by the network's
// goroutine, which calls all other methods.
type fanout struct {
	cfg   FanoutConfig
	probe Probe
	show  Show
	net   sockets.Network

	mark     mark
	request  template
	raw      bool   // messages are sent as the frames that receivers get
	out      []byte // for frames to send
	senders  []sender
	arrivals []arrivals // of each session from each sender of its room
	schedule schedule

	phase  phase
	helper func(func(context.Context)) // runs a function in a goroutine that ends with the run
	open   int                         // sessions
	turns  chan struct{}               // one for each session that has opened: see join
	err    error                       // why the run failed

	count       tally
	from, to    int64 // when messages are due whose latency counts
	before      Usage // before the first session
	began       moment
	latency     histogram
	last        histogram // to the last receiver
	result      FanoutResult
	until       int64 // when the phase ends at the latest
	quietSince  int64 // while draining: since when deliveries did not change
	quietCount  int
	shown       moment
	connectedAt int64
}

// sender is a session that sends.
type sender struct {
	session  int
	sent     int // messages
	refused  int // of them
	inFlight int
	gone     bool
	recent   []delivered // by sequence number
}

// delivered counts who has got a message.
type delivered struct{ seq, receivers uint32 }

// tally counts over the whole run.
type tally struct {
	sent, refused, deliveries, duplicates, late int
}

// missing returns how many deliveries are on their way, or lost.
func (t tally) missing(receivers int) int {
	return (t.sent-t.refused)*receivers - t.deliveries + t.duplicates
}

// moment is a look at everything at one time.
type moment struct {
	at    int64
	count tally
	usage Usage
	own   time.Duration // CPU of this process
}

// phase is what a run is doing.
type phase int

const (
	opening   phase = iota
	warming         // sends, and measures nothing yet
	measuring       //
	draining        // sends nothing, and waits for what is on its way
)

func newFanout(cfg FanoutConfig, probe Probe, show Show) *fanout {
	f := &fanout{cfg: cfg, probe: probe, show: show, mark: newMark(), from: math.MaxInt64}
	f.request = newTemplate(f.mark, cfg.ContentBytes)
	f.senders = make([]sender, cfg.Rooms*cfg.Senders)
	f.arrivals = make([]arrivals, cfg.Rooms*cfg.Receivers*cfg.Senders)
	perSender := float64(cfg.Outstanding)
	if cfg.Rate > 0 {
		perSender = cfg.Rate / float64(len(f.senders)) // of a second
	}
	for i := range f.senders {
		f.senders[i].session = i/cfg.Senders*cfg.Receivers + i%cfg.Senders
		f.senders[i].recent = make([]delivered, recentLen(perSender))
	}
	f.result = FanoutResult{
		Rooms: cfg.Rooms, Receivers: cfg.Receivers, Senders: cfg.Senders,
		ContentBytes: cfg.ContentBytes, Outstanding: cfg.Outstanding, Rate: cfg.Rate,
		Sessions: cfg.Rooms * cfg.Receivers,
		Refused:  map[string]int{}, Ended: map[string]int{},
	}
	return f
}

// recentLen returns a power of two of at least a number, within bounds.
func recentLen(atLeast float64) int {
	n := 64
	for float64(n) < atLeast && n < 1<<16 {
		n *= 2
	}
	return n
}

// run opens the sessions, whose tokens come from join, and then sends.
func (f *fanout) run(ctx context.Context, join joiner) (*FanoutResult, error) {
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var helpers sync.WaitGroup
	f.helper = func(work func(context.Context)) { helpers.Go(func() { work(inner) }) }
	defer f.show.over()
	defer helpers.Wait()
	defer cancel()
	var err error
	if f.before, err = look(ctx, f.probe); err != nil {
		f.net.Post(func() { f.fail(err) })
	}
	f.net.TickEvery(tick)
	undo := context.AfterFunc(ctx, func() { f.net.Post(f.interrupt) })
	defer undo()
	f.join(join)
	f.net.Run()
	if f.err != nil {
		return nil, f.err
	}
	return &f.result, nil
}

// joiner returns the token for a session.
type joiner func(ctx context.Context, session int) (token string, err error)

// join opens all sessions. Each of a few goroutines opens one at a time, from its
// token to the end of its handshake, so that no token waits for its use.
func (f *fanout) join(join joiner) {
	sessions := make(chan int)
	f.turns = make(chan struct{}, f.cfg.ConnectConcurrency)
	f.helper(func(ctx context.Context) {
		defer close(sessions)
		for i := range f.cfg.Rooms * f.cfg.Receivers {
			select {
			case sessions <- i:
			case <-ctx.Done():
				return
			}
		}
	})
	for range f.cfg.ConnectConcurrency {
		f.helper(func(ctx context.Context) { f.joinEach(ctx, sessions, join) })
	}
}

// joinEach opens sessions one after another.
func (f *fanout) joinEach(ctx context.Context, sessions <-chan int, join joiner) {
	for i := range sessions {
		token, err := join(ctx, i)
		if err != nil {
			f.net.Post(func() { f.fail(err) })
			return
		}
		f.net.Post(func() { f.net.Open(i, token) })
		select {
		case <-f.turns:
		case <-ctx.Done():
			return
		}
	}
}

// fail ends the run with an error. The first one counts.
func (f *fanout) fail(err error) {
	if f.err == nil {
		f.err = err
	}
	f.net.Stop()
}

// interrupt ends the run early.
func (f *fanout) interrupt() {
	if f.phase == opening {
		f.fail(fmt.Errorf("stopped after %d of %d sessions were open",
			f.open, f.cfg.Rooms*f.cfg.Receivers))
		return
	}
	f.finish()
}
