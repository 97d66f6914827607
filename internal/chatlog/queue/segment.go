package queue

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ErrDropped is what reading a record returns when its segment was dropped: its
// records count as lost.
var ErrDropped = errors.New("the record was dropped")

// Segment is a file with records of one queue, all of one window of time, but for
// those that came late. Guarded by Queue.mu, except for what never changes.
type Segment struct {
	queue *Queue
	path  string
	end   time.Time // of its window
	over  time.Time // when no more records of the window are to be expected

	first   time.Time // when its oldest record was received
	file    *os.File  // while it takes records, and then until it is synced
	size    int64     // bytes of whole entries, and of what is damaged after them
	left    int       // records that are not at their destination
	counted bool      // left is known; it is not when a former process wrote the file
	dirty   bool      // something is written that was not synced
	due     bool      // its records are to be delivered now
	dropped bool
}

const segmentSuffix = ".seg"

// segmentName returns the name of a file. Names sort by serial, and so by age.
func segmentName(serial uint64, end time.Time) string {
	return fmt.Sprintf("%016x-%d%s", serial, end.Unix(), segmentSuffix)
}

func parseSegmentName(name string) (serial uint64, end time.Time, ok bool) {
	name, ok = strings.CutSuffix(name, segmentSuffix)
	first, second, _ := strings.Cut(name, "-")
	serial, err := strconv.ParseUint(first, 16, 64)
	seconds, err2 := strconv.ParseInt(second, 10, 64)
	return serial, time.Unix(seconds, 0), ok && len(first) == 16 && cmp.Or(err, err2) == nil
}

// createSegment makes a new file that takes records.
func createSegment(q *Queue, serial uint64, end, over time.Time) (*Segment, error) {
	if err := os.MkdirAll(q.dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(q.dir, segmentName(serial, end))
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := file.WriteString(magic); err != nil {
		return nil, errors.Join(err, file.Close(), os.Remove(path))
	}
	return &Segment{queue: q, path: path, end: end, over: over, file: file,
		size: int64(len(magic)), counted: true, dirty: true}, nil
}

// write appends whole entries. When it fails, none of them is in the file, or the
// file must not be used any more.
func (s *Segment) write(w *pending) (usable bool, err error) {
	if _, err := s.file.Write(w.entries); err != nil {
		return s.file.Truncate(s.size) == nil, err
	}
	s.size += int64(len(w.entries))
	s.left += w.records
	s.first = earlier(s.first, w.first)
	s.dirty = true
	return true, nil
}

// Reader reads the records of a segment.
type Reader struct {
	segment *Segment
	file    *os.File
}

// Open opens a segment for reading and calls each with what is in it, in the order
// of appending. damaged is how many bytes at its end hold no records. The error is
// ErrDropped when the segment was dropped.
func (s *Segment) Open(each func(Item)) (r *Reader, damaged int64, err error) {
	file, err := os.Open(s.path)
	if err != nil {
		if s.isDropped() {
			return nil, 0, ErrDropped
		}
		return nil, 0, err
	}
	records := 0
	whole, err := scan(bufio.NewReaderSize(file, 256<<10), func(i Item) {
		records++
		each(i)
	})
	if err != nil {
		_ = file.Close()
		return nil, 0, fmt.Errorf("read %s: %w", s.path, err)
	}
	s.count(records)
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return nil, 0, err
	}
	return &Reader{s, file}, info.Size() - whole, nil
}

// Limits of what is read at once.
const (
	maxGap = 4 << 10 // between two records
	maxRun = 256 << 10
)

// Read calls each with the JSON of records, which it may keep. Neighbours are read at
// once. The error is ErrDropped when the segment was dropped meanwhile.
func (r *Reader) Read(items []Item, each func(json []byte)) error {
	for len(items) > 0 {
		if r.segment.isDropped() {
			return ErrDropped
		}
		n, begin, end := 1, items[0].at, items[0].end()
		for n < len(items) {
			gap := items[n].at - end
			if gap < 0 || gap > maxGap || items[n].end()-begin > maxRun {
				break
			}
			end = items[n].end()
			n++
		}
		run := make([]byte, end-begin)
		if _, err := r.file.ReadAt(run, begin); err != nil {
			return err
		}
		for _, i := range items[:n] {
			each(run[i.at-begin : i.end()-begin : i.end()-begin])
		}
		items = items[n:]
	}
	return nil
}

// Close closes the file.
func (r *Reader) Close() error { return r.file.Close() }

func (s *Segment) isDropped() bool {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	return s.dropped
}

// count notes how many records a segment has that another process wrote.
func (s *Segment) count(records int) {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	if !s.counted {
		s.counted, s.left = true, records
	}
}

// Delivered notes that n more of the segment's records are at their destination.
func (s *Segment) Delivered(n int) {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	s.left = max(0, s.left-n)
}

// firstRecord returns when the first record of a file was received, or otherwise a
// time.
func firstRecord(path string, otherwise time.Time) time.Time {
	first := otherwise
	if file, err := os.Open(path); err == nil {
		defer file.Close()
		var head [len(magic) + headBytes]byte
		if _, err := io.ReadFull(file, head[:]); err == nil {
			first = time.UnixMilli(int64(binary.BigEndian.Uint64(head[len(magic)+8:])))
		}
	}
	return first
}

// countFile returns how many records a file has.
func countFile(path string) int {
	file, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer file.Close()
	records := 0
	_, _ = scan(bufio.NewReader(file), func(Item) { records++ }) // as far as it can be read
	return records
}
