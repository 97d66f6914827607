package listen

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// Trusted are the addresses of proxies whose word about clients is believed. The
// zero value believes nobody.
type Trusted []netip.Prefix

// ParseTrusted reads single addresses and networks in CIDR notation. The error says
// what is wrong with each that it is about.
func ParseTrusted(texts []string) (Trusted, error) {
	var all Trusted
	var errs []error
	for _, text := range texts {
		prefix, err := parsePrefix(text)
		all, errs = append(all, prefix), append(errs, err)
	}
	return all, errors.Join(errs...)
}

func parsePrefix(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if addr, single := netip.ParseAddr(text); single == nil && addr.Zone() == "" {
		prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	switch {
	case err != nil:
		return prefix, fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", text)
	case prefix.Addr().Is4In6():
		return prefix, fmt.Errorf("%q: write an IPv4 address without ::ffff: in front", text)
	case prefix != prefix.Masked():
		return prefix, fmt.Errorf("%q is one address of the network %s: name one of the two",
			text, prefix.Masked())
	}
	return prefix, nil
}

// Has reports whether an address is trusted.
func (t Trusted) Has(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	for _, prefix := range t {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// ipOf returns the address of one end of a TCP connection, or the zero value for
// any other.
func ipOf(addr net.Addr) netip.Addr {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
