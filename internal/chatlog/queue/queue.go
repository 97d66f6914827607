package queue

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Queue holds the records of one logging configuration that are not at their
// destination. Its methods may be called from any goroutine, Take, Done and Forget
// only from one.
type Queue struct {
	spool *Spool
	name  string
	dir   string

	bytes   atomic.Int64
	changed chan struct{} // the next time of Take may be earlier now; capacity 1

	mu       sync.Mutex             // guards what follows; held while writing to files
	open     map[time.Time]*Segment // that take records, by the end of their window
	sealed   []*Segment             // that do not, oldest first
	closed   time.Time              // windows that end by then get no more segments
	unsynced []*Segment             // sealed ones whose files are open; the syncer closes them
	newFiles bool                   // since the folder was synced
	serial   uint64                 // of the last segment
	removed  bool
}

// Limits of a queue's files.
const (
	// cutBytes is how much a queue gathers in one window at most before it has it
	// delivered: so no object holds more.
	cutBytes = 64 << 20
	// maxSegmentBytes is when a segment's file is followed by another: what is dropped
	// is dropped in such pieces.
	maxSegmentBytes = 1 << 20
	// maxSettle is how long a window waits at its end for records on their way.
	maxSettle = 2 * time.Second
)

// errRemoved is what writing to a removed queue returns.
var errRemoved = errors.New("the queue was removed")

func newQueue(s *Spool, name string) *Queue {
	return &Queue{spool: s, name: name, dir: filepath.Join(s.cfg.Dir, name),
		changed: make(chan struct{}, 1), open: map[time.Time]*Segment{}}
}

// load takes in the files of a former process.
func (q *Queue) load() error {
	files, err := os.ReadDir(q.dir)
	if err != nil {
		return err
	}
	for _, f := range files { // in the order of their names
		serial, end, ok := parseSegmentName(f.Name())
		if !ok {
			continue
		}
		info, err := f.Info()
		if err != nil {
			return err
		}
		q.serial = max(q.serial, serial)
		path := filepath.Join(q.dir, f.Name())
		q.sealed = append(q.sealed, &Segment{queue: q, path: path, end: end, over: end,
			first: firstRecord(path, end), size: info.Size(), due: true})
		q.grow(info.Size())
	}
	return nil
}

func (q *Queue) grow(n int64) {
	q.bytes.Add(n)
	q.spool.bytes.Add(n)
}

// Name returns the name under which records are appended.
func (q *Queue) Name() string { return q.name }

// Bytes returns how much the queue takes up on disk.
func (q *Queue) Bytes() int64 { return q.bytes.Load() }

// Changed returns a channel that has a value when Take may have something earlier
// than it said.
func (q *Queue) Changed() <-chan struct{} { return q.changed }

func (q *Queue) wake() {
	select {
	case q.changed <- struct{}{}:
	default: // it is to be looked at anyway
	}
}

// write appends entries to the segment of their window, or of the next one when that
// is over.
func (q *Queue) write(w *pending) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.removed {
		return errRemoved
	}
	end := w.end
	if !end.After(q.closed) {
		end = q.closed.Add(w.window)
	}
	s := q.open[end]
	if s != nil && s.size >= q.spool.segmentBytes {
		q.sealLocked(s)
		s = nil
	}
	if s == nil {
		var err error
		if s, err = q.createLocked(end, w.window); err != nil {
			return err
		}
	}
	usable, err := s.write(w)
	if err != nil {
		if !usable {
			q.sealLocked(s)
		}
		return err
	}
	q.grow(int64(len(w.entries)))
	if q.openBytesLocked() >= q.spool.cutBytes {
		q.wake()
	}
	return nil
}

func (q *Queue) createLocked(end time.Time, window time.Duration) (*Segment, error) {
	q.serial++ // also when it fails, which may leave the file there
	s, err := createSegment(q, q.serial, end, end.Add(min(maxSettle, window/5)))
	if err != nil {
		return nil, err
	}
	q.newFiles = true
	q.open[end] = s
	q.grow(s.size)
	q.wake()
	return s, nil
}

// sealLocked ends the writing to a segment.
func (q *Queue) sealLocked(s *Segment) {
	q.unsynced = append(q.unsynced, s)
	delete(q.open, s.end)
	q.sealed = append(q.sealed, s)
}

// sealWhereLocked seals the open segments that fit, the oldest first.
func (q *Queue) sealWhereLocked(fits func(*Segment) bool) {
	oldest := slices.SortedFunc(maps.Values(q.open), func(a, b *Segment) int {
		return strings.Compare(a.path, b.path)
	})
	for _, s := range oldest {
		if fits(s) {
			q.sealLocked(s)
		}
	}
}

