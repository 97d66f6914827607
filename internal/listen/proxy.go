package listen

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/pires/go-proxyproto"
)

// proxyHeaderTimeout is how long a trusted proxy may take to say who is behind a
// connection.
const proxyHeaderTimeout = 10 * time.Second

// proxyListener accepts connections of trusted proxies only, which begin with a
// header of the PROXY protocol. Nobody else could be told from a client that such
// a proxy speaks for.
type proxyListener struct {
	net.Listener
	door *Door
}

// Accept waits for a connection of a trusted proxy. It does not wait for its
// header: what first uses the connection does.
func (l *proxyListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.door.trusted.Has(ipOf(conn.RemoteAddr())) {
			return l.door.proxied(conn), nil
		}
		l.door.dropped(untrustedPeer)
		l.door.log.Debug("connection from outside trusted_proxies", "peer", conn.RemoteAddr())
		_ = conn.Close()
	}
}

// proxied returns a connection that takes its client's address from its header.
func (d *Door) proxied(conn net.Conn) *proxied {
	return &proxied{door: d, Conn: proxyproto.NewConn(conn,
		proxyproto.WithPolicy(proxyproto.REQUIRE),
		proxyproto.ValidateHeader(checkProxyHeader),
		proxyproto.SetReadHeaderTimeout(proxyHeaderTimeout))}
}

// checkProxyHeader refuses clients that have no TCP address. With LOCAL, as health
// checks send it, the proxy speaks for itself and the address is not used.
func checkProxyHeader(h *proxyproto.Header) error {
	if _, ok := h.SourceAddr.(*net.TCPAddr); !ok && !h.Command.IsLocal() {
		return fmt.Errorf("the client's address is not one of TCP: %v", h.SourceAddr)
	}
	return nil
}

// proxied is a connection that begins with a header of the PROXY protocol. What
// first asks for its address or reads from it waits for the header.
type proxied struct {
	*proxyproto.Conn
	door *Door
	once sync.Once // the header
}

// RemoteAddr returns the address of the client, or of the proxy when it speaks for
// itself or has sent no header.
func (c *proxied) RemoteAddr() net.Addr {
	c.awaitHeader()
	return c.Conn.RemoteAddr()
}

// Read reads what follows the header.
func (c *proxied) Read(p []byte) (int, error) {
	c.awaitHeader()
	return c.Conn.Read(p)
}

// awaitHeader closes a connection that does not begin with a header.
func (c *proxied) awaitHeader() {
	c.once.Do(func() {
		_, err := c.Conn.Read(nil) // reads the header alone
		if err == nil {
			return
		}
		if errors.Is(err, net.ErrClosed) { // by us, for want of a place
			return
		}
		c.door.dropped(noProxyHeader)
		c.door.log.Debug("no header of the PROXY protocol", "peer", c.Raw().RemoteAddr(), "err", err)
		_ = c.Close()
	})
}

// Plain returns the TCP connection behind one that an HTTP server has accepted
// from a Door and then given up (see http.Hijacker), and what was read from it but
// not handed out: it follows what the HTTP server had read. From then on only the
// TCP connection may be used; it has no deadlines. It is not ok for TLS, whose
// bytes are not those of the client.
func Plain(conn net.Conn) (tcp *net.TCPConn, early []byte, ok bool) {
	switch conn := conn.(type) {
	case *net.TCPConn:
		return conn, nil, true
	case *proxied:
		if tcp, ok = conn.TCPConn(); !ok {
			return nil, nil, false
		}
		early = conn.buffered()
		return tcp, early, tcp.SetDeadline(time.Time{}) == nil
	}
	return nil, nil, false
}

// buffered returns what was read along with the header. It does not wait for more:
// with a deadline that is over, the connection itself is not read.
func (c *proxied) buffered() []byte {
	if c.SetReadDeadline(time.Unix(1, 0)) != nil {
		return nil
	}
	var all []byte
	var part [256]byte
	for {
		n, err := c.Read(part[:])
		all = append(all, part[:n]...)
		if err != nil {
			return all
		}
	}
}

// rawConn returns the connection that the system knows.
func rawConn(conn net.Conn) net.Conn {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	if p, ok := conn.(*proxied); ok {
		conn = p.Raw()
	}
	return conn
}
