package sigv4

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley"
)

// Parse makes the checks that need neither key nor body, and returns the
// signature that the request carries. Of several defects the error names the
// first, in the order below, which with the texts is that of AWS services; the
// defects that one check finds are named together. The error is an *parley.Error
// with code MissingAuthenticationToken, IncompleteSignature or InvalidSignature.
//
// A signature in the query string (a presigned URL) counts as none. The result
// refers to r.Header.
func (v *Verifier) Parse(r Request, now time.Time) (*Signature, error) {
	header, err := authorizationHeader(r)
	if err != nil {
		return nil, err
	}
	a, err := parseAuthorization(header)
	if err != nil {
		return nil, err
	}
	date := findDate(r.Header)
	if err := a.checkComplete(date.header != ""); err != nil {
		return nil, err
	}
	signedAt, err := date.parse()
	if err != nil {
		return nil, err
	}
	if err := v.checkSkew(signedAt, now); err != nil {
		return nil, err
	}
	if err := a.checkSigned(date.header); err != nil {
		return nil, err
	}
	if a.algorithm != algorithm {
		return nil, parley.Errorf(parley.IncompleteSignature,
			"Unsupported AWS 'algorithm': '%s'.", shown(a.algorithm))
	}
	s := &Signature{
		verifier: v, request: r, now: now,
		date: signedAt.Format(isoBasic), signedHeaders: a.signedHeaders, hex: a.signature,
	}
	s.scopeDate = s.date[:len("20060102")]
	if err := s.readCredential(a.credential); err != nil {
		return nil, err
	}
	return s, nil
}

// authorizationHeader returns the Authorization header, if the request is signed
// there and nowhere else.
func authorizationHeader(r Request) (string, error) {
	header, ok := headerValue(r.Header, headerAuthorization)
	switch {
	case ok && hasParameter(r.RawQuery, "X-Amz-Algorithm"):
		return "", parley.Errorf(parley.InvalidSignature, "Found both 'X-Amz-Algorithm' "+
			"as a query-string param and 'Authorization' as HTTP header.")
	case !strings.HasPrefix(header, "AWS4-"):
		return "", parley.Errorf(parley.MissingAuthenticationToken, "Missing Authentication Token")
	}
	return header, nil
}

// authorization is a parsed Authorization header. What the header lacks is empty.
type authorization struct {
	algorithm     string
	credential    string
	signedHeaders string
	signature     string
}

// parseAuthorization splits a header such as
//
//	AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…
//
// The parameters may be in any order, with or without blanks around the commas.
// Unknown ones are ignored, so are empty list elements.
func parseAuthorization(header string) (authorization, error) {
	var a authorization
	a.algorithm = header
	list := ""
	if i := strings.IndexAny(header, " \t"); i >= 0 {
		a.algorithm, list = header[:i], header[i:]
	}
	for element := range strings.SplitSeq(list, ",") {
		element = strings.Trim(element, " \t")
		name, value, ok := strings.Cut(element, "=")
		if !ok && element != "" {
			hash := sha256.Sum256([]byte(header))
			return a, parley.Errorf(parley.IncompleteSignature, "'%s' not a valid key=value pair "+
				"(missing equal-sign) in Authorization header "+
				"(hashed with SHA-256 and encoded with Base64): '%s'.",
				shown(element), base64.StdEncoding.EncodeToString(hash[:]))
		}
		field := a.field(name)
		if field == nil {
			continue
		}
		if *field != "" {
			return a, parley.Errorf(parley.IncompleteSignature,
				"Authorization header has more than one '%s' parameter.", name)
		}
		*field = value
	}
	return a, nil
}

// field returns where the parameter called name belongs, or nil.
func (a *authorization) field(name string) *string {
	switch name {
	case "Credential":
		return &a.credential
	case "SignedHeaders":
		return &a.signedHeaders
	case "Signature":
		return &a.signature
	}
	return nil
}

