package test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/app/config"
	"github.com/parley-chat/parley/internal/parleytest"
)

// identity is a certificate for this machine that signs itself, in two files.
type identity struct {
	dir   string
	roots *x509.CertPool // those who trust all that were in the files
}

func newIdentity(t *testing.T) *identity {
	id := &identity{t.TempDir(), x509.NewCertPool()}
	id.renew(t, "first")
	return id
}

func (id *identity) certFile() string { return filepath.Join(id.dir, "tls.crt") }
func (id *identity) keyFile() string  { return filepath.Join(id.dir, "tls.key") }

// renew puts another certificate and its key into the files.
func (id *identity) renew(t *testing.T, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: name},
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})
	id.roots.AppendCertsFromPEM(text)
	writeFile(t, id.certFile(), text)
	writeFile(t, id.keyFile(), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// settings has a server use the identity.
func (id *identity) settings(cfg *app.Config) {
	cfg.TLS = config.TLSConfig{CertFile: id.certFile(), KeyFile: id.keyFile()}
}

// dial opens a TLS connection; the settings may ask for more than a trusted server.
func (id *identity) dial(address string, settings *tls.Config) (*tls.Conn, error) {
	if settings == nil {
		settings = &tls.Config{}
	}
	settings.RootCAs = id.roots
	dialer := &net.Dialer{Timeout: 30 * time.Second}
	return tls.DialWithDialer(dialer, "tcp", address, settings)
}

// TestTLSVersions checks who may speak to the server.
func TestTLSVersions(t *testing.T) {
	id := newIdentity(t)
	srv := parleytest.StartOne(t, id.settings)
	for version, accepted := range map[uint16]bool{
		tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true,
	} {
		conn, err := id.dial(srv.Addr().String(), &tls.Config{MinVersion: version, MaxVersion: version})
		if (err == nil) != accepted {
			t.Errorf("%s: %v, want accepted: %t", tls.VersionName(version), err, accepted)
		}
		if err == nil {
			_ = conn.Close()
		}
	}
}

// TestProtocolOverTLS checks that everyone speaks HTTP/1.1, in which every request can
// become a session.
func TestProtocolOverTLS(t *testing.T) {
	id := newIdentity(t)
	srv := parleytest.StartOne(t, id.settings)
	for _, test := range []struct {
		offered, chosen, wantErr string
	}{
		{"h2,http/1.1", "http/1.1", ""}, // API clients
		{"http/1.1", "http/1.1", ""},    // browsers and Node that open a WebSocket
		{"", "", ""},
		{"h2", "", "no application protocol"},
		{"acme-tls/1", "", "no application protocol"},
	} {
		settings := &tls.Config{}
		if test.offered != "" {
			settings.NextProtos = strings.Split(test.offered, ",")
		}
		conn, err := id.dial(srv.Addr().String(), settings)
		if err != nil {
			if test.wantErr == "" || !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("offering %q: %v, want %q", test.offered, err, test.wantErr)
			}
			continue
		}
		if got := conn.ConnectionState().NegotiatedProtocol; got != test.chosen || test.wantErr != "" {
			t.Errorf("offering %q: %q was chosen, want %q, error %q",
				test.offered, got, test.chosen, test.wantErr)
		}
		_ = conn.Close()
	}
}

// TestHTTP2WithoutAgreement begins with HTTP/2 as if it had been agreed on.
func TestHTTP2WithoutAgreement(t *testing.T) {
	id := newIdentity(t)
	srv := parleytest.StartOne(t, id.settings)
	conn, err := id.dial(srv.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	got := exchange(t, conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 505 ") {
		t.Errorf("the answer is %q, want 505", got)
	}
}

// TestHTTPToATLSPort checks that someone who forgot the s is told.
func TestHTTPToATLSPort(t *testing.T) {
	id := newIdentity(t)
	srv := parleytest.StartOne(t, id.settings)
	conn, err := net.Dial("tcp", srv.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	got := exchange(t, conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.0 400 ") || !strings.Contains(got, "HTTPS") {
		t.Errorf("the answer is %q, want 400 and a word about HTTPS", got)
	}
}

// TestTLSHandshakeEnds checks that a client does not have for ever to shake hands.
func TestTLSHandshakeEnds(t *testing.T) {
	t.Parallel() // with others that wait
	id := newIdentity(t)
	p := serve(t, "--dev", "--tls-cert="+id.certFile(), "--tls-key="+id.keyFile())
	const hello = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
	conns := map[string]net.Conn{"": nil, hello[:1]: nil, hello: nil}
	for beginning := range conns {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "https://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, beginning); err != nil {
			t.Fatal(err)
		}
		conns[beginning] = conn
	}
	deadline := time.Now().Add(slowAttackBound)
	for beginning, conn := range conns {
		if err := conn.SetReadDeadline(deadline); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); isTimeout(err) {
			t.Errorf("after %q, the server still waits after %s", beginning, slowAttackBound)
		}
	}
	p.stop()
}

