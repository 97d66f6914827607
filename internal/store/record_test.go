package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
)

var recordARN = parley.ARN{Region: "eu-west-1", Account: "123456789012",
	Kind: parley.KindRoom, ID: "abcdefghijkl"}

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
		room, err := decodeRoom(recordARN, data)
		if err != nil {
			return
		}
		encoded, err := encodeRoom(room)
		if err != nil {
			t.Fatalf("decodeRoom(%q) = %+v, which does not encode: %v", data, room, err)
		}
		again, err := decodeRoom(recordARN, encoded)
		if diff := cmp.Diff(room, again); err != nil || diff != "" {
			t.Errorf("decodeRoom(%q) does not survive encoding, %v (-want +got):\n%s", data, err, diff)
		}
	})
}

func FuzzParseRoomKey(f *testing.F) {
	f.Add("eu-west-1.123456789012.abcdefghijkl")
	f.Add("a.b.c.d")
	f.Add("..")
	f.Add("*.*.>")
	f.Fuzz(func(t *testing.T, key string) {
		arn, err := parseRoomKey(key)
		if err != nil {
			return
		}
		if got, err := roomKey(arn); err != nil || got != key {
			t.Errorf("parseRoomKey(%q) = %v, whose key is %q, %v", key, arn, got, err)
		}
	})
}
