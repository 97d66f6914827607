package load

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestBucketsHoldTheirValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Uint64Range(0, 1<<maxBits-1).Draw(t, "v")
		bucket := bucketOf(v)
		low, next := lowest(bucket), lowest(bucket+1)
		if int64(v) < low || int64(v) >= next {
			t.Errorf("%d is in bucket %d, which is of %d to %d", v, bucket, low, next-1)
		}
		if width := next - low; width > 1 && float64(width) > float64(low)/subBuckets {
			t.Errorf("bucket %d of %d is %d wide, more than 1/%d", bucket, low, width, subBuckets)
		}
	})
}

func TestQuantiles(t *testing.T) {
	var h histogram
	if got := h.latency(); got != (Latency{}) {
		t.Errorf("of nothing: %+v", got)
	}
	for i := range 1000 {
		h.add(int64(i+1) * int64(time.Millisecond))
	}
	for _, tt := range []struct {
		q    float64
		want time.Duration
	}{
		{0, time.Millisecond}, {0.5, 501 * time.Millisecond}, {0.9, 901 * time.Millisecond},
		{0.99, 991 * time.Millisecond}, {0.999, time.Second}, {1, time.Second},
	} {
		got := h.quantile(tt.q)
		if off := math.Abs(float64(got-tt.want)) / float64(tt.want); off > 1.0/subBuckets {
			t.Errorf("quantile %v: %s, want %s", tt.q, got, tt.want)
		}
	}
	if got := h.latency().Max; got != 1000 {
		t.Errorf("max %v ms, want 1000", got)
	}
}

func TestHistogramTakesAnything(t *testing.T) {
	var h histogram
	for _, ns := range []int64{math.MinInt64, -1, 0, math.MaxInt64} {
		h.add(ns)
	}
	if h.quantile(0.5) != 0 || h.latency().Max != milliseconds(math.MaxInt64) || h.total != 4 {
		t.Errorf("p50 %s, max %v ms of %d", h.quantile(0.5), h.latency().Max, h.total)
	}
}

func BenchmarkHistogram(b *testing.B) {
	var h histogram
	for i := 0; b.Loop(); i++ {
		h.add(int64(i) << 4)
	}
}
