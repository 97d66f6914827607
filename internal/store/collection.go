package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-chat/parley"
)

// maxAttempts is how often a change of a resource is tried when others, on other
// nodes, change it at the same time.
const maxAttempts = 10

// markerLife is how long the mark of a deleted resource stays for others to see. A
// node that was cut off for longer has to load everything anew.
const markerLife = 10 * time.Minute

// kind says how the resources of one kind are named and stored.
type kind[T any] struct {
	arnKind parley.Kind
	bucket  string // part of what is on disk
	encode  func(T) ([]byte, error)
	decode  func(parley.ARN, []byte) (T, error)
	place   func(T) parley.Cursor // in lists
	names   func(T) []parley.ARN  // the resources of the other kind that one names
}

// guard runs do, which saves a resource as it is to be or deletes it as it was, or
// returns why that may not be done.
type guard[T any] func(ctx context.Context, resource T, do func() error) error

func unguarded[T any](_ context.Context, _ T, do func() error) error { return do() }

// collection keeps the resources of one kind: in a bucket, and in this node's copy
// of it, from which they are read.
type collection[T any] struct {
	kind[T]
	log      *slog.Logger
	write    func(ctx context.Context, do func(ctx context.Context) error) error
	kv       jetstream.KeyValue
	copy     *localCopy[T]
	turns    turns
	saving   guard[T]
	deleting guard[T]
}

func newCollection[T any](k kind[T], s *Store) *collection[T] {
	return &collection[T]{
		kind: k, log: s.log, write: s.write, copy: newLocalCopy[T](), turns: newTurns(),
		saving: unguarded[T], deleting: unguarded[T],
	}
}

// open makes the bucket where it is missing.
func (c *collection[T]) open(ctx context.Context, js jetstream.JetStream,
	storage jetstream.StorageType) (err error) {
	c.kv, err = js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: c.bucket, Storage: storage, LimitMarkerTTL: markerLife,
	})
	if err != nil {
		return fmt.Errorf("bucket %s: %w", c.bucket, err)
	}
	return nil
}

func (c *collection[T]) get(arn parley.ARN) (T, error) {
	if r := c.copy.get(arn); r != nil {
		return r.resource, nil
	}
	var none T
	return none, arn.NotFound()
}

// create saves a new resource. The error has code QuotaExceeded when its world has
// limit of them already, where 0 is no limit, and Conflict when it exists.
func (c *collection[T]) create(ctx context.Context, resource T, limit int) error {
	arn := c.place(resource).ARN
	key, err := resourceKey(c.arnKind, arn)
	if err != nil {
		return err
	}
	if !c.copy.reserve(arn, limit) {
		return &parley.Error{
			Code:     parley.QuotaExceeded,
			Message:  fmt.Sprintf("The account has as many %ss as its quota allows.", noun(c.arnKind)),
			Resource: parley.Resource{Type: arn.Resource().Type, ID: arn.Account},
			Limit:    limit,
		}
	}
	defer c.copy.release(arn)
	_, err = c.save(ctx, arn, resource, func(ctx context.Context, value []byte) (uint64, error) {
		return c.kv.Create(ctx, key, value)
	})
	if exists(err) {
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
	err := c.replace(ctx, arn, func(key string, have *stored[T]) error {
		resource, err := change(have.resource)
		if err != nil {
			return err
		}
		updated, err = c.save(ctx, arn, resource,
			func(ctx context.Context, value []byte) (uint64, error) {
				return c.kv.Update(ctx, key, value, have.revision)
			})
		return err
	})
	return updated, err
}

// save has put write a resource, and takes it into the copy. That and the resource
// it returns are as stored: nobody else holds their maps and slices, and what this
// node sees is what all nodes see.
func (c *collection[T]) save(ctx context.Context, arn parley.ARN, resource T,
	put func(ctx context.Context, value []byte) (revision uint64, err error)) (T, error) {
	var none T
	value, err := c.encode(resource)
	if err != nil {
		return none, err
	}
	if resource, err = c.decode(arn, value); err != nil {
		return none, err
	}
	err = c.saving(ctx, resource, func() error {
		var revision uint64
		err := c.write(ctx, func(ctx context.Context) (err error) {
			revision, err = put(ctx, value)
			return err
		})
		if err == nil {
			c.put(resource, revision)
		}
		return err
	})
	if err != nil {
		return none, err
	}
	return resource, nil
}

// delete removes a resource.
func (c *collection[T]) delete(ctx context.Context, arn parley.ARN) error {
	return c.replace(ctx, arn, func(key string, have *stored[T]) error {
		return c.deleting(ctx, have.resource, func() error {
			err := c.write(ctx, func(ctx context.Context) error {
				return c.kv.Purge(ctx, key, jetstream.LastRevision(have.revision),
					jetstream.PurgeTTL(markerLife))
			})
			if err == nil {
				c.copy.remove(arn, have.revision)
			}
			return err
		})
	})
}

// replace runs do, which writes over the revision of the resource that it is given,
// until that was the newest one.
func (c *collection[T]) replace(ctx context.Context, arn parley.ARN,
	do func(key string, have *stored[T]) error) error {
	key, err := resourceKey(c.arnKind, arn)
	if err != nil {
		return err
	}
	done, err := c.turns.take(ctx, arn)
	if err != nil {
		return err
	}
	defer done()
	for range maxAttempts {
		have := c.copy.get(arn)
		if have == nil {
			return arn.NotFound()
		}
		if err = do(key, have); !changed(err) {
			return err
		}
		if err := c.refresh(ctx, key, arn); err != nil {
			return err
		}
	}
	return unavailable(fmt.Errorf("the %s was changed by others %d times in a row",
		noun(c.arnKind), maxAttempts))
}

// refresh brings the copy of a resource up to date without waiting for the watch.
func (c *collection[T]) refresh(ctx context.Context, key string, arn parley.ARN) error {
	have := c.copy.get(arn)
	entry, err := c.kv.Get(ctx, key)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		if have != nil {
			c.copy.remove(arn, have.revision)
		}
		return nil
	case err != nil:
		return unavailable(err)
	}
	return c.take(arn, entry.Value(), entry.Revision())
}

// settle brings the copy of a resource up to date after a write with an unknown
// outcome, which may even be on its way to the bucket still.
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
	if !changed(err) {
		return err
	}
	return c.refresh(ctx, key, arn)
}

// take puts a resource into the copy as it was read from the bucket.
func (c *collection[T]) take(arn parley.ARN, value []byte, revision uint64) error {
	resource, err := c.decode(arn, value)
	if err != nil {
		return err
	}
	c.put(resource, revision)
	return nil
}

func (c *collection[T]) put(resource T, revision uint64) {
	c.copy.put(&stored[T]{Cursor: c.place(resource), resource: resource,
		names: c.names(resource), revision: revision})
}
