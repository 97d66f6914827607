package sigv4_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/sigv4"
)

// signedQuery is all that is signed of the query of presigned requests without
// parameters of their own, and is canonical.
const signedQuery = "X-Amz-Algorithm=AWS4-HMAC-SHA256" +
	"&X-Amz-Credential=AKIDEXAMPLE%2F20261122%2Fus-west-2%2Fivschat%2Faws4_request" +
	"&X-Amz-Date=" + noonDate + "&X-Amz-Expires=300&X-Amz-SignedHeaders=host"

const (
	lackQueryPrefix = "AWS query-string parameters must include "
	reexamineText   = "Re-examine the query-string parameters."
)

func listTagsCanonical(query string) string {
	return "GET\n/tags/a%253Ab\n" + query + "\nhost:chat.example:8080\n\nhost\n" + emptySHA256
}

// listTags returns a request for its path and host with a query. The signature is
// over the canonical request, and takes the place of <S> in the query.
func listTags(query, canonical string) exchange {
	x := exchange{key: captureKey, now: noon}
	x.request = sigv4.Request{
		Method: "GET", Path: "/tags/a%3Ab", Host: "chat.example:8080", Header: http.Header{},
		RawQuery: strings.Replace(query, "<S>", signatureOf(canonical, noonDate), 1),
	}
	return x
}

// presignedListTags returns a request presigned over a canonical query.
func presignedListTags(query string) exchange {
	return listTags(query+"&X-Amz-Signature=<S>", listTagsCanonical(query))
}

// Every request has all the defects of those that follow it, so this is also
// the order of the checks. <X> stands for X-Amz-.
func TestFirstDefectOfAPresignedRequest(t *testing.T) {
	const (
		token    = "&<X>Security-Token=wrong"
		unscoped = token + "&<X>Algorithm=AWS4-X&<X>Credential=a/b&<X>Signature=00"
		noHost   = unscoped + "&<X>SignedHeaders=x-a"
		signed   = token + "&<X>Signature=00&<X>SignedHeaders=host"
	)
	rightQuery := func(token string) string {
		return strings.Replace(signedQuery, "&X-Amz-SignedHeaders",
			"&X-Amz-Security-Token="+token+"&X-Amz-SignedHeaders", 1)
	}
	tests := []struct {
		check, query string
		want         told
	}{
		{"2 not signed", unscoped[len(token)+len("&<X>Algorithm=AWS4-X"):],
			told{parley.MissingAuthenticationToken, "Missing Authentication Token"}},
		{"3 parameter twice", "<X>Date=noon&<X>Date=noon" + token + "&<X>Algorithm=AWS4-X",
			told{parley.IncompleteSignature,
				"AWS query-string has more than one 'X-Amz-Date' parameter."}},
		{"4 parameters missing", "<X>Algorithm=" + token, told{parley.IncompleteSignature,
			lackQueryPrefix + "'X-Amz-Algorithm'. " + lackQueryPrefix + "'X-Amz-Credential'. " +
				lackQueryPrefix + "'X-Amz-Signature'. " + lackQueryPrefix + "'X-Amz-SignedHeaders'. " +
				lackQueryPrefix + "'X-Amz-Date'. " + lackQueryPrefix + "'X-Amz-Expires'. " +
				reexamineText}},
		{"4 lifetime missing", "<X>Date=noon" + noHost, told{parley.IncompleteSignature,
			lackQueryPrefix + "'X-Amz-Expires'. " + reexamineText}},
		{"5 date unparsable", "<X>Date=noon&<X>Expires=x" + noHost,
			told{parley.IncompleteSignature, "Date must be in ISO-8601 'basic format'. Got 'noon'."}},
		{"5 lifetime unparsable", "<X>Date=20261122T115959Z&<X>Expires=x" + noHost,
			told{parley.IncompleteSignature,
				"X-Amz-Expires must be a number of seconds from 1 to 604800. Got 'x'."}},
		{"6 too old", "<X>Date=20261122T115829Z&<X>Expires=90" + noHost,
			told{parley.InvalidSignature, "Signature expired: 20261122T115829Z is now earlier than " +
				"20261122T115830Z (20261122T120000Z - 1.5 min.)"}},
		{"6 a week too old", "<X>Date=20261115T115959Z&<X>Expires=604800" + noHost,
			told{parley.InvalidSignature, "Signature expired: 20261115T115959Z is now earlier than " +
				"20261115T120000Z (20261122T120000Z - 10080 min.)"}},
		{"6b too new", "<X>Date=20261122T120501Z&<X>Expires=604800" + noHost,
			told{parley.InvalidSignature, "Signature not yet current: 20261122T120501Z is still " +
				"later than 20261122T120500Z (20261122T120000Z + 5 min.)"}},
		{"7 host not signed", "<X>Date=" + noonDate + "&<X>Expires=1" + noHost,
			told{parley.InvalidSignature, noHostText}},
		{"8 algorithm", "<X>Date=" + noonDate + "&<X>Expires=1" + unscoped + "&<X>SignedHeaders=host",
			told{parley.IncompleteSignature, "Unsupported AWS 'algorithm': 'AWS4-X'."}},
		{"9 credential", "<X>Date=" + noonDate + "&<X>Expires=1&<X>Algorithm=AWS4-HMAC-SHA256" +
			"&<X>Credential=a%2Fb" + signed, told{parley.IncompleteSignature,
			"Credential must have exactly 5 slash-delimited " +
				"elements, e.g. keyid/date/region/service/term, got 'a/b'"}},
		{"10 scope", "<X>Date=" + noonDate + "&<X>Expires=1&<X>Algorithm=AWS4-HMAC-SHA256" +
			"&<X>Credential=a/20261121/mars/s3/aws5" + signed, told{parley.InvalidSignature,
			"Credential should be scoped to a valid region, not 'mars'. " +
				"Credential should be scoped to correct service: 'ivschat'. " +
				"Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5'. " +
				wrongDayPrefix + "'20261121' != '20261122', from '" + noonDate + "'."}},
		{"11 key unknown", "<X>Date=" + noonDate + "&<X>Expires=1&<X>Algorithm=AWS4-HMAC-SHA256" +
			"&<X>Credential=a/" + scope + signed, told{parley.UnrecognizedClient, badTokenText}},
		{"12 signature wrong", "<X>Date=" + noonDate + "&<X>Expires=1&<X>Algorithm=AWS4-HMAC-SHA256" +
			"&<X>Credential=AKIDEXAMPLE/" + scope + signed, told{parley.InvalidSignature, mismatchText}},
		{"13 token wrong", presignedListTags(rightQuery("wrong")).request.RawQuery,
			told{parley.UnrecognizedClient, badTokenText}},
		{"13 token expired", presignedListTags(rightQuery("right")).request.RawQuery,
			told{parley.ExpiredToken, expiredText}},
	}
	v := newVerifier()
	for _, test := range tests {
		x := listTags(strings.ReplaceAll(test.query, "<X>", "X-Amz-"), "")
		x.key.SessionToken, x.key.Expires = "right", noon
		if diff := cmp.Diff(test.want, toldOf(verifyAsCaller(v, x))); diff != "" {
			t.Errorf("check %s: query %q: told (-want +got):\n%s",
				test.check, x.request.RawQuery, diff)
		}
	}
}

