package sockets

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/gobwas/ws"
)

// maxFrameBytes is the longest frame that is read. The longest that the original
// sends, an event with all its attributes, has a tenth of that.
const maxFrameBytes = 64 << 10

// frame is a frame of a server, in the buffer that it was read into.
type frame struct {
	opcode  ws.OpCode
	payload []byte
}

var (
	errMasked     = errors.New("the server sent a masked frame")
	errFragmented = errors.New("the server sent a message in fragments")
)

// nextFrame returns the first frame of buf and how many bytes of buf it takes. They
// are 0 when the frame is not complete. Servers of this protocol send no fragments
// and no masks, which are errors, as a frame over maxFrameBytes is.
func nextFrame(buf []byte) (f frame, size int, err error) {
	if len(buf) < 2 {
		return f, 0, nil
	}
	head, length := 2, int(buf[1])
	switch {
	case length&0x80 != 0:
		return f, 0, errMasked
	case length == 126:
		if len(buf) < 4 {
			return f, 0, nil
		}
		head, length = 4, int(binary.BigEndian.Uint16(buf[2:]))
	case length == 127:
		if len(buf) < 10 {
			return f, 0, nil
		}
		head, length = 10, int(min(binary.BigEndian.Uint64(buf[2:]), maxFrameBytes+1))
	}
	size = head + length
	switch {
	case length > maxFrameBytes:
		return f, 0, fmt.Errorf("the server sent a frame over %d bytes", maxFrameBytes)
	case buf[0]&0x80 == 0 || ws.OpCode(buf[0]&0x0f) == ws.OpContinuation:
		return f, 0, errFragmented
	case len(buf) < size:
		return f, 0, nil
	}
	return frame{ws.OpCode(buf[0] & 0x0f), buf[head:size]}, size, nil
}

// AppendText appends a text frame of a client to buf.
func AppendText(buf, payload []byte) []byte { return appendFrame(buf, ws.OpText, payload) }

// AppendClose appends a client's Close frame, with which it ends its session.
func AppendClose(buf []byte) []byte {
	return appendFrame(buf, ws.OpClose, ws.NewCloseFrameBody(ws.StatusNormalClosure, ""))
}

// appendFrame appends a masked frame.
func appendFrame(buf []byte, op ws.OpCode, payload []byte) []byte {
	const masked = 0x80
	at := len(buf)
	buf = appendHeader(buf, op, len(payload))
	buf[at+1] |= masked
	mask := ws.NewMask()
	buf = append(buf, mask[:]...)
	at = len(buf)
	buf = append(buf, payload...)
	ws.Cipher(buf[at:], mask, 0)
	return buf
}

// AppendServerText appends a text frame of a server.
func AppendServerText(buf, payload []byte) []byte {
	return append(appendHeader(buf, ws.OpText, len(payload)), payload...)
}

// appendHeader appends the header of an unmasked frame of up to 65,535 bytes.
func appendHeader(buf []byte, op ws.OpCode, length int) []byte {
	const fin = 0x80
	buf = append(buf, fin|byte(op))
	if length < 126 {
		return append(buf, byte(length))
	}
	return binary.BigEndian.AppendUint16(append(buf, 126), uint16(length))
}

// FrameBytes returns how long a server's frame is, with its header.
func FrameBytes(payload int) int { return len(appendHeader(nil, ws.OpText, payload)) + payload }

// CloseError is a Close frame of the server, which ends a session.
type CloseError struct {
	Code   int // 1005 when there is none
	Reason string
}

func (e *CloseError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the server closed the session: %d %s", e.Code, e.Reason))
}

func readClose(payload []byte) error {
	code, reason := ws.ParseCloseFrameData(payload)
	return &CloseError{int(code), reason}
}
