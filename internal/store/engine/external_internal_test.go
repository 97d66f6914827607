package engine

import "testing"

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
