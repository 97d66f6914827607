package backup

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"

	"github.com/parley-chat/parley"
)

// Read calls back for each resource of a backup: first for the logging configurations,
// then for the rooms. It refuses what is not as Writer writes it, the checksum excepted,
// which a file need not have. The error has code Invalid when the backup is damaged,
// which can turn out at its end. Errors of what is called back are returned as they are,
// but for Damage, which is told the line.
func Read(r io.Reader, configuration func(parley.LoggingConfiguration) error,
	room func(parley.Room) error) (Counts, error) {
	b := newReader(r)
	err := b.read(configuration, room)
	return b.counts, err
}

// Check reads a backup to its end, and returns what it has.
func Check(r io.Reader) (Counts, error) {
	return Read(r, func(parley.LoggingConfiguration) error { return nil },
		func(parley.Room) error { return nil })
}

// Damage is an error of a callback of Read that says what is wrong with the resource.
type Damage string

// Error returns what is wrong.
func (d Damage) Error() string { return string(d) }

// reader reads the lines of a backup.
type reader struct {
	in     *bufio.Reader
	sum    hash.Hash
	number int // of the line, from 1
	counts Counts
	seen   map[parley.ARN]struct{}
}

func newReader(r io.Reader) *reader {
	return &reader{in: bufio.NewReaderSize(r, MaxLine), sum: sha256.New(),
		seen: map[parley.ARN]struct{}{}}
}

func (b *reader) read(configuration func(parley.LoggingConfiguration) error,
	room func(parley.Room) error) error {
	if err := b.header(); err != nil {
		return err
	}
	for {
		text, err := b.line()
		if err != nil {
			return err
		}
		var line struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(text, &line); err != nil {
			return b.damaged("%w", err)
		}
		switch {
		case line.Type == trailerType:
			return b.trailer(text)
		case b.counts.Sum() == MaxResources:
			return b.damaged("there are more than %d resources", MaxResources)
		case line.Type == configurationType && b.counts.Rooms == 0:
			err = each(b, text, configurationOf, configuration)
		case line.Type == configurationType:
			err = b.damaged("logging configurations have to come before rooms")
		case line.Type == roomType:
			err = each(b, text, roomOf, room)
		default:
			err = b.damaged("a line of the type %q", parley.Shorten(line.Type))
		}
		if err != nil {
			return err
		}
		_, _ = b.sum.Write(text) // never fails
	}
}

// each calls back with what a line means.
func each[L, T any](b *reader, text []byte, meaning func(L) (T, parley.ARN, error),
	do func(T) error) error {
	var line L
	if err := exactly(text, &line); err != nil {
		return b.damaged("%w", err)
	}
	resource, arn, err := meaning(line)
	if err != nil {
		return b.damaged("%w", err)
	}
	if _, twice := b.seen[arn]; twice {
		return b.damaged("%s is there twice", arn)
	}
	b.seen[arn] = struct{}{}
	b.counts.Add(arn.Kind)
	err = do(resource)
	if damage := Damage(""); errors.As(err, &damage) {
		return b.damaged("%s %w", arn, damage)
	}
	return err
}

func (b *reader) header() error {
	text, err := b.line()
	if err != nil {
		return err
	}
	var h headerLine
	if json.Unmarshal(text, &h) != nil || h.Type != headerType || h.Format != format {
		return b.damaged("this is no backup of Parley")
	}
	if h.Version != version {
		return b.damaged("a backup of version %d; this program reads version %d",
			h.Version, version)
	}
	_, _ = b.sum.Write(text) // never fails
	return nil
}

func (b *reader) trailer(text []byte) error {
	var t trailerLine
	if err := exactly(text, &t); err != nil {
		return b.damaged("%w", err)
	}
	if t.Counts != b.counts {
		return b.damaged("%d logging configurations and %d rooms should be there; %d and %d are",
			t.LoggingConfigurations, t.Rooms, b.counts.LoggingConfigurations, b.counts.Rooms)
	}
	if sum := hex.EncodeToString(b.sum.Sum(nil)); t.SHA256 != "" && t.SHA256 != sum {
		return b.damaged("the lines before it are not those that were written: their SHA-256 is %s",
			sum)
	}
	if _, err := b.in.ReadByte(); !errors.Is(err, io.EOF) {
		b.number++
		return b.damaged("there is something after the end of the backup")
	}
	return nil
}

