package chatlog

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/parley-chat/parley"
)

// Limits of what is read back.
const (
	// maxObjectBytes is more than an object has, decompressed.
	maxObjectBytes = 256 << 20
	maxLineBytes   = 1 << 20
)

// Filter says which records are wanted. The zero value wants all.
type Filter struct {
	From, To time.Time // of receipt, From inclusive; zero is no bound
	Type     string    // MESSAGE or EVENT; empty is both
}

// Archive is where the logs of rooms are that can be read back: a bucket, or a folder
// with the same keys.
type Archive struct{ store objectStore }

// Folder returns the archive in a folder that holds the folder AWSLogs.
func Folder(path string) Archive { return Archive{directory{path}} }

// ErrNoArchive is returned for destinations that cannot be read back.
var ErrNoArchive = errors.New("the destination cannot be read back")

// Archive returns where the logs of a destination are, for rooms of a region.
func (d *Destinations) Archive(ctx context.Context, region string, to parley.Destination) (
	Archive, error,
) {
	t, err := d.target(ctx, region, to)
	if err != nil {
		return Archive{}, err
	}
	if o, ok := t.(objects); ok {
		return Archive{o.objectStore}, nil
	}
	return Archive{}, fmt.Errorf("%s: %w", t, ErrNoArchive)
}

// String returns where the archive is.
func (a Archive) String() string { return a.store.String() }

// line is a record that was read, and what it is sorted by.
type line struct {
	at   time.Time // when the message was sent
	id   string
	kind string // MESSAGE or EVENT
	text []byte
}

// Read calls each with the records of a room that are wanted, from all archives
// together, by the time at which they were sent, and each record once. It holds the
// records of five minutes in memory.
func Read(ctx context.Context, archives []Archive, room parley.ARN, f Filter,
	each func(record []byte) error) error {
	var found []stored
	for _, a := range archives {
		for key, err := range a.store.list(ctx, roomPrefix(room)) {
			if err != nil {
				return fmt.Errorf("list %s: %w", a, err)
			}
			if stamp, ok := stampOfKey(key); ok && f.reaches(stamp) {
				found = append(found, stored{a, key, stamp})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b stored) int { return a.stamp.Compare(b.stamp) })
	for len(found) > 0 {
		n := 1
		for n < len(found) && found[n].stamp.Equal(found[0].stamp) {
			n++
		}
		if err := readTogether(ctx, found[:n], f, each); err != nil {
			return err
		}
		found = found[n:]
	}
	return nil
}

// stored is an object of an archive.
type stored struct {
	archive Archive
	key     string
	stamp   time.Time
}

var keyPattern = regexp.MustCompile(`_(\d{8}T\d{4}Z)_[^_/]*\.log\.gz$`)

// stampOfKey returns the time in an object's key.
func stampOfKey(key string) (time.Time, bool) {
	m := keyPattern.FindStringSubmatch(key)
	if m == nil {
		return time.Time{}, false
	}
	stamp, err := time.Parse(stampFormat, m[1])
	return stamp, err == nil
}

// reaches reports whether records of an object may be wanted. The original stamps
// objects with other times within the five minutes or shortly after.
func (f Filter) reaches(stamp time.Time) bool {
	return (f.From.IsZero() || !stamp.Add(2*stampLength).Before(f.From)) &&
		(f.To.IsZero() || stamp.Add(-2*stampLength).Before(f.To))
}

// readTogether reads objects whose records belong together.
func readTogether(ctx context.Context, objects []stored, f Filter,
	each func(record []byte) error) error {
	var lines []line
	for _, o := range objects {
		some, err := readObject(ctx, o)
		if err != nil {
			return fmt.Errorf("read %s of %s: %w", o.key, o.archive, err)
		}
		lines = append(lines, some...)
	}
	slices.SortStableFunc(lines, func(a, b line) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id))
	})
	last := ""
	for _, l := range lines {
		if l.id == last && l.id != "" || !f.wants(l) {
			continue
		}
		last = l.id
		if err := each(l.text); err != nil {
			return err
		}
	}
	return nil
}

func readObject(ctx context.Context, o stored) (lines []line, err error) {
	file, err := o.archive.store.open(ctx, o.key)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return decompress(file)
}

// decompress returns the records of an object.
func decompress(r io.Reader) (lines []line, err error) {
	plain, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	limited := &io.LimitedReader{R: plain, N: maxObjectBytes}
	scanner := bufio.NewScanner(limited)
	scanner.Buffer(nil, maxLineBytes)
	for scanner.Scan() {
		if len(bytes.TrimSpace(scanner.Bytes())) == 0 {
			continue
		}
		l, err := parseLine(bytes.Clone(scanner.Bytes()))
		if err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	if limited.N <= 0 {
		return nil, fmt.Errorf("the object has more than %d bytes", maxObjectBytes)
	}
	return lines, scanner.Err()
}

// read is what is looked at of a record.
type read struct {
	EventTimestamp time.Time `json:"event_timestamp"`
	Type           string    `json:"type"`
	Payload        struct {
		ID       string    `json:"Id"`
		SendTime time.Time `json:"SendTime"`
	} `json:"payload"`
}

func parseLine(text []byte) (line, error) {
	var r read
	if err := json.Unmarshal(text, &r); err != nil {
		return line{}, fmt.Errorf("the record %.100q: %w", text, err)
	}
	at := r.Payload.SendTime
	if at.IsZero() {
		at = r.EventTimestamp
	}
	return line{at, r.Payload.ID, r.Type, text}, nil
}

// wants reports whether a record is wanted.
func (f Filter) wants(l line) bool {
	return (f.From.IsZero() || !l.at.Before(f.From)) && (f.To.IsZero() || l.at.Before(f.To)) &&
		(f.Type == "" || f.Type == l.kind)
}
