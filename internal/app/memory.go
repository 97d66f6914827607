package app

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Times of giving memory back.
const (
	trimEvery = 10 * time.Second // how often is looked whether to
	trimPause = time.Minute      // at least, from one time to the next
)

// minTrim is the least that is worth it, in bytes.
const minTrim = 4 << 20

// trim gives memory back to the system when a surge is over: a hundred thousand
// viewers that joined at once leave behind twice what they need, and Go would keep
// most of that. It collects garbage, so it waits until there is little to do.
func trim(stop <-chan struct{}) {
	ticker := time.NewTicker(trimEvery)
	defer ticker.Stop()
	var t trimmer
	for {
		select {
		case <-stop:
			return
		case now := <-ticker.C:
			if held, allocated := heap(); t.due(now, held, allocated) {
				debug.FreeOSMemory()
				t.kept, _ = heap()
			}
		}
	}
}

// trimmer decides when to give memory back.
type trimmer struct {
	last      time.Time // when it did
	kept      uint64    // bytes of heap that it could not give back then
	allocated uint64    // bytes ever allocated, when it last looked
}

// due reports whether to give memory back now: the heap has grown by a quarter since
// the last time, and in the time since it last looked a sixteenth of it at most was
// allocated.
func (t *trimmer) due(now time.Time, held, allocated uint64) bool {
	quiet := allocated-t.allocated <= held/16
	t.allocated = allocated
	grown := held > t.kept+max(t.kept/4, minTrim)
	if !quiet || !grown || now.Sub(t.last) < trimPause {
		return false
	}
	t.last = now
	return true
}

// heap returns how much memory the heap holds, garbage and all, and how much was
// ever allocated.
func heap() (held, allocated uint64) {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/gc/heap/allocs:bytes"},
	}
	metrics.Read(samples)
	for _, s := range samples[:3] {
		held += s.Value.Uint64()
	}
	return held, samples[3].Value.Uint64()
}
