package keyring

import (
	"context"
	"time"
)

// Due reports whether a node should rotate the keys now.
func Due(k *Keyring, now time.Time) bool { return k.due(now) }

// RotateAlone rotates the keys without a word to other nodes.
func RotateAlone(ctx context.Context, k *Keyring) error {
	id, err := k.introduce(ctx)
	if err != nil {
		return err
	}
	return k.promote(ctx, id)
}
