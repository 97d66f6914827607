package sigv4_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/sigv4"
)

// What the captures were signed with.
const (
	captureRegion = "us-west-2"
	captureToken  = "FwoG/Zx+tok==" // sent by those that are named so
)

var captureKey = sigv4.Key{
	ID:     "AKIDEXAMPLE",
	Secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
}

// exchange is a signed request, the key it was signed with, and when.
type exchange struct {
	request sigv4.Request
	body    []byte
	key     sigv4.Key
	now     time.Time
}

// verify makes both steps of verification.
func (x exchange) verify(v *sigv4.Verifier) error {
	s, err := v.Parse(x.request, x.now)
	if err != nil {
		return err
	}
	return s.Verify(x.key, x.body)
}

// clone returns a copy that may be altered.
func (x exchange) clone() exchange {
	x.request.Header = x.request.Header.Clone()
	x.body = bytes.Clone(x.body)
	return x
}

// presigned returns the query parameters of x if it is signed in them, and none
// otherwise.
func (x exchange) presigned() url.Values {
	if x.request.Header.Get("Authorization") != "" {
		return nil
	}
	// What cannot be parsed is left out: it is not about the signature.
	values, _ := url.ParseQuery(x.request.RawQuery)
	return values
}

// signedHeaders returns the names that the signature lists.
func (x exchange) signedHeaders() []string {
	if q := x.presigned(); q != nil {
		return strings.Split(q.Get("X-Amz-SignedHeaders"), ";")
	}
	_, rest, _ := strings.Cut(x.request.Header.Get("Authorization"), "SignedHeaders=")
	list, _, _ := strings.Cut(rest, ",")
	return strings.Split(list, ";")
}

// rewrite puts f of what it is given in its place: the Authorization header, or
// the query if x is signed there.
func (x *exchange) rewrite(f func(string) string) {
	if x.presigned() != nil {
		x.request.RawQuery = f(x.request.RawQuery)
		return
	}
	x.request.Header.Set("Authorization", f(x.request.Header.Get("Authorization")))
}

// readRequest reads a request off the wire, as the server sees it.
func readRequest(t rapid.TB, wire []byte) (sigv4.Request, []byte) {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(wire)))
	if err != nil {
		t.Fatalf("read request: %v\n%s", err, wire)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatalf("read body: %v\n%s", err, wire)
	}
	path, query, _ := strings.Cut(r.RequestURI, "?")
	return sigv4.Request{
		Method: r.Method, Path: path, RawQuery: query, Host: r.Host,
		Header: r.Header, ContentLength: r.ContentLength,
	}, body
}

// readCapture reads a capture: its source in the first line, then the request
// as it was sent, but with lines that end in LF alone.
func readCapture(t testing.TB, file string) exchange {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	source, wire, _ := bytes.Cut(data, []byte("\n"))
	if !bytes.HasPrefix(source, []byte("# source: ")) {
		t.Fatalf("%s: first line is %q, want its source", file, source)
	}
	x := exchange{key: captureKey}
	x.request, x.body = readRequest(t, wire)
	said := x.request.Header.Get
	if q := x.presigned(); q != nil {
		said = q.Get
	}
	if said("X-Amz-Security-Token") != "" {
		x.key.SessionToken = captureToken
	}
	if x.now, err = time.Parse("20060102T150405Z", said("X-Amz-Date")); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return x
}

// captures returns every capture by its file name.
func captures(t testing.TB) map[string]exchange {
	t.Helper()
	files, err := filepath.Glob("../../test/testdata/wire/sigv4-*.http")
	if err != nil || len(files) < 23 {
		t.Fatalf("found %d captures (error %v), want at least 23", len(files), err)
	}
	all := make(map[string]exchange)
	for _, file := range files {
		all[filepath.Base(file)] = readCapture(t, file)
	}
	return all
}

func newVerifier() *sigv4.Verifier {
	return sigv4.New(sigv4.Config{Regions: []string{"us-east-1", captureRegion}})
}

