package hub

import (
	"context"

	"github.com/parley-chat/parley"
)

// Bus carries encoded room events between nodes, and what nodes tell each other of
// themselves. store.Store implements it.
type Bus interface {
	// Takes returns the error with which Publish refuses whatever it is given now, or
	// nil.
	Takes() error
	// Publish sends an event to all nodes with subscriptions of the room, this one
	// included. The events of one node arrive everywhere in the order of their
	// publishing. An event that it took reaches the subscriptions of this node, or their
	// lost is called; one that it returns an error for reaches none of them.
	Publish(ctx context.Context, room parley.ARN, event []byte) error
	// PublishConfirmed is Publish that returns when the other nodes have the event, or
	// do not answer in time.
	PublishConfirmed(ctx context.Context, room parley.ARN, event []byte) error
	// Subscribe calls deliver with each event of the room that is published after it
	// has returned, and lost when this node may have missed some, until stop. Both are
	// called from one goroutine, that of all rooms, and must not block.
	Subscribe(ctx context.Context, room parley.ARN,
		deliver func(event []byte), lost func()) (stop func(), err error)
	// Exchange calls report several times a second, and has the other nodes hear what
	// it returned; gone when another node has left or does not answer any more. It is
	// called once, before anything is published.
	Exchange(report func() []byte, heard func(node uint64, report []byte),
		gone func(node uint64))
}
