package parley_test

import (
	"strings"
	"testing"

	"github.com/parley-chat/parley"
)

const idCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

func TestNewIDIsValidAndUnique(t *testing.T) {
	seen := map[string]bool{}
	for range 20_000 {
		id := parley.NewID()
		if len(id) != 12 || strings.Trim(id, idCharacters) != "" || !parley.ValidID(id) {
			t.Fatalf("NewID returned %q, want 12 letters and digits", id)
		}
		if seen[id] {
			t.Fatalf("NewID returned %q twice", id)
		}
		seen[id] = true
	}
}

// TestNewIDCharactersAreEquallyLikely measures, at every position, how far the
// counts of the 62 characters are from even. Chance passes the bound less than once
// in 10^9 runs; taking bytes modulo 62 without rejecting any goes far over it.
func TestNewIDCharactersAreEquallyLikely(t *testing.T) {
	const draws, bound = 62_000, 165.0 // chi squared with 61 degrees of freedom
	var counts [12][256]int
	for range draws {
		for i, c := range []byte(parley.NewID()) {
			counts[i][c]++
		}
	}
	for i := range counts {
		const even = float64(draws) / 62
		chiSquared := 0.0
		for _, c := range []byte(idCharacters) {
			d := float64(counts[i][c]) - even
			chiSquared += d * d / even
		}
		if chiSquared > bound {
			t.Errorf("character %d of identifiers is unevenly spread: chi squared is %.0f, "+
				"want at most %.0f", i, chiSquared, bound)
		}
	}
}

func TestValidID(t *testing.T) {
	tests := []struct {
		id   string
		want bool
	}{
		{"g1H2I3j4k5L6", true},
		{"AZaz09AZaz09", true},
		{"000000000000", true},
		{"", false},
		{"g1H2I3j4k5L", false},
		{"g1H2I3j4k5L67", false},
		{"g1H2I3j4k5L-", false},
		{"g1H2I3j4k5L_", false},
		{"g1H2I3j4k5L ", false},
		{"g1H2I3j4k5L\n", false},
		{"g1H2I3j4k5L\x00", false},
		{"@1H2I3j4k5L6", false}, // one before A
		{"[1H2I3j4k5L6", false}, // one after Z
		{"`1H2I3j4k5L6", false}, // one before a
		{"{1H2I3j4k5L6", false}, // one after z
		{"/1H2I3j4k5L6", false}, // one before 0
		{":1H2I3j4k5L6", false}, // one after 9
		{"g1H2I3j4k5é", false},  // 12 bytes, 11 characters
		{"g1H2I3j4k5Lé", false}, // 12 characters
		{"١٢٣٤٥٦", false},       // digits, but not ASCII
	}
	for _, test := range tests {
		if got := parley.ValidID(test.id); got != test.want {
			t.Errorf("ValidID(%q) = %t, want %t", test.id, got, test.want)
		}
	}
}
