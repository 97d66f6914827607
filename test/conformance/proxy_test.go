package conformance

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// proxy passes connections on to a server until it cuts them, as networks do.
type proxy struct {
	listener net.Listener
	target   string // HOST:PORT
	running  sync.WaitGroup

	mu       sync.Mutex // guards what follows
	accepted int
	open     map[*net.TCPConn]struct{} // both sides
}

// startProxy starts a proxy of the server. It ends with the test.
func startProxy(t *testing.T, srv *server) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{
		listener: listener,
		target:   strings.TrimPrefix(srv.url, "http://"),
		open:     map[*net.TCPConn]struct{}{},
	}
	p.running.Go(p.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		p.cut()
		p.running.Wait()
	})
	return p
}

// chatURL returns the address of the messaging plane behind the proxy.
func (p *proxy) chatURL() string { return "ws://" + p.listener.Addr().String() }

// connections returns how many were accepted so far.
func (p *proxy) connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		p.running.Go(func() { p.pass(client.(*net.TCPConn)) })
	}
}

// pass copies in both directions until either side ends.
func (p *proxy) pass(client *net.TCPConn) {
	conn, err := net.Dial("tcp", p.target)
	if err != nil {
		reset(client)
		return
	}
	server := conn.(*net.TCPConn)
	p.mu.Lock()
	p.accepted++
	p.open[client], p.open[server] = struct{}{}, struct{}{}
	p.mu.Unlock()
	var copies sync.WaitGroup
	for from, to := range map[*net.TCPConn]*net.TCPConn{client: server, server: client} {
		copies.Go(func() {
			_, _ = io.Copy(to, from)
			_ = to.CloseWrite()
		})
	}
	copies.Wait()
	p.mu.Lock()
	delete(p.open, client)
	delete(p.open, server)
	p.mu.Unlock()
	_ = client.Close()
	_ = server.Close()
}

// cut resets all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.open {
		reset(conn)
	}
}

// reset ends a connection at once, which its peer sees as broken.
func reset(conn *net.TCPConn) {
	_ = conn.SetLinger(0)
	_ = conn.Close()
}