// line returns the next line with its end. It is valid until the next one is read.
func (b *reader) line() ([]byte, error) {
	b.number++
	text, err := b.in.ReadSlice('\n')
	switch {
	case err == nil:
		return text, nil
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, b.damaged("the line is longer than %d bytes", MaxLine)
	case errors.Is(err, io.EOF):
		return nil, b.damaged("the backup ends here, and not with a trailer: it was cut")
	}
	return nil, fmt.Errorf("read the backup: %w", err)
}

func (b *reader) damaged(format string, args ...any) error {
	err := fmt.Errorf("line %d: "+format, append([]any{b.number}, args...)...)
	return parley.Errorf(parley.Invalid, "%s", err.Error())
}

// exactly decodes an object that has no members but those of value.
func exactly(text []byte, value any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(value); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something after the object")
	}
	return nil
}

// configurationOf returns the logging configuration of a line, if it is one that the
// API can have made.
func configurationOf(line configurationLine) (parley.LoggingConfiguration, parley.ARN, error) {
	arn, err := arnOf(line.ARN, parley.KindLoggingConfiguration)
	if err != nil {
		return parley.LoggingConfiguration{}, arn, err
	}
	l := parley.LoggingConfiguration{
		ARN: arn, Name: line.Name, Destination: parley.Destination(line.Destination),
		State: parley.LoggingActive, Tags: tagsOf(line.Tags),
		CreateTime: line.CreateTime.UTC(), UpdateTime: line.UpdateTime.UTC(),
	}
	var check parley.Check
	parley.CheckName(&check, "name", l.Name)
	parley.CheckTags(&check, l.Tags)
	checkTimes(&check, l.CreateTime, l.UpdateTime)
	if _, known := parley.DestinationKinds[l.Destination.Kind]; known {
		l.Destination.Check(&check, "destination.name")
	} else {
		check.Add("destination.kind", "Member must be a kind of destination")
	}
	return l, arn, check.Err()
}

// roomOf returns the room of a line, if it is one that the API can have made.
func roomOf(line roomLine) (parley.Room, parley.ARN, error) {
	arn, err := arnOf(line.ARN, parley.KindRoom)
	if err != nil {
		return parley.Room{}, arn, err
	}
	r := parley.Room{
		ARN: arn, Name: line.Name, MaxMessageLength: line.MaxMessageLength,
		MaxMessageRatePerSecond: line.MaxMessageRatePerSecond, Tags: tagsOf(line.Tags),
		CreateTime: line.CreateTime.UTC(), UpdateTime: line.UpdateTime.UTC(),
	}
	if h := line.ReviewHandler; h != nil {
		r.ReviewHandler = &parley.ReviewHandler{URI: h.URI, Fallback: h.Fallback}
	}
	for _, text := range line.LoggingConfigurations {
		named, err := arnOf(text, parley.KindLoggingConfiguration)
		if err != nil {
			return r, arn, err
		}
		if named.World() != arn.World() {
			return r, arn, fmt.Errorf("%s names %s, of another account or region", arn, named)
		}
		r.LoggingConfigurations = append(r.LoggingConfigurations, named)
	}
	var check parley.Check
	parley.RoomChange{Name: &r.Name, MaxMessageLength: &r.MaxMessageLength,
		MaxMessageRatePerSecond: &r.MaxMessageRatePerSecond, ReviewHandler: r.ReviewHandler,
		LoggingConfigurations: &r.LoggingConfigurations}.Check(&check)
	parley.CheckTags(&check, r.Tags)
	checkTimes(&check, r.CreateTime, r.UpdateTime)
	return r, arn, check.Err()
}

func arnOf(text string, kind parley.Kind) (parley.ARN, error) {
	arn, err := parley.ParseARN(text)
	if err != nil || arn.Kind != kind {
		noun := strings.ReplaceAll(string(kind), "-", " ")
		return arn, fmt.Errorf("%q is not the ARN of a %s", parley.Shorten(text), noun)
	}
	return arn, nil
}

// checkTimes adds to c what is wrong with the times of a resource. JSON has years of
// four digits only.
func checkTimes(c *parley.Check, created, updated time.Time) {
	for name, at := range map[string]time.Time{"create_time": created, "update_time": updated} {
		if at.Year() < 1970 || at.Year() > 9999 {
			c.Add(name, "Member must be a time from 1970 on")
		}
	}
}

// tagsOf returns nil for no tags, as they are stored.
func tagsOf(tags map[string]string) map[string]string {
	if len(tags) == 0 {
		return nil
	}
	return tags
}