func TestCapturesOfRealClientsVerify(t *testing.T) {
	v := newVerifier()
	for name, x := range captures(t) {
		s, err := v.Parse(x.request, x.now)
		if err != nil {
			t.Errorf("%s: Parse: %v, want success", name, err)
			continue
		}
		if s.KeyID != captureKey.ID || s.Region != captureRegion {
			t.Errorf("%s: key %q, region %q, want %q, %q",
				name, s.KeyID, s.Region, captureKey.ID, captureRegion)
		}
		if want := strings.Contains(name, "presigned"); s.Presigned != want {
			t.Errorf("%s: Presigned is %v, want %v", name, s.Presigned, want)
		}
		if err := s.Verify(x.key, x.body); err != nil {
			t.Errorf("%s: Verify: %v, want success", name, err)
		}
	}
}

// alterations change one signed part of a request each.
var alterations = []struct {
	name  string
	alter func(x *exchange)
}{
	{"method", func(x *exchange) { x.request.Method = "PUT" }},
	{"path longer", func(x *exchange) { x.request.Path += "x" }},
	{"path shorter", func(x *exchange) { x.request.Path = x.request.Path[:len(x.request.Path)-1] }},
	{"query parameter added", func(x *exchange) { x.request.RawQuery += "&tagKeys=z" }},
	{"body longer", func(x *exchange) { x.body = append(x.body, ' ') }},
	{"secret", func(x *exchange) { x.key.Secret += "x" }},
	{"signature", func(x *exchange) {
		x.rewrite(func(s string) string {
			last := strings.LastIndex(s, "Signature=") + len("Signature=") + 63
			b := []byte(s)
			b[last] ^= 1 // of a hex digit: another one, or no digit
			return string(b)
		})
	}},
	{"scope", func(x *exchange) {
		x.rewrite(func(s string) string {
			i := strings.LastIndex(s, captureRegion)
			return s[:i] + "us-east-1" + s[i+len(captureRegion):]
		})
	}},
}

// alterHeader changes the value of one signed header, a date by a second.
func alterHeader(x *exchange, name string) {
	h := x.request.Header
	switch value := h.Get(name); {
	case name == "host":
		x.request.Host = "x" + x.request.Host
	case name == "x-amz-date":
		h.Set(name, x.now.Add(time.Second).Format("20060102T150405Z"))
	default:
		h.Set(name, value+"1")
	}
}

// alterParameter changes the value of one query parameter, a date by a second and
// a number not in what it means.
func alterParameter(x *exchange, name string) {
	parts := strings.Split(x.request.RawQuery, "&")
	for i, part := range parts {
		switch value, ok := strings.CutPrefix(part, name+"="); {
		case !ok:
			continue
		case name == "X-Amz-Date":
			date, _ := time.Parse("20060102T150405Z", value)
			parts[i] = name + "=" + date.Add(time.Second).Format("20060102T150405Z")
		case name == "X-Amz-Expires":
			parts[i] = name + "=0" + value
		default:
			parts[i] += "1"
		}
	}
	x.request.RawQuery = strings.Join(parts, "&")
}

// wantInvalidSignature verifies x, which is altered, and wants it refused for
// its signature.
func wantInvalidSignature(t rapid.TB, v *sigv4.Verifier, x exchange, what string) {
	t.Helper()
	if err := x.verify(v); parley.CodeOf(err) != parley.InvalidSignature {
		t.Errorf("%s: got error %v, want code %v", what, err, parley.InvalidSignature)
	}
}

func TestAlteredCapturesAreRefused(t *testing.T) {
	v := newVerifier()
	for name, original := range captures(t) {
		for _, a := range alterations {
			x := original.clone()
			a.alter(&x)
			wantInvalidSignature(t, v, x, name+" with altered "+a.name)
		}
		for _, header := range original.signedHeaders() {
			x := original.clone()
			alterHeader(&x, header)
			wantInvalidSignature(t, v, x, name+" with altered header "+header)
		}
		for parameter := range original.presigned() {
			if parameter == "X-Amz-Algorithm" {
				continue // there is no other
			}
			x := original.clone()
			alterParameter(&x, parameter)
			wantInvalidSignature(t, v, x, name+" with altered parameter "+parameter)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, name := range []string{
		"sigv4-boto3-create-chat-token.http", "sigv4-js-v3-create-chat-token.http",
		"sigv4-boto3-untag-resource.http", "sigv4-dart-untag-resource.http",
		"sigv4-boto3-presigned-list-tags-session-token.http",
	} {
		x := captures(b)[name]
		b.Run(strings.TrimSuffix(name, ".http"), func(b *testing.B) {
			v := newVerifier()
			b.ReportAllocs()
			for b.Loop() {
				if err := x.verify(v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
