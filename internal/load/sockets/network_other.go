//go:build !linux

package sockets

// New returns a network for sessions 0 to sessions-1.
func New(server Server, sessions int, h Handler) (Network, error) {
	return newStreams(server, sessions, h), nil
}
