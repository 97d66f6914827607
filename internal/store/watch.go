package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// loadStall is how long nothing may come while resources are loaded. A record
	// that cannot be read from disk is one that never comes.
	loadStall = 3 * time.Second

	rewatchPause = time.Second
)

// start loads all resources, and keeps the copy up to date from then on. The
// goroutine that does ends with run, and is counted in running.
func (c *collection[T]) start(ctx, run context.Context, running *sync.WaitGroup) error {
	watch, err := c.load(ctx, run)
	if err != nil {
		return fmt.Errorf("load %ss: %w", noun(c.arnKind), err)
	}
	running.Go(func() { c.follow(run, watch) })
	return nil
}

// load returns a watch of all resources that has delivered all there are. It ends
// with run, and with ctx while it loads.
func (c *collection[T]) load(ctx, run context.Context) (jetstream.KeyWatcher, error) {
	run, stop := context.WithCancel(run)
	defer context.AfterFunc(ctx, stop)()
	watch, err := c.kv.WatchAll(run)
	if err == nil {
		err = c.receive(watch)
	}
	if err != nil {
		stop()
		drain(watch)
		return nil, cmp.Or(ctx.Err(), err)
	}
	return watch, nil
}

// receive takes in what a watch delivers, up to the last resource there is.
func (c *collection[T]) receive(watch jetstream.KeyWatcher) error {
	stall := time.NewTimer(loadStall)
	defer stall.Stop()
	received, expected := uint64(0), uint64(0)
	for {
		select {
		case entry, ok := <-watch.Updates():
			switch {
			case !ok:
				return errors.New("the watch ended")
			case entry == nil:
				return nil
			}
			if err := c.see(entry); err != nil {
				return err
			}
			received++
			expected = received + entry.Delta()
			stall.Reset(loadStall)
		case <-stall.C:
			return fmt.Errorf("the stored %ss are damaged: %d of %d can be read",
				noun(c.arnKind), received, expected)
		}
	}
}

// follow keeps the copy up to date until run ends.
func (c *collection[T]) follow(run context.Context, watch jetstream.KeyWatcher) {
	for {
		c.seeAll(watch)
		if !pause(run, rewatchPause) {
			return
		}
		var err error
		if watch, err = c.kv.WatchAll(run); err != nil && run.Err() == nil {
			c.log.Warn("changes by other nodes are not seen", "bucket", c.bucket, "err", err)
		}
	}
}

// seeAll takes in what a watch delivers until it ends.
func (c *collection[T]) seeAll(watch jetstream.KeyWatcher) {
	if watch == nil {
		return
	}
	for entry := range watch.Updates() {
		if entry == nil {
			continue // the end of what there was when the watch began
		}
		if err := c.see(entry); err != nil {
			c.log.Error("stored resource ignored", "err", err)
		}
	}
}

// see takes one change of a resource into the copy.
func (c *collection[T]) see(entry jetstream.KeyValueEntry) error {
	arn, err := parseKey(c.arnKind, entry.Key())
	if err != nil {
		return fmt.Errorf("%s: %w", noun(c.arnKind), err)
	}
	if entry.Operation() != jetstream.KeyValuePut {
		c.copy.removed(arn, entry.Revision())
		return nil
	}
	if err := c.take(arn, entry.Value(), entry.Revision()); err != nil {
		return fmt.Errorf("%s: %w", arn, err)
	}
	return nil
}

// drain waits for the end of a watch that was told to end: it cannot while what it
// wants to deliver is not taken.
func drain(watch jetstream.KeyWatcher) {
	if watch == nil {
		return
	}
	for range watch.Updates() {
	}
}
