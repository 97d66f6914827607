package bus_test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// relay carries TCP connections to a server, and breaks them on demand.
type relay struct {
	listener net.Listener
	to       string

	mu    sync.Mutex // guards what follows
	cond  *sync.Cond
	conns map[net.Conn]bool
	down  bool    // connections are closed, and new ones at once
	stuck [2]bool // bytes to the server, and from it, do not go on
	done  sync.WaitGroup
}

func startRelay(t testing.TB, to string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: l, to: to, conns: map[net.Conn]bool{}}
	r.cond = sync.NewCond(&r.mu)
	r.done.Go(r.accept)
	t.Cleanup(func() {
		l.Close()
		r.set(true, false, false)
		r.done.Wait()
	})
	return r
}

func (r *relay) addr() string { return r.listener.Addr().String() }

// set cuts all connections, or stops what is on its way to or from the server.
func (r *relay) set(down, stuckTo, stuckFrom bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down, r.stuck = down, [2]bool{stuckTo, stuckFrom}
	if down {
		for c := range r.conns {
			c.Close()
		}
	}
	r.cond.Broadcast()
}

func (r *relay) accept() {
	for {
		from, err := r.listener.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", r.to)
		if err != nil {
			from.Close()
			continue
		}
		if !r.add(from, to) {
			continue
		}
		r.done.Go(func() { r.copy(to, from, 0) })
		r.done.Go(func() { r.copy(from, to, 1) })
	}
}

// add closes the connections again when the relay is down.
func (r *relay) add(conns ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range conns {
		if r.down {
			c.Close()
		} else {
			r.conns[c] = true
		}
	}
	return !r.down
}

func (r *relay) copy(to io.Writer, from io.Reader, way int) {
	defer r.closeBoth(to.(net.Conn), from.(net.Conn))
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		r.mu.Lock()
		for r.stuck[way] && !r.down {
			r.cond.Wait()
		}
		r.mu.Unlock()
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (r *relay) closeBoth(conns ...net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range conns {
		c.Close()
		delete(r.conns, c)
	}
}
