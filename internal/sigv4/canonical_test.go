package sigv4_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/sigv4"
)

const emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func hexSHA256(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func base64SHA256(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func hmacSHA256(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// signatureOf signs a canonical request, written out by the test, with captureKey
// at a date in noon's day.
func signatureOf(canonical, date string) string {
	key := hmacSHA256([]byte("AWS4"+captureKey.Secret), "20261122")
	for _, part := range []string{captureRegion, "ivschat", "aws4_request"} {
		key = hmacSHA256(key, part)
	}
	return hex.EncodeToString(hmacSHA256(key,
		"AWS4-HMAC-SHA256\n"+date+"\n"+scope+"\n"+hexSHA256(canonical)))
}

// authorize signs as signatureOf does, and returns the Authorization header.
func authorize(canonical, date string) string {
	lines := strings.Split(canonical, "\n")
	return "AWS4-HMAC-SHA256 Credential=" + captureKey.ID + "/" + scope +
		", SignedHeaders=" + lines[len(lines)-2] + ", Signature=" + signatureOf(canonical, date)
}

// Each canonical request is written out in full; <D> stands for the date, <0>
// for the hash of no body.
func TestCanonicalRequest(t *testing.T) {
	tests := []struct{ name, request, canonical string }{
		{"nothing special",
			"GET /a HTTP/1.1\nHost: h\nX-Amz-Date: <D>\n\n",
			"GET\n/a\n\nhost:h\nx-amz-date:<D>\n\nhost;x-amz-date\n<0>"},
		{"method in lower case",
			"get /a HTTP/1.1\nHost: h\nX-Amz-Date: <D>\n\n",
			"GET\n/a\n\nhost:h\nx-amz-date:<D>\n\nhost;x-amz-date\n<0>"},
		{"encoded path, encoded again",
			"GET /tags/a%3Ab%2fc%C3%A9~ HTTP/1.1\nHost: h\nX-Amz-Date: <D>\n\n",
			"GET\n/tags/a%253Ab%252fc%25C3%25A9~\n\nhost:h\nx-amz-date:<D>\n\nhost;x-amz-date\n<0>"},
		{"encoded path, as sent",
			"GET /tags/a%3Ab%2fc HTTP/1.1\nHost: h\nX-Amz-Date: <D>\n\n",
			"GET\n/tags/a%3Ab%2fc\n\nhost:h\nx-amz-date:<D>\n\nhost;x-amz-date\n<0>"},
		{"plain ARN in path, encoded once",
			"GET /tags/arn:aws:x+y HTTP/1.1\nHost: h\nX-Amz-Date: <D>\n\n",
			"GET\n/tags/arn%3Aaws%3Ax%2By\n\nhost:h\nx-amz-date:<D>\n\nhost;x-amz-date\n<0>"},
		{"plain ARN in path, as sent",
			"GET /tags/arn:aws:x+y HTTP/1.1\nHost: h\nX-Amz-Date: <D>\n\n",
			"GET\n/tags/arn:aws:x+y\n\nhost:h\nx-amz-date:<D>\n\nhost;x-amz-date\n<0>"},
		{"slashes and dots stay",
			"GET //a/../b/./ HTTP/1.1\nHost: h\nX-Amz-Date: <D>\n\n",
			"GET\n//a/../b/./\n\nhost:h\nx-amz-date:<D>\n\nhost;x-amz-date\n<0>"},
		{"bare question mark",
			"GET /a? HTTP/1.1\nHost: h\nX-Amz-Date: <D>\n\n",
			"GET\n/a\n\nhost:h\nx-amz-date:<D>\n\nhost;x-amz-date\n<0>"},
		{"query sorted by name, then value",
			"GET /a?b=2&a=2&b=1&a=10&a=1 HTTP/1.1\nHost: h\nX-Amz-Date: <D>\n\n",
			"GET\n/a\na=1&a=10&a=2&b=1&b=2\nhost:h\nx-amz-date:<D>\n\nhost;x-amz-date\n<0>"},
		{"query sorted after encoding",
			"GET /a?k=a-b&k=a/b&k=a:b&k=a1&a-b=1&a=2 HTTP/1.1\nHost: h\nX-Amz-Date: <D>\n\n",
			"GET\n/a\na=2&a-b=1&k=a%2Fb&k=a%3Ab&k=a-b&k=a1\n" +
				"host:h\nx-amz-date:<D>\n\nhost;x-amz-date\n<0>"},
		{"query encoding made canonical",
			"GET /a?k=%7e%2D%c3%a9+%20%2b/?'*!() HTTP/1.1\nHost: h\nX-Amz-Date: <D>\n\n",
			"GET\n/a\nk=~-%C3%A9%20%20%2B%2F%3F%27%2A%21%28%29\n" +
				"host:h\nx-amz-date:<D>\n\nhost;x-amz-date\n<0>"},
		{"query with missing and further equal signs, empty parts",
			"GET /a?&&k&e=&f=1=2&=v& HTTP/1.1\nHost: h\nX-Amz-Date: <D>\n\n",
			"GET\n/a\n=v&e=&f=1%3D2&k=\nhost:h\nx-amz-date:<D>\n\nhost;x-amz-date\n<0>"},
		{"semicolon in query is no separator",
			"GET /a?k=1;j=2 HTTP/1.1\nHost: h\nX-Amz-Date: <D>\n\n",
			"GET\n/a\nk=1%3Bj%3D2\nhost:h\nx-amz-date:<D>\n\nhost;x-amz-date\n<0>"},
		{"broken percent-encoding in query stands for itself",
			"GET /a?k=%zz%4&j=%&i=%a&h=%4z HTTP/1.1\nHost: h\nX-Amz-Date: <D>\n\n",
			"GET\n/a\nh=%254z&i=%25a&j=%25&k=%25zz%254\nhost:h\nx-amz-date:<D>\n\nhost;x-amz-date\n<0>"},
		{"repeated headers",
			"GET /a HTTP/1.1\nHost: h\nX-Amz-Date: <D>\nX-A: 2\nX-B: 9\nx-a: 1\n\n",
			"GET\n/a\n\nhost:h\nx-a:2,1\nx-amz-date:<D>\n\nhost;x-a;x-amz-date\n<0>"},
		{"folded header",
			"GET /a HTTP/1.1\nHost: h\nX-Amz-Date: <D>\nX-A: 1\n   2\n\t3\n\n",
			"GET\n/a\n\nhost:h\nx-a:1 2 3\nx-amz-date:<D>\n\nhost;x-a;x-amz-date\n<0>"},
		{"blanks in headers",
			"GET /a HTTP/1.1\nHost: h\nX-Amz-Date: <D>\nX-A: \t  1   \"2   3\"  4 \nX-A:  5  \n\n",
			"GET\n/a\n\nhost:h\nx-a:1 \"2 3\" 4,5\nx-amz-date:<D>\n\nhost;x-a;x-amz-date\n<0>"},
		{"empty header",
			"GET /a HTTP/1.1\nContent-Type:\nHost: h\nX-Amz-Date: <D>\n\n",
			"GET\n/a\n\ncontent-type:\nhost:h\nx-amz-date:<D>\n\ncontent-type;host;x-amz-date\n<0>"},
		{"absent header signed as empty",
			"GET /a HTTP/1.1\nHost: h\nX-Amz-Date: <D>\n\n",
			"GET\n/a\n\ncontent-type:\nhost:h\nx-amz-date:<D>\n\ncontent-type;host;x-amz-date\n<0>"},
		{"signed headers listed out of order, in mixed case, twice",
			"GET /a HTTP/1.1\nHost: h\nX-Amz-Date: <D>\n\n",
			"GET\n/a\n\nhost:h\nx-amz-date:<D>\n\nX-Amz-Date;host;Host\n<0>"},
		{"what a presigned request would not sign",
			"GET /a?X-Amz-Signature=1&X-Amz-Security-Token=2 HTTP/1.1\nHost: h\nX-Amz-Date: <D>\n\n",
			"GET\n/a\nX-Amz-Security-Token=2&X-Amz-Signature=1\nhost:h\nx-amz-date:<D>\n\n" +
				"host;x-amz-date\n<0>"},
		{"authority in place of host",
			"GET /a HTTP/1.1\nHost: h\nX-Amz-Date: <D>\n\n",
			"GET\n/a\n\n:authority:h\nx-amz-date:<D>\n\n:authority;x-amz-date\n<0>"},
		{"body and its length",
			"POST /a HTTP/1.1\nHost: h\nX-Amz-Date: <D>\nContent-Length: 2\n\n{}",
			"POST\n/a\n\ncontent-length:2\nhost:h\nx-amz-date:<D>\n\ncontent-length;host;x-amz-date\n" +
				"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},
	}
	v := newVerifier()
	fill := strings.NewReplacer("<D>", noonDate, "<0>", emptySHA256)
	for _, test := range tests {
		x := exchange{key: captureKey, now: noon}
		x.request, x.body = readRequest(t, []byte(fill.Replace(test.request)))
		x.request.Header.Set("Authorization", authorize(fill.Replace(test.canonical), noonDate))
		if err := x.verify(v); err != nil {
			t.Errorf("%s: request\n%s\nsigned as\n%s\ngot error %v, want success",
				test.name, test.request, test.canonical, err)
		}
	}
}

func TestEmptyPathIsSignedAsSlash(t *testing.T) {
	x := listRooms()
	x.request.Path = ""
	x.request.Header.Set("Authorization", authorize(strings.Replace(
		listRoomsCanonical(x.request.Host), "/ListRooms", "/", 1), noonDate))
	if err := x.verify(newVerifier()); err != nil {
		t.Errorf("empty path signed as /: got error %v, want success", err)
	}
}

func TestSignedContentLengthOutsideTheHeader(t *testing.T) {
	tests := []struct {
		name, signed string
		length       int64
		want         parley.Code
	}{
		{"right", "2", 2, noError},
		{"wrong", "2", 3, parley.InvalidSignature},
		{"none", "0", 0, noError},
		{"unknown", "2", -1, parley.InvalidSignature},
		{"unknown is not a number", "-1", -1, parley.InvalidSignature},
	}
	for _, test := range tests {
		x := listRooms()
		x.request.ContentLength = test.length
		x.request.Header.Set("Authorization", authorize("POST\n/ListRooms\n\ncontent-length:"+
			test.signed+"\nhost:chat.example:8080\nx-amz-date:"+noonDate+
			"\n\ncontent-length;host;x-amz-date\n"+hexSHA256(listRoomsBody), noonDate))
		if got := codeOf(x.verify(newVerifier())); got != test.want {
			t.Errorf("%s: signed %q, length %d: got code %v, want %v",
				test.name, test.signed, test.length, got, test.want)
		}
	}
}

// noError stands for success in tables of codes.
const noError parley.Code = -1

func codeOf(err error) parley.Code {
	if err == nil {
		return noError
	}
	return parley.CodeOf(err)
}

func TestHostsThatMayBeSigned(t *testing.T) {
	public := []string{"chat.example.com", "chat.example.com:8443"}
	tests := []struct {
		name, received, signed string
		public                 []string
		want                   parley.Code
	}{
		{"as received", "127.0.0.1:8080", "127.0.0.1:8080", nil, noError},
		{"without port", "127.0.0.1:8080", "127.0.0.1", nil, noError},
		{"received without, signed with", "127.0.0.1", "127.0.0.1:8080", nil, parley.InvalidSignature},
		{"other port", "127.0.0.1:8080", "127.0.0.1:80", nil, parley.InvalidSignature},
		{"IPv6", "[::1]:8080", "[::1]:8080", nil, noError},
		{"IPv6 without port", "[::1]:8080", "[::1]", nil, noError},
		{"IPv6 received without port", "[::1]", "[::1]", nil, noError},
		{"IPv6 cut in the address", "[::1]", "[:", nil, parley.InvalidSignature},
		{"first public", "10.0.0.7:8080", "chat.example.com", public, noError},
		{"second public", "10.0.0.7:8080", "chat.example.com:8443", public, noError},
		{"as received, with public", "10.0.0.7:8080", "10.0.0.7:8080", public, noError},
		{"public, not configured", "10.0.0.7:8080", "chat.example.com", nil, parley.InvalidSignature},
		{"unknown", "10.0.0.7:8080", "other.example.com", public, parley.InvalidSignature},
	}
	for _, test := range tests {
		v := sigv4.New(sigv4.Config{Regions: []string{captureRegion}, Hosts: test.public})
		x := listRooms()
		x.request.Host = test.received
		x.request.Header.Set("Authorization", authorize(listRoomsCanonical(test.signed), noonDate))
		if got := codeOf(x.verify(v)); got != test.want {
			t.Errorf("%s: received %q, signed %q, public %q: got code %v, want %v",
				test.name, test.received, test.signed, test.public, got, test.want)
		}
	}
}

// A Dart client behind a proxy needs both fallbacks at once.
func TestPathAsSentWithPublicHost(t *testing.T) {
	v := sigv4.New(sigv4.Config{
		Regions: []string{captureRegion}, Hosts: []string{"chat.example.com"},
	})
	x := exchange{key: captureKey, now: noon}
	x.request, x.body = readRequest(t, []byte(
		"GET /tags/a%3Ab HTTP/1.1\nHost: 10.0.0.7:8080\nX-Amz-Date: "+noonDate+"\n\n"))
	x.request.Header.Set("Authorization", authorize("GET\n/tags/a%3Ab\n\nhost:chat.example.com\n"+
		"x-amz-date:"+noonDate+"\n\nhost;x-amz-date\n"+emptySHA256, noonDate))
	if err := x.verify(v); err != nil {
		t.Errorf("got error %v, want success", err)
	}
}

func TestClaimedPayloadHash(t *testing.T) {
	right := hexSHA256(listRoomsBody)
	tests := []struct {
		name    string
		claimed []string
		want    told
	}{
		{"absent", nil, told{}},
		{"right", []string{right}, told{}},
		{"wrong", []string{emptySHA256}, told{parley.InvalidSignature, payloadText}},
		{"empty", []string{""}, told{parley.InvalidSignature, payloadText}},
		{"upper case", []string{strings.ToUpper(right)}, told{parley.InvalidSignature, payloadText}},
		{"twice", []string{right, right}, told{parley.InvalidSignature, payloadText}},
		{"unsigned", []string{"UNSIGNED-PAYLOAD"}, told{parley.InvalidSignature, payloadText}},
		{"streamed", []string{"STREAMING-AWS4-HMAC-SHA256-PAYLOAD"},
			told{parley.InvalidSignature, payloadText}},
	}
	for _, test := range tests {
		x := listRooms()
		x.request.Header["X-Amz-Content-Sha256"] = test.claimed
		if diff := cmp.Diff(test.want, toldOf(x.verify(newVerifier()))); diff != "" {
			t.Errorf("%s: claimed %q: told (-want +got):\n%s", test.name, test.claimed, diff)
		}
	}
}

// What other services accept as the hash of any body is refused even when the
// signature is over it.
func TestUnsignedPayloadIsRefused(t *testing.T) {
	x := listRooms()
	x.request.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	x.request.Header.Set("Authorization", authorize("POST\n/ListRooms\n\nhost:chat.example:8080\n"+
		"x-amz-content-sha256:UNSIGNED-PAYLOAD\nx-amz-date:"+noonDate+
		"\n\nhost;x-amz-content-sha256;x-amz-date\nUNSIGNED-PAYLOAD", noonDate))
	want := told{parley.InvalidSignature, payloadText}
	if diff := cmp.Diff(want, toldOf(x.verify(newVerifier()))); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}
