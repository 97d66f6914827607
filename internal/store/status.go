package store

import (
	"context"

	"github.com/parley-chat/parley/internal/store/engine"
)

// Shared reports whether other nodes may use what this one does.
func (s *Store) Shared() bool { return s.engine.Shared() }

// Node returns this node's name.
func (s *Store) Node() string { return s.engine.Node() }

// Status says how the nodes of a cluster and the buckets are.
type Status = engine.Status

// StreamStatus says how one bucket is kept.
type StreamStatus = engine.Stream

// Status asks how the nodes of the cluster and the buckets are. What does not answer is
// missing; an error says that the buckets are.
func (s *Store) Status(ctx context.Context) (Status, error) { return s.engine.Status(ctx) }

// RemoveNode has a cluster forget a node that will not come back.
func (s *Store) RemoveNode(ctx context.Context, name string) error {
	return s.engine.RemoveNode(ctx, name)
}
