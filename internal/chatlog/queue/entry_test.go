package queue

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 123e6, time.UTC)

// segmentOf returns the bytes of a segment with records.
func segmentOf(records ...Record) []byte {
	b := []byte(magic)
	for _, r := range records {
		b = appendEntry(b, r)
	}
	return b
}

// found is what scan finds of a record.
type found struct {
	Room   string
	Millis int64
	JSON   string
}

// scanAll returns the records of a segment, and how many bytes hold them.
func scanAll(t testing.TB, segment []byte) (all []found, whole int64) {
	t.Helper()
	whole, err := scan(bytes.NewReader(segment), func(i Item) {
		all = append(all, found{i.Room, i.Millis, string(segment[i.at:i.end()])})
	})
	if err != nil {
		t.Fatalf("scan: %v", err)
	}
	return all, whole
}

func TestScanFindsWhatWasAppended(t *testing.T) {
	records := []Record{
		{"AbCdEf123456", noon, []byte(`{"a":1}`)},
		{strings.Repeat("r", maxRoomBytes), noon.Add(time.Millisecond), nil},
		{"AbCdEf123456", noon, bytes.Repeat([]byte("x"), MaxRecordBytes)},
	}
	segment := segmentOf(records...)
	got, whole := scanAll(t, segment)
	var want []found
	for _, r := range records {
		want = append(want, found{r.Room, r.At.UnixMilli(), string(r.JSON)})
	}
	if diff := cmp.Diff(want, got); diff != "" || whole != int64(len(segment)) {
		t.Errorf("found in %d of %d bytes (-want +got):\n%s", whole, len(segment), diff)
	}
}

// TestScanEndsAtDamage cuts a segment at every length, and damages every byte.
func TestScanEndsAtDamage(t *testing.T) {
	one := segmentOf(Record{"room", noon, []byte("first")})
	segment := segmentOf(Record{"room", noon, []byte("first")}, Record{"room", noon, []byte("second")})
	for n := range segment {
		got, whole := scanAll(t, segment[:n])
		want, wantWhole := 0, int64(0)
		switch {
		case n >= len(one):
			want, wantWhole = 1, int64(len(one))
		case n >= len(magic):
			wantWhole = int64(len(magic))
		}
		if len(got) != want || whole != wantWhole {
			t.Errorf("of the first %d bytes: %d records in %d bytes, want %d in %d",
				n, len(got), whole, want, wantWhole)
		}
		damaged := bytes.Clone(segment)
		damaged[n] ^= 0x40
		got, _ = scanAll(t, damaged)
		if n >= len(one) && (len(got) != 1 || got[0].JSON != "first") || n < len(one) && len(got) > 0 {
			t.Errorf("with byte %d damaged: %v, want what is before it", n, got)
		}
	}
}

func TestRecordsThatCannotBeKept(t *testing.T) {
	for _, tt := range []struct {
		name   string
		record Record
		want   bool
	}{
		{"the longest", Record{strings.Repeat("r", 255), noon, make([]byte, MaxRecordBytes)}, true},
		{"the shortest", Record{"r", noon, nil}, true},
		{"no room", Record{"", noon, []byte("x")}, false},
		{"a room too long", Record{strings.Repeat("r", 256), noon, nil}, false},
		{"too large", Record{"r", noon, make([]byte, MaxRecordBytes+1)}, false},
	} {
		if got := tt.record.valid(); got != tt.want {
			t.Errorf("%s: valid %t, want %t", tt.name, got, tt.want)
		}
	}
}

// FuzzScan reads segments that were not written by this program: it never panics, and
// what it takes for records survives being written again.
func FuzzScan(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte(magic))
	f.Add(segmentOf(Record{"room", noon, []byte("first")}, Record{"other", noon, nil}))
	f.Add(append(segmentOf(Record{"room", noon, []byte("first")}), "tail"...))
	f.Fuzz(func(t *testing.T, segment []byte) {
		got, whole := scanAll(t, segment)
		if whole > int64(len(segment)) {
			t.Fatalf("%d of %d bytes are whole", whole, len(segment))
		}
		var records []Record
		for _, r := range got {
			records = append(records, Record{r.Room, time.UnixMilli(r.Millis), []byte(r.JSON)})
		}
		again, _ := scanAll(t, segmentOf(records...))
		if diff := cmp.Diff(got, again); diff != "" {
			t.Errorf("written again (-first +second):\n%s", diff)
		}
		if whole > 0 && !bytes.Equal(segmentOf(records...), segment[:whole]) {
			t.Error("what is whole is not what these records are written as")
		}
	})
}
