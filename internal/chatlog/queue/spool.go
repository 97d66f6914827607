// Package queue keeps records of chat logs on disk until they are at their
// destination. A Spool is a folder with a Queue for each logging configuration. What
// Append has taken survives the end of the process at once, and a power cut a second
// later. The folder has a limit: past it, past their greatest age, or when the disk is
// full, the oldest records are dropped. What is in a record, where it goes and when
// that fails is left to others.
package queue

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Reason says why records were dropped, in metrics.
type Reason string

// The reasons.
const (
	TooMuch Reason = "size" // the spool was at its limit
	TooOld  Reason = "age"
	NoDisk  Reason = "disk" // the disk was full, or did not take them
	NoForm  Reason = "form" // they were too large
)

// Config says where a Spool is and what it may hold. Dir, Dropped, Opened and Log
// are required.
type Config struct {
	// Dir is the folder, made when the first record comes.
	Dir string
	// MaxBytes is how much all queues may hold together. Default 1 GiB.
	MaxBytes int64
	// MaxAge is how long a record may stay. Default 24 hours.
	MaxAge time.Duration
	// Dropped is told how many records of a queue were dropped, and with NoDisk also
	// what the disk said. It must not wait.
	Dropped func(queue string, records int, why Reason, err error)
	// Opened is told of each queue that has or gets records. It must not wait.
	Opened func(*Queue)
	Log    *slog.Logger
}

// The defaults of a Config.
const (
	DefaultMaxBytes = 1 << 30
	DefaultMaxAge   = 24 * time.Hour
	// MinBytes is the least that MaxBytes may be.
	MinBytes = 1 << 20
)

// Spool holds queues. Lock order: Spool.mu, then Queue.mu.
type Spool struct {
	cfg          Config
	segmentBytes int64
	cutBytes     int64
	bytes        atomic.Int64 // of all queues
	writer       writer
	stop         chan struct{} // ends the syncer
	syncing      sync.WaitGroup

	mu     sync.Mutex // guards queues
	queues map[string]*Queue
}

// Open returns the spool of a folder, with what a former process left in it.
func Open(cfg Config) (*Spool, error) {
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = DefaultMaxBytes
	}
	if cfg.MaxAge == 0 {
		cfg.MaxAge = DefaultMaxAge
	}
	s := &Spool{cfg: cfg, queues: map[string]*Queue{}, stop: make(chan struct{}),
		segmentBytes: min(cfg.MaxBytes/16, maxSegmentBytes),
		cutBytes:     min(cfg.MaxBytes/4, cutBytes)}
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("queue of chat logs: %w", err)
	}
	for _, q := range s.Queues() {
		cfg.Opened(q)
	}
	s.writer.start(s)
	s.syncing.Go(s.syncEverySecond)
	return s, nil
}

func (s *Spool) load() error {
	folders, err := os.ReadDir(s.cfg.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range folders {
		if !f.IsDir() {
			continue
		}
		q := newQueue(s, f.Name())
		if err := q.load(); err != nil {
			return err
		}
		s.queues[q.name] = q
	}
	return nil
}

// Queues returns the queues there are.
func (s *Spool) Queues() []*Queue {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*Queue, 0, len(s.queues))
	for _, q := range s.queues {
		list = append(list, q)
	}
	return list
}

// queue returns the queue of a name, which it makes if there is none.
func (s *Spool) queue(name string) *Queue {
	s.mu.Lock()
	q, ok := s.queues[name]
	if !ok {
		q = newQueue(s, name)
		s.queues[name] = q
	}
	s.mu.Unlock()
	if !ok {
		s.cfg.Opened(q)
	}
	return q
}

// put writes entries to their queue. When the disk is full, the oldest records give
// way.
func (s *Spool) put(w *pending) {
	err := s.queue(w.queue).write(w)
	for errors.Is(err, errRemoved) || full(err) && s.evict(NoDisk) {
		err = s.queue(w.queue).write(w)
	}
	if err != nil {
		s.cfg.Dropped(w.queue, w.records, NoDisk, err)
	}
	for s.bytes.Load() > s.cfg.MaxBytes && s.evict(TooMuch) {
	}
}

func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// evict drops the oldest segment of the queue that holds most: so a destination that
// is out of reach costs the records of others last. It reports whether there was one.
func (s *Spool) evict(why Reason) bool {
	var largest *Queue
	for _, q := range s.Queues() {
		if largest == nil || q.Bytes() > largest.Bytes() {
			largest = q
		}
	}
	return largest != nil && s.drop(largest, time.Time{}, why)
}

func (s *Spool) drop(q *Queue, before time.Time, why Reason) bool {
	lost, dropped := q.dropOldest(before)
	if dropped {
		s.cfg.Dropped(q.name, lost, why, nil)
	}
	return dropped
}

// syncEvery is how long a record may be in no file that survives a power cut.
const syncEvery = time.Second

func (s *Spool) syncEverySecond() {
	ticker := time.NewTicker(syncEvery)
	defer ticker.Stop()
	for {
		select {
		case <-s.stop:
			return
		case now := <-ticker.C:
			for _, q := range s.Queues() {
				for s.drop(q, now.Add(-s.cfg.MaxAge), TooOld) {
				}
				if err := q.sync(); err != nil {
					s.cfg.Log.Warn("chat log records may not survive a power cut",
						"queue", q.name, "err", err)
				}
			}
		}
	}
}

// sync has what was written to the queue's files reach the disk. One goroutine at a
// time calls it.
func (q *Queue) sync() error {
	q.mu.Lock()
	var files, sealed []*os.File
	for _, s := range q.unsynced {
		sealed = append(sealed, s.file)
		s.file = nil
	}
	q.unsynced = nil
	for _, s := range q.open {
		if s.dirty {
			files, s.dirty = append(files, s.file), false
		}
	}
	folder := q.newFiles && !q.removed
	q.newFiles = false
	q.mu.Unlock()
	var errs []error
	for _, f := range files {
		if err := f.Sync(); !errors.Is(err, os.ErrClosed) { // by what removed its segment
			errs = append(errs, err)
		}
	}
	for _, f := range sealed {
		errs = append(errs, f.Sync(), f.Close())
	}
	if folder {
		errs = append(errs, syncFolder(q.dir), syncFolder(q.spool.cfg.Dir))
	}
	return errors.Join(errs...)
}

func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Flush writes what was appended. What is appended from then on is dropped.
func (s *Spool) Flush() { s.writer.stopAndWait() }

// Close is Flush, and closes all files.
func (s *Spool) Close() error {
	s.Flush()
	close(s.stop)
	s.syncing.Wait()
	var errs []error
	for _, q := range s.Queues() {
		q.mu.Lock()
		q.sealWhereLocked(func(*Segment) bool { return true })
		q.mu.Unlock()
		errs = append(errs, q.sync())
	}
	return errors.Join(errs...)
}
