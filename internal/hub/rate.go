package hub

import "time"

// bucket is a token bucket that holds one second's worth. It is kept as the time
// at which it will be full again, in nanoseconds since 1970: so it is small, of
// which every session has one, and a change of the rate takes effect at once. The
// zero value is full.
type bucket int64

// take reports whether one more request is within the rate, in requests per
// second, and counts it if so. A rate of 0 is no limit.
func (b *bucket) take(now time.Time, rate int) bool {
	if rate == 0 {
		return true
	}
	cost := int64(time.Second) / int64(rate)
	full := max(int64(*b), now.UnixNano())
	if full-now.UnixNano() > int64(time.Second)-cost {
		return false
	}
	*b = bucket(full + cost)
	return true
}
