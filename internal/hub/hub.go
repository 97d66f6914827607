// Package hub holds the rooms and sessions of this node. It joins sessions to
// rooms, applies the rules of the messaging plane to what they send (rights,
// limits, rates, review), publishes the result on the bus, and lays what comes back
// from the bus on the room's tape. It owns rooms, sessions and their rates; sockets are
// left to fanout, and reading them to messaging.
package hub

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/fanout"
	"github.com/parley-chat/parley/internal/metrics"
	"github.com/parley-chat/parley/internal/notice"
	"github.com/parley-chat/parley/internal/trace"
	"github.com/parley-chat/parley/internal/wire"
)

// maxPending is how many requests of this node may be on their way: under review, in
// line behind one that is, or on the bus and not back yet. It bounds memory when
// senders outrun delivery; past it, requests are refused like those over a rate. The
// bus holds several times as many.
const maxPending = 8192

// maxPendingModeration is how many more there may be when they are a moderator's, who
// may be about to end the flood.
const maxPendingModeration = 1024

// Bus carries encoded room events between nodes. store.Store implements it.
type Bus interface {
	Publish(ctx context.Context, room parley.ARN, event []byte) error
	// Subscribe calls deliver from one goroutine, in publish order, until stop.
	Subscribe(ctx context.Context, room parley.ARN,
		deliver func(event []byte)) (stop func(), err error)
}

// Rooms gives the settings of rooms as they are now. store.Store implements it.
type Rooms interface {
	// Room returns an error with code NotFound when there is no such room.
	Room(arn parley.ARN) (parley.Room, error)
}

// maxLag is how long the engine may take to write an event to all sessions before
// the hub takes no new ones: those already in come first.
const maxLag = 2 * time.Second

// Config is what a Hub works with. All of it is required, except that empty
// Quotas limit nothing, and that rooms without review handlers need no Reviewer.
type Config struct {
	Bus      Bus
	Rooms    Rooms
	Reviewer Reviewer
	ChatLog  ChatLog // nil: nothing is logged
	Engine   *fanout.Engine
	Quotas   parley.Quotas
	// MaxSessions is how many sessions this node takes, all rooms together; 0 is no
	// limit.
	MaxSessions int
	Metrics     *metrics.Metrics
	Tracer      *trace.Tracer // nil: nothing is traced
	Notices     notice.Sink   // nil: nobody is told
	Log         *slog.Logger
}

// Hub holds the sessions connected to this node, by room. Lock order: Hub.mu,
// then room.mu or world.mu; line.mu, then room.mu. No lock is held while calling the
// Bus, Rooms or the Reviewer, or while writing to a socket.
type Hub struct {
	cfg       Config
	node      uint64         // random; marks this node's own events on the bus
	pending   atomic.Int64   // requests on their way: see maxPending
	reviews   atomic.Int64   // of them, those under review
	reviewing sync.WaitGroup // a goroutine for each
	serial    atomic.Uint64  // of the last room or session made
	publisher publisher

	mu       sync.Mutex // guards what follows
	rooms    map[parley.ARN]*room
	worlds   map[parley.World]*world // never shrinks: accounts times regions
	draining bool
	count    int            // of sessions
	sessions sync.WaitGroup // Add only under mu while not draining
}

// New returns a hub without sessions.
func New(cfg Config) *Hub {
	var node [8]byte
	_, _ = rand.Read(node[:]) // never fails: it ends the process instead
	return &Hub{
		cfg:    cfg,
		node:   binary.BigEndian.Uint64(node[:]),
		rooms:  map[parley.ARN]*room{},
		worlds: map[parley.World]*world{},
	}
}

// world is what sessions of one account and region share on this node.
type world struct {
	mu          sync.Mutex // guards what follows
	connections int
	rates       map[parley.Quota]*bucket
}

// worldLocked returns what is shared in a world; h.mu is held.
func (h *Hub) worldLocked(of parley.World) *world {
	w := h.worlds[of]
	if w == nil {
		w = &world{rates: map[parley.Quota]*bucket{
			parley.QuotaMessages: new(bucket), parley.QuotaDeletes: new(bucket),
			parley.QuotaDisconnects: new(bucket),
		}}
		h.worlds[of] = w
	}
	return w
}

