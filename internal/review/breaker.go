package review

import (
	"sync"
	"time"
)

const (
	// breakAfter is how many calls in a row have to fail before the breaker opens, and
	// breakAfterTime for how long at least: a burst that meets functions which have to
	// be started first is none of its business.
	breakAfter     = 10
	breakAfterTime = time.Second
	// breakFor is how long a target is left alone then, before one call probes it.
	breakFor = time.Second
)

// breaker keeps calls from a target that does not answer: open, it lets none pass, and
// their messages need not wait for a time-out. Then it lets one pass, which closes or
// opens it again. The zero value is closed.
type breaker struct {
	mu       sync.Mutex // guards what follows
	failures int        // in a row
	first    time.Time  // of these failures
	until    time.Time  // open until then, and then for all but a probe; zero: closed
	probing  bool
}

// allow reports whether a call may be made. The caller tells what came of it by
// succeed, fail or abandon.
func (b *breaker) allow(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until.IsZero() {
		return true
	}
	if b.probing || now.Before(b.until) {
		return false
	}
	b.probing = true
	return true
}

// succeed notes that the target answered, and reports whether that closed the breaker.
func (b *breaker) succeed() (closed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	closed = !b.until.IsZero()
	b.failures, b.until, b.probing = 0, time.Time{}, false
	return closed
}

// fail notes that the target did not answer, and reports whether that opened the
// breaker.
func (b *breaker) fail(now time.Time) (opened bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures == 0 {
		b.first = now
	}
	b.failures++
	b.probing = false
	if b.failures < breakAfter || now.Sub(b.first) < breakAfterTime {
		return false
	}
	opened = b.until.IsZero()
	b.until = now.Add(breakFor)
	return opened
}

// abandon notes that a call was not made after all, which says nothing of the target.
func (b *breaker) abandon() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
}
