package store

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store/bucket"
)

const (
	// changeTimeout bounds one change of a resource, with all its attempts. It outlasts
	// the time in which buckets that lost their leader take no writes.
	changeTimeout = 12 * time.Second

	// maxAttempts is how often a change of a resource is tried when others, on other
	// nodes, change it at the same time.
	maxAttempts = 100

	// maxConflictPause is the longest pause before the next of these attempts; it is
	// random, so that nodes do not meet again and again.
	maxConflictPause = 10 * time.Millisecond

	// markerLife is how long the mark of a deleted resource stays for others to see. A
	// node that was cut off for longer has to load everything anew.
	markerLife = 10 * time.Minute
)

// kind says how the resources of one kind are named and stored.
type kind[T any] struct {
	arnKind parley.Kind
	bucket  string // part of what is on disk
	encode  func(T) ([]byte, error)
	decode  func(parley.ARN, []byte) (T, error)
	place   func(T) parley.Cursor // in lists
	names   func(T) []parley.ARN  // the resources of the other kind that one names
}

// saver runs save, which saves a resource over what was there before, nil when it is
// new, or returns why that may not be done.
type saver[T any] func(ctx context.Context, before *stored[T], after T,
	save func() (revision uint64, err error)) error

// deleter runs remove, which deletes a resource of the given revision, or returns why
// that may not be done.
type deleter[T any] func(ctx context.Context, have *stored[T],
	remove func(revision uint64) error) error

// collection keeps the resources of one kind: in a bucket, and in this node's copy
// of it, from which they are read.
type collection[T any] struct {
	kind[T]
	log      *slog.Logger
	write    func(ctx context.Context, do func(ctx context.Context) error) error
	kv       jetstream.KeyValue
	leader   bucket.Leader
	shared   bool // other nodes may write to the bucket
	copy     *localCopy[T]
	turns    turns
	saving   saver[T]
	deleting deleter[T]

	order sync.Mutex // guards seen and gaps, and is held while something is put into the copy
	// seen is the revision up to which the copy has all entries that were there when it
	// came to them: older ones that still come are of the past.
	seen uint64
	// gaps counts how often entries were passed over. Each of them had been replaced,
	// which may have been by an entry that the copy has yet to come to.
	gaps uint64

	watched atomic.Uint64 // the revision up to which the watch has brought all entries
	moves   atomic.Uint64 // counts what the watch does, so that guard sees that it does
	restart chan struct{} // tells follow to watch anew; capacity 1: once is enough
	catches rounds        // of catchUp
}

func newCollection[T any](k kind[T], s *Store) *collection[T] {
	return &collection[T]{
		kind: k, log: s.log, write: s.write, copy: newLocalCopy[T](), turns: newTurns(),
		saving: func(_ context.Context, _ *stored[T], _ T, save func() (uint64, error)) error {
			_, err := save()
			return err
		},
		deleting: func(_ context.Context, have *stored[T], remove func(uint64) error) error {
			return remove(have.revision)
		},
		restart: make(chan struct{}, 1), catches: newRounds(),
	}
}

// open makes the bucket where it is missing.
func (c *collection[T]) open(ctx context.Context, s *Store) (err error) {
	c.shared = s.engine.Shared()
	c.kv, err = bucket.Open(ctx, s.js, s.engine, jetstream.KeyValueConfig{
		Bucket: c.bucket, Storage: s.engine.Storage(), LimitMarkerTTL: markerLife,
	})
	if err == nil {
		c.leader = bucket.Leader{Conn: s.conn, Bucket: c.kv.Bucket()}
	}
	return err
}

// create saves a new resource. The error has code QuotaExceeded when its world has
// limit of them already, where 0 is no limit, and Conflict when it exists.
func (c *collection[T]) create(ctx context.Context, resource T, limit int) error {
	arn := c.place(resource).ARN
	if _, err := resourceKey(c.arnKind, arn); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	_ = c.catchUp(ctx) // what it cannot see now is not counted
	if !c.copy.reserve(arn, limit) {
		return &parley.Error{
			Code:     parley.QuotaExceeded,
			Message:  fmt.Sprintf("The account has as many %ss as its quota allows.", noun(c.arnKind)),
			Resource: parley.Resource{Type: arn.Resource().Type, ID: arn.Account},
			Limit:    limit,
		}
	}
	defer c.copy.release(arn)
	_, err := c.save(ctx, arn, nil, resource)
	if bucket.Exists(err) {
		return &parley.Error{Code: parley.Conflict,
			Message:  fmt.Sprintf("The %s exists already.", noun(c.arnKind)),
			Resource: arn.Resource(), Err: err}
	}
	return err
}

