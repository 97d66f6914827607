package sigv4

import (
	"strconv"
	"strings"
	"time"

	"github.com/parley-chat/parley"
)

// Query parameters that say something of the signature. Their names are spelled
// in this one way; in another, they are parameters like any other.
const (
	paramAlgorithm     = "X-Amz-Algorithm"
	paramCredential    = "X-Amz-Credential"
	paramDate          = "X-Amz-Date"
	paramExpires       = "X-Amz-Expires"
	paramSecurityToken = "X-Amz-Security-Token"
	paramSignature     = "X-Amz-Signature"
	paramSignedHeaders = "X-Amz-SignedHeaders"
)

// maxExpiresSeconds is the longest that a presigned request may last: a week.
// Source: IAM User Guide, X-Amz-Expires.
const maxExpiresSeconds = 7 * 24 * 60 * 60

// readQuery reads the presigned form: the query string, and nothing else. A date
// or a session token in the headers means nothing in it.
func (p *parameters) readQuery(raw string) error {
	for part := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(part, "=")
		name = decode(name)
		if !set(p.queryField(name), decode(value)) {
			return parley.Errorf(parley.IncompleteSignature,
				"AWS query-string has more than one '%s' parameter.", name)
		}
	}
	return p.checkQueryComplete()
}

// queryField returns where the query parameter called name belongs, or nil.
func (p *parameters) queryField(name string) *string {
	switch name {
	case paramAlgorithm:
		return &p.algorithm
	case paramCredential:
		return &p.credential
	case paramDate:
		return &p.date.value
	case paramExpires:
		return &p.expires
	case paramSecurityToken:
		return &p.token
	case paramSignature:
		return &p.signature
	case paramSignedHeaders:
		return &p.signedHeaders
	}
	return nil
}

func (p *parameters) checkQueryComplete() error {
	var d defects
	for _, name := range [...]string{
		paramAlgorithm, paramCredential, paramSignature, paramSignedHeaders, paramDate,
		paramExpires,
	} {
		d.addIf(*p.queryField(name) == "", "AWS query-string parameters must include '%s'.", name)
	}
	d.addIf(d != nil, "Re-examine the query-string parameters.")
	return d.err(parley.IncompleteSignature)
}

// lifetime returns how long after its date a presigned request may be used.
func (p *parameters) lifetime() (time.Duration, error) {
	seconds, err := strconv.ParseUint(p.expires, 10, 32)
	if err != nil || seconds < 1 || seconds > maxExpiresSeconds {
		return 0, parley.Errorf(parley.IncompleteSignature,
			"X-Amz-Expires must be a number of seconds from 1 to %d. Got '%s'.",
			maxExpiresSeconds, parley.Shorten(p.expires))
	}
	return time.Duration(seconds) * time.Second, nil
}
