package review_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/review"
	"github.com/parley-chat/parley/internal/webhook"
)

// verify returns which of the secrets a request is signed with, as a receiver would.
func verify(t *testing.T, header string, body []byte, secrets ...string) (valid []string) {
	t.Helper()
	var at string
	var signatures []string
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "t":
			at = value
		case "v1":
			signatures = append(signatures, value)
		}
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > time.Minute {
		t.Errorf("signed at %q, want now", at)
	}
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		_, _ = io.WriteString(mac, at+"."+string(body))
		for _, signature := range signatures {
			if signature == hex.EncodeToString(mac.Sum(nil)) {
				valid = append(valid, secret)
			}
		}
	}
	return valid
}

// writeFile writes a file of the test and returns its path.
func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWebhookRequest(t *testing.T) {
	t.Setenv("OLD", "old secret")
	next := writeFile(t, "next", "next secret\n")
	for _, tt := range []struct {
		name string
		next string
		want string // the secrets that the receiver can verify with
	}{
		{"one secret", "", "old secret"},
		{"two secrets", next, "old secret, next secret"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodHead {
					return
				}
				body, _ := io.ReadAll(r.Body)
				if r.Method != http.MethodPost || r.URL.Path != "/hook" || r.Header.Get("Content-Type") != "application/json" {
					t.Errorf("%s %s with %v", r.Method, r.URL, r.Header)
				}
				valid := verify(t, r.Header.Get(webhook.SignatureHeader), body, "old secret", "next secret", "other")
				if got := strings.Join(valid, ", "); got != tt.want {
					t.Errorf("signed with %s, want %s", got, tt.want)
				}
				_, _ = io.WriteString(w, deny)
			}))
			defer server.Close()
			r := start(t, configOf(review.TargetConfig{ARN: "*", Webhook: &review.WebhookConfig{URL: server.URL + "/hook",
				SecretConfig: review.SecretConfig{SecretEnv: "OLD"}, NextSecretFile: tt.next}}))
			if o := r.Try(allowing); o.Result != review.Denied || o.Decision.Reason != "spam" {
				t.Errorf("%+v, want it denied", o)
			}
		})
	}
}

// TestErrorsKeepSecrets has a webhook with a secret in its URL that cannot be reached.
func TestErrorsKeepSecrets(t *testing.T) {
	t.Setenv("SECRET", "secret")
	r := start(t, configOf(review.TargetConfig{ARN: "*", Webhook: &review.WebhookConfig{
		URL: "http://127.0.0.1:1/?token=hidden", SecretConfig: review.SecretConfig{SecretEnv: "SECRET"}}}))
	if o := r.Try(allowing); o.Err == nil || strings.Contains(o.Err.Error(), "hidden") {
		t.Errorf("the error is %v, want one without the URL", o.Err)
	}
}

// TestWebhookWithTLS has both sides show certificates, over HTTP/2.
func TestWebhookWithTLS(t *testing.T) {
	cert, key, pool := selfSigned(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 || len(r.TLS.PeerCertificates) != 1 {
			t.Errorf("%s with %d certificates, want HTTP/2 with 1", r.Proto, len(r.TLS.PeerCertificates))
		}
		_, _ = io.WriteString(w, allow)
	}))
	server.EnableHTTP2 = true
	server.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // refused clients
	server.StartTLS()
	defer server.Close()
	ca := writeFile(t, "ca.pem", string(pem.EncodeToMemory(
		&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	t.Setenv("SECRET", "secret")
	hook := review.WebhookConfig{URL: server.URL, SecretConfig: review.SecretConfig{SecretEnv: "SECRET"}}
	for name, settings := range map[string]review.TLSConfig{
		"nothing":         {},
		"only its own":    {CertFile: cert, KeyFile: key},
		"only the server": {CAFile: ca},
		"both":            {CAFile: ca, CertFile: cert, KeyFile: key},
	} {
		hook.TLSConfig = settings
		o := start(t, configOf(review.TargetConfig{ARN: "*", Webhook: &hook})).Try(allowing)
		if got, want := o.Err == nil, name == "both"; got != want {
			t.Errorf("with the certificates of %s: %+v, want success: %v", name, o, want)
		}
	}
}

// selfSigned returns the files of a client's certificate, and what to verify it with.
func selfSigned(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))),
		writeFile(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))), pool
}
