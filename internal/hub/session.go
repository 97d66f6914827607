package hub

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/fanout"
	"github.com/parley-chat/parley/internal/wire"
)

// closeNormal is the close code of sessions that end as they should: official
// clients take any clean close as final. Source: RFC 6455, section 7.4.1.
const closeNormal = 1000

// ending says why a session ended, in metrics.
type ending uint8

const (
	endNone         ending = iota // it goes on
	endPeer                       // the client left, or its connection broke
	endExpired                    // its time was up
	endDisconnected               // a moderator ended it
	endProtocol                   // the client broke the protocol
	endSlow                       // the client read too slowly
	endSilent                     // the client gave no sign of life
	endDropped                    // the server stops
)

var endings = [...]string{
	endNone:         "",
	endPeer:         "peer",
	endExpired:      "expired",
	endDisconnected: "disconnected",
	endProtocol:     "protocol",
	endSlow:         "slow",
	endSilent:       "silent",
	endDropped:      "dropped",
}

// Session is one user's connection to one room. There may be a million of them, so
// it keeps little of its token. Request and RefuseBinary are called by one goroutine
// at a time; the other methods by any.
type Session struct {
	hub          *Hub
	room         *room
	world        *world
	out          *fanout.Session
	client       netip.Addr // invalid when not known
	userID       string
	sender       wire.Sender
	capabilities parley.Capabilities
	kicked       bool     // a moderator has disconnected the user; guarded by room.mu
	newer, older *Session // of the same user; guarded by room.mu
	serial       uint64   // by the hub's clock
	expires      int64    // Unix time in nanoseconds

	requests bucket // owned by Request and RefuseBinary

	line atomic.Pointer[line] // nil until a message of the session is reviewed

	mu      sync.Mutex // guards what follows
	ended   ending     // why the session ends
	started bool
	waiting func(*fanout.Session) // what to do once it is started; nil for nothing
}

// Start begins to serve conn, of which early has been read already, and to count
// down to the session's end. The receiver gets what the client sends, and must pass
// Expire and Ended on to the session.
func (s *Session) Start(conn net.Conn, early []byte, r fanout.Receiver) {
	s.hub.cfg.Metrics.SessionOpened()
	s.hub.cfg.Engine.Start(s.out, conn, early, r, time.Until(time.Unix(0, s.expires)))
	s.mu.Lock()
	s.started = true
	act := s.waiting
	s.waiting = nil
	s.mu.Unlock()
	if act != nil {
		act(s.out)
	}
}

// Leave ends a session that was not started.
func (s *Session) Leave() {
	s.room.remove(s)
	s.out.Leave()
	s.hub.exit(s.room, s.world)
}

// Client returns the address that the session's client has, or an invalid one.
func (s *Session) Client() netip.Addr { return s.client }

// Ended ends the session for good: nothing of it runs any more. It is part of
// fanout.Receiver. While messages of it are under review, it stays in its room: so that
// there is a room to deliver them to, and that it is known if its user is disconnected.
func (s *Session) Ended(cause error) {
	s.hub.cfg.Metrics.SessionEnded(endings[s.reason(cause)])
	if l := s.line.Load(); l == nil || !l.leave() {
		s.exit()
	}
}

func (s *Session) exit() {
	s.room.remove(s)
	s.hub.exit(s.room, s.world)
}

// reason returns why the session ended.
func (s *Session) reason(cause error) ending {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended != endNone:
		return s.ended
	case cause == fanout.ErrTooSlow:
		return endSlow
	case cause == fanout.ErrSilent:
		return endSilent
	}
	return endPeer
}

// Expire tells the client that its time is up. The ERROR 401 makes official
// clients come back with a new token; without it they would stay away. It is part
// of fanout.Receiver.
func (s *Session) Expire() {
	err := parley.Errorf(parley.Unauthenticated, "Session expired")
	s.out.Send(wire.EncodeError(parley.NewID(), "", err))
	s.close(endExpired, closeNormal, string(wire.CloseReason(err)))
}

// close ends the session with a Close frame after all that is on the tape now.
func (s *Session) close(why ending, code int, reason string) {
	s.end(why)
	s.act(func(out *fanout.Session) { out.Close(code, reason) })
}

// end remembers the first reason why the session ends.
func (s *Session) end(why ending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == endNone {
		s.ended = why
	}
}

// act does something with the connection, as soon as there is one: sessions can be
// disconnected while their handshake goes on.
func (s *Session) act(do func(*fanout.Session)) {
	s.mu.Lock()
	if s.started {
		s.mu.Unlock()
		do(s.out)
		return
	}
	defer s.mu.Unlock()
	if before := s.waiting; before != nil {
		s.waiting = func(out *fanout.Session) { before(out); do(out) }
		return
	}
	s.waiting = do
}

// finish ends the session without a Close frame, after all that is on the tape
// now.
func (s *Session) finish() { s.act((*fanout.Session).Finish) }

// drop ends the session at once, without a Close frame.
func (s *Session) drop() { s.act((*fanout.Session).Drop) }

// CloseProtocol ends the session of a client that broke the WebSocket protocol.
func (s *Session) CloseProtocol(code int, reason string) {
	s.end(endProtocol)
	s.out.Fail(code, reason)
}

// PeerClosed ends the session after the client's Close frame, with an answer.
func (s *Session) PeerClosed(code int) {
	s.end(endPeer)
	s.out.PeerClosed(code)
}

// Pong answers the client's Ping.
func (s *Session) Pong(payload []byte) { s.out.Pong(payload) }

// hasEnded reports whether the session ends: what the client sends after that is
// ignored.
func (s *Session) hasEnded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended != endNone
}

// refuse answers a request with an ERROR frame.
func (s *Session) refuse(id, requestID string, err error) {
	code := parley.CodeOf(err)
	if code == parley.Internal {
		s.hub.cfg.Log.Error("messaging request", "room", s.room.arn.String(), "user", s.userID,
			"request", id, "code", code.String(), "err", err)
	}
	s.hub.cfg.Metrics.Refusal(code)
	s.out.Send(wire.EncodeError(id, requestID, err))
}

// RefuseBinary answers a binary message: requests are text.
func (s *Session) RefuseBinary() {
	if s.takeRequest(time.Now()) {
		s.refuse(parley.NewID(), "",
			parley.Errorf(parley.Invalid, "Requests must be text messages."))
		return
	}
	s.refuse(parley.NewID(), "", s.throttled("connection", unknown))
}

// Request handles one text message of the client, which it does not keep, and has it
// answered: with an echo of the result, which comes over the bus, or with one ERROR
// frame. It never blocks.
func (s *Session) Request(data []byte) {
	if s.hasEnded() {
		return
	}
	now := time.Now()
	allowed := s.takeRequest(now) // every message counts, good or bad
	req, err := wire.ParseRequest(data)
	id := parley.NewID()
	switch {
	case err != nil:
	case !allowed:
		err = s.throttled("connection", nameOf(req.Action))
	case len(data) > parley.MaxRequestBytes:
		err = parley.Errorf(parley.TooLarge, "The request is too large.")
	default:
		err = s.handle(req, id, now)
	}
	if err != nil {
		s.refuse(id, req.RequestID, err)
	}
}

func (s *Session) takeRequest(now time.Time) bool {
	return s.requests.take(now, s.hub.cfg.Quotas[parley.QuotaConnectionRequests])
}

func (s *Session) throttled(scope, action string) error {
	s.hub.cfg.Metrics.Throttled(scope, action)
	return parley.Errorf(parley.Throttled, "rate limit exceeded")
}