// Every query is signed as it stands, with new in place of old.
func TestQueryParameterDefects(t *testing.T) {
	lacks := func(name string) told {
		return told{parley.IncompleteSignature, lackQueryPrefix + "'" + name + "'. " + reexamineText}
	}
	twice := func(name string) told {
		return told{parley.IncompleteSignature,
			"AWS query-string has more than one '" + name + "' parameter."}
	}
	badExpires := func(got string) told {
		return told{parley.IncompleteSignature,
			"X-Amz-Expires must be a number of seconds from 1 to 604800. Got '" + got + "'."}
	}
	badDate := func(got string) told {
		return told{parley.IncompleteSignature,
			"Date must be in ISO-8601 'basic format'. Got '" + got + "'."}
	}
	const long = "9999999999999999999999999999999999999999999999999999999999999999"
	tests := []struct {
		name, old, new string
		want           told
	}{
		{"none", "", "", told{}},
		{"algorithm empty", "=AWS4-HMAC-SHA256", "=", lacks("X-Amz-Algorithm")},
		{"algorithm without a value", "=AWS4-HMAC-SHA256", "", lacks("X-Amz-Algorithm")},
		{"credential missing", "Credential", "B", lacks("X-Amz-Credential")},
		{"credential in lower case", "X-Amz-Credential", "x-amz-credential",
			lacks("X-Amz-Credential")},
		{"credential without prefix", "X-Amz-Credential", "Credential", lacks("X-Amz-Credential")},
		{"signed headers missing", "X-Amz-SignedHeaders=host", "", lacks("X-Amz-SignedHeaders")},
		{"signed headers empty", "SignedHeaders=host", "SignedHeaders=",
			lacks("X-Amz-SignedHeaders")},
		{"signed headers in other case", "SignedHeaders", "Signedheaders",
			lacks("X-Amz-SignedHeaders")},
		{"date missing", "X-Amz-Date=" + noonDate, "Date=" + noonDate, lacks("X-Amz-Date")},
		{"lifetime missing", "&X-Amz-Expires=300", "", lacks("X-Amz-Expires")},
		{"algorithm twice", "", "X-Amz-Algorithm=AWS4-HMAC-SHA256&", twice("X-Amz-Algorithm")},
		{"credential twice", "", "X-Amz-Credential=a&", twice("X-Amz-Credential")},
		{"signature twice", "", "X-Amz-Signature=00&", twice("X-Amz-Signature")},
		{"signed headers twice", "", "X-Amz-SignedHeaders=host&", twice("X-Amz-SignedHeaders")},
		{"date twice", "", "X-Amz-Date=" + noonDate + "&", twice("X-Amz-Date")},
		{"date twice, encoded name", "", "X%2dAmz%2dDate=" + noonDate + "&", twice("X-Amz-Date")},
		{"lifetime twice", "", "X-Amz-Expires=300&", twice("X-Amz-Expires")},
		{"token twice", "", "X-Amz-Security-Token=a&X-Amz-Security-Token=a&",
			twice("X-Amz-Security-Token")},
		{"date, GMT", noonDate, "Sun%2C%2022%20Nov%202026%2012%3A00%3A00%20GMT",
			badDate("Sun, 22 Nov 2026 12:00:00 GMT")},
		{"date with fraction", noonDate, "20261122T120000.0Z", badDate("20261122T120000.0Z")},
		{"no such day", noonDate, "20261131T120000Z", badDate("20261131T120000Z")},
		{"lifetime zero", "=300", "=0", badExpires("0")},
		{"lifetime over a week", "=300", "=604801", badExpires("604801")},
		{"lifetime far too long", "=300", "=" + long, badExpires(long)},
		{"lifetime wraps around", "=300", "=4294967596", badExpires("4294967596")},
		{"lifetime negative", "=300", "=-300", badExpires("-300")},
		{"lifetime with sign", "=300", "=%2B300", badExpires("+300")},
		{"lifetime with blank", "=300", "=%20300", badExpires(" 300")},
		{"lifetime with fraction", "=300", "=300.0", badExpires("300.0")},
		{"lifetime with unit", "=300", "=300s", badExpires("300s")},
		{"lifetime in hexadecimal", "=300", "=0x12c", badExpires("0x12c")},
		{"host not signed", "SignedHeaders=host", "SignedHeaders=x-amz-date",
			told{parley.InvalidSignature, noHostText}},
		{"algorithm in lower case", "AWS4-HMAC-SHA256", "aws4-hmac-sha256",
			told{parley.IncompleteSignature, "Unsupported AWS 'algorithm': 'aws4-hmac-sha256'."}},
		{"asymmetric", "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256", told{parley.IncompleteSignature,
			"Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'."}},
		{"four parts", "%2Faws4_request", "", told{parley.IncompleteSignature,
			"Credential must have exactly 5 slash-delimited elements, " +
				"e.g. keyid/date/region/service/term, got 'AKIDEXAMPLE/20261122/us-west-2/ivschat'"}},
		{"region", "us-west-2", "eu-west-1", told{parley.InvalidSignature,
			"Credential should be scoped to a valid region, not 'eu-west-1'."}},
		{"service", "ivschat", "s3", told{parley.InvalidSignature,
			"Credential should be scoped to correct service: 'ivschat'."}},
		{"terminator", "aws4_request", "aws5", told{parley.InvalidSignature, "Credential should " +
			"be scoped with a valid terminator: 'aws4_request', not 'aws5'."}},
		{"day", "%2F20261122%2F", "%2F20261121%2F", told{parley.InvalidSignature,
			wrongDayPrefix + "'20261121' != '20261122', from '" + noonDate + "'."}},
		{"other region than signed for", "us-west-2", "us-east-1",
			told{parley.InvalidSignature, mismatchText}},
		{"key unknown", "AKIDEXAMPLE", "AKIDOTHER", told{parley.UnrecognizedClient, badTokenText}},
	}
	v := newVerifier()
	for _, test := range tests {
		x := presignedListTags(strings.Replace(signedQuery, test.old, test.new, 1))
		if diff := cmp.Diff(test.want, toldOf(verifyAsCaller(v, x))); diff != "" {
			t.Errorf("%s: query %q: told (-want +got):\n%s", test.name, x.request.RawQuery, diff)
		}
	}
}

