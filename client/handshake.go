package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gobwas/ws"
)

// Limits of what is read of a server before it is known to be one.
const (
	maxHandshakeBytes = 64 << 10 // of its whole answer
	maxRefusalBytes   = 8 << 10  // of the body of a refusal
	maxRetryAfter     = 5 * time.Minute
)

var (
	errTokenForm     = errors.New("the token cannot be a subprotocol: it has illegal characters")
	errNoSubprotocol = errors.New("the server did not return the token as the subprotocol")
	errLongAnswer    = fmt.Errorf("the answer to the handshake is over %d bytes", maxHandshakeBytes)
)

// parseURL returns the address of a WebSocket, which may be given as that of HTTP.
func parseURL(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	switch u.Scheme {
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	case "ws", "wss":
	default:
		return "", fmt.Errorf("the address must begin with ws, wss, http or https: %q", address)
	}
	if u.Host == "" {
		return "", fmt.Errorf("the address has no host: %q", address)
	}
	u.Fragment, u.RawFragment = "", "" // it is not sent
	return u.String(), nil
}

// connect opens a session with a token. The error is a *HandshakeError when the server
// refused it.
func connect(ctx context.Context, address string, token Token, o Options) (*session, error) {
	if !isSubprotocol(token.Token) {
		return nil, errTokenForm
	}
	var refusal *HandshakeError
	dialer := ws.Dialer{
		Protocols: []string{token.Token},
		Timeout:   o.HandshakeTimeout,
		NetDial:   o.NetDial,
		TLSConfig: o.TLS,
		Header:    ws.HandshakeHeaderHTTP(o.Header),
		WrapConn:  limitAnswer,
		OnStatusError: func(status int, _ []byte, answer io.Reader) {
			refusal = readRefusal(status, answer, token.Token)
		},
	}
	conn, early, shaken, err := dialer.Dial(ctx, address)
	switch {
	case refusal != nil:
		return nil, refusal
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		return nil, fmt.Errorf("no connection within %s: %w", o.HandshakeTimeout, err)
	case err != nil:
		return nil, fmt.Errorf("connect: %w", err)
	}
	conn = conn.(*answerConn).Conn
	if shaken.Protocol != token.Token {
		_ = conn.Close()
		return nil, errNoSubprotocol
	}
	return newSession(conn, buffered(early), token.SessionExpirationTime, o.PingInterval), nil
}

// buffered returns what came with the handshake, and gives the reader back.
func buffered(early *bufio.Reader) []byte {
	if early == nil {
		return nil
	}
	data, _ := early.Peek(early.Buffered())
	data = bytes.Clone(data)
	ws.PutReader(early)
	return data
}

// isSubprotocol reports whether s is a token of HTTP, as a subprotocol must be. Anything
// else would let whoever makes tokens write headers. Source: RFC 7230, section 3.2.6.
func isSubprotocol(s string) bool {
	for i := range len(s) {
		c := s[i]
		alphanumeric := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !alphanumeric && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// answerConn is a connection of which only so much is read.
type answerConn struct {
	net.Conn
	left int
}

func limitAnswer(conn net.Conn) net.Conn { return &answerConn{conn, maxHandshakeBytes} }

func (c *answerConn) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, errLongAnswer
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// readRefusal reads the answer of a server that refuses a handshake. A text that holds
// the token is dropped, so that no log gets it.
func readRefusal(status int, answer io.Reader, token string) *HandshakeError {
	e := &HandshakeError{Status: status}
	response, err := http.ReadResponse(bufio.NewReader(answer), nil)
	if err != nil {
		return e
	}
	defer response.Body.Close()
	// AWS may add the address of a schema, after a colon.
	e.Type, _, _ = strings.Cut(response.Header.Get("x-amzn-ErrorType"), ":")
	e.RetryAfter = retryAfter(response.Header.Get("Retry-After"), time.Now())
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxRefusalBytes))
	var said struct{ Message string }
	_ = json.Unmarshal(body, &said) // what is not JSON says nothing
	e.Message = said.Message
	if strings.Contains(e.Type, token) || strings.Contains(e.Message, token) {
		e.Type, e.Message = "", ""
	}
	return e
}

// retryAfter reads a header that holds seconds or a date. What is longer than makes
// sense is cut. Source: RFC 9110, section 10.2.3.
func retryAfter(header string, now time.Time) time.Duration {
	wait := time.Duration(0)
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}
