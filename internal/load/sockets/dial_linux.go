package sockets

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// open begins to connect. The first event of the socket says how that ended.
func (p *poller) Open(i int, token string) {
	fd, err := p.connect(i)
	if err == nil {
		p.serial++
		p.socks[i] = sock{fd: fd, token: token, serial: p.serial}
		p.opening[i] = time.Now()
		err = p.watch(fd, i, unix.EPOLLIN|unix.EPOLLOUT|unix.EPOLLRDHUP|unix.EPOLLET)
	}
	if err != nil {
		// The handler is told later, so that it may open the next one at once.
		p.Close(i)
		p.Post(func() { p.h.Failed(i, err) })
	}
}

// connect returns a socket that is connecting.
func (p *poller) connect(i int) (fd int, err error) {
	place, family := p.places.of(i), unix.AF_INET6
	if place.addr.IP.To4() != nil {
		family = unix.AF_INET
	}
	fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("make a socket: %w", err)
	}
	if err = place.bind(fd, i); err == nil {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	if err == nil {
		if err = unix.Connect(fd, place.address()); err == unix.EINPROGRESS {
			err = nil
		}
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("connect to %s: %w", place.addr, err)
	}
	return fd, nil
}

// bind chooses the address that a session comes from, and leaves the port to
// connect, which knows more free ones.
func (p *place) bind(fd, i int) error {
	if p.spread == 0 {
		return nil
	}
	err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	if err != nil {
		return err
	}
	return unix.Bind(fd, &unix.SockaddrInet4{Addr: source(i, p.spread)})
}

func (p *place) address() unix.Sockaddr {
	if ip := p.addr.IP.To4(); ip != nil {
		return &unix.SockaddrInet4{Port: p.addr.Port, Addr: [4]byte(ip)}
	}
	return &unix.SockaddrInet6{Port: p.addr.Port, Addr: [16]byte(p.addr.IP.To16())}
}

// connected sends the request of the handshake, and reports whether the session
// goes on.
func (p *poller) connected(i int) bool {
	s, place := &p.socks[i], p.places.of(i)
	code, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code != 0 {
		err = fmt.Errorf("connect to %s: %w", place.addr, unix.Errno(code))
	}
	if err != nil {
		p.fail(i, err)
		return false
	}
	if place.raw {
		p.setOpen(i)
		return p.socks[i].fd >= 0
	}
	s.state = shaking
	p.Send(i, place.shake.request(s.token))
	return s.fd >= 0
}
