package messaging

import (
	"errors"

	"github.com/gobwas/ws"

	"github.com/parley-chat/parley/internal/fanout"
	"github.com/parley-chat/parley/internal/hub"
)

// maxMessageBytes is the largest message that is read, all its fragments
// together. One that is larger ends the session; one over the limit of a request is
// answered with an ERROR.
const maxMessageBytes = 64 << 10

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

// reader is the fanout.Receiver of a session: what its client sends is decoded
// here, and its other events are the session's own.
type reader struct {
	*hub.Session
	frames    frames
	finished  bool       // a message has ended in the bytes that came last
	addresses *addresses // that count the session
}

// Ended ends the session and lets its address open another.
func (r *reader) Ended(cause error) {
	r.Session.Ended(cause)
	r.addresses.leave(r.Client())
}

// Receive decodes what the client has sent and has the session act on it.
func (r *reader) Receive(data []byte) fanout.Progress {
	r.finished = false
	var violation protocolError
	if err := r.frames.feed(data, r); errors.As(err, &violation) {
		r.CloseProtocol(int(violation.code), violation.reason)
	}
	switch {
	case !r.frames.partial():
		return fanout.Between
	case r.finished:
		return fanout.Begun
	}
	return fanout.Within
}

func (r *reader) text(payload []byte) {
	r.finished = true
	r.Request(payload)
}

func (r *reader) binary() {
	r.finished = true
	r.RefuseBinary()
}

func (r *reader) ping(payload []byte) { r.Pong(payload) }

func (r *reader) closed(code int) { r.PeerClosed(code) }
