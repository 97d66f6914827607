package bus

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// pingEvery and maxPings find a connection that is dead without saying so.
	pingEvery = 2 * time.Second
	maxPings  = 2
	// writeTimeout is how long send may be stuck in one write.
	writeTimeout = 4 * time.Second
	// flushTimeout is how long the server may take for an answer.
	flushTimeout = 5 * time.Second
)

// network is what carries messages between nodes. What one node publishes arrives at
// another in this order, or not at all; what a node publishes does not arrive at itself.
type network interface {
	// Publish hands a message on. The data is not kept.
	Publish(subject string, data []byte) error
	// Subscribe puts what arrives on a subject into Bus.arrivals, until unsubscribe.
	// A message published after Subscribe returned goes on its way after the
	// subscription did.
	Subscribe(subject string) (unsubscribe func(), err error)
	// Flush returns when the network has seen what came before.
	Flush(ctx context.Context) error
	// Connected reports whether Publish has a chance.
	Connected() bool
	Close()
}

// natsNetwork is one connection to a NATS server. That it is one for both directions
// spares this node its own messages, and keeps subscriptions ahead of the asks that
// speak of them.
type natsNetwork struct {
	bus       *Bus
	conn      *nats.Conn
	connected atomic.Bool
}

func connect(b *Bus) (*natsNetwork, error) {
	n := &natsNetwork{bus: b}
	n.connected.Store(true)
	conn, err := b.cfg.Connect("parley events",
		nats.NoEcho(),
		nats.PingInterval(pingEvery),
		nats.MaxPingsOutstanding(maxPings),
		nats.FlusherTimeout(writeTimeout),
		nats.ReconnectOnFlusherError(),
		nats.DisconnectErrHandler(n.away),
		nats.ReconnectHandler(n.back),
		nats.ErrorHandler(n.trouble),
	)
	if err != nil {
		return nil, err
	}
	n.conn = conn
	if most := conn.MaxPayload(); most < maxMessageBytes {
		conn.Close()
		return nil, fmt.Errorf("the NATS server takes messages of at most %d bytes (max_payload), "+
			"the bus needs %d", most, maxMessageBytes)
	}
	return n, nil
}

func (n *natsNetwork) Publish(subject string, data []byte) error {
	return n.conn.Publish(subject, data)
}

func (n *natsNetwork) Subscribe(subject string) (func(), error) {
	sub, err := n.conn.ChanSubscribe(subject, n.bus.arrivals)
	if err != nil {
		return nil, err
	}
	// It fails only when the connection is closed, and the subscription with it.
	return func() { _ = sub.Unsubscribe() }, nil
}

func (n *natsNetwork) Flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	return n.conn.FlushWithContext(ctx)
}

func (n *natsNetwork) Connected() bool { return n.connected.Load() }
func (n *natsNetwork) Close()          { n.conn.Close() }

func (n *natsNetwork) away(_ *nats.Conn, err error) {
	n.connected.Store(false)
	if err != nil { // there is none when we close it
		n.bus.log.Error("the bus lost its connection", "err", err)
	}
}

// back has the others told at once where this node is: what they missed shows.
func (n *natsNetwork) back(*nats.Conn) {
	n.connected.Store(true)
	n.bus.log.Info("the bus has its connection again")
	n.bus.beatSoon()
}

// trouble hears of messages that found arrivals full, once for each time that
// this begins.
func (n *natsNetwork) trouble(_ *nats.Conn, sub *nats.Subscription, err error) {
	if sub == nil || !errors.Is(err, nats.ErrSlowConsumer) {
		n.bus.log.Warn("the bus has trouble with its engine", "err", err)
		return
	}
	dropped, _ := sub.Dropped() // of this subscription; fails once it has ended
	n.bus.overflowed()
	n.bus.log.Error("room events dropped: this node is too slow for what it receives",
		"subject", sub.Subject, "dropped", dropped, "err", err)
}
