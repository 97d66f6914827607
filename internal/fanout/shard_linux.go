package fanout

import (
	"container/heap"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Sizes of a shard.
const (
	// visitsPerTurn is how many sessions a shard writes before it looks after
	// readers, timers and other tapes, and lets other goroutines run: about a
	// millisecond's worth.
	visitsPerTurn = 256
	// eventsPerPoll is how many ready sockets a shard learns of at a time.
	eventsPerPoll = 128
	// shardReadBytes is what a shard reads from one socket before it turns to the next,
	// and readTime how long it turns to sockets before it writes again: clients that
	// flood it delay the others by no more than that and one such piece.
	shardReadBytes = 4 << 10
	readTime       = time.Millisecond
	// maxSpare is how many commands a shard keeps room for when it has none.
	maxSpare = 1024
	// maxPieces is how many pieces of a tape one write carries.
	maxPieces = 8
)

// shard is one goroutine that owns an epoll instance and every session on it: only
// that goroutine touches a session, so sessions need no lock. Lock order: Tape.mu,
// then shard.mu.
type shard struct {
	engine *Engine
	epoll  int             // the file of the epoll instance
	file   *os.File        // the same; the Go runtime waits for it
	waiter syscall.RawConn // of file
	bell   int             // an eventfd, to end a wait
	done   chan struct{}   // closed when run returns
	late   atomic.Int64    // nanoseconds: see lag

	mu       sync.Mutex // guards what follows
	inbox    []command
	grown    []*walk // with queued set
	asleep   bool    // run waits, and only the bell or a socket wakes it
	stopping bool

	// What follows is owned by run.

	now      instant
	deadline instant         // of file
	rounds   []*walk         // to be written, in turn
	walks    map[*Tape]*walk // those with sessions
	sessions []*Session      // by file descriptor
	count    int             // of sessions
	timers   timers
	spare    []command // what inbox held before, to be used again
	ready    []unix.EpollEvent
	unseen   []unix.EpollEvent // of ready, those that handle has yet to look at
	pieces   []unix.Iovec
	buffer   []byte
}

// seat is what a shard keeps of a session.
type seat struct {
	walk  *walk
	fd    int32
	slot  int32 // in walk.members
	place int32 // in shard.timers
	armed bool  // epoll waits for the socket to be writable
	gone  bool  // the session has ended
}

func newShard(e *Engine) (_ *shard, err error) {
	sh := &shard{
		engine: e,
		done:   make(chan struct{}),
		walks:  map[*Tape]*walk{},
		ready:  make([]unix.EpollEvent, eventsPerPoll),
		pieces: make([]unix.Iovec, 0, maxPieces),
		buffer: make([]byte, shardReadBytes),
	}
	if sh.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if sh.bell, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		_ = unix.Close(sh.epoll)
		return nil, os.NewSyscallError("eventfd", err)
	}
	if err = sh.watch(); err != nil {
		sh.close()
		return nil, err
	}
	go sh.run()
	return sh, nil
}

// watch has the Go runtime wait for the epoll instance, as for a socket: so a
// shard that has nothing to do is a parked goroutine, not a blocked thread.
func (sh *shard) watch() error {
	if err := unix.SetNonblock(sh.epoll, true); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	sh.file = os.NewFile(uintptr(sh.epoll), "epoll")
	var err error
	if sh.waiter, err = sh.file.SyscallConn(); err != nil {
		return err
	}
	if err := sh.file.SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("the runtime cannot wait for epoll: %w", err)
	}
	return sh.control(unix.EPOLL_CTL_ADD, sh.bell, unix.EPOLLIN)
}

func (sh *shard) control(op, fd int, events uint32) error {
	event := unix.EpollEvent{Events: events, Fd: int32(fd)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(sh.epoll, op, fd, &event))
}

// close frees the shard's files.
func (sh *shard) close() {
	_ = unix.Close(sh.bell)
	if sh.file != nil {
		_ = sh.file.Close()
		return
	}
	_ = unix.Close(sh.epoll)
}

