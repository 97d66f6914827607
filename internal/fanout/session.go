package fanout

import (
	"errors"
	"time"
)

// Limits of a session. A reader beyond one of them is dropped without a Close
// frame, after which official clients come back by themselves.
const (
	// maxBehindBytes is how much of the tape a session may have yet to write. The
	// pieces are shared with the others, so it also bounds what all the slow readers
	// of a room keep in memory together.
	maxBehindBytes = 4 << 20
	// maxPrivateBytes bounds the frames that wait for one session alone, so that a
	// client cannot make the server keep answers that it does not read.
	maxPrivateBytes = 64 << 10
	// privateOverhead is what a frame costs besides its bytes: a client that asks for
	// frames without content shall not get more of them.
	privateOverhead = 64
	// writeTimeout is how long a socket may take nothing while there is something to
	// write.
	writeTimeout = 10 * time.Second
	// closeTimeout is how long the peer may take to answer a Close frame.
	closeTimeout = 5 * time.Second
	// pingAfter is how long a peer may be silent before it is pinged, and then how
	// long it may take to answer. Load balancers often cut at 60 seconds.
	pingAfter = 30 * time.Second
	// frameTimeout is how long the rest of a message may take after its first byte.
	frameTimeout = 30 * time.Second
)

// Why a session ended, when it was not the peer that ended it or the Close frames
// were exchanged.
var (
	ErrTooSlow = errors.New("the reader fell too far behind")
	ErrSilent  = errors.New("the peer gave no sign of life")
	ErrDropped = errors.New("dropped")
)

// cause is one of these errors, in a byte. The zero value is nil.
type cause uint8

const (
	peerLeft cause = iota
	tooSlow
	silent
	dropped
)

func (c cause) err() error {
	return [...]error{peerLeft: nil, tooSlow: ErrTooSlow, silent: ErrSilent, dropped: ErrDropped}[c]
}

// unread reports whether the peer does not read: then the socket is closed so that
// the kernel, too, frees what it still holds for it.
func (c cause) unread() bool { return c == tooSlow || c == silent }

// Progress says where a session's peer is in its messages, after some bytes of it.
type Progress uint8

const (
	Between Progress = iota // between two messages
	Within                  // within a message that had begun before
	Begun                   // within a message that has begun in these bytes
)

// Receiver gets what a session's peer sends. Its methods must not block: others
// wait for the same goroutine.
type Receiver interface {
	// Receive takes the next bytes of the peer, which it may change, and which are
	// valid during the call only. It is called by one goroutine at a time.
	Receive(data []byte) Progress
	// Expire says that the session's life is over. The session goes on until it is
	// closed or dropped. It may be called during Receive.
	Expire()
	// Ended is called once, when nothing of the session runs any more. The cause is
	// nil when the peer left or the Close frames were exchanged.
	Ended(cause error)
}

// Session writes a tape to one socket, with frames for this session alone in
// between, and reads the socket. All of it is done by its owner; the methods may be
// called from any goroutine once it is started, and none of them waits for the
// socket. What is asked of a session that has ended is ignored.
type Session struct {
	tape     *Tape
	owner    owner    // set by Start
	receiver Receiver // set by Start

	// What follows is touched by the owner alone.

	at      position
	out     *outbox // nil while there is nothing but the tape to write
	heard   instant // when the peer last sent something
	begun   instant // when the unfinished message began; 0 when there is none
	due     instant // when there is something to do besides reading and writing
	expires instant // when to tell the receiver; 0 when it was told
	state   state
	seat    seat
}

// instant is a time in nanoseconds since the engine was made. It is never 0.
type instant int64

// state is what has happened to a session.
type state struct {
	pinged     bool  // since the peer was last heard
	closing    bool  // the last frame is queued, and nothing after it
	closed     bool  // a Close frame is written
	shut       bool  // the owner has to end the socket's writing side
	peerClosed bool  // the peer has sent its Close frame
	over       bool  // the owner has to end it
	cause      cause // why this side ended the session
}

// owner is the goroutine that does everything with a session.
type owner interface {
	// post has the owner carry out a command, after those posted before.
	post(c command)
}

// outbox is what a session has to write besides the tape, or cannot write now.
type outbox struct {
	frames []private
	bytes  int
	since  instant // the socket is full since then, or the Close frame written
	owed   int64   // what the engine's backlog has of the session
}

// private is a frame for one session, to be written when the tape has been
// written up to after.
type private struct {
	frame  []byte // what is left of it
	after  int64
	kind   kind
	marked chan<- struct{} // of a mark: closed when its place is reached
}

// kind says what comes after a private frame.
type kind uint8

const (
	ordinary kind = iota
	lastFrame
	failFrame // and nothing is written to the socket any more
	hangUp    // no frame: the end of the connection
	mark      // no frame: whoever waits is told
)

