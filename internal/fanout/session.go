package fanout

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Limits of a session. A reader beyond one of them is dropped without a Close
// frame, after which official clients come back by themselves.
const (
	// maxBehindBytes is how much of the tape a session may have yet to write. It
	// bounds what a slow reader keeps in memory for the whole room: the pieces are
	// shared with the others.
	maxBehindBytes = 4 << 20
	// maxPrivateBytes bounds the frames that wait for one session alone, so that a
	// client cannot make the server keep answers that it does not read.
	maxPrivateBytes = 64 << 10
	// writeTimeout is how long one write, of at most a chunk, may take.
	writeTimeout = 10 * time.Second
	// closeTimeout is how long the peer may take to answer a Close frame.
	closeTimeout = 5 * time.Second
)

// Why a session was dropped.
var (
	ErrTooSlow = errors.New("the reader fell too far behind")
	ErrDropped = errors.New("dropped")
)

// Session writes a tape to one socket, with frames for this session alone in
// between. One goroutine, begun by Start, does all the writing; the methods may
// be called from any goroutine, and none of them waits for the socket.
type Session struct {
	tape    *Tape
	at      position     // owned by run once started
	written atomic.Int64 // at.total, for Append to see how far behind this is

	wake     chan struct{} // capacity 1: there may be something to write
	answered chan struct{} // closed when the peer has sent a Close frame
	stop     chan struct{} // closed by Leave
	done     chan struct{} // closed when run returns; nil before Start

	mu           sync.Mutex // guards what follows
	conn         net.Conn   // nil before Start
	private      []private
	privateBytes int
	closing      bool // a Close frame is queued, and nothing after it
	peerClosed   bool
	cause        error // why this side ended the session
	left         bool
}

// private is a frame for one session, to be written when the tape has been
// written up to after.
type private struct {
	after int64
	frame []byte
	last  bool // a Close frame
}

// Start begins to write to conn, first what the tape has got since Join.
func (s *Session) Start(conn net.Conn) {
	s.mu.Lock()
	s.conn = conn
	s.done = make(chan struct{})
	dropped := s.cause != nil
	s.mu.Unlock()
	if dropped {
		_ = conn.Close()
	}
	go s.run(conn)
	s.signal()
}

// Send queues a text frame for this session alone.
func (s *Session) Send(payload []byte) { s.queue(frame(opText, payload), false) }

// Ping queues a Ping frame.
func (s *Session) Ping() { s.queue(frame(opPing, nil), false) }

// Pong queues a Pong frame that answers a Ping with the given payload.
func (s *Session) Pong(payload []byte) { s.queue(frame(opPong, payload), false) }

// Close ends the session: everything that is on the tape or queued now is
// written, then a Close frame, then nothing. The socket closes when the peer
// answers, which the reading side reports by PeerClosed, or after five seconds.
func (s *Session) Close(code int, reason string) { s.queue(closeFrame(code, reason), true) }

// PeerClosed ends the session after a Close frame of the peer: the socket closes
// as soon as one of ours is written, the one queued already or an answer with the
// peer's code.
func (s *Session) PeerClosed(code int) {
	s.Close(code, "")
	s.mu.Lock()
	first := !s.peerClosed
	s.peerClosed = true
	s.mu.Unlock()
	if first {
		close(s.answered)
	}
}

// Drop closes the socket without a Close frame.
func (s *Session) Drop() { s.drop(ErrDropped) }

// Leave takes the session off the tape, closes its socket, and returns when
// nothing of it is running. It may be called twice.
func (s *Session) Leave() {
	s.tape.leave(s)
	s.mu.Lock()
	first := !s.left
	s.left = true
	conn, done := s.conn, s.done
	s.mu.Unlock()
	if first {
		close(s.stop)
	}
	if conn != nil {
		_ = conn.Close()
		<-done
	}
}

// Cause returns why this side ended the session, or nil if it did not.
func (s *Session) Cause() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cause
}

func (s *Session) queue(frame []byte, last bool) {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return
	}
	s.private = append(s.private, private{after: s.tape.end.Load(), frame: frame, last: last})
	s.privateBytes += len(frame)
	s.closing = last
	full := s.privateBytes > maxPrivateBytes
	s.mu.Unlock()
	if full {
		s.drop(ErrTooSlow)
		return
	}
	s.signal()
}

// drop closes the socket, and remembers the first cause.
func (s *Session) drop(cause error) {
	s.mu.Lock()
	if s.cause == nil {
		s.cause = cause
	}
	conn := s.conn
	s.mu.Unlock()
	if conn != nil {
		_ = conn.Close()
	}
}

// signal tells run that there may be something to write. It never blocks: when
// the channel is full, run has yet to look.
func (s *Session) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Session) run(conn net.Conn) {
	defer close(s.done)
	defer conn.Close()
	for {
		select {
		case <-s.stop:
			return
		case <-s.wake:
		}
		closed, err := s.flush(conn)
		if err != nil {
			s.drop(err)
			return
		}
		if closed {
			s.awaitPeer()
			return
		}
	}
}

// flush writes all there is to write now. It reports whether a Close frame was
// the last of it.
func (s *Session) flush(conn net.Conn) (closed bool, err error) {
	for {
		next, ok := s.nextPrivate()
		end := s.tape.end.Load()
		if ok {
			end = next.after
		}
		if err := s.writeTape(conn, end); err != nil {
			return false, err
		}
		if !ok {
			return false, nil
		}
		if err := write(conn, next.frame); err != nil || next.last {
			return next.last, err
		}
	}
}

// writeTape writes the tape up to end.
func (s *Session) writeTape(conn net.Conn, end int64) error {
	for s.at.total < end {
		frames := s.at.unread()
		frames = frames[:min(int64(len(frames)), end-s.at.total)]
		if err := write(conn, frames); err != nil {
			return err
		}
		s.at.advance(len(frames))
		s.written.Store(s.at.total)
	}
	return nil
}

func (s *Session) nextPrivate() (private, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.private) == 0 {
		return private{}, false
	}
	next := s.private[0]
	s.private[0] = private{}
	s.private = s.private[1:]
	s.privateBytes -= len(next.frame)
	return next, true
}

// awaitPeer leaves the socket open for the peer's Close frame.
func (s *Session) awaitPeer() {
	timer := time.NewTimer(closeTimeout)
	defer timer.Stop()
	select {
	case <-s.answered:
	case <-s.stop:
	case <-timer.C:
	}
}

func write(conn net.Conn, b []byte) error {
	if err := conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := conn.Write(b)
	if ne := net.Error(nil); errors.As(err, &ne) && ne.Timeout() {
		return ErrTooSlow
	}
	return err
}
