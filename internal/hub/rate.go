package hub

import "time"

// bucket is a token bucket that holds one second's worth. The zero value is full.
type bucket struct {
	tokens float64
	last   time.Time
}

// take reports whether one more request is within the rate, in requests per
// second, and counts it if so. A rate of 0 is no limit.
func (b *bucket) take(now time.Time, rate int) bool {
	if rate == 0 {
		return true
	}
	capacity := float64(rate)
	b.tokens = min(capacity, b.tokens+now.Sub(b.last).Seconds()*capacity)
	b.last = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
