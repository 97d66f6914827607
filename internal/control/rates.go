package control

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/wire"
)

// rates holds one token bucket per world and operation, each as deep as its
// rate. Only authenticated calls reach it, so there are at most as many buckets
// as accounts, regions and operations together allow.
type rates struct {
	quotas parley.Quotas

	mu      sync.Mutex // guards buckets
	buckets map[bucket]*rate.Limiter
}

// bucket is what calls are counted by.
type bucket struct {
	world     parley.World
	operation string
}

func newRates(quotas parley.Quotas) *rates {
	return &rates{quotas: quotas, buckets: map[bucket]*rate.Limiter{}}
}

// allow counts a call, and reports whether it is within the limit of calls per
// second, and what that is.
func (r *rates) allow(w parley.World, op parley.Operation, now time.Time) (limit int, ok bool) {
	limit = r.quotas[op.Quota()]
	if limit <= 0 {
		return 0, true
	}
	return limit, r.limiter(bucket{w, op.Name}, limit).AllowN(now, 1)
}

func (r *rates) limiter(b bucket, limit int) *rate.Limiter {
	r.mu.Lock()
	defer r.mu.Unlock()
	limiter := r.buckets[b]
	if limiter == nil {
		limiter = rate.NewLimiter(rate.Limit(limit), limit)
		r.buckets[b] = limiter
	}
	return limiter
}

// throttled returns the error for a call over its rate. It names the room that the
// call is about, and otherwise the account.
func (c *call) throttled(limit int) error {
	resource := parley.Resource{Type: parley.ResourceRoom, ID: c.world.Account}
	named := c.label
	if c.op.Member != "" {
		// A body that can not be read names no room: that it is wrong is told when
		// it comes again, within the rate.
		o, _ := wire.ParseObject(c.raw)
		named, _ = o.String(c.op.Member)
	}
	if arn, err := parley.ParseARN(named); err == nil && arn.Kind == parley.KindRoom {
		resource.ID = arn.ID
	}
	return &parley.Error{
		Code: parley.Throttled, Message: "Rate exceeded", Resource: resource, Limit: limit,
	}
}