// <A> to <S> stand for the parameters of signedQuery and for the signature.
func TestSpellingsOfAPresignedQuery(t *testing.T) {
	tests := []struct{ name, query, canonical string }{
		{"in canonical order", "<A>&<C>&<D>&<E>&<H>&<S>", "<A>&<C>&<D>&<E>&<H>"},
		{"in another order", "<S>&<H>&<E>&<D>&<C>&<A>", "<A>&<C>&<D>&<E>&<H>"},
		{"empty parts", "&<A>&<C>&&<D>&<E>&<S>&<H>&", "<A>&<C>&<D>&<E>&<H>"},
		{"parameters of the operation", "tagKeys=b+c&tagKeys=a&<A>&<C>&<D>&<E>&<H>&<S>&z",
			"<A>&<C>&<D>&<E>&<H>&tagKeys=a&tagKeys=b%20c&z="},
		{"slashes not encoded", "<A>&X-Amz-Credential=AKIDEXAMPLE/" + scope + "&<D>&<E>&<H>&<S>",
			"<A>&<C>&<D>&<E>&<H>"},
		{"name encoded", "<A>&<C>&X%2dAmz-Date=" + noonDate + "&<E>&<H>&X-Amz-%53ignature=<V>",
			"<A>&<C>&<D>&<E>&<H>"},
		{"like the signature, but signed", "<A>&<C>&<D>&<E>&<H>&<S>&x-amz-signature=1",
			"<A>&<C>&<D>&<E>&<H>&x-amz-signature=1"},
		{"like the date, but ignored", "<A>&<C>&<D>&<E>&<H>&<S>&x-amz-date=noon&Date=noon",
			"Date=noon&<A>&<C>&<D>&<E>&<H>&x-amz-date=noon"},
		{"date also empty, before", "X-Amz-Date=&<A>&<C>&<D>&<E>&<H>&<S>",
			"<A>&<C>&X-Amz-Date=&<D>&<E>&<H>"},
		{"date also empty, after", "<A>&<C>&<D>&<E>&<H>&<S>&X-Amz-Date",
			"<A>&<C>&X-Amz-Date=&<D>&<E>&<H>"},
		{"empty token", "<A>&<C>&<D>&<E>&<H>&<S>&X-Amz-Security-Token=",
			"<A>&<C>&<D>&<E>&X-Amz-Security-Token=&<H>"},
	}
	p := strings.Split(signedQuery, "&")
	fill := strings.NewReplacer("<A>", p[0], "<C>", p[1], "<D>", p[2], "<E>", p[3], "<H>", p[4],
		"<S>", "X-Amz-Signature=<S>", "<V>", "<S>")
	v := newVerifier()
	for _, test := range tests {
		x := listTags(fill.Replace(test.query), listTagsCanonical(fill.Replace(test.canonical)))
		if err := x.verify(v); err != nil {
			t.Errorf("%s: query %q: got error %v, want success", test.name, x.request.RawQuery, err)
		}
	}
}

