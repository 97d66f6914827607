package messaging

import (
	"github.com/parley-chat/parley/internal/fanout"
	"github.com/parley-chat/parley/internal/hub"
)

// NewReader returns what reads the client of a session.
func NewReader(session *hub.Session) fanout.Receiver {
	return &reader{Session: session, addresses: newAddresses(0)}
}
