package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store/bucket"
)

const (
	// attemptTimeout bounds one of several attempts of a write.
	attemptTimeout = 2 * time.Second

	// retryPause lies between attempts at what waits for other nodes.
	retryPause = 100 * time.Millisecond
)

// prepare returns a resource as it will be read when it was stored, which shares no
// maps and slices with it, and the value that stores it.
func (c *collection[T]) prepare(arn parley.ARN, resource T) (asStored T, value []byte, err error) {
	if value, err = c.encode(resource); err == nil {
		asStored, err = c.decode(arn, value)
	}
	return asStored, value, err
}

// put writes what prepare returned over what was there before, nil when it is new, and
// takes it into the copy.
func (c *collection[T]) put(ctx context.Context, before *stored[T], resource T,
	value []byte) (uint64, error) {
	key, err := resourceKey(c.arnKind, c.place(resource).ARN)
	if err != nil {
		return 0, err
	}
	var last uint64
	write := func(ctx context.Context) (uint64, error) { return c.kv.Create(ctx, key, value) }
	if before != nil {
		last = before.revision
		write = func(ctx context.Context) (uint64, error) { return c.kv.Update(ctx, key, value, last) }
	}
	revision, err := c.overwrite(ctx, key, last, write, func(e bucket.Entry) bool {
		return e.Revision > 0 && !e.Deleted && bytes.Equal(e.Value, value)
	})
	if err == nil {
		c.keep(resource, revision)
	}
	return revision, err
}

// rewrite puts a resource over what there is, whoever would have to be asked.
func (c *collection[T]) rewrite(ctx context.Context, have *stored[T], resource T) (uint64, error) {
	resource, value, err := c.prepare(have.ARN, resource)
	if err != nil {
		return 0, err
	}
	return c.put(ctx, have, resource, value)
}

// purge deletes a resource of a revision, and takes it out of the copy.
func (c *collection[T]) purge(ctx context.Context, arn parley.ARN, last uint64) error {
	key, err := resourceKey(c.arnKind, arn)
	if err != nil {
		return err
	}
	_, err = c.overwrite(ctx, key, last, func(ctx context.Context) (uint64, error) {
		return 0, c.kv.Purge(ctx, key, jetstream.LastRevision(last), jetstream.PurgeTTL(markerLife))
	}, func(e bucket.Entry) bool { return e.Revision == 0 || e.Deleted })
	if err == nil {
		c.copy.remove(arn, last)
	}
	return err
}

// overwrite has write change a key whose last revision is known, 0 when it has none.
// Where other nodes may be there it tries until ctx ends, since a bucket that lost its
// leader takes no writes for a while. An attempt that got no answer may have been the
// one that was saved: when a later one finds the key changed, ours says whether what
// is there now is what write leaves. The error is as of Store.write.
func (c *collection[T]) overwrite(ctx context.Context, key string, last uint64,
	write func(ctx context.Context) (uint64, error), ours func(bucket.Entry) bool) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, Unavailable(err)
	}
	unanswered := false
	for {
		revision, err := c.attempt(ctx, write)
		if err == nil || !c.shared || errors.Is(err, nats.ErrConnectionClosed) {
			return revision, err
		}
		conflict := bucket.Exists(err) || bucket.Changed(err)
		if conflict && !unanswered {
			return 0, err
		}
		if conflict {
			there, unknown := c.last(ctx, key)
			switch {
			case unknown != nil:
			case ours(there):
				return there.Revision, nil
			case there.Revision != last:
				return 0, err
			} // else ours is on its way still, and will be refused or saved
		}
		unanswered = true
		if !pause(ctx, retryPause) {
			return 0, Unavailable(fmt.Errorf("no attempt to write was answered; the last: %v", err))
		}
	}
}

// attempt runs write once. Where other nodes may be there it does so even when the
// caller is gone: they would have to find out what became of it.
func (c *collection[T]) attempt(ctx context.Context,
	write func(ctx context.Context) (uint64, error)) (revision uint64, err error) {
	if c.shared {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), attemptTimeout)
		defer cancel()
	}
	err = c.write(ctx, func(ctx context.Context) (err error) {
		revision, err = write(ctx)
		return err
	})
	return revision, err
}

// insist runs do, which asks a leader: once where no other node is, and otherwise until
// it succeeds or ctx ends.
func (c *collection[T]) insist(ctx context.Context, do func(ctx context.Context) error) error {
	for {
		err := do(ctx)
		if err == nil || !c.shared || errors.Is(err, nats.ErrConnectionClosed) ||
			!pause(ctx, retryPause) {
			return err
		}
	}
}
