package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// hexHash is a SHA-256 hash in lower-case hexadecimal.
type hexHash [2 * sha256.Size]byte

// hashHex returns the hash of data.
func hashHex(data []byte) (h hexHash) {
	sum := sha256.Sum256(data)
	hex.Encode(h[:], sum[:])
	return h
}

// canonical is a request as it is written down for signing, except for what is
// not certain: see form.
type canonical struct {
	request       Request
	presigned     bool
	names         []string // of the signed headers: lower case, sorted, no duplicates
	signedHeaders string   // as sent
	bodyHash      hexHash
}

// form is one way to write down what clients do not agree on.
type form struct {
	query string // canonical
	// encodePath is whether the path is percent-encoded again on top of how it
	// was sent. All AWS SDKs do that; Dart clients sign the path as sent.
	encodePath bool
	host       string
}

func newCanonical(s *Signature, bodyHash hexHash) *canonical {
	names := strings.Split(strings.ToLower(s.signedHeaders), ";")
	if !slices.IsSorted(names) {
		slices.Sort(names)
	}
	return &canonical{
		request:       s.request,
		presigned:     s.Presigned,
		names:         slices.Compact(names),
		signedHeaders: s.signedHeaders,
		bodyHash:      bodyHash,
	}
}

// forms yields the forms to try, the most common one first. The host is the one
// received, or that without its port (browsers add one that Dart clients do not
// sign), or one of the server's public names.
func (c *canonical) forms(public []string) iter.Seq[form] {
	return func(yield func(form) bool) {
		received := c.request.Host
		hosts := append(make([]string, 0, 8), received)
		if bare := withoutPort(received); bare != received {
			hosts = append(hosts, bare)
		}
		hosts = append(hosts, public...)
		for query := range c.queries() {
			for _, encodePath := range [...]bool{true, false} {
				if !encodePath && isEncoded(c.request.Path) {
					break
				}
				for _, host := range hosts {
					if !yield(form{query, encodePath, host}) {
						return
					}
				}
			}
		}
	}
}

// queries yields the canonical query strings to try. A presigned request's own
// signature is in its query and cannot be signed; its session token should be,
// but there are signers that add it to what they have signed.
func (c *canonical) queries() iter.Seq[string] {
	return func(yield func(string) bool) {
		raw := c.request.RawQuery
		if !c.presigned {
			yield(canonicalQuery(raw))
			return
		}
		if yield(canonicalQuery(raw, paramSignature)) && hasParameter(raw, paramSecurityToken) {
			yield(canonicalQuery(raw, paramSignature, paramSecurityToken))
		}
	}
}

// withoutPort returns a Host header's name or address; IPv6 keeps its brackets.
func withoutPort(host string) string {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.IndexByte(host[i:], ']') >= 0 {
		return host
	}
	return host[:i]
}

// isEncoded reports whether encoding the path again changes nothing.
func isEncoded(path string) bool {
	for i := range len(path) {
		if path[i] != '/' && !isUnreserved(path[i]) {
			return false
		}
	}
	return true
}

// appendTo appends the canonical request in form f to dst.
func (c *canonical) appendTo(dst []byte, f form) []byte {
	r := &c.request
	dst = append(dst, strings.ToUpper(r.Method)...)
	dst = append(dst, '\n')
	switch {
	case r.Path == "":
		dst = append(dst, '/')
	case f.encodePath:
		dst = appendEncoded(dst, r.Path, "/")
	default:
		dst = append(dst, r.Path...)
	}
	dst = append(dst, '\n')
	dst = append(dst, f.query...)
	dst = append(dst, '\n')
	for _, name := range c.names {
		dst = append(dst, name...)
		dst = append(dst, ':')
		dst = c.appendValue(dst, name, f.host)
		dst = append(dst, '\n')
	}
	dst = append(dst, '\n')
	dst = append(dst, c.signedHeaders...)
	dst = append(dst, '\n')
	return append(dst, c.bodyHash[:]...)
}

// appendValue appends the value of a signed header. One that the request lacks
// is empty, which is wrong unless it was signed as empty.
func (c *canonical) appendValue(dst []byte, name, host string) []byte {
	if name == "host" || name == ":authority" {
		return append(dst, host...)
	}
	values := c.request.Header[http.CanonicalHeaderKey(name)]
	if len(values) == 0 && name == "content-length" && c.request.ContentLength >= 0 {
		return strconv.AppendInt(dst, c.request.ContentLength, 10)
	}
	for i, value := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendSqueezed(dst, strings.Trim(value, " \t"))
	}
	return dst
}

// appendSqueezed appends s to dst with each run of spaces made one space.
func appendSqueezed(dst []byte, s string) []byte {
	for i := range len(s) {
		if s[i] != ' ' || i == 0 || s[i-1] != ' ' {
			dst = append(dst, s[i])
		}
	}
	return dst
}

// compute returns the signature, in hexadecimal, that a client makes who holds
// key and writes the request down as c in form f.
func (s *Signature) compute(key signingKey, c *canonical, f form) hexHash {
	// Nearly all requests fit; append allocates for a longer one.
	var buf [1024]byte
	requestHash := hashHex(c.appendTo(buf[:0], f))

	text := make([]byte, 0, 192)
	text = append(text, algorithm+"\n"...)
	text = append(text, s.date...)
	text = append(text, '\n')
	text = append(text, s.scopeDate...)
	text = append(text, '/')
	text = append(text, s.Region...)
	text = append(text, '/')
	text = append(text, s.verifier.service...)
	text = append(text, "/"+terminator+"\n"...)
	text = append(text, requestHash[:]...)

	mac := hmacSHA256(key[:], text)
	var signature hexHash
	hex.Encode(signature[:], mac[:])
	return signature
}

func hmacSHA256(key, data []byte) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, key)
	h.Write(data)
	h.Sum(sum[:0])
	return sum
}