func TestPresignedLifetime(t *testing.T) {
	const m, s, week = time.Minute, time.Second, 7 * 24 * time.Hour
	tests := []struct {
		name    string
		maxSkew time.Duration
		expires string
		age     time.Duration // our clock, by how much it is past the signature's date
		want    parley.Code
	}{
		{"new", 0, "300", 0, noError},
		{"oldest", 0, "300", 300 * s, noError},
		{"within the same second", 0, "300", 301*s - 1, noError},
		{"too old", 0, "300", 301 * s, parley.InvalidSignature},
		{"shortest, oldest", 0, "1", s, noError},
		{"shortest, too old", 0, "1", 2 * s, parley.InvalidSignature},
		{"longest, oldest", 0, "604800", week, noError},
		{"longest, too old", 0, "604800", week + s, parley.InvalidSignature},
		{"leading zeros", 0, "0000000060", 60 * s, noError},
		{"newest", 0, "1", -5 * m, noError},
		{"too new", 0, "604800", -5*m - s, parley.InvalidSignature},
		{"15 minutes, newest", 15 * m, "1", -15 * m, noError},
		{"15 minutes, too new", 15 * m, "604800", -15*m - s, parley.InvalidSignature},
		{"15 minutes do not prolong it", 15 * m, "60", 61 * s, parley.InvalidSignature},
	}
	for _, test := range tests {
		v := sigv4.New(sigv4.Config{Regions: []string{captureRegion}, MaxSkew: test.maxSkew})
		x := presignedListTags(strings.Replace(signedQuery, "=300", "="+test.expires, 1))
		x.now = noon.Add(test.age)
		if got := codeOf(x.verify(v)); got != test.want {
			t.Errorf("%s: X-Amz-Expires %s, MaxSkew %v, clock %v ahead of the date: "+
				"got code %v, want %v", test.name, test.expires, test.maxSkew, test.age, got, test.want)
		}
	}
}

