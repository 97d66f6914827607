package chatlog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/chatlog/queue"
)

// item is a record of a batch that is not delivered yet.
type item struct {
	queue.Item
	segment int // which of the batch's
}

func (i item) received() time.Time { return time.UnixMilli(i.Millis) }

// batch is what is delivered at once: the records of some segments of a queue.
type batch struct {
	world    parley.World
	segments []*queue.Segment
	readers  []*queue.Reader
	items    []item // that are left
	damaged  int64  // bytes of the segments that hold no records
}

// openBatch reads what is in segments. Those that were dropped are left out.
func openBatch(world parley.World, segments []*queue.Segment) (*batch, error) {
	b := &batch{world: world}
	for _, s := range segments {
		reader, damaged, err := s.Open(func(i queue.Item) {
			b.items = append(b.items, item{i, len(b.segments)})
		})
		if errors.Is(err, queue.ErrDropped) {
			continue
		}
		if err != nil {
			b.close()
			return nil, fmt.Errorf("read the queue: %w", err)
		}
		b.damaged += damaged
		b.segments = append(b.segments, s)
		b.readers = append(b.readers, reader)
	}
	return b, nil
}

func (b *batch) close() {
	for _, r := range b.readers {
		_ = r.Close()
	}
}

// maxFailures is how many parts may fail before the others of a batch are left for
// the next try: one room that fails does not keep those of others back, and a
// destination that is gone is not asked for each room.
const maxFailures = 8

// deliver sends what is left of the batch, as far as it goes. It tells done of each
// part, one after the other, and returns the first error.
func (b *batch) deliver(ctx context.Context, t target, done func(p part, r result)) error {
	parts := t.split(b.items)
	results := make([]result, len(parts))
	var next, failures atomic.Int64
	var mu sync.Mutex // done is called by one goroutine at a time
	work := func() {
		for failures.Load() < maxFailures && ctx.Err() == nil {
			i := int(next.Add(1)) - 1
			if i >= len(parts) {
				return
			}
			results[i] = b.send(ctx, t, &parts[i])
			if results[i].err != nil {
				failures.Add(1)
			}
			mu.Lock()
			b.note(parts[i], results[i])
			done(parts[i], results[i])
			mu.Unlock()
		}
	}
	var workers sync.WaitGroup
	for range min(t.parallel(), len(parts)) {
		workers.Go(work)
	}
	workers.Wait()
	begun := min(int(next.Load()), len(parts))
	b.items = b.items[:0:0]
	var first error
	for i, p := range parts {
		if i >= begun {
			b.items = append(b.items, p.items...)
			continue
		}
		b.items = append(b.items, results[i].left...)
		first = cmp.Or(first, results[i].err)
	}
	return cmp.Or(first, ctx.Err())
}

// send delivers a part without the records that were dropped meanwhile.
func (b *batch) send(ctx context.Context, t target, p *part) result {
	kept := make([]item, 0, len(p.items))
	p.records = make([][]byte, 0, len(p.items))
	defer func() { p.records = nil }()
	for rest := p.items; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].segment == rest[0].segment {
			n++
		}
		err := b.read(p, rest[:n])
		kept = append(kept, rest[:len(p.records)-len(kept)]...)
		if err != nil && !errors.Is(err, queue.ErrDropped) {
			return p.failed(fmt.Errorf("read the queue: %w", err))
		}
		rest = rest[n:]
	}
	if p.items = kept; len(kept) == 0 {
		return result{}
	}
	return t.send(ctx, b.world, *p)
}

// read adds the JSON of items of one segment to a part, as far as it goes.
func (b *batch) read(p *part, items []item) error {
	places := make([]queue.Item, len(items))
	for i := range items {
		places[i] = items[i].Item
	}
	return b.readers[items[0].segment].Read(places,
		func(json []byte) { p.records = append(p.records, json) })
}

// note tells segments what is no longer left of them.
func (b *batch) note(p part, r result) {
	gone := make([]int, len(b.segments))
	for _, i := range p.items {
		gone[i.segment]++
	}
	for _, i := range r.left {
		gone[i.segment]--
	}
	for i, n := range gone {
		if n > 0 {
			b.segments[i].Delivered(n)
		}
	}
}

// byRoom divides items into those of each room, in their order.
func byRoom(items []item) [][]item {
	sorted := slices.Clone(items)
	slices.SortStableFunc(sorted, func(a, b item) int { return strings.Compare(a.Room, b.Room) })
	var groups [][]item
	for len(sorted) > 0 {
		n := 1
		for n < len(sorted) && sorted[n].Room == sorted[0].Room {
			n++
		}
		groups = append(groups, sorted[:n:n])
		sorted = sorted[n:]
	}
	return groups
}

// chunks divides items at the limits of a call: a number of records, and bytes, of
// which each record takes some more than its own.
func chunks(items []item, maxRecords, maxBytes, perRecord int) [][]item {
	var all [][]item
	begin, size := 0, 0
	for i := range items {
		n := int(items[i].Bytes) + perRecord
		if i-begin == maxRecords || i > begin && size+n > maxBytes {
			all = append(all, items[begin:i:i])
			begin, size = i, 0
		}
		size += n
	}
	return append(all, items[begin:])
}
