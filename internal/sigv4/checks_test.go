package sigv4_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/sigv4"
)

// noon is when the requests of these tests are received.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const (
	noonDate = "20261122T120000Z"
	scope    = "20261122/us-west-2/ivschat/aws4_request"
)

// told is what a caller is told of an error; nothing of success.
type told struct {
	Code parley.Code
	Text string
}

func toldOf(err error) told {
	var e *parley.Error
	switch {
	case err == nil:
		return told{}
	case !errors.As(err, &e):
		return told{Text: "not a *parley.Error: " + err.Error()}
	}
	return told{e.Code, e.Message}
}

const (
	mismatchText = "The request signature we calculated does not match the signature you " +
		"provided. Check your AWS Secret Access Key and signing method. " +
		"Consult the service documentation for details."
	payloadText   = "The provided 'X-Amz-Content-Sha256' header does not match what was computed."
	badTokenText  = "The security token included in the request is invalid."
	expiredText   = "The security token included in the request is expired"
	noHostText    = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
	noDateText    = "'X-Amz-Date' must be a 'SignedHeader' in the AWS Authorization."
	lackPrefix    = "Authorization header requires "
	lackDateText  = lackPrefix + "existence of either a 'X-Amz-Date' or a 'Date' header."
	notPairSuffix = "' not a valid key=value pair (missing equal-sign) in Authorization header " +
		"(hashed with SHA-256 and encoded with Base64): '"
	wrongDayPrefix = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version " +
		"of date from HTTP: "
)

// listRoomsBody is the body of the request that these tests sign.
const listRoomsBody = "{}"

func listRoomsCanonical(host string) string {
	return "POST\n/ListRooms\n\nhost:" + host + "\nx-amz-date:" + noonDate + "\n\n" +
		"host;x-amz-date\n" + hexSHA256(listRoomsBody)
}

// listRooms returns a signed request.
func listRooms() exchange {
	x := exchange{key: captureKey, now: noon, body: []byte(listRoomsBody)}
	x.request = sigv4.Request{
		Method: "POST", Path: "/ListRooms", Host: "chat.example:8080", ContentLength: 2,
		Header: map[string][]string{
			"Authorization": {authorize(listRoomsCanonical("chat.example:8080"), noonDate)},
			"X-Amz-Date":    {noonDate},
		},
	}
	return x
}

// verifyAsCaller verifies x as the control plane does: it looks up the key
// between the two steps. Only x.key exists.
func verifyAsCaller(v *sigv4.Verifier, x exchange) error {
	s, err := v.Parse(x.request, x.now)
	if err != nil {
		return err
	}
	if s.KeyID != x.key.ID {
		return sigv4.UnknownKey()
	}
	return s.Verify(x.key, x.body)
}

