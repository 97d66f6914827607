package sigv4_test

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"pgregory.net/rapid"
)

// Pieces of requests, as clients may write them. The signer drops query
// parameters with a semicolon or broken percent-encoding, so there are none here.
const (
	pathPattern = "(/([A-Za-z0-9._~:@!$'()*,=+-]|%[0-9A-F]{2}|%[0-9a-f]{2}){1,8}){1,4}/?"
	queryByte   = "([A-Za-z0-9._~:@!$'()*,/?-]|[+]|%[0-9A-F]{2}|%[0-9a-f]{2})"
	queryPart   = "(a|b|" + queryByte + "{0,4})(=(" + queryByte + "|=){0,6})?"
	hostPattern = `[a-z0-9.-]{1,12}(:[1-9][0-9]{0,4})?|\[::1\](:[1-9][0-9]{3})?`
)

// drawExchange returns a random request that the AWS signer has signed, as the
// server reads it off the wire.
func drawExchange(t *rapid.T) exchange {
	draw := func(pattern, label string) string {
		return rapid.StringMatching(pattern).Draw(t, label)
	}
	x := exchange{now: noon.Add(time.Duration(rapid.IntRange(0, 1e9).Draw(t, "now")) * time.Second)}
	x.key.ID, x.key.Secret = draw("[A-Z0-9]{16,20}", "key id"), draw("[ -~]{1,40}", "secret")
	x.key.SessionToken = draw("([!-~]{1,40})?", "session token")
	body := rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(t, "body")
	parts := rapid.SliceOfN(rapid.StringMatching(queryPart), 0, 6).Draw(t, "query")
	rawQuery := strings.Join(parts, "&")

	r, err := http.NewRequest(
		rapid.SampledFrom([]string{"GET", "POST", "DELETE", "HEAD", "PATCH"}).Draw(t, "method"),
		"http://"+draw(hostPattern, "host")+draw(pathPattern, "path")+"?"+rawQuery,
		bytes.NewReader(body))
	if err != nil {
		t.Fatalf("make request: %v", err)
	}
	for range rapid.IntRange(0, 4).Draw(t, "headers") {
		name := draw("X-(A|B|[A-Za-z0-9]{1,5}-[A-Za-z0-9]{1,5})", "name")
		r.Header.Add(name, draw("[ -~]{0,12}", "value"))
	}
	disableEscaping := rapid.Bool().Draw(t, "path as sent")
	credentials := aws.Credentials{
		AccessKeyID: x.key.ID, SecretAccessKey: x.key.Secret, SessionToken: x.key.SessionToken,
	}
	err = v4.NewSigner().SignHTTP(context.Background(), credentials,
		r, hexSHA256(string(body)), "ivschat", captureRegion, x.now,
		func(o *v4.SignerOptions) { o.DisableURIPathEscaping = disableEscaping })
	if err != nil {
		t.Fatalf("sign: %v", err)
	}
	r.URL.RawQuery = rawQuery // the signer has put the canonical one in its place

	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		t.Fatalf("write request: %v", err)
	}
	x.request, x.body = readRequest(t, wire.Bytes())
	return x
}

func TestWhatTheAWSSignerSignsVerifies(t *testing.T) {
	v := newVerifier()
	rapid.Check(t, func(t *rapid.T) {
		x := drawExchange(t)
		if err := x.verify(v); err != nil {
			t.Errorf("%s %s ? %s, host %q, header %q: got error %v, want success", x.request.Method,
				x.request.Path, x.request.RawQuery, x.request.Host, x.request.Header, err)
		}
	})
}

func TestWhatIsAlteredAfterSigningIsRefused(t *testing.T) {
	v := newVerifier()
	rapid.Check(t, func(t *rapid.T) {
		x := drawExchange(t)
		a := rapid.SampledFrom(alterations).Draw(t, "alteration")
		altered := x.clone()
		a.alter(&altered)
		wantInvalidSignature(t, v, altered, "altered "+a.name)

		header := rapid.SampledFrom(x.signedHeaders()).Draw(t, "altered header")
		altered = x.clone()
		alterHeader(&altered, header)
		wantInvalidSignature(t, v, altered, "altered header "+header)
	})
}
