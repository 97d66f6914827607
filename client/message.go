package client

import (
	"cmp"
	"time"

	"github.com/parley-chat/parley"
)

// Received is what a room gives to its receivers: a *Message, an *Event, a
// *MessageDeleted, a *UserDisconnected or a *StateChange. All who receive one share
// it, with whoever made the request that it answers, so it must not be changed.
type Received interface {
	// origin returns the id of the frame and that of the request which caused it.
	origin() (id, requestID string)
}

// Message is what a user said, with the user who said it.
type Message struct {
	parley.Message
	Sender parley.Sender
}

// Event is what an application's backend told the room.
type Event struct {
	parley.Event
}

// MessageDeleted says that a message is to be shown no longer.
type MessageDeleted struct {
	ID        string // of this event
	RequestID string // of the request that caused it; empty when a backend did
	MessageID string // of the message
	Reason    string // empty when none was given
	SendTime  time.Time
}

// UserDisconnected says that a user is disconnected from the room. It is no ban: the
// user can come back with a new token. When it is this room's own user, the room ends
// with a DisconnectedError after it.
type UserDisconnected struct {
	ID        string // of this event
	RequestID string // of the request that caused it; empty when a backend did
	UserID    string
	Reason    string // empty when none was given
	SendTime  time.Time
}

// StateChange says that there is a connection, that it was lost, that an attempt to
// connect again failed, or that the connection is gone for good. A refresh, which opens
// the next connection before it closes the last one, changes nothing.
type StateChange struct {
	State State
	// Err is why the connection was lost or the last attempt failed, with Connecting;
	// why the room ended, with Disconnected; and nil with Connected.
	Err error
	// Attempt is which attempt to connect comes next, from 1, with Connecting.
	Attempt int
	// RetryIn is in what time the attempt is made, with Connecting.
	RetryIn time.Duration
}

// State says whether a room can be reached.
type State int

// The states.
const (
	Connecting   State = iota // the connection was lost, and is being made again
	Connected                 // requests are answered and messages arrive
	Disconnected              // for good
)

// String returns the name of the state, in lower case.
func (s State) String() string {
	switch s {
	case Connecting:
		return "connecting"
	case Connected:
		return "connected"
	}
	return "disconnected"
}

func (m *Message) origin() (id, requestID string)          { return m.ID, m.RequestID }
func (e *Event) origin() (id, requestID string)            { return e.ID, e.RequestID }
func (e *MessageDeleted) origin() (id, requestID string)   { return e.ID, e.RequestID }
func (e *UserDisconnected) origin() (id, requestID string) { return e.ID, e.RequestID }
func (*StateChange) origin() (id, requestID string)        { return "", "" }

// receivedFrom returns what is in an EVENT frame. It reports whether it is whole: the
// service's own events name a message or a user.
func receivedFrom(e parley.Event) (Received, bool) {
	switch e.Name {
	case parley.EventDeleteMessage:
		// The first spelling is deprecated, and the only one that some clients read.
		id := cmp.Or(e.Attributes["MessageID"], e.Attributes["MessageId"])
		return &MessageDeleted{ID: e.ID, RequestID: e.RequestID, MessageID: id,
			Reason: e.Attributes["Reason"], SendTime: e.SendTime}, id != ""
	case parley.EventDisconnectUser:
		user := e.Attributes["UserId"]
		return &UserDisconnected{ID: e.ID, RequestID: e.RequestID, UserID: user,
			Reason: e.Attributes["Reason"], SendTime: e.SendTime}, user != ""
	}
	return &Event{e}, true
}

// Handlers are functions that are called with what a room receives, by type. Those
// that are nil are not called.
type Handlers struct {
	Message          func(*Message)
	Event            func(*Event)
	MessageDeleted   func(*MessageDeleted)
	UserDisconnected func(*UserDisconnected)
	StateChange      func(*StateChange)
}

// handle calls the function that is for one thing received.
func (h Handlers) handle(r Received) {
	switch r := r.(type) {
	case *Message:
		call(h.Message, r)
	case *Event:
		call(h.Event, r)
	case *MessageDeleted:
		call(h.MessageDeleted, r)
	case *UserDisconnected:
		call(h.UserDisconnected, r)
	case *StateChange:
		call(h.StateChange, r)
	}
}

func call[T any](f func(T), received T) {
	if f != nil {
		f(received)
	}
}
