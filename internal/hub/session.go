package hub

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/fanout"
	"github.com/parley-chat/parley/internal/wire"
)

// closeNormal is the close code of sessions that end as they should: official
// clients take any clean close as final. Source: RFC 6455, section 7.4.1.
const closeNormal = 1000

// Why a session ended, in logs and metrics.
const (
	endPeer         = "peer"         // the client left, or its connection broke
	endExpired      = "expired"      // its time was up
	endDisconnected = "disconnected" // a moderator ended it
	endProtocol     = "protocol"     // the client broke the protocol
	endSlow         = "slow"         // the client read too slowly
	endDropped      = "dropped"      // dropped: no sign of life, or shutdown
)

// Session is one user's connection to one room. Receive is called by one
// goroutine at a time; the other methods by any.
type Session struct {
	hub    *Hub
	room   *room
	world  *world
	token  parley.Token
	serial uint64 // unique on this node
	kicked bool   // a moderator has disconnected the user; guarded by room.mu
	out    *fanout.Session
	expiry *time.Timer // nil before Start

	requests bucket // owned by Receive

	mu    sync.Mutex // guards what follows
	ended string     // why the session ends; empty while it goes on
}

// Start begins to write to conn and to count down to the session's end.
func (s *Session) Start(conn net.Conn) {
	s.hub.cfg.Metrics.SessionOpened()
	s.out.Start(conn)
	s.expiry = time.AfterFunc(time.Until(s.token.SessionExpiresAt), s.expire)
}

// Leave ends the session for good: nothing of it runs when it returns. It may be
// called once, started or not.
func (s *Session) Leave() {
	s.room.remove(s)
	s.out.Leave()
	if s.expiry != nil {
		s.expiry.Stop()
		s.hub.cfg.Metrics.SessionEnded(s.reason())
	}
	s.hub.exit(s.room, s.world)
}

// reason returns why the session ended.
func (s *Session) reason() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch cause := s.out.Cause(); {
	case s.ended != "":
		return s.ended
	case cause == fanout.ErrTooSlow:
		return endSlow
	case cause == fanout.ErrDropped:
		return endDropped
	}
	return endPeer
}

// expire tells the client that its time is up. The ERROR 401 makes official
// clients come back with a new token; without it they would stay away.
func (s *Session) expire() {
	err := parley.Errorf(parley.Unauthenticated, "Session expired")
	s.out.Send(wire.EncodeError(parley.NewID(), "", err))
	s.close(endExpired, closeNormal, string(wire.CloseReason(err)))
}

// close ends the session with a Close frame after all that is on the tape now.
func (s *Session) close(why string, code int, reason string) {
	s.end(why)
	s.out.Close(code, reason)
}

// end remembers the first reason why the session ends.
func (s *Session) end(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == "" {
		s.ended = why
	}
}

// CloseProtocol ends the session of a client that broke the WebSocket protocol.
func (s *Session) CloseProtocol(code int, reason string) { s.close(endProtocol, code, reason) }

// PeerClosed ends the session after the client's Close frame, with an answer.
func (s *Session) PeerClosed(code int) {
	s.end(endPeer)
	s.out.PeerClosed(code)
}

// Drop closes the connection without a Close frame.
func (s *Session) Drop() { s.out.Drop() }

// Ping asks the client for a sign of life.
func (s *Session) Ping() { s.out.Ping() }

// Pong answers the client's Ping.
func (s *Session) Pong(payload []byte) { s.out.Pong(payload) }

// hasEnded reports whether the session ends: what the client sends after that is
// ignored.
func (s *Session) hasEnded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended != ""
}

// refuse answers a request with an ERROR frame.
func (s *Session) refuse(id, requestID string, err error) {
	code := parley.CodeOf(err)
	if code == parley.Internal {
		s.hub.cfg.Log.Error("messaging request", "room", s.room.arn.String(), "err", err)
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
	s.refuse(parley.NewID(), "", s.throttled("connection"))
}

// Receive handles one text message of the client and answers it: with an echo of
// the result, which comes over the bus, or with one ERROR frame.
func (s *Session) Receive(ctx context.Context, data []byte) {
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
		err = s.throttled("connection")
	case len(data) > parley.MaxRequestBytes:
		err = parley.Errorf(parley.TooLarge, "The request is too large.")
	default:
		err = s.handle(ctx, req, id, now)
	}
	if err != nil {
		s.refuse(id, req.RequestID, err)
	}
}

func (s *Session) takeRequest(now time.Time) bool {
	return s.requests.take(now, s.hub.cfg.Quotas[parley.QuotaConnectionRequests])
}

func (s *Session) throttled(scope string) error {
	s.hub.cfg.Metrics.Throttled(scope)
	return parley.Errorf(parley.Throttled, "rate limit exceeded")
}
