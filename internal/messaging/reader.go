package messaging

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"github.com/parley-chat/parley/internal/hub"
)

// Limits of what a client sends.
const (
	// maxMessageBytes is the largest message that is read, all its fragments
	// together. One that is larger ends the session; one over the limit of a
	// request is answered with an ERROR.
	maxMessageBytes = 64 << 10
	// pingAfter is how long a client may be silent before it is pinged, and then
	// how long it may take to answer. Load balancers often cut at 60 seconds.
	pingAfter = 30 * time.Second
	// frameTimeout is how long the rest of a frame may take after its first byte.
	frameTimeout = 30 * time.Second
	// readBufferBytes is what each session's reading keeps. Most requests fit.
	readBufferBytes = 512
)

// protocolError ends a session with a Close frame.
type protocolError struct {
	code   ws.StatusCode
	reason string
}

func (e protocolError) Error() string { return e.reason }

var (
	errTooBig      = protocolError{ws.StatusMessageTooBig, "message too big"}
	errInvalidUTF8 = protocolError{ws.StatusInvalidFramePayloadData, "invalid UTF-8"}
)

// errPeerClosed ends the reading after the client's Close frame.
var errPeerClosed = errors.New("closed by the client")

// reader reads the frames of one session. It is owned by one goroutine.
type reader struct {
	session *hub.Session
	conn    net.Conn
	in      *bufio.Reader

	fragments []byte    // of an unfinished message
	op        ws.OpCode // of the unfinished message; OpContinuation when there is none
}

func newReader(session *hub.Session, conn net.Conn, early []byte) *reader {
	var in io.Reader = conn
	if len(early) > 0 {
		in = io.MultiReader(bytes.NewReader(early), conn)
	}
	return &reader{session: session, conn: conn, in: bufio.NewReaderSize(in, readBufferBytes)}
}

// run reads until the connection ends, for whatever reason.
func (r *reader) run(ctx context.Context) {
	var violation protocolError
	for {
		err := r.readFrame(ctx)
		switch {
		case err == nil:
			continue
		case errors.As(err, &violation):
			r.session.CloseProtocol(int(violation.code), violation.reason)
			r.discard()
		case errors.Is(err, errPeerClosed):
			r.discard()
		}
		return
	}
}

// discard waits for the connection to end, so that the Close frame just queued is
// not cut off. The writing side closes it after its own timeout at the latest.
func (r *reader) discard() {
	_ = r.conn.SetReadDeadline(time.Time{})
	_, _ = io.Copy(io.Discard, r.in)
}

// readFrame reads one frame and acts on it.
func (r *reader) readFrame(ctx context.Context) error {
	if err := r.awaitFrame(); err != nil {
		return err
	}
	header, err := ws.ReadHeader(r.in)
	if errors.Is(err, ws.ErrHeaderLengthMSB) || errors.Is(err, ws.ErrHeaderLengthUnexpected) {
		return protocolError{ws.StatusProtocolError, "bad frame length"}
	}
	if err != nil {
		return err
	}
	payload, err := r.readPayload(header)
	if err != nil {
		return err
	}
	if header.OpCode.IsControl() {
		return r.control(header.OpCode, payload)
	}
	return r.data(ctx, header, payload)
}

// awaitFrame waits for the first byte of a frame. A client that is silent for too
// long is pinged, and dropped if it stays silent; one that never sends messages
// but answers pings stays for ever.
func (r *reader) awaitFrame() error {
	for pinged := false; ; pinged = true {
		if err := r.conn.SetReadDeadline(time.Now().Add(pingAfter)); err != nil {
			return err
		}
		_, err := r.in.Peek(1)
		if err == nil {
			return r.conn.SetReadDeadline(time.Now().Add(frameTimeout))
		}
		if ne := net.Error(nil); !errors.As(err, &ne) || !ne.Timeout() {
			return err
		}
		if pinged {
			r.session.Drop()
			return err
		}
		r.session.Ping()
	}
}

// readPayload checks a frame's header before it makes room for what follows.
func (r *reader) readPayload(header ws.Header) ([]byte, error) {
	state := ws.StateServerSide
	if r.op != ws.OpContinuation {
		state = state.Set(ws.StateFragmented)
	}
	if err := ws.CheckHeader(header, state); err != nil {
		return nil, protocolError{ws.StatusProtocolError, err.Error()}
	}
	if header.Length > int64(maxMessageBytes-len(r.fragments)) {
		return nil, errTooBig
	}
	payload := make([]byte, header.Length)
	if _, err := io.ReadFull(r.in, payload); err != nil {
		return nil, err
	}
	ws.Cipher(payload, header.Mask, 0)
	return payload, nil
}

// data handles a frame of a message, and the message when it is complete.
func (r *reader) data(ctx context.Context, header ws.Header, payload []byte) error {
	op := header.OpCode
	if op == ws.OpContinuation {
		op = r.op
		payload = append(r.fragments, payload...)
	}
	if !header.Fin {
		r.op, r.fragments = op, payload
		return nil
	}
	r.op, r.fragments = ws.OpContinuation, nil
	switch {
	case op == ws.OpBinary:
		r.session.RefuseBinary()
	case !utf8.Valid(payload):
		return errInvalidUTF8
	default:
		r.session.Receive(ctx, payload)
	}
	return nil
}

func (r *reader) control(op ws.OpCode, payload []byte) error {
	switch op {
	case ws.OpPing:
		r.session.Pong(payload)
	case ws.OpClose:
		return r.peerClose(payload)
	}
	return nil // a Pong is the sign of life that awaitFrame has seen
}

// peerClose answers the client's Close frame with its own code.
func (r *reader) peerClose(payload []byte) error {
	if len(payload) == 0 {
		r.session.PeerClosed(int(ws.StatusNormalClosure))
		return errPeerClosed
	}
	code, reason := ws.ParseCloseFrameData(payload)
	if err := ws.CheckCloseFrameData(code, reason); err != nil {
		return protocolError{ws.StatusProtocolError, err.Error()}
	}
	r.session.PeerClosed(int(code))
	return errPeerClosed
}
