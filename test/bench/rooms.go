package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store"
)

const (
	manyRooms = 50_000 // the documented quota of an account and region
	// writers is how many rooms are saved at once.
	writers = 16
	// filterCalls is how often the filter that matches no room is asked for.
	filterCalls = 50
)

// roomsResult is what was measured with many rooms.
type roomsResult struct {
	ready    time.Duration   // from the start of the process to the ready line
	pages    []time.Duration // of each page of ListRooms
	filtered []time.Duration // of a ListRooms that looks at all rooms and finds none
}

// fillRooms saves many rooms in a data folder.
func fillRooms(ctx context.Context, data string) (err error) {
	s, err := store.Open(ctx, store.Config{Dir: filepath.Join(data, "store")}, slog.Default())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	world := parley.World{Region: region, Account: account}
	errs := make([]error, writers)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			for n := i; n < manyRooms && errs[i] == nil; n += writers {
				name := fmt.Sprintf("room-%d", n)
				room := parley.NewRoom(world, parley.RoomChange{Name: &name},
					map[string]string{"team": "bench"}, time.Now())
				errs[i] = s.CreateRoom(ctx, room, 0)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// measureRooms starts a server with many rooms several times, and reads their list.
func measureRooms(ctx context.Context, b *bench) (roomsResult, error) {
	var result roomsResult
	data := filepath.Join(b.dir, "rooms")
	b.progress("saving %d rooms", manyRooms)
	if err := fillRooms(ctx, data); err != nil {
		return result, fmt.Errorf("save rooms: %w", err)
	}
	var starts []time.Duration
	for range rounds {
		b.progress("starting with %d rooms", manyRooms)
		s, err := b.startParley(ctx, b.cpus, data)
		if err != nil {
			return result, err
		}
		starts = append(starts, s.took)
		if len(starts) == rounds {
			b.progress("reading their list")
			err = result.read(s)
		}
		if err := errors.Join(err, s.stop()); err != nil {
			return result, err
		}
	}
	result.ready = median(starts)
	return result, nil
}

// read reads the whole list page by page, and then what no room matches.
func (r *roomsResult) read(s *server) error {
	c, err := newCaller(s.addr)
	if err != nil {
		return err
	}
	defer c.close()
	rooms := 0
	for token := ""; ; {
		answer, took, err := c.call("ListRooms", map[string]string{"nextToken": token})
		if err != nil {
			return err
		}
		r.pages = append(r.pages, took)
		var page struct {
			Rooms     []struct{}
			NextToken string
		}
		if err := json.Unmarshal(answer, &page); err != nil {
			return fmt.Errorf("page of ListRooms: %w", err)
		}
		rooms += len(page.Rooms)
		if token = page.NextToken; token == "" {
			break
		}
	}
	if rooms != manyRooms {
		return fmt.Errorf("ListRooms showed %d rooms, want %d", rooms, manyRooms)
	}
	for range filterCalls {
		_, took, err := c.call("ListRooms", map[string]string{"name": "no-such-room"})
		if err != nil {
			return err
		}
		r.filtered = append(r.filtered, took)
	}
	return nil
}
