package store

import (
	"testing"

	"github.com/parley-chat/parley"
)

func TestAwayBucketsAreThoseWithoutALeaderThatIsThere(t *testing.T) {
	leaders := map[string]string{}
	for i, bucket := range markBucketNames() {
		leaders[bucket] = []string{"self", "live", "dead", "hung"}[i%4]
	}
	delete(leaders, markBucketName(4)) // there is an election
	connected := map[string]bool{"self": true, "live": true, "hung": true}
	away := awayBuckets(leaders, connected, []string{"self", "live", "dead"})
	for i := range markBuckets {
		if got, want := away>>i&1 == 1, i%4 > 1 || i == 4; got != want {
			t.Errorf("bucket %d is away: %t, want %t", i, got, want)
		}
	}
}

func TestTokenIDsAvoidBucketsThatAreAway(t *testing.T) {
	for _, away := range []uint32{0, 1, 0x55555555, ^uint32(1 << 17)} {
		seen := map[parley.TokenID]bool{}
		for range 200 {
			id := newTokenID(away)
			if away>>markBucketOf(id)&1 == 1 || seen[id] {
				t.Fatalf("with the buckets %032b away: id %s of bucket %d, drawn before: %t",
					away, id, markBucketOf(id), seen[id])
			}
			seen[id] = true
		}
	}
}

func TestTokenIDsAreThereWhenNoBucketIs(t *testing.T) {
	if a, b := newTokenID(^uint32(0)), newTokenID(^uint32(0)); a == b || a == (parley.TokenID{}) {
		t.Errorf("ids %s and %s, want two", a, b)
	}
}
