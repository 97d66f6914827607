package client

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// ErrClosed is the error of what is asked of a room after Close.
var ErrClosed = errors.New("the room is closed")

// ErrOutcomeUnknown is the error of a request whose answer will not come: it may have
// been done, and it may not. What is wrapped along with it says why.
var ErrOutcomeUnknown = errors.New("it is unknown whether the request was done")

// RequestError is the server's answer to a request that it did not do, or ours to one
// that is too large to be sent.
type RequestError struct {
	// Code is 400 for a request that is not valid, 401 for a session that has expired,
	// 403 for a capability that the token lacks, 404 for a room that is gone, 406 for a
	// message that a review denied, 413 for one that is too large, 429 for a rate that
	// was exceeded, or 500 for a fault of the server.
	Code      int
	ID        string // of the answer, or of the message that was denied
	RequestID string
	Message   string // for people
}

// Error returns the code and the server's text.
func (e *RequestError) Error() string {
	return fmt.Sprintf("the request was refused: %d %s", e.Code, e.Message)
}

// HandshakeError is the answer of a server that refuses a connection.
type HandshakeError struct {
	Status     int           // of HTTP
	Type       string        // such as UnauthorizedException; may be empty
	Message    string        // for people; may be empty
	RetryAfter time.Duration // how long the server wants us to stay away; 0: it does not say
}

// Error returns the status and what the server said about it.
func (e *HandshakeError) Error() string {
	text := "the connection was refused with status " + strconv.Itoa(e.Status)
	if e.Type != "" {
		text += " " + e.Type
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// Reason says why a room ended without being closed.
type Reason int

// The reasons.
const (
	// ServerDisconnect: the server closed the connection in order, as it does when a
	// moderator disconnects the user. Official clients stay away after that, too.
	ServerDisconnect Reason = iota
	// TokenFailure: the token provider failed for good. See Permanent.
	TokenFailure
	// RoomGone: the room does not exist any more.
	RoomGone
	// AttemptsUsedUp: as many attempts to connect as Options.MaxAttempts failed.
	AttemptsUsedUp
)

// DisconnectedError says why a room ended without being closed.
type DisconnectedError struct {
	Reason Reason
	// Code is that of the server's Close frame, with ServerDisconnect: 1000 after a
	// moderator disconnected the user, and 1005 when the frame had none.
	Code int
	// Text is the reason in the server's Close frame, with ServerDisconnect: the
	// moderator's, if there is one.
	Text string
	Err  error // what failed, with the other reasons
}

// Error returns the reason.
func (e *DisconnectedError) Error() string {
	switch e.Reason {
	case TokenFailure:
		return fmt.Sprintf("disconnected: no token: %v", e.Err)
	case RoomGone:
		return fmt.Sprintf("disconnected: the room is gone: %v", e.Err)
	case AttemptsUsedUp:
		return fmt.Sprintf("disconnected: all attempts failed, the last: %v", e.Err)
	}
	text := fmt.Sprintf("disconnected by the server: code %d", e.Code)
	if e.Text != "" {
		text += ": " + e.Text
	}
	return text
}

// Unwrap returns what failed.
func (e *DisconnectedError) Unwrap() error { return e.Err }

// Permanent marks an error of a token provider as one that will not pass: the user is
// not allowed in any more, say. The room ends with it, instead of asking again.
// It returns nil when err is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanentError{err}
}

type permanentError struct{ err error }

func (e permanentError) Error() string { return e.err.Error() }
func (e permanentError) Unwrap() error { return e.err }
