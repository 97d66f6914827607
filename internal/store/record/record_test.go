package record_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store/record"
)

var (
	roomARN = parley.ARN{Region: "eu-west-1", Account: "123456789012",
		Kind: parley.KindRoom, ID: "abcdefghijkl"}
	configurationARN = parley.ARN{Region: "eu-west-1", Account: "123456789012",
		Kind: parley.KindLoggingConfiguration, ID: "mnopqrstuvwx"}
)

func FuzzDecodeRoom(f *testing.F) {
	f.Add([]byte(`{"max_message_length":500,"max_message_rate_per_second":10,` +
		`"create_time":"2026-01-02T03:04:05.000000006Z","update_time":"2026-01-02T03:04:05Z"}`))
	f.Add([]byte(`{"name":"lobby","review_handler":{"fallback":"ALLOW"},"tags":{"a":""},` +
		`"logging_configurations":["arn:aws:ivschat:eu-west-1:1:logging-configuration/a"]}`))
	f.Add([]byte(`{"create_time":"2026-01-02T03:04:05.1+02:00"}`))
	f.Add([]byte(`{"tags":{},"logging_configurations":[]}`))
	f.Add([]byte(`{"logging_configurations":["arn:aws:ivschat:eu-west-1:1:room/a\n"]}`))
	f.Add([]byte(`{"update_time":"9999-12-31T23:59:59-01:00"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		room, err := record.DecodeRoom(roomARN, data)
		if err != nil {
			return
		}
		encoded, err := record.EncodeRoom(room)
		if err != nil {
			t.Fatalf("DecodeRoom(%q) = %+v, which does not encode: %v", data, room, err)
		}
		again, err := record.DecodeRoom(roomARN, encoded)
		if diff := cmp.Diff(room, again); err != nil || diff != "" {
			t.Errorf("DecodeRoom(%q) does not survive encoding, %v (-want +got):\n%s", data, err, diff)
		}
	})
}

func FuzzDecodeConfiguration(f *testing.F) {
	f.Add([]byte(`{"name":"archive","destination":{"kind":"s3","name":"logs"},"state":"ACTIVE",` +
		`"create_time":"2026-01-02T03:04:05.000000006Z","update_time":"2026-01-02T03:04:05Z"}`))
	f.Add([]byte(`{"destination":{"kind":"tape","name":""},"tags":{"a":""}}`))
	f.Add([]byte(`{"create_time":"2026-01-02T03:04:05.1+02:00"}`))
	f.Add([]byte(`{"update_time":"9999-12-31T23:59:59-01:00"}`))
	f.Add([]byte(`{"destination":null,"tags":{}}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := record.DecodeConfiguration(configurationARN, data)
		if err != nil {
			return
		}
		encoded, err := record.EncodeConfiguration(l)
		if err != nil {
			t.Fatalf("DecodeConfiguration(%q) = %+v, which does not encode: %v", data, l, err)
		}
		again, err := record.DecodeConfiguration(configurationARN, encoded)
		if diff := cmp.Diff(l, again); err != nil || diff != "" {
			t.Errorf("DecodeConfiguration(%q) does not survive encoding, %v (-want +got):\n%s",
				data, err, diff)
		}
	})
}

// What is on disk outlives the program that wrote it.
func TestStoredForm(t *testing.T) {
	created := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	updated := created.Add(time.Hour)
	room, err := record.EncodeRoom(parley.Room{
		ARN: roomARN, Name: "lobby", MaxMessageLength: 500, MaxMessageRatePerSecond: 10,
		ReviewHandler:         &parley.ReviewHandler{URI: "u", Fallback: parley.FallbackDeny},
		LoggingConfigurations: []parley.ARN{configurationARN},
		Tags:                  map[string]string{"a": "b"}, CreateTime: created, UpdateTime: updated,
	})
	if err != nil {
		t.Fatal(err)
	}
	configuration, err := record.EncodeConfiguration(parley.LoggingConfiguration{
		ARN: configurationARN, Name: "archive", State: parley.LoggingActive,
		Destination: parley.Destination{Kind: parley.DestinationS3, Name: "logs"},
		Tags:        map[string]string{"a": "b"}, CreateTime: created, UpdateTime: updated,
	})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ what, got, want string }{
		{"room", string(room), `{"name":"lobby","max_message_length":500,` +
			`"max_message_rate_per_second":10,"review_handler":{"uri":"u","fallback":"DENY"},` +
			`"logging_configurations":[` +
			`"arn:aws:ivschat:eu-west-1:123456789012:logging-configuration/mnopqrstuvwx"],` +
			`"tags":{"a":"b"},"create_time":"2026-01-02T03:04:05.000000006Z",` +
			`"update_time":"2026-01-02T04:04:05.000000006Z"}`},
		{"logging configuration", string(configuration), `{"name":"archive",` +
			`"destination":{"kind":"s3","name":"logs"},"state":"ACTIVE","tags":{"a":"b"},` +
			`"create_time":"2026-01-02T03:04:05.000000006Z",` +
			`"update_time":"2026-01-02T04:04:05.000000006Z"}`},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("the stored form of a %s has changed (-want +got):\n%s", test.what, diff)
		}
	}
}