// update replaces a resource by what change makes of it, and returns that.
func (c *collection[T]) update(ctx context.Context, arn parley.ARN,
	change func(T) (T, error)) (T, error) {
	var updated T
	err := c.replace(ctx, arn, func(ctx context.Context, have *stored[T]) error {
		resource, err := change(have.resource)
		if err != nil {
			return err
		}
		updated, err = c.save(ctx, arn, have, resource)
		return err
	})
	return updated, err
}

// save saves a resource over what was there before, nil when it is new, if that may be
// done, and returns it as stored: what this node sees is what all nodes see.
func (c *collection[T]) save(ctx context.Context, arn parley.ARN, before *stored[T],
	resource T) (T, error) {
	var none T
	resource, value, err := c.prepare(arn, resource)
	if err != nil {
		return none, err
	}
	err = c.saving(ctx, before, resource, func() (uint64, error) {
		return c.put(ctx, before, resource, value)
	})
	if err != nil {
		return none, err
	}
	return resource, nil
}

// delete removes a resource.
func (c *collection[T]) delete(ctx context.Context, arn parley.ARN) error {
	return c.replace(ctx, arn, func(ctx context.Context, have *stored[T]) error {
		return c.deleting(ctx, have, func(revision uint64) error {
			return c.purge(ctx, arn, revision)
		})
	})
}

// replace runs do, which writes over the revision of the resource that it is given,
// until that was the newest one.
func (c *collection[T]) replace(ctx context.Context, arn parley.ARN,
	do func(ctx context.Context, have *stored[T]) error) error {
	if _, err := resourceKey(c.arnKind, arn); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	done, err := c.turns.take(ctx, arn)
	if err != nil {
		return err
	}
	defer done()
	if _, err := c.current(ctx, arn); err != nil {
		return err
	}
	return c.persist(ctx, arn, do)
}

// persist is replace for who has the resource's turn.
func (c *collection[T]) persist(ctx context.Context, arn parley.ARN,
	do func(ctx context.Context, have *stored[T]) error) error {
	for range maxAttempts {
		have := c.copy.get(arn)
		if have == nil {
			return arn.NotFound()
		}
		if err := do(ctx, have); !bucket.Changed(err) {
			return err
		}
		if err := c.refresh(ctx, arn); err != nil {
			return err
		}
		wait := rand.N(maxConflictPause)
		if now := c.copy.get(arn); now != nil && now.revision == have.revision {
			wait = retryPause // another's write is on its way
		}
		if !pause(ctx, wait) {
			return Unavailable(ctx.Err())
		}
	}
	return Unavailable(fmt.Errorf("the %s was changed by others %d times in a row",
		noun(c.arnKind), maxAttempts))
}

// refresh brings the copy of a resource up to date without waiting for the watch.
func (c *collection[T]) refresh(ctx context.Context, arn parley.ARN) error {
	key, err := resourceKey(c.arnKind, arn)
	if err != nil {
		return err
	}
	have := c.copy.get(arn)
	var there bucket.Entry // its revision stays 0 when there is none
	err = c.insist(ctx, func(ctx context.Context) (err error) {
		there, err = c.last(ctx, key)
		return err
	})
	if err != nil {
		return Unavailable(err)
	}
	if there.Revision > 0 {
		return c.take(arn, there)
	}
	if have != nil { // deleted so long ago that the mark of the deletion is gone, too
		c.copy.removed(arn, have.revision+1)
	}
	return nil
}

// settle brings the copy of a resource up to date after a write with an unknown
// outcome, which may even be on its way to the bucket still. It is for buckets that
// only this node writes to.
func (c *collection[T]) settle(ctx context.Context, arn parley.ARN) error {
	key, err := resourceKey(c.arnKind, arn)
	if err != nil {
		return err
	}
	// No key has this revision. A bucket takes writes in the order of their sending,
	// so when it has refused this one, those before it are done.
	err = c.write(ctx, func(ctx context.Context) error {
		_, err := c.kv.Update(ctx, key, nil, math.MaxInt64)
		return err
	})
	if !bucket.Changed(err) {
		return err
	}
	return c.refresh(ctx, arn)
}

// take takes an entry into the copy that was read from the bucket out of turn.
func (c *collection[T]) take(arn parley.ARN, e bucket.Entry) error {
	if e.Deleted {
		c.order.Lock()
		defer c.order.Unlock()
		if e.Revision > c.seen {
			c.copy.remove(arn, e.Revision-1)
		}
		return nil
	}
	resource, err := c.decode(arn, e.Value)
	if err == nil {
		c.keep(resource, e.Revision)
	}
	return err
}

// keep takes a resource into the copy out of turn, unless the copy has later entries.
func (c *collection[T]) keep(resource T, revision uint64) {
	c.order.Lock()
	defer c.order.Unlock()
	if revision > c.seen {
		c.copy.put(c.stored(resource, revision))
	}
}

func (c *collection[T]) stored(resource T, revision uint64) *stored[T] {
	return &stored[T]{Cursor: c.place(resource), resource: resource,
		names: c.names(resource), revision: revision}
}
