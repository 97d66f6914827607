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

// Rooms gives the settings of rooms as they are now. store.Store implements it.
type Rooms interface {
	// Room returns a room as this node knows it, without waiting. The error has code
	// NotFound when there is no such room here.
	Room(arn parley.ARN) (parley.Room, error)
	// FindRoom is Room that asks other nodes for a room which it does not know, after
	// which Room knows it. The error has code Unavailable when they do not answer.
	FindRoom(ctx context.Context, arn parley.ARN) (parley.Room, error)
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
	clock     clock          // numbers rooms, sessions and disconnections
	others    atomic.Int32   // nodes that are heard now
	clustered atomic.Bool    // another node was heard
	publisher publisher

	mu       sync.Mutex // guards what follows
	rooms    map[parley.ARN]*room
	worlds   map[parley.World]*world // never shrinks: accounts times regions
	told     []parley.World          // those of worlds that are in reports
	spent    map[parley.ARN]bucket   // of rooms without sessions here: see leaveSpentLocked
	draining bool

	neighbors map[uint64]*neighbor // by node, as the bus knows it
	count     int                  // of sessions
	sessions  sync.WaitGroup       // Add only under mu while not draining
}

// New returns a hub without sessions.
func New(cfg Config) *Hub {
	var node [8]byte
	_, _ = rand.Read(node[:]) // never fails: it ends the process instead
	h := &Hub{
		cfg:       cfg,
		node:      binary.BigEndian.Uint64(node[:]),
		rooms:     map[parley.ARN]*room{},
		worlds:    map[parley.World]*world{},
		spent:     map[parley.ARN]bucket{},
		neighbors: map[uint64]*neighbor{},
	}
	cfg.Bus.Exchange(h.report, h.heard, h.gone)
	return h
}

// Join makes a session of the token's room, which receives all that is published
// from now on once it is started. The client's address may be invalid: not known. The
// caller ends the session with Leave or starts it. The error has code NotFound when the
// room is gone, Throttled when the account has too many connections, and Unavailable
// when the hub is draining or has too much to do.
func (h *Hub) Join(
	ctx context.Context, token parley.Token, client netip.Addr,
) (*Session, error) {
	if _, err := h.cfg.Rooms.FindRoom(ctx, token.Room); err != nil {
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
		r = newRoom(h, arn)
		r.messages = h.spent[arn]
		delete(h.spent, arn)
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
		h.leaveSpentLocked(r)
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

// maxSpent is how many rooms without sessions may have their rates remembered. Past it,
// all of them are forgotten.
const maxSpent = 16 << 10

// leaveSpentLocked remembers how much of its rate a room has used, so that nobody gets
// a new second's worth by leaving and coming back. h.mu is held.
func (h *Hub) leaveSpentLocked(r *room) {
	r.mu.Lock()
	spent := r.messages
	r.mu.Unlock()
	if spent.isFull(time.Now()) {
		return
	}
	if len(h.spent) >= maxSpent {
		clear(h.spent)
	}
	h.spent[r.arn] = spent
}

func errDraining() error {
	return parley.Errorf(parley.Unavailable, "The server is shutting down.")
}
