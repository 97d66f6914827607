package queue_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-chat/parley/internal/chatlog/queue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	patience = 10 * time.Second // for what must happen
	window   = time.Minute
)

// noon is the start of a window.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// stage is a spool and what it told.
type stage struct {
	*queue.Spool
	mu      sync.Mutex // guards what follows
	dropped map[queue.Reason]int
	errs    []error
	queues  map[string]*queue.Queue
}

// open opens the spool of a folder. It is closed at the end of the test.
func open(t *testing.T, dir string, change func(*queue.Config)) *stage {
	t.Helper()
	s := &stage{dropped: map[queue.Reason]int{}, queues: map[string]*queue.Queue{}}
	cfg := queue.Config{
		Dir: dir,
		Dropped: func(_ string, n int, why queue.Reason, err error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.dropped[why] += n
			s.errs = append(s.errs, err)
		},
		Opened: func(q *queue.Queue) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.queues[q.Name()] = q
		},
		MaxAge: 200_000 * time.Hour, // the tests' records are not of today
		Log:    slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	if s.Spool, err = queue.Open(cfg); err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { s.close(t) })
	return s
}

func (s *stage) close(t *testing.T) {
	t.Helper()
	if s.Spool == nil {
		return
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	s.Spool = nil
}

func (s *stage) queue(name string) *queue.Queue {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queues[name]
}

func (s *stage) drops(why queue.Reason) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped[why]
}

// put appends records of one room to queues.
func (s *stage) put(at time.Time, texts []string, to ...string) {
	var places []queue.Place
	for _, name := range to {
		places = append(places, queue.Place{Queue: name, Window: window})
	}
	var entries []queue.Entry
	for _, text := range texts {
		entries = append(entries, queue.Entry{To: places,
			Record: queue.Record{Room: "room", At: at, JSON: []byte(text)}})
	}
	s.Append(entries)
}

