package queue

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxWait is how long Append waits for the disk. When it takes longer, Append waits
	// for nothing until the disk has caught up.
	maxWait = 100 * time.Millisecond
	// maxWaitingBytes is how much may be appended that the disk has not taken. Past it
	// records are dropped.
	maxWaitingBytes = 16 << 20
)

// Entry is a record to be appended to some queues. Entries of one call that share To,
// the slice itself, are written at once.
type Entry struct {
	To []Place
	Record
}

// Place is a queue that a record is appended to.
type Place struct {
	Queue  string        // its name, which has to be that of a file
	Window time.Duration // of the queue, above 0
}

// writer writes to files, so that a disk that does not answer delays nobody else. It
// has one goroutine.
type writer struct {
	spool   *Spool
	wake    chan struct{} // something waits; capacity 1
	done    chan struct{} // the goroutine has ended
	stalled atomic.Bool   // the disk was too slow for somebody who waited

	mu      sync.Mutex // guards what follows
	waiting []*appended
	bytes   int // of waiting
	stopped bool
}

// appended is what one call of Append brought.
type appended struct {
	blocks  []*block
	bytes   int
	written chan struct{} // closed when it is in files
}

// block holds entries that go to the same queues, and in each to the same window.
type block struct {
	to          []Place
	from, until time.Time // when the records were received: no window ends in between
	first       time.Time // when the oldest of them was received
	size        int       // that entries will have
	entries     []byte
	records     int
}

// pending are entries on their way to one segment.
type pending struct {
	*block
	queue  string
	window time.Duration
	end    time.Time // of the segment's window
}

func (w *writer) start(s *Spool) {
	w.spool, w.wake, w.done = s, make(chan struct{}, 1), make(chan struct{})
	go w.run()
}

// Append adds records to queues, in their order, and keeps none of their memory. It
// returns when they survive the end of the process; when the disk does not take them
// in time, or does not take them at all, it returns nevertheless.
func (s *Spool) Append(entries []Entry) {
	a := s.group(entries)
	if !s.writer.add(a) {
		a.each(func(p *pending) { s.cfg.Dropped(p.queue, p.records, NoDisk, errBacklog) })
		return
	}
	if s.writer.stalled.Load() {
		return
	}
	timer := time.NewTimer(maxWait)
	defer timer.Stop()
	select {
	case <-a.written:
	case <-timer.C:
		if s.writer.stalled.CompareAndSwap(false, true) {
			s.cfg.Log.Warn("the disk is slow: chat log records wait in memory")
		}
	}
}

// errBacklog is why records are dropped that the disk did not take in time.
var errBacklog = errors.New("too much waits for the disk")

// group puts together what is written at once.
func (s *Spool) group(entries []Entry) *appended {
	a := &appended{written: make(chan struct{})}
	places := make([]*block, len(entries)) // of each entry
	newest := map[*Place]*block{}
	for i, e := range entries {
		if !e.valid() {
			for _, p := range e.To {
				s.cfg.Dropped(p.Queue, 1, NoForm, errRecord)
			}
			continue
		}
		b := newest[&e.To[0]]
		if b == nil || e.At.Before(b.from) || !e.At.Before(b.until) {
			b = newBlock(e)
			newest[&e.To[0]] = b
			a.blocks = append(a.blocks, b)
		}
		places[i] = b
		b.size += e.entryBytes()
		b.records++
		b.first = earlier(b.first, e.At)
		a.bytes += e.entryBytes() * len(b.to)
	}
	for _, b := range a.blocks {
		b.entries = takeBuffer(b.size)
	}
	for i, e := range entries {
		if b := places[i]; b != nil {
			b.entries = appendEntry(b.entries, e.Record)
		}
	}
	return a
}

// maxBuffer is more bytes than are kept from one write to the next.
const maxBuffer = 1 << 20

// buffers are what entries are written from, which is the most memory that this
// package needs and the shortest.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

func takeBuffer(size int) []byte {
	b := *buffers.Get().(*[]byte)
	if cap(b) < size {
		return make([]byte, 0, size)
	}
	return b[:0]
}

func freeBuffer(b []byte) {
	if cap(b) <= maxBuffer {
		buffers.Put(&b)
	}
}

// newBlock returns a block for an entry.
func newBlock(e Entry) *block {
	b := &block{to: e.To}
	for _, p := range e.To {
		from := e.At.UTC().Truncate(p.Window)
		if from.After(b.from) {
			b.from = from
		}
		b.until = earlier(b.until, from.Add(p.Window))
	}
	return b
}

// each calls do for each queue that entries go to.
func (a *appended) each(do func(*pending)) {
	for _, b := range a.blocks {
		for _, p := range b.to {
			end := b.first.UTC().Truncate(p.Window).Add(p.Window)
			do(&pending{block: b, queue: p.Queue, window: p.Window, end: end})
		}
	}
}

// add queues what was appended. It reports false when too much waits already.
func (w *writer) add(a *appended) bool {
	w.mu.Lock()
	ok := !w.stopped && w.bytes+a.bytes <= maxWaitingBytes
	if ok {
		w.waiting = append(w.waiting, a)
		w.bytes += a.bytes
	}
	w.mu.Unlock()
	if ok {
		w.signal()
	}
	return ok
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default: // run looks anyway
	}
}

// run writes what waits until it is stopped.
func (w *writer) run() {
	defer close(w.done)
	for range w.wake {
		for {
			w.mu.Lock()
			batch, stopped := w.waiting, w.stopped
			w.waiting = nil
			w.mu.Unlock()
			if len(batch) == 0 {
				if stopped {
					return
				}
				break
			}
			w.write(batch)
		}
		w.stalled.Store(false)
	}
}

func (w *writer) write(batch []*appended) {
	for _, a := range batch {
		a.each(w.spool.put)
		for _, b := range a.blocks {
			freeBuffer(b.entries)
			b.entries = nil
		}
		close(a.written)
		w.mu.Lock()
		w.bytes -= a.bytes
		w.mu.Unlock()
	}
}

// stopAndWait returns when all that waited is written.
func (w *writer) stopAndWait() {
	w.mu.Lock()
	w.stopped = true
	w.mu.Unlock()
	w.signal()
	<-w.done
}
