package hub

import (
	"sync/atomic"
	"time"
)

// clock numbers what happens on this node: each number is larger than those before it.
// They are the time, in nanoseconds since 1970, unless that has not passed on since, or
// was set back. So the numbers of two nodes compare as well as their clocks do, and
// those of what one node has heard from the other always do.
type clock struct{ last atomic.Uint64 }

// next returns the number of what happens now.
func (c *clock) next() uint64 {
	for {
		last := c.last.Load()
		next := max(last+1, uint64(time.Now().UnixNano()))
		if c.last.CompareAndSwap(last, next) {
			return next
		}
	}
}

// now returns the highest number so far.
func (c *clock) now() uint64 { return c.last.Load() }

// observe has all that happens from now on get a higher number than one that another
// node has given out.
func (c *clock) observe(number uint64) {
	for {
		last := c.last.Load()
		if number <= last || c.last.CompareAndSwap(last, number) {
			return
		}
	}
}
