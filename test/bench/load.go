package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// The load.
const (
	// connections is how many calls are on their way at once, at most.
	connections = 32
	// warmUp comes before everything that is measured.
	warmUp = 500 * time.Millisecond
	// pollTimeout bounds a wait for answers, in milliseconds.
	pollTimeout = 1000
	// maxAnswerBytes is more than an answer under load has.
	maxAnswerBytes = 16 << 10
)

// callLoad sends one request over and over on keep-alive connections. It works on bare
// sockets from a single goroutine, so that it costs far less than what it measures.
type callLoad struct {
	request []byte
	conns   []*conn
	polled  []unix.PollFd // one per connection, in their order
}

// conn is one keep-alive connection. A request is on its way while due is not zero.
type conn struct {
	fd     int
	due    time.Time // when the request was to be sent
	answer []byte    // what has arrived of its answer
}

// newLoad opens n connections to an IPv4 address, for answers of up to maxBytes.
func newLoad(server netip.AddrPort, n, maxBytes int) (_ *callLoad, err error) {
	l := &callLoad{}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	for range n {
		c, err := dial(server, maxBytes)
		if err != nil {
			return nil, err
		}
		l.conns = append(l.conns, c)
		l.polled = append(l.polled, unix.PollFd{Fd: int32(c.fd), Events: unix.POLLIN})
	}
	return l, nil
}

func dial(server netip.AddrPort, maxBytes int) (*conn, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, fmt.Errorf("make a socket: %w", err)
	}
	err = errors.Join(
		unix.Connect(fd, &unix.SockaddrInet4{Port: int(server.Port()), Addr: server.Addr().As4()}),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.SetNonblock(fd, true))
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("connect to %s: %w", server, err)
	}
	return &conn{fd: fd, answer: make([]byte, 0, maxBytes)}, nil
}

func (l *callLoad) close() {
	for _, c := range l.conns {
		_ = unix.Close(c.fd)
	}
}

// send puts a request on its way. A whole one fits the socket's buffer, which is
// empty after an answer.
func (l *callLoad) send(c *conn, due time.Time) error {
	n, err := unix.Write(c.fd, l.request)
	if err == nil && n < len(l.request) {
		err = fmt.Errorf("only %d of %d bytes went out", n, len(l.request))
	}
	if err != nil {
		return fmt.Errorf("send a request: %w", err)
	}
	c.due, c.answer = due, c.answer[:0]
	return nil
}

// receive reads what is there, and reports whether the answer is complete.
func (c *conn) receive() (complete bool, err error) {
	n, err := unix.Read(c.fd, c.answer[len(c.answer):cap(c.answer)])
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return false, nil
	}
	if err == nil && n == 0 {
		err = fmt.Errorf("the connection ended, or the answer is over %d bytes", cap(c.answer))
	}
	if err != nil {
		return false, fmt.Errorf("read an answer: %w", err)
	}
	c.answer = c.answer[:len(c.answer)+n]
	return answered(c.answer)
}

var (
	headEnd       = []byte("\r\n\r\n")
	contentLength = []byte("\r\nContent-Length: ")
	success       = []byte("HTTP/1.1 200 ")
)

// answered reports whether an answer is complete. The error says that it is no
// success.
func answered(answer []byte) (bool, error) {
	head := bytes.Index(answer, headEnd)
	if head < 0 {
		return false, nil
	}
	at := bytes.Index(answer[:head], contentLength)
	if at < 0 {
		return false, fmt.Errorf("answer without a length: %q", answer)
	}
	digits, _, _ := bytes.Cut(answer[at+len(contentLength):head+1], []byte("\r"))
	length, err := strconv.Atoi(string(digits))
	if err != nil {
		return false, fmt.Errorf("length of an answer: %w", err)
	}
	if len(answer) < head+len(headEnd)+length {
		return false, nil
	}
	if !bytes.HasPrefix(answer, success) {
		return false, fmt.Errorf("the call failed: %q", answer)
	}
	return true, nil
}

// wait calls done for each connection whose answer has arrived. It waits for one
// for up to timeout milliseconds.
func (l *callLoad) wait(timeout int, done func(c *conn) error) error {
	ready, err := unix.Poll(l.polled, timeout)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("wait for answers: %w", err)
	}
	for i := 0; i < len(l.polled) && ready > 0; i++ {
		if l.polled[i].Revents == 0 {
			continue
		}
		ready--
		c := l.conns[i]
		complete, err := c.receive()
		if err == nil && complete {
			err = done(c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// full has every connection send its next request as soon as it has an answer. It
// returns the calls per second, and the share of its CPU that the load itself took.
func (l *callLoad) full(d time.Duration) (perSecond, busy float64, err error) {
	begin := time.Now()
	for _, c := range l.conns {
		if err := l.send(c, begin); err != nil {
			return 0, 0, err
		}
	}
	calls, now := 0, begin
	more := func(c *conn) error {
		calls++
		return l.send(c, now)
	}
	for ; now.Sub(begin) < warmUp; now = time.Now() {
		if err := l.wait(pollTimeout, more); err != nil {
			return 0, 0, err
		}
	}
	calls, begin = 0, now
	usedBefore := usedCPU()
	for ; now.Sub(begin) < d; now = time.Now() {
		if err := l.wait(pollTimeout, more); err != nil {
			return 0, 0, err
		}
	}
	took := now.Sub(begin)
	busy = float64(usedCPU()-usedBefore) / float64(took)
	return float64(calls) / took.Seconds(), busy, l.drain()
}

// drain waits for the answers that are still on their way.
func (l *callLoad) drain() error {
	waiting := func(c *conn) bool { return !c.due.IsZero() }
	end := time.Now().Add(pollTimeout * time.Millisecond)
	for slices.ContainsFunc(l.conns, waiting) {
		if time.Now().After(end) {
			return fmt.Errorf("an answer is missing after %d ms", pollTimeout)
		}
		err := l.wait(pollTimeout, func(c *conn) error {
			c.due = time.Time{}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// paced sends requests at fixed times, whether or not answers are late. It returns
// how long each call took from the time at which it was to be sent.
func (l *callLoad) paced(perSecond float64, d time.Duration) ([]time.Duration, error) {
	interval := time.Duration(float64(time.Second) / perSecond)
	took := make([]time.Duration, 0, int(d/interval)+connections)
	free := slices.Clone(l.conns)
	begin := time.Now()
	due, now := begin, begin
	done := func(c *conn) error {
		if c.due.Sub(begin) >= warmUp {
			took = append(took, time.Since(c.due))
		}
		c.due = time.Time{}
		free = append(free, c)
		return nil
	}
	for ; now.Sub(begin) < warmUp+d; now = time.Now() {
		for ; !due.After(now) && len(free) > 0; due = due.Add(interval) {
			last := len(free) - 1
			if err := l.send(free[last], due); err != nil {
				return nil, err
			}
			free = free[:last]
		}
		// It does not wait, because no wait is as short as the interval.
		if err := l.wait(0, done); err != nil {
			return nil, err
		}
	}
	return took, l.drain()
}

// usedCPU returns the CPU time that this process has used.
func usedCPU() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		panic(err) // it has no reason to fail
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
