// Package notice is what the server tells other systems of rooms and of moderation. It
// owns what there is to tell; telling it is left to others.
package notice

import (
	"time"

	"github.com/parley-chat/parley"
)

// Kind is what has happened, as it is told.
type Kind string

// All kinds of notices.
const (
	RoomCreated      Kind = "Room Created"
	RoomUpdated      Kind = "Room Updated"
	RoomDeleted      Kind = "Room Deleted"
	MessageDeleted   Kind = "Message Deleted"
	UserDisconnected Kind = "User Disconnected"
	LimitBreach      Kind = "Limit Breach"
)

// Notice is one thing that has happened.
type Notice struct {
	Kind  Kind
	World parley.World
	Room  parley.ARN // zero in a breach of a limit
	Time  time.Time

	RoomName  string // of RoomCreated and RoomUpdated; may be empty
	MessageID string // of MessageDeleted: of the message
	UserID    string // of UserDisconnected
	Moderator string // of these two: the user who did it; empty: it was an API call
	Reason    string // of these two; may be empty

	Quota parley.Quota // of LimitBreach
	Limit int          // of LimitBreach: what the quota allows
}

// Sink takes notices, from any goroutine. It must not wait. A nil one drops them.
type Sink func(Notice)

// Put hands a notice on.
func (s Sink) Put(n Notice) {
	if s != nil {
		s(n)
	}
}
