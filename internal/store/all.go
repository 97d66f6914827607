package store

import (
	"cmp"
	"context"
	"slices"

	"github.com/parley-chat/parley"
)

// AllRooms returns all rooms as they are after all that any node saved before the call,
// world by world, the one that was changed last at the end. The error has code
// Unavailable when nobody can say what that was.
func (s *Store) AllRooms(ctx context.Context) ([]parley.Room, error) {
	return everything(ctx, s.rooms)
}

// AllLoggingConfigurations is AllRooms for configurations.
func (s *Store) AllLoggingConfigurations(ctx context.Context) (
	[]parley.LoggingConfiguration, error) {
	return everything(ctx, s.configurations)
}

// everything returns all resources of a kind: world by world, the one that was changed
// last at the end.
func everything[T any](ctx context.Context, c *collection[T]) ([]T, error) {
	if err := c.insist(ctx, c.catchUp); err != nil {
		return nil, Unavailable(err)
	}
	c.copy.mu.RLock()
	defer c.copy.mu.RUnlock()
	worlds := make([]parley.World, 0, len(c.copy.lists))
	for w := range c.copy.lists {
		worlds = append(worlds, w)
	}
	slices.SortFunc(worlds, func(a, b parley.World) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region))
	})
	all := make([]T, 0, len(c.copy.resources))
	for _, w := range worlds {
		for _, r := range c.copy.lists[w] {
			all = append(all, r.resource)
		}
	}
	return all, nil
}

// CatchUp returns when this node knows what any node saved before the call. The error has
// code Unavailable when nobody can say what that was.
func (s *Store) CatchUp(ctx context.Context) error {
	err := s.rooms.insist(ctx, s.rooms.catchUp)
	if err == nil {
		err = s.configurations.insist(ctx, s.configurations.catchUp)
	}
	if err != nil {
		return Unavailable(err)
	}
	return nil
}
