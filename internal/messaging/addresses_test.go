package messaging

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"
)

func TestAddressesLimit(t *testing.T) {
	const limit = 3
	tests := []struct {
		name string
		in   []string // as many as the limit
		next string   // one more
		want bool
	}{
		{"same address", []string{"203.0.113.7:1", "203.0.113.7:2", "203.0.113.7:3"},
			"203.0.113.7:4", false},
		{"another address", []string{"203.0.113.7:1", "203.0.113.7:2", "203.0.113.7:3"},
			"203.0.113.8:1", true},
		{"IPv4 as IPv6", []string{"203.0.113.7:1", "[::ffff:203.0.113.7]:2", "203.0.113.7:3"},
			"[::ffff:203.0.113.7]:4", false},
		{"same /64", []string{"[2001:db8:0:1::1]:1", "[2001:db8:0:1:ffff::]:1", "[2001:db8:0:1::3]:1"},
			"[2001:db8:0:1:ffff:ffff:ffff:ffff]:1", false},
		{"next /64", []string{"[2001:db8:0:1::1]:1", "[2001:db8:0:1::2]:1", "[2001:db8:0:1::3]:1"},
			"[2001:db8:0:2::1]:1", true},
		{"zones", []string{"[fe80::1%eth0]:1", "[fe80::2%eth1]:1", "[fe80::3]:1"},
			"[fe80::4%eth2]:1", false},
		{"what cannot be read", []string{"", "@", "chat.example.com:1"}, "203.0.113.7", false},
		{"what cannot be read beside what can", []string{"", "@", "203.0.113.7"},
			"203.0.113.7:1", true},
	}
	for _, test := range tests {
		a := newAddresses(limit)
		var inside []netip.Addr
		for _, remote := range test.in {
			from, ok := a.enter(remote)
			if !ok {
				t.Errorf("%s: %q did not enter below the limit of %d", test.name, remote, limit)
			}
			inside = append(inside, from)
		}
		if _, ok := a.enter(test.next); ok != test.want {
			t.Errorf("%s: with %q inside, %q entered: %t, want %t",
				test.name, test.in, test.next, ok, test.want)
		}
		a.leave(inside[0])
		if _, ok := a.enter(test.in[0]); !ok {
			t.Errorf("%s: %q did not enter in the place of one that left", test.name, test.in[0])
		}
	}
}

func TestAddressesWithoutALimit(t *testing.T) {
	a := newAddresses(0)
	for range 1000 {
		if _, ok := a.enter("203.0.113.7:1"); !ok {
			t.Fatal("203.0.113.7 did not enter, though there is no limit")
		}
	}
	a.leave(netip.Addr{})
	if a.open != nil {
		t.Errorf("without a limit, %d addresses are remembered, want none", len(a.open))
	}
}

// TestAddressesForget checks that nothing is kept of addresses that have left,
// however many there were.
func TestAddressesForget(t *testing.T) {
	a := newAddresses(1)
	var inside []netip.Addr
	for i := range 10_000 {
		from, ok := a.enter(netip.AddrPortFrom(netip.AddrFrom4(
			[4]byte{10, 0, byte(i >> 8), byte(i)}), 1).String())
		if !ok {
			t.Fatalf("address %d did not enter", i)
		}
		inside = append(inside, from)
	}
	for _, from := range inside {
		a.leave(from)
	}
	if a.open != nil {
		t.Errorf("with nobody inside, the map is kept, with %d addresses", len(a.open))
	}
	if size := unsafe.Sizeof(inside[0]); size > 24 {
		t.Errorf("a session keeps %d bytes of its address, want at most 24", size)
	}
}

// TestAddressesAtOnce has many sessions of a few addresses come and go at once.
func TestAddressesAtOnce(t *testing.T) {
	const limit, rounds = 5, 2000
	a := newAddresses(limit)
	var inside [4]atomic.Int32
	var all sync.WaitGroup
	for worker := range 32 {
		n := worker % len(inside)
		remote := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(n)}), 1).String()
		all.Go(func() {
			for range rounds {
				from, ok := a.enter(remote)
				if !ok {
					continue
				}
				if now := inside[n].Add(1); now > limit {
					t.Errorf("%d sessions of %s at once, want at most %d", now, remote, limit)
				}
				inside[n].Add(-1)
				a.leave(from)
			}
		})
	}
	all.Wait()
	if a.open != nil {
		t.Errorf("afterwards, %v are counted, want none", a.open)
	}
}
