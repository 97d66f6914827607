package client

import (
	"strconv"
	"testing"
)

// TestSeenForgets checks how much is remembered, and that there is an end to it.
func TestSeenForgets(t *testing.T) {
	for limit, many := range map[int]bool{fewSeen: false, manySeen: true} {
		var s seen
		for n := range 3 * limit {
			if !s.add(strconv.Itoa(n), many) {
				t.Fatalf("id %d of %d is taken for one before it", n, limit)
			}
		}
		for n := 2 * limit; n < 3*limit; n++ {
			if s.add(strconv.Itoa(n), many) {
				t.Fatalf("%d ids later, one of the last %d is forgotten", 3*limit-n, limit)
			}
		}
		if n := len(s.recent) + len(s.older); n > 2*limit {
			t.Errorf("%d ids are remembered, want %d at most", n, 2*limit)
		}
	}
	var s seen
	for n := range manySeen {
		s.add(strconv.Itoa(n), true)
	}
	for n := range fewSeen + 1 {
		s.add("later "+strconv.Itoa(n), false)
	}
	if n := len(s.recent) + len(s.older); n > 2*fewSeen {
		t.Errorf("%d ids are still remembered when few are enough", n)
	}
}
