package store_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store"
)

var world = parley.World{Region: "eu-west-1", Account: "123456789012"}

// logBuffer collects log lines; a failing test shows them.
type logBuffer struct {
	mu    sync.Mutex
	lines bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lines.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lines.String()
}

func newLog(t testing.TB) (*slog.Logger, *logBuffer) {
	t.Helper()
	buffer := &logBuffer{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log:\n%s", buffer)
		}
	})
	return slog.New(slog.NewTextHandler(buffer, nil)), buffer
}

// open opens a store that is closed and checked for leaks when the test ends.
func open(t testing.TB, dir string) *store.Store {
	t.Helper()
	log, _ := newLog(t)
	return openLogged(t, dir, log)
}

func openLogged(t testing.TB, dir string, log *slog.Logger) *store.Store {
	t.Helper()
	before := goleak.IgnoreCurrent()
	s, err := store.Open(t.Context(), store.Config{Dir: dir}, log)
	if err != nil {
		t.Fatalf("Open(%q) = %v, want a store", dir, err)
	}
	t.Cleanup(func() {
		closeStore(t, s)
		store.WantNoLeaks(t, before)
	})
	return s
}

func closeStore(t testing.TB, s *store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
}

// inBothModes runs a test on a store in memory and on one with files.
func inBothModes(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Run("memory", func(t *testing.T) { test(t, open(t, "")) })
	t.Run("file", func(t *testing.T) { test(t, open(t, t.TempDir())) })
}

func wantCode(t testing.TB, what string, err error, want parley.Code) {
	t.Helper()
	if err == nil || parley.CodeOf(err) != want {
		t.Errorf("%s: error %v with code %v, want code %v", what, err, parley.CodeOf(err), want)
	}
}

func TestCloseTwiceAndUseAfter(t *testing.T) {
	inBothModes(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		room := rooms.create(t, s)
		stop, err := s.Subscribe(ctx, room.ARN, func([]byte) {}, func() {})
		if err != nil {
			t.Fatal(err)
		}
		closeStore(t, s)
		closeStore(t, s)
		stop()
		wantCode(t, "create after Close", s.CreateRoom(ctx, newRoom(parley.RoomChange{}), 0),
			parley.Unavailable)
		wantCode(t, "delete after Close", s.DeleteRoom(ctx, room.ARN), parley.Unavailable)
		wantCode(t, "create a configuration after Close",
			s.CreateLoggingConfiguration(ctx, configurations.fresh(), 0), parley.Unavailable)
		wantCode(t, "redeem after Close", s.Redeem(ctx, newToken(), "a"), parley.Unavailable)
		wantCode(t, "publish after Close", s.Publish(ctx, room.ARN, nil), parley.Unavailable)
		_, err = s.Subscribe(ctx, room.ARN, func([]byte) {}, func() {})
		wantCode(t, "subscribe after Close", err, parley.Unavailable)
		if err := s.Check(ctx); err == nil {
			t.Error("Check() after Close = nil, want an error")
		}
	})
}

func TestCheckOfRunningStore(t *testing.T) {
	inBothModes(t, func(t *testing.T, s *store.Store) {
		if err := s.Check(t.Context()); err != nil {
			t.Errorf("Check() = %v, want nil", err)
		}
	})
}

func TestOpenIsQuiet(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		log, lines := newLog(t)
		s := openLogged(t, dir, log)
		rooms.create(t, s)
		closeStore(t, s)
		if got := lines.String(); got != "" {
			t.Errorf("a normal run logged:\n%s", got)
		}
	}
}

func TestMemoryModeLeavesNothingOnDisk(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := open(t, "")
	rooms.create(t, s)
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("while the store runs, the temporary folder holds %v, %v; want nothing", left, err)
	}
	closeStore(t, s)
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("after Close, the temporary folder holds %v, %v; want nothing", left, err)
	}
}

func TestOpenRefusesFolderItCannotUse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, dir, want string }{
		{"a file", file, "not a directory"},
		{"below a file", filepath.Join(file, "data"), "not a directory"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wantOpenError(t, test.dir, test.dir, test.want)
		})
	}
}

func TestOpenRefusesFolderWithAnotherFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "jetstream"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantOpenError(t, dir, "not a directory")
}

func TestOpenRefusesFullDisk(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	limitFiles(t, 100<<10)
	dir := t.TempDir()
	wantOpenError(t, dir, dir, "file too large")
}

// wantOpenError opens a store that must not open, with an error of one line that
// contains all of want. Nothing may be left running.
func wantOpenError(t *testing.T, dir string, want ...string) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	log, _ := newLog(t)
	s, err := store.Open(t.Context(), store.Config{Dir: dir}, log)
	if err == nil {
		closeStore(t, s)
		t.Fatalf("Open(%q) = nil, want an error", dir)
	}
	for _, part := range append(want, "") {
		if !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "\n") {
			t.Errorf("Open(%q) = %q, want one line with %q", dir, err, part)
		}
	}
	store.WantNoLeaks(t, before)
}

func TestOpenEndsWithItsContext(t *testing.T) {
	before := goleak.IgnoreCurrent()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	log, _ := newLog(t)
	s, err := store.Open(ctx, store.Config{}, log)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Open(cancelled) = %v, %v; want context.Canceled", s, err)
	}
	store.WantNoLeaks(t, before)
}

