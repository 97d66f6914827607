package engine

import "context"

// BalanceNow is one round of Balance.
func (e *Engine) BalanceNow(ctx context.Context, buckets []string) { e.balance(ctx, buckets) }

// MoveLeader has another node lead a bucket.
func (e *Engine) MoveLeader(ctx context.Context, bucket, to string) error {
	return e.move(ctx, move{bucket, to})
}
