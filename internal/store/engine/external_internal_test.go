package engine

import (
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

func TestOldVersions(t *testing.T) {
	tests := []struct {
		version string
		old     bool
	}{
		{"2.11.15", false}, {"2.11.14", true}, {"2.11.16", false}, {"2.11.14-RC.1", true},
		{"2.9.25", true}, {"2.12.0", false}, {"2.12.0-beta.1", false}, {"1.14.99", true},
		{"3.0.0", false}, {"main", false}, {"2.11", false}, {"", false},
	}
	for _, test := range tests {
		if got := oldestNATS.older(test.version); got != test.old {
			t.Errorf("%s is too old: %t, want %t", test.version, got, test.old)
		}
	}
}

// TestServersThatAreOffline are waited for.
func TestServersThatAreOffline(t *testing.T) {
	e := &Engine{cfg: Config{External: &External{Replicas: 3}}}
	for why, want := range map[string]bool{
		"no suitable peers for placement":               true,
		"no suitable peers for placement, peer offline": false,
	} {
		err := fmt.Errorf("bucket: %w", &jetstream.APIError{
			Code: 400, ErrorCode: errNoPeers, Description: why})
		if got := errors.As(e.explain(err), new(final)); got != want {
			t.Errorf("%q ends the wait: %t, want %t", why, got, want)
		}
	}
}
