// Package freeport finds addresses for what tests start more than once at the same
// address, or tell others of before it listens.
package freeport

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync/atomic"
)

// The ports that are looked at. Systems give ports above them to outgoing connections
// and to listeners that ask for any: from 32768 on Linux, from 49152 where RFC 6335 is
// followed. Those could be taken while nobody listens.
const (
	first = 10_000
	count = 20_000
)

// next is how many ports were looked at. Each process begins elsewhere, since several
// test at once.
var next atomic.Uint32

func init() { next.Store(rand.Uint32N(count)) }

// Address returns an address of the loopback on which nobody listens. It comes a second
// time only after all others were looked at. When all are taken, it returns one
// nonetheless, and who listens there gets the error.
func Address() (address string) {
	for range count {
		port := first + int(next.Add(1)%count)
		address = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			break
		}
	}
	return address
}

// Addresses returns n different ones of what Address returns.
func Addresses(n int) []string {
	addresses := make([]string, n)
	for i := range addresses {
		addresses[i] = Address()
	}
	return addresses
}