// read returns what segments hold.
func read(t *testing.T, segments []*queue.Segment) (all []string) {
	t.Helper()
	for _, s := range segments {
		var items []queue.Item
		r, damaged, err := s.Open(func(i queue.Item) { items = append(items, i) })
		if err != nil {
			t.Fatalf("Open of a segment: %v", err)
		}
		if damaged > 0 {
			t.Errorf("%d bytes of a segment hold no records", damaged)
		}
		if err := r.Read(items, func(json []byte) { all = append(all, string(json)) }); err != nil {
			t.Errorf("Read: %v", err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	return all
}

// take returns what is due in a queue at a time.
func (s *stage) take(t *testing.T, name string, at time.Time) []string {
	t.Helper()
	due, _ := s.queue(name).Take(at, false)
	return read(t, due)
}

func wantTexts(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func TestWindows(t *testing.T) {
	s := open(t, t.TempDir(), nil)
	s.put(noon, []string{"a", "b"}, "q")
	due, next := s.queue("q").Take(noon.Add(time.Minute), false)
	if want := noon.Add(time.Minute + 2*time.Second); len(due) > 0 || !next.Equal(want) {
		t.Errorf("at the end of the window: %d segments, and then at %s; want none, and at %s",
			len(due), next, want)
	}
	// While the first window settles, the second has begun.
	s.put(noon.Add(61*time.Second), []string{"later"}, "q")
	s.put(noon.Add(59*time.Second), []string{"c"}, "q")
	wantTexts(t, "when the window is over", s.take(t, "q", noon.Add(62*time.Second)), "a", "b", "c")
	// What is too late is in the next one.
	s.put(noon.Add(59*time.Second), []string{"late"}, "q")
	due, _ = s.queue("q").Take(noon.Add(63*time.Second), false)
	wantTexts(t, "before it is removed", read(t, due), "a", "b", "c")
	s.queue("q").Done(due)
	wantTexts(t, "after it is removed", s.take(t, "q", noon.Add(63*time.Second)))
	due, _ = s.queue("q").Take(noon.Add(122*time.Second), false)
	wantTexts(t, "the second window", read(t, due), "later", "late")
	s.queue("q").Done(due)
	if s.queue("q").Bytes() != 0 || !s.queue("q").Oldest().IsZero() {
		t.Errorf("an empty queue has %d bytes, the oldest of %s", s.queue("q").Bytes(), s.queue("q").Oldest())
	}
}

func TestTakeAll(t *testing.T) {
	s := open(t, t.TempDir(), nil)
	s.put(noon, []string{"a"}, "q")
	s.put(noon.Add(time.Hour), []string{"b"}, "q")
	due, _ := s.queue("q").Take(noon, true)
	got := read(t, due)
	slices.Sort(got)
	wantTexts(t, "all", got, "a", "b")
}

// TestQueuesShareNothing appends one record to three queues.
func TestQueuesShareNothing(t *testing.T) {
	s := open(t, t.TempDir(), nil)
	s.put(noon, []string{"a", "b"}, "q1", "q2", "q3")
	s.put(noon, []string{"c"}, "q2")
	for name, want := range map[string][]string{
		"q1": {"a", "b"}, "q2": {"a", "b", "c"}, "q3": {"a", "b"},
	} {
		wantTexts(t, name, s.take(t, name, noon.Add(time.Hour)), want...)
	}
	due, _ := s.queue("q1").Take(noon.Add(time.Hour), false)
	s.queue("q1").Done(due)
	wantTexts(t, "q3 after q1 is done", s.take(t, "q3", noon.Add(time.Hour)), "a", "b")
}

func TestRecordsSurviveTheProcess(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, nil)
	s.put(noon, []string{"a", "b"}, "q1", "q2")
	s.put(noon.Add(time.Hour), []string{"c"}, "q1")
	if err := s.queue("q1").SetNote([]byte("note")); err != nil {
		t.Fatal(err)
	}
	// Another process finds what is in the files by now: nothing was closed.
	other := open(t, dir, nil)
	due, _ := other.queue("q1").Take(noon, false) // at once, whatever their windows
	wantTexts(t, "q1", read(t, due), "a", "b", "c")
	if got := other.queue("q1").Oldest(); !got.Equal(noon) {
		t.Errorf("the oldest is of %s, want %s", got, noon)
	}
	if note, err := other.queue("q1").Note(); err != nil || string(note) != "note" {
		t.Errorf("Note() = %q, %v", note, err)
	}
	due, _ = other.queue("q2").Take(noon, false)
	wantTexts(t, "q2", read(t, due), "a", "b")
	other.queue("q2").Done(due)
	other.close(t)
	third := open(t, dir, nil)
	if due, _ := third.queue("q2").Take(noon, true); len(due) > 0 {
		t.Error("what is done is there again")
	}
	// New files come after the old ones.
	third.put(noon, []string{"d"}, "q1")
	due, _ = third.queue("q1").Take(noon, true)
	wantTexts(t, "q1 with more", read(t, due), "a", "b", "c", "d")
}

// TestTornTail is a power cut in the middle of a write.
func TestTornTail(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, nil)
	s.put(noon, []string{"a", "b"}, "q")
	s.close(t)
	files, err := filepath.Glob(filepath.Join(dir, "q", "*.seg"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v, %v; want one", files, err)
	}
	info, err := os.Stat(files[0])
	if err == nil {
		err = os.Truncate(files[0], info.Size()-1)
	}
	if err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, nil)
	due, _ := s.queue("q").Take(noon, false)
	if len(due) != 1 {
		t.Fatalf("%d segments, want 1", len(due))
	}
	records := 0
	r, damaged, err := due[0].Open(func(queue.Item) { records++ })
	if err != nil || records != 1 || damaged == 0 {
		t.Fatalf("%d records and %d damaged bytes, %v; want 1 and some", records, damaged, err)
	}
	_ = r.Close()
	s.queue("q").Done(due)
}

func TestForget(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, nil)
	s.put(noon, []string{"a"}, "q")
	q := s.queue("q")
	if q.Forget() {
		t.Fatal("a queue with a record was forgotten")
	}
	due, _ := q.Take(noon, true)
	q.Done(due)
	if !q.Forget() {
		t.Fatal("an empty queue was not forgotten")
	}
	if _, err := os.Stat(filepath.Join(dir, "q")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its folder: %v, want none", err)
	}
	s.put(noon, []string{"b"}, "q") // begins a new one
	if s.queue("q") == q {
		t.Fatal("a record went to a queue that is forgotten")
	}
	wantTexts(t, "the new queue", s.take(t, "q", noon.Add(time.Hour)), "b")
}

// TestOldestGiveWay fills a spool of the least size: the queue that has most of it
// loses its oldest records, which are counted, and the others none.
func TestOldestGiveWay(t *testing.T) {
	s := open(t, t.TempDir(), func(c *queue.Config) { c.MaxBytes = queue.MinBytes })
	text := strings.Repeat("x", 1000)
	const records, few = 5000, 100
	for i := range few {
		s.put(noon, []string{fmt.Sprint(i, text)}, "small")
	}
	for i := range records {
		s.put(noon, []string{fmt.Sprint(i, text)}, "large")
	}
	if size := s.queue("small").Bytes() + s.queue("large").Bytes(); size > queue.MinBytes {
		t.Errorf("the spool has %d bytes, want at most %d", size, queue.MinBytes)
	}
	due, _ := s.queue("small").Take(noon, true)
	if got := read(t, due); len(got) != few {
		t.Errorf("the small queue has %d records, want all %d", len(got), few)
	}
	var left []string
	for {
		due, _ := s.queue("large").Take(noon, true)
		if len(due) == 0 {
			break
		}
		left = append(left, read(t, due)...)
		s.queue("large").Done(due)
	}
	if want := fmt.Sprint(records-1, text); len(left) == 0 || left[len(left)-1] != want {
		t.Fatal("the newest record was dropped")
	}
	if got := len(left) + s.drops(queue.TooMuch); got != records || s.drops(queue.TooMuch) == 0 {
		t.Errorf("%d records are left and %d were dropped, want %d together",
			len(left), s.drops(queue.TooMuch), records)
	}
	if first := fmt.Sprint(records-len(left), text); left[0] != first {
		t.Errorf("the first record left is %.10s…, want %.10s…", left[0], first)
	}
}

// TestDroppedWhileDelivered drops a segment that is being read.
func TestDroppedWhileDelivered(t *testing.T) {
	s := open(t, t.TempDir(), func(c *queue.Config) { c.MaxBytes = queue.MinBytes })
	text := strings.Repeat("x", 1000)
	s.put(noon, []string{text, text, text}, "q")
	due, _ := s.queue("q").Take(noon, true)
	var items []queue.Item
	r, _, err := due[0].Open(func(i queue.Item) { items = append(items, i) })
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	due[0].Delivered(2) // of three
	for range 2000 {
		s.put(noon, []string{text}, "q")
	}
	if err := r.Read(items, func([]byte) {}); !errors.Is(err, queue.ErrDropped) {
		t.Errorf("Read of what was dropped: %v, want ErrDropped", err)
	}
	if _, _, err := due[0].Open(func(queue.Item) {}); !errors.Is(err, queue.ErrDropped) {
		t.Errorf("Open of what was dropped: %v, want ErrDropped", err)
	}
	s.queue("q").Done(due) // does no harm
	left := 0
	for {
		due, _ := s.queue("q").Take(noon, true)
		if len(due) == 0 {
			break
		}
		left += len(read(t, due))
		s.queue("q").Done(due)
	}
	if got := left + s.drops(queue.TooMuch); got != 2001 {
		t.Errorf("%d left and %d dropped, want 2001 together: two were delivered before",
			left, s.drops(queue.TooMuch))
	}
}

func TestOldRecordsAreDropped(t *testing.T) {
	s := open(t, t.TempDir(), func(c *queue.Config) { c.MaxAge = time.Hour })
	s.put(time.Now().Add(-2*time.Hour), []string{"old", "older"}, "q")
	s.put(time.Now(), []string{"new"}, "q")
	s.queue("q").Take(time.Now(), true) // ends the writing to them
	deadline := time.Now().Add(patience)
	for s.drops(queue.TooOld) < 2 && time.Now().Before(deadline) {
		<-time.After(10 * time.Millisecond)
	}
	due, _ := s.queue("q").Take(time.Now(), true)
	wantTexts(t, "what is left", read(t, due), "new")
	if got := s.drops(queue.TooOld); got != 2 {
		t.Errorf("%d records were dropped for their age, want 2", got)
	}
}

// TestFullDisk fills a disk of its own: the oldest records give way, each is either
// readable or counted, and the spool goes on when there is space.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("parley-test", dir, "tmpfs", 0, "size=512k"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("a small disk: %v", err)
		}
		t.Skipf("a small disk takes root: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	s := open(t, filepath.Join(dir, "spool"), func(c *queue.Config) { c.MaxBytes = queue.MinBytes })
	text := strings.Repeat("x", 1000)
	const records = 3000
	for i := range records {
		s.put(noon.Add(time.Duration(i)*time.Second), []string{fmt.Sprint(i, text)}, "q")
	}
	var left []string
	for {
		due, _ := s.queue("q").Take(noon, true)
		if len(due) == 0 {
			break
		}
		left = append(left, read(t, due)...)
		s.queue("q").Done(due)
	}
	if got := len(left) + s.drops(queue.NoDisk); got != records || len(left) == 0 {
		t.Errorf("%d records are left and %d were dropped, want %d together",
			len(left), s.drops(queue.NoDisk), records)
	}
	if len(left) > 0 && left[len(left)-1] != fmt.Sprint(records-1, text) {
		t.Error("the newest record was dropped")
	}
	s.put(noon, []string{"after"}, "q")
	due, _ := s.queue("q").Take(noon, true)
	wantTexts(t, "after there was space again", read(t, due), "after")
}