// exchange sends text and returns all that comes back.
func exchange(t *testing.T, conn net.Conn, text string) string {
	t.Helper()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil && len(answer) == 0 {
		t.Fatal(err)
	}
	return string(answer)
}

// servedName returns the name of the certificate that a new connection gets.
func (id *identity) servedName(t *testing.T, address string) string {
	t.Helper()
	conn, err := id.dial(address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
}

// TestSessionOutlivesItsCertificate replaces the certificate, by a good one and by bad
// ones, while a session goes on.
func TestSessionOutlivesItsCertificate(t *testing.T) {
	id := newIdentity(t)
	var cfg app.Config
	srv := parleytest.StartOne(t, id.settings, func(c *app.Config) { cfg = *c })
	c := parleytest.Anonymous(t, tunnel(t, func() (net.Conn, error) {
		return id.dial(srv.Addr().String(), nil)
	})).As("test", "test")
	ana := c.Join(t, c.CreateRoom(t, nil), "ana", "SEND_MESSAGE")
	chats := func(after string) {
		t.Helper()
		ana.Say(t, after)
		if got := ana.Next(t); got.Content != after {
			t.Errorf("after %s, received %+v", after, got)
		}
	}
	chats("the handshake")
	for _, test := range []struct {
		change string
		make   func()
		want   string
		ok     bool
	}{
		{"a good certificate", func() { id.renew(t, "second") }, "second", true},
		{"another key", func() {
			certificate, err := os.ReadFile(id.certFile())
			if err != nil {
				t.Fatal(err)
			}
			id.renew(t, "third")
			writeFile(t, id.certFile(), certificate)
		}, "second", false},
		{"no certificate", func() { writeFile(t, id.certFile(), nil) }, "second", false},
		{"a good one again", func() { id.renew(t, "fourth") }, "fourth", true},
	} {
		test.make()
		if err := srv.Reload(cfg); (err == nil) != test.ok {
			t.Errorf("%s: Reload returned %v, want success: %t", test.change, err, test.ok)
		}
		if got := id.servedName(t, srv.Addr().String()); got != test.want {
			t.Errorf("after %s, the certificate is %s, want %s", test.change, got, test.want)
		}
		chats(test.change)
	}
}

// TestCheckOfCertificates checks configuration files that lie beside a certificate.
func TestCheckOfCertificates(t *testing.T) {
	id := newIdentity(t)
	for _, test := range []struct{ tls, want string }{
		{"{cert_file: tls.crt, key_file: tls.key}", ": ok\n"},
		{"{cert_file: " + id.certFile() + ", key_file: " + id.keyFile() + "}", ": ok\n"},
		{"{cert_file: tls.key, key_file: tls.crt}", "PEM inputs may have been switched"},
		{"{cert_file: tls.crt, key_file: other.key}", "private key does not match public key"},
	} {
		key, err := os.ReadFile(newIdentity(t).keyFile())
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(id.dir, "other.key"), key)
		config := filepath.Join(id.dir, "parley.yaml")
		writeFile(t, config, []byte("tls: "+test.tls+"\n"))
		out, err := exec.Command(binary, "config", "check", config).CombinedOutput()
		if ok := test.want == ": ok\n"; (err == nil) != ok || !strings.Contains(string(out), test.want) {
			t.Errorf("tls: %s: %q (%v), want %q", test.tls, out, err, test.want)
		}
	}
}

// TestServeWithTLS runs the command with a certificate: the ready line says https, and
// what it names can be called.
func TestServeWithTLS(t *testing.T) {
	id := newIdentity(t)
	p := serve(t, "--dev", "--tls-cert="+id.certFile(), "--tls-key="+id.keyFile())
	address, ok := strings.CutPrefix(p.url, "https://")
	if !ok {
		t.Fatalf("the ready line names %s, want https", p.url)
	}
	conn, err := id.dial(address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	request := p.signed(t, "ListRooms", "{}")
	request = strings.Replace(request, "Host: "+p.address(), "Host: "+address, 1)
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("ListRooms answered %s, want 200", res.Status)
	}
	if status, _ := p.get("/healthz"); status != http.StatusOK {
		t.Errorf("the admin listener answered %d, want 200 without TLS", status)
	}
	p.stop()
}
