package listen

import (
	"net"
	"net/http"
	"net/netip"
	"sync"

	"github.com/parley-chat/parley"
)

// waiting knows the connections that are no sessions: those that shake hands, make
// requests, or have made some and may make more. When there are too many, the one
// that has waited longest for its client is closed. An honest client needs a
// moment for its first request and can open another connection for its next one;
// who holds connections open to use up the places loses the oldest of them to
// every newcomer, instead of keeping newcomers out.
type waiting struct {
	max        int // of all; 0 is no limit
	maxAddress int // of one client address; 0 is no limit

	mu        sync.Mutex // guards what follows
	guests    map[net.Conn]*guest
	all       queue
	addresses map[netip.Addr]*queue // by client network, while it has guests
}

// guest is a connection that is no session.
type guest struct {
	conn  net.Conn   // as the HTTP server knows it
	fresh bool       // has made no request yet
	from  netip.Addr // its client network; the zero value when that has no limit
	// It stands in both queues while the server waits for its client.
	inAll, inAddress place
	address          *queue // of its client network; nil when that has no limit
}

// queue counts guests, and has those that the server waits for in order, the
// longest waiting first.
type queue struct {
	count int
	ring  place // of no guest; its next is the first
}

// place is a guest's place in a queue; without neighbours, it is not in it.
type place struct {
	previous, next *place
	guest          *guest
}

func (q *queue) append(p *place) {
	if q.ring.next == nil { // the zero value
		q.ring.previous, q.ring.next = &q.ring, &q.ring
	}
	p.previous, p.next = q.ring.previous, &q.ring
	p.previous.next, p.next.previous = p, p
}

func (p *place) leave() {
	if p.next != nil {
		p.previous.next, p.next.previous = p.next, p.previous
		p.previous, p.next = nil, nil
	}
}

func (w *waiting) limits(all, address int) {
	w.max, w.maxAddress = all, address
	w.guests = map[net.Conn]*guest{}
	w.addresses = map[netip.Addr]*queue{}
}

// Watch is the ConnState hook of the HTTP server. It keeps the limits on
// connections that are no sessions: one that was hijacked is none of them.
func (d *Door) Watch(conn net.Conn, state http.ConnState) {
	if closed, reason := d.watch(conn, state); closed != nil {
		d.dropped(reason)
		// Not the TLS connection, which would say goodbye and wait for the client.
		_ = rawConn(closed).Close()
	}
}

// watch notes the state, and returns which connection has to make room, and why.
func (d *Door) watch(conn net.Conn, state http.ConnState) (closed net.Conn, reason string) {
	w := &d.waiting
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.guests[conn]
	switch {
	case state == http.StateNew:
		return w.enterLocked(d.newGuest(conn))
	case g == nil: // it had to make room
	case state == http.StateActive:
		g.fresh = false
		g.leaveQueues()
	case state == http.StateIdle:
		w.enqueueLocked(g)
	default:
		w.forgetLocked(g)
	}
	return nil, ""
}

// newGuest reads the address that the system knows: to ask for one that a proxy
// tells would be to wait for it.
func (d *Door) newGuest(conn net.Conn) *guest {
	g := &guest{conn: conn, fresh: true}
	peer := ipOf(rawConn(conn).RemoteAddr())
	if d.waiting.maxAddress > 0 && !d.trusted.Has(peer) {
		g.from = parley.ClientNetwork(peer)
	}
	return g
}

// enterLocked lets a connection in, and returns the one that has to make room for
// it, if any: with a place taken by a request in progress everywhere, itself.
func (w *waiting) enterLocked(g *guest) (closed net.Conn, reason string) {
	w.guests[g.conn] = g
	w.all.count++
	if g.from.IsValid() {
		if g.address = w.addresses[g.from]; g.address == nil {
			g.address = new(queue)
			w.addresses[g.from] = g.address
		}
		g.address.count++
	}
	w.enqueueLocked(g)
	var oldest *guest
	switch {
	case g.address != nil && g.address.count > w.maxAddress:
		oldest, reason = g.address.ring.next.guest, tooManyFromAddress
	case w.max > 0 && w.all.count > w.max:
		oldest, reason = w.all.ring.next.guest, tooMany
	default:
		return nil, ""
	}
	w.forgetLocked(oldest)
	return oldest.conn, reason
}

// enqueueLocked puts a connection last: the server waits for its client from now on.
func (w *waiting) enqueueLocked(g *guest) {
	g.inAll.guest, g.inAddress.guest = g, g
	w.all.append(&g.inAll)
	if g.address != nil {
		g.address.append(&g.inAddress)
	}
}

func (g *guest) leaveQueues() {
	g.inAll.leave()
	g.inAddress.leave()
}

func (w *waiting) forgetLocked(g *guest) {
	g.leaveQueues()
	delete(w.guests, g.conn)
	w.all.count--
	if g.address == nil {
		return
	}
	if g.address.count--; g.address.count == 0 {
		delete(w.addresses, g.from)
	}
}

// CloseFresh closes the connections on which no request has come yet, as browsers
// open them in advance. A server that shuts down would wait for them.
func (d *Door) CloseFresh() {
	d.waiting.mu.Lock()
	defer d.waiting.mu.Unlock()
	for conn, g := range d.waiting.guests {
		if g.fresh {
			_ = rawConn(conn).Close() // which does not wait
		}
	}
}
