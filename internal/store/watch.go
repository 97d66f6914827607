package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// loadStall is how long nothing may come while rooms are loaded. A record that
	// cannot be read from disk is one that never comes.
	loadStall = 3 * time.Second

	rewatchPause = time.Second
)

// loadRooms returns a watch of all rooms that has delivered all there are. It ends
// with run, and with ctx while it loads.
func (s *Store) loadRooms(ctx, run context.Context) (jetstream.KeyWatcher, error) {
	run, stop := context.WithCancel(run)
	defer context.AfterFunc(ctx, stop)()
	watch, err := s.rooms.WatchAll(run)
	if err == nil {
		err = s.receiveRooms(watch)
	}
	if err != nil {
		stop()
		drain(watch)
		return nil, cmp.Or(ctx.Err(), err)
	}
	return watch, nil
}

// receiveRooms takes in what a watch delivers, up to the last room there is.
func (s *Store) receiveRooms(watch jetstream.KeyWatcher) error {
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
			if err := s.see(entry); err != nil {
				return err
			}
			received++
			expected = received + entry.Delta()
			stall.Reset(loadStall)
		case <-stall.C:
			return fmt.Errorf("the stored rooms are damaged: %d of %d can be read",
				received, expected)
		}
	}
}

// followRooms keeps the copy up to date until run ends.
func (s *Store) followRooms(run context.Context, watch jetstream.KeyWatcher) {
	for {
		s.seeAll(watch)
		if !pause(run, rewatchPause) {
			return
		}
		var err error
		if watch, err = s.rooms.WatchAll(run); err != nil && run.Err() == nil {
			s.log.Warn("changes of rooms by other nodes are not seen", "err", err)
		}
	}
}

// seeAll takes in what a watch delivers until it ends.
func (s *Store) seeAll(watch jetstream.KeyWatcher) {
	if watch == nil {
		return
	}
	for entry := range watch.Updates() {
		if entry == nil {
			continue // the end of what there was when the watch began
		}
		if err := s.see(entry); err != nil {
			s.log.Error("stored room ignored", "err", err)
		}
	}
}

// see takes one change of a room into the copy.
func (s *Store) see(entry jetstream.KeyValueEntry) error {
	arn, err := parseRoomKey(entry.Key())
	if err != nil {
		return err
	}
	if entry.Operation() != jetstream.KeyValuePut {
		s.copy.removed(arn, entry.Revision())
		return nil
	}
	if _, err := s.take(arn, entry.Value(), entry.Revision()); err != nil {
		return fmt.Errorf("room %s: %w", arn, err)
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
