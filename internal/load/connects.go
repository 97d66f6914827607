package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/load/sockets"
)

// connects is one connect run. The goroutine of run decides what is done next, and
// has the network's goroutine do it: that owns the second part.
type connects struct {
	cfg   ConnectConfig
	probe Probe
	net   sockets.Network
	used  Usage         // CPU of the server, while handshakes were measured
	own   time.Duration // of this process
	took  time.Duration // that was measured

	show       Show
	doing      string
	slots      []slot
	turn       int // of the slots: the next to be opened, or replaced
	open       int // sessions
	flying     int // slots that are closing or opening
	dead       int // connections that failed
	handshakes int // that succeeded
	slice      *slice
	empty      chan struct{} // closed when no session is left to hold
	latency    histogram
	refused    map[string]int
	endings    map[string]int
	shownAt    int64
	shown      int // handshakes
}

// slot is the place of a session, which may be replaced by another.
type slot struct {
	state slotState
	began int64  // to close or open
	token string // for the next session
}

type slotState uint8

const (
	slotEmpty slotState = iota
	slotOpening
	slotOpen
	slotClosing // the Close frame is on its way
)

// slice is a number of tokens that are used in one go.
type slice struct {
	tokens []string
	began  int64
	most   time.Duration // that it may take
	took   time.Duration
	err    error         // why it was given up
	done   chan struct{} // closed when all is set
}

func newConnects(cfg ConnectConfig, probe Probe, show Show) *connects {
	return &connects{cfg: cfg, probe: probe, show: show, doing: Minting,
		empty: make(chan struct{}),
		slots: make([]slot, cfg.Clients), refused: map[string]int{}, endings: map[string]int{}}
}

// run opens all sessions and then does what else is wanted.
func (c *connects) run(ctx context.Context, mint joiner) (*ConnectResult, error) {
	r := ConnectResult{Clients: c.cfg.Clients, Concurrency: c.cfg.Concurrency}
	c.net.TickEvery(tick)
	var network sync.WaitGroup
	network.Go(c.net.Run)
	err := c.steps(ctx, mint, &r)
	c.net.Post(c.net.Stop)
	network.Wait()
	if err != nil {
		return nil, err
	}
	r.Refused, r.Ended, r.Latency = c.refused, c.endings, c.latency.latency()
	r.Handshakes, r.Sessions = c.handshakes, c.open
	r.Seconds = seconds(int64(c.took))
	r.HandshakesPerSecond = per(r.Handshakes, r.Seconds)
	r.LoadCores = c.own.Seconds() / r.Seconds
	if c.probe != nil {
		cpu := c.used.CPU.Seconds()
		r.Server.CPUSeconds, r.Server.Cores = cpu, cpu/r.Seconds
		r.HandshakesPerCPU = per(r.Handshakes, cpu)
		r.ServerCPUMicros = 1e6 * cpu / float64(max(r.Handshakes, 1))
	}
	return &r, nil
}

// steps does one thing after another, until ctx ends.
func (c *connects) steps(ctx context.Context, mint joiner, r *ConnectResult) error {
	before, err := look(ctx, c.probe)
	if err != nil {
		return err
	}
	began := time.Now()
	for opened := 0; opened < c.cfg.Clients && ctx.Err() == nil; {
		n, err := c.round(ctx, mint, opened, c.cfg.Clients-opened, time.Hour)
		if err != nil {
			return err
		}
		opened += n
	}
	r.MintSeconds = (time.Since(began) - c.took).Seconds()
	for end := c.took + c.cfg.Churn; c.took < end && ctx.Err() == nil; {
		if _, err := c.round(ctx, mint, 0, c.wanted(end-c.took), end-c.took); err != nil {
			return err
		}
	}
	return c.hold(ctx, before, r)
}

// wanted returns how many tokens last for a while, when handshakes take as long as they
// have until now.
func (c *connects) wanted(d time.Duration) int {
	handshakes := make(chan int, 1)
	c.net.Post(func() { handshakes <- c.handshakes })
	perSecond := float64(<-handshakes) / max(c.took.Seconds(), 1e-3)
	return c.cfg.Concurrency + int(min(perSecond*d.Seconds(), maxSlice))
}

// hold waits with all sessions open, and looks at the server's memory.
func (c *connects) hold(ctx context.Context, before Usage, r *ConnectResult) error {
	c.net.Post(func() {
		c.doing = Holding
		c.checkEmpty()
	})
	began := time.Now()
	select {
	case <-time.After(c.cfg.Hold):
	case <-c.empty:
	case <-ctx.Done():
	}
	r.HeldSeconds = time.Since(began).Seconds()
	if c.probe == nil {
		return nil
	}
	after, err := look(ctx, c.probe)
	if err != nil {
		return err
	}
	open := make(chan int, 1)
	c.net.Post(func() { open <- c.open })
	r.Server = &ServerUse{ResidentBytesBefore: before.Memory, ResidentBytesAfter: after.Memory}
	r.ResidentBytesEach = float64(after.Memory-before.Memory) / float64(max(<-open, 1))
	return nil
}

