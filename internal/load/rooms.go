package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// rooms are the rooms of a run.
type rooms struct {
	calls *calls
	arns  []string
	own   bool // they were made for the run
}

const (
	// roomConcurrency is how many rooms are made or deleted at once.
	roomConcurrency = 16
	// deleteTimeout bounds the deletion of all rooms, also after Ctrl-C.
	deleteTimeout = 30 * time.Second
)

// openRooms returns n rooms: the given one, or new ones. They have to be closed,
// also after an error.
func openRooms(ctx context.Context, calls *calls, arn string, n int) (*rooms, error) {
	if arn != "" {
		return &rooms{calls: calls, arns: []string{arn}}, nil
	}
	r := &rooms{calls: calls, own: true}
	var mu sync.Mutex // guards r.arns
	err := each(n, func(int) error {
		arn, err := calls.createRoom(ctx)
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			r.arns = append(r.arns, arn)
		}
		return err
	})
	return r, err
}

// close deletes the rooms that were made.
func (r *rooms) close() error {
	if !r.own {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), deleteTimeout)
	defer cancel()
	err := each(len(r.arns), func(i int) error { return r.calls.deleteRoom(ctx, r.arns[i]) })
	if err != nil {
		return fmt.Errorf("a room is left behind: %w", err)
	}
	return nil
}

// each calls do with 0 to n-1, several at once, and returns the first error. After
// one, no more calls begin.
func each(n int, do func(i int) error) error {
	numbers := make(chan int)
	errs := make([]error, min(n, roomConcurrency))
	failed := make(chan struct{}, len(errs))
	var workers sync.WaitGroup
	for w := range errs {
		workers.Go(func() {
			for i := range numbers {
				if errs[w] = do(i); errs[w] != nil {
					failed <- struct{}{}
					return
				}
			}
		})
	}
feed:
	for i := range n {
		select {
		case numbers <- i:
		case <-failed:
			break feed
		}
	}
	close(numbers)
	workers.Wait()
	return errors.Join(errs...)
}