func TestPresignedSessionToken(t *testing.T) {
	const name = "X-Amz-Security-Token"
	forever := time.Time{}
	tests := []struct {
		name    string
		signed  string // what the query that is signed has, if anything
		sent    string // likewise, as received
		header  string
		held    string // by the key
		expires time.Time
		want    told
	}{
		{"signed", "t%2F1%3D%3D", "t%2F1%3D%3D", "", "t/1==", forever, told{}},
		{"added after signing", "", "t%2F1%3D%3D", "", "t/1==", forever, told{}},
		{"signed another", "t%2F2", "t%2F1%3D%3D", "", "t/1==", forever,
			told{parley.InvalidSignature, mismatchText}},
		{"taken away", "t%2F1%3D%3D", "", "", "t/1==", forever,
			told{parley.InvalidSignature, mismatchText}},
		{"moved to the header", "t%2F1%3D%3D", "", "t/1==", "t/1==", forever,
			told{parley.InvalidSignature, mismatchText}},
		{"wrong", "t%2F2", "t%2F2", "", "t/1==", forever,
			told{parley.UnrecognizedClient, badTokenText}},
		{"wrong, unsigned", "", "t%2F2", "", "t/1==", forever,
			told{parley.UnrecognizedClient, badTokenText}},
		{"wrong, right in the header", "t%2F2", "t%2F2", "t/1==", "t/1==", forever,
			told{parley.UnrecognizedClient, badTokenText}},
		{"in the header only", "", "", "t/1==", "t/1==", forever,
			told{parley.UnrecognizedClient, badTokenText}},
		{"not sent", "", "", "", "t/1==", forever, told{parley.UnrecognizedClient, badTokenText}},
		{"sent for a long-lived key", "t", "t", "", "", forever,
			told{parley.UnrecognizedClient, badTokenText}},
		{"header for a long-lived key", "", "", "t", "", forever, told{}},
		{"last moment", "t", "t", "", "t", noon.Add(time.Nanosecond), told{}},
		{"just expired", "t", "t", "", "t", noon, told{parley.ExpiredToken, expiredText}},
		{"expired, long-lived key", "", "", "", "", noon, told{parley.ExpiredToken, expiredText}},
	}
	v := newVerifier()
	with := func(token string) string {
		if token == "" {
			return signedQuery
		}
		return strings.Replace(signedQuery, "&X-Amz-S", "&"+name+"="+token+"&X-Amz-S", 1)
	}
	for _, test := range tests {
		x := listTags(with(test.sent)+"&X-Amz-Signature=<S>", listTagsCanonical(with(test.signed)))
		x.key.SessionToken, x.key.Expires = test.held, test.expires
		if test.header != "" {
			x.request.Header.Set(name, test.header)
		}
		if diff := cmp.Diff(test.want, toldOf(x.verify(v))); diff != "" {
			t.Errorf("%s: query %q, header %q, key has %q until %v: told (-want +got):\n%s",
				test.name, x.request.RawQuery, test.header, test.held, test.expires, diff)
		}
	}
}

// The dates of an ordinary request's headers say nothing of a presigned one.
func TestPresignedDateIsThatOfTheQuery(t *testing.T) {
	x := presignedListTags(signedQuery)
	x.request.Header.Set("X-Amz-Date", "20201122T120000Z")
	x.request.Header.Set("Date", "yesterday")
	if err := x.verify(newVerifier()); err != nil {
		t.Errorf("header %v: got error %v, want success", x.request.Header, err)
	}
}

