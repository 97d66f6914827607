package parley

import (
	"crypto/rand"
	"encoding/hex"
)

// IDLen is the length of every identifier that callers see: of rooms, messages,
// events and operations. Source: ID, RoomID, MessageID, API reference.
const IDLen = 12

const idAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// NewID returns a fresh identifier of 12 letters and digits. There are 62^12 of
// them (3·10^21), so nodes need not coordinate.
func NewID() string {
	// 248 is the largest multiple of 62 in a byte: bytes from it on are
	// thrown away, so that every character is equally likely.
	const fair = 256 - 256%len(idAlphabet)
	var id [IDLen]byte
	var random [2 * IDLen]byte
	for n := 0; n < IDLen; {
		_, _ = rand.Read(random[:]) // never fails: it ends the process instead
		for _, b := range random {
			if int(b) < fair && n < IDLen {
				id[n] = idAlphabet[int(b)%len(idAlphabet)]
				n++
			}
		}
	}
	return string(id[:])
}

// ValidID reports whether s has the form of an identifier: exactly 12 ASCII
// letters and digits.
func ValidID(s string) bool {
	return len(s) == IDLen && consists(s, isAlphanumeric)
}

// NewRequestID returns a random UUID, version 4: how an answer and our log name
// one request.
func NewRequestID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails: it ends the process instead
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	text := hex.EncodeToString(id[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}
