package listen_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/listen"
)

// proxies are the trusted ones of these tests.
var proxies = listen.Trusted{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32"),
}

// forwarded sends a request from a peer through a door. Headers are lines of name
// and value.
func forwarded(t testing.TB, header listen.Header, peer string, secure bool, headers ...string) (
	client string, tls bool,
) {
	t.Helper()
	d := listen.New(listen.Config{Trusted: proxies, Header: header})
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = peer
	if secure {
		r.TLS = &connectionState
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	before := *r
	d.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		client, tls = r.RemoteAddr, r.TLS != nil
	})).ServeHTTP(httptest.NewRecorder(), r)
	if r.RemoteAddr != before.RemoteAddr || r.TLS != before.TLS {
		t.Error("the request of the HTTP server was changed, not a copy of it")
	}
	return client, tls
}

var connectionState tls.ConnectionState

func TestForwardedFor(t *testing.T) {
	const xff, xfp = "X-Forwarded-For: ", "X-Forwarded-Proto: "
	for _, test := range []struct {
		name, peer string
		headers    []string
		want       string
	}{
		{"no header", "10.0.0.1:1", nil, "10.0.0.1:1"},
		{"one address", "10.0.0.1:1", []string{xff + "203.0.113.7"}, "203.0.113.7:0"},
		{"the proxy's own protocol", "10.0.0.1:1", []string{xff + "203.0.113.7", xfp + "https"},
			"203.0.113.7:0 TLS"},
		{"of two protocols the nearest", "10.0.0.1:1",
			[]string{xff + "203.0.113.7", xfp + "https, http"}, "203.0.113.7:0"},
		{"a protocol without an address", "10.0.0.1:1", []string{xfp + "HTTPS"}, "10.0.0.1:1 TLS"},
		{"a protocol that is none", "10.0.0.1:1", []string{xff + "203.0.113.7", xfp + "on"},
			"203.0.113.7:0"},
		{"what the client invented", "10.0.0.1:1", []string{xff + "127.0.0.1, 203.0.113.7"},
			"203.0.113.7:0"},
		{"invented in a line of its own", "10.0.0.1:1",
			[]string{xff + "127.0.0.1", xff + "203.0.113.7"}, "203.0.113.7:0"},
		{"a chain of proxies", "10.0.0.1:1", []string{xff + "127.0.0.1, 203.0.113.7, 10.0.0.3,10.0.0.2"},
			"203.0.113.7:0"},
		{"a chain in lines", "10.0.0.1:1",
			[]string{xff + "127.0.0.1, 203.0.113.7", xff + "10.0.0.3, 10.0.0.2"}, "203.0.113.7:0"},
		{"proxies alone", "10.0.0.1:1", []string{xff + "10.0.0.3, 10.0.0.2"}, "10.0.0.3:0"},
		{"not an address", "10.0.0.1:1", []string{xff + "203.0.113.7, unknown"}, "10.0.0.1:1"},
		{"not an address further on", "10.0.0.1:1", []string{xff + "203.0.113.7, ?, 10.0.0.2"},
			"10.0.0.2:0"},
		{"nothing between commas", "10.0.0.1:1", []string{xff + "203.0.113.7,,10.0.0.2"}, "10.0.0.2:0"},
		{"nothing", "10.0.0.1:1", []string{xff + ""}, "10.0.0.1:1"},
		{"a network", "10.0.0.1:1", []string{xff + "203.0.113.0/24"}, "10.0.0.1:1"},
		{"with a port", "10.0.0.1:1", []string{xff + "203.0.113.7:4711"}, "203.0.113.7:4711"},
		{"IPv6", "[2001:db8::1]:1", []string{xff + "2001:DB9:0::7"}, "[2001:db9::7]:0"},
		{"IPv6 in brackets", "10.0.0.1:1", []string{xff + "[2001:db9::7]"}, "[2001:db9::7]:0"},
		{"IPv6 with a port", "10.0.0.1:1", []string{xff + "[2001:db9::7]:4711"}, "[2001:db9::7]:4711"},
		{"IPv6 with a zone", "10.0.0.1:1", []string{xff + "fe80::1%eth0"}, "10.0.0.1:1"},
		{"IPv6 with a zone and a port", "10.0.0.1:1", []string{xff + "[fe80::1%a]:1"}, "10.0.0.1:1"},
		{"half a bracket", "10.0.0.1:1", []string{xff + "[2001:db9::7"}, "10.0.0.1:1"},
		{"IPv4 in brackets", "10.0.0.1:1", []string{xff + "[203.0.113.7]"}, "10.0.0.1:1"},
		{"IPv4 as IPv6", "10.0.0.1:1", []string{xff + "::ffff:203.0.113.7"}, "203.0.113.7:0"},
		{"a proxy as IPv6", "[::ffff:10.0.0.1]:1", []string{xff + "203.0.113.7, ::ffff:10.0.0.2"},
			"203.0.113.7:0"},
		{"the other header", "10.0.0.1:1", []string{"Forwarded: for=203.0.113.7;proto=https"},
			"10.0.0.1:1"},
		{"not from a proxy", "203.0.113.9:1", []string{xff + "203.0.113.7", xfp + "https"},
			"203.0.113.9:1"},
		{"from nowhere", "@", []string{xff + "203.0.113.7"}, "@"},
	} {
		got, secure := forwarded(t, listen.ForwardedFor, test.peer, false, test.headers...)
		if secure {
			got += " TLS"
		}
		if got != test.want {
			t.Errorf("%s: from %s with %q, the client is %s, want %s",
				test.name, test.peer, test.headers, got, test.want)
		}
	}
}