// openBytesLocked returns how much was gathered that is not due.
func (q *Queue) openBytesLocked() (sum int64) {
	for _, s := range q.open {
		sum += s.size
	}
	for _, s := range q.sealed {
		if !s.due {
			sum += s.size
		}
	}
	return sum
}

// Take returns the oldest segments that are to be delivered at a time, at least one
// and otherwise no more than an object may hold. When there are none it returns when
// to ask again: the zero time is not before the queue has changed. With all, every
// window ends now.
func (q *Queue) Take(now time.Time, all bool) (due []*Segment, next time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closeLocked(now, all || q.openBytesLocked() >= q.spool.cutBytes)
	size := int64(0)
	for _, s := range q.sealed {
		if !s.due {
			continue
		}
		if size += s.size; size > q.spool.cutBytes && len(due) > 0 {
			return due, time.Time{}
		}
		due = append(due, s)
	}
	if len(due) > 0 {
		return due, time.Time{}
	}
	for s := range q.gatheringLocked {
		if next.IsZero() || s.over.Before(next) {
			next = s.over
		}
	}
	return nil, next
}

// gatheringLocked yields the segments that are not due.
func (q *Queue) gatheringLocked(yield func(*Segment) bool) {
	for _, s := range q.open {
		if !yield(s) {
			return
		}
	}
	for _, s := range q.sealed {
		if !s.due && !yield(s) {
			return
		}
	}
}

// closeLocked makes the segments due whose windows are over, or all of them.
func (q *Queue) closeLocked(now time.Time, all bool) {
	for s := range q.gatheringLocked {
		if !s.over.After(now) && s.end.After(q.closed) {
			q.closed = s.end
		}
	}
	q.sealWhereLocked(func(s *Segment) bool { return all || !s.end.After(q.closed) })
	for _, s := range q.sealed {
		s.due = s.due || all || !s.end.After(q.closed)
	}
}

// Done removes segments whose records are all at their destination.
func (q *Queue) Done(segments []*Segment) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range segments {
		if !s.dropped {
			q.removeLocked(s)
		}
	}
}

func (q *Queue) removeLocked(s *Segment) {
	is := func(o *Segment) bool { return o == s }
	q.sealed = slices.DeleteFunc(q.sealed, is)
	q.unsynced = slices.DeleteFunc(q.unsynced, is)
	q.grow(-s.size)
	if s.file != nil {
		_ = s.file.Close() // or it takes up space on; the syncer may have been faster
	}
	_ = os.Remove(s.path) // one that stays is delivered again at the next start
}

// dropOldest removes the oldest segment, or only one whose window ended before a
// time, and returns how many records are lost with it.
func (q *Queue) dropOldest(before time.Time) (lost int, dropped bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.sealed) == 0 && before.IsZero() {
		q.sealWhereLocked(func(*Segment) bool { return true })
	}
	if len(q.sealed) == 0 || !before.IsZero() && !q.sealed[0].end.Before(before) {
		return 0, false
	}
	s := q.sealed[0]
	if !s.counted {
		s.left = countFile(s.path)
	}
	s.dropped, s.counted = true, true
	q.removeLocked(s)
	return s.left, true
}

// Oldest returns when the oldest record was received that is not at its destination;
// the zero time when there is none.
func (q *Queue) Oldest() (first time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range q.sealed {
		first = earlier(first, s.first)
	}
	for _, s := range q.open {
		first = earlier(first, s.first)
	}
	return first
}

// earlier returns the earlier of two times, of which the zero time is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Forget removes the queue for good if it is empty, and reports whether it was.
func (q *Queue) Forget() bool {
	q.spool.mu.Lock()
	defer q.spool.mu.Unlock()
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.open)+len(q.sealed) > 0 {
		return false
	}
	q.removed = true
	delete(q.spool.queues, q.name)
	_ = os.RemoveAll(q.dir) // what stays is an empty queue at the next start
	return true
}

// noteName is the file of a queue's note.
const noteName = "note"

// Note returns what SetNote kept last. The error is fs.ErrNotExist when it kept
// nothing.
func (q *Queue) Note() ([]byte, error) { return os.ReadFile(filepath.Join(q.dir, noteName)) }

// SetNote keeps a few bytes with the queue, until that is forgotten.
func (q *Queue) SetNote(text []byte) error {
	if err := os.MkdirAll(q.dir, 0o700); err != nil {
		return err
	}
	path := filepath.Join(q.dir, noteName)
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