// round mints tokens and opens sessions with them. Only the latter is measured. It
// returns how many tokens there were.
func (c *connects) round(ctx context.Context, mint joiner, first, most int, atMost time.Duration) (
	int, error,
) {
	tokens, err := mintSlice(ctx, c.cfg.Concurrency, first, min(most, maxSlice), mint)
	if ctx.Err() != nil {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	before, err := look(ctx, c.probe)
	if err != nil {
		return 0, err
	}
	own := ownCPU()
	s := &slice{tokens: tokens, most: atMost, done: make(chan struct{})}
	c.net.Post(func() { c.use(s) })
	select {
	case <-s.done:
	case <-ctx.Done():
		c.net.Post(func() { c.finish(nil) })
		<-s.done
	}
	after, err := look(ctx, c.probe)
	c.took += s.took
	c.own += ownCPU() - own
	c.used.CPU += after.CPU - before.CPU
	return len(tokens), errors.Join(s.err, err)
}

// use begins to use a slice.
func (c *connects) use(s *slice) {
	c.doing = Connecting
	c.slice, s.began = s, c.net.Now()
	c.more()
}

// finish ends the slice in use, if there still is one.
func (c *connects) finish(err error) {
	if s := c.slice; s != nil {
		c.slice = nil
		s.err, s.took = err, time.Duration(c.net.Now()-s.began)
		c.doing = Minting
		close(s.done)
	}
}

// more opens sessions, as long as there are tokens and not too many are under way.
func (c *connects) more() {
	s := c.slice
	for s != nil && len(s.tokens) > 0 && c.flying < c.cfg.Concurrency {
		i := c.turn
		c.turn = (c.turn + 1) % len(c.slots)
		slot := &c.slots[i]
		if slot.state == slotOpening || slot.state == slotClosing {
			break // all are under way
		}
		slot.token, s.tokens = s.tokens[0], s.tokens[1:]
		c.flying++
		if slot.state == slotOpen {
			slot.state, slot.began = slotClosing, c.net.Now()
			c.net.Send(i, sockets.AppendClose(nil))
		} else {
			c.begin(i)
		}
	}
	if s != nil && len(s.tokens) == 0 && c.flying == 0 {
		c.finish(nil)
	}
}

// begin opens a session in an empty slot.
func (c *connects) begin(i int) {
	slot := &c.slots[i]
	slot.state, slot.began = slotOpening, c.net.Now()
	c.net.Open(i, slot.token)
}

func (c *connects) Opened(i int) {
	slot := &c.slots[i]
	c.latency.add(c.net.Now() - slot.began)
	slot.state = slotOpen
	c.handshakes++
	c.open++
	c.flying--
	c.more()
}

func (c *connects) Failed(i int, err error) {
	c.slots[i].state = slotEmpty
	c.refused[explain(err).Error()]++
	c.flying--
	var refused *sockets.HandshakeError
	if !errors.As(err, &refused) {
		c.dead++
	}
	if c.dead >= maxDead {
		c.finish(fmt.Errorf("%d sessions could not be opened, the last because: %w", c.dead, err))
		return
	}
	c.more()
}

func (c *connects) Ended(i int, err error) {
	c.open--
	if c.slots[i].state == slotClosing {
		c.begin(i)
		return
	}
	c.slots[i].state = slotEmpty
	c.endings[err.Error()]++
	c.more()
	c.checkEmpty()
}

// checkEmpty ends holding when there is nothing left to hold.
func (c *connects) checkEmpty() {
	if c.doing == Holding && c.open == 0 {
		c.doing = Draining
		close(c.empty)
	}
}

func (c *connects) Message(int, []byte, int64) {}

func (c *connects) Tick(now int64) {
	if c.slice != nil && now-c.slice.began > int64(c.slice.most) {
		c.slice.tokens = nil
		c.more()
	}
	if now-c.shownAt >= int64(showEvery) {
		c.progress(now)
	}
	for i := range c.slots {
		if s := c.slots[i]; s.state == slotClosing && now-s.began > int64(sockets.HandshakeTimeout) {
			c.net.Close(i)
			c.Ended(i, nil)
		}
	}
}

func (c *connects) progress(now int64) {
	seconds := float64(now-c.shownAt) / float64(time.Second)
	if c.show != nil {
		c.show(Progress{Doing: c.doing, Sessions: c.open, Of: len(c.slots), Unit: "handshakes/s",
			PerSecond: float64(c.handshakes-c.shown) / seconds, P99: c.latency.quantile(0.99)})
	}
	c.shownAt, c.shown = now, c.handshakes
}
