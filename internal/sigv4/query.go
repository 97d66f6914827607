package sigv4

import (
	"cmp"
	"slices"
	"strings"
)

// canonicalQuery returns a query string as it is written for signing: names and
// values encoded in the one canonical way and sorted, first by name and then by
// value, as they are after encoding, without the parameters that are not signed.
// The standard library will not do: it drops what it finds malformed, such as a
// semicolon, and sorts before encoding.
func canonicalQuery(raw string, unsigned ...string) string {
	type parameter struct{ name, value string }
	var signed []parameter
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		if name = recode(name); !slices.Contains(unsigned, name) {
			signed = append(signed, parameter{name, recode(value)})
		}
	}
	slices.SortFunc(signed, func(a, b parameter) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.value, b.value))
	})
	var b strings.Builder
	for i, p := range signed {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.name)
		b.WriteByte('=')
		b.WriteString(p.value)
	}
	return b.String()
}

// hasParameter reports whether a query string has a parameter called name.
func hasParameter(raw, name string) bool {
	for part := range strings.SplitSeq(raw, "&") {
		if encoded, _, _ := strings.Cut(part, "="); decode(encoded) == name {
			return true
		}
	}
	return false
}

// recode turns any percent-encoding of a name or value into the canonical one.
func recode(s string) string {
	return string(appendEncoded(nil, decode(s), ""))
}

// decode undoes percent-encoding; a plus sign is a space. A percent sign that
// is not followed by two hex digits stands for itself.
func decode(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+':
			b = append(b, ' ')
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

// appendEncoded appends s to dst with all bytes percent-encoded, except letters,
// digits, -._~ and those in keep.
func appendEncoded(dst []byte, s, keep string) []byte {
	const upperHex = "0123456789ABCDEF"
	for i := range len(s) {
		if c := s[i]; isUnreserved(c) || strings.IndexByte(keep, c) >= 0 {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return dst
}

// isUnreserved reports whether a byte is never percent-encoded: RFC 3986, 2.3.
func isUnreserved(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("-._~", c) >= 0
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// unhex returns the value of a hex digit.
func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}
