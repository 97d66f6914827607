package backup

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
)

// contents is what a backup has, for comparison.
type contents struct {
	LoggingConfigurations []parley.LoggingConfiguration
	Rooms                 []parley.Room
}

func readAll(text []byte) (c contents, err error) {
	_, err = Read(bytes.NewReader(text), func(l parley.LoggingConfiguration) error {
		c.LoggingConfigurations = append(c.LoggingConfigurations, l)
		return nil
	}, func(r parley.Room) error {
		c.Rooms = append(c.Rooms, r)
		return nil
	})
	return c, err
}

func writeAll(t *testing.T, c contents) []byte {
	t.Helper()
	var text bytes.Buffer
	w := NewWriter(&text)
	err := w.Header("parley test", time.Unix(0, 0))
	for _, l := range c.LoggingConfigurations {
		err = errors.Join(err, w.LoggingConfiguration(l))
	}
	for _, r := range c.Rooms {
		err = errors.Join(err, w.Room(r))
	}
	counts, last := w.Trailer()
	if err = errors.Join(err, last); err != nil || counts.Rooms != len(c.Rooms) ||
		counts.LoggingConfigurations != len(c.LoggingConfigurations) {
		t.Fatalf("write %+v: %+v, %v", c, counts, err)
	}
	return text.Bytes()
}

// FuzzRead feeds foreign bytes: they never make the reader panic, and what it accepts
// survives being written and read again.
func FuzzRead(f *testing.F) {
	golden, err := os.ReadFile("testdata/backup.ndjson")
	if err != nil {
		f.Fatal(err)
	}
	unsummed := append(bytes.Clone(golden[:bytes.LastIndex(golden, []byte(`,"sha256"`))]), "}\n"...)
	for _, seed := range [][]byte{nil, []byte("{}\n"), golden, unsummed, golden[:700]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		first, err := readAll(text)
		if err != nil {
			if code := parley.CodeOf(err); code != parley.Invalid {
				t.Errorf("refused with code %v: %v", code, err)
			}
			return
		}
		second, err := readAll(writeAll(t, first))
		if diff := cmp.Diff(first, second); err != nil || diff != "" {
			t.Errorf("read again: %v (-first +second):\n%s", err, diff)
		}
	})
}

// TestResourceLimit reads the last resource that a backup may have, and one more.
func TestResourceLimit(t *testing.T) {
	golden, err := os.ReadFile("testdata/backup.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(golden, []byte("\n"))
	for _, before := range []int{MaxResources - 1, MaxResources} {
		read := 0
		b := newReader(bytes.NewReader(slices.Concat(lines[0], lines[5])))
		b.counts.Rooms = before
		err := b.read(nil, func(parley.Room) error { read++; return nil })
		refused := err != nil && strings.Contains(err.Error(), "there are more than 1000000 resources")
		if full := before == MaxResources; refused != full || (read == 0) != full {
			t.Errorf("a room after %d others: %d read, %v", before, read, err)
		}
	}
}

// TestLineLimit pads a line with blanks to the limit, and one past it.
func TestLineLimit(t *testing.T) {
	text, err := os.ReadFile("testdata/backup.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	golden := string(text)
	unsummed := golden[:strings.LastIndex(golden, `,"sha256"`)] + "}\n"
	before, rest, _ := strings.Cut(unsummed, `{"type":"room",`)
	line, _, _ := strings.Cut(`{"type":"room",`+rest, "\n")
	for _, over := range []int{0, 1} {
		pad := strings.Repeat(" ", MaxLine-len(line)-1+over)
		_, err := Check(strings.NewReader(before + `{"type":"room",` + pad + rest))
		if refused := err != nil; refused != (over > 0) {
			t.Errorf("a line of %d bytes: %v", MaxLine+over, err)
		}
	}
}
