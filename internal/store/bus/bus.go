package bus

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// The limits of what is on its way. Past maxWaiting and maxOutgoing, Publish fails; what
// arrives past maxWaiting is lost here, noticed, and asked for again.
const (
	// maxMessageBytes is what NATS takes, by default.
	maxMessageBytes = 1 << 20
	// MaxEventBytes is the size of the largest event, which fits in a message with
	// its header.
	MaxEventBytes = maxMessageBytes - 1024

	maxWaiting       = 64 << 10 // own events whose delivery waits; messages that arrived
	maxOutgoing      = 16 << 10 // messages to send, before events are refused
	maxOutgoingBytes = 16 << 20 // the same
	maxKeyLen        = 200      // bytes
)

// limits bound what a bus remembers. Tests make them small.
type limits struct {
	rooms     int // that are listened to here: Subscribe fails
	interests int // rooms that one peer listens to: it gets the events of all
	leaves    int // rooms that one peer is to be told are left: it is asked anew
	history   int // rooms whose last event left the ring: the oldest is only known by floor
	ringBytes int // the oldest events are not kept
}

var defaultLimits = limits{
	rooms: 1 << 20, interests: 256 << 10, leaves: 64 << 10, history: 256 << 10,
	ringBytes: 64 << 20,
}

// The errors of Publish, PublishConfirmed and Check.
var (
	ErrCutOff = errors.New("the bus does not hear a majority of the nodes")
	ErrAway   = errors.New("the bus has no connection to its engine")
	ErrFull   = errors.New("the bus has too many events on their way")
	ErrClosed = errors.New("the bus is closed")
)

// Config is how a bus reaches the other nodes.
type Config struct {
	// Connect makes a connection to NATS, which never buffers while it is away and
	// comes back by itself. Nil: this is the only node, and nothing leaves it.
	Connect func(name string, opts ...nats.Option) (*nats.Conn, error)

	Prefix string       // of all subjects
	Node   string       // this node's name, for Nodes of the others
	Quorum int          // so many nodes must be heard, this one included; 0: any
	Log    *slog.Logger // required
}

// Bus is one node's end of the bus. Its goroutines are dispatch, and in shared modes
// send and watch; Close ends them. All callbacks but Exchange's report run on dispatch,
// one after the other.
//
// mu guards all that has no other guard. Nothing waits while holding it: messages are
// put into outgoing, and send hands them to NATS.
type Bus struct {
	cfg      Config
	limits   limits
	log      *slog.Logger
	id       uint64
	started  time.Time // this node's clock counts from here
	net      network   // nil on a single node
	exchange atomic.Pointer[exchange]

	arrivals chan *nats.Msg // the network sends, dispatch receives; capacity maxWaiting
	wake     chan struct{}  // there is something in queue; capacity 1
	kick     chan struct{}  // watch has something to do earlier than it knew; capacity 1
	sendWake chan struct{}  // there is something in outgoing; capacity 1
	closing  chan struct{}  // closed to end dispatch and watch
	sendEnd  chan struct{}  // closed to end send, once outgoing is empty
	running  sync.WaitGroup
	closed   atomic.Bool
	close    sync.Once
	busy     atomic.Int64 // since when dispatch has had work, on this node's clock; 0: it has none
	todo     []delivery   // what the message that dispatch handles leads to; its own
	unacked  int          // events in peers' acks; dispatch's own

	mu       sync.Mutex
	rooms    map[string]*room
	listened int // rooms with subscriptions
	queue    []delivery
	held     int  // own events that wait for other nodes, before they go to queue
	halted   bool // Close has begun
	left     bool // the others know

	// Of this node's own events.
	ring    ring
	byHash  map[uint64]*room // those that are listened to here
	touched []*room          // had events sent since the last beat
	history []past           // last events of rooms, after they left the ring; oldest first
	floor   uint64           // no event up to it is remembered but in a room's own record
	floorAt int64            // when the event floor was published
	holds   []uint64         // events that other nodes have not acknowledged; oldest first
	series  uint64           // of the last answer
	asks    uint64           // the last ask's id

	beat    uint64    // number of the last
	beatAt  time.Time // when it was sent
	beatDue time.Time // when the next is due
	due     time.Time // when watch looks again
	looking bool      // it does, holding mu

	outgoing      []message
	outgoingBytes int
	sending       int    // messages that send took and has not sent yet
	sent          uint64 // messages that have left, or failed

	peers    map[uint64]*peer
	slots    [maxPeers]*peer
	live     uint64 // slots of the peers that are heard
	waitable uint64 // of those whose acknowledgements are waited for
	all      uint64 // of those that get everything

	stats      Stats
	complained time.Time // when malformed messages were last logged
}

// delivery is something dispatch has to do: an event for those who listened to the room
// when it came, or a call.
type delivery struct {
	to    *[]*subscription
	event []byte
	call  func()
}

// message is something send has to do.
type message struct {
	subject string
	data    []byte
}