// Join makes a session of the token's room, which receives all that is published
// from now on once it is started. The client's address may be invalid: not known. The
// caller ends the session with Leave or starts it. The error has code NotFound when the
// room is gone, Throttled when the account has too many connections, and Unavailable
// when the hub is draining or has too much to do.
func (h *Hub) Join(
	ctx context.Context, token parley.Token, client netip.Addr,
) (*Session, error) {
	if _, err := h.cfg.Rooms.Room(token.Room); err != nil {
		return nil, err
	}
	r, w, err := h.enter(token.Room)
	if err != nil {
		if parley.CodeOf(err) == parley.Throttled {
			h.breached(token.Room.World(), parley.QuotaConnections, time.Now())
		}
		return nil, err
	}
	s := &Session{
		hub: h, room: r, world: w,
		client:       client.Unmap().WithZone(""),
		userID:       token.UserID,
		sender:       wire.EncodeSender(parley.Sender{UserID: token.UserID, Attributes: token.Attributes}),
		capabilities: token.Capabilities,
		expires:      token.SessionExpiresAt.UnixNano(),
	}
	if err := r.open(ctx); err != nil {
		h.exit(r, w)
		return nil, err
	}
	r.add(s)
	if h.isDraining() { // Drain may have listed the room before the session was in it
		s.Leave()
		return nil, errDraining()
	}
	return s, nil
}

// enter counts one more session in a room, which it makes if there is none. A
// room without sessions is taken out of the map at once, so a counted one stays.
func (h *Hub) enter(arn parley.ARN) (*room, *world, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.fullLocked(); err != nil {
		return nil, nil, err
	}
	w := h.worldLocked(arn.World())
	if err := w.connect(arn, h.cfg.Quotas[parley.QuotaConnections]); err != nil {
		h.cfg.Metrics.Throttled("account", Connect)
		return nil, nil, err
	}
	r := h.rooms[arn]
	if r == nil {
		r = newRoom(h, arn, h.serial.Add(1))
		h.rooms[arn] = r
		h.cfg.Metrics.RoomOpened()
	}
	r.members++
	h.count++
	h.sessions.Add(1)
	return r, w, nil
}

// fullLocked returns why the hub takes no more sessions; h.mu is held.
func (h *Hub) fullLocked() error {
	switch {
	case h.draining:
		return errDraining()
	case h.cfg.MaxSessions > 0 && h.count >= h.cfg.MaxSessions:
		return parley.Errorf(parley.Unavailable, "The server has too many sessions.")
	case h.cfg.Engine.Lag() > maxLag:
		return parley.Errorf(parley.Unavailable, "The server has too much to do.")
	}
	return nil
}

// exit undoes enter. It does not wait for the bus when a room lost its last
// session.
func (h *Hub) exit(r *room, w *world) {
	w.disconnect()
	h.mu.Lock()
	r.members--
	h.count--
	last := r.members == 0
	if last {
		delete(h.rooms, r.arn)
	}
	h.mu.Unlock()
	if !last {
		h.sessions.Done()
		return
	}
	go func() {
		defer h.sessions.Done()
		r.close()
		h.cfg.Metrics.RoomClosed()
	}()
}

// admit counts one more request that is on its way.
func (h *Hub) admit(action wire.Action) error {
	limit := int64(maxPending)
	if action != wire.SendMessage {
		limit += maxPendingModeration
	}
	if h.pending.Add(1) > limit {
		h.pending.Add(-1)
		h.cfg.Metrics.Throttled("node", string(action))
		return parley.Errorf(parley.Throttled, "too many messages on their way")
	}
	return nil
}

func errDraining() error {
	return parley.Errorf(parley.Unavailable, "The server is shutting down.")
}

// Connections returns how many sessions of a world are open on this node.
func (h *Hub) Connections(of parley.World) int {
	h.mu.Lock()
	w := h.worlds[of]
	h.mu.Unlock()
	if w == nil {
		return 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.connections
}

func (w *world) connect(arn parley.ARN, limit int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if limit > 0 && w.connections >= limit {
		return &parley.Error{
			Code:     parley.Throttled,
			Message:  "The account has too many concurrent connections.",
			Resource: arn.Resource(),
			Limit:    limit,
		}
	}
	w.connections++
	return nil
}

func (w *world) disconnect() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.connections--
}