// A presigned request may be written down for signing in all the ways that the
// header form may be.
func TestPresignedPathsAndHosts(t *testing.T) {
	const again, asSent = "/tags/a%253Ab", "/tags/a%3Ab"
	const token = "&X-Amz-Security-Token=t%2F1%3D%3D"
	tests := []struct {
		name, received, path, host string
		token                      string // added after signing
		want                       parley.Code
	}{
		{"as received", asSent, again, "chat.example:8080", "", noError},
		{"without port", asSent, again, "chat.example", "", noError},
		{"public", asSent, again, "chat.example.com", "", noError},
		{"path as sent", asSent, asSent, "chat.example:8080", "", noError},
		{"path as sent, without port", asSent, asSent, "chat.example", "", noError},
		{"path as sent, public", asSent, asSent, "chat.example.com", "", noError},
		{"token unsigned", asSent, again, "chat.example:8080", token, noError},
		{"path as sent, public, token unsigned", asSent, asSent, "chat.example.com", token, noError},
		{"plain path, token unsigned", "/tags/ab", "/tags/ab", "chat.example", token, noError},
		{"path decoded", asSent, "/tags/a:b", "chat.example:8080", "", parley.InvalidSignature},
		{"other host", asSent, again, "other.example", "", parley.InvalidSignature},
	}
	v := sigv4.New(sigv4.Config{
		Regions: []string{captureRegion}, Hosts: []string{"chat.example.com"},
	})
	for _, test := range tests {
		x := listTags(signedQuery+"&X-Amz-Signature=<S>"+test.token, strings.NewReplacer(
			again, test.path, "chat.example:8080", test.host).Replace(listTagsCanonical(signedQuery)))
		if x.request.Path = test.received; test.token != "" {
			x.key.SessionToken = "t/1=="
		}
		if got := codeOf(x.verify(v)); got != test.want {
			t.Errorf("%s: path %q, signed path %q, host %q: got code %v, want %v",
				test.name, test.received, test.path, test.host, got, test.want)
		}
	}
}

// What is hashed is the body that arrives, whatever the method.
func TestPresignedBody(t *testing.T) {
	const unsigned = "UNSIGNED-PAYLOAD"
	mismatch := told{parley.InvalidSignature, mismatchText}
	payload := told{parley.InvalidSignature, payloadText}
	tests := []struct {
		name, method, hash string // as signed
		claimed            []string
		body               string
		want               told
	}{
		{"GET", "GET", emptySHA256, nil, "", told{}},
		{"DELETE", "DELETE", emptySHA256, nil, "", told{}},
		{"POST", "POST", emptySHA256, nil, "", told{}},
		{"POST, body signed", "POST", hexSHA256("{}"), nil, "{}", told{}},
		{"POST, body added", "POST", emptySHA256, nil, "{}", mismatch},
		{"GET, body added", "GET", emptySHA256, nil, "{}", mismatch},
		{"body dropped", "POST", hexSHA256("{}"), nil, "", mismatch},
		{"unsigned", "GET", unsigned, nil, "", mismatch},
		{"unsigned, and said so", "GET", unsigned, []string{unsigned}, "", payload},
		{"hash claimed", "GET", emptySHA256, []string{emptySHA256}, "", told{}},
		{"another hash claimed", "GET", emptySHA256, []string{hexSHA256("{}")}, "", payload},
	}
	v := newVerifier()
	for _, test := range tests {
		x := listTags(signedQuery+"&X-Amz-Signature=<S>", strings.NewReplacer(
			"GET", test.method, emptySHA256, test.hash).Replace(listTagsCanonical(signedQuery)))
		x.request.Method, x.body = test.method, []byte(test.body)
		x.request.Header["X-Amz-Content-Sha256"] = test.claimed
		if diff := cmp.Diff(test.want, toldOf(x.verify(v))); diff != "" {
			t.Errorf("%s: %s with body %q, hash %q signed, %q claimed: told (-want +got):\n%s",
				test.name, test.method, test.body, test.hash, test.claimed, diff)
		}
	}
}

// UNSIGNED-PAYLOAD is no more acceptable when the query says it, as S3 clients do.
func TestPresignedUnsignedPayloadInTheQuery(t *testing.T) {
	p := strings.Split(signedQuery, "&X-Amz-Credential")
	query := p[0] + "&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&X-Amz-Credential" + p[1]
	x := listTags(query+"&X-Amz-Signature=<S>",
		strings.Replace(listTagsCanonical(query), emptySHA256, "UNSIGNED-PAYLOAD", 1))
	want := told{parley.InvalidSignature, mismatchText}
	if diff := cmp.Diff(want, toldOf(x.verify(newVerifier()))); diff != "" {
		t.Errorf("query %q: told (-want +got):\n%s", x.request.RawQuery, diff)
	}
}
