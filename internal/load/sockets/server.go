package sockets

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"runtime"
)

// Server says where sessions are opened, and how.
type Server struct {
	tls  *tls.Config // nil for none
	host string      // for the Host header
	path string      // with the query
	addr *net.TCPAddr
	raw  bool // a session is a bare TCP connection, without a handshake
}

// Raw returns a server that knows nothing of WebSocket: a session is open when it is
// connected.
func Raw(addr netip.AddrPort) Server {
	return Server{addr: net.TCPAddrFromAddrPort(addr), raw: true}
}

// Find returns the server at a URL that begins with ws://, wss://, http:// or
// https://.
func Find(ctx context.Context, address string) (Server, error) {
	u, err := url.Parse(address)
	if err != nil {
		return Server{}, err
	}
	s := Server{host: u.Host, path: cmp.Or(u.EscapedPath(), "/")}
	if u.RawQuery != "" {
		s.path += "?" + u.RawQuery
	}
	port := "80"
	switch u.Scheme {
	case "ws", "http":
	case "wss", "https":
		s.tls, port = &tls.Config{ServerName: u.Hostname()}, "443"
	default:
		return Server{}, fmt.Errorf("%q: want an address that begins with ws:// or wss://", address)
	}
	s.addr, err = resolve(ctx, u.Hostname(), cmp.Or(u.Port(), port))
	return s, err
}

// resolve returns the address of a host. It prefers IPv4, because localhost is ::1
// too, where few servers listen.
func resolve(ctx context.Context, host, port string) (*net.TCPAddr, error) {
	number, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return nil, err
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	ip := ips[0]
	for _, other := range ips {
		if other.Unmap().Is4() {
			ip = other
			break
		}
	}
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip.Unmap(), uint16(number))), nil
}

// place is a server, and what its sessions have in common.
type place struct {
	Server
	shake  handshake
	spread int // source addresses; 0 for the system's choice
}

// places are servers that sessions are spread over evenly: those that are next to each
// other are on different ones.
type places []place

func newPlaces(servers []Server, sessions int) places {
	all := make(places, len(servers))
	for i, s := range servers {
		all[i] = place{Server: s, shake: newHandshake(s), spread: s.sources(sessions)}
	}
	return all
}

// of returns the server of a session.
func (p places) of(session int) *place { return &p[session%len(p)] }

// portsPerSource is how many connections are made from one source address. Linux
// has some more ports for them.
const portsPerSource = 20_000

// sources returns how many loopback addresses a number of sessions has to be spread
// over, or 0 when the system chooses. Only Linux has all of 127.0.0.0/8 without
// being told.
func (s Server) sources(sessions int) int {
	if runtime.GOOS != "linux" || sessions <= portsPerSource ||
		!s.addr.IP.IsLoopback() || s.addr.IP.To4() == nil {
		return 0
	}
	return (sessions + portsPerSource - 1) / portsPerSource
}

// source returns the address that a session comes from, of so many.
func source(session, sources int) [4]byte {
	n := session % sources
	return [4]byte{127, 0, byte(n / 250), byte(1 + n%250)}
}
