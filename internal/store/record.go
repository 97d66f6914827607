package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/parley-chat/parley"
)

// roomKey returns the name of a room inside keys and subjects. The error has code
// Invalid when arn is not that of a room, or when a part of it would mean
// something to NATS: dots, wildcards and spaces do.
func roomKey(arn parley.ARN) (string, error) {
	key := arn.Region + "." + arn.Account + "." + arn.ID
	if arn.Kind != parley.KindRoom || len(key) > parley.MaxARNLen ||
		!plain(arn.Region) || !plain(arn.Account) || !plain(arn.ID) {
		return "", parley.Errorf(parley.Invalid, "not the ARN of a room: %q", arn)
	}
	return key, nil
}

// plain reports whether s is one or more ASCII letters, digits and hyphens.
func plain(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return s != ""
}

// parseRoomKey returns the ARN that roomKey made into key.
func parseRoomKey(key string) (parley.ARN, error) {
	parts := strings.Split(key, ".")
	if len(parts) != 3 {
		return parley.ARN{}, fmt.Errorf("key %q has %d parts, want 3", key, len(parts))
	}
	arn := parley.ARN{Region: parts[0], Account: parts[1], Kind: parley.KindRoom, ID: parts[2]}
	_, err := roomKey(arn)
	return arn, err
}

// roomRecord is a room as it is stored; its key holds the ARN. Times are in full
// precision: the order of lists depends on them.
type roomRecord struct {
	Name                    string            `json:"name,omitempty"`
	MaxMessageLength        int               `json:"max_message_length"`
	MaxMessageRatePerSecond int               `json:"max_message_rate_per_second"`
	ReviewHandler           *handlerRecord    `json:"review_handler,omitempty"`
	LoggingConfigurations   []string          `json:"logging_configurations,omitempty"` // ARNs
	Tags                    map[string]string `json:"tags,omitempty"`
	CreateTime              time.Time         `json:"create_time"`
	UpdateTime              time.Time         `json:"update_time"`
}

type handlerRecord struct {
	URI      string          `json:"uri,omitempty"` // empty when the handler was detached
	Fallback parley.Fallback `json:"fallback"`
}

func encodeRoom(r parley.Room) ([]byte, error) {
	record := roomRecord{
		Name:                    r.Name,
		MaxMessageLength:        r.MaxMessageLength,
		MaxMessageRatePerSecond: r.MaxMessageRatePerSecond,
		Tags:                    r.Tags,
		CreateTime:              r.CreateTime.UTC(),
		UpdateTime:              r.UpdateTime.UTC(),
	}
	if h := r.ReviewHandler; h != nil {
		record.ReviewHandler = &handlerRecord{URI: h.URI, Fallback: h.Fallback}
	}
	for _, arn := range r.LoggingConfigurations {
		record.LoggingConfigurations = append(record.LoggingConfigurations, arn.String())
	}
	data, err := json.Marshal(record)
	if err != nil {
		return nil, fmt.Errorf("encode room: %w", err)
	}
	return data, nil
}

// decodeRoom returns the room that encodeRoom made into data, with nil for what is
// empty.
func decodeRoom(arn parley.ARN, data []byte) (parley.Room, error) {
	var record roomRecord
	if err := json.Unmarshal(data, &record); err != nil {
		return parley.Room{}, fmt.Errorf("decode room: %w", err)
	}
	for _, at := range []time.Time{record.CreateTime, record.UpdateTime} {
		if _, offset := at.Zone(); offset != 0 {
			return parley.Room{}, fmt.Errorf("decode room: time %s is not in UTC", at)
		}
	}
	r := parley.Room{
		ARN:                     arn,
		Name:                    record.Name,
		MaxMessageLength:        record.MaxMessageLength,
		MaxMessageRatePerSecond: record.MaxMessageRatePerSecond,
		Tags:                    record.Tags,
		CreateTime:              record.CreateTime.UTC(),
		UpdateTime:              record.UpdateTime.UTC(),
	}
	if len(r.Tags) == 0 {
		r.Tags = nil
	}
	if h := record.ReviewHandler; h != nil {
		r.ReviewHandler = &parley.ReviewHandler{URI: h.URI, Fallback: h.Fallback}
	}
	for _, text := range record.LoggingConfigurations {
		arn, err := parley.ParseARN(text)
		if err != nil {
			return parley.Room{}, fmt.Errorf("decode room: logging configuration %q: %w", text, err)
		}
		r.LoggingConfigurations = append(r.LoggingConfigurations, arn)
	}
	return r, nil
}
