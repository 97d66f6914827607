package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"
)

// Token is a chat token, as CreateChatToken of the control plane returns it: the JSON of
// its answer can be read into one. It opens one connection.
type Token struct {
	Token string
	// TokenExpirationTime is when the token has to be used. Nothing is done with it: a
	// token is used at once.
	TokenExpirationTime time.Time
	// SessionExpirationTime is when the connection that the token opens will end. Before
	// then the room moves to another one. When it is zero, the room does not know, and
	// misses what is sent between the end of this connection and the next.
	SessionExpirationTime time.Time
}

// TokenProvider returns a new token. It is called for every connection, by one
// goroutine at a time. ctx ends with the room, or with the call of Dial; nothing else
// limits the time that a provider takes. After an error it is asked again, with
// pauses, unless the error is marked by Permanent. It must not call Close.
type TokenProvider func(ctx context.Context) (Token, error)

// AmazonURL returns the address of the Amazon IVS Chat endpoint of a region, such as
// us-west-2.
func AmazonURL(region string) string {
	return "wss://edge.ivschat." + region + ".amazonaws.com"
}

// Options are the settings of a room. The zero value is good for most.
type Options struct {
	// RefreshBefore is how long before a connection's end the next one is made, at the
	// latest: it is up to a half more, at random, so that not all rooms of a process are
	// refreshed at once. No more than half of what is left counts. The default is 30
	// seconds. When it is negative, connections are not refreshed.
	RefreshBefore time.Duration

	// MinBackoff and MaxBackoff limit the pauses between attempts to connect. The nth
	// pause is a random part of MinBackoff, which is doubled each time until it is
	// MaxBackoff. The defaults are 500 milliseconds and 30 seconds, the most is a day.
	MinBackoff, MaxBackoff time.Duration

	// MaxAttempts is how many attempts in a row may fail, once the connection was lost,
	// before the room ends. One that brings a connection of less than ten seconds counts as
	// failed. The default, 0, is no limit.
	MaxAttempts int

	// QueueLen is how much of what was received may wait for Receive or Handle. The
	// package's documentation says what happens when it is too little. The default is
	// 4096, the most is 1048576.
	QueueLen int

	// PingInterval is after what time without a sign of life the server is asked for one.
	// After as much again, the connection is given up. The default is 30 seconds.
	PingInterval time.Duration

	// HandshakeTimeout limits an attempt to connect, without the call of the token
	// provider. The default is 10 seconds.
	HandshakeTimeout time.Duration

	// TLS is for wss addresses. The default, nil, trusts the system's roots.
	TLS *tls.Config

	// NetDial opens the TCP connection, through a proxy, say. The default, nil, is that of
	// a net.Dialer.
	NetDial func(ctx context.Context, network, addr string) (net.Conn, error)

	// Header is added to the opening request, for a gateway on the way. It must not hold
	// Host, Upgrade, Connection, or what begins with Sec-WebSocket.
	Header http.Header

	// Log gets what happens to the connection, and never a token or what people say. The
	// default, nil, is no log.
	Log *slog.Logger
}

// The largest QueueLen and MaxBackoff.
const (
	maxQueueLen = 1 << 20
	maxBackoff  = 24 * time.Hour
)

// withDefaults returns the options with defaults in place of zeros, or all that is
// wrong with them.
func (o Options) withDefaults() (Options, error) {
	setDefault(&o.RefreshBefore, 30*time.Second)
	setDefault(&o.MinBackoff, 500*time.Millisecond)
	setDefault(&o.MaxBackoff, max(30*time.Second, o.MinBackoff))
	setDefault(&o.QueueLen, 4096)
	setDefault(&o.PingInterval, 30*time.Second)
	setDefault(&o.HandshakeTimeout, 10*time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	var wrong []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf("options: "+format, args...))
		}
	}
	check(o.MinBackoff > 0, "MinBackoff must be positive, not %s", o.MinBackoff)
	check(o.MaxBackoff >= o.MinBackoff && o.MaxBackoff <= maxBackoff,
		"MaxBackoff must be %s, as MinBackoff, to %s, not %s",
		o.MinBackoff, maxBackoff, o.MaxBackoff)
	check(o.MaxAttempts >= 0, "MaxAttempts must not be negative: %d", o.MaxAttempts)
	check(o.QueueLen > 0 && o.QueueLen <= maxQueueLen,
		"QueueLen must be 1 to %d, not %d", maxQueueLen, o.QueueLen)
	check(o.PingInterval > 0, "PingInterval must be positive, not %s", o.PingInterval)
	check(o.HandshakeTimeout > 0, "HandshakeTimeout must be positive, not %s", o.HandshakeTimeout)
	for name := range o.Header {
		check(!isReserved(name), "Header must not hold %s", name)
	}
	return o, errors.Join(wrong...)
}

// isReserved reports whether a header is part of the handshake.
func isReserved(header string) bool {
	header = http.CanonicalHeaderKey(header)
	return header == "Host" || header == "Upgrade" || header == "Connection" ||
		strings.HasPrefix(header, "Sec-Websocket-")
}

func setDefault[T comparable](value *T, def T) {
	var zero T
	if *value == zero {
		*value = def
	}
}
