package load

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/parley-chat/parley/internal/load/sockets"
)

const (
	// tick is how often a run looks at what is not an event of a session.
	tick = 10 * time.Millisecond
	// shortestTick bounds the ticks of a high rate: then several messages are due
	// at once.
	shortestTick = 100 * time.Microsecond
	// drainQuiet is how long nothing may come before what is missing counts as
	// lost, and drainTimeout bounds the wait.
	drainQuiet   = 2 * time.Second
	drainTimeout = 20 * time.Second
	// showEvery is how often progress is shown.
	showEvery = time.Second
)

// schedule says when messages are to be sent: evenly, at a fixed rate, whatever
// happens to them.
type schedule struct {
	begin     int64   // when the first is due
	perSecond float64 // messages
	sent      int
}

// due returns when the next message is due.
func (s *schedule) due() int64 {
	return s.begin + int64(float64(s.sent)/s.perSecond*float64(time.Second))
}

// opened counts a session. With the last one, sending begins.
func (f *fanout) Opened(int) {
	f.open++
	f.turns <- struct{}{} // it has room for all who wait
	if f.open == f.cfg.Rooms*f.cfg.Receivers {
		f.send()
	}
}

func (f *fanout) Failed(_ int, err error) { f.fail(explain(err)) }

// send begins to send.
func (f *fanout) send() {
	now := f.net.Now()
	f.connectedAt = now
	f.phase, f.until = warming, now+int64(f.cfg.WarmUp)
	f.shown = moment{at: now}
	f.net.SetBusy(f.cfg.BusyPoll)
	if f.cfg.Rate > 0 {
		f.schedule = schedule{begin: now, perSecond: f.cfg.Rate}
		interval := time.Duration(float64(time.Second) / f.cfg.Rate)
		f.net.TickEvery(min(tick, max(interval, shortestTick)))
		return
	}
	f.refill(now)
}

// refill lets all senders send what they may.
func (f *fanout) refill(now int64) {
	for i := range f.senders {
		f.keepBusy(i, now)
	}
}

// keepBusy has a sender send until enough of its messages are on their way.
func (f *fanout) keepBusy(i int, now int64) {
	s := &f.senders[i]
	if f.cfg.Rate > 0 || f.phase > measuring || s.gone || s.inFlight >= f.cfg.Outstanding {
		return
	}
	f.out = f.out[:0]
	for s.inFlight < f.cfg.Outstanding {
		f.add(i, now)
	}
	f.net.Send(s.session, f.out)
}

// add appends the next message of a sender to f.out.
func (f *fanout) add(i int, due int64) {
	s := &f.senders[i]
	stamp := stamp{sender: i, seq: s.sent, due: due}
	if f.raw {
		f.out = sockets.AppendServerText(f.out, f.request.fill(stamp))
	} else {
		f.out = f.request.appendRequest(f.out, stamp)
	}
	s.sent++
	s.inFlight++
	f.count.sent++
}

// sendDue sends what the schedule wants to have been sent by now.
func (f *fanout) sendDue(now int64) {
	if f.cfg.Rate == 0 || f.phase == opening || f.phase > measuring {
		return
	}
	for due := f.schedule.due(); due <= now; due = f.schedule.due() {
		i := f.schedule.sent % len(f.senders)
		f.schedule.sent++
		if f.senders[i].gone {
			f.result.Unsent++
			continue
		}
		f.out = f.out[:0]
		f.add(i, due)
		f.net.Send(f.senders[i].session, f.out)
	}
}

// message counts a frame that a session has received.
func (f *fanout) Message(session int, payload []byte, now int64) {
	s, ours := f.mark.find(payload)
	if !ours {
		f.other(payload)
		return
	}
	room := session / f.cfg.Receivers
	local := s.sender - room*f.cfg.Senders
	if local < 0 || local >= f.cfg.Senders {
		f.result.Strays++
		return
	}
	f.count.deliveries++
	switch f.arrivals[session*f.cfg.Senders+local].add(uint32(s.seq)) {
	case duplicate:
		f.count.duplicates++
		return
	case late:
		f.count.late++
	}
	sender := &f.senders[s.sender]
	if s.due >= f.from && s.due < f.to {
		f.latency.add(now - s.due)
	}
	if sender.deliver(uint32(s.seq)) == uint32(f.cfg.Receivers) {
		f.deliveredToAll(s, now)
	}
	if session == sender.session {
		f.echo(s, payload, now)
	}
	f.sendDue(now)
}

// deliver counts a receiver of a message, and returns how many it has.
func (s *sender) deliver(seq uint32) uint32 {
	d := &s.recent[int(seq)&(len(s.recent)-1)]
	if seq > d.seq {
		*d = delivered{seq: seq}
	}
	if seq == d.seq {
		d.receivers++
		return d.receivers
	}
	return 0 // too old to be known
}

// deliveredToAll handles a message that has reached its last receiver.
func (f *fanout) deliveredToAll(s stamp, now int64) {
	if s.due >= f.from && s.due < f.to {
		f.last.add(now - s.due)
	}
	if f.cfg.WaitForAll {
		f.landed(s.sender, now)
	}
}

// echo handles a message that has come back to its sender.
func (f *fanout) echo(s stamp, payload []byte, now int64) {
	f.result.FrameBytes = sockets.FrameBytes(len(payload))
	if !f.request.echoes(payload, s) {
		f.result.NoEcho++
	}
	if !f.cfg.WaitForAll {
		f.landed(s.sender, now)
	}
}

