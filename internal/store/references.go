package store

import (
	"context"
	"fmt"
	"sync"

	"github.com/parley-chat/parley"
)

// references keeps rooms from naming logging configurations that do not exist, where
// no other node is: a room is saved only if those it names are there, and a
// configuration is deleted only if no room names it. No other write comes between
// the look and the write. Where several nodes write, announcements do the same.
//
// Lock order: the turn of a resource, then gate, then mu, then a copy's own.
type references struct {
	rooms          *collection[parley.Room]
	configurations *collection[parley.LoggingConfiguration]

	// gate is held shared while a room that names configurations is saved, and alone
	// while a configuration is deleted. The time limit of writes bounds how long.
	gate sync.RWMutex

	mu sync.Mutex // guards doubts, and is held until they are settled
	// doubts holds the rooms and configurations whose last write under the gate has
	// an unknown outcome: its caller went away, or the engine did not answer in time.
	// Whoever comes next has to settle them, so there are no more than callers.
	doubts map[parley.ARN]struct{}
}

func newReferences(rooms *collection[parley.Room],
	configurations *collection[parley.LoggingConfiguration]) *references {
	return &references{rooms: rooms, configurations: configurations,
		doubts: map[parley.ARN]struct{}{}}
}

// saveRoom runs save unless a configuration that the room names is missing.
func (r *references) saveRoom(ctx context.Context, _ *stored[parley.Room], room parley.Room,
	save func() (uint64, error)) error {
	if len(room.LoggingConfigurations) == 0 {
		_, err := save()
		return err
	}
	r.gate.RLock()
	defer r.gate.RUnlock()
	if err := r.settle(ctx); err != nil {
		return err
	}
	for _, arn := range room.LoggingConfigurations {
		if arn.World() != room.ARN.World() || r.configurations.copy.get(arn) == nil {
			return arn.NotFound()
		}
	}
	_, err := save()
	return r.noted(room.ARN, err)
}

// deleteConfiguration runs remove unless a room names the configuration.
func (r *references) deleteConfiguration(ctx context.Context,
	l *stored[parley.LoggingConfiguration], remove func(revision uint64) error) error {
	r.gate.Lock()
	defer r.gate.Unlock()
	if err := r.settle(ctx); err != nil {
		return err
	}
	if room, ok := r.rooms.copy.oneNaming(l.ARN); ok {
		return inUse(l.ARN, room)
	}
	return r.noted(l.ARN, remove(l.revision))
}

// inUse is the answer when a configuration cannot be deleted because of a room.
func inUse(configuration, room parley.ARN) error {
	return &parley.Error{
		Code:     parley.Conflict,
		Message:  fmt.Sprintf("The logging configuration is in use by the room %s.", room),
		Resource: configuration.Resource(),
	}
}

// noted returns err, the result of a write, and remembers when that does not say
// what became of it.
func (r *references) noted(arn parley.ARN, err error) error {
	if parley.CodeOf(err) == parley.Unavailable {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.doubts[arn] = struct{}{}
	}
	return err
}

// settle finds out what became of the writes in doubt. The error has code
// Unavailable when it cannot.
func (r *references) settle(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for arn := range r.doubts {
		settle := r.configurations.settle
		if arn.Kind == parley.KindRoom {
			settle = r.rooms.settle
		}
		if err := settle(ctx, arn); err != nil {
			return err
		}
		delete(r.doubts, arn)
	}
	return nil
}
