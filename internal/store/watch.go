package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store/bucket"
)

const (
	// loadStall is how long nothing may come while resources are loaded: a disk that is
	// busy can stand still. A record that cannot be read from it is one that never comes.
	loadStall = 10 * time.Second

	// loadPatience is how long a load is tried again where leaders may be away.
	loadPatience = time.Minute

	rewatchPause = time.Second

	// watchCheck is how often it is looked whether the watch keeps up with the leader.
	watchCheck = 2 * time.Second
)

// watch delivers the changes of a bucket: first all there is, then nil, then what
// comes.
type watch struct {
	jetstream.KeyWatcher
	cancel context.CancelFunc
}

// newWatch returns a watch that ends with ctx, or when it is told to.
func (c *collection[T]) newWatch(ctx context.Context) (*watch, error) {
	ctx, cancel := context.WithCancel(ctx)
	watcher, err := c.kv.WatchAll(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	return &watch{watcher, cancel}, nil
}

// end ends the watch and waits until it has: it cannot while what it wants to deliver
// is not taken.
func (w *watch) end() {
	w.cancel()
	for range w.Updates() {
	}
}

// start loads all resources, and keeps the copy up to date from then on. The
// goroutines that do end with run, and are counted in running.
func (c *collection[T]) start(ctx, run context.Context, running *sync.WaitGroup) error {
	ctx, cancel := context.WithTimeout(ctx, loadPatience)
	defer cancel()
	var watch *watch
	err := c.insist(ctx, func(ctx context.Context) (err error) {
		watch, err = c.load(ctx, run)
		return err
	})
	if err == nil {
		running.Go(func() { c.follow(run, watch) })
		err = c.insist(ctx, c.catchUp) // the watch may be of a replica that is behind
	}
	if err != nil {
		return fmt.Errorf("load %ss: %w", noun(c.arnKind), err)
	}
	if c.shared {
		running.Go(func() { c.guard(run) })
	}
	return nil
}

// load returns a watch of all resources that has delivered all there are. It ends
// with run, and with ctx while it loads.
func (c *collection[T]) load(ctx, run context.Context) (*watch, error) {
	run, stop := context.WithCancel(run)
	defer context.AfterFunc(ctx, stop)()
	watch, err := c.newWatch(run)
	if err != nil {
		stop()
		return nil, cmp.Or(ctx.Err(), err)
	}
	if err := c.receive(watch); err != nil {
		stop()
		watch.end()
		return nil, cmp.Or(ctx.Err(), err)
	}
	return watch, nil
}

// receive takes in what a watch delivers, up to the last resource there is.
func (c *collection[T]) receive(watch *watch) error {
	stall := time.NewTimer(loadStall)
	defer stall.Stop()
	received, expected := uint64(0), uint64(0)
	for {
		select {
		case e, ok := <-watch.Updates():
			switch {
			case !ok:
				return errors.New("the watch ended")
			case e == nil:
				return nil
			}
			if _, err := c.see(watchedEntry(e)); err != nil {
				return err
			}
			raise(&c.watched, e.Revision())
			received++
			expected = received + e.Delta()
			stall.Reset(loadStall)
		case <-stall.C:
			return fmt.Errorf("the stored %ss are damaged, or the disk stands still: "+
				"%d of %d could be read, and none for %s",
				noun(c.arnKind), received, expected, loadStall)
		}
	}
}

// follow keeps the copy up to date until run ends.
func (c *collection[T]) follow(run context.Context, watch *watch) {
	c.seeAll(run, watch, nil)
	for pause(run, rewatchPause) {
		watch, err := c.newWatch(run)
		if err != nil {
			if run.Err() == nil {
				c.log.Warn("changes by other nodes are not seen", "bucket", c.bucket, "err", err)
			}
			continue
		}
		select {
		case <-c.restart: // this is the new watch
		default:
		}
		c.seeAll(run, watch, map[parley.ARN]struct{}{})
	}
}

// seeAll takes in what a watch delivers until it ends or has to. loaded is nil for a
// watch that has delivered all there was, and empty for one that has yet to: then what
// it does not deliver has been deleted.
func (c *collection[T]) seeAll(run context.Context, watch *watch, loaded map[parley.ARN]struct{}) {
	defer watch.end()
	for {
		c.moves.Add(1)
		select {
		case <-c.restart:
			return
		case e, ok := <-watch.Updates():
			switch {
			case !ok:
				return
			case e != nil:
				arn := c.accept(watchedEntry(e))
				raise(&c.watched, e.Revision())
				if loaded != nil {
					loaded[arn] = struct{}{}
				}
			case loaded != nil:
				if err := c.forget(run, loaded); err != nil {
					return // and load once more
				}
				loaded = nil
			}
		}
	}
}

// forget takes out of the copy what was deleted while nobody watched: what is not
// among the resources that were loaded, and is not with the leader either.
func (c *collection[T]) forget(run context.Context, loaded map[parley.ARN]struct{}) error {
	for _, arn := range c.copy.arns() {
		if _, ok := loaded[arn]; ok {
			continue
		}
		ctx, cancel := context.WithTimeout(run, changeTimeout)
		err := c.refresh(ctx, arn)
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

// guard has the watch restarted when it stands still while the leader has more, until
// run ends.
func (c *collection[T]) guard(run context.Context) {
	tick := time.NewTicker(watchCheck)
	defer tick.Stop()
	var newest, moves uint64 // at the last look; newest is 0 when the leader was away
	var settled bool
	for {
		select {
		case <-run.Done():
			return
		case <-tick.C:
		}
		moved := c.moves.Load() != moves
		moves = c.moves.Load()
		if !moved && c.watched.Load() < newest && c.missed(run, newest, settled) {
			c.log.Warn("changes by other nodes came late; watching anew", "bucket", c.bucket)
			select {
			case c.restart <- struct{}{}:
			default: // told already
			}
		}
		var err error
		if newest, settled, err = c.leader.Newest(run); err != nil {
			newest = 0
		}
	}
}

// missed reports whether the leader has an entry, up to a revision, that the watch has
// not brought. A leader that has not settled may not say that there is none.
func (c *collection[T]) missed(ctx context.Context, newest uint64, settled bool) bool {
	next, err := c.leader.After(ctx, c.watched.Load())
	if err != nil || next.Revision > 0 && next.Revision <= newest {
		return err == nil
	}
	if next.Revision == 0 && !settled {
		return false
	}
	raise(&c.watched, newest) // the entries in between have been replaced
	return false
}

// accept is see for those that have nobody to tell: what cannot be read is logged.
func (c *collection[T]) accept(e bucket.Entry) parley.ARN {
	arn, err := c.see(e)
	if err != nil {
		c.log.Error("stored resource ignored", "err", err)
	}
	return arn
}

// see takes the next entry into the copy, unless it has been seen already, and returns
// the resource it is about. An entry that cannot be read is left out.
func (c *collection[T]) see(e bucket.Entry) (arn parley.ARN, err error) {
	c.order.Lock()
	defer c.order.Unlock()
	if arn, err = parseKey(c.arnKind, e.Key); e.Revision <= c.seen {
		return arn, nil
	}
	c.seenLocked(e.Revision)
	if err != nil {
		return arn, fmt.Errorf("%s: %w", noun(c.arnKind), err)
	}
	if e.Deleted {
		c.copy.removed(arn, e.Revision)
		return arn, nil
	}
	resource, err := c.decode(arn, e.Value)
	if err != nil {
		return arn, fmt.Errorf("%s: %w", arn, err)
	}
	c.copy.put(c.stored(resource, e.Revision))
	return arn, nil
}

func watchedEntry(e jetstream.KeyValueEntry) bucket.Entry {
	return bucket.Entry{Key: e.Key(), Value: e.Value(), Revision: e.Revision(),
		Deleted: e.Operation() != jetstream.KeyValuePut}
}

// raise sets a number to what it is at least.
func raise(n *atomic.Uint64, to uint64) {
	for {
		have := n.Load()
		if have >= to || n.CompareAndSwap(have, to) {
			return
		}
	}
}
