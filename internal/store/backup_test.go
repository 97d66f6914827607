package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/backup"
	"github.com/parley-chat/parley/internal/store/snapshot"
)

// save returns a backup of all that a store has.
func save(t testing.TB, s *store.Store) string {
	t.Helper()
	taken, err := snapshot.Take(t.Context(), s)
	if err != nil {
		t.Fatalf("Snapshot: %v", err)
	}
	var text strings.Builder
	if _, err := taken.Write(&text, "parley test", epoch); err != nil {
		t.Fatalf("Write: %v", err)
	}
	return text.String()
}

func restore(t testing.TB, s *store.Store, text string, options snapshot.Options,
) (snapshot.Report, error) {
	t.Helper()
	return snapshot.Restore(t.Context(), s, strings.NewReader(text), options)
}

func mustRestore(t testing.TB, s *store.Store, text string, options snapshot.Options,
) snapshot.Report {
	t.Helper()
	report, err := restore(t, s, text, options)
	if err != nil {
		t.Fatalf("Restore: %v", err)
	}
	return report
}

func wantReport(t testing.TB, what string, got, want snapshot.Report) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("report %s (-want +got):\n%s", what, diff)
	}
}

// goldenBackup is the documented form. It stays readable for ever.
const goldenBackup = "backup/testdata/backup.ndjson"

