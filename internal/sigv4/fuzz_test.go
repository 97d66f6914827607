package sigv4_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/parley-chat/parley"
)

// FuzzParse feeds both steps of verification what a stranger can send. They may
// refuse it for one of the documented reasons, or accept it.
func FuzzParse(f *testing.F) {
	for _, x := range captures(f) {
		h := x.request.Header
		f.Add(h.Get("Authorization"), h.Get("X-Amz-Date"), x.request.RawQuery, x.request.Path)
	}
	for _, authorization := range []string{
		"", "Bearer x", "AWS4-", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 =,=,==",
		"AWS4-HMAC-SHA256 Credential=/////, SignedHeaders=;;host;\xff, Signature=",
		"AWS4-HMAC-SHA256 Credential=a/20261122/us-west-2/ivschat/aws4_request, " +
			"SignedHeaders=X-Amz-Date;:authority;host;;, Signature=0",
	} {
		f.Add(authorization, noonDate, "%&=%2&+;=%zz&X-Amz-Algorithm", "//%2f%\x00\xff")
	}
	f.Add("AWS4-HMAC-SHA256 a=b", "20261122T120000.123Z", "X%2DAmz-Algorithm=", "")

	v := newVerifier()
	refusals := []parley.Code{
		parley.MissingAuthenticationToken, parley.IncompleteSignature, parley.InvalidSignature,
	}
	f.Fuzz(func(t *testing.T, authorization, date, query, path string) {
		x := exchange{key: captureKey, now: noon}
		x.request.Method, x.request.Host = "GET", "127.0.0.1:18080"
		x.request.RawQuery, x.request.Path = query, path
		x.request.Header = http.Header{"Authorization": {authorization}, "X-Amz-Date": {date}}
		s, err := v.Parse(x.request, x.now)
		if err != nil {
			if code := parley.CodeOf(err); !slices.Contains(refusals, code) {
				t.Errorf("Parse: got error %v with code %v, want code one of %v", err, code, refusals)
			}
			return
		}
		if s.Region != captureRegion && s.Region != "us-east-1" {
			t.Errorf("Parse: got region %q, which is not configured", s.Region)
		}
		if !strings.Contains(authorization, s.KeyID+"/") {
			t.Errorf("Parse: got key id %q, which %q lacks", s.KeyID, authorization)
		}
		x.key.ID = s.KeyID
		if err := s.Verify(x.key, nil); err != nil && parley.CodeOf(err) != parley.InvalidSignature {
			t.Errorf("Verify: got error %v with code %v, want code %v",
				err, parley.CodeOf(err), parley.InvalidSignature)
		}
	})
}
