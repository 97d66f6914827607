package parleytest

import (
	"strings"
	"sync/atomic"
)

// spread takes several servers in turn: calls and sessions each have their own turn, so
// that a test which mints a token for each session reaches all servers with both. A nil
// *spread always takes the server it is given.
type spread struct {
	urls            []string
	calls, sessions atomic.Uint64
}

func (s *spread) call(only string) string {
	if s == nil {
		return only
	}
	return s.urls[(s.calls.Add(1)-1)%uint64(len(s.urls))]
}

func (s *spread) session(only string) string {
	if s == nil {
		return only
	}
	return s.urls[(s.sessions.Add(1)-1)%uint64(len(s.urls))]
}

// NextHost returns the host:port of the server that the next session is for.
func (c *Client) NextHost() string {
	_, host, _ := strings.Cut(c.spread.session(c.URL), "://")
	return host
}

// Node returns a client of one of the servers.
func (c *Client) Node(i int) *Client {
	one := *c
	if c.spread != nil {
		one.URL, one.spread = c.spread.urls[i], nil
	}
	return &one
}
