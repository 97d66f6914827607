// Package backup reads and writes the form of backups: all rooms and logging
// configurations, one object of JSON on each line, between a header and a trailer by
// which a file that was cut is known. Where resources come from and go to is left to
// package store.
package backup

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"time"

	"github.com/parley-chat/parley"
)

// What the header says.
const (
	format  = "parley-backup"
	version = 1
)

const (
	// MaxLine is the longest line of a backup, in bytes. The largest room that the API
	// allows takes half of it.
	MaxLine = 256 << 10

	// MaxResources is how many resources a backup has at most.
	MaxResources = 1_000_000
)

// The types of lines, in their order.
const (
	headerType        = "header"
	configurationType = "logging-configuration"
	roomType          = "room"
	trailerType       = "trailer"
)

// headerLine is the first line of a backup.
type headerLine struct {
	Type    string    `json:"type"`
	Format  string    `json:"format"`
	Version int       `json:"version"`
	Created time.Time `json:"created"`
	Server  string    `json:"server"` // what made it
}

// configurationLine is a line for a logging configuration.
type configurationLine struct {
	Type        string            `json:"type"`
	ARN         string            `json:"arn"`
	Name        string            `json:"name"`
	Destination destination       `json:"destination"`
	Tags        map[string]string `json:"tags,omitempty"`
	CreateTime  time.Time         `json:"create_time"`
	UpdateTime  time.Time         `json:"update_time"`
}

type destination struct {
	Kind parley.DestinationKind `json:"kind"`
	Name string                 `json:"name"`
}

// roomLine is a line for a room.
type roomLine struct {
	Type                    string            `json:"type"`
	ARN                     string            `json:"arn"`
	Name                    string            `json:"name"`
	MaxMessageLength        int               `json:"max_message_length"`
	MaxMessageRatePerSecond int               `json:"max_message_rate_per_second"`
	ReviewHandler           *handler          `json:"review_handler,omitempty"`
	LoggingConfigurations   []string          `json:"logging_configurations,omitempty"`
	Tags                    map[string]string `json:"tags,omitempty"`
	CreateTime              time.Time         `json:"create_time"`
	UpdateTime              time.Time         `json:"update_time"`
}

type handler struct {
	URI      string          `json:"uri"`
	Fallback parley.Fallback `json:"fallback"`
}

// trailerLine is the last line of a backup: without it, the file was cut.
type trailerLine struct {
	Type string `json:"type"`
	Counts
	SHA256 string `json:"sha256,omitempty"` // of all lines before, in hexadecimal digits
}

// Counts says how many resources there are of each kind.
type Counts struct {
	LoggingConfigurations int `json:"logging_configurations"`
	Rooms                 int `json:"rooms"`
}

// Sum returns how many resources there are in all.
func (c Counts) Sum() int { return c.LoggingConfigurations + c.Rooms }

// Add counts a resource of a kind.
func (c *Counts) Add(kind parley.Kind) {
	if kind == parley.KindRoom {
		c.Rooms++
	} else {
		c.LoggingConfigurations++
	}
}

// Writer writes a backup. Its methods are called in the order in which they stand here.
type Writer struct {
	out    *bufio.Writer
	sum    hash.Hash
	lines  *json.Encoder // to both
	counts Counts
}

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer {
	b := &Writer{out: bufio.NewWriter(w), sum: sha256.New()}
	b.lines = json.NewEncoder(io.MultiWriter(b.out, b.sum))
	return b
}

// Header begins a backup. It says what makes it, and when.
func (b *Writer) Header(server string, now time.Time) error {
	return b.lines.Encode(headerLine{Type: headerType, Format: format, Version: version,
		Created: now.UTC().Truncate(time.Second), Server: server})
}

// LoggingConfiguration adds a logging configuration. Its state is not kept.
func (b *Writer) LoggingConfiguration(l parley.LoggingConfiguration) error {
	b.counts.Add(parley.KindLoggingConfiguration)
	return b.lines.Encode(configurationLine{
		Type: configurationType, ARN: l.ARN.String(), Name: l.Name,
		Destination: destination(l.Destination), Tags: l.Tags,
		CreateTime: l.CreateTime.UTC(), UpdateTime: l.UpdateTime.UTC(),
	})
}

// Room adds a room.
func (b *Writer) Room(r parley.Room) error {
	b.counts.Add(parley.KindRoom)
	line := roomLine{
		Type: roomType, ARN: r.ARN.String(), Name: r.Name, MaxMessageLength: r.MaxMessageLength,
		MaxMessageRatePerSecond: r.MaxMessageRatePerSecond, Tags: r.Tags,
		CreateTime: r.CreateTime.UTC(), UpdateTime: r.UpdateTime.UTC(),
	}
	if h := r.ReviewHandler; h != nil {
		line.ReviewHandler = &handler{h.URI, h.Fallback}
	}
	for _, arn := range r.LoggingConfigurations {
		line.LoggingConfigurations = append(line.LoggingConfigurations, arn.String())
	}
	return b.lines.Encode(line)
}

// Trailer ends the backup, and returns what it has.
func (b *Writer) Trailer() (Counts, error) {
	err := json.NewEncoder(b.out).Encode(trailerLine{Type: trailerType,
		Counts: b.counts, SHA256: hex.EncodeToString(b.sum.Sum(nil))})
	return b.counts, errors.Join(err, b.out.Flush())
}
