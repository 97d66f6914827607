package store

import (
	"testing"

	"github.com/parley-chat/parley"
)

var recordARN = parley.ARN{Region: "eu-west-1", Account: "123456789012",
	Kind: parley.KindRoom, ID: "abcdefghijkl"}

func FuzzParseKey(f *testing.F) {
	f.Add("eu-west-1.123456789012.abcdefghijkl")
	f.Add("a.b.c.d")
	f.Add("..")
	f.Add("*.*.>")
	f.Fuzz(func(t *testing.T, key string) {
		for _, kind := range []parley.Kind{parley.KindRoom, parley.KindLoggingConfiguration} {
			arn, err := parseKey(kind, key)
			if err != nil {
				continue
			}
			if got, err := resourceKey(kind, arn); err != nil || got != key || arn.Kind != kind {
				t.Errorf("parseKey(%s, %q) = %v, whose key is %q, %v", kind, key, arn, got, err)
			}
		}
	})
}

// What is on disk outlives the program that wrote it.
func TestStoredNames(t *testing.T) {
	key, err := resourceKey(parley.KindRoom, recordARN)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ what, got, want string }{
		{"key", key, "eu-west-1.123456789012.abcdefghijkl"},
		{"bucket of rooms", roomsBucket, "rooms"},
		{"bucket of logging configurations", configurationsBucket, "logging-configurations"},
	}
	for _, test := range tests {
		if test.got != test.want {
			t.Errorf("the name of a %s has changed from %s to %s", test.what, test.want, test.got)
		}
	}
}
