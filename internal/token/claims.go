package token

import (
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/parley-chat/parley"
)

// claims is a token in the form that is sealed: a CBOR map with small integer
// keys. Times are in microseconds since 1970. A change of a key or of its meaning
// takes a new tokenPurpose.
type claims struct {
	ID               parley.TokenID    `cbor:"1,keyasint"`
	Region           string            `cbor:"2,keyasint"`
	Account          string            `cbor:"3,keyasint"`
	Kind             parley.Kind       `cbor:"4,keyasint"`
	RoomID           string            `cbor:"5,keyasint"`
	UserID           string            `cbor:"6,keyasint"`
	Attributes       map[string]string `cbor:"7,keyasint,omitempty"`
	Capabilities     uint8             `cbor:"8,keyasint,omitempty"`
	IssuedAt         int64             `cbor:"9,keyasint"`
	ExpiresAt        int64             `cbor:"10,keyasint"`
	SessionExpiresAt int64             `cbor:"11,keyasint"`
}

// strict decodes claims. What it reads is authenticated, so a refusal means that
// another version of this code sealed it; half a token is never accepted. Sizes
// are bounded by maxSealedLen.
var strict = must(cbor.DecOptions{
	DupMapKey:         cbor.DupMapKeyEnforcedAPF,
	ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	IndefLength:       cbor.IndefLengthForbidden,
	TagsMd:            cbor.TagsForbidden,
}.DecMode())

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func claimsOf(t parley.Token) claims {
	return claims{
		ID:               t.ID,
		Region:           t.Room.Region,
		Account:          t.Room.Account,
		Kind:             t.Room.Kind,
		RoomID:           t.Room.ID,
		UserID:           t.UserID,
		Attributes:       t.Attributes,
		Capabilities:     uint8(t.Capabilities),
		IssuedAt:         t.IssuedAt.UnixMicro(),
		ExpiresAt:        t.ExpiresAt.UnixMicro(),
		SessionExpiresAt: t.SessionExpiresAt.UnixMicro(),
	}
}

func (c claims) token() parley.Token {
	return parley.Token{
		ID:               c.ID,
		Room:             parley.ARN{Region: c.Region, Account: c.Account, Kind: c.Kind, ID: c.RoomID},
		UserID:           c.UserID,
		Attributes:       c.Attributes,
		Capabilities:     parley.Capabilities(c.Capabilities),
		IssuedAt:         time.UnixMicro(c.IssuedAt).UTC(),
		ExpiresAt:        time.UnixMicro(c.ExpiresAt).UTC(),
		SessionExpiresAt: time.UnixMicro(c.SessionExpiresAt).UTC(),
	}
}
