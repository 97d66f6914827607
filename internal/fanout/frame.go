package fanout

import (
	"encoding/binary"
	"unicode/utf8"
)

// opcode is the first byte of an unfragmented frame: FIN and the operation.
// Source: RFC 6455, section 5.2.
type opcode byte

const (
	opText  opcode = 0x81
	opClose opcode = 0x88
	opPing  opcode = 0x89
	opPong  opcode = 0x8a
)

// maxControlBytes is the largest payload of a Close, Ping or Pong frame.
const maxControlBytes = 125

// frameSize returns the size of an unmasked frame with a payload of n bytes.
func frameSize(n int) int {
	switch {
	case n <= 125:
		return 2 + n
	case n <= 0xffff:
		return 4 + n
	}
	return 10 + n
}

// putFrame writes an unmasked frame to the start of dst, which has room for it.
func putFrame(dst []byte, op opcode, payload []byte) {
	dst[0] = byte(op)
	n := len(payload)
	switch {
	case n <= 125:
		dst[1] = byte(n)
		copy(dst[2:], payload)
	case n <= 0xffff:
		dst[1] = 126
		binary.BigEndian.PutUint16(dst[2:], uint16(n))
		copy(dst[4:], payload)
	default:
		dst[1] = 127
		binary.BigEndian.PutUint64(dst[2:], uint64(n))
		copy(dst[10:], payload)
	}
}

func frame(op opcode, payload []byte) []byte {
	dst := make([]byte, frameSize(len(payload)))
	putFrame(dst, op, payload)
	return dst
}

// closeFrame returns a Close frame. The reason is cut at a character to fit.
func closeFrame(code int, reason string) []byte {
	const room = maxControlBytes - 2
	if len(reason) > room {
		cut := room
		for !utf8.RuneStart(reason[cut]) {
			cut--
		}
		reason = reason[:cut]
	}
	payload := binary.BigEndian.AppendUint16(nil, uint16(code))
	return frame(opClose, append(payload, reason...))
}