func TestForwarded(t *testing.T) {
	const fwd = "Forwarded: "
	for _, test := range []struct {
		name    string
		headers []string
		want    string
	}{
		{"one element", []string{fwd + "for=203.0.113.7"}, "203.0.113.7:0"},
		{"all of it", []string{fwd + `by=10.0.0.1;For="203.0.113.7:4711"; PROTO=HTTPS;host=a`},
			"203.0.113.7:4711 TLS"},
		{"IPv6", []string{fwd + `for="[2001:db9::7]:4711";proto=http`}, "[2001:db9::7]:4711"},
		{"what the client invented", []string{fwd + "for=127.0.0.1;proto=https, for=203.0.113.7"},
			"203.0.113.7:0"},
		{"the client's own protocol", []string{fwd + "for=203.0.113.7;proto=https, for=10.0.0.2"},
			"203.0.113.7:0 TLS"},
		{"a quote left open by the client", []string{fwd + `for=127.0.0.1;x=", for=203.0.113.7`},
			"203.0.113.7:0"},
		{"a quote left open around an address", []string{fwd + `for="127.0.0.1, for=203.0.113.7`},
			"203.0.113.7:0"},
		{"quotes left open on both sides", []string{fwd + `for=", for=203.0.113.7, x="`}, "10.0.0.1:1"},
		{"separators in quotes", []string{fwd + `for=127.0.0.1, for=203.0.113.7;host="a;for=b,c"`},
			"203.0.113.7:0"},
		{"hidden", []string{fwd + "for=203.0.113.7, for=_hidden"}, "10.0.0.1:1"},
		{"unknown", []string{fwd + "for=203.0.113.7, for=unknown, for=10.0.0.2"}, "10.0.0.2:0"},
		{"without an address", []string{fwd + "for=203.0.113.7, proto=https"}, "10.0.0.1:1"},
		{"two addresses", []string{fwd + "for=203.0.113.7;for=127.0.0.1"}, "10.0.0.1:1"},
		{"two protocols", []string{fwd + "for=203.0.113.7;proto=http;proto=https"}, "10.0.0.1:1"},
		{"no pairs", []string{fwd + "203.0.113.7"}, "10.0.0.1:1"},
		{"nothing", []string{fwd + ""}, "10.0.0.1:1"},
		{"the other header", []string{"X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https"},
			"10.0.0.1:1"},
	} {
		got, secure := forwarded(t, listen.Forwarded, "10.0.0.1:1", false, test.headers...)
		if secure {
			got += " TLS"
		}
		if got != test.want {
			t.Errorf("%s: with %q, the client is %s, want %s", test.name, test.headers, got, test.want)
		}
	}
}

