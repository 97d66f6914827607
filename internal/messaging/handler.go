// Package messaging is the messaging plane: the WebSocket handshake with its
// refusals, the frames that clients send, and the ends of a session that come from
// the connection. What requests mean is left to hub, and writing to fanout.
package messaging

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/hub"
	"github.com/parley-chat/parley/internal/metrics"
)

// handshakeTimeout bounds what a handshake waits for: the room's subscription,
// the token's redemption, and writing the answer.
const handshakeTimeout = 10 * time.Second

// Opener opens chat tokens. token.Sealer implements it.
type Opener interface {
	// Open returns an error with code Unauthenticated for a token that is not
	// valid at now.
	Open(sealed string, now time.Time) (parley.Token, error)
}

// Redeemer makes sure that a token is used once. store.Store implements it.
type Redeemer interface {
	// Redeem returns an error with code Unauthenticated when the token was used
	// by another connection.
	Redeem(ctx context.Context, token parley.Token, connection string) error
}

// Config is what a Handler works with. All of it is required.
type Config struct {
	Hub      *hub.Hub
	Opener   Opener
	Redeemer Redeemer
	Metrics  *metrics.Metrics
	Log      *slog.Logger
}

// Handler turns WebSocket handshakes into sessions.
type Handler struct {
	cfg   Config
	reads sync.WaitGroup // the reading goroutines, one per session
}

// New returns a handler without connections. Close ends it.
func New(cfg Config) *Handler { return &Handler{cfg: cfg} }

// Close waits for the sessions to leave, which hub.Drain makes them do.
func (h *Handler) Close() { h.reads.Wait() }

// ServeHTTP answers one handshake.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	requestID := parley.NewRequestID()
	w.Header().Set("x-amzn-RequestId", requestID)
	err := h.accept(w, r, requestID)
	h.cfg.Metrics.Handshake(err)
	if err == nil {
		return
	}
	if code := parley.CodeOf(err); code == parley.Internal || code == parley.Unavailable {
		h.cfg.Log.Error("handshake", "request", requestID, "code", code.String(), "err", err)
	}
	refuse(w, r, err)
}

// accept opens the session that the handshake's token is for. The session is in
// its room before the token is redeemed, and the token is redeemed before the
// client is told: so nothing sent after the client's open is missed, and no token
// opens two sessions.
func (h *Handler) accept(w http.ResponseWriter, r *http.Request, requestID string) error {
	hs, err := checkHandshake(r)
	if err != nil {
		return err
	}
	token, err := h.cfg.Opener.Open(hs.token, time.Now())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), handshakeTimeout)
	defer cancel()
	session, err := h.cfg.Hub.Join(ctx, token)
	if err != nil {
		return err
	}
	if err := h.cfg.Redeemer.Redeem(ctx, token, requestID); err != nil {
		session.Leave()
		return err
	}
	conn, early, err := hs.switchProtocols(w, requestID)
	if err != nil {
		session.Leave()
		return err
	}
	h.start(context.WithoutCancel(r.Context()), session, conn, early)
	return nil
}

// start hands the connection to a goroutine of its own, so that the HTTP server's
// goroutine and buffers are freed.
func (h *Handler) start(ctx context.Context, session *hub.Session, conn net.Conn, early []byte) {
	session.Start(conn)
	h.reads.Add(1)
	go func() {
		defer h.reads.Done()
		defer session.Leave()
		newReader(session, conn, early).run(ctx)
	}()
}
