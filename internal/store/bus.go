package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store/bus"
)

// openBus opens this node's end of the bus. Alone, nothing leaves the process.
func (s *Store) openBus(ctx context.Context) (err error) {
	cfg := bus.Config{Prefix: s.engine.Prefix(), Node: s.engine.Node(),
		Quorum: s.engine.Quorum(), Log: s.log}
	if s.engine.Shared() {
		cfg.Connect = s.engine.Connect
	}
	s.bus, err = bus.Open(ctx, cfg)
	return err
}

// Takes returns the error with which Publish refuses whatever it is given now, or nil.
func (s *Store) Takes() error {
	if err := s.bus.Takes(); err != nil {
		return Unavailable(fmt.Errorf("publish: %w", err))
	}
	return nil
}

// Publish sends an event to all nodes that are subscribed to the room, this one
// included. It returns when the event is on its way; the events that one caller
// publishes one after the other arrive in this order. The event must not be changed
// after. The error has code Unavailable when nobody gets it.
func (s *Store) Publish(ctx context.Context, room parley.ARN, event []byte) error {
	return s.publish(ctx, room, event, s.bus.Publish)
}

// PublishConfirmed is a Publish that returns when the other nodes have the event, or do
// not answer in time. When ctx ends first, the error has code Unavailable, and the event
// is on its way all the same.
func (s *Store) PublishConfirmed(ctx context.Context, room parley.ARN, event []byte) error {
	return s.publish(ctx, room, event, s.bus.PublishConfirmed)
}

func (s *Store) publish(ctx context.Context, room parley.ARN, event []byte,
	send func(ctx context.Context, room string, event []byte) error) error {
	key, err := resourceKey(parley.KindRoom, room)
	if err != nil {
		return err
	}
	if err := send(ctx, key, event); err != nil {
		return Unavailable(fmt.Errorf("publish: %w", err))
	}
	return nil
}

// Subscribe calls deliver with each event of a room, from one goroutine for all
// rooms, in the order in which each node published its own, until stop. What is
// published on any node after Subscribe has returned is delivered, or lost is called:
// then events of the room may be missing here. Both must not block, and must not call
// stop, which waits for a callback in progress; there is none after. deliver may keep the
// event, and must not change it.
func (s *Store) Subscribe(ctx context.Context, room parley.ARN,
	deliver func(event []byte), lost func()) (stop func(), err error) {
	key, err := resourceKey(parley.KindRoom, room)
	if err != nil {
		return nil, err
	}
	stop, err = s.bus.Subscribe(ctx, key, deliver, lost)
	if err != nil {
		return nil, Unavailable(fmt.Errorf("subscribe: %w", err))
	}
	return stop, nil
}

// Exchange has what report returns sent to the other nodes every 250 ms, and calls heard
// with what they send, and gone when one of them is not heard any more. It is called
// once.
func (s *Store) Exchange(
	report func() []byte, heard func(node uint64, report []byte), gone func(node uint64),
) {
	s.bus.Exchange(report, heard, gone)
}

// BusNode is a node as the bus knows it.
type BusNode = bus.Node

// Nodes returns this node and all others that the bus knows.
func (s *Store) Nodes() []BusNode { return s.bus.Nodes() }

// Live returns the names of the nodes that are alive, this one included, in their order.
func (s *Store) Live() []string {
	var names []string
	for _, n := range s.bus.Nodes() {
		if n.Live {
			names = append(names, n.Name)
		}
	}
	slices.Sort(names) // one that started again may be there twice for a moment
	return slices.Compact(names)
}
