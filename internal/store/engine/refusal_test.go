package engine_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/parleytest/freeport"
	"github.com/parley-chat/parley/internal/store/engine"
)

// authority signs certificates for tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{cert: cert, key: key, file: filepath.Join(t.TempDir(), "ca.pem")}
	writePEM(t, a.file, "CERTIFICATE", der)
	return a
}

// sign returns the files of a certificate for this machine and of its key. It is for all
// uses if none are named.
func (a *authority) sign(t testing.TB, uses ...x509.ExtKeyUsage) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "node"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: uses,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"parley-1"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePEM(t, certFile, "CERTIFICATE", der)
	writePEM(t, keyFile, "EC PRIVATE KEY", keyDER)
	return certFile, keyFile
}

// tls returns the settings of a node with a certificate of this authority.
func (a *authority) tls(t testing.TB) *tls.Config {
	t.Helper()
	certFile, keyFile := a.sign(t)
	cfg, err := engine.LoadTLS(certFile, keyFile, a.file)
	if err != nil {
		t.Fatalf("LoadTLS() = %v, want nil", err)
	}
	return cfg
}

func writePEM(t testing.TB, path, kind string, der []byte) {
	t.Helper()
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestNodesThatAreRefused has a fourth node ask a cluster with certificates and a secret
// to take it, with something wrong each time.
func TestNodesThatAreRefused(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	c := newCluster(t, 3, func(_ int, cfg *engine.Config) { cfg.Cluster.TLS = ours.tls(t) })
	tests := []struct {
		name   string
		change func(*engine.Config)
		want   string
	}{
		{"cluster name", func(c *engine.Config) { c.Cluster.Name = "other" },
			`its cluster_name is "test", and this node's "other"`},
		{"node name", func(c *engine.Config) { c.Node = "node0" },
			`it is another node with this node_name, "node0"`},
		{"secret", func(c *engine.Config) { c.Cluster.Secret = "other" },
			"cluster_secret_file of two nodes differ"},
		{"no secret", func(c *engine.Config) { c.Cluster.Secret = "" },
			"cluster_secret_file of two nodes differ"},
		{"authority", func(c *engine.Config) { c.Cluster.TLS = theirs.tls(t) },
			"signed by unknown authority"},
		{"certificate", func(c *engine.Config) {
			c.Cluster.TLS.GetClientCertificate = theirs.tls(t).GetClientCertificate
		}, "it answers tls: unknown certificate authority"},
		{"no certificate", func(c *engine.Config) {
			c.Cluster.TLS.GetClientCertificate = nil
		}, "it answers tls: certificate required"},
		{"no TLS", func(c *engine.Config) { c.Cluster.TLS = nil },
			"it may speak TLS, which this node does not"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cfg := engine.Config{Dir: t.TempDir(), Node: "new", StartTimeout: 6 * time.Second,
				Cluster: &engine.Cluster{Name: "test", Listen: freeport.Address(), Join: c.addresses,
					Secret: "secret", TLS: ours.tls(t)}}
			test.change(&cfg)
			wantRefusal(t, cfg, test.want)
		})
	}
}

// wantRefusal starts a node, which must fail with an error of one line that has a text. On
// a busy machine the others may take longer to say why than they are waited for: then it
// tries again.
func wantRefusal(t *testing.T, cfg engine.Config, want string) {
	t.Helper()
	const tries = 3
	var err error
	for range tries {
		log, _ := newLog(t)
		var e *engine.Engine
		if e, err = engine.Start(context.Background(), cfg, log); err == nil {
			e.Stop()
			t.Fatal("Start() = nil, want a refusal")
		}
		if strings.Contains(err.Error(), want) && !strings.Contains(err.Error(), "\n") {
			return
		}
	}
	t.Errorf("Start() = %q, want one line with %q", err, want)
}