func (a *authorization) checkComplete(dated bool) error {
	var d defects
	d.addIf(a.credential == "", "Authorization header requires 'Credential' parameter.")
	d.addIf(a.signature == "", "Authorization header requires 'Signature' parameter.")
	d.addIf(a.signedHeaders == "", "Authorization header requires 'SignedHeaders' parameter.")
	d.addIf(!dated, "Authorization header requires existence of either "+
		"a 'X-Amz-Date' or a 'Date' header.")
	return d.err(parley.IncompleteSignature)
}

// checkSigned requires that the signature covers which server the request is for
// and, in the header called date, when it was made. The documentation also asks
// for the other x-amz headers and content-type, but there are clients that leave
// those out.
func (a *authorization) checkSigned(date string) error {
	host, dated := false, false
	for name := range strings.SplitSeq(a.signedHeaders, ";") {
		host = host || strings.EqualFold(name, "host") || strings.EqualFold(name, ":authority")
		dated = dated || strings.EqualFold(name, date)
	}
	var d defects
	d.addIf(!host,
		"'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	d.addIf(!dated, "'%s' must be a 'SignedHeader' in the AWS Authorization.", date)
	return d.err(parley.InvalidSignature)
}

// readCredential fills in what the credential says, if it is scoped to the
// service, one of the regions, and the day on which the request was signed.
func (s *Signature) readCredential(credential string) error {
	if strings.Count(credential, "/") != 4 {
		return parley.Errorf(parley.IncompleteSignature,
			"Credential must have exactly 5 slash-delimited elements, "+
				"e.g. keyid/date/region/service/term, got '%s'", shown(credential))
	}
	keyID, rest, _ := strings.Cut(credential, "/")
	day, rest, _ := strings.Cut(rest, "/")
	region, rest, _ := strings.Cut(rest, "/")
	service, term, _ := strings.Cut(rest, "/")

	v := s.verifier
	known := slices.Index(v.regions, region)
	var d defects
	d.addIf(known < 0, "Credential should be scoped to a valid region, not '%s'.", region)
	d.addIf(service != v.service,
		"Credential should be scoped to correct service: '%s'.", v.service)
	d.addIf(term != terminator,
		"Credential should be scoped with a valid terminator: '"+terminator+"', not '%s'.", term)
	d.addIf(day != s.scopeDate,
		"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "+
			"'%s' != '%s', from '%s'.", day, s.scopeDate, s.date)
	if d != nil {
		return d.err(parley.InvalidSignature)
	}
	// Not the request's own spelling of the region, which would keep its whole
	// header in memory for as long as its signing key is remembered.
	s.KeyID, s.Region = keyID, v.regions[known]
	return nil
}

// defects collects what one check finds.
type defects []string

func (d *defects) addIf(found bool, format string, values ...string) {
	if !found {
		return
	}
	args := make([]any, len(values))
	for i, value := range values {
		args[i] = shown(value)
	}
	*d = append(*d, fmt.Sprintf(format, args...))
}

func (d *defects) err(code parley.Code) error {
	if len(*d) == 0 {
		return nil
	}
	return &parley.Error{Code: code, Message: strings.Join(*d, " ")}
}

// shown returns a value from the request as errors show it, cut to a sensible
// length.
func shown(value string) string {
	const maxShownBytes = 256
	if len(value) > maxShownBytes {
		return strings.ToValidUTF8(value[:maxShownBytes], "") + "…"
	}
	return value
}

// headerValue returns the value of the header called name, which is in the
// spelling of http.Header, and whether the request has it. Values of a repeated
// header are joined by commas, which makes a repeated date or token a wrong one.
func headerValue(h http.Header, name string) (string, bool) {
	values := h[name]
	switch len(values) {
	case 0:
		return "", false
	case 1:
		return strings.Trim(values[0], " \t"), true
	}
	return strings.Join(values, ","), true
}
