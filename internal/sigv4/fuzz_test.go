package sigv4_test

import (
	"net/http"
	"net/url"
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
	x := presignedListTags(signedQuery)
	for _, change := range [][2]string{
		{"", ""}, {"=300", "=0604800"}, {"=300", "=-1"}, {"=host", "=%zz;host;"},
		{"X-Amz-Date=" + noonDate, "X-Amz-Date=20261115T120000Z"},
		{"&X-Amz-Expires", "&X-Amz-Security-Token=a&X-Amz-Security-Token=&tagKeys=b+c&X-Amz-Expires"},
	} {
		f.Add("", "", strings.Replace(x.request.RawQuery, change[0], change[1], 1), x.request.Path)
	}

	v := newVerifier()
	refusals := []parley.Code{
		parley.MissingAuthenticationToken, parley.IncompleteSignature, parley.InvalidSignature,
	}
	f.Fuzz(func(t *testing.T, authorization, date, query, path string) {
		x := exchange{key: captureKey, now: noon}
		x.request.Method, x.request.Host = "GET", "chat.example:8080"
		x.request.RawQuery, x.request.Path = query, path
		x.request.Header = http.Header{"X-Amz-Date": {date}}
		if authorization != "" {
			x.request.Header.Set("Authorization", authorization)
		}
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
		if s.Presigned != (authorization == "") {
			t.Errorf("Parse: Presigned is %v, Authorization is %q", s.Presigned, authorization)
		}
		credentials := authorization
		if s.Presigned {
			credentials, err = url.QueryUnescape(query)
		}
		if err == nil && !strings.Contains(credentials, s.KeyID+"/") {
			t.Errorf("Parse: got key id %q, which %q lacks", s.KeyID, credentials)
		}
		x.key.ID = s.KeyID
		verified := s.Verify(x.key, nil)
		if verified != nil && parley.CodeOf(verified) != parley.InvalidSignature {
			t.Errorf("Verify: got error %v with code %v, want code %v",
				verified, parley.CodeOf(verified), parley.InvalidSignature)
		}
		parts := strings.Split(query, "&")
		slices.Reverse(parts)
		x.request.RawQuery = strings.Join(parts, "&")
		if got := codeOf(x.verify(v)); got != codeOf(verified) {
			t.Errorf("query %q: got code %v, and for %q code %v",
				query, codeOf(verified), x.request.RawQuery, got)
		}
	})
}