// start takes the socket over from the Go runtime and has run serve it.
func (sh *shard) start(s *Session, conn *net.TCPConn, early []byte, r Receiver,
	life time.Duration,
) error {
	fd, err := takeOver(conn)
	if err != nil {
		return err
	}
	s.seat.fd = int32(fd)
	s.start(sh, r, sh.engine.now(), life)
	sh.post(command{session: s, verb: begin, private: private{frame: early}})
	return nil
}

// takeOver returns a file descriptor of the connection's own, and closes conn
// without closing the connection.
func takeOver(conn *net.TCPConn) (fd int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var dupErr error
	err = raw.Control(func(old uintptr) {
		fd, dupErr = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0)
	})
	if err == nil && dupErr != nil {
		err = fmt.Errorf("duplicate socket: %w", dupErr)
	}
	if err != nil {
		return 0, err
	}
	_ = conn.Close()
	return fd, nil
}

// post has run carry out a command.
func (sh *shard) post(c command) {
	sh.mu.Lock()
	// Under the lock: what run writes before it sees the command ends before here.
	c.private.after = c.session.tape.end.Load()
	sh.inbox = append(sh.inbox, c)
	sh.rouseLocked()
	sh.mu.Unlock()
}

// rouseLocked wakes run when it sleeps; sh.mu is held, without which the bell could
// be gone.
func (sh *shard) rouseLocked() {
	if sh.asleep {
		sh.asleep = false
		one := [8]byte{1}
		_, _ = unix.Write(sh.bell, one[:]) // fails only when it rings already
	}
}

// lag returns how long rounds take of late from when the tape grew: it rises at once,
// and falls by half with every round that is quicker; 0 when idle.
func (sh *shard) lag() time.Duration { return time.Duration(sh.late.Load()) }

// stop ends the shard when its sessions have ended, and waits for it.
func (sh *shard) stop() {
	sh.mu.Lock()
	sh.stopping = true
	sh.rouseLocked()
	sh.mu.Unlock()
	<-sh.done
}

// run is the shard's life.
func (sh *shard) run() {
	defer close(sh.done)
	defer sh.close()
	for {
		sh.now = sh.engine.now()
		sh.collect()
		sh.write()
		sh.tick()
		if len(sh.rounds) > 0 {
			sh.poll()
			sh.handle()
		} else if !sh.sleep() {
			return
		}
		runtime.Gosched() // the scheduler does not see the system calls of a busy shard
	}
}

// collect takes over what others have asked for.
func (sh *shard) collect() {
	sh.mu.Lock()
	commands := sh.inbox
	sh.inbox = sh.spare[:0]
	for _, w := range sh.grown {
		w.next, w.begun = 0, sh.now
		sh.rounds = append(sh.rounds, w)
	}
	clear(sh.grown)
	sh.grown = sh.grown[:0]
	sh.mu.Unlock()
	for i, c := range commands {
		sh.do(c)
		// Once for all that one read leads to, unless that is much.
		if i+1 == len(commands) || commands[i+1].session != c.session || c.session.owesMuch() {
			sh.catchUp(c.session, c.private.after)
		}
	}
	clear(commands)
	if sh.spare = commands; cap(commands) > maxSpare {
		sh.spare = nil
	}
}

// do carries out a command, except for writing what it leads to.
func (sh *shard) do(c command) {
	switch s := c.session; {
	case s.seat.gone:
		c.private.abandon()
	case c.verb == begin:
		sh.admit(s, c.private.frame)
	default:
		s.apply(c)
	}
}

// catchUp writes what a session has to write up to a place on its tape.
func (sh *shard) catchUp(s *Session, end int64) {
	if s.seat.gone {
		return
	}
	if !s.blocked() {
		sh.flush(s, end)
	}
	sh.settle(s)
}

// admit begins to serve a session.
func (sh *shard) admit(s *Session, early []byte) {
	fd := int(s.seat.fd)
	if fd >= len(sh.sessions) {
		sh.sessions = append(sh.sessions, make([]*Session, fd+1-len(sh.sessions))...)
	}
	sh.sessions[fd] = s
	sh.count++
	sh.enter(s)
	heap.Push(&sh.timers, s)
	if err := sh.control(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN|unix.EPOLLRDHUP); err != nil {
		s.end(peerLeft)
		return
	}
	if len(early) > 0 {
		s.received(sh.now, s.receiver.Receive(early))
	}
}

