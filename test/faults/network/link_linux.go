package network

import (
	"bytes"
	"os"
	"sync"
	"time"
)

// maxQueuedBytes is what may wait on a link that is slow. What comes then is dropped, as
// routers do.
const maxQueuedBytes = 256 << 10

// link is the way from one host to another. The switch's reader of the first is the only
// one who calls carry.
type link struct {
	to   *os.File
	done chan struct{} // Network.Close closes it
	wake chan struct{} // capacity 1: the queue got its first packet

	mu     sync.Mutex // guards what follows
	rule   Rule
	queue  []packet  // the first is here until it has been written, so that none overtakes it
	queued int       // bytes
	free   time.Time // when the line has sent what is in the queue
}

// packet is on its way.
type packet struct {
	due  time.Time
	data []byte
}

func newLink(to *os.File) *link {
	return &link{to: to, done: make(chan struct{}), wake: make(chan struct{}, 1)}
}

// set makes a rule for the packets that come from now on. Those that wait are dropped if
// the rule is to drop.
func (l *link) set(rule Rule) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rule = rule
	if rule.Drop {
		l.queue, l.queued, l.free = nil, 0, time.Time{}
	}
}

// carry sends a packet on its way, at once if nothing delays it.
func (l *link) carry(data []byte) {
	if l.passes(data) {
		_, _ = l.to.Write(data) // a packet that cannot be received is lost
	}
}

// passes reports whether a packet is to be written at once. Otherwise it has been dropped,
// or has joined the queue.
func (l *link) passes(data []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.rule.Drop, l.queued+len(data) > maxQueuedBytes:
		return false
	case l.rule == Rule{} && len(l.queue) == 0:
		return true
	}
	l.queue = append(l.queue, packet{l.dueLocked(len(data), time.Now()), bytes.Clone(data)})
	l.queued += len(data)
	if len(l.queue) == 1 {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	return false
}

// dueLocked returns when a packet arrives, which takes the line until it is sent.
func (l *link) dueLocked(size int, now time.Time) time.Time {
	if l.free.Before(now) {
		l.free = now
	}
	if rate := l.rule.BytesPerSecond; rate > 0 {
		l.free = l.free.Add(time.Duration(size) * time.Second / time.Duration(rate))
	}
	return l.free.Add(l.rule.Delay)
}

// run writes what is in the queue when it is due, until Close.
func (l *link) run() {
	for {
		p, ok := l.first()
		wait := l.wake
		var due <-chan time.Time
		if ok {
			wait, due = nil, time.After(time.Until(p.due))
		}
		select {
		case <-wait:
		case <-due:
			_, _ = l.to.Write(p.data)
			l.remove(p)
		case <-l.done:
			return
		}
	}
}

func (l *link) first() (packet, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		return packet{}, false
	}
	return l.queue[0], true
}

// remove takes a packet that was written out of the queue, unless a rule to drop did.
func (l *link) remove(p packet) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) > 0 && &l.queue[0].data[0] == &p.data[0] {
		l.queued -= len(p.data)
		l.queue = l.queue[1:]
	}
}