func readGolden(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(goldenBackup)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// testBackupHasItsForm restores a file and makes the same one of it.
func testBackupHasItsForm(t *testing.T, s *store.Store) {
	golden := readGolden(t)
	wantReport(t, "of an empty store", mustRestore(t, s, golden, snapshot.Options{}),
		snapshot.Report{Created: backup.Counts{LoggingConfigurations: 3, Rooms: 4}})
	if diff := cmp.Diff(golden, save(t, s)); diff != "" {
		t.Errorf("backup of what was restored (-file +got):\n%s", diff)
	}
}

func TestRestoreOfEverythingElsewhere(t *testing.T) {
	from, to := open(t, ""), open(t, t.TempDir())
	full, detached := fullRoom(), newRoom(parley.RoomChange{
		ReviewHandler: &parley.ReviewHandler{Fallback: parley.FallbackAllow}})
	setUp(t, from, full)
	rooms.mustSave(t, from, full)
	rooms.mustSave(t, from, detached)
	fullLogging := configurations.mustSave(t, from, fullConfiguration())
	abroad := parley.World{Region: "us-east-1", Account: "000000000000"}
	rooms.mustSave(t, from, rooms.new(abroad, time.Now()))
	text := save(t, from)
	mustRestore(t, to, text, snapshot.Options{})
	if diff := cmp.Diff(text, save(t, to)); diff != "" {
		t.Errorf("backup of what was restored (-before +after):\n%s", diff)
	}
	for _, room := range []parley.Room{full, detached} {
		got, err := to.Room(room.ARN)
		if diff := cmp.Diff(room, got); err != nil || diff != "" {
			t.Errorf("a restored room: %v (-want +got):\n%s", err, diff)
		}
	}
	got, err := to.LoggingConfiguration(fullLogging.ARN)
	if diff := cmp.Diff(fullLogging, got); err != nil || diff != "" {
		t.Errorf("a restored logging configuration: %v (-want +got):\n%s", err, diff)
	}
}

func TestBackupOfNothing(t *testing.T) {
	s := open(t, "")
	wantReport(t, "of nothing", mustRestore(t, s, save(t, s), snapshot.Options{}),
		snapshot.Report{})
}

// testRestoreIsDoneAgain has what is there and the same stay, and what the backup does
// not have.
func testRestoreIsDoneAgain(t *testing.T, s *store.Store) {
	golden := readGolden(t)
	mustRestore(t, s, golden, snapshot.Options{})
	arn, err := parley.ParseARN("arn:aws:ivschat:eu-west-1:123456789012:room/abcdefghijk1")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteRoom(t.Context(), arn); err != nil {
		t.Fatal(err)
	}
	other := rooms.create(t, s)
	want := snapshot.Report{Created: backup.Counts{Rooms: 1},
		Unchanged: backup.Counts{LoggingConfigurations: 3, Rooms: 3}}
	wantReport(t, "of a dry run", mustRestore(t, s, golden, snapshot.Options{DryRun: true}), want)
	if _, err := s.Room(arn); parley.CodeOf(err) != parley.NotFound {
		t.Errorf("after a dry run, the deleted room: %v", err)
	}
	wantReport(t, "with one room missing", mustRestore(t, s, golden, snapshot.Options{}), want)
	if _, err := s.Room(other.ARN); err != nil {
		t.Errorf("a room that the backup does not have: %v", err)
	}
}

func testRestoreOverwritesWhenTold(t *testing.T, s *store.Store) {
	golden := readGolden(t)
	mustRestore(t, s, golden, snapshot.Options{})
	room, _ := s.ListRooms(t.Context(), world, parley.Cursor{}, 1, all)
	logging, _ := s.ListLoggingConfigurations(t.Context(), world, parley.Cursor{}, 1)
	changedRoom := rooms.rename(t, s, room[0], "changed")
	changedLogging := configurations.rename(t, s, logging[0], "changed")
	changes := snapshot.Report{
		Unchanged:   backup.Counts{LoggingConfigurations: 2, Rooms: 3},
		Conflicting: backup.Counts{LoggingConfigurations: 1, Rooms: 1},
		Conflicts:   []string{changedLogging.ARN.String(), changedRoom.ARN.String()},
	}
	for _, dry := range []bool{true, false} {
		report, err := restore(t, s, golden, snapshot.Options{DryRun: dry})
		wantCode(t, "Restore over changes", err, parley.Conflict)
		wantReport(t, "over changes", report, changes)
	}
	if got, _ := s.Room(changedRoom.ARN); got.Name != "changed" {
		t.Errorf("without overwrite, the room is %+v", got)
	}
	report := mustRestore(t, s, golden, snapshot.Options{Overwrite: true})
	wantReport(t, "with overwrite", report, snapshot.Report{
		Unchanged:   backup.Counts{LoggingConfigurations: 2, Rooms: 3},
		Overwritten: backup.Counts{LoggingConfigurations: 1, Rooms: 1},
	})
	if diff := cmp.Diff(golden, save(t, s)); diff != "" {
		t.Errorf("backup of what was overwritten (-file +got):\n%s", diff)
	}
}

// testConflictWritesNothing has a conflict at the end of a backup whose beginning is
// new.
func testConflictWritesNothing(t *testing.T, s *store.Store) {
	golden := readGolden(t)
	arn, err := parley.ParseARN("arn:aws:ivschat:us-east-1:123456789012:room/abcdefghijk4")
	if err != nil {
		t.Fatal(err)
	}
	last := newRoom(parley.RoomChange{Name: ptr("other")})
	last.ARN = arn
	rooms.mustSave(t, s, last)
	_, err = restore(t, s, golden, snapshot.Options{})
	wantCode(t, "Restore", err, parley.Conflict)
	if n := s.CountRooms(world) + s.CountLoggingConfigurations(world); n != 0 {
		t.Errorf("a refused restore saved %d resources", n)
	}
}

// TestInterruptedRestoreIsDoneAgain cancels a restore in the middle.
func TestInterruptedRestoreIsDoneAgain(t *testing.T) {
	from, to := open(t, ""), open(t, t.TempDir())
	const n = 2500 // five batches
	named := configurations.create(t, from).ARN
	for i := range n {
		rooms.mustSave(t, from, newRoom(parley.RoomChange{Name: ptr(fmt.Sprint("room-", i)),
			LoggingConfigurations: &[]parley.ARN{named}}))
	}
	text := save(t, from)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	file := &interrupting{Reader: strings.NewReader(text), at: int64(len(text)) * 3 / 5, stop: cancel}
	report, err := snapshot.Restore(ctx, to, file, snapshot.Options{})
	if done := report.Created.Rooms; err == nil || done == 0 || done >= n {
		t.Fatalf("a restore that was interrupted: %+v, %v", report, err)
	}
	again := mustRestore(t, to, text, snapshot.Options{})
	if sum := again.Created.Rooms + again.Unchanged.Rooms; sum != n || again.Unchanged.Rooms == 0 {
		t.Errorf("the second run: %+v, want %d rooms in all", again, n)
	}
	if diff := cmp.Diff(text, save(t, to)); diff != "" {
		t.Errorf("after the second run (-before +after):\n%.2000s", diff)
	}
}

// interrupting is a file that calls stop when it is read past a place, not for the first
// time: then its content is saved.
type interrupting struct {
	*strings.Reader
	again bool
	at    int64
	stop  func()
}

func (f *interrupting) Seek(offset int64, whence int) (int64, error) {
	f.again = true
	return f.Reader.Seek(offset, whence)
}

func (f *interrupting) Read(p []byte) (int, error) {
	if f.again && f.Size()-int64(f.Len()) > f.at {
		f.stop()
	}
	return f.Reader.Read(p)
}

// testRestoresAtTheSameTime has several restores of the same help each other.
func testRestoresAtTheSameTime(t *testing.T, s *store.Store) {
	golden := readGolden(t)
	for _, err := range inParallel(10, func(int) error {
		_, err := snapshot.Restore(t.Context(), s, strings.NewReader(golden), snapshot.Options{})
		return err
	}) {
		if err != nil {
			t.Errorf("Restore: %v", err)
		}
	}
	if diff := cmp.Diff(golden, save(t, s)); diff != "" {
		t.Errorf("(-file +got):\n%s", diff)
	}
}

// testManyRoomsAreRestored restores enough rooms for batches, in two worlds. What was
// saved so can be changed, and keeps configurations from being deleted.
func testManyRoomsAreRestored(t *testing.T, s *store.Store) {
	const n = 300 // in each world
	from := open(t, "")
	var all []parley.Room
	named := map[parley.World]parley.LoggingConfiguration{}
	for _, w := range worlds[:2] {
		l := configurations.mustSave(t, from, configurations.new(w, time.Now()))
		named[w] = l
		for i := range n {
			room := rooms.new(w, epoch.Add(time.Duration(i)))
			room.LoggingConfigurations = []parley.ARN{l.ARN}
			all = append(all, rooms.mustSave(t, from, room))
		}
	}
	text := save(t, from)
	wantReport(t, "of many rooms", mustRestore(t, s, text, snapshot.Options{}), snapshot.Report{
		Created: backup.Counts{LoggingConfigurations: 2, Rooms: 2 * n}})
	if diff := cmp.Diff(text, save(t, s)); diff != "" {
		t.Errorf("backup of what was restored (-before +after):\n%.2000s", diff)
	}
	for _, i := range []int{0, 1, n - 1, n, 2*n - 1} {
		rooms.rename(t, s, all[i], "renamed")
	}
	for w, l := range named {
		err := s.DeleteLoggingConfiguration(t.Context(), l.ARN)
		wantCode(t, fmt.Sprint("delete a configuration in use in ", w), err, parley.Conflict)
	}
}

// TestDamagedBackups checks that what is wrong is refused before anything is written.
func TestDamagedBackups(t *testing.T) {
	golden := readGolden(t)
	lines := strings.SplitAfter(strings.TrimSuffix(golden, "\n"), "\n")
	unsummed := golden[:strings.LastIndex(golden, `,"sha256"`)] + "}\n"
	replace := func(old, new string) string {
		changed := strings.Replace(unsummed, old, new, 1)
		if changed == unsummed {
			t.Fatalf("the golden file has no %s", old)
		}
		return changed
	}
	long := `{"type":"room","arn":"` + strings.Repeat("x", backup.MaxLine) + "\"}\n"
	tests := []struct{ name, text, want string }{
		{"nothing", "", "line 1: the backup ends here, and not with a trailer: it was cut"},
		{"something else", "SELECT 1;\n", "line 1: this is no backup of Parley"},
		{"another object", "{}\n", "line 1: this is no backup of Parley"},
		{"no header", strings.Join(lines[1:], ""), "line 1: this is no backup of Parley"},
		{"another version", replace(`"version":1`, `"version":2`),
			"line 1: a backup of version 2; this program reads version 1"},
		{"a room less", replace(lines[5], ""),
			"line 8: 3 logging configurations and 4 rooms should be there; 3 and 3 are"},
		{"a room twice", replace(lines[5], lines[5]+lines[5]), "line 7: arn:aws:ivschat:eu-west-1:" +
			"123456789012:room/abcdefghijk2 is there twice"},
		{"a configuration less", replace(lines[3], ""), "names arn:aws:ivschat:us-east-1:123456789012:" +
			"logging-configuration/lmnopqrstuv3, which is neither in the backup nor here"},
		{"a room before a configuration", replace(lines[3]+lines[4], lines[4]+lines[3]),
			"line 5: logging configurations have to come before rooms"},
		{"another name", strings.Replace(golden, "lobby", "lobbY", 1),
			"line 9: the lines before it are not those that were written: their SHA-256 is"},
		{"something after the end", golden + "\n", "line 10: there is something after the end"},
		{"two of them", golden + golden, "line 10: there is something after the end"},
		{"another type", replace(`"type":"room"`, `"type":"chat"`), `a line of the type "chat"`},
		{"no JSON", replace(lines[5], "room\n"), "line 6: invalid character"},
		{"an unknown member", replace(`"name":"lobby"`, `"name":"lobby","color":"red"`), "color"},
		{"two objects on a line", replace(lines[5], strings.TrimSpace(lines[5])+lines[6]),
			"line 6: invalid character '{' after top-level value"},
		{"a long line", lines[0] + long, "line 2: the line is longer than 262144 bytes"},
		{"no ARN", replace("room/abcdefghijk2", "abcdefghijk2"), "is not the ARN of a room"},
		{"the ARN of another kind", replace("room/abcdefghijk2", "logging-configuration/x"),
			"is not the ARN of a room"},
		{"a configuration of another region", replace(`"logging_configurations":["arn:aws:ivschat:eu-west-1`,
			`"logging_configurations":["arn:aws:ivschat:eu-west-2`), "of another account or region"},
		{"a wrong name", replace(`"name":"lobby"`, `"name":"the lobby"`), "'name' failed to satisfy"},
		{"a wrong number", replace(`"max_message_length":100`, `"max_message_length":501`),
			"'maximumMessageLength' failed to satisfy"},
		{"a wrong tag", replace(`"tags":{"team"`, `"tags":{"aws:team"`), "reserved"},
		{"no time", replace(`"create_time":"2026-01-02T03:04:05.000000006Z",`, ""), "'create_time' failed"},
		{"a wrong time", replace(`"2026-01-02T03:04:05.000000006Z"`, `"yesterday"`), "yesterday"},
		{"a wrong destination", replace(`"kind":"s3"`, `"kind":"ftp"`), "'destination.kind' failed"},
		{"a wrong bucket", replace(`"name":"chat-logs"`, `"name":"Chat Logs"`), "'destination.name' failed"},
		{"a wrong fallback", replace(`"fallback":"DENY"`, `"fallback":"PERHAPS"`), "fallbackResult"},
		{"a null", replace(lines[5], "null\n"), `a line of the type ""`},
	}
	s := open(t, "")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := restore(t, s, test.text, snapshot.Options{Overwrite: true})
			if parley.CodeOf(err) != parley.Invalid || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v with code %v, want invalid and %q", err, parley.CodeOf(err), test.want)
			}
		})
	}
	for i := range golden {
		if _, err := restore(t, s, golden[:i], snapshot.Options{}); parley.CodeOf(err) != parley.Invalid {
			t.Fatalf("the first %d of %d bytes: %v", i, len(golden), err)
		}
	}
	if got := save(t, s); strings.Count(got, "\n") != 2 {
		t.Errorf("refused restores saved:\n%s", got)
	}
	mustRestore(t, s, unsummed, snapshot.Options{}) // a file that a person changed
}

