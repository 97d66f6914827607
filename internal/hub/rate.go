package hub

import "time"

// bucket is a token bucket that holds one second's worth. It is kept as the time
// at which it will be full again, in nanoseconds since 1970: so it is small, of
// which every session has one, and a change of the rate takes effect at once. The
// zero value is full.
//
// Nodes share a rate without asking each other: each has a bucket of its own, takes from
// it what it admits itself, and charges it with what it hears that others have admitted.
// Hearing takes a time d, so n nodes may at first admit a second's worth each, and more
// only when the debts from that are paid: in any t seconds at most t + n + (n-1)·d
// seconds' worth.
type bucket int64

// maxDebt is how much a bucket may owe for each other node, so that it is paid within a
// known time, whatever is heard. It is as much as a node can admit unheard while its
// reports take a second.
const maxDebt = 2 * time.Second

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

// isFull reports whether nothing is missing.
func (b bucket) isFull(now time.Time) bool { return int64(b) <= now.UnixNano() }

// charge counts requests that others have admitted. The bucket may owe for them: then
// nothing is admitted until that is paid.
func (b *bucket) charge(now time.Time, rate, requests, others int) {
	if rate == 0 {
		return
	}
	cost := int64(time.Second) / int64(rate) * int64(requests)
	full := max(int64(*b), now.UnixNano())
	most := now.UnixNano() + int64(time.Second) + int64(others)*int64(maxDebt)
	*b = bucket(max(full, min(full+cost, most)))
}
