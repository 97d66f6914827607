package engine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	defaultStartTimeout = 2 * time.Minute

	awaitPause   = 200 * time.Millisecond // between two attempts
	awaitAttempt = 5 * time.Second        // of one
	awaitReport  = 5 * time.Second        // how often the log says what is missing
)

// Await calls try until it succeeds. With other nodes or servers that may not be there
// yet it does so for as long as a start may take, and has the log say every 5 seconds
// who is missing and why; alone, it calls try once.
func (e *Engine) Await(ctx context.Context, what string,
	try func(ctx context.Context) error) error {
	if !e.Shared() {
		return try(ctx)
	}
	all, cancel := context.WithDeadline(ctx, e.deadline)
	defer cancel()
	report := time.NewTicker(awaitReport)
	defer report.Stop()
	pause := time.NewTicker(awaitPause)
	defer pause.Stop()
	var err error // of the last attempt that was not interrupted
	for {
		now := attempt(all, try)
		if now == nil {
			return nil
		}
		if now = e.explain(now); permanent(now) {
			return now
		}
		if err == nil || all.Err() == nil {
			err = now
		}
		select {
		case <-report.C:
			e.log.Warn("waiting for " + what + ": " + err.Error() + e.obstacles(all))
		default:
		}
		select {
		case <-all.Done():
			return e.givenUp(ctx, what, err)
		case <-pause.C:
		}
	}
}

func attempt(ctx context.Context, try func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, awaitAttempt)
	defer cancel()
	return try(ctx)
}

// givenUp says what Await waited for in vain.
func (e *Engine) givenUp(ctx context.Context, what string, last error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("wait for %s: %w (%w)", what, err, last)
	}
	return fmt.Errorf("waited %s for %s: %w%s", e.cfg.StartTimeout, what, last, e.obstacles(ctx))
}

// final is an error that no further attempt will change.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

func permanent(err error) bool { return errors.As(err, &final{}) }