// TestBackupErrorsPassThrough has the disk or the connection fail.
func TestBackupErrorsPassThrough(t *testing.T) {
	broken := errors.New("broken")
	golden := readGolden(t)
	in := io.MultiReader(strings.NewReader(golden[:500]), failing{broken})
	if _, err := backup.Check(in); !errors.Is(err, broken) {
		t.Errorf("CheckBackup of a broken reader: %v", err)
	}
	s := open(t, "")
	mustRestore(t, s, golden, snapshot.Options{})
	taken, err := snapshot.Take(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := taken.Write(failing{broken}, "", epoch); !errors.Is(err, broken) {
		t.Errorf("Write to a broken writer: %v", err)
	}
	counts, err := backup.Check(strings.NewReader(golden))
	if want := (backup.Counts{LoggingConfigurations: 3, Rooms: 4}); err != nil || counts != want {
		t.Errorf("CheckBackup: %+v, %v; want %+v", counts, err, want)
	}
}

type failing struct{ err error }

func (e failing) Read([]byte) (int, error)  { return 0, e.err }
func (e failing) Write([]byte) (int, error) { return 0, e.err }

// TestBackupWhileConfigurationsComeAndGo checks that what a room in a backup names is
// in the backup.
func TestBackupWhileConfigurationsComeAndGo(t *testing.T) {
	s, to := open(t, ""), open(t, "")
	for range 50 {
		rooms.create(t, s)
	}
	room := rooms.create(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	var changing sync.WaitGroup
	changing.Go(func() {
		name := func(arns ...parley.ARN) {
			_, err := s.UpdateRoom(t.Context(), room.ARN, func(r parley.Room) (parley.Room, error) {
				return r.With(parley.RoomChange{LoggingConfigurations: &arns}, time.Now()), nil
			})
			if err != nil {
				t.Errorf("UpdateRoom: %v", err)
			}
		}
		for ctx.Err() == nil {
			l := configurations.create(t, s)
			name(l.ARN)
			name()
			configurations.mustDelete(t, s, l)
		}
	})
	defer changing.Wait()
	defer cancel()
	for range 50 {
		if _, err := restore(t, to, save(t, s), snapshot.Options{DryRun: true}); err != nil {
			t.Fatalf("a backup that was made meanwhile: %v", err)
		}
	}
}

// BenchmarkBackup backs up and restores a full account.
func BenchmarkBackup(b *testing.B) {
	from := open(b, "")
	createMany(b, from)
	for b.Loop() {
		start := time.Now()
		text := save(b, from)
		wrote := time.Now()
		report := mustRestore(b, open(b, b.TempDir()), text, snapshot.Options{})
		b.Logf("%d bytes written in %s, restored in %s: %+v", len(text),
			wrote.Sub(start), time.Since(wrote), report.Created)
	}
}
