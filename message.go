package parley

import "time"

// Limits of the messaging plane that are not a room's own setting. A message's
// attributes and request id have no documented limit; these are ours.
const (
	MaxMessageAttributes = 1024 // bytes of keys and values together
	MaxReasonLen         = 256  // code points
	MaxRequestIDLen      = 256  // code points
	MaxEventNameLen      = 100  // code points, at least 1
	MaxEventAttributes   = 4096 // bytes of keys and values together
	MaxRequestBytes      = 16 << 10
)

// Message is what a session sent, as every session of the room receives it with
// its Sender.
type Message struct {
	ID         string
	RequestID  string // the sender's own, or empty
	Content    string
	Attributes map[string]string // nil when the sender gave none
	SendTime   time.Time         // when the service received the request
}

// Sender is who sent a message; both members come from the token.
type Sender struct {
	UserID     string
	Attributes map[string]string
}

// Event is something other than a message that every session of a room receives.
type Event struct {
	ID         string
	RequestID  string // of the session that caused it, or empty
	Name       string
	Attributes map[string]string
	SendTime   time.Time
}

// Names of the events that the service itself makes.
const (
	EventDeleteMessage  = "aws:DELETE_MESSAGE"
	EventDisconnectUser = "aws:DISCONNECT_USER"
)
