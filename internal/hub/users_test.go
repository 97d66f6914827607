package hub

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSessionsOfAUser adds and removes sessions at random and compares with a list.
func TestSessionsOfAUser(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 0))
		u, want := users{}, map[string][]*Session{} // the newest last
		for range 100 {
			user := []string{"ana", "ben"}[random.IntN(2)]
			if n := len(want[user]); n > 0 && random.IntN(2) == 0 {
				i := random.IntN(n)
				u.remove(want[user][i])
				u.remove(want[user][i]) // does no harm
				want[user] = slices.Delete(want[user], i, i+1)
				continue
			}
			s := &Session{userID: user}
			u.add(s)
			want[user] = append(want[user], s)
		}
		for user, sessions := range want {
			slices.Reverse(sessions)
			if got := slices.Collect(u.of(user)); !slices.Equal(got, sessions) {
				t.Fatalf("seed %d: %d sessions of %s, want %d", seed, len(got), user, len(sessions))
			}
			for _, s := range sessions {
				u.remove(s)
			}
		}
		if len(u) != 0 {
			t.Fatalf("seed %d: %d users are left", seed, len(u))
		}
	}
}