// TestTakenAddress starts a node where somebody else listens.
func TestTakenAddress(t *testing.T) {
	noLeaks(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	at := append(freeport.Addresses(2), l.Addr().String())
	log, _ := newLog(t)
	e, err := engine.Start(t.Context(), engine.Config{Dir: t.TempDir(), Node: "a",
		Cluster: &engine.Cluster{Name: "test", Listen: at[2], Join: at}}, log)
	if err == nil {
		e.Stop()
	}
	if err == nil || !strings.Contains(err.Error(), at[2]+": bind: address already in use") {
		t.Errorf("Start() where somebody listens = %v, want an error that says so", err)
	}
}

// TestCertificatesAreReadAgain replaces the files of a certificate.
func TestCertificatesAreReadAgain(t *testing.T) {
	first, second := newAuthority(t), newAuthority(t)
	certFile, keyFile := first.sign(t)
	cfg, err := engine.LoadTLS(certFile, keyFile, first.file)
	if err != nil {
		t.Fatal(err)
	}
	newCert, newKey := second.sign(t)
	for from, to := range map[string]string{newCert: certFile, newKey: keyFile} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := cfg.GetCertificate(nil)
	if err != nil {
		t.Fatalf("GetCertificate() = %v, want nil", err)
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := leaf.CheckSignatureFrom(second.cert); err != nil {
		t.Errorf("the certificate is not the new one: %v", err)
	}
}

func TestFilesThatAreNoCertificates(t *testing.T) {
	a := newAuthority(t)
	certFile, keyFile := a.sign(t)
	_, otherKey := a.sign(t)
	tests := []struct{ name, cert, key, ca, want string }{
		{"absent authority", certFile, keyFile, "/absent", "/absent"},
		{"authority that is a key", certFile, keyFile, keyFile, "has no certificate in PEM"},
		{"absent key", certFile, "/absent", a.file, "/absent"},
		{"key of another", certFile, otherKey, a.file, "does not match"},
	}
	for _, test := range tests {
		_, err := engine.LoadTLS(test.cert, test.key, test.ca)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: LoadTLS() = %v, want an error with %q", test.name, err, test.want)
		}
	}
	if cfg, err := engine.LoadTLS("", "", ""); cfg != nil || err != nil {
		t.Errorf("LoadTLS() of no files = %v, %v; want nothing", cfg, err)
	}
}

// TestCertificateForItsHost asks whether other nodes would accept a certificate.
func TestCertificateForItsHost(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	load := func(authority *authority, uses ...x509.ExtKeyUsage) *tls.Config {
		certFile, keyFile := authority.sign(t, uses...)
		cfg, err := engine.LoadTLS(certFile, keyFile, a.file)
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	tests := []struct {
		name string
		cfg  *tls.Config
		host string
		want string // in the error; empty is none
	}{
		{"address", load(a), "127.0.0.1", ""},
		{"name", load(a), "parley-1", ""},
		{"none", nil, "parley-1", ""},
		{"other address", load(a), "127.0.0.2", "certificate is valid for 127.0.0.1, not 127.0.0.2"},
		{"other name", load(a), "parley-2", "certificate is valid for parley-1, not parley-2"},
		{"other authority", load(other), "parley-1", "unknown authority"},
		{"for servers", load(a, x509.ExtKeyUsageServerAuth), "parley-1", "incompatible key usage"},
		{"for clients", load(a, x509.ExtKeyUsageClientAuth), "parley-1", "incompatible key usage"},
	}
	for _, test := range tests {
		err := engine.CheckCertificate(test.cfg, test.host)
		if test.want == "" && err != nil ||
			test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: CheckCertificate(%s) = %v, want %q", test.name, test.host, err, test.want)
		}
	}
}

// TestSecretOfOneNodeAlone starts two of three nodes, of which one has a secret. Both
// say why they do not come together, and say it once for each kind of refusal.
func TestSecretOfOneNodeAlone(t *testing.T) {
	noLeaks(t)
	at := freeport.Addresses(3)
	var starting sync.WaitGroup
	for i, secret := range []string{"", "secret"} {
		starting.Go(func() {
			log, lines := newLog(t)
			e, err := engine.Start(context.Background(), engine.Config{Dir: t.TempDir(),
				Node: fmt.Sprint("node", i), StartTimeout: 7 * time.Second,
				Cluster: &engine.Cluster{Name: "test", Listen: at[i], Join: at, Secret: secret}}, log)
			if err == nil {
				e.Stop()
			}
			want := "cluster_secret_file of two nodes differ"
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("Start() of node%d = %v, want an error with %q", i, err, want)
			}
			if n := strings.Count(lines.String(), "level=ERROR"); n == 0 || n > 3 {
				t.Errorf("node%d logs %d errors, want one for each kind:\n%s", i, n, lines)
			}
		})
	}
	starting.Wait()
}
