package listen_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/parley-chat/parley/internal/listen"
	"github.com/parley-chat/parley/internal/metrics"
)

// tellAddress answers with the address that a request comes from.
var tellAddress = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, "client "+r.RemoteAddr)
})

const request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

func TestProxyHeader(t *testing.T) {
	udp := format(t, &proxyproto.Header{Version: 2, Command: proxyproto.PROXY,
		TransportProtocol: proxyproto.UDPv4, SourceAddr: &net.UDPAddr{IP: net.IPv4(203, 0, 113, 7)},
		DestinationAddr: &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1)}})
	unix := format(t, &proxyproto.Header{Version: 2, Command: proxyproto.PROXY,
		TransportProtocol: proxyproto.UnixStream, SourceAddr: &net.UnixAddr{Net: "unix", Name: "a"},
		DestinationAddr: &net.UnixAddr{Net: "unix", Name: "b"}})
	v2 := proxyHeader(t, 2, "203.0.113.7:4711")
	const self, dropped = "the proxy", "dropped"
	for _, test := range []struct{ name, head, want string }{
		{"version 1", "PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n", "203.0.113.7:4711"},
		{"version 1, IPv6", "PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n", "[2001:db8::7]:4711"},
		{"version 1, UNKNOWN", "PROXY UNKNOWN\r\n", self},
		{"version 1, UNKNOWN with addresses", "PROXY UNKNOWN 1.2.3.4 5.6.7.8 1 2\r\n", self},
		{"version 2", v2, "203.0.113.7:4711"},
		{"version 2, IPv6", proxyHeader(t, 2, "[2001:db8::7]:4711"), "[2001:db8::7]:4711"},
		{"version 2, IPv4 as IPv6", proxyHeader(t, 2, "[::ffff:203.0.113.7]:4711"), "203.0.113.7:4711"},
		{"version 2, LOCAL", localHeader(t), self},
		{"version 2, LOCAL with addresses", strings.Replace(v2, "\x21\x11", "\x20\x11", 1), self},
		{"version 2 with more", v2[:14] + "\x00\x10" + v2[16:] + "\x04\x00\x01a", "203.0.113.7:4711"},
		{"none", "", dropped},
		{"version 1, broken", "PROXY TCP4 203.0.113.7\r\n", dropped},
		{"version 1 without an end",
			"PROXY TCP4 203.0.113.7 192.0.2.1 4711 443" + strings.Repeat(" ", 100), dropped},
		{"version 1, a name", "PROXY TCP4 localhost 192.0.2.1 4711 443\r\n", dropped},
		{"version 2, other version", strings.Replace(v2, "\x21\x11", "\x31\x11", 1), dropped},
		{"version 2, too long", v2[:14] + "\xff\xff" + v2[16:] + strings.Repeat("a", 5000), dropped},
		{"version 2, UDP", udp, dropped},
		{"version 2, Unix", unix, dropped},
		{"TLS", "\x16\x03\x01\x02\x00", dropped},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := behindProxy
			c.Metrics = metrics.New()
			conn := dial(t, serve(t, c, tellAddress))
			want := test.want
			if want == self {
				want = conn.LocalAddr().String()
			}
			got := ask(t, conn, test.head+request)
			counted := strings.Contains(metricsText(c.Metrics), `{reason="no_proxy_header"} 1`)
			if want == dropped {
				if strings.Contains(got, "HTTP/1.1 200") || !counted {
					t.Errorf("answered %q, counted as dropped: %t, want no answer, counted", got, counted)
				}
				return
			}
			if !strings.HasSuffix(got, "client "+want) || counted {
				t.Errorf("answered %q, counted as dropped: %t, want client %s", got, counted, want)
			}
		})
	}
}

// TestProxyHeaderInPieces sends a header byte by byte: version 2, since version 1
// has to come at once.
func TestProxyHeaderInPieces(t *testing.T) {
	conn := dial(t, serve(t, behindProxy, tellAddress))
	for _, b := range []byte(proxyHeader(t, 2, "203.0.113.7:4711")) {
		if _, err := conn.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	if got := ask(t, conn, request); !strings.HasSuffix(got, "client 203.0.113.7:4711") {
		t.Errorf("answered %q, want client 203.0.113.7:4711", got)
	}
}

// TestSecondProxyHeader checks that what follows the header is the client's own: it
// cannot bring another.
func TestSecondProxyHeader(t *testing.T) {
	conn := dial(t, serve(t, behindProxy, tellAddress))
	spoofed := "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n"
	got := ask(t, conn, proxyHeader(t, 1, "203.0.113.7:4711")+spoofed+request)
	if !strings.HasPrefix(got, "HTTP/1.1 400 ") {
		t.Errorf("answered %q, want 400", got)
	}
}

// TestUntrustedPeer connects from an address that is no trusted proxy.
func TestUntrustedPeer(t *testing.T) {
	c := listen.Config{ProxyProtocol: true, Metrics: metrics.New(),
		Trusted: listen.Trusted{netip.MustParsePrefix("10.0.0.0/8")}}
	address := serve(t, c, tellAddress)
	const spoofed = "10.0.0.1:1"
	for _, head := range []string{"", proxyHeader(t, 1, spoofed), proxyHeader(t, 2, spoofed)} {
		conn := dial(t, address)
		_, _ = io.WriteString(conn, head+request) // the server may be quicker
		if got, err := io.ReadAll(conn); len(got) > 0 {
			t.Errorf("after %q the answer is %q (%v), want none", head, got, err)
		}
	}
	if got := metricsText(c.Metrics); !strings.Contains(got, `{reason="untrusted_peer"} 3`) {
		t.Errorf("counted are %q, want 3 untrusted peers", got)
	}
}

// TestProxyHeaderBeforeTLS checks the order in which proxies send the two, and that
// the request knows of both.
func TestProxyHeaderBeforeTLS(t *testing.T) {
	pair := newPair(t, "one")
	certificate, err := tls.X509KeyPair(pair.certificate, pair.key)
	if err != nil {
		t.Fatal(err)
	}
	c := behindProxy
	c.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	address := serve(t, c, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "client %s, TLS %t", r.RemoteAddr, r.TLS != nil)
	}))
	conn := dial(t, address)
	if _, err := io.WriteString(conn, proxyHeader(t, 2, "203.0.113.7:4711")); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pair.certificate)
	secure := tls.Client(conn, &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"})
	want := "client 203.0.113.7:4711, TLS true"
	if got := ask(t, secure, request); !strings.HasSuffix(got, want) {
		t.Errorf("answered %q, want %s", got, want)
	}
}

// TestProxyHeaderTimeout has a trusted proxy say nothing.
func TestProxyHeaderTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := metrics.New()
		d := door(t, listen.Config{Metrics: m})
		ours, theirs := net.Pipe()
		defer theirs.Close()
		begin := time.Now()
		conn := d.Proxied(ours)
		if got := conn.RemoteAddr(); got != ours.RemoteAddr() {
			t.Errorf("without a header, the client is %v, want the peer", got)
		}
		if took := time.Since(begin); took != 10*time.Second {
			t.Errorf("waited %s for a header, want 10s", took)
		}
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("a connection without a header can be read")
		}
		if _, err := theirs.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the proxy reads %v, want the end of the connection", err)
		}
		if got := metricsText(m); !strings.Contains(got, `{reason="no_proxy_header"} 1`) {
			t.Errorf("counted are %q, want one without a header", got)
		}
	})
}
