package client

import (
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// maxMessageBytes is more than any frame of the service has: the largest is an event
// with 4 KB of attributes, each byte of which may be escaped as six.
const maxMessageBytes = 128 << 10

// statusNone stands for the code of a Close frame without one. Source: RFC 6455,
// section 7.4.1.
const statusNone = 1005

// protocolError is a break of the WebSocket protocol by the server, and the code with
// which to leave.
type protocolError struct {
	code ws.StatusCode
	text string
}

func (e *protocolError) Error() string { return "the server broke the protocol: " + e.text }

var (
	errTooBig      = &protocolError{ws.StatusMessageTooBig, "a message is too big"}
	errInvalidUTF8 = &protocolError{ws.StatusInvalidFramePayloadData, "text is not UTF-8"}
)

// next returns the next text message, put together if it came in pieces. It is valid
// until the next call. Control frames are answered, and binary messages, which the
// service does not know, are skipped. The error is a *closeError after a Close frame.
func (s *session) next() ([]byte, error) {
	for {
		s.text = s.text[:0]
		kind, err := s.readMessage()
		if err != nil {
			return nil, err
		}
		if kind != ws.OpText {
			continue
		}
		if !utf8.Valid(s.text) {
			return nil, errInvalidUTF8
		}
		return s.text, nil
	}
}

// readMessage reads a message into s.text and returns its kind.
func (s *session) readMessage() (kind ws.OpCode, err error) {
	state := ws.StateClientSide
	for {
		header, err := ws.ReadHeader(s.in)
		if err != nil {
			return 0, fmt.Errorf("read: %w", err)
		}
		if err := ws.CheckHeader(header, state); err != nil {
			return 0, &protocolError{ws.StatusProtocolError, err.Error()}
		}
		if header.OpCode.IsControl() {
			if err := s.readControl(header); err != nil {
				return 0, err
			}
			continue
		}
		if header.OpCode != ws.OpContinuation {
			kind, state = header.OpCode, state.Set(ws.StateFragmented)
		}
		if err := s.readPayload(header.Length); err != nil || header.Fin {
			return kind, err
		}
	}
}

// readPayload adds a frame's payload to s.text. Memory is taken only for what is no
// longer than a message may be.
func (s *session) readPayload(length int64) error {
	before := len(s.text)
	if length > int64(maxMessageBytes-before) {
		return errTooBig
	}
	s.text = slices.Grow(s.text, int(length))[:before+int(length)]
	if _, err := io.ReadFull(s.in, s.text[before:]); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	return nil
}

// readControl reads a control frame, whose length was checked, and answers it.
func (s *session) readControl(header ws.Header) error {
	payload := make([]byte, header.Length)
	if _, err := io.ReadFull(s.in, payload); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	switch header.OpCode {
	case ws.OpPing:
		s.write(ws.OpPong, payload)
	case ws.OpClose:
		return s.readClose(payload)
	}
	return nil
}

// readClose takes the server's Close frame, and answers with its code.
func (s *session) readClose(payload []byte) error {
	if len(payload) == 0 {
		return &closeError{code: statusNone}
	}
	code, reason := ws.ParseCloseFrameData(payload)
	if code.IsNotUsed() || code.IsProtocolReserved() || !utf8.ValidString(reason) {
		return &protocolError{ws.StatusProtocolError, "a Close frame is malformed"}
	}
	s.sayGoodbye(code)
	return &closeError{int(code), reason}
}