// command is something that a session's owner is to do.
type command struct {
	session *Session
	verb    verb
	private private // with queue
}

type verb uint8

const (
	queue      verb = iota // a private frame
	peerClosed             // note that the peer has sent its Close frame
	drop                   // end the session
	begin                  // serve the session from now on; the first command of all
)

// Leave takes a session that was never started off the tape.
func (s *Session) Leave() { s.tape.leave() }

// Send queues a text frame for this session alone.
func (s *Session) Send(payload []byte) { s.queue(frame(opText, payload), ordinary) }

// Pong queues a Pong frame that answers a Ping with the given payload.
func (s *Session) Pong(payload []byte) { s.queue(frame(opPong, payload), ordinary) }

// Close ends the session: everything that is on the tape or queued now is
// written, then a Close frame, then nothing. The socket closes when the peer
// answers, which the receiver reports by PeerClosed, or after five seconds.
func (s *Session) Close(code int, reason string) { s.queue(closeFrame(code, reason), lastFrame) }

// Fail is Close for a peer that broke the protocol, which may never answer: it is
// told that nothing follows. Source: RFC 6455, section 7.1.7.
func (s *Session) Fail(code int, reason string) { s.queue(closeFrame(code, reason), failFrame) }

// PeerClosed ends the session after a Close frame of the peer: the socket closes
// as soon as one of ours is written, the one queued already or an answer with the
// peer's code.
func (s *Session) PeerClosed(code int) {
	s.Close(code, "")
	s.owner.post(command{session: s, verb: peerClosed})
}

// Finish ends the session without a Close frame, when everything that is on the
// tape or queued now is written.
func (s *Session) Finish() { s.queue(nil, hangUp) }

// Written returns a channel that is closed when everything that is on the tape or
// queued now is written, or the session has ended.
func (s *Session) Written() <-chan struct{} {
	marked := make(chan struct{})
	s.owner.post(command{session: s, private: private{kind: mark, marked: marked}})
	return marked
}

// Drop ends the session at once, without a Close frame.
func (s *Session) Drop() { s.owner.post(command{session: s, verb: drop}) }

func (s *Session) ping() { s.queue(frame(opPing, nil), ordinary) }

// queue has a frame written after all that is on the tape now. Its place is filled
// in by the owner, under the lock that orders it with what the owner writes.
func (s *Session) queue(frame []byte, kind kind) {
	s.owner.post(command{session: s, private: private{frame: frame, kind: kind}})
}

// start readies a session for its owner. It is the peer's first sign of life.
func (s *Session) start(o owner, r Receiver, now instant, life time.Duration) {
	s.owner, s.receiver = o, r
	s.heard = now
	s.expires = now + instant(max(life, 1))
	s.schedule()
}

// apply carries out what needs no I/O.
func (s *Session) apply(c command) {
	switch c.verb {
	case queue:
		s.enqueue(c.private)
	case peerClosed:
		s.state.peerClosed = true
		s.settle()
	case drop:
		s.end(dropped)
	}
}

func (s *Session) enqueue(p private) {
	if s.state.closing || s.state.over {
		p.abandon()
		return
	}
	box := s.outbox()
	box.bytes += len(p.frame) + privateOverhead
	if last := len(box.frames) - 1; last >= 0 && p.kind == ordinary &&
		box.frames[last].kind == ordinary && box.frames[last].after == p.after {
		box.frames[last].frame = append(box.frames[last].frame, p.frame...) // one write for both
		box.bytes -= privateOverhead
	} else {
		box.frames = append(box.frames, p)
	}
	s.state.closing = p.kind != ordinary && p.kind != mark
	if box.bytes > maxPrivateBytes {
		s.end(tooSlow)
	}
}

// abandon says that a private frame will never be written.
func (p private) abandon() {
	if p.marked != nil {
		close(p.marked)
	}
}

func (s *Session) outbox() *outbox {
	if s.out == nil {
		s.out = &outbox{}
	}
	return s.out
}

// end has the owner end the session; the first cause counts.
func (s *Session) end(cause cause) {
	if !s.state.over {
		s.state.over, s.state.cause = true, cause
	}
}

// settle ends a session when the Close frames are exchanged.
func (s *Session) settle() {
	if s.state.closed && s.state.peerClosed {
		s.end(peerLeft)
	}
}

