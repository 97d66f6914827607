package test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/parleytest"
)

// plane is one of the two ways in which a server serves sessions: over plain TCP many
// share a goroutine, over TLS each has goroutines of its own. Clients must not be able
// to tell which it is.
type plane struct {
	name string
	tls  bool
}

var planes = []plane{{name: "ws"}, {name: "wss", tls: true}}

// node is a server in a process of its own, and a client of it.
type node struct {
	*process
	*parleytest.Client
}

// serve starts a process in development mode, without quotas unless told otherwise.
func (pl plane) serve(t *testing.T, args ...string) node {
	t.Helper()
	args = append([]string{"--dev"}, args...)
	if !pl.tls {
		p := serve(t, args...)
		return node{p, parleytest.Anonymous(t, p.url).As("test", "test")}
	}
	id := newIdentity(t)
	p := serve(t, append(args, "--tls-cert="+id.certFile(), "--tls-key="+id.keyFile())...)
	return node{p, parleytest.Anonymous(t, p.url).As("test", "test").Trusting(t, id.roots)}
}

// noQuotas takes all limits away.
func noQuotas(cfg *app.Config) { cfg.Quotas = parley.NoQuotas }

// start starts a server without quotas in this process, or over plain TCP a cluster, as
// parleytest.Start does. Options change its settings.
func (pl plane) start(t *testing.T, options ...func(*app.Config)) *parleytest.Server {
	t.Helper()
	if !pl.tls {
		return parleytest.Start(t, append(options, noQuotas)...)
	}
	return pl.startOne(t, options...)
}

// startOne starts a server without quotas in this process. Options change its settings.
func (pl plane) startOne(t *testing.T, options ...func(*app.Config)) *parleytest.Server {
	t.Helper()
	options = append(options, noQuotas)
	if !pl.tls {
		return parleytest.StartOne(t, options...)
	}
	id := newIdentity(t)
	srv := parleytest.StartOne(t, append(options, id.settings)...)
	srv.Client = parleytest.Anonymous(t, "https://"+srv.Addr().String()).
		As("test", "test").Trusting(t, id.roots)
	return srv
}

// metric returns a number of the metrics page; one that is not there is 0.
func (p *process) metric(name string) int {
	p.t.Helper()
	_, page := p.get("/metrics")
	return metricOf(p.t, page, name)
}

func metricOf(t *testing.T, page, name string) int {
	t.Helper()
	_, rest, _ := strings.Cut(page, "\n"+name+" ")
	line, _, found := strings.Cut(rest, "\n")
	n, err := strconv.ParseFloat(line, 64)
	if err != nil && found {
		t.Fatalf("metric %s is %q", name, line)
	}
	return int(n)
}

// Names of metrics.
const (
	openSessions = "parley_connections"
	endedSlow    = `parley_sessions_ended_total{reason="slow"}`
)

// smallBufferBytes is what a client that is to be easily overrun asks the kernel to hold
// for it. The kernel has a minimum of its own.
const smallBufferBytes = 4 << 10

// dialSmall opens connections whose receive buffers are small, so that the server's
// side is full soon after the client has stopped reading.
func dialSmall(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		if e := raw.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, smallBufferBytes)
		}); e != nil {
			return e
		}
		return err
	}}
	return dialer.DialContext(ctx, network, address)
}

// tcpOf returns the TCP connection of a session.
func tcpOf(u *parleytest.User) *net.TCPConn {
	if layer, ok := u.Conn.(*tls.Conn); ok {
		return layer.NetConn().(*net.TCPConn)
	}
	return u.Conn.(*net.TCPConn)
}

// patience is for what must happen, on a machine with much else to do.
const patience = time.Minute

// waitAtMost waits until something is so.
func waitAtMost(t *testing.T, limit time.Duration, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for begin := time.Now(); !so(); <-tick.C {
		if time.Since(begin) > limit {
			t.Fatalf("waited %s for %s in vain", limit, what)
		}
	}
}

// wide returns a request with the given beginning of its content that is about as large
// as documented limits allow: 500 characters, and 1 KB of attributes.
func wide(content string) string {
	content += " " + strings.Repeat("c", 499-len(content))
	return fmt.Sprintf(`{"Action":"SEND_MESSAGE","Content":%q,"Attributes":{"pad":%q}}`,
		content, strings.Repeat("p", 1000))
}