// TestFolderThatCannotBeMade counts what it cannot keep, and says why.
func TestFolderThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	s := open(t, filepath.Join(file, "spool"), nil)
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.put(noon, []string{"a", "b"}, "q")
	if got := s.drops(queue.NoDisk); got != 2 || !errors.Is(s.errs[0], syscall.ENOTDIR) {
		t.Errorf("%d records dropped, %v; want 2, for what is no folder", got, s.errs)
	}
}

func TestRecordsTooLarge(t *testing.T) {
	s := open(t, t.TempDir(), nil)
	s.put(noon, []string{"a", strings.Repeat("x", queue.MaxRecordBytes+1), "b"}, "q1", "q2")
	wantTexts(t, "q1", s.take(t, "q1", noon.Add(time.Hour)), "a", "b")
	if got := s.drops(queue.NoForm); got != 2 {
		t.Errorf("%d records dropped, want 1 in each queue", got)
	}
}

// TestCut has a queue gather more in one window than an object may hold: the first
// part is due before the window ends.
func TestCut(t *testing.T) {
	s := open(t, t.TempDir(), func(c *queue.Config) { c.MaxBytes = 4 * queue.MinBytes })
	text := strings.Repeat("x", 1000)
	for i := 0; ; i++ {
		due, _ := s.queueOrNil("q").Take(noon, false)
		size := 0
		for _, text := range read(t, due) {
			size += len(text)
		}
		if size > 0 {
			if size < queue.MinBytes/2 || size > queue.MinBytes || i < 900 {
				t.Errorf("after %d records, %d bytes are due; want up to 1 MiB", i, size)
			}
			return
		}
		if i > 2000 {
			t.Fatal("2 MB are gathered, and nothing is due")
		}
		s.put(noon, []string{text}, "q")
	}
}

