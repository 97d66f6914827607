package hub

import "time"

// Bounds of what a room remembers to know events that come too late.
const (
	// recentFor is how long it remembers. An event that was missed is sent again within
	// that time, or not at all.
	recentFor = time.Minute
	// maxRecent is how much it remembers of one kind; it forgets the oldest first.
	maxRecent = 8192
)

// recent remembers keys, each with a number: for recentFor, and then until another one is
// added. The zero value is empty.
type recent struct {
	keys  map[string]remembered
	queue []oldKey // the oldest first
}

type remembered struct {
	at     time.Time // when it was last added
	number uint64    // the highest of those it was added with
}

type oldKey struct {
	at  time.Time
	key string
}

// add remembers a key, and forgets what is old.
func (r *recent) add(now time.Time, key string, number uint64) {
	if r.keys == nil {
		r.keys = map[string]remembered{}
	}
	for len(r.queue) >= maxRecent || len(r.queue) > 0 && now.Sub(r.queue[0].at) > recentFor {
		oldest := r.queue[0]
		if r.keys[oldest.key].at.Equal(oldest.at) { // it was not added again since
			delete(r.keys, oldest.key)
		}
		r.queue = r.queue[1:]
	}
	r.keys[key] = remembered{now, max(number, r.keys[key].number)}
	r.queue = append(r.queue, oldKey{now, key})
}

// number returns the number of a key, and 0 for one that is not remembered.
func (r *recent) number(key string) uint64 { return r.keys[key].number }
