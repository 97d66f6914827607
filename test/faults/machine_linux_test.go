package faults

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	// lateEvery is how often it is measured how late the machine is, and lateUsual how late
	// one may be that has time.
	lateEvery = 20 * time.Millisecond
	lateUsual = 2 * time.Millisecond
	// lateFactor is by how much more a bound grows than the machine was late: what is waited
	// for takes several processes, one after the other. It grows by maxGrowth times itself at
	// the most.
	lateFactor = 5
	maxGrowth  = 3
)

// machine measures how late everything happens that is to happen at a time, because the
// machine is busy. The bounds of what may take how long are for one that has time; they
// grow with this.
type machine struct{ late atomic.Int64 } // in all, in nanoseconds

// measure measures until ctx is done.
func (m *machine) measure(ctx context.Context) {
	for ctx.Err() == nil {
		began := time.Now()
		pause(ctx, lateEvery)
		if late := time.Since(began) - lateEvery; late > lateUsual {
			m.late.Add(int64(late))
		}
	}
}

// total returns how late the machine was so far.
func (m *machine) total() time.Duration { return time.Duration(m.late.Load()) }

// stretch returns how long something may take instead of a bound, which began when the
// machine had been late for a time in all.
func (m *machine) stretch(bound, since time.Duration) time.Duration {
	return bound + min(lateFactor*(m.total()-since), maxGrowth*bound)
}
