// Package record is the form in which rooms and logging configurations are stored: JSON
// that outlives the program that wrote it. Where it is stored, and under which keys, is
// left to others.
package record

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/parley-chat/parley"
)

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

// EncodeRoom returns what is stored of a room.
func EncodeRoom(r parley.Room) ([]byte, error) {
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

// DecodeRoom returns the room that EncodeRoom made into data, with nil for what is
// empty.
func DecodeRoom(arn parley.ARN, data []byte) (parley.Room, error) {
	var record roomRecord
	if err := json.Unmarshal(data, &record); err != nil {
		return parley.Room{}, fmt.Errorf("decode room: %w", err)
	}
	if err := inUTC(record.CreateTime, record.UpdateTime); err != nil {
		return parley.Room{}, fmt.Errorf("decode room: %w", err)
	}
	r := parley.Room{
		ARN:                     arn,
		Name:                    record.Name,
		MaxMessageLength:        record.MaxMessageLength,
		MaxMessageRatePerSecond: record.MaxMessageRatePerSecond,
		Tags:                    nilIfEmpty(record.Tags),
		CreateTime:              record.CreateTime.UTC(),
		UpdateTime:              record.UpdateTime.UTC(),
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

// configurationRecord is a logging configuration as it is stored, like roomRecord.
type configurationRecord struct {
	Name        string              `json:"name,omitempty"`
	Destination destinationRecord   `json:"destination"`
	State       parley.LoggingState `json:"state"`
	Tags        map[string]string   `json:"tags,omitempty"`
	CreateTime  time.Time           `json:"create_time"`
	UpdateTime  time.Time           `json:"update_time"`
}

type destinationRecord struct {
	Kind parley.DestinationKind `json:"kind"`
	Name string                 `json:"name"`
}

// EncodeConfiguration returns what is stored of a logging configuration.
func EncodeConfiguration(l parley.LoggingConfiguration) ([]byte, error) {
	data, err := json.Marshal(configurationRecord{
		Name:        l.Name,
		Destination: destinationRecord(l.Destination),
		State:       l.State,
		Tags:        l.Tags,
		CreateTime:  l.CreateTime.UTC(),
		UpdateTime:  l.UpdateTime.UTC(),
	})
	if err != nil {
		return nil, fmt.Errorf("encode logging configuration: %w", err)
	}
	return data, nil
}

// DecodeConfiguration returns the logging configuration that EncodeConfiguration
// made into data, with nil for what is empty.
func DecodeConfiguration(arn parley.ARN, data []byte) (parley.LoggingConfiguration, error) {
	var record configurationRecord
	err := json.Unmarshal(data, &record)
	if err == nil {
		err = inUTC(record.CreateTime, record.UpdateTime)
	}
	if err != nil {
		return parley.LoggingConfiguration{}, fmt.Errorf("decode logging configuration: %w", err)
	}
	return parley.LoggingConfiguration{
		ARN:         arn,
		Name:        record.Name,
		Destination: parley.Destination(record.Destination),
		State:       record.State,
		Tags:        nilIfEmpty(record.Tags),
		CreateTime:  record.CreateTime.UTC(),
		UpdateTime:  record.UpdateTime.UTC(),
	}, nil
}

func inUTC(times ...time.Time) error {
	for _, at := range times {
		if _, offset := at.Zone(); offset != 0 {
			return fmt.Errorf("time %s is not in UTC", at)
		}
	}
	return nil
}

func nilIfEmpty(tags map[string]string) map[string]string {
	if len(tags) == 0 {
		return nil
	}
	return tags
}
