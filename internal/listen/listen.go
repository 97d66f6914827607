// Package listen is what stands between the network and the HTTP server: TLS
// certificates, the PROXY protocol, the addresses of clients behind proxies, and
// limits on connections that are no sessions yet. Connections that became sessions
// are out of its sight, and requests are none of its business except for the
// headers in which proxies say who sent them.
package listen

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"

	"github.com/parley-chat/parley/internal/metrics"
)

// Config is how a Door lets connections in. The zero value lets in everyone,
// without TLS.
type Config struct {
	// TLS has the certificates; nil is plain TCP.
	TLS *tls.Config
	// Trusted are the proxies whose word about clients is believed.
	Trusted Trusted
	// ProxyProtocol demands a header of the PROXY protocol, version 1 or 2, on every
	// connection, and lets in none that does not come from a trusted proxy.
	ProxyProtocol bool
	// Header is the one in which trusted proxies say who sent a request. Default
	// ForwardedFor.
	Header Header
	// MaxConnections is how many connections may be open that are no sessions; 0 is
	// no limit.
	MaxConnections int
	// MaxPerAddress is how many of them may come from one client address, an IPv6
	// one being a whole /64, unless that is of a trusted proxy; 0 is no limit.
	MaxPerAddress int

	Metrics *metrics.Metrics // required
	Log     *slog.Logger     // required
}

// Door lets connections in to one HTTP server. That server must call Watch on every
// change of a connection's state, and serve requests through Handler.
type Door struct {
	trusted Trusted
	header  Header
	proxy   bool
	tls     *tls.Config
	metrics *metrics.Metrics
	log     *slog.Logger
	waiting waiting
}

// New returns a door without a listener.
func New(c Config) *Door {
	d := &Door{
		trusted: c.Trusted, header: c.Header, proxy: c.ProxyProtocol, tls: c.TLS,
		metrics: c.Metrics, log: c.Log,
	}
	d.waiting.limits(c.MaxConnections, c.MaxPerAddress)
	return d
}

// Why connections are dropped, as metrics say it.
const (
	tooMany            = "too_many"
	tooManyFromAddress = "too_many_from_address"
	untrustedPeer      = "untrusted_peer"
	noProxyHeader      = "no_proxy_header"
)

func (d *Door) dropped(reason string) { d.metrics.ConnectionDropped(reason) }

// Listen accepts TCP connections on an address, host:port. What it accepts is for
// one HTTP server.
func (d *Door) Listen(address string) (net.Listener, error) {
	// The kernel need not probe whether peers are alive: sessions are pinged, and
	// requests have deadlines. It saves four system calls for each connection.
	lc := net.ListenConfig{KeepAlive: -1}
	l, err := lc.Listen(context.Background(), "tcp", address) // waits for nothing
	if err != nil {
		return nil, err
	}
	if d.proxy {
		l = &proxyListener{Listener: l, door: d}
	}
	if d.tls != nil {
		l = tls.NewListener(l, d.tls)
	}
	return l, nil
}
