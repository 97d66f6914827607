// Package messaging is the messaging plane: the WebSocket handshake with its
// refusals, and the frames that clients send. What requests mean is left to hub,
// and the sockets to fanout.
package messaging

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
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

// Config is what a Handler works with. All of it is required but for Quotas.
type Config struct {
	Hub      *hub.Hub
	Opener   Opener
	Redeemer Redeemer
	// Plain returns the TCP connection below conn, and what has been read from it
	// already, when there is nothing between the two that changes bytes. conn is not
	// used after that.
	Plain   func(conn net.Conn) (tcp *net.TCPConn, early []byte, ok bool)
	Quotas  parley.Quotas
	Metrics *metrics.Metrics
	Log     *slog.Logger
}

// Handler turns WebSocket handshakes into sessions.
type Handler struct {
	cfg       Config
	addresses *addresses
}

// New returns a handler, which needs no end of its own: sessions are the hub's.
func New(cfg Config) *Handler {
	return &Handler{
		cfg:       cfg,
		addresses: newAddresses(cfg.Quotas[parley.QuotaConnectionsPerAddress]),
	}
}

// ServeHTTP answers one handshake.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	requestID := parley.NewRequestID()
	w.Header().Set("x-amzn-RequestId", requestID)
	err := h.accept(w, r, requestID)
	h.cfg.Metrics.Handshake(err)
	if err == nil {
		return
	}
	if isFault(err) {
		h.cfg.Log.Error("handshake", "request", requestID,
			"code", parley.CodeOf(err).String(), "err", err)
	}
	refuse(w, r, err)
}

// isFault reports whether an error is one that an operator should know of: not a
// refusal, and not the server's own decision to take no more sessions.
func isFault(err error) bool {
	var e *parley.Error
	switch parley.CodeOf(err) {
	case parley.Internal:
		return true
	case parley.Unavailable:
		return errors.As(err, &e) && e.Err != nil
	}
	return false
}

// accept opens the session that the handshake's token is for, unless the client's
// address has too many.
func (h *Handler) accept(w http.ResponseWriter, r *http.Request, requestID string) error {
	hs, err := checkHandshake(r)
	if err != nil {
		return err
	}
	token, err := h.cfg.Opener.Open(hs.token, time.Now())
	if err != nil {
		return err
	}
	client, ok := h.addresses.enter(r.RemoteAddr)
	if !ok {
		h.cfg.Metrics.Throttled("address", hub.Connect)
		return parley.Errorf(parley.Throttled, "Too many connections from this address.")
	}
	if err := h.open(w, r, client, hs, token, requestID); err != nil {
		h.addresses.leave(client)
		return err
	}
	return nil
}

// open makes the session and hands its connection to it. The session is in its room
// before the token is redeemed, and the token is redeemed before the client is told:
// so nothing sent after the client's open is missed, and no token opens two sessions.
func (h *Handler) open(w http.ResponseWriter, r *http.Request, client netip.Addr,
	hs handshake, token parley.Token, requestID string,
) error {
	ctx, cancel := context.WithTimeout(r.Context(), handshakeTimeout)
	defer cancel()
	session, err := h.cfg.Hub.Join(ctx, token, client)
	if err != nil {
		return err
	}
	awaitOlder := session.OlderWritten()
	if err := h.cfg.Redeemer.Redeem(ctx, token, requestID); err != nil {
		session.Leave()
		return err
	}
	awaitOlder(ctx)
	conn, early, err := hs.switchProtocols(w, requestID)
	if err != nil {
		session.Leave()
		return err
	}
	if tcp, more, ok := h.cfg.Plain(conn); ok {
		conn, early = tcp, append(early, more...)
	}
	session.Start(conn, early, &reader{Session: session, addresses: h.addresses})
	return nil
}