// exchange is what Exchange was given.
type exchange struct {
	report func() []byte
	heard  func(node uint64, report []byte)
	gone   func(node uint64)
}

// Open starts a node's end of the bus. In shared modes it listens for a moment, so
// that it knows the nodes that are there when it returns.
func Open(ctx context.Context, cfg Config) (*Bus, error) {
	b := newBus(cfg)
	if cfg.Connect == nil {
		b.running.Go(b.dispatch)
		return b, nil
	}
	n, err := connect(b)
	if err != nil {
		return nil, fmt.Errorf("connect the bus: %w", err)
	}
	if err := b.join(ctx, n); err != nil {
		n.Close()
		return nil, fmt.Errorf("join the bus: %w", err)
	}
	return b, nil
}

func newBus(cfg Config) *Bus {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails: it ends the process instead
	return &Bus{
		cfg:      cfg,
		limits:   defaultLimits,
		log:      cfg.Log,
		id:       binary.BigEndian.Uint64(id[:]),
		started:  time.Now(),
		arrivals: make(chan *nats.Msg, maxWaiting),
		wake:     make(chan struct{}, 1),
		kick:     make(chan struct{}, 1),
		sendWake: make(chan struct{}, 1),
		closing:  make(chan struct{}),
		sendEnd:  make(chan struct{}),
		rooms:    map[string]*room{},
		byHash:   map[uint64]*room{},
		peers:    map[uint64]*peer{},
		ring:     ring{first: 1, next: 1},
		floorAt:  never,
	}
}

// join takes part on a network, and returns when the nodes that are there had the time
// to be heard.
func (b *Bus) join(ctx context.Context, n network) error {
	b.net = n
	for _, subject := range []string{b.beatSubject(), b.nodeSubject(b.id)} {
		if _, err := n.Subscribe(subject); err != nil {
			return err
		}
	}
	if err := n.Flush(ctx); err != nil {
		return err
	}
	b.running.Go(b.dispatch)
	b.running.Go(b.watch)
	b.running.Go(b.send)
	select {
	case <-time.After(firstListen):
		return nil
	case <-ctx.Done():
		b.stop()
		return ctx.Err()
	}
}

// Close says goodbye to the other nodes, once they have what this one published or did
// not answer in time, and stops all deliveries. It may be called twice.
func (b *Bus) Close() {
	b.close.Do(func() {
		if b.net != nil {
			b.settleHolds()
			b.goodbye()
		}
		b.stop()
		if b.net != nil {
			b.net.Close()
		}
	})
}

// stop ends the goroutines.
func (b *Bus) stop() {
	b.mu.Lock()
	b.halted = true
	b.mu.Unlock()
	b.closed.Store(true)
	close(b.sendEnd)
	close(b.closing)
	b.running.Wait()
}

// settleHolds refuses what is published from now on, and waits until nothing of what
// was before waits for other nodes. watch sees to it that this does not last.
func (b *Bus) settleHolds() {
	for {
		b.mu.Lock()
		b.halted = true
		var confirmed chan struct{}
		for _, g := range b.holds {
			if e := b.ring.at(g); e != nil && e.waits != 0 {
				confirmed = e.confirmation()
			}
		}
		b.mu.Unlock()
		if confirmed == nil {
			return
		}
		<-confirmed
	}
}

// Check returns nil when events can be published and delivered.
func (b *Bus) Check(ctx context.Context) error {
	if err := b.Ready(); err != nil {
		return err
	}
	if b.net != nil {
		if err := b.net.Flush(ctx); err != nil {
			return err
		}
	}
	alive := make(chan struct{})
	b.mu.Lock()
	full := len(b.queue) >= maxWaiting
	if !full {
		b.enqueueLocked(delivery{call: func() { close(alive) }})
	}
	b.mu.Unlock()
	if full {
		return ErrFull
	}
	select {
	case <-alive:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("room events are delivered too slowly: %w", ctx.Err())
	case <-b.closing:
		return ErrClosed
	}
}

// Ready returns why nothing can be published, or nil. Other than Check, it asks nobody.
func (b *Bus) Ready() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.readyLocked()
}

func (b *Bus) readyLocked() error {
	switch {
	case b.halted:
		return ErrClosed
	case b.net == nil:
		return nil
	case !b.net.Connected():
		return ErrAway
	case b.liveLocked() < b.cfg.Quorum:
		return ErrCutOff
	}
	return nil
}

// liveLocked returns how many nodes are there, this one included.
func (b *Bus) liveLocked() int { return 1 + bits.OnesCount64(b.live) }

// now returns the time on this node's clock, in nanoseconds.
func (b *Bus) now() int64 { return int64(time.Since(b.started)) }

func (b *Bus) beatSubject() string { return b.cfg.Prefix + ".beat" }
func (b *Bus) nodeSubject(node uint64) string {
	return fmt.Sprintf("%s.node.%016x", b.cfg.Prefix, node)
}
func (b *Bus) roomPrefix() string { return b.cfg.Prefix + ".room." }
