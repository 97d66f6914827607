package store

import (
	"context"
	"hash/maphash"

	"github.com/parley-chat/parley"
)

// turns lets one caller at a time change a resource, so that the callers on one
// node wait for each other instead of making each other try again.
type turns struct {
	seed maphash.Seed
	// taken holds a value for each turn that is taken. Resources share turns by hash.
	taken [64]chan struct{} // capacity 1
}

func newTurns() turns {
	t := turns{seed: maphash.MakeSeed()}
	for i := range t.taken {
		t.taken[i] = make(chan struct{}, 1)
	}
	return t
}

// take waits for the resource's turn. The caller calls done at its end.
func (t *turns) take(ctx context.Context, arn parley.ARN) (done func(), err error) {
	turn := t.taken[maphash.Comparable(t.seed, arn)%uint64(len(t.taken))]
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, Unavailable(ctx.Err())
	}
}