// write writes to the sessions of tapes that have grown, for one turn.
func (sh *shard) write() {
	for left := visitsPerTurn; left > 0 && len(sh.rounds) > 0; {
		w := sh.rounds[0]
		left -= sh.visit(w, left)
		again := w.next < len(w.members) || w.restart(sh.now)
		sh.rounds = sh.rounds[1:]
		if again {
			sh.rounds = append(sh.rounds, w)
		}
	}
}

// visit writes to the next members of a walk, at most limit, and returns how many
// had their turn.
func (sh *shard) visit(w *walk, limit int) (visited int) {
	end := w.tape.end.Load()
	if w.next == 0 {
		w.end = end
	}
	sh.collect() // what came before end is known from here on: see post
	for ; visited < limit && w.next < len(w.members); visited++ {
		s := w.members[w.next]
		w.next++
		switch {
		case !s.blocked():
			sh.flush(s, end)
		case s.behind(end):
			s.end(tooSlow)
		default:
			sh.owe(s, s.owes(end))
		}
		sh.settle(s)
	}
	return visited
}

// flush writes what a session has to write up to a place on its tape. It never
// blocks: a session whose socket is full waits until it is writable, so that a slow
// reader cannot delay the others.
func (sh *shard) flush(s *Session, end int64) {
	for {
		run := s.next(end)
		if len(run) == 0 {
			break
		}
		n, errno := sh.send(s, run, end)
		switch errno {
		case 0:
			s.wrote(n, sh.now)
		case unix.EINTR:
		case unix.EAGAIN:
			sh.block(s, end)
			return
		default:
			s.end(peerLeft) // the peer is gone
			return
		}
	}
	sh.unblock(s)
	if s.state.shut {
		s.state.shut = false
		_ = unix.Shutdown(int(s.seat.fd), unix.SHUT_WR) // fails when the peer is gone
	}
}

// send writes a run, and with it what follows on the tape in other pieces.
func (sh *shard) send(s *Session, run []byte, end int64) (int, syscall.Errno) {
	fd := int(s.seat.fd)
	if s.out != nil || int64(len(run)) == end-s.at.total {
		return writeRaw(fd, run)
	}
	sh.pieces = sh.pieces[:0]
	for at := s.at; len(run) > 0 && len(sh.pieces) < maxPieces; {
		piece := unix.Iovec{Base: &run[0]}
		piece.SetLen(len(run))
		sh.pieces = append(sh.pieces, piece)
		at.advance(int64(len(run)))
		run = at.unread()
		run = run[:min(int64(len(run)), end-at.total)]
	}
	n, errno := writePieces(fd, sh.pieces)
	clear(sh.pieces) // which point into the tape
	return n, errno
}

// block has epoll say when the socket of a session takes bytes again.
func (sh *shard) block(s *Session, end int64) {
	s.outbox().since = sh.now
	sh.owe(s, s.owes(end))
	s.hasten(sh.now + instant(writeTimeout))
	heap.Fix(&sh.timers, int(s.seat.place))
	if !s.seat.armed {
		s.seat.armed = true
		sh.listenFor(s, unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLOUT)
	}
}

// owe has the engine's backlog know what a blocked session has yet to write.
func (sh *shard) owe(s *Session, bytes int64) {
	if s.out == nil || s.out.owed == bytes {
		return
	}
	sh.engine.backlog.owes(s.out.owed, bytes)
	s.out.owed = bytes
}

// unblock undoes block, if need be.
func (sh *shard) unblock(s *Session) {
	sh.owe(s, 0)
	if s.seat.armed && !s.state.over {
		s.seat.armed = false
		sh.listenFor(s, unix.EPOLLIN|unix.EPOLLRDHUP)
	}
	s.unblocked()
}

// listenFor changes what epoll watches a session's socket for.
func (sh *shard) listenFor(s *Session, events uint32) {
	if err := sh.control(unix.EPOLL_CTL_MOD, int(s.seat.fd), events); err != nil {
		s.end(peerLeft) // it can fail for want of memory only
	}
}

