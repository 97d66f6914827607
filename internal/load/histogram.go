package load

import (
	"math/bits"
	"time"
)

// Each power of two of nanoseconds is divided into subBuckets, so that a value is
// known to 1.6 percent.
const (
	subBucketBits = 6
	subBuckets    = 1 << subBucketBits
	// maxBits is enough for nine hours. What is longer counts as that.
	maxBits = 45
)

// histogram counts durations. The zero value is empty, and its size is fixed.
type histogram struct {
	counts [(maxBits - subBucketBits + 1) * subBuckets]uint64
	total  uint64
	max    int64
}

// add counts a duration in nanoseconds. One below 0 counts as 0.
func (h *histogram) add(ns int64) {
	ns = max(ns, 0)
	h.max = max(h.max, ns)
	h.total++
	h.counts[bucketOf(uint64(ns))]++
}

// bucketOf returns the bucket of a value. The first two subBuckets hold one value
// each; after them, every further bit of a value takes subBuckets of half the
// precision.
func bucketOf(v uint64) int {
	v = min(v, 1<<maxBits-1)
	shift := max(bits.Len64(v)-subBucketBits-1, 0)
	return shift<<subBucketBits + int(v>>shift)
}

// lowest returns the lowest value of a bucket.
func lowest(bucket int) int64 {
	shift := max(bucket>>subBucketBits-1, 0)
	return int64(bucket-shift<<subBucketBits) << shift
}

// quantile returns the duration below which a share q of all are: the lowest of its
// bucket. It is 0 when there are none.
func (h *histogram) quantile(q float64) time.Duration {
	rank := uint64(q * float64(h.total))
	seen := uint64(0)
	for bucket, n := range h.counts {
		if seen += n; n > 0 && seen > rank {
			return time.Duration(lowest(bucket))
		}
	}
	return time.Duration(h.max)
}

// Latency summarizes durations, in milliseconds.
type Latency struct {
	P50  float64 `json:"p50_ms"`
	P90  float64 `json:"p90_ms"`
	P99  float64 `json:"p99_ms"`
	P999 float64 `json:"p99_9_ms"`
	Max  float64 `json:"max_ms"`
}

func (h *histogram) latency() Latency {
	at := func(q float64) float64 { return milliseconds(h.quantile(q)) }
	return Latency{at(0.5), at(0.9), at(0.99), at(0.999), milliseconds(time.Duration(h.max))}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
