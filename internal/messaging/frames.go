package messaging

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// frameHandler takes what frames hands on. Payloads are valid during the call only, and
// the handler must not call frames from within it.
type frameHandler interface {
	text(payload []byte) // a whole text message; valid UTF-8
	binary()             // a whole binary message; its content is of no use to anyone
	ping(payload []byte)
	closed(code int) // the client's Close frame: its code, 1000 when it gave none
}

// frames turns the bytes of one client into messages and control frames, whatever
// pieces they come in. The zero value is ready. Owned by the session's goroutine.
//
// A server holds one for each of its sessions, and nearly all are idle. So between
// messages it is one nil pointer, and a message that comes in one piece is handed on
// from where it lies.
type frames struct {
	unfinished *unfinished // nil between messages
}

// unfinished is where frames stands within a message or a frame. Memory is taken for
// what has arrived, never for what a header claims.
type unfinished struct {
	text []byte // of a text message: what has come of it, unmasked and checked
	held []byte // the beginning of a header, or of a control frame's payload

	mask [4]byte // begins with the byte for the next byte of payload
	left uint32  // bytes of the frame's payload that are still to come
	size uint32  // bytes of the message: the lengths in its headers so far

	message ws.OpCode // OpText or OpBinary; zero between messages
	frame   ws.OpCode // the same, or a control frame's; zero outside of a payload
	fin     bool      // the frame is the last of its message
	ended   bool      // by the client's Close frame, or by an error
}

// feed takes the next bytes, and may unmask them in place. The error is a
// protocolError: the session must be ended with its code. After an error, and after
// closed, whatever comes is ignored.
func (f *frames) feed(data []byte, h frameHandler) error {
	var u unfinished // a copy: what is whole needs no memory of its own
	if f.unfinished != nil {
		u = *f.unfinished
	}
	err := u.feed(data, h)
	if err != nil || u.ended {
		u = unfinished{ended: true}
	}
	switch {
	case u.idle():
		f.unfinished = nil
	case f.unfinished == nil:
		f.unfinished = new(u)
	default:
		*f.unfinished = u
	}
	return err
}

// partial reports whether a frame or message has begun and not ended.
func (f *frames) partial() bool { return f.unfinished != nil && !f.unfinished.ended }

func (u *unfinished) idle() bool {
	return u.message == 0 && u.frame == 0 && len(u.held) == 0 && !u.ended
}

// feed reads headers and payloads in turn until data ends.
func (u *unfinished) feed(data []byte, h frameHandler) (err error) {
	for !u.ended {
		if u.frame == 0 {
			if data, err = u.readHeader(data); err != nil || u.frame == 0 {
				return err
			}
		}
		if data, err = u.readPayload(data, h); err != nil || u.frame != 0 {
			return err
		}
	}
	return nil
}

// readHeader reads a frame's header and returns what follows it. When data ends
// before the header does, it holds what there is, and frame stays zero.
func (u *unfinished) readHeader(data []byte) (rest []byte, err error) {
	header, before := data, len(u.held)
	if before > 0 {
		u.held = append(u.held, data[:min(len(data), ws.MaxHeaderSize)]...)
		header = u.held
	}
	n, err := u.begin(header)
	if err != nil {
		return nil, err
	}
	if u.frame == 0 {
		if before == 0 {
			u.held = append(u.held, data...)
		}
		return nil, nil
	}
	u.held = nil
	return data[n-before:], nil
}

// begin sets the fields of a frame from the header at the start of data, and returns
// the header's length. It looks at each part of a header as soon as it is there; when
// a part is missing, frame stays zero.
func (u *unfinished) begin(data []byte) (n int, err error) {
	if len(data) < ws.MinHeaderSize {
		return 0, nil
	}
	header := ws.Header{
		Fin:    data[0]&0x80 != 0,
		Rsv:    data[0] >> 4 & 7,
		OpCode: ws.OpCode(data[0] & 0x0f),
		Masked: data[1]&0x80 != 0,
		Length: int64(data[1] & 0x7f), // over 125: too much for a control frame in any case
	}
	state := ws.StateServerSide
	if u.message != 0 {
		state = state.Set(ws.StateFragmented)
	}
	if err := ws.CheckHeader(header, state); err != nil {
		return 0, protocolError{ws.StatusProtocolError, err.Error()}
	}
	n, length, err := frameLength(data)
	if n == 0 || err != nil {
		return 0, err
	}
	if !header.OpCode.IsControl() && length > uint64(maxMessageBytes-u.size) {
		return 0, errTooBig
	}
	if len(data) < n+len(u.mask) {
		return 0, nil
	}
	u.mask = [4]byte(data[n:])
	u.start(header.OpCode, header.Fin, uint32(length))
	return n + len(u.mask), nil
}

