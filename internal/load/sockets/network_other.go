//go:build !linux

package sockets

// New returns a network for sessions 0 to sessions-1.
func New(servers []Server, sessions int, h Handler) (Network, error) {
	return newStreams(servers, sessions, h), nil
}
