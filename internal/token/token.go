// Package token seals and opens chat tokens. A sealed token is all that there is
// of it: the service stores none, and any node that holds the keys can open it.
// The package owns the form of sealed tokens and of stored keys, and nothing
// else: who may have a token is the control plane's affair, that each opens only
// one session is the messaging plane's, and keeping the keys is the store's.
package token

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/parley-chat/parley"
)

// maxSealedLen is the longest sealed token, in characters. It travels in a
// request header and in a response header, and common proxies stop at 8 KB for
// all headers together. The largest token that the limits of the API allow stays
// below it.
const maxSealedLen = 4096

// tokenPurpose is authenticated with every token, so that nothing else sealed
// under the same keys is ever taken for one. It changes with the form of claims.
var tokenPurpose = []byte("parley chat token v1")

// encoding yields only letters, digits, - and _: a token is offered as a
// WebSocket subprotocol, which allows neither / nor =. Strict refuses unused
// trailing bits that are not zero.
var encoding = base64.RawURLEncoding.Strict()

// errRefused is the answer to every token that does not open. It never says why,
// so that an outsider learns nothing from trying.
var errRefused = parley.Errorf(parley.Unauthenticated, "The chat token is invalid or has expired")

// Sealer seals and opens tokens with keys that never change. It may be used from any
// goroutine. NewSealer makes one.
type Sealer struct {
	aead tink.AEAD
	held map[KeyID]bool
}

// NewSealer returns a Sealer with these keys.
func NewSealer(k *Keys) (*Sealer, error) {
	primitive, err := aead.New(k.handle)
	if err != nil {
		return nil, fmt.Errorf("use token keys: %w", err)
	}
	s := &Sealer{aead: primitive, held: map[KeyID]bool{}}
	for _, key := range k.list {
		s.held[key.ID] = true
	}
	return s, nil
}

// Sealed tokens begin with the prefix that Tink gives what it encrypts: a byte for its
// version and the id of the key.
const (
	prefixVersion = 1
	prefixBytes   = 5
)

// Foreign reports whether a sealed token, as it seems, is sealed by a key that is not
// held. It costs nothing and proves nothing: anybody can make up an id.
func (s *Sealer) Foreign(sealed string) bool {
	var prefix [prefixBytes + 1]byte // whole groups of the encoding
	if len(sealed) > maxSealedLen || len(sealed) < encoding.EncodedLen(len(prefix)) {
		return false
	}
	_, err := encoding.Decode(prefix[:], []byte(sealed[:encoding.EncodedLen(len(prefix))]))
	id := KeyID(binary.BigEndian.Uint32(prefix[1:]))
	return err == nil && prefix[0] == prefixVersion && !s.held[id]
}

// Seal returns t as a text of letters, digits, - and _, at most 4096 long. Times
// are cut to the microsecond. Sealing the same token again gives another text.
func (s *Sealer) Seal(t parley.Token) (string, error) {
	plain, err := cbor.Marshal(claimsOf(t))
	if err != nil {
		return "", fmt.Errorf("encode token: %w", err)
	}
	sealed, err := s.aead.Encrypt(plain, tokenPurpose)
	if err != nil {
		return "", fmt.Errorf("seal token: %w", err)
	}
	text := encoding.EncodeToString(sealed)
	if len(text) > maxSealedLen {
		return "", fmt.Errorf("seal token: %d characters, at most %d are allowed",
			len(text), maxSealedLen)
	}
	return text, nil
}

// Open returns the token that Seal made into sealed, with times in UTC and with
// nil for empty attributes. The error has code Unauthenticated when sealed was
// altered, or its key is not held, or it expired at or before now; the message
// does not say which.
func (s *Sealer) Open(sealed string, now time.Time) (parley.Token, error) {
	// Line breaks are the one thing that the strict decoder still skips: with them
	// refused, a token has a single spelling.
	if len(sealed) > maxSealedLen || strings.ContainsAny(sealed, "\r\n") {
		return parley.Token{}, errRefused
	}
	raw, err := encoding.DecodeString(sealed)
	if err != nil {
		return parley.Token{}, errRefused
	}
	plain, err := s.aead.Decrypt(raw, tokenPurpose)
	if err != nil {
		return parley.Token{}, errRefused
	}
	var c claims
	if err := strict.Unmarshal(plain, &c); err != nil {
		return parley.Token{}, errRefused
	}
	t := c.token()
	if !now.Before(t.ExpiresAt) {
		return parley.Token{}, errRefused
	}
	return t, nil
}
