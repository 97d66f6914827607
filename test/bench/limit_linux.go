package main

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// limitServer does the least that any server has to do to send a message to all
// receivers, on one CPU: it reads the message, and calls write once for each socket.
// It has no goroutines, no protocol and no state. What it reaches is the physical
// limit that parley serve is compared with.
type limitServer struct {
	sessions   int // connections to wait for
	frameBytes int // of a message, which is sent on as it is
	batch      int // messages to wait for, which are then sent with one write

	listener int
	epoll    int
	conns    []int
	in       []byte // what has been read of the next messages
	read     int
}

const (
	limitBacklog = 4096
	limitEvents  = 64
)

// serve serves until standard input ends, or the connections do. It calls ready with
// its port when it listens.
func (s *limitServer) serve(ready func(port int)) error {
	runtime.LockOSThread()
	port, err := s.listen()
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if s.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("make an epoll instance: %w", err)
	}
	const stdin = 0
	if err := errors.Join(s.watch(stdin), s.watch(s.listener)); err != nil {
		return err
	}
	s.in = make([]byte, 4*s.batch*s.frameBytes)
	ready(port)
	events := make([]unix.EpollEvent, limitEvents)
	for {
		n, err := unix.EpollWait(s.epoll, events, -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("wait: %w", err)
		}
		for i := range max(n, 0) {
			switch fd := int(events[i].Fd); fd {
			case stdin:
				return nil
			case s.listener:
				err = s.accept()
			default:
				err = s.receive(fd)
			}
			if errors.Is(err, errGone) {
				return nil
			}
			if err != nil {
				return err
			}
		}
	}
}

// errGone says that the load has ended.
var errGone = errors.New("a connection has ended")

func (s *limitServer) watch(fd int) error {
	return unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, fd,
		&unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

func (s *limitServer) listen() (port int, err error) {
	s.listener, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return 0, err
	}
	err = errors.Join(
		unix.Bind(s.listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}),
		unix.Listen(s.listener, limitBacklog))
	if err != nil {
		return 0, err
	}
	name, err := unix.Getsockname(s.listener)
	if err != nil {
		return 0, err
	}
	return name.(*unix.SockaddrInet4).Port, nil // it was bound to such an address
}

func (s *limitServer) accept() error {
	for len(s.conns) < s.sessions {
		fd, _, err := unix.Accept4(s.listener, unix.SOCK_NONBLOCK)
		if errors.Is(err, unix.EAGAIN) {
			return nil
		}
		if err == nil {
			err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		}
		if err == nil {
			err = s.watch(fd)
		}
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		s.conns = append(s.conns, fd)
	}
	return nil
}

// receive reads messages, and sends them to all when there are enough.
func (s *limitServer) receive(fd int) error {
	n, err := unix.Read(fd, s.in[s.read:])
	if errors.Is(err, unix.EAGAIN) {
		return nil
	}
	if err != nil || n == 0 {
		return errGone
	}
	s.read += n
	whole := s.batch * s.frameBytes
	for s.read >= whole {
		for _, fd := range s.conns {
			if err := s.send(fd, s.in[:whole]); err != nil {
				return err
			}
		}
		s.read = copy(s.in, s.in[whole:s.read])
	}
	return nil
}

// send writes to one socket, which takes everything unless its receiver lags behind.
func (s *limitServer) send(fd int, frames []byte) error {
	for {
		// The scheduler is not told of the call, because it does not wait.
		n, _, errno := syscall.RawSyscall(unix.SYS_WRITE, uintptr(fd),
			uintptr(unsafe.Pointer(&frames[0])), uintptr(len(frames)))
		switch {
		case errno == 0 && int(n) == len(frames):
			return nil
		case errno == 0:
			frames = frames[n:]
		case errno != unix.EAGAIN && errno != unix.EINTR:
			return errGone
		}
		polled := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		if _, err := unix.Poll(polled, pollTimeout); err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("wait for a socket: %w", err)
		}
	}
}
