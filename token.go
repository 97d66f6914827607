package parley

import (
	"crypto/rand"
	"encoding/hex"
	"time"
)

// Limits and defaults of a chat token. Source: CreateChatToken, API reference.
const (
	MaxUserIDLen          = 128         // code points, at least 1
	MaxTokenAttributes    = 1024        // bytes of keys and values together
	TokenLife             = time.Minute // from issue until the token must be used
	MaxSessionMinutes     = 180         // at least 1
	DefaultSessionMinutes = 60
)

// Token is what a chat token says: who may join which room, with which rights,
// until when. It opens one session and is fixed for the session's whole life.
type Token struct {
	ID               TokenID
	Room             ARN
	UserID           string
	Attributes       map[string]string // shown to receivers as the sender's
	Capabilities     Capabilities
	IssuedAt         time.Time
	ExpiresAt        time.Time // it must be used before this
	SessionExpiresAt time.Time // the session it opens ends at this
}

// TokenID marks a token for single use. It is random: 128 bits.
type TokenID [16]byte

// String returns the id in hexadecimal.
func (id TokenID) String() string { return hex.EncodeToString(id[:]) }

// TokenRequest holds what a CreateChatToken call asks for.
type TokenRequest struct {
	Room           ARN
	UserID         string
	Attributes     map[string]string
	Capabilities   Capabilities
	SessionMinutes int
}

// Check adds to c what is wrong with the request.
func (r TokenRequest) Check(c *Check) {
	c.Length("userId", r.UserID, 1, MaxUserIDLen)
	c.Range("sessionDurationInMinutes", r.SessionMinutes, 1, MaxSessionMinutes)
	c.Size("attributes", r.Attributes, MaxTokenAttributes)
}

// NewToken returns a token with a fresh id, issued now. Both its expiry times
// count from issue and are cut to the whole second, because that is how they are
// told: what the caller knows is what is enforced. They must not be rounded up:
// the JavaScript messaging SDK refreshes at once when over 60 s are left.
func NewToken(r TokenRequest, now time.Time) Token {
	life := time.Duration(r.SessionMinutes) * time.Minute
	t := Token{
		ID:               NewTokenID(),
		Room:             r.Room,
		UserID:           r.UserID,
		Attributes:       r.Attributes,
		Capabilities:     r.Capabilities,
		IssuedAt:         now.UTC(),
		ExpiresAt:        now.Add(TokenLife).Truncate(time.Second).UTC(),
		SessionExpiresAt: now.Add(life).Truncate(time.Second).UTC(),
	}
	return t
}

// NewTokenID returns a random id.
func NewTokenID() (id TokenID) {
	_, _ = rand.Read(id[:]) // never fails: it ends the process instead
	return id
}

// Capabilities is the set of things a session may do besides viewing.
type Capabilities uint8

// The capabilities. Viewing needs none.
const (
	SendMessage Capabilities = 1 << iota
	DeleteMessage
	DisconnectUser
)

// capabilityNames are the names of the capabilities, in the order of the API
// reference.
var capabilityNames = []struct {
	name       string
	capability Capabilities
}{
	{"SEND_MESSAGE", SendMessage},
	{"DISCONNECT_USER", DisconnectUser},
	{"DELETE_MESSAGE", DeleteMessage},
}

// CapabilityNames returns the names of all capabilities.
func CapabilityNames() []string {
	names := make([]string, len(capabilityNames))
	for i, c := range capabilityNames {
		names[i] = c.name
	}
	return names
}

// capabilityOf returns the capability with a name, and none when there is no such.
func capabilityOf(name string) Capabilities {
	for _, c := range capabilityNames {
		if c.name == name {
			return c.capability
		}
	}
	return 0
}

// Has reports whether the set holds all of want.
func (c Capabilities) Has(want Capabilities) bool { return c&want == want }

// ParseCapabilities returns the set of the named capabilities. It adds to check
// the names that are none, as entries of the member called member.
func ParseCapabilities(check *Check, member string, names []string) Capabilities {
	var set Capabilities
	for _, name := range names {
		capability := capabilityOf(name)
		if capability == 0 {
			check.OneOf(member, name, CapabilityNames()...)
		}
		set |= capability
	}
	return set
}

// Names returns the names of the capabilities in the set.
func (c Capabilities) Names() []string {
	var names []string
	for _, n := range capabilityNames {
		if c.Has(n.capability) {
			names = append(names, n.name)
		}
	}
	return names
}
