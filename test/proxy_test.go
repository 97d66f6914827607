package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/pires/go-proxyproto"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/app/config"
	"github.com/parley-chat/parley/internal/parleytest"
)

// tunnel passes on what it gets, over connections that dial opens, as a balancer of
// TCP connections does. It returns the URL of its own end, which is without TLS.
func tunnel(t *testing.T, dial func() (net.Conn, error)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex // guards conns
	var conns []net.Conn
	all.Go(func() {
		for near, err := l.Accept(); err == nil; near, err = l.Accept() {
			far, err := dial()
			if err != nil {
				t.Errorf("tunnel: %v", err)
				_ = near.Close()
				continue
			}
			mu.Lock()
			conns = append(conns, near, far)
			mu.Unlock()
			all.Go(func() { pass(near, far) })
			all.Go(func() { pass(far, near) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, conn := range conns {
			_ = conn.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return "http://" + l.Addr().String()
}

// pass copies until one side ends, which ends both.
func pass(from, to net.Conn) {
	_, _ = io.Copy(to, from)
	_ = from.Close()
	_ = to.Close()
}

// balancer returns the URL of a tunnel that says, by the PROXY protocol, that its
// connections are those of a client. Without a client it speaks for itself.
func balancer(t *testing.T, srv *parleytest.Server, version byte, client string) string {
	t.Helper()
	header := &proxyproto.Header{Version: 2, Command: proxyproto.LOCAL}
	if client != "" {
		header = proxyproto.HeaderProxyFromAddrs(version,
			net.TCPAddrFromAddrPort(netip.MustParseAddrPort(client)), srv.Addr())
	}
	return tunnel(t, func() (net.Conn, error) {
		conn, err := net.Dial("tcp", srv.Addr().String())
		if err == nil {
			_, err = header.WriteTo(conn)
		}
		return conn, err
	})
}

// reverseProxy returns the URL of a proxy of requests that sets headers, and passes on
// those of its client.
func reverseProxy(t *testing.T, backend string, headers map[string]string) string {
	t.Helper()
	target, err := url.Parse(backend)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
			r.Out.Host = r.In.Host // it was signed
			for name, value := range headers {
				r.Out.Header.Set(name, value)
			}
		},
	})
	t.Cleanup(func() {
		proxy.Close()
		transport.CloseIdleConnections()
	})
	return proxy.URL
}

// who tells what the server knows of where calls come from: by the policies of two
// users, and by its audit log.
type who struct {
	audit string
}

// settings has two users: one may list rooms from 203.0.113.0/24 or 2001:db8::/32, and
// the other over TLS.
func (w *who) settings(t *testing.T) func(*app.Config) {
	t.Setenv("PARLEY_TEST_SECRET", "secret")
	w.audit = filepath.Join(t.TempDir(), "audit.log")
	user := func(name, conditions string) config.UserConfig {
		var policy map[string]any
		err := json.Unmarshal([]byte(`{"Version": "2012-10-17", "Statement": {"Effect": "Allow",
			"Action": "*", "Resource": "*", "Condition": `+conditions+`}}`), &policy)
		if err != nil {
			t.Fatal(err)
		}
		return config.UserConfig{
			Name:       name,
			AccessKeys: []config.AccessKeyConfig{{ID: name, SecretEnv: "PARLEY_TEST_SECRET"}},
			Policies:   []any{policy},
		}
	}
	return func(cfg *app.Config) {
		cfg.AuditLog = w.audit
		cfg.Accounts = []config.AccountConfig{{ID: "111111111111", Users: []config.UserConfig{
			user("NEAR", `{"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:db8::/32"]}}`),
			user("SECURE", `{"Bool": {"aws:SecureTransport": true}}`),
		}}}
	}
}

// ask makes a call as each user, and returns the address in the audit log and who was
// allowed to make it.
func (w *who) ask(t *testing.T, url string) string {
	t.Helper()
	c := parleytest.Anonymous(t, url)
	var allowed string
	for _, user := range []string{"NEAR", "SECURE"} {
		if a := c.As(user, "secret").Call(t, "ListRooms", nil); a.Status == http.StatusOK {
			allowed += " " + user
		} else if a.Error != "AccessDeniedException" {
			t.Errorf("ListRooms as %s: %+v", user, a)
		}
	}
	text, err := os.ReadFile(w.audit)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	var last struct{ SourceIPAddress string }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatal(err)
	}
	return last.SourceIPAddress + allowed
}

// balanced demands the PROXY protocol of balancers on this machine.
func balanced(cfg *app.Config) {
	cfg.ProxyProtocol, cfg.TrustedProxies = true, []string{"127.0.0.0/8"}
}

func TestProxyProtocol(t *testing.T) {
	var w who
	srv := parleytest.StartOne(t, balanced, w.settings(t))
	for _, test := range []struct {
		name    string
		version byte
		client  string
		want    string
	}{
		{"version 1", 1, "203.0.113.7:4711", "203.0.113.7 NEAR"},
		{"version 2", 2, "203.0.113.7:4711", "203.0.113.7 NEAR"},
		{"another client", 2, "198.51.100.7:4711", "198.51.100.7"},
		{"IPv6", 2, "[2001:db8::7]:4711", "2001:db8::7 NEAR"},
		{"IPv4 as IPv6", 2, "[::ffff:203.0.113.7]:4711", "203.0.113.7 NEAR"},
		{"the balancer itself", 2, "", "127.0.0.1"},
	} {
		if got := w.ask(t, balancer(t, srv, test.version, test.client)); got != test.want {
			t.Errorf("%s: called from %s, want %s", test.name, got, test.want)
		}
	}
	// A client that says of itself where it is behind is not believed.
	spoofing := reverseProxy(t, balancer(t, srv, 2, "198.51.100.7:4711"),
		map[string]string{"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"})
	if got := w.ask(t, spoofing); got != "198.51.100.7" {
		t.Errorf("a client with a header of a proxy: called from %s, want 198.51.100.7", got)
	}
}

// TestSessionBehindABalancer checks that a session works behind the PROXY protocol,
// with and without TLS inside.
func TestSessionBehindABalancer(t *testing.T) {
	id := newIdentity(t)
	for name, settings := range map[string]func(*app.Config){
		"plain": func(*app.Config) {}, "TLS": id.settings,
	} {
		t.Run(name, func(t *testing.T) {
			srv := parleytest.StartOne(t, balanced, settings)
			url := balancer(t, srv, 2, "203.0.113.7:4711")
			if name == "TLS" {
				address := strings.TrimPrefix(url, "http://")
				url = tunnel(t, func() (net.Conn, error) { return id.dial(address, nil) })
			}
			c := parleytest.Anonymous(t, url).As("test", "test")
			ana := c.Join(t, c.CreateRoom(t, nil), "ana", "SEND_MESSAGE")
			for i := range 3 {
				ana.Say(t, fmt.Sprint(i))
				if got := ana.Next(t); got.Content != fmt.Sprint(i) {
					t.Errorf("received %+v, want message %d", got, i)
				}
			}
		})
	}
}

// TestProxyProtocolIsDemanded checks what happens to connections that come without a
// header, or from somewhere else.
func TestProxyProtocolIsDemanded(t *testing.T) {
	for name, test := range map[string]struct {
		trusted, head, reason string
	}{
		"no header":      {"127.0.0.1", "", "no_proxy_header"},
		"broken header":  {"127.0.0.1", "PROXY TCP4 10.0.0.1\r\n", "no_proxy_header"},
		"from elsewhere": {"10.0.0.0/8", "", "untrusted_peer"},
		"spoofed header": {"10.0.0.0/8", "PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n", "untrusted_peer"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := parleytest.StartOne(t, func(cfg *app.Config) {
				cfg.ProxyProtocol, cfg.TrustedProxies = true, []string{test.trusted}
			})
			conn, err := net.Dial("tcp", srv.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, test.head+"GET / HTTP/1.1\r\nHost: a\r\n\r\n") // it may be gone
			if got, err := io.ReadAll(conn); len(got) > 0 {
				t.Errorf("answered %q (%v), want the end of the connection", got, err)
			}
			want := fmt.Sprintf("parley_connections_dropped_total{reason=%q} 1\n", test.reason)
			if got := adminPage(t, srv, "/metrics"); !strings.Contains(got, want) {
				t.Errorf("the metrics lack %s", want)
			}
		})
	}
}

// adminPage reads a page of the admin listener.
func adminPage(t *testing.T, srv *parleytest.Server, path string) string {
	t.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Get(srv.Admin + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestForwardingHeaders(t *testing.T) {
	const xff, xfp, fwd = "X-Forwarded-For", "X-Forwarded-Proto", "Forwarded"
	believing := func(cfg *app.Config) {
		cfg.TrustedProxies = []string{"127.0.0.1", "10.0.0.0/8"}
	}
	standard := func(cfg *app.Config) {
		believing(cfg)
		cfg.ForwardedHeader = "Forwarded"
	}
	strangers := func(cfg *app.Config) { cfg.TrustedProxies = []string{"10.0.0.0/8"} }
	nobody := func(*app.Config) {}
	for _, test := range []struct {
		name     string
		settings func(*app.Config)
		headers  map[string]string
		want     string
	}{
		{"client", believing, map[string]string{xff: "203.0.113.7", xfp: "http"}, "203.0.113.7 NEAR"},
		{"client over TLS", believing, map[string]string{xff: "198.51.100.7", xfp: "https"},
			"198.51.100.7 SECURE"},
		{"chain", believing, map[string]string{xff: "203.0.113.7, 198.51.100.7, 10.1.2.3"},
			"198.51.100.7"},
		{"IPv6", believing, map[string]string{xff: "2001:db8::7"}, "2001:db8::7 NEAR"},
		{"no header", believing, nil, "127.0.0.1"},
		{"not an address", believing, map[string]string{xff: "203.0.113.7, unknown"}, "127.0.0.1"},
		{"header that is not read", believing, map[string]string{fwd: "for=203.0.113.7;proto=https"},
			"127.0.0.1"},
		{"Forwarded", standard,
			map[string]string{fwd: `for="[2001:db8::7]:1";proto=https, for=10.0.0.1`},
			"2001:db8::7 NEAR SECURE"},
		{"the other header", standard, map[string]string{xff: "203.0.113.7", xfp: "https"}, "127.0.0.1"},
		{"from a stranger", strangers, map[string]string{xff: "203.0.113.7", xfp: "https"}, "127.0.0.1"},
		{"nobody is trusted", nobody, map[string]string{xff: "203.0.113.7", xfp: "https"}, "127.0.0.1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var w who
			srv := parleytest.StartOne(t, test.settings, w.settings(t))
			if got := w.ask(t, reverseProxy(t, srv.URL, test.headers)); got != test.want {
				t.Errorf("called from %s, want %s", got, test.want)
			}
		})
	}
}

// TestSecureTransport checks that a connection over TLS counts as one without any
// proxy.
func TestSecureTransport(t *testing.T) {
	var w who
	id := newIdentity(t)
	srv := parleytest.StartOne(t, id.settings, w.settings(t))
	url := tunnel(t, func() (net.Conn, error) { return id.dial(srv.Addr().String(), nil) })
	if got := w.ask(t, url); got != "127.0.0.1 SECURE" {
		t.Errorf("called from %s, want 127.0.0.1 SECURE", got)
	}
}

// TestConnectionsThatAreNoSessions opens more than there may be. A client that comes
// then is served, and sessions take no places.
func TestConnectionsThatAreNoSessions(t *testing.T) {
	const places = 10
	srv := parleytest.StartOne(t, func(cfg *app.Config) {
		cfg.HTTPConnections, cfg.HTTPConnectionsPerAddress = places, places
	})
	room := srv.CreateRoom(t, nil)
	var users []*parleytest.User
	for i := range 2 * places {
		users = append(users, srv.Join(t, room, fmt.Sprint("user", i), "SEND_MESSAGE"))
	}
	silent := make([]net.Conn, 3*places)
	for i := range silent {
		conn, err := net.Dial("tcp", srv.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		silent[i] = conn
	}
	users = append(users, srv.Join(t, room, "late", "SEND_MESSAGE"))
	for i, conn := range silent[:2*places] {
		if n, err := conn.Read(make([]byte, 1)); err == nil {
			t.Fatalf("silent connection %d read %d bytes, want its end", i+1, n)
		}
	}
	users[0].Say(t, "all here")
	for _, user := range users {
		if got := user.Next(t); got.Content != "all here" {
			t.Errorf("%s received %+v", user.ID, got)
		}
	}
	metrics := adminPage(t, srv, "/metrics")
	if !strings.Contains(metrics, `parley_connections_dropped_total{reason="too_many`) {
		t.Error("the metrics count no dropped connections")
	}
}

// TestConnectionsPerAddress opens sessions from two clients behind one balancer, each
// of whom may have two.
func TestConnectionsPerAddress(t *testing.T) {
	srv := parleytest.StartOne(t, balanced, func(cfg *app.Config) {
		cfg.Limits = map[string]int{"connections_per_address": 2}
	})
	client := func(address string) *parleytest.Client {
		return parleytest.Anonymous(t, balancer(t, srv, 2, address)).As("test", "test")
	}
	one, same := client("[2001:db8::1]:1"), client("[2001:db8::ffff:2]:1")
	other := client("203.0.113.7:1")
	room := one.CreateRoom(t, nil)
	ana := one.Join(t, room, "ana")
	same.Join(t, room, "ben")
	other.Join(t, room, "cem")
	other.Join(t, room, "dan")
	for name, c := range map[string]*parleytest.Client{"one": one, "same /64": same, "other": other} {
		_, err := c.Dial(t, c.Token(t, room, "eve"))
		status := ws.StatusError(0)
		if !errors.As(err, &status) || status != http.StatusTooManyRequests {
			t.Errorf("third session of %s: %v, want 429", name, err)
		}
	}
	_ = ana.Conn.Close()
	for deadline := time.Now().Add(30 * time.Second); ; { // until the server has noticed
		_, err := same.Dial(t, same.Token(t, room, "ana"))
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("in the place of one that left: %v", err)
		}
	}
}