// settle ends a session that is over, and otherwise minds that its next deadline
// may have moved.
func (sh *shard) settle(s *Session) {
	if s.seat.gone {
		return
	}
	if !s.state.over {
		if s.state.closing {
			heap.Fix(&sh.timers, int(s.seat.place))
		}
		return
	}
	s.seat.gone = true
	sh.owe(s, 0)
	heap.Remove(&sh.timers, int(s.seat.place))
	sh.exit(s)
	fd := int(s.seat.fd)
	sh.sessions[fd] = nil
	sh.count--
	if s.state.cause.unread() {
		_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	}
	_ = unix.Close(fd)
	s.forget()
	s.tape.leave()
	s.receiver.Ended(s.state.cause.err())
}

// tick does what is due.
func (sh *shard) tick() {
	for len(sh.timers) > 0 && sh.timers[0].due <= sh.now {
		s := sh.timers[0]
		ping, expire := s.tick(sh.now)
		heap.Fix(&sh.timers, 0)
		if ping {
			s.ping()
		}
		if expire {
			s.receiver.Expire()
		}
		sh.settle(s)
	}
}

// sleep waits for something to do, and does it when it comes from a socket. It
// returns false when the shard is to end.
func (sh *shard) sleep() bool {
	sh.mu.Lock()
	if len(sh.inbox) > 0 || len(sh.grown) > 0 {
		sh.mu.Unlock()
		return true
	}
	if sh.stopping && sh.count == 0 {
		sh.mu.Unlock()
		return false
	}
	sh.asleep = true
	sh.mu.Unlock()
	sh.late.Store(0)
	sh.await()
	sh.mu.Lock()
	sh.asleep = false
	sh.mu.Unlock()
	sh.now = sh.engine.now()
	sh.handle()
	return true
}

// await waits for a socket, the bell, or the next deadline.
func (sh *shard) await() {
	var due instant
	if len(sh.timers) > 0 {
		due = sh.timers[0].due
	}
	if due != sh.deadline {
		sh.deadline = due
		var at time.Time // none
		if due != 0 {
			at = sh.engine.epoch.Add(time.Duration(due))
		}
		_ = sh.file.SetReadDeadline(at)
	}
	err := sh.waiter.Read(func(uintptr) bool { return sh.poll() })
	if err != nil {
		sh.deadline = 0 // it has passed
		_ = sh.file.SetReadDeadline(time.Time{})
	}
}

// poll reports whether files are ready, without waiting. Those that were left the last
// time come first: epoll would begin with the same ones again.
func (sh *shard) poll() bool {
	if len(sh.unseen) == 0 {
		n, errno := pollRaw(sh.epoll, sh.ready)
		if errno != 0 {
			return false // EINTR; a broken epoll instance would be a fault of ours
		}
		sh.unseen = sh.ready[:n]
	}
	return len(sh.unseen) > 0
}

// handle reads from and writes to sockets that are ready, for a while. A socket that
// was left may be another session's by the next time, which does no harm.
func (sh *shard) handle() {
	begin := sh.now
	for len(sh.unseen) > 0 && sh.now-begin <= instant(readTime) {
		event := sh.unseen[0]
		sh.unseen = sh.unseen[1:]
		sh.now = sh.engine.now()
		if int(event.Fd) == sh.bell {
			var count [8]byte
			_, _ = unix.Read(sh.bell, count[:])
			continue
		}
		s := sh.sessions[event.Fd]
		if s == nil {
			continue // it ended with an event before this one
		}
		if event.Events&^unix.EPOLLOUT != 0 {
			sh.read(s)
		}
		if event.Events&unix.EPOLLOUT != 0 && !s.seat.gone {
			sh.resume(s)
		}
	}
}

// resume writes to a session whose socket was full.
func (sh *shard) resume(s *Session) {
	end := s.tape.end.Load()
	sh.collect() // what came before end is known from here on: see post
	if s.seat.gone {
		return
	}
	sh.flush(s, end)
	sh.settle(s)
}

// read hands on what a session's peer has sent.
func (sh *shard) read(s *Session) {
	n, errno := readRaw(int(s.seat.fd), sh.buffer)
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		return
	case errno != 0 || n == 0:
		s.end(peerLeft) // the peer is gone
	default:
		s.hear(sh.now)
		s.received(sh.now, s.receiver.Receive(sh.buffer[:n]))
	}
	sh.settle(s)
}
