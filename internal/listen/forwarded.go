package listen

import (
	"crypto/tls"
	"iter"
	"net/http"
	"net/netip"
	"strings"
)

// Header is the header in which proxies say who sent a request. Only one is ever
// read: of the other, nobody knows whether a proxy wrote it or a client did.
type Header string

// The headers of proxies.
const (
	ForwardedFor Header = "x-forwarded-for" // with X-Forwarded-Proto; the zero value too
	Forwarded    Header = "forwarded"       // RFC 7239
)

// Handler returns a handler that serves the requests of trusted proxies with the
// client's address in RemoteAddr, and whether the client used TLS in TLS: there
// they stand for clients that come without a proxy. The client is the last address
// in the chain that the proxies wrote that is not one of theirs; what stands before
// it could be the client's own invention. An address that nobody can read ends the
// chain after it.
func (d *Door) Handler(next http.Handler) http.Handler {
	if len(d.trusted) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err == nil && d.trusted.Has(peer.Addr()) {
			r = fromClient(r, d.client(peer, r.Header))
		}
		next.ServeHTTP(w, r)
	})
}

// hop is what a proxy says of the connection on which a request reached it.
type hop struct {
	from netip.AddrPort // port 0 when it is not said
	// proto is "https" or "http", or else not known.
	proto string
}

// client returns who is behind a trusted proxy.
func (d *Door) client(proxy netip.AddrPort, header http.Header) hop {
	client, hops := hop{from: proxy}, forwardedHops(header)
	if d.header != Forwarded {
		// There is no place for more than one connection in X-Forwarded-Proto: what the
		// nearest proxy wrote there counts.
		for proto := range fromTheRight(header["X-Forwarded-Proto"]) {
			client.proto = strings.TrimSpace(proto)
			break
		}
		hops = forwardedForHops(header, client.proto)
	}
	for client = range hops {
		if !d.trusted.Has(client.from.Addr()) {
			break
		}
	}
	return client
}

// fromClient returns the request as if the client had sent it here.
func fromClient(r *http.Request, client hop) *http.Request {
	r = r.WithContext(r.Context()) // a copy
	r.RemoteAddr = netip.AddrPortFrom(client.from.Addr().Unmap(), client.from.Port()).String()
	switch {
	case strings.EqualFold(client.proto, "http"):
		r.TLS = nil
	case strings.EqualFold(client.proto, "https") && r.TLS == nil:
		r.TLS = &tls.ConnectionState{} // nothing is known of it but that it is there
	}
	return r
}

// forwardedForHops yields the addresses of X-Forwarded-For, the last first, until one
// cannot be read.
func forwardedForHops(header http.Header, proto string) iter.Seq[hop] {
	return func(yield func(hop) bool) {
		for entry := range fromTheRight(header["X-Forwarded-For"]) {
			from, ok := parseNode(strings.TrimSpace(entry))
			if !ok || !yield(hop{from, proto}) {
				return
			}
		}
	}
}

// forwardedHops yields the elements of Forwarded, the last first, until one cannot be
// read.
func forwardedHops(header http.Header) iter.Seq[hop] {
	return func(yield func(hop) bool) {
		for element := range fromTheRight(header["Forwarded"]) {
			if h, ok := parseElement(element); !ok || !yield(h) {
				return
			}
		}
	}
}

// fromTheRight yields the entries of a header that is a list, the last first. It
// reads from the right because that is what the trusted proxy wrote: a quote that
// a client left open further left does not change it.
func fromTheRight(lines []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := len(lines) - 1; i >= 0; i-- {
			for line, more := lines[i], true; more; {
				var entry string
				if line, entry, more = cutLast(line, ','); !yield(entry) {
					return
				}
			}
		}
	}
}

// cutLast returns what is before and after the last separator outside quotes, and
// whether there is one. RFC 7239 has quotes around addresses of IPv6; a backslash
// has no place there.
func cutLast(s string, separator byte) (before, after string, found bool) {
	quoted := false
	for i := len(s) - 1; i >= 0; i-- {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == separator && !quoted:
			return s[:i], s[i+1:], true
		}
	}
	return "", s, false
}

// parseElement reads an element of Forwarded: pairs such as for=192.0.2.60, each of
// which may be there once.
func parseElement(element string) (h hop, ok bool) {
	var from string
	for more := true; more; {
		var pair string
		element, pair, more = cutLast(element, ';')
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if inner, quoted := strings.CutPrefix(value, `"`); quoted {
			value = strings.TrimSuffix(inner, `"`)
		}
		member := &from
		switch strings.ToLower(name) {
		case "for":
		case "proto":
			member = &h.proto
		default:
			continue
		}
		if *member != "" {
			return hop{}, false
		}
		*member = value
	}
	h.from, ok = parseNode(from)
	return h, ok
}

// parseNode reads an address, with or without a port. An IPv6 one may be in
// brackets. Zones mean nothing here.
func parseNode(node string) (netip.AddrPort, bool) {
	if with, err := netip.ParseAddrPort(node); err == nil {
		return with, with.Addr().Zone() == ""
	}
	if inner, bracketed := strings.CutPrefix(node, "["); bracketed {
		node = strings.TrimSuffix(inner, "]")
		if !strings.Contains(node, ":") || len(node) != len(inner)-1 {
			return netip.AddrPort{}, false
		}
	}
	addr, err := netip.ParseAddr(node)
	return netip.AddrPortFrom(addr, 0), err == nil && addr.Zone() == ""
}
