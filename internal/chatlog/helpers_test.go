package chatlog_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/chatlog"
	"github.com/parley-chat/parley/internal/hub"
	"github.com/parley-chat/parley/internal/metrics"
	"github.com/parley-chat/parley/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second // for what must happen

var world = parley.World{Region: "eu-west-1", Account: "123456789012"}

// configurations is a chatlog.Configurations.
type configurations struct {
	mu    sync.Mutex // guards byARN
	byARN map[parley.ARN]parley.LoggingConfiguration
}

func (c *configurations) LoggingConfiguration(arn parley.ARN) (parley.LoggingConfiguration, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l, ok := c.byARN[arn]; ok {
		return l, nil
	}
	return parley.LoggingConfiguration{}, arn.NotFound()
}

// create makes a configuration.
func (c *configurations) create(kind parley.DestinationKind, name string) parley.ARN {
	to := parley.Destination{Kind: kind, Name: name}
	l := parley.NewLoggingConfiguration(world,
		parley.LoggingConfigurationChange{Destination: &to}, nil, time.Now())
	c.set(l)
	return l.ARN
}

func (c *configurations) set(l parley.LoggingConfiguration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byARN == nil {
		c.byARN = map[parley.ARN]parley.LoggingConfiguration{}
	}
	c.byARN[l.ARN] = l
}

func (c *configurations) delete(arn parley.ARN) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byARN, arn)
}

// stage is a logger with what it works with.
type stage struct {
	*chatlog.Logger
	*configurations
	cfg     chatlog.Config
	folder  string // of unmapped names
	metrics *metrics.Metrics
	log     *logBuffer
}

// start starts a logger whose windows are short. It is closed at the end of the test.
func start(t *testing.T, change func(*chatlog.Config), mappings ...chatlog.Mapping) *stage {
	t.Helper()
	dir := t.TempDir()
	s := &stage{configurations: &configurations{}, folder: filepath.Join(dir, "logs")}
	s.log = &logBuffer{}
	s.cfg = chatlog.Config{
		Configurations: s.configurations,
		Destinations:   chatlog.NewDestinations(s.folder, mappings),
		QueueDir:       filepath.Join(dir, "queue"),
		Window:         200 * time.Millisecond, Flush: 100 * time.Millisecond,
	}
	if change != nil {
		change(&s.cfg)
	}
	s.open(t)
	t.Cleanup(func() {
		s.close(t)
		if t.Failed() {
			t.Logf("log:\n%s", s.log)
		}
	})
	return s
}

// open starts the logger, again after close.
func (s *stage) open(t *testing.T) {
	t.Helper()
	s.metrics = metrics.New()
	s.cfg.Metrics = s.metrics
	s.cfg.Log = slog.New(slog.NewTextHandler(s.log, nil))
	var err error
	if s.Logger, err = chatlog.Open(t.Context(), s.cfg); err != nil {
		t.Fatalf("Open: %v", err)
	}
}

// close stops the logger without waiting for what is not delivered yet.
func (s *stage) close(t *testing.T) {
	t.Helper()
	if s.Logger == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Close(ctx); err != nil {
		t.Errorf("Close: %v", err)
	}
	s.Logger = nil
}

var idPattern = regexp.MustCompile(`"Id":"(\w{12})"`)

// say logs messages of a room, each with its number as its content, and returns their
// ids.
func (s *stage) say(room parley.ARN, at time.Time, n int, to ...parley.ARN) []string {
	var ids []string
	var records []hub.Record
	for i := range n {
		r := message(room, fmt.Sprint(i), at, to...)
		ids = append(ids, idPattern.FindStringSubmatch(string(r.Frame))[1])
		records = append(records, r)
	}
	s.Append(records)
	return ids
}

// logBuffer collects log lines.
type logBuffer struct {
	mu    sync.Mutex // guards lines
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

// logRecord is a record as readers see it.
type logRecord struct {
	EventTimestamp time.Time `json:"event_timestamp"`
	Type           string    `json:"type"`
	Payload        struct {
		ID      string `json:"Id"`
		Content string
	} `json:"payload"`
	Version string `json:"version"`
}

// files returns the objects in a folder, by key.
func files(t *testing.T, folder string) map[string][]logRecord {
	t.Helper()
	found := map[string][]logRecord{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if strings.HasPrefix(d.Name(), ".") {
			return nil // being written
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		key, _ := filepath.Rel(folder, path)
		found[key], err = decode(file)
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return found
}

// decode returns the records of an object.
func decode(r io.Reader) ([]logRecord, error) {
	zr, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(zr)
	if err != nil {
		return nil, err
	}
	lines := bytes.Split(text, []byte("\n"))
	if last := lines[len(lines)-1]; len(last) > 0 {
		return nil, fmt.Errorf("no newline after the last record %s", last)
	}
	var records []logRecord
	for _, line := range lines[:len(lines)-1] {
		var record logRecord
		if err := json.Unmarshal(line, &record); err != nil {
			return nil, err
		}
		records = append(records, record)
	}
	return records, nil
}

// ids returns the ids of all records, in the order of keys.
func ids(found map[string][]logRecord) (all []string) {
	for _, records := range found {
		for _, r := range records {
			all = append(all, r.Payload.ID)
		}
	}
	return all
}

// eventually calls try until it returns nil.
func eventually(t *testing.T, try func() error) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("after %s: %v", patience, err)
		}
	}
}

// wantIDs returns an error unless got has each of want at least once, and nothing
// else.
func wantIDs(got, want []string) error {
	left := map[string]bool{}
	for _, id := range want {
		left[id] = true
	}
	known := len(left)
	for _, id := range got {
		delete(left, id)
	}
	if len(left) > 0 {
		return fmt.Errorf("%d of %d records are missing; there are %d", len(left), known, len(got))
	}
	return nil
}

// message returns the record of a message.
func message(room parley.ARN, content string, at time.Time, to ...parley.ARN) hub.Record {
	m := parley.Message{ID: parley.NewID(), Content: content, SendTime: at}
	return hub.Record{Room: room, Configurations: to, At: at,
		Frame: wire.EncodeMessage(m, wire.EncodeSender(parley.Sender{UserID: "ana"}))}
}
