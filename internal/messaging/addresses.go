package messaging

import (
	"net/netip"
	"sync"

	"github.com/parley-chat/parley"
)

// addresses counts the sessions that are open from each client address, up to a
// limit: see parley.QuotaConnectionsPerAddress. Any goroutine may use it.
type addresses struct {
	limit int // of each address; 0 is none, and then nothing is counted

	mu   sync.Mutex         // guards open
	open map[netip.Addr]int // by client network; nil when no session is open
}

func newAddresses(limit int) *addresses { return &addresses{limit: limit} }

// enter counts a session from the remote address of its request, IP:port, unless its
// address has as many as it may have, and returns the address. Whoever is let in leaves
// with it. Addresses that cannot be read are invalid, and count as one.
func (a *addresses) enter(remote string) (client netip.Addr, ok bool) {
	if peer, err := netip.ParseAddrPort(remote); err == nil {
		client = peer.Addr()
	}
	if a.limit == 0 {
		return client, true
	}
	network := parley.ClientNetwork(client)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open[network] >= a.limit {
		return client, false
	}
	if a.open == nil {
		a.open = map[netip.Addr]int{}
	}
	a.open[network]++
	return client, true
}

// leave ends what enter let in.
func (a *addresses) leave(client netip.Addr) {
	if a.limit == 0 {
		return
	}
	network := parley.ClientNetwork(client)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open[network]--; a.open[network] > 0 {
		return
	}
	delete(a.open, network)
	if len(a.open) == 0 {
		a.open = nil // a map keeps the memory of what it once held
	}
}
