package load

import (
	"context"
	"sync"
	"time"
)

// mintSlice returns tokens for up to most sessions from first on, but no more than
// can be minted in mintFor.
func mintSlice(ctx context.Context, concurrency, first, most int, mint joiner) (
	[]string, error,
) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	end := time.Now().Add(mintFor)
	var mu sync.Mutex // guards all below
	var tokens []string
	var firstErr error
	next := first
	turn := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1, next <= first+most && ctx.Err() == nil && time.Now().Before(end)
	}
	var workers sync.WaitGroup
	for range min(concurrency, most) {
		workers.Go(func() {
			for i, more := turn(); more; i, more = turn() {
				token, err := mint(ctx, i)
				mu.Lock()
				if err == nil {
					tokens = append(tokens, token)
				} else if firstErr == nil {
					firstErr = err
					cancel()
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	return tokens, firstErr
}