// Every request has all the defects of those that follow it, so this is also
// the order of the checks.
func TestFirstDefectIsTheOneToldOf(t *testing.T) {
	const (
		unscoped = "SignedHeaders=x-a, Signature=00"
		signed   = "SignedHeaders=host;x-amz-date, Signature=00"
		tail     = "host;x-amz-date;x-amz-security-token"
	)
	rightlySigned := authorize("POST\n/ListRooms\n\nhost:chat.example:8080\nx-amz-date:"+noonDate+
		"\nx-amz-security-token:wrong\n\n"+tail+"\n"+hexSHA256(listRoomsBody), noonDate)
	withRightToken := authorize("POST\n/ListRooms\n\nhost:chat.example:8080\nx-amz-date:"+noonDate+
		"\nx-amz-security-token:right\n\n"+tail+"\n"+hexSHA256(listRoomsBody), noonDate)
	tests := []struct {
		check, authorization, date, query, token string
		want                                     told
	}{
		{"1 signed twice", "Bearer junk", "", "X-Amz-Algorithm=AWS4-HMAC-SHA256", "wrong",
			told{parley.InvalidSignature, "Found both 'X-Amz-Algorithm' as a query-string param " +
				"and 'Authorization' as HTTP header."}},
		{"2 not signed", "Bearer junk", "", "", "wrong",
			told{parley.MissingAuthenticationToken, "Missing Authentication Token"}},
		{"3 no pair", "AWS4-X junk", "", "", "wrong",
			told{parley.IncompleteSignature,
				"'junk" + notPairSuffix + base64SHA256("AWS4-X junk") + "'."}},
		{"4 parameter missing", "AWS4-X Credential=a/b", "", "", "wrong",
			told{parley.IncompleteSignature, lackPrefix + "'Signature' parameter. " +
				lackPrefix + "'SignedHeaders' parameter. " + lackDateText}},
		{"4 date missing", "AWS4-X Credential=a/b, " + unscoped, "", "", "wrong",
			told{parley.IncompleteSignature, lackDateText}},
		{"5 date unparsable", "AWS4-X Credential=a/b, " + unscoped, "noon", "", "wrong",
			told{parley.IncompleteSignature, "Date must be in ISO-8601 'basic format'. Got 'noon'."}},
		{"6 too old", "AWS4-X Credential=a/b, " + unscoped, "20261122T115459Z", "", "wrong",
			told{parley.InvalidSignature, "Signature expired: 20261122T115459Z is now earlier than " +
				"20261122T115500Z (20261122T120000Z - 5 min.)"}},
		{"6b too new", "AWS4-X Credential=a/b, " + unscoped, "20261122T120501Z", "", "wrong",
			told{parley.InvalidSignature, "Signature not yet current: 20261122T120501Z is still " +
				"later than 20261122T120500Z (20261122T120000Z + 5 min.)"}},
		{"7 host not signed", "AWS4-X Credential=a/b, " + unscoped, noonDate, "", "wrong",
			told{parley.InvalidSignature, noHostText + " " + noDateText}},
		{"8 algorithm", "AWS4-X Credential=a/b, " + signed, noonDate, "", "wrong",
			told{parley.IncompleteSignature, "Unsupported AWS 'algorithm': 'AWS4-X'."}},
		{"9 credential", "AWS4-HMAC-SHA256 Credential=a/b, " + signed, noonDate, "", "wrong",
			told{parley.IncompleteSignature, "Credential must have exactly 5 slash-delimited " +
				"elements, e.g. keyid/date/region/service/term, got 'a/b'"}},
		{"10 scope", "AWS4-HMAC-SHA256 Credential=a/20261121/mars/s3/aws5, " + signed,
			noonDate, "", "wrong", told{parley.InvalidSignature,
				"Credential should be scoped to a valid region, not 'mars'. " +
					"Credential should be scoped to correct service: 'ivschat'. " +
					"Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5'. " +
					wrongDayPrefix + "'20261121' != '20261122', from '" + noonDate + "'."}},
		{"11 key unknown", "AWS4-HMAC-SHA256 Credential=a/" + scope + ", " + signed,
			noonDate, "", "wrong", told{parley.UnrecognizedClient, badTokenText}},
		{"12 signature wrong", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/" + scope + ", " + signed,
			noonDate, "", "wrong", told{parley.InvalidSignature, mismatchText}},
		{"13 token wrong", rightlySigned, noonDate, "", "wrong",
			told{parley.UnrecognizedClient, badTokenText}},
		{"13 token expired", withRightToken, noonDate, "", "right",
			told{parley.ExpiredToken, expiredText}},
	}
	v := newVerifier()
	for _, test := range tests {
		x := listRooms()
		x.key.SessionToken, x.key.Expires = "right", noon
		x.request.RawQuery = test.query
		x.request.Header.Set("Authorization", test.authorization)
		x.request.Header.Set("X-Amz-Security-Token", test.token)
		if x.request.Header.Set("X-Amz-Date", test.date); test.date == "" {
			x.request.Header.Del("X-Amz-Date")
		}
		if diff := cmp.Diff(test.want, toldOf(verifyAsCaller(v, x))); diff != "" {
			t.Errorf("check %s: told (-want +got):\n%s", test.check, diff)
		}
	}
}

