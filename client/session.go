package client

import (
	"bufio"
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/gobwas/ws"

	"github.com/parley-chat/parley"
)

const (
	// writeTimeout is how long a server may take nothing of what it is sent.
	writeTimeout = 10 * time.Second
	// goodbyeTime is how long the last frame may take to be sent.
	goodbyeTime = time.Second
	// maxUnsentBytes is twice as much as the requests that may wait for an answer. What is
	// over it are answers to a server that asks for signs of life and does not read them.
	maxUnsentBytes = 2 * maxPending * parley.MaxRequestBytes
	// readBufferBytes is what one system call reads at most.
	readBufferBytes = 4 << 10
)

var (
	errSilent       = errors.New("the server gave no sign of life")
	errNoCloseReply = errors.New("the server did not answer the Close frame")
	errUnread       = errors.New("the server does not read what it is sent")
)

// closeError is the server's Close frame.
type closeError struct {
	code   int
	reason string
}

// Error leaves out the reason, which is what somebody said.
func (e *closeError) Error() string {
	return fmt.Sprintf("the server closed the connection with code %d", e.code)
}

// session is one connection to a room: a WebSocket that was opened with one token. It
// knows frames, and leaves to its room what is in them. One goroutine runs it; a second
// one writes while there is something to write.
type session struct {
	conn         net.Conn
	early        []byte // came with the handshake; owned by Read
	in           *bufio.Reader
	text         []byte // of the message that is being read; owned by next
	pingInterval time.Duration

	opened  time.Time
	expires time.Time // zero when that is not known
	place   place     // of the session in its room

	mu       sync.Mutex     // guards what follows. Comes after Room.mu
	unsent   []byte         // whole frames
	flushing bool           // flush runs, or has failed
	flushes  sync.WaitGroup // of flush
	silenced bool           // nothing is sent any more: a Close frame was the last
	failure  error          // why a write ended the connection
	closing  time.Time      // since when the server's Close frame is waited for
	closeBy  time.Time      // until when; zero when it is not waited for
}

// place is what a room keeps with a session.
type place struct {
	// attempts is how many it took since the last session was lost; 0 for a refresh. It
	// is set before the session runs.
	attempts int

	done  chan struct{} // closed when the session has ended
	cause error         // why it ended; set before done is closed

	// When no other session is left, these say what is to be done about it. They are set
	// before the last of both is done.
	failures int           // attempts that failed before, one after the other
	retryIn  time.Duration // in what time the next is made

	// The rest is guarded by Room.mu.
	ended    bool
	leaving  bool          // we are closing the session
	held     []Received    // what waits until the session is the source
	requests int           // that wait for an answer
	idle     chan struct{} // closed when requests gets 0, unless nil
}

// final reports whether the server wanted to end more than this one session.
func (p *place) final() bool {
	var disconnected *DisconnectedError
	return errors.As(p.cause, &disconnected)
}

func newSession(conn net.Conn, early []byte, expires time.Time, ping time.Duration) *session {
	s := &session{conn: conn, early: early, expires: expires, pingInterval: ping,
		opened: time.Now(), place: place{done: make(chan struct{})}}
	s.in = bufio.NewReaderSize(s, readBufferBytes)
	return s
}

// run hands each text message on until the session ends, and returns why: a *closeError
// after the server's Close frame, or handle's error. The text is valid during the call.
func (s *session) run(handle func(text []byte) error) error {
	err := s.readAll(handle)
	var broken *protocolError
	code := ws.StatusNormalClosure
	if errors.As(err, &broken) {
		code = broken.code
	}
	s.sayGoodbye(code) // unless that was done
	return cmp.Or(s.end(), err)
}

func (s *session) readAll(handle func(text []byte) error) error {
	for {
		text, err := s.next()
		if err == nil {
			err = s.hand(text, handle)
		}
		if err != nil {
			return err
		}
	}
}

