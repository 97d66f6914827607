package bus

import "time"

// stall is how much later than planned watch may look before it takes this for a halt
// of the whole process, in which nothing could be heard.
const stall = time.Second

// watch does what has its time: beats, and what must not wait longer.
func (b *Bus) watch() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-b.closing:
			return
		case <-b.kick:
		case <-timer.C:
		}
		timer.Reset(time.Until(b.look()))
	}
}

// dueLocked has watch look at this time, or earlier.
func (b *Bus) dueLocked(at time.Time) {
	if at.Before(b.due) {
		b.due = at
		if !b.looking {
			signal(b.kick)
		}
	}
}

// look does what is due. It returns when there is something to do again.
func (b *Bus) look() time.Time {
	b.mu.Lock()
	beat := !time.Now().Before(b.beatDue)
	b.mu.Unlock()
	var report []byte
	if beat {
		report = b.report()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looking = true
	defer func() { b.looking = false }()
	now := time.Now()
	b.forgiveLocked(now)
	b.due = now.Add(beatEvery)
	if beat {
		b.watchPeersLocked(now)
		b.trimLocked(b.now())
		b.beatDue = now.Add(beatEvery)
		if !b.left {
			b.beatLocked(now, report, false)
		}
	}
	b.dueLocked(b.beatDue)
	b.expireLocked(now)
	b.watchAsksLocked(now)
	return b.due
}

// forgiveLocked does not count against the peers the time in which this process stood
// still.
func (b *Bus) forgiveLocked(now time.Time) {
	if late := now.Sub(b.due); late > stall && !b.due.IsZero() {
		for _, p := range b.peers {
			p.heard = p.heard.Add(late)
		}
	}
}
