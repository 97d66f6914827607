package listen

import "net"

// Guests returns how many connections are remembered that are no sessions, and how
// many client addresses.
func (d *Door) Guests() (connections, addresses int) {
	d.waiting.mu.Lock()
	defer d.waiting.mu.Unlock()
	return len(d.waiting.guests), len(d.waiting.addresses)
}

// Proxied returns a connection as a listener behind a trusted proxy does.
func (d *Door) Proxied(conn net.Conn) net.Conn { return d.proxied(conn) }