// landed lets a sender send the next message.
func (f *fanout) landed(i int, now int64) {
	f.senders[i].inFlight--
	f.keepBusy(i, now)
}

// other handles a frame that is no message of this run. Events, and messages of
// others in a room that is not ours, do not matter.
func (f *fanout) other(payload []byte) {
	r, refused := readRefusal(payload)
	if !refused {
		return
	}
	f.result.Refused[fmt.Sprintf("%d %s%s", r.code, r.message, hintFor(r.code))]++
	if r.known && r.stamp.sender < len(f.senders) {
		sender := &f.senders[r.stamp.sender]
		sender.refused++
		sender.inFlight-- // the next tick replaces it
		f.count.refused++
	}
}

// ended counts a session that the server has ended.
func (f *fanout) Ended(session int, err error) {
	f.result.Ended[err.Error()]++
	f.open--
	left := 0
	for i := range f.senders {
		if f.senders[i].session == session {
			f.senders[i].gone = true
		}
		if !f.senders[i].gone {
			left++
		}
	}
	switch {
	case f.phase == opening:
		f.fail(fmt.Errorf("a session ended before all were open: %w", err))
	case left == 0:
		f.fail(fmt.Errorf("all sessions that send have ended: %w", err))
	}
}

func (f *fanout) Tick(now int64) {
	f.sendDue(now)
	if f.phase > opening {
		f.refill(now)
	}
	if now-f.shown.at >= int64(showEvery) {
		f.progress(now)
	}
	switch {
	case f.phase == warming && now >= f.until:
		f.until = math.MaxInt64 // until there is an answer
		f.look(f.measure)
	case f.phase == measuring && now >= f.until:
		f.until = math.MaxInt64
		f.look(f.measured)
	case f.phase == draining:
		f.drain(now)
	}
}

// measure begins the part that is measured.
func (f *fanout) measure(m moment) {
	if f.phase != warming {
		return // interrupted
	}
	f.began, f.from, f.to = m, m.at, math.MaxInt64
	f.phase, f.until = measuring, m.at+int64(f.cfg.Duration)
}

// finish ends the part that is measured now.
func (f *fanout) finish() {
	if f.phase == measuring {
		f.look(f.measured)
	} else if f.phase == warming {
		f.startDraining(f.net.Now())
	}
}

// measured ends the part that is measured.
func (f *fanout) measured(m moment) {
	if f.phase != measuring {
		return
	}
	f.to = m.at
	f.record(m)
	f.startDraining(m.at)
}

func (f *fanout) startDraining(now int64) {
	f.phase, f.until, f.quietSince = draining, now+int64(drainTimeout), now
	f.net.TickEvery(tick)
	f.net.SetBusy(false)
}

// drain ends the run when everything has arrived, or nothing comes any more.
func (f *fanout) drain(now int64) {
	if f.count.deliveries != f.quietCount {
		f.quietCount, f.quietSince = f.count.deliveries, now
	}
	arrived := f.count.missing(f.cfg.Receivers) <= 0 && len(f.result.Ended) == 0
	if arrived || now-f.quietSince > int64(drainQuiet) || now > f.until {
		f.conclude()
		f.net.Stop()
	}
}

// look reads what the server uses and calls do with it.
func (f *fanout) look(do func(moment)) {
	f.helper(func(ctx context.Context) {
		usage, err := look(ctx, f.probe)
		f.net.Post(func() {
			if err != nil {
				f.fail(err)
				return
			}
			do(f.moment(usage))
		})
	})
}

func (f *fanout) moment(usage Usage) moment {
	return moment{at: f.net.Now(), count: f.count, usage: usage, own: ownCPU()}
}

// record writes down what was measured between f.began and m.
func (f *fanout) record(m moment) {
	r := &f.result
	r.Seconds = seconds(m.at - f.began.at)
	r.Messages = m.count.sent - f.began.count.sent
	r.Deliveries = m.count.deliveries - f.began.count.deliveries
	r.MessagesPerSecond = per(r.Messages, r.Seconds)
	r.DeliveriesPerSecond = per(r.Deliveries, r.Seconds)
	r.LoadCores = (m.own - f.began.own).Seconds() / r.Seconds
	if f.probe != nil {
		r.Server = newServerUse(f.before, f.began.usage, m.usage, r.Seconds)
		r.DeliveriesPerCPU = per(r.Deliveries, r.Server.CPUSeconds)
	}
}

// conclude writes down what is known at the end.
func (f *fanout) conclude() {
	r := &f.result
	r.ConnectSeconds = float64(f.connectedAt) / float64(time.Second)
	r.Latency, r.LastReceiver = f.latency.latency(), f.last.latency()
	r.Sent, r.Duplicates, r.Disordered = f.count.sent, f.count.duplicates, f.count.late
	r.Expected = (f.count.sent - f.count.refused) * f.cfg.Receivers
	for i := range f.arrivals {
		session, local := i/f.cfg.Senders, i%f.cfg.Senders
		sender := session/f.cfg.Receivers*f.cfg.Senders + local
		r.Lost += f.arrivals[i].missing(f.senders[sender].sent) - f.senders[sender].refused
	}
}
