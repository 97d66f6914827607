package store

import (
	"context"
	"fmt"
	"sync"

	"github.com/parley-chat/parley"
)

// references keeps rooms from naming logging configurations that do not exist: a
// room is saved only if those it names are there, and a configuration is deleted
// only if no room names it. No other write on this node comes between the look and
// the write.
//
// This holds for one node. Where several write, a deletion has to be announced
// first: the configuration is saved in a state in which no room may come to name
// it, every node answers that it has seen this and that its writes of rooms from
// before are done, and only then does the node that deletes look at its copy,
// brought up to date, and delete.
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
func (r *references) saveRoom(ctx context.Context, room parley.Room, save func() error) error {
	if len(room.LoggingConfigurations) == 0 {
		return save()
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
	return r.noted(room.ARN, save())
}

// deleteConfiguration runs remove unless a room names the configuration.
func (r *references) deleteConfiguration(ctx context.Context, l parley.LoggingConfiguration,
	remove func() error) error {
	r.gate.Lock()
	defer r.gate.Unlock()
	if err := r.settle(ctx); err != nil {
		return err
	}
	if room, ok := r.rooms.copy.oneNaming(l.ARN); ok {
		return &parley.Error{
			Code:     parley.Conflict,
			Message:  fmt.Sprintf("The logging configuration is in use by the room %s.", room),
			Resource: l.ARN.Resource(),
		}
	}
	return r.noted(l.ARN, remove())
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
