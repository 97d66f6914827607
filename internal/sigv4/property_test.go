package sigv4_test

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"pgregory.net/rapid"

	"github.com/parley-chat/parley/internal/sigv4"
)

// Pieces of requests, as clients may write them. The signer drops query
// parameters with a semicolon or broken percent-encoding, so there are none here.
const (
	pathPattern = "(/([A-Za-z0-9._~:@!$'()*,=+-]|%[0-9A-F]{2}|%[0-9a-f]{2}){1,8}){1,4}/?"
	queryByte   = "([A-Za-z0-9._~:@!$'()*,/?-]|[+]|%[0-9A-F]{2}|%[0-9a-f]{2})"
	queryPart   = "(a|b|" + queryByte + "{0,4})(=(" + queryByte + "|=){0,6})?"
	hostPattern = `[a-z0-9.-]{1,12}(:[1-9][0-9]{0,4})?|\[::1\](:[1-9][0-9]{3})?`
)

// sign signs r at a time with the AWS signer, in the header form or presigned,
// and returns by how much the signature may be older when it is received.
func sign(t *rapid.T, r *http.Request, key sigv4.Key, body []byte, at time.Time) time.Duration {
	credentials := aws.Credentials{
		AccessKeyID: key.ID, SecretAccessKey: key.Secret, SessionToken: key.SessionToken,
	}
	disableEscaping := rapid.Bool().Draw(t, "path as sent")
	options := func(o *v4.SignerOptions) { o.DisableURIPathEscaping = disableEscaping }
	rawQuery, hash := r.URL.RawQuery, hexSHA256(string(body))
	if !rapid.Bool().Draw(t, "presigned") {
		err := v4.NewSigner().SignHTTP(context.Background(), credentials, r, hash,
			"ivschat", captureRegion, at, options)
		if err != nil {
			t.Fatalf("sign: %v", err)
		}
		r.URL.RawQuery = rawQuery // the signer has put the canonical one in its place
		return sigv4.DefaultMaxSkew
	}
	expires := rapid.IntRange(1, 604800).Draw(t, "expires")
	r.URL.RawQuery += "&X-Amz-Expires=" + strconv.Itoa(expires)
	signed, _, err := v4.NewSigner().PresignHTTP(context.Background(), credentials, r, hash,
		"ivschat", captureRegion, at, options)
	if err != nil {
		t.Fatalf("presign: %v", err)
	}
	_, signedQuery, _ := strings.Cut(signed, "?")
	parts := strings.Split(rawQuery, "&")
	for part := range strings.SplitSeq(signedQuery, "&") {
		if strings.HasPrefix(part, "X-Amz-") {
			parts = append(parts, part)
		}
	}
	r.URL.RawQuery = strings.Join(rapid.Permutation(parts).Draw(t, "order"), "&")
	return time.Duration(expires) * time.Second
}

// drawExchange returns a random request that the AWS signer has signed, as the
// server reads it off the wire.
func drawExchange(t *rapid.T) exchange {
	draw := func(pattern, label string) string {
		return rapid.StringMatching(pattern).Draw(t, label)
	}
	seconds := func(most int, label string) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(t, label)) * time.Second
	}
	var x exchange
	x.key.ID, x.key.Secret = draw("[A-Z0-9]{16,20}", "key id"), draw("[ -~]{1,40}", "secret")
	x.key.SessionToken = draw("([!-~]{1,40})?", "session token")
	body := rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(t, "body")
	parts := rapid.SliceOfN(rapid.StringMatching(queryPart), 0, 6).Draw(t, "query")
	r, err := http.NewRequest(
		rapid.SampledFrom([]string{"GET", "POST", "DELETE", "HEAD", "PATCH"}).Draw(t, "method"),
		"http://"+draw(hostPattern, "host")+draw(pathPattern, "path")+"?"+strings.Join(parts, "&"),
		bytes.NewReader(body))
	if err != nil {
		t.Fatalf("make request: %v", err)
	}
	for range rapid.IntRange(0, 4).Draw(t, "headers") {
		name := draw("X-(A|B|[A-Za-z0-9]{1,5}-[A-Za-z0-9]{1,5})", "name")
		r.Header.Add(name, draw("[ -~]{0,12}", "value"))
	}
	signedAt := noon.Add(seconds(1e9, "signed at"))
	maxAge := sign(t, r, x.key, body, signedAt)
	x.now = signedAt.Add(seconds(int(maxAge.Seconds()), "age"))

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

// signedParameters are those in the query of every presigned request, and a
// session token; not X-Amz-Algorithm, as there is no other.
var signedParameters = []string{
	"X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders",
	"X-Amz-Security-Token",
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

		for parameter := range x.presigned() {
			if !slices.Contains(signedParameters, parameter) {
				continue
			}
			altered = x.clone()
			alterParameter(&altered, parameter)
			wantInvalidSignature(t, v, altered, "altered parameter "+parameter)
		}
	})
}