// withRooms returns a folder with 100 rooms, and the folder of their bucket in it.
func withRooms(t *testing.T) (dir, bucket string) {
	t.Helper()
	dir = t.TempDir()
	s := open(t, dir)
	for range 100 {
		rooms.create(t, s)
	}
	closeStore(t, s)
	return dir, filepath.Join(dir, "jetstream", "$G", "streams", "KV_rooms")
}

func TestOpenRefusesDamagedFiles(t *testing.T) {
	tests := []struct{ name, file, damage, want string }{
		{"description", "meta.inf", `"KV_rooms"`, "KV_rooms' could not be recovered"},
		{"checksum", "meta.sum", "", "KV_rooms' could not be recovered"},
		{"a room", "msgs/1.blk", "max_message_length", "99 of 100 could be read"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir, bucket := withRooms(t)
			path := filepath.Join(bucket, test.file)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			data[bytes.Index(data, []byte(test.damage))]++
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			log, _ := newLog(t)
			s, err := store.Open(t.Context(), store.Config{Dir: dir}, log)
			if err == nil {
				closeStore(t, s)
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Open with damaged %s = %v, want an error with %q", test.file, err, test.want)
			}
		})
	}
}

// ownProcess is the variable that tells a test that it runs in a process of its own.
const ownProcess = "PARLEY_TEST_OWN_PROCESS"

// inOwnProcess runs the test that calls it in another process, and reports whether this
// is that process. It is for tests that limit what the process may do: go test writes
// files of its own from it.
func inOwnProcess(t *testing.T) bool {
	t.Helper()
	if os.Getenv(ownProcess) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), ownProcess+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("in its own process: %v\n%s", err, out)
	}
	return false
}

// limitFiles makes writes fail past a size of each file, as on a full disk. The
// function it returns lifts the limit.
func limitFiles(t *testing.T, bytes uint64) (lift func()) {
	t.Helper()
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	ignoreSizeSignal()
	limit := syscall.Rlimit{Cur: bytes, Max: was.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	lift = func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(lift)
	return lift
}

// oneWrite is how long a store waits for one write that is not answered.
const oneWrite = 5 * time.Second

func TestFullDiskRefusesAndRecovers(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	dir := t.TempDir()
	s := open(t, dir)
	used := configurations.create(t, s)
	lift := limitFiles(t, 100<<10)
	var saved []parley.Room
	var err error
	for range 10_000 {
		room := naming(used.ARN)
		if err = s.CreateRoom(t.Context(), room, 0); err != nil {
			break
		}
		saved = append(saved, room)
	}
	wantCode(t, "create on a full disk", err, parley.Unavailable)
	start := time.Now()
	wantCode(t, "create once more", s.CreateRoom(t.Context(), naming(used.ARN), 0),
		parley.Unavailable)
	wantCode(t, "create a configuration", s.CreateLoggingConfiguration(t.Context(),
		configurations.fresh(), 0), parley.Unavailable)
	wantCode(t, "delete a configuration in use", s.DeleteLoggingConfiguration(t.Context(),
		used.ARN), parley.Unavailable)
	if took := time.Since(start); took > oneWrite {
		t.Errorf("a store that knows it cannot save took %s to say so", took)
	}
	wantCode(t, "delete", s.DeleteRoom(t.Context(), saved[0].ARN), parley.Unavailable)
	if err := s.Redeem(t.Context(), newToken(), "a"); err != nil {
		t.Errorf("Redeem() on a full disk = %v, want nil: it needs none", err)
	}

	if stats := s.Stats(); stats.CanSave {
		t.Errorf("Stats() on a full disk = %+v, want a store that cannot save", stats)
	}
	before := newToken()
	if err := s.Redeem(t.Context(), before, "a"); err != nil {
		t.Errorf("Redeem() on a full disk = %v, want nil: it needs none", err)
	}
	lift()
	saved = append(saved, createWhenPossible(t, s, used))
	if stats := s.Stats(); !stats.CanSave || stats.Bytes == 0 {
		t.Errorf("Stats() after the repair = %+v, want a store that can save", stats)
	}
	wantCode(t, "redeem again, after the marks were lost", s.Redeem(t.Context(), before, "b"),
		parley.Unauthenticated)
	if err := s.Redeem(t.Context(), newToken(), "a"); err != nil {
		t.Errorf("Redeem() after the repair = %v, want nil", err)
	}
	wantInUse(t, s, used, saved...)
	unused := configurations.create(t, s)
	rooms.want(t, s, saved...)
	closeStore(t, s)
	s = open(t, dir)
	rooms.want(t, s, saved...)
	configurations.want(t, s, used, unused)
}

// createWhenPossible creates a room that names a configuration as soon as the store
// takes one.
func createWhenPossible(t *testing.T, s *store.Store, l parley.LoggingConfiguration) parley.Room {
	t.Helper()
	room := naming(l.ARN)
	within(t, "the store takes rooms since there is space again", func() bool {
		err := s.CreateRoom(t.Context(), room, 0)
		// An attempt that was not answered in time may have been the one.
		return err == nil || parley.CodeOf(err) == parley.Conflict
	})
	return room
}
