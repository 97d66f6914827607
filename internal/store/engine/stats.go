package engine

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
)

const statsTimeout = time.Second

// Stats is how much NATS keeps and refuses.
type Stats struct {
	Bytes   uint64 // in memory and on disk: of this node, or of the account elsewhere
	Entries uint64 // messages; those elsewhere do not tell
	Errors  uint64 // requests refused
	Slow    int64  // connections cut off since they read too slowly; 0 elsewhere
}

// Stats returns how NATS is now. What it does not tell is 0. The error says why it tells
// nothing of what it keeps.
func (e *Engine) Stats() (Stats, error) {
	if e.server == nil {
		return e.accountStats()
	}
	stats := Stats{Slow: e.server.NumSlowConsumers()}
	info, err := e.server.Jsz(nil)
	if err == nil && info.Disabled {
		err = errDisabled
	}
	if err != nil {
		return stats, err
	}
	stats.Bytes, stats.Entries, stats.Errors = info.Bytes, info.Messages, info.API.Errors
	return stats, nil
}

func (e *Engine) accountStats() (Stats, error) {
	if !e.manage.IsConnected() {
		return Stats{}, nats.ErrDisconnected
	}
	ctx, cancel := context.WithTimeout(context.Background(), statsTimeout)
	defer cancel()
	info, err := e.js.AccountInfo(ctx)
	if err != nil {
		return Stats{}, err
	}
	return Stats{Bytes: info.Memory + info.Store, Errors: info.API.Errors}, nil
}
