package sockets

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// readBytes is what is read at once, at most: several frames of the longest
	// kind, and little enough to stay in the processor's cache.
	readBytes = 128 << 10
	// pollEvents is how many sockets are looked at between two waits.
	pollEvents = 512
)

// What an event is about, when it is not about a session.
const (
	aboutPosts = -1 - iota
	aboutTick
)

// poller is a network of bare sockets. All but posted is owned by the goroutine of
// run.
type poller struct {
	places  places
	h       Handler
	socks   []sock
	opening map[int]time.Time // sessions in their handshake, and when that began
	serial  uint32            // of the last socket
	buf     []byte
	begin   time.Time
	stopped bool
	busy    bool

	epoll, event, timer int

	mu     sync.Mutex // guards posted and closed
	posted []func()
	closed bool
}

// sock is the socket of a session. Its file descriptor is -1 when there is none.
type sock struct {
	fd     int
	state  state
	serial uint32 // tells it from other sockets of the session
	in     []byte // the beginning of a frame, or of the answer to the handshake
	out    []byte // what the socket did not take
	token  string // until the handshake is over
}

// state says how far a session is.
type state uint8

const (
	connecting state = iota
	shaking          // the request of the handshake is on its way
	open
)

// New returns a network for sessions 0 to sessions-1, which are spread over servers.
func New(servers []Server, sessions int, h Handler) (Network, error) {
	for _, s := range servers {
		if s.tls != nil {
			return newStreams(servers, sessions, h), nil
		}
	}
	return newPoller(servers, sessions, h)
}

func newPoller(servers []Server, sessions int, h Handler) (Network, error) {
	p := &poller{
		places: newPlaces(servers, sessions), h: h, socks: make([]sock, sessions),
		opening: map[int]time.Time{}, buf: make([]byte, readBytes), begin: time.Now(),
		epoll: -1, event: -1, timer: -1,
	}
	for i := range p.socks {
		p.socks[i].fd = -1
	}
	if err := p.prepare(); err != nil {
		p.release()
		return nil, err
	}
	return p, nil
}

func (p *poller) prepare() (err error) {
	if p.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("make an epoll instance: %w", err)
	}
	if p.event, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return fmt.Errorf("make an eventfd: %w", err)
	}
	p.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return fmt.Errorf("make a timerfd: %w", err)
	}
	return errors.Join(
		p.watch(p.event, aboutPosts, unix.EPOLLIN),
		p.watch(p.timer, aboutTick, unix.EPOLLIN))
}

func (p *poller) watch(fd, about int, events uint32) error {
	return unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd,
		&unix.EpollEvent{Events: events, Fd: int32(about)})
}

func (p *poller) Now() int64 { return int64(time.Since(p.begin)) }

func (p *poller) SetBusy(busy bool) { p.busy = busy }

func (p *poller) Stop() { p.stopped = true }

func (p *poller) Post(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.posted = append(p.posted, f)
	one := binary.NativeEndian.AppendUint64(nil, 1)
	_, _ = unix.Write(p.event, one) // it fails when it is signalled already
}

func (p *poller) TickEvery(d time.Duration) {
	spec := unix.NsecToTimespec(int64(d))
	err := unix.TimerfdSettime(p.timer, 0,
		&unix.ItimerSpec{Interval: spec, Value: spec}, nil)
	if err != nil {
		panic(err) // of a timer of ours and a duration above 0
	}
}

func (p *poller) Run() {
	defer p.release()
	events := make([]unix.EpollEvent, pollEvents)
	for !p.stopped {
		n := p.wait(events)
		for i := 0; i < n && !p.stopped; i++ {
			p.handle(events[i])
		}
	}
}

// wait returns how many events there are. When it is busy, it does not sleep, so that
// the server spends nothing on waking it.
func (p *poller) wait(events []unix.EpollEvent) int {
	if p.busy {
		n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.epoll),
			uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
		if errno != 0 {
			panic(errno) // of an epoll instance of ours
		}
		if n == 0 {
			runtime.Gosched() // the other goroutines may share this CPU
		}
		return int(n)
	}
	n, err := unix.EpollWait(p.epoll, events, -1)
	if err != nil && !errors.Is(err, unix.EINTR) {
		panic(err) // of an epoll instance of ours
	}
	return n
}

func (p *poller) handle(e unix.EpollEvent) {
	switch about := int(e.Fd); about {
	case aboutPosts:
		p.runPosted()
	case aboutTick:
		var expired [8]byte
		_, _ = unix.Read(p.timer, expired[:])
		p.expire()
		p.h.Tick(p.Now())
	default:
		p.ready(about, e.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0)
	}
}

