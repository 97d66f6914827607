package messaging

import (
	"bytes"
	"crypto/sha1" // #nosec: RFC 6455 asks for it; nothing depends on its strength
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/parley-chat/parley"
)

// handshake is what the client's opening request said.
type handshake struct {
	key   string // Sec-WebSocket-Key
	token string // the one value of Sec-WebSocket-Protocol
}

// errUpgrade is the refusal of a request that is no WebSocket handshake of
// version 13.
var errUpgrade = parley.Errorf(parley.Invalid, "This endpoint speaks WebSocket, version 13.")

// errNoToken is the refusal of a handshake that offers no token, or more than one.
// Its text is that of every token that cannot be used.
var errNoToken = parley.Errorf(parley.Unauthenticated, unauthorized)

// unauthorized is the one text for all tokens that cannot be used: an outsider is
// not told which check failed.
const unauthorized = "The token is missing, invalid, expired or already used."

// checkHandshake reads the opening request. Its path is / and its query is
// ignored; any Origin is welcome, since the token is the credential.
// Source: RFC 6455, section 4.2.1.
func checkHandshake(r *http.Request) (handshake, error) {
	key := r.Header.Get("Sec-WebSocket-Key")
	decoded, err := base64.StdEncoding.DecodeString(key)
	if r.Method != http.MethodGet || !r.ProtoAtLeast(1, 1) ||
		!hasToken(r.Header["Connection"], "upgrade") ||
		!hasToken(r.Header["Upgrade"], "websocket") ||
		r.Header.Get("Sec-WebSocket-Version") != "13" ||
		err != nil || len(decoded) != 16 {
		return handshake{}, errUpgrade
	}
	offered := r.Header["Sec-Websocket-Protocol"]
	if len(offered) != 1 || !isToken(offered[0]) {
		return handshake{}, errNoToken
	}
	return handshake{key: key, token: offered[0]}, nil
}

// hasToken reports whether a comma-separated header holds a value, in any case.
func hasToken(values []string, want string) bool {
	for _, line := range values {
		for v := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(v), want) {
				return true
			}
		}
	}
	return false
}

// isToken reports whether s is one HTTP token: what a subprotocol may be, and what
// may be put into a response header. Source: RFC 7230, section 3.2.6.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		alphanumeric := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !alphanumeric && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

// switchProtocols takes the connection over from the HTTP server and answers 101,
// with the offered subprotocol exactly once, as browsers demand. It returns the
// connection and what the client has sent already.
func (h handshake) switchProtocols(
	w http.ResponseWriter, requestID string,
) (conn net.Conn, early []byte, err error) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("take over connection: %w", err)
	}
	early, _ = rw.Reader.Peek(rw.Reader.Buffered())
	early = bytes.Clone(early)
	answer := "HTTP/1.1 101 Switching Protocols\r\n" +
		"Upgrade: websocket\r\n" +
		"Connection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + acceptKey(h.key) + "\r\n" +
		"Sec-WebSocket-Protocol: " + h.token + "\r\n" +
		"x-amzn-RequestId: " + requestID + "\r\n\r\n"
	if err = conn.SetDeadline(time.Now().Add(handshakeTimeout)); err == nil {
		_, err = conn.Write([]byte(answer))
	}
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	if err != nil {
		_ = conn.Close()
		return nil, nil, fmt.Errorf("write handshake: %w", err)
	}
	return conn, early, nil
}

// acceptKey proves that the server understood the handshake.
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// refusal is how a handshake is refused. Clients see only that it failed; status
// and type serve people with curl, and logs.
type refusal struct {
	status int
	name   string
}

var internalRefusal = refusal{http.StatusInternalServerError, "InternalServerException"}

// refusals gives the codes with which a handshake can fail their form; any other
// is a fault of ours.
var refusals = map[parley.Code]refusal{
	parley.Invalid:         {http.StatusUpgradeRequired, "BadRequestException"},
	parley.Unauthenticated: {http.StatusUnauthorized, "UnauthorizedException"},
	parley.NotFound:        {http.StatusNotFound, "ResourceNotFoundException"},
	parley.Throttled:       {http.StatusTooManyRequests, "ThrottlingException"},
	parley.Unavailable:     {http.StatusServiceUnavailable, "ServiceUnavailableException"},
}

// retryAfter is what a client is told to wait, in seconds, while the server stops
// or its engine is away.
const retryAfter = "1"

// refuse answers a failed handshake with plain HTTP, never by accepting it first:
// official clients would then try again at once and for ever.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	if r.ContentLength != 0 { // do not wait for a body that nobody reads
		w.Header().Set("Connection", "close")
	}
	form, known := refusals[parley.CodeOf(err)]
	message := "The request could not be completed because of an internal failure."
	if known {
		message = messageOf(err)
	} else {
		form = internalRefusal
	}
	switch form.status {
	case http.StatusUpgradeRequired:
		w.Header().Set("Upgrade", "websocket")
		w.Header().Add("Connection", "Upgrade")
		w.Header().Set("Sec-WebSocket-Version", "13")
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", retryAfter)
	}
	body, _ := json.Marshal(map[string]string{"message": message}) // strings always marshal
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("x-amzn-ErrorType", form.name)
	w.WriteHeader(form.status)
	_, _ = w.Write(body) // a client that is gone needs no answer
}

func messageOf(err error) string {
	var e *parley.Error
	if errors.As(err, &e) {
		if e.Code == parley.Unauthenticated {
			return unauthorized
		}
		return e.Message
	}
	return ""
}