// frameLength returns the length of a frame's payload, and where in the header the
// mask begins; that is 0 when the length is not whole yet. A length has one encoding,
// the shortest. Source: RFC 6455, section 5.2.
func frameLength(header []byte) (n int, length uint64, err error) {
	var least uint64
	switch short := header[1] & 0x7f; {
	case short < 126:
		return 2, uint64(short), nil
	case short == 126 && len(header) >= 4:
		n, length, least = 4, uint64(binary.BigEndian.Uint16(header[2:])), 126
	case short == 127 && len(header) >= 10:
		n, length, least = 10, binary.BigEndian.Uint64(header[2:]), 1<<16
	default:
		return 0, 0, nil
	}
	if length < least || length > 1<<63-1 {
		return 0, 0, protocolError{ws.StatusProtocolError, "bad frame length"}
	}
	return n, length, nil
}

// start begins a frame's payload.
func (u *unfinished) start(op ws.OpCode, fin bool, length uint32) {
	u.left = length
	if op.IsControl() {
		u.frame = op
		return
	}
	if op != ws.OpContinuation {
		u.message = op
	}
	u.frame, u.fin = u.message, fin
	u.size += length
}

// readPayload reads what data has of the frame's payload and returns what follows it.
func (u *unfinished) readPayload(data []byte, h frameHandler) (rest []byte, err error) {
	n := min(len(data), int(u.left))
	part, rest := data[:n], data[n:]
	ws.Cipher(part, u.mask, 0)
	u.mask = [4]byte{u.mask[n&3], u.mask[(n+1)&3], u.mask[(n+2)&3], u.mask[(n+3)&3]}
	u.left -= uint32(n)
	switch u.frame {
	case ws.OpText:
		err = u.readText(part, h)
	case ws.OpBinary:
		u.readBinary(h)
	default:
		err = u.readControl(part, h)
	}
	if u.left == 0 {
		u.frame = 0
	}
	return rest, err
}

// readText takes the next part of a text message. Each part is checked as it comes: a
// byte that makes the message invalid UTF-8 is not followed by a wait for the rest.
func (u *unfinished) readText(part []byte, h frameHandler) error {
	last := u.fin && u.left == 0
	text, checked := part, 0
	if len(u.text) > 0 || !last {
		checked = wholeCharacters(u.text)
		u.text = append(u.text, part...)
		text = u.text
	}
	end := len(text)
	if !last {
		end = wholeCharacters(text)
	}
	if !utf8.Valid(text[checked:end]) {
		return errInvalidUTF8
	}
	if last {
		h.text(text)
		u.endMessage()
	}
	return nil
}

// wholeCharacters returns the length of text without a character at its end that
// lacks bytes. A character that cannot become valid does not count as lacking any.
func wholeCharacters(text []byte) int {
	for i := len(text) - 1; i >= 0 && i >= len(text)-utf8.UTFMax; i-- {
		if !utf8.RuneStart(text[i]) {
			continue
		}
		if !utf8.FullRune(text[i:]) {
			return i
		}
		break
	}
	return len(text)
}

// readBinary takes the next part of a binary message, which is only counted.
func (u *unfinished) readBinary(h frameHandler) {
	if u.fin && u.left == 0 {
		h.binary()
		u.endMessage()
	}
}

func (u *unfinished) endMessage() { u.message, u.text, u.size = 0, nil, 0 }

// readControl takes the next part of a control frame. A Pong is dropped: that it came
// is all there is to know.
func (u *unfinished) readControl(part []byte, h frameHandler) error {
	payload := part
	if len(u.held) > 0 || u.left > 0 {
		u.held = append(u.held, part...)
		payload = u.held
	}
	if u.left > 0 {
		return nil
	}
	u.held = nil
	switch u.frame {
	case ws.OpPing:
		h.ping(payload)
	case ws.OpClose:
		return u.readClose(payload, h)
	}
	return nil
}

// lastCloseCode is the last that has a meaning. Source: RFC 6455, section 7.4.2.
const lastCloseCode = 4999

// readClose takes the payload of the client's Close frame. One byte of payload is
// half of a code, and parses as the code 0, which is not in use.
func (u *unfinished) readClose(payload []byte, h frameHandler) error {
	code := ws.StatusNormalClosure
	if len(payload) > 0 {
		var reason string
		code, reason = ws.ParseCloseFrameData(payload)
		err := ws.CheckCloseFrameData(code, reason)
		switch {
		case code > lastCloseCode:
			return protocolError{ws.StatusProtocolError, "status code is not defined"}
		case err == ws.ErrProtocolInvalidUTF8:
			return errInvalidUTF8
		case err != nil:
			return protocolError{ws.StatusProtocolError, err.Error()}
		}
	}
	u.ended = true
	h.closed(int(code))
	return nil
}