func (p *poller) runPosted() {
	var count [8]byte
	_, _ = unix.Read(p.event, count[:])
	p.mu.Lock()
	posted := p.posted
	p.posted = nil
	p.mu.Unlock()
	for _, f := range posted {
		if !p.stopped {
			f()
		}
	}
}

// expire gives up handshakes that take too long.
func (p *poller) expire() {
	for i, began := range p.opening {
		if time.Since(began) > HandshakeTimeout {
			p.fail(i, errTimeout)
		}
	}
}

// release closes everything.
func (p *poller) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed, p.posted = true, nil
	for i := range p.socks {
		p.Close(i)
	}
	for _, fd := range []int{p.epoll, p.event, p.timer} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}

// close closes the socket of a session, if it has one.
func (p *poller) Close(i int) {
	s := &p.socks[i]
	if s.fd >= 0 {
		_ = unix.Close(s.fd)
	}
	*s = sock{fd: -1}
	delete(p.opening, i)
}

// fail ends a session because of an error.
func (p *poller) fail(i int, err error) {
	s := p.socks[i]
	p.Close(i)
	switch {
	case s.fd < 0: // the handler has been told
	case s.state == open:
		p.h.Ended(i, gone(err))
	default:
		p.h.Failed(i, gone(err))
	}
}

// ready does what the socket of a session can do now. Sockets are watched for edges,
// so each is read until it is empty, and until its end when that has come: there is no
// further event then.
func (p *poller) ready(i int, ending bool) {
	s := &p.socks[i]
	if s.fd < 0 {
		return // closed since
	}
	if s.state == connecting && !p.connected(i) || len(s.out) > 0 && !p.flush(i) {
		return
	}
	for serial := s.serial; s.fd >= 0 && s.serial == serial; {
		kept := copy(p.buf, s.in)
		n, err := rawRead(s.fd, p.buf[kept:])
		if err == unix.EAGAIN {
			return
		}
		if err == nil && n == 0 {
			err = io.EOF
		}
		if err != nil {
			p.fail(i, err)
			return
		}
		p.received(i, p.buf[:kept+n])
		if kept+n < len(p.buf) && !ending { // it is empty
			return
		}
	}
}

// received handles what a session has received, and keeps what is incomplete.
func (p *poller) received(i int, data []byte) {
	s := &p.socks[i]
	serial := s.serial
	if s.state == shaking {
		rest, complete, err := p.places.of(i).shake.read(data, s.token)
		if err != nil {
			p.fail(i, err)
			return
		}
		if complete {
			p.setOpen(i)
		}
		if s.fd < 0 {
			return
		}
		data = rest
	}
	if s.state == open {
		rest, err := deliver(p, p.h, i, data, p.Now())
		if err != nil {
			p.fail(i, err)
			return
		}
		data = rest
	}
	if s.fd >= 0 && s.serial == serial { // the handler may have closed or replaced it
		s.in = append(s.in[:0], data...)
	}
}

func (p *poller) setOpen(i int) {
	p.socks[i].state, p.socks[i].token = open, ""
	delete(p.opening, i)
	p.h.Opened(i)
}

func (p *poller) Send(i int, frames []byte) {
	s := &p.socks[i]
	if s.fd < 0 {
		return
	}
	if len(s.out) > 0 {
		if s.out = append(s.out, frames...); len(s.out) > maxUnsentBytes {
			p.fail(i, errUnread)
		}
		return
	}
	n, err := rawWrite(s.fd, frames)
	if err != nil && err != unix.EAGAIN {
		p.fail(i, err)
		return
	}
	s.out = append(s.out[:0], frames[n:]...)
}

// flush writes what was left over, and reports whether the session goes on.
func (p *poller) flush(i int) bool {
	s := &p.socks[i]
	n, err := rawWrite(s.fd, s.out)
	if err == unix.EAGAIN {
		return true
	}
	if err != nil {
		p.fail(i, err)
		return false
	}
	s.out = append(s.out[:0], s.out[n:]...)
	return true
}

// rawRead and rawWrite do not tell the scheduler of the system call, because it
// does not wait.
func rawRead(fd int, b []byte) (int, error) {
	return rawCall(unix.SYS_READ, fd, b)
}

func rawWrite(fd int, b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	return rawCall(unix.SYS_WRITE, fd, b)
}

func rawCall(call uintptr, fd int, b []byte) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall(call,
			uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}