// queueOrNil returns a queue, which it makes if there is none.
func (s *stage) queueOrNil(name string) *queue.Queue {
	if s.queue(name) == nil {
		s.put(noon, []string{"first"}, name)
	}
	return s.queue(name)
}

// TestSlowDisk has the disk not answer: whoever appends waits for a moment once, and
// then not at all; what there is no memory for is dropped; and all else is kept when
// the disk comes back.
func TestSlowDisk(t *testing.T) {
	answer := make(chan struct{})
	s := open(t, t.TempDir(), func(c *queue.Config) {
		opened := c.Opened
		c.Opened = func(q *queue.Queue) { // runs in place of the first write
			opened(q)
			<-answer
		}
	})
	text := strings.Repeat("x", 100_000)
	begin := time.Now()
	const records = 300 // 30 MB, of which 16 MiB have room
	for range records {
		s.put(noon, []string{text}, "q")
	}
	if took := time.Since(begin); took < 100*time.Millisecond || took > patience/2 {
		t.Errorf("appending took %s, want about 100 ms", took)
	}
	dropped := s.drops(queue.NoDisk)
	if want := records - 16<<20/len(text); dropped < want-2 || dropped > want+2 {
		t.Errorf("%d records were dropped, want about %d", dropped, want)
	}
	close(answer)
	s.put(noon, []string{"last"}, "q")
	kept := 0
	deadline := time.Now().Add(patience)
	for kept < records+1-dropped && time.Now().Before(deadline) {
		due, _ := s.queue("q").Take(noon, true)
		kept += len(read(t, due))
		s.queue("q").Done(due)
	}
	if kept != records+1-dropped || s.drops(queue.NoDisk) != dropped {
		t.Errorf("%d records were kept and %d dropped, want all of %d", kept, s.drops(queue.NoDisk), records+1)
	}
}