// Every request is right but for its Authorization header, in which <S> stands
// for the right signature.
func TestAuthorizationHeaderDefects(t *testing.T) {
	const (
		credential = "Credential=AKIDEXAMPLE/" + scope
		rest       = ", SignedHeaders=host;x-amz-date, Signature=<S>"
		long       = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" +
			"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	)
	tests := []struct {
		name, authorization string
		want                told
	}{
		{"empty", "", told{parley.MissingAuthenticationToken, "Missing Authentication Token"}},
		{"basic", "Basic QVdTNA==",
			told{parley.MissingAuthenticationToken, "Missing Authentication Token"}},
		{"version 2", "AWS AKIDEXAMPLE:sig",
			told{parley.MissingAuthenticationToken, "Missing Authentication Token"}},
		{"lower-case algorithm", "aws4-hmac-sha256 " + credential + rest,
			told{parley.MissingAuthenticationToken, "Missing Authentication Token"}},
		{"algorithm alone", "AWS4-HMAC-SHA256",
			told{parley.IncompleteSignature, lackPrefix + "'Credential' parameter. " + lackPrefix +
				"'Signature' parameter. " + lackPrefix + "'SignedHeaders' parameter."}},
		{"credential missing", "AWS4-HMAC-SHA256 SignedHeaders=host;x-amz-date, Signature=<S>",
			told{parley.IncompleteSignature, lackPrefix + "'Credential' parameter."}},
		{"credential empty", "AWS4-HMAC-SHA256 Credential=" + rest,
			told{parley.IncompleteSignature, lackPrefix + "'Credential' parameter."}},
		{"signature missing", "AWS4-HMAC-SHA256 " + credential + ", SignedHeaders=host;x-amz-date",
			told{parley.IncompleteSignature, lackPrefix + "'Signature' parameter."}},
		{"signed headers missing", "AWS4-HMAC-SHA256 " + credential + ", Signature=<S>",
			told{parley.IncompleteSignature, lackPrefix + "'SignedHeaders' parameter."}},
		{"parameter twice", "AWS4-HMAC-SHA256 " + credential + ", " + credential + rest,
			told{parley.IncompleteSignature,
				"Authorization header has more than one 'Credential' parameter."}},
		{"parameter names differ in case", "AWS4-HMAC-SHA256 c" + credential[1:] + rest,
			told{parley.IncompleteSignature, lackPrefix + "'Credential' parameter."}},
		{"asymmetric", "AWS4-ECDSA-P256-SHA256 Credential=AKIDEXAMPLE/20261122/ivschat/aws4_request" +
			rest, told{parley.IncompleteSignature,
			"Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'."}},
		{"host alone unsigned", "AWS4-HMAC-SHA256 " + credential +
			", SignedHeaders=x-amz-date, Signature=<S>", told{parley.InvalidSignature, noHostText}},
		{"date alone unsigned", "AWS4-HMAC-SHA256 " + credential +
			", SignedHeaders=host, Signature=<S>", told{parley.InvalidSignature, noDateText}},
		{"wrong date signed", "AWS4-HMAC-SHA256 " + credential +
			", SignedHeaders=date;host, Signature=<S>", told{parley.InvalidSignature, noDateText}},
		{"four parts", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-west-2/ivschat" + rest,
			told{parley.IncompleteSignature, "Credential must have exactly 5 slash-delimited elements, " +
				"e.g. keyid/date/region/service/term, got 'AKIDEXAMPLE/20261122/us-west-2/ivschat'"}},
		{"six parts, too long to show", "AWS4-HMAC-SHA256 Credential=/////" + long + long + long + rest,
			told{parley.IncompleteSignature, "Credential must have exactly 5 slash-delimited elements, " +
				"e.g. keyid/date/region/service/term, got '/////" + long + long[:123] + "…'"}},
		{"region", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/eu-west-1/ivschat/aws4_request" +
			rest, told{parley.InvalidSignature,
			"Credential should be scoped to a valid region, not 'eu-west-1'."}},
		{"region in upper case",
			"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/US-WEST-2/ivschat/aws4_request" + rest,
			told{parley.InvalidSignature,
				"Credential should be scoped to a valid region, not 'US-WEST-2'."}},
		{"service", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-west-2/ivs/aws4_request" +
			rest, told{parley.InvalidSignature,
			"Credential should be scoped to correct service: 'ivschat'."}},
		{"terminator",
			"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-west-2/ivschat/AWS4_REQUEST" + rest,
			told{parley.InvalidSignature, "Credential should be scoped with a valid " +
				"terminator: 'aws4_request', not 'AWS4_REQUEST'."}},
		{"day", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/us-west-2/ivschat/aws4_request" +
			rest, told{parley.InvalidSignature,
			wrongDayPrefix + "'20261123' != '20261122', from '" + noonDate + "'."}},
		{"other region than signed for",
			"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/ivschat/aws4_request" + rest,
			told{parley.InvalidSignature, mismatchText}},
		{"key id empty", "AWS4-HMAC-SHA256 Credential=/" + scope + rest,
			told{parley.UnrecognizedClient, badTokenText}},
		{"signature cut", "AWS4-HMAC-SHA256 " + credential +
			", SignedHeaders=host;x-amz-date, Signature=00", told{parley.InvalidSignature, mismatchText}},
	}
	v := newVerifier()
	for _, test := range tests {
		x := listRooms()
		_, right, _ := strings.Cut(x.request.Header.Get("Authorization"), "Signature=")
		x.request.Header.Set("Authorization", strings.Replace(test.authorization, "<S>", right, 1))
		if diff := cmp.Diff(test.want, toldOf(verifyAsCaller(v, x))); diff != "" {
			t.Errorf("%s: %q: told (-want +got):\n%s", test.name, test.authorization, diff)
		}
	}
}

// <C>, <H> and <S> stand for the right parameters.
func TestAuthorizationHeaderSpellings(t *testing.T) {
	tests := []struct{ name, authorization string }{
		{"no blanks", "AWS4-HMAC-SHA256 <C>,<H>,<S>"},
		{"many blanks", "AWS4-HMAC-SHA256   <C>  ,  <H> ,\t<S> "},
		{"tab after algorithm", "AWS4-HMAC-SHA256\t<C>, <H>, <S>"},
		{"other order", "AWS4-HMAC-SHA256 <S>, <H>, <C>"},
		{"empty elements", "AWS4-HMAC-SHA256 ,<C>,, <H>, <S>,"},
		{"unknown parameter", "AWS4-HMAC-SHA256 <C>, <H>, X=1, <S>"},
		{"unknown parameters, known in a query",
			"AWS4-HMAC-SHA256 <C>, <H>, X-Amz-Signature=1, Date=1, X-Amz-Expires=1, <S>"},
		{"also empty, before and after", "AWS4-HMAC-SHA256 Signature=, <C>, <H>, <S>, Credential="},
	}
	v := newVerifier()
	for _, test := range tests {
		x := listRooms()
		_, right, _ := strings.Cut(x.request.Header.Get("Authorization"), "Signature=")
		x.request.Header.Set("Authorization",
			strings.NewReplacer("<C>", "Credential="+captureKey.ID+"/"+scope,
				"<H>", "SignedHeaders=host;x-amz-date", "<S>", "Signature="+right).
				Replace(test.authorization))
		if err := verifyAsCaller(v, x); err != nil {
			t.Errorf("%s: %q: got error %v, want success", test.name, test.authorization, err)
		}
	}
}

func TestSignedInOnePlaceOnly(t *testing.T) {
	both := told{parley.InvalidSignature, "Found both 'X-Amz-Algorithm' as a query-string param " +
		"and 'Authorization' as HTTP header."}
	missing := told{parley.MissingAuthenticationToken, "Missing Authentication Token"}
	tests := []struct {
		name, query   string
		authorization []string
		want          told
	}{
		{"neither", "", nil, missing},
		{"both", signedQuery, []string{"AWS4-HMAC-SHA256 Credential=a"}, both},
		{"both, encoded name", "a=b&X%2dAmz-Algorithm", []string{"Bearer x"}, both},
		{"both, empty header", signedQuery, []string{""}, both},
		{"algorithm in a value", "a=X-Amz-Algorithm", []string{"Bearer x"}, missing},
		{"algorithm in a value, no header", "a=X-Amz-Algorithm", nil, missing},
		{"algorithm in lower case", strings.ToLower(signedQuery), nil, missing},
		{"all but the algorithm", strings.Replace(signedQuery, "Algorithm", "B", 1), nil, missing},
		{"header twice", "", []string{"Bearer x", "AWS4-HMAC-SHA256 Credential=a"}, missing},
	}
	v := newVerifier()
	for _, test := range tests {
		x := listRooms()
		x.request.RawQuery = test.query
		delete(x.request.Header, "Authorization")
		if test.authorization != nil {
			x.request.Header["Authorization"] = test.authorization
		}
		if diff := cmp.Diff(test.want, toldOf(verifyAsCaller(v, x))); diff != "" {
			t.Errorf("%s: query %q, Authorization %q: told (-want +got):\n%s",
				test.name, test.query, test.authorization, diff)
		}
	}
}

func TestVerifyRefusesAnotherKey(t *testing.T) {
	tests := []struct {
		name string
		key  sigv4.Key
	}{
		{"none", sigv4.Key{}},
		{"other id", sigv4.Key{ID: "AKIDOTHER", Secret: captureKey.Secret}},
		{"no secret", sigv4.Key{ID: captureKey.ID}},
	}
	for _, test := range tests {
		x := listRooms()
		x.key = test.key
		want := told{parley.UnrecognizedClient, badTokenText}
		if diff := cmp.Diff(want, toldOf(x.verify(newVerifier()))); diff != "" {
			t.Errorf("%s: key %+v: told (-want +got):\n%s", test.name, test.key, diff)
		}
	}
}

func TestSessionToken(t *testing.T) {
	forever := time.Time{}
	tests := []struct {
		name    string
		signed  string // the token that is signed, if any
		sent    []string
		held    string // by the key
		expires time.Time
		want    told
	}{
		{"signed", "t/1==", []string{"t/1=="}, "t/1==", forever, told{}},
		{"added after signing", "", []string{"t/1=="}, "t/1==", forever, told{}},
		{"empty, long-lived key", "", []string{""}, "", forever, told{}},
		{"signed another", "t/2==", []string{"t/1=="}, "t/1==", forever,
			told{parley.InvalidSignature, mismatchText}},
		{"wrong", "t/2==", []string{"t/2=="}, "t/1==", forever,
			told{parley.UnrecognizedClient, badTokenText}},
		{"wrong, unsigned", "", []string{"t/2=="}, "t/1==", forever,
			told{parley.UnrecognizedClient, badTokenText}},
		{"not sent", "", nil, "t/1==", forever, told{parley.UnrecognizedClient, badTokenText}},
		{"sent for a long-lived key", "t/1==", []string{"t/1=="}, "", forever,
			told{parley.UnrecognizedClient, badTokenText}},
		{"sent twice", "", []string{"t/1==", "t/1=="}, "t/1==", forever,
			told{parley.UnrecognizedClient, badTokenText}},
		{"last moment", "t/1==", []string{"t/1=="}, "t/1==", noon.Add(time.Nanosecond), told{}},
		{"just expired", "t/1==", []string{"t/1=="}, "t/1==", noon,
			told{parley.ExpiredToken, expiredText}},
		{"expired, long-lived key", "", nil, "", noon, told{parley.ExpiredToken, expiredText}},
	}
	v := newVerifier()
	for _, test := range tests {
		canonical := listRoomsCanonical("chat.example:8080")
		if test.signed != "" {
			canonical = strings.NewReplacer(
				noonDate+"\n", noonDate+"\nx-amz-security-token:"+test.signed+"\n",
				"host;x-amz-date", "host;x-amz-date;x-amz-security-token").Replace(canonical)
		}
		x := listRooms()
		x.key.SessionToken, x.key.Expires = test.held, test.expires
		x.request.Header.Set("Authorization", authorize(canonical, noonDate))
		x.request.Header["X-Amz-Security-Token"] = test.sent
		if diff := cmp.Diff(test.want, toldOf(x.verify(v))); diff != "" {
			t.Errorf("%s: sent %q, key has %q until %v: told (-want +got):\n%s",
				test.name, test.sent, test.held, test.expires, diff)
		}
	}
}