// TestForwardedOverTLS checks what is said of a request that comes over TLS from the
// proxy.
func TestForwardedOverTLS(t *testing.T) {
	for _, test := range []struct {
		peer, proto string
		want        bool
	}{
		{"10.0.0.1:1", "https", true}, {"10.0.0.1:1", "http", false}, {"10.0.0.1:1", "", true},
		{"203.0.113.9:1", "http", true},
	} {
		_, got := forwarded(t, listen.ForwardedFor, test.peer, true, "X-Forwarded-Proto: "+test.proto)
		if got != test.want {
			t.Errorf("from %s with protocol %q, the client uses TLS: %t, want %t",
				test.peer, test.proto, got, test.want)
		}
	}
}

// TestNobodyIsTrusted checks that without trusted proxies no header counts, and that
// requests are not even looked at.
func TestNobodyIsTrusted(t *testing.T) {
	d := listen.New(listen.Config{})
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("X-Forwarded-For", "203.0.113.7")
	d.Handler(http.HandlerFunc(func(_ http.ResponseWriter, got *http.Request) {
		if got != r {
			t.Errorf("the request is a copy, with the address %s", got.RemoteAddr)
		}
	})).ServeHTTP(httptest.NewRecorder(), r)
}

func TestParseTrusted(t *testing.T) {
	got, err := listen.ParseTrusted([]string{"10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::1"})
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]bool{
		"10.0.0.0": true, "10.255.255.255": true, "9.255.255.255": false, "11.0.0.0": false,
		"192.0.2.1": true, "192.0.2.2": false, "::ffff:192.0.2.1": true,
		"2001:db8:ffff::": true, "2001:db9::": false, "::1": true, "::1%lo": true, "::2": false,
	} {
		if got.Has(netip.MustParseAddr(addr)) != want {
			t.Errorf("%s is trusted: %t, want %t", addr, !want, want)
		}
	}
	_, err = listen.ParseTrusted([]string{
		"10.0.0.1/8", "10.0.0.0/8", "lb.internal", "::ffff:10.0.0.1", "",
	})
	want := `"10.0.0.1/8" is one address of the network 10.0.0.0/8: name one of the two
"lb.internal" is neither an address nor a network such as 10.0.0.0/8
"::ffff:10.0.0.1": write an IPv4 address without ::ffff: in front
"" is neither an address nor a network such as 10.0.0.0/8`
	if err == nil || err.Error() != want {
		t.Errorf("wrong addresses: %v\nwant %s", err, want)
	}
}

// FuzzForwarded checks that whatever the headers say, the client has an address that
// others can read, and that it is one the proxy wrote or the proxy itself when the
// client's own part is cut off from it.
func FuzzForwarded(f *testing.F) {
	for _, seed := range []string{"", "203.0.113.7, 10.0.0.2", `for="[2001:db9::7]:1";proto=https`,
		`for=", for=1.2.3.4`, "[::1]:1,[::1", `;;,,"",`, "unknown"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, header := range []listen.Header{listen.ForwardedFor, listen.Forwarded} {
			client, _ := forwarded(t, header, "10.0.0.1:1", false,
				"X-Forwarded-For: "+value, "Forwarded: "+value)
			if addr, err := netip.ParseAddrPort(client); err != nil || addr.Addr().Is4In6() {
				t.Errorf("%s: %q makes the client %q (%v)", header, value, client, err)
			}
			appended := map[listen.Header]string{
				listen.ForwardedFor: "203.0.113.7", listen.Forwarded: "for=203.0.113.7"}[header]
			client, _ = forwarded(t, header, "10.0.0.1:1", false,
				"X-Forwarded-For: "+value+", "+appended, "Forwarded: "+value+", "+appended)
			if client != "203.0.113.7:0" {
				t.Errorf("%s: %q before what the proxy wrote makes the client %s, want 203.0.113.7",
					header, value, client)
			}
		}
	})
}
