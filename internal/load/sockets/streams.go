package sockets

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"
)

// streams is a network of ordinary connections, with a goroutine each. It serves
// TLS, and systems other than Linux. Whoever calls the handler holds mu, so that its
// methods run one at a time, and it may call those of streams.
type streams struct {
	places places
	h      Handler

	begin time.Time
	wake  chan struct{}  // of capacity 1: something was posted
	all   sync.WaitGroup // goroutines but that of run

	done   chan struct{} // closed by stop
	ticker *time.Ticker

	mu       sync.Mutex // guards sessions and stopped
	sessions []stream
	stopped  bool

	postedMu sync.Mutex // guards posted
	posted   []func()
}

// stream is the connection of a session.
type stream struct {
	cancel  func()   // ends the handshake; nil when there is no session
	conn    net.Conn // nil until the session is open
	out     []byte   // what is to be written
	writing bool     // a goroutine writes what is in out
}

func newStreams(servers []Server, sessions int, h Handler) *streams {
	return &streams{
		places: newPlaces(servers, sessions), h: h, begin: time.Now(),
		wake: make(chan struct{}, 1), done: make(chan struct{}),
		sessions: make([]stream, sessions), ticker: time.NewTicker(time.Hour),
	}
}

func (s *streams) Now() int64 { return int64(time.Since(s.begin)) }

func (s *streams) Stop() {
	if !s.stopped {
		s.stopped = true
		close(s.done)
	}
}

func (s *streams) SetBusy(bool) {}

func (s *streams) TickEvery(d time.Duration) { s.ticker.Reset(d) }

func (s *streams) Post(f func()) {
	s.postedMu.Lock()
	defer s.postedMu.Unlock()
	s.posted = append(s.posted, f)
	select {
	case s.wake <- struct{}{}:
	default: // it is awake
	}
}

func (s *streams) Run() {
	defer s.release()
	for {
		select {
		case <-s.wake:
			s.runPosted()
		case <-s.ticker.C:
			s.handle(func() { s.h.Tick(s.Now()) })
		case <-s.done:
			return
		}
	}
}

func (s *streams) runPosted() {
	s.postedMu.Lock()
	posted := s.posted
	s.posted = nil
	s.postedMu.Unlock()
	for _, f := range posted {
		s.handle(f)
	}
}

// handle calls f, unless the network has stopped.
func (s *streams) handle(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		f()
	}
}

// release closes everything and waits for all goroutines.
func (s *streams) release() {
	s.ticker.Stop()
	s.mu.Lock()
	for i := range s.sessions {
		s.Close(i)
	}
	s.mu.Unlock()
	s.all.Wait()
}

func (s *streams) Close(i int) {
	session := &s.sessions[i]
	if session.cancel != nil {
		session.cancel()
	}
	if session.conn != nil {
		_ = session.conn.Close()
	}
	*session = stream{}
}

func (s *streams) Open(i int, token string) {
	ctx, cancel := context.WithTimeout(context.Background(), HandshakeTimeout)
	s.sessions[i] = stream{cancel: cancel}
	s.all.Go(func() {
		defer cancel()
		conn, rest, err := s.dial(ctx, i, token)
		if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = errTimeout
		}
		s.handle(func() {
			if err != nil {
				s.Close(i)
				s.h.Failed(i, gone(err))
				return
			}
			s.sessions[i].conn = conn
			s.h.Opened(i)
		})
		if err == nil {
			s.read(i, conn, rest)
		}
	})
}

// dial returns a connection that has been through the handshake, and what came
// after that.
func (s *streams) dial(ctx context.Context, i int, token string) (net.Conn, []byte, error) {
	place, dialer := s.places.of(i), net.Dialer{}
	if place.spread > 0 {
		from := source(i, place.spread)
		dialer.LocalAddr = &net.TCPAddr{IP: from[:]}
	}
	conn, err := dialer.DialContext(ctx, "tcp", place.addr.String())
	if err != nil || place.raw {
		return conn, nil, err
	}
	if place.tls != nil {
		conn = tls.Client(conn, place.tls)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	rest, err := place.shake.upgrade(conn, token)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	return conn, rest, nil
}

// upgrade returns what came after the handshake.
func (h handshake) upgrade(conn net.Conn, token string) (rest []byte, err error) {
	if _, err := conn.Write(h.request(token)); err != nil {
		return nil, err
	}
	var data []byte
	for chunk := make([]byte, 4<<10); ; {
		n, err := conn.Read(chunk)
		data = append(data, chunk[:n]...)
		rest, complete, shakeErr := h.read(data, token)
		if complete || shakeErr != nil {
			return rest, shakeErr
		}
		if err != nil {
			return nil, err
		}
	}
}

// read reads a connection until it ends. It returns when that is not the session's
// any more.
func (s *streams) read(i int, conn net.Conn, data []byte) {
	defer conn.Close()
	buf := make([]byte, 0, 8<<10)
	buf = append(buf, data...)
	for {
		var err error
		s.handle(func() {
			var rest []byte
			if rest, err = deliver(s, s.h, i, buf, s.Now()); err == nil {
				buf = append(buf[:0], rest...)
			}
		})
		if err == nil {
			if len(buf) == cap(buf) {
				buf = append(buf, make([]byte, len(buf))...)[:len(buf)]
			}
			var n int
			n, err = conn.Read(buf[len(buf):cap(buf)])
			buf = buf[:len(buf)+n]
			if n > 0 {
				continue // an error comes again
			}
		}
		if err != nil {
			s.handle(func() { s.fail(i, conn, err) })
			return
		}
	}
}

// fail ends a session because of an error, unless it has another connection by now.
func (s *streams) fail(i int, conn net.Conn, err error) {
	if s.sessions[i].conn == conn {
		s.Close(i)
		s.h.Ended(i, gone(err))
	}
}

func (s *streams) Send(i int, frames []byte) {
	session := &s.sessions[i]
	if session.conn == nil {
		return
	}
	if session.out = append(session.out, frames...); len(session.out) > maxUnsentBytes {
		s.fail(i, session.conn, errUnread)
		return
	}
	if !session.writing {
		session.writing = true
		conn := session.conn
		s.all.Go(func() { s.write(i, conn) })
	}
}

// write writes what is to be written, until there is nothing more.
func (s *streams) write(i int, conn net.Conn) {
	for {
		var out []byte
		s.handle(func() {
			session := &s.sessions[i]
			if session.conn != conn {
				return
			}
			out, session.out = session.out, nil
			session.writing = len(out) > 0
		})
		if len(out) == 0 {
			return
		}
		if _, err := conn.Write(out); err != nil {
			s.handle(func() { s.fail(i, conn, err) })
			return
		}
	}
}
