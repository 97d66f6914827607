// Package sigv4 verifies that requests are signed with AWS Signature Version 4,
// in the Authorization header or in the query string (presigned). It owns the
// rules of the signature: what is signed, how it is written down for signing, how
// old it may be, and what a caller is told when something is wrong. It leaves to
// others to find the secret of an access key and to decide what the key's owner
// may do.
//
// A request is verified in two steps, so that garbage is refused before its body
// is read: Verifier.Parse checks all that needs neither key nor body, then
// Signature.Verify checks the rest. Between the two, the caller looks up the key.
//
// The two forms differ in where the signature is found and in how long it lasts:
// the header form as long as clocks may differ, a presigned request as long as it
// says. The body that arrives is hashed in both, and nothing stands in for its
// hash. A presigned request of any method verifies over that body; but clients
// presign for an empty one, so only operations that read none are of use
// presigned (GET and DELETE), and Signature.Presigned lets the caller refuse the
// rest.
package sigv4

import (
	"cmp"
	"crypto/subtle"
	"net/http"
	"slices"
	"time"

	"github.com/parley-chat/parley"
)

// algorithm is the only one this service knows. In particular there is no
// asymmetric signing (AWS4-ECDSA-P256-SHA256).
const algorithm = "AWS4-HMAC-SHA256"

// terminator is the last part of every credential scope.
const terminator = "aws4_request"

// defaultService is the signing name of IVS Chat. Source: service model.
const defaultService = "ivschat"

// How far a signature's date may be from our clock. SDKs correct their clocks
// only when they are some 5 minutes off, so less than that would lock them out.
// Source: error texts of AWS JSON services (5 minutes), Common Errors (15 minutes).
const (
	DefaultMaxSkew = 5 * time.Minute
	LargestMaxSkew = 15 * time.Minute
)

// Headers that this package reads, in the spelling of http.Header.
const (
	headerAuthorization = "Authorization"
	headerDate          = "Date"
	headerAmzDate       = "X-Amz-Date"
	headerContentSHA256 = "X-Amz-Content-Sha256"
	headerSecurityToken = "X-Amz-Security-Token"
)

// Request is the signed part of an HTTP request, as received on the wire. Path
// and RawQuery are the two halves of the request target, not decoded, without
// the question mark between them: decoding would lose what was signed.
type Request struct {
	Method   string
	Path     string
	RawQuery string
	Host     string // the Host header, which http.Request keeps outside Header
	Header   http.Header

	// ContentLength stands in for a signed content-length that is absent from
	// Header; -1 when unknown.
	ContentLength int64
}

// Config says what a Verifier accepts.
type Config struct {
	// Service is the service that a credential must be scoped to; by default
	// ivschat.
	Service string
	// Regions are those that a credential may be scoped to. By default there
	// are none, and no credential is accepted.
	Regions []string
	// Hosts are public names of this server, with a port if clients use one. A
	// signature may be over one of them in place of the Host header, which a
	// proxy may have changed. By default there are none. A wrong signature costs
	// one attempt per name.
	Hosts []string
	// MaxSkew is how far a signature's date may be from our clock, either way,
	// from DefaultMaxSkew (the default) to LargestMaxSkew. A value outside that
	// range counts as the nearer end. A presigned request says itself how old it
	// may become; for it, MaxSkew is only how far its date may be ahead.
	MaxSkew time.Duration
}

// Verifier verifies signatures. Its methods may be called from any goroutine.
type Verifier struct {
	service string
	regions []string
	hosts   []string
	maxSkew time.Duration
	keys    signingKeys
}

// New returns a Verifier for what c accepts.
func New(c Config) *Verifier {
	return &Verifier{
		service: cmp.Or(c.Service, defaultService),
		regions: slices.Clone(c.Regions),
		hosts:   slices.Clone(c.Hosts),
		maxSkew: min(max(c.MaxSkew, DefaultMaxSkew), LargestMaxSkew),
		keys:    signingKeys{derived: make(map[derivation]signingKey)},
	}
}

// Key is an access key as the server knows it.
type Key struct {
	ID           string
	Secret       string
	SessionToken string    // what requests must carry; empty for a long-lived key
	Expires      time.Time // the key is no longer good at this; zero for never
}

// Signature is a well-formed signature on a request, by whoever claims to own
// the access key KeyID. The claim is unproven until Verify returns nil.
type Signature struct {
	KeyID     string
	Region    string // one of Config.Regions
	Presigned bool   // in the query string, not in the Authorization header

	verifier *Verifier
	request  Request
	now      time.Time

	date          string // as the signer wrote it into the signature: isoBasic
	scopeDate     string // its first 8 characters
	signedHeaders string // names, as sent
	hex           string // the signature itself
	token         string // the session token; empty when there is none
}

// Verify reports whether s was made with key over the request and its body, by
// someone who also holds the key's session token if it has one. The key must be
// the one with the id KeyID. The request must be unchanged since Parse, and is
// judged by the clock that Parse was given.
//
// The error is an *parley.Error with code InvalidSignature when the signature or
// the hash that the request claims for its body is wrong, UnrecognizedClient when
// the session token is, and ExpiredToken when the key has expired.
func (s *Signature) Verify(key Key, body []byte) error {
	// Nobody may sign with the empty secret of a key that was not found.
	if key.ID != s.KeyID || key.Secret == "" {
		return UnknownKey()
	}
	if err := s.checkSignature(key.Secret, body); err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(s.token), []byte(key.SessionToken)) == 0 {
		return UnknownKey()
	}
	if !key.Expires.IsZero() && !s.now.Before(key.Expires) {
		return parley.Errorf(parley.ExpiredToken,
			"The security token included in the request is expired")
	}
	return nil
}

// checkSignature tries the ways in which clients are known to write the request
// down for signing, the most common one first.
func (s *Signature) checkSignature(secret string, body []byte) error {
	hash := hashHex(body)
	if claimed, ok := headerValue(s.request.Header, headerContentSHA256); ok &&
		claimed != string(hash[:]) {
		return parley.Errorf(parley.InvalidSignature,
			"The provided 'X-Amz-Content-Sha256' header does not match what was computed.")
	}
	key := s.verifier.keys.get(derivation{secret, s.scopeDate, s.Region}, s.verifier.service)
	given := []byte(s.hex)
	c := newCanonical(s, hash)
	for form := range c.forms(s.verifier.hosts) {
		if want := s.compute(key, c, form); subtle.ConstantTimeCompare(want[:], given) == 1 {
			return nil
		}
	}
	return parley.Errorf(parley.InvalidSignature,
		"The request signature we calculated does not match the signature you provided. "+
			"Check your AWS Secret Access Key and signing method. "+
			"Consult the service documentation for details.")
}

// UnknownKey returns the error for a signature whose KeyID names no key. The
// caller who looks keys up returns it in place of calling Verify.
func UnknownKey() error {
	return parley.Errorf(parley.UnrecognizedClient,
		"The security token included in the request is invalid.")
}
