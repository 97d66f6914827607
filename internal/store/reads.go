package store

import (
	"context"
	"errors"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store/bucket"
)

// readPatience is how long a read waits to hear what other nodes wrote.
const readPatience = time.Second

// get returns a resource as the copy has it.
func (c *collection[T]) get(arn parley.ARN) (T, error) {
	if r := c.copy.get(arn); r != nil {
		return r.resource, nil
	}
	var none T
	return none, arn.NotFound()
}

// find returns a resource as the copy has it. That there is none is for the leader to
// say: when it cannot, the error has code Unavailable.
func (c *collection[T]) find(ctx context.Context, arn parley.ARN) (T, error) {
	resource, err := c.get(arn)
	if err == nil || !c.shared {
		return resource, err
	}
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	if err := c.insist(ctx, c.catchUp); err != nil {
		return resource, Unavailable(err)
	}
	return c.get(arn)
}

// current returns a resource as it is after all that any node wrote before the call.
// When the leader does not say what that was, it is what find returns.
func (c *collection[T]) current(ctx context.Context, arn parley.ARN) (T, error) {
	if err := c.catchUp(ctx); err != nil {
		return c.find(ctx, arn)
	}
	return c.get(arn)
}

// list is that of the copy, after all that any node wrote before the call, as far as
// the leader says what that was.
func (c *collection[T]) list(ctx context.Context, w parley.World, after parley.Cursor,
	limit int, match func(T) bool) (resources []T, more bool) {
	_ = c.catchUp(ctx)
	return c.copy.list(w, after, limit, match)
}

// catchUp takes into the copy what any node wrote before the call. The watch brings
// the same, but nobody knows when.
func (c *collection[T]) catchUp(ctx context.Context) error {
	if !c.shared {
		return nil // this node puts what it writes into the copy
	}
	return c.catches.join(ctx, func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readPatience)
		defer cancel()
		return c.insist(ctx, c.pull)
	})
}

// errNotSettled says that the bucket has a new leader, and a former one may have answered.
var errNotSettled = errors.New("the bucket has a new leader")

// pull takes in what the leader has and the copy has not. Entries that are passed over
// have been replaced meanwhile, by some that may be newer than all that was asked for: so
// it goes on until none is passed over, by the watch neither.
func (c *collection[T]) pull(ctx context.Context) error {
	for {
		_, before := c.upTo()
		if err := c.pullOnce(ctx); err != nil {
			return err
		}
		if _, gaps := c.upTo(); gaps == before {
			return nil
		}
	}
}

// pullOnce takes in, one by one, the entries up to the one that is the newest now.
func (c *collection[T]) pullOnce(ctx context.Context) error {
	newest, settled, err := c.leader.Newest(ctx)
	if err != nil {
		return err
	}
	for {
		seen, _ := c.upTo()
		if seen >= newest {
			return nil
		}
		next, err := c.leader.After(ctx, seen)
		switch {
		case err != nil:
			return err
		case next.Revision > 0:
			c.accept(next)
		case !settled:
			return errNotSettled
		default:
			c.saw(newest)
			return nil
		}
	}
}

// last returns what the leader has under a key. That it has nothing is believed only of
// one that no former leader is taken for.
func (c *collection[T]) last(ctx context.Context, key string) (bucket.Entry, error) {
	there, err := c.leader.Last(ctx, key)
	if err != nil || there.Revision > 0 {
		return there, err
	}
	_, settled, err := c.leader.Newest(ctx)
	if err == nil && !settled {
		err = errNotSettled
	}
	return there, err
}

// upTo returns the revision up to which the copy has seen all entries, and how often some
// were passed over.
func (c *collection[T]) upTo() (seen, gaps uint64) {
	c.order.Lock()
	defer c.order.Unlock()
	return c.seen, c.gaps
}

// saw notes that the leader has nothing up to a revision that the copy has not.
func (c *collection[T]) saw(revision uint64) {
	c.order.Lock()
	defer c.order.Unlock()
	c.seenLocked(revision)
}

// seenLocked notes that there is no entry any more between what was seen and a revision.
func (c *collection[T]) seenLocked(revision uint64) {
	if revision > c.seen+1 {
		c.gaps++
	}
	c.seen = max(c.seen, revision)
}
