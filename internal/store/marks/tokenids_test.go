package marks

import (
	"testing"

	"github.com/parley-chat/parley"
)

func TestGoodBuckets(t *testing.T) {
	leaders := map[string]string{}
	for i, bucket := range BucketNames() {
		leaders[bucket] = []string{"a", "b", "dead", "hung"}[i%4]
	}
	delete(leaders, bucketName(4)) // there is an election
	connected := map[string]bool{"a": true, "b": true, "hung": true, "new": true}
	live := []string{"a", "b", "dead", "new"}
	for _, tt := range []struct {
		self string
		want uint32
	}{
		{"a", 0x11111101},   // those that it leads
		{"new", 0x33333323}, // those that a and b lead
	} {
		if got := goodBuckets(leaders, tt.self, connected, live); got != tt.want {
			t.Errorf("the good buckets of %s are %#x, want %#x", tt.self, got, tt.want)
		}
	}
	if got := goodBuckets(nil, "new", connected, live); got != 0 {
		t.Errorf("without leaders, the good buckets are %#x, want none", got)
	}
}

func TestTokenIDsAreOfGoodBuckets(t *testing.T) {
	for _, good := range []uint32{^uint32(0), 0x11111101, 1 << 17} {
		seen := map[parley.TokenID]bool{}
		for range 200 {
			id := newTokenID(func(bucket int) bool { return good>>bucket&1 == 1 })
			if good>>BucketOf(id)&1 == 0 || seen[id] {
				t.Fatalf("with the buckets %032b: id %s of bucket %d, drawn before: %t",
					good, id, BucketOf(id), seen[id])
			}
			seen[id] = true
		}
	}
}

func TestTokenIDsAreThereWhenNoBucketIsGood(t *testing.T) {
	none := func(int) bool { return false }
	if a, b := newTokenID(none), newTokenID(none); a == b || a == (parley.TokenID{}) {
		t.Errorf("ids %s and %s, want two", a, b)
	}
}
