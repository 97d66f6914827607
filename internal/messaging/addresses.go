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

// enter counts a session from the remote address of its request, IP:port, unless
// its address has as many as it may have. Whoever is let in leaves from what enter
// returns. Addresses that cannot be read count as one.
func (a *addresses) enter(remote string) (from netip.Addr, ok bool) {
	if a.limit == 0 {
		return netip.Addr{}, true
	}
	if peer, err := netip.ParseAddrPort(remote); err == nil {
		from = parley.ClientNetwork(peer.Addr())
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open[from] >= a.limit {
		return netip.Addr{}, false
	}
	if a.open == nil {
		a.open = map[netip.Addr]int{}
	}
	a.open[from]++
	return from, true
}

// leave ends what enter let in.
func (a *addresses) leave(from netip.Addr) {
	if a.limit == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open[from]--; a.open[from] > 0 {
		return
	}
	delete(a.open, from)
	if len(a.open) == 0 {
		a.open = nil // a map keeps the memory of what it once held
	}
}