// hand hands a message on. The time that takes does not count as time in which the server
// could have closed the session: nobody reads while what was received is not wanted yet.
func (s *session) hand(text []byte, handle func([]byte) error) error {
	begin := time.Now()
	err := handle(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closeBy.IsZero() {
		if begin.Before(s.closing) {
			begin = s.closing
		}
		s.closeBy = s.closeBy.Add(time.Since(begin))
	}
	return err
}

// Read reads from the connection. When nothing comes, it asks the server for a sign of
// life, and gives up when none comes either.
func (s *session) Read(p []byte) (int, error) {
	if len(s.early) > 0 {
		n := copy(p, s.early)
		s.early = s.early[n:]
		return n, nil
	}
	for asked := false; ; asked = true {
		if err := s.armRead(); err != nil {
			return 0, err
		}
		n, err := s.conn.Read(p)
		switch {
		case n > 0:
			return n, nil // an error comes again
		case !isTimeout(err):
			return 0, err
		case asked:
			return 0, errSilent
		}
		s.write(ws.OpPing, nil) // not when the session is being closed
	}
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// armRead limits the next read. The error is that it is too late for any.
func (s *session) armRead() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, limit := time.Now(), s.closeBy
	if limit.IsZero() {
		limit = now.Add(s.pingInterval)
	} else if !now.Before(limit) {
		return errNoCloseReply
	}
	_ = s.conn.SetReadDeadline(limit) // the read fails as well
	return nil
}

// finish closes the session in order: the server is told, and what it still sends is
// read until its own Close frame, which is waited for so long.
func (s *session) finish(patience time.Duration) {
	s.sayGoodbye(ws.StatusNormalClosure)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closeBy.IsZero() {
		s.closing = time.Now()
		s.closeBy = s.closing.Add(patience)
		_ = s.conn.SetReadDeadline(s.closeBy) // of the read that goes on
	}
}

func (s *session) sayGoodbye(code ws.StatusCode) {
	s.write(ws.OpClose, ws.NewCloseFrameBody(code, ""))
}

// write sends a frame, of which it masks the payload in place. It does not block.
func (s *session) write(op ws.OpCode, payload []byte) {
	frame := ws.MustCompileFrame(ws.MaskFrameInPlace(ws.NewFrame(op, true, payload)))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silenced {
		return
	}
	s.silenced = op == ws.OpClose
	if len(s.unsent)+len(frame) > maxUnsentBytes {
		s.failLocked(errUnread)
		return
	}
	s.unsent = append(s.unsent, frame...)
	if !s.flushing {
		s.flushing = true
		s.flushes.Go(s.flush)
	}
}

// flush writes until nothing is left.
func (s *session) flush() {
	for {
		frames := s.takeUnsent()
		if frames == nil {
			return
		}
		if _, err := s.conn.Write(frames); err != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.failLocked(fmt.Errorf("write: %w", err))
			return
		}
	}
}

// takeUnsent returns what is to be written, and limits the time for that. It returns nil
// when that is nothing.
func (s *session) takeUnsent() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	frames := s.unsent
	s.unsent = nil
	s.flushing = frames != nil
	s.limitWriteLocked()
	return frames
}

func (s *session) limitWriteLocked() {
	wait := writeTimeout
	if s.silenced {
		wait = goodbyeTime
	}
	_ = s.conn.SetWriteDeadline(time.Now().Add(wait)) // the write fails as well
}

// failLocked ends the connection, which is how the reader hears of it.
func (s *session) failLocked(why error) {
	s.silenced = true
	s.failure = cmp.Or(s.failure, why)
	s.abort()
}

// abort ends the connection at once, so that reads and writes fail. Closing a tls.Conn
// could block, as it has a last word with the server.
func (s *session) abort() {
	if layer, ok := s.conn.(*tls.Conn); ok {
		_ = layer.NetConn().Close()
		return
	}
	_ = s.conn.Close()
}

// end closes the connection when what is to be written is. sayGoodbye came before, so
// that nothing is added. It returns why a write ended the connection before, if one did.
func (s *session) end() error {
	s.mu.Lock()
	s.limitWriteLocked()
	failure := s.failure
	s.mu.Unlock()
	s.flushes.Wait()
	_ = s.conn.Close() // it may be closed
	return failure
}
