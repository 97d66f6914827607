package sockets

import (
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/gobwas/ws"
)

// Network opens sessions and moves their bytes. While Run runs, it calls the Handler
// and the functions that were posted, one at a time. All methods but Post are called
// from there, or before Run. Sessions are known by numbers from 0.
type Network interface {
	// Open begins to open a session. The Handler is told when it is open, or why it
	// is not.
	Open(session int, token string)
	// Send sends whole frames. What the socket does not take is sent when it can.
	Send(session int, frames []byte)
	// Close ends a session without a Close frame. The Handler is not told.
	Close(session int)
	// TickEvery sets how often the Handler's Tick is called. At first it is not.
	TickEvery(d time.Duration)
	// SetBusy has Run look for events all the time, instead of sleeping until there
	// are some. It may be ignored.
	SetBusy(busy bool)
	// Now returns the nanoseconds since the network was made.
	Now() int64
	// Post has Run call f, in the order of posts. Any goroutine may call Post, also
	// when Run is over: then f is not called.
	Post(f func())
	// Run serves until Stop, and then closes everything. It has to be called.
	Run()
	Stop()
}

// Handler is told what happens on a Network. Times are nanoseconds since that was
// made. Payloads may be used until the method returns.
type Handler interface {
	Opened(session int)
	// Failed says why a session is not opened: a *HandshakeError when the server
	// refused it.
	Failed(session int, err error)
	// Message has the payload of a text frame, and when it was read.
	Message(session int, payload []byte, now int64)
	// Ended says why a session has ended.
	Ended(session int, err error)
	Tick(now int64)
}

// Limits of a connection.
const (
	// HandshakeTimeout bounds the way from connect to the answer of the handshake.
	HandshakeTimeout = 10 * time.Second
	// maxUnsentBytes is how much may wait for a server that does not read.
	maxUnsentBytes = 8 << 20
)

var (
	errTimeout = fmt.Errorf("no answer to the handshake after %s", HandshakeTimeout)
	errUnread  = errors.New("the server does not read what is sent to it")
)

// deliver hands the complete frames of data to the handler, answers pings, and
// returns the rest. An error ends the session.
func deliver(n Network, h Handler, session int, data []byte, now int64) (rest []byte, err error) {
	for {
		f, size, err := nextFrame(data)
		if err != nil || size == 0 {
			return data, err
		}
		switch f.opcode {
		case ws.OpText:
			h.Message(session, f.payload, now)
		case ws.OpPing:
			n.Send(session, appendFrame(nil, ws.OpPong, f.payload))
		case ws.OpClose:
			return nil, readClose(f.payload)
		}
		data = data[size:]
	}
}

// gone returns a better error for a connection that has ended.
func gone(err error) error {
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("the server ended the connection")
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return errors.New("the server reset the connection")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w: no port is left for a further connection from this address", err)
	}
	return err
}
