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
// The result refers to r.Header.
func (v *Verifier) Parse(r Request, now time.Time) (*Signature, error) {
	var p parameters
	if err := p.read(r); err != nil {
		return nil, err
	}
	signedAt, err := v.checkDate(&p, now)
	if err != nil {
		return nil, err
	}
	if err := p.checkSigned(); err != nil {
		return nil, err
	}
	if p.algorithm != algorithm {
		return nil, parley.Errorf(parley.IncompleteSignature,
			"Unsupported AWS 'algorithm': '%s'.", parley.Shorten(p.algorithm))
	}
	s := &Signature{
		Presigned: p.presigned, verifier: v, request: r, now: now,
		date: signedAt.Format(isoBasic), signedHeaders: p.signedHeaders, hex: p.signature,
		token: p.token,
	}
	s.scopeDate = s.date[:len("20060102")]
	if err := s.readCredential(p.credential); err != nil {
		return nil, err
	}
	return s, nil
}

// parameters are what a request says of its signature, in whichever form. What
// it does not say is empty.
type parameters struct {
	presigned     bool
	algorithm     string
	credential    string
	signedHeaders string
	signature     string
	date          date
	expires       string // seconds after the date; only when presigned
	token         string
}

// read fills in p, if the request is signed in exactly one place.
func (p *parameters) read(r Request) error {
	header, signed := headerValue(r.Header, headerAuthorization)
	p.presigned = hasParameter(r.RawQuery, paramAlgorithm)
	switch {
	case signed && p.presigned:
		return parley.Errorf(parley.InvalidSignature,
			"Found both 'X-Amz-Algorithm' as a query-string param "+
				"and 'Authorization' as HTTP header.")
	case p.presigned:
		return p.readQuery(r.RawQuery)
	case strings.HasPrefix(header, "AWS4-"):
		return p.readHeader(header, r.Header)
	}
	return parley.Errorf(parley.MissingAuthenticationToken, "Missing Authentication Token")
}

// readHeader reads the header form: the headers h, of which the Authorization
// header is one such as
//
//	AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…
//
// Its parameters may be in any order, with or without blanks around the commas.
// Unknown ones are ignored, so are empty list elements.
func (p *parameters) readHeader(header string, h http.Header) error {
	p.date = findDate(h)
	p.token, _ = headerValue(h, headerSecurityToken)
	list := ""
	p.algorithm = header
	if i := strings.IndexAny(header, " \t"); i >= 0 {
		p.algorithm, list = header[:i], header[i:]
	}
	for element := range strings.SplitSeq(list, ",") {
		element = strings.Trim(element, " \t")
		name, value, ok := strings.Cut(element, "=")
		if !ok && element != "" {
			hash := sha256.Sum256([]byte(header))
			return parley.Errorf(parley.IncompleteSignature, "'%s' not a valid key=value pair "+
				"(missing equal-sign) in Authorization header "+
				"(hashed with SHA-256 and encoded with Base64): '%s'.",
				parley.Shorten(element), base64.StdEncoding.EncodeToString(hash[:]))
		}
		if !set(p.headerField(name), value) {
			return parley.Errorf(parley.IncompleteSignature,
				"Authorization header has more than one '%s' parameter.", name)
		}
	}
	return p.checkHeaderComplete()
}

// headerField returns where the parameter called name of the Authorization
// header belongs, or nil.
func (p *parameters) headerField(name string) *string {
	switch name {
	case "Credential":
		return &p.credential
	case "SignedHeaders":
		return &p.signedHeaders
	case "Signature":
		return &p.signature
	}
	return nil
}

// set puts a value where it belongs, if anywhere, and reports false when there is
// one already. An empty value is none, before another as well as after it.
func set(field *string, value string) bool {
	if field == nil || value == "" {
		return true
	}
	if *field != "" {
		return false
	}
	*field = value
	return true
}

func (p *parameters) checkHeaderComplete() error {
	var d defects
	d.addIf(p.credential == "", "Authorization header requires 'Credential' parameter.")
	d.addIf(p.signature == "", "Authorization header requires 'Signature' parameter.")
	d.addIf(p.signedHeaders == "", "Authorization header requires 'SignedHeaders' parameter.")
	d.addIf(p.date.header == "", "Authorization header requires existence of either "+
		"a 'X-Amz-Date' or a 'Date' header.")
	return d.err(parley.IncompleteSignature)
}

// checkSigned requires that the signature covers which server the request is for
// and when it was made, which is part of the query when presigned. The
// documentation also asks for the other x-amz headers and content-type, but there
// are clients that leave those out.
func (p *parameters) checkSigned() error {
	host, dated := false, p.presigned
	for name := range strings.SplitSeq(p.signedHeaders, ";") {
		host = host || strings.EqualFold(name, "host") || strings.EqualFold(name, ":authority")
		dated = dated || strings.EqualFold(name, p.date.header)
	}
	var d defects
	d.addIf(!host,
		"'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	d.addIf(!dated, "'%s' must be a 'SignedHeader' in the AWS Authorization.", p.date.header)
	return d.err(parley.InvalidSignature)
}

// readCredential fills in what the credential says, if it is scoped to the
// service, one of the regions, and the day on which the request was signed.
func (s *Signature) readCredential(credential string) error {
	if strings.Count(credential, "/") != 4 {
		return parley.Errorf(parley.IncompleteSignature,
			"Credential must have exactly 5 slash-delimited elements, "+
				"e.g. keyid/date/region/service/term, got '%s'", parley.Shorten(credential))
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
		args[i] = parley.Shorten(value)
	}
	*d = append(*d, fmt.Sprintf(format, args...))
}

func (d *defects) err(code parley.Code) error {
	if len(*d) == 0 {
		return nil
	}
	return &parley.Error{Code: code, Message: strings.Join(*d, " ")}
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