// next returns what is to be written now, up to a place on the tape: a piece of
// the tape, or what is left of a private frame whose place is reached.
func (s *Session) next(end int64) []byte {
	if s.state.over || s.state.closed {
		return nil
	}
	for s.out != nil && len(s.out.frames) > 0 {
		p := s.out.frames[0]
		if s.at.total < p.after {
			end = min(end, p.after)
			break
		}
		if p.kind == hangUp {
			s.end(dropped)
		}
		if p.kind != mark {
			return p.frame
		}
		close(p.marked)
		s.out.bytes -= privateOverhead
		s.out.pop()
		s.tidy()
	}
	if s.at.total >= end {
		return nil
	}
	run := s.at.unread()
	return run[:min(int64(len(run)), end-s.at.total)]
}

// wrote takes off what next returned, or the first n bytes of it.
func (s *Session) wrote(n int, now instant) {
	if s.out == nil || len(s.out.frames) == 0 || s.at.total < s.out.frames[0].after {
		s.at.advance(int64(n))
		s.tape.reached(s.at.total)
		return
	}
	box := s.out
	p := &box.frames[0]
	p.frame = p.frame[n:]
	box.bytes -= n
	if len(p.frame) > 0 {
		return
	}
	box.bytes -= privateOverhead
	if p.kind != ordinary {
		s.state.closed = true
		s.state.shut = p.kind == failFrame
		s.at.chunk = nil // so that the session keeps nothing of the tape any more
		box.since = now
		s.hasten(now + instant(closeTimeout))
		s.settle()
	}
	box.pop()
	s.tidy()
}

// pop takes off the first private frame.
func (b *outbox) pop() {
	b.frames[0] = private{}
	b.frames = b.frames[1:]
}

// tidy frees an outbox that has nothing to say.
func (s *Session) tidy() {
	if s.out != nil && len(s.out.frames) == 0 && s.out.since == 0 {
		s.out = nil
	}
}

// forget frees what an ended session had yet to write.
func (s *Session) forget() {
	if s.out != nil {
		for _, p := range s.out.frames {
			p.abandon()
		}
	}
	s.out, s.at = nil, position{}
}

// owesMuch reports whether so many private frames wait that they should be written
// before there are more.
func (s *Session) owesMuch() bool { return s.out != nil && s.out.bytes > maxPrivateBytes/2 }

// behind reports whether the session has fallen too far behind the tape's end.
func (s *Session) behind(end int64) bool {
	return !s.state.closed && end-s.at.total > maxBehindBytes
}

// hear notes a sign of life of the peer.
func (s *Session) hear(now instant) {
	s.heard = now
	s.state.pinged = false
}

// received notes whether the peer is in the midst of a message, and since when.
func (s *Session) received(now instant, p Progress) {
	switch {
	case p == Between:
		s.begun = 0
	case p == Begun || s.begun == 0:
		s.begun = now
	}
}

// hasten makes sure that tick is called at a time or before.
func (s *Session) hasten(at instant) { s.due = min(s.due, at) }

// tick does what is due, and sets when it must be called again. The caller asks
// for a ping, or tells the receiver of the session's end, as it says: both post
// commands.
func (s *Session) tick(now instant) (ping, expire bool) {
	quiet := now - s.heard
	switch {
	case s.state.closed && now-s.out.since >= instant(closeTimeout):
		s.end(peerLeft)
	case s.blocked() && now-s.out.since >= instant(writeTimeout),
		s.begun != 0 && now-s.begun >= instant(frameTimeout):
		s.end(tooSlow)
	case quiet >= instant(2*pingAfter):
		s.end(silent)
	}
	if quiet >= instant(pingAfter) && !s.state.pinged {
		ping, s.state.pinged = true, true
	}
	if s.expires != 0 && now >= s.expires {
		expire, s.expires = true, 0
	}
	s.schedule()
	return ping, expire
}

// schedule sets due. What ends sooner than a peer's silence is looked at often
// enough: messages end when peers are pinged, since their limits are the same.
func (s *Session) schedule() {
	s.due = s.heard + instant(pingAfter)
	if s.state.pinged {
		s.due += instant(pingAfter)
	}
	if s.expires != 0 {
		s.hasten(s.expires)
	}
	if s.begun != 0 {
		s.hasten(s.begun + instant(frameTimeout))
	}
	switch {
	case s.state.closed:
		s.hasten(s.out.since + instant(closeTimeout))
	case s.blocked():
		s.hasten(s.out.since + instant(writeTimeout))
	}
}

// unblocked notes that the socket has taken all there was.
func (s *Session) unblocked() {
	if s.blocked() {
		s.out.since = 0
		s.tidy()
	}
}

// owes returns how many bytes the session has yet to write, up to the tape's end; at
// least one.
func (s *Session) owes(end int64) int64 {
	bytes := end - s.at.total
	if s.out != nil {
		bytes += int64(s.out.bytes)
	}
	return max(bytes, 1)
}

// blocked reports whether the socket is full.
func (s *Session) blocked() bool { return s.out != nil && !s.state.closed && s.out.since != 0 }
