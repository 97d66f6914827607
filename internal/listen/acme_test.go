package listen_test

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/parley-chat/parley/internal/listen"
)

// newACME returns certificates for chat.example.com from an authority whose requests
// are answered by a handler, and their log.
func newACME(t *testing.T, authority http.HandlerFunc) (*listen.ACME, *logBuffer) {
	t.Helper()
	server := httptest.NewServer(authority)
	t.Cleanup(server.Close)
	log := &logBuffer{}
	a, err := listen.NewACME(listen.ACMEConfig{
		Hosts: []string{"chat.example.com"}, Directory: server.URL, Cache: t.TempDir(), HTTP: true,
		Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a, log
}

// hello is the start of a handshake of today's clients.
func hello(name string) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{ServerName: name,
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}
}

// TestUnknownNames checks that the authority is asked for configured names alone: else
// anybody could use up what it allows us.
func TestUnknownNames(t *testing.T) {
	var asked atomic.Int32
	a, log := newACME(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		http.Error(w, "not now", http.StatusBadRequest)
	})
	for _, name := range []string{"", "example.com", "www.chat.example.com",
		"chat.example.com.evil.org", "127.0.0.1", "chat.example.com:443.evil.org", "chat\x00.example.com"} {
		if _, err := a.TLS().GetCertificate(hello(name)); err == nil || asked.Load() > 0 {
			t.Errorf("handshake as %q: %v after %d questions to the authority, want an error and none",
				name, err, asked.Load())
		}
	}
	if got := log.take(); got != "" {
		t.Errorf("handshakes of strangers were logged: %s", got)
	}
	for _, name := range []string{"chat.example.com", "CHAT.Example.com", "chat.example.com."} {
		if _, err := a.TLS().GetCertificate(hello(name)); err == nil || asked.Load() == 0 {
			t.Errorf("handshake as %q: %v after %d questions, want an error and at least one",
				name, err, asked.Load())
		}
	}
}

// TestFailuresAreLoggedOnce checks that clients that come while no certificate can be
// obtained neither fill the log nor ask the authority again.
func TestFailuresAreLoggedOnce(t *testing.T) {
	var asked atomic.Int32
	a, log := newACME(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		http.Error(w, "not now", http.StatusForbidden)
	})
	for range 10 {
		if _, err := a.TLS().GetCertificate(hello("chat.example.com")); err == nil {
			t.Error("a handshake without a certificate succeeded")
		}
	}
	got := log.take()
	if asked.Load() != 1 || strings.Count(got, "\n") != 1 ||
		!strings.Contains(got, `level=ERROR msg="no certificate" host=chat.example.com err="403 `) {
		t.Errorf("asked %d times and logged %q, want one question and one error", asked.Load(), got)
	}
}

// TestCloseEndsRequests closes while the authority does not answer.
func TestCloseEndsRequests(t *testing.T) {
	arrived := make(chan struct{})
	a, log := newACME(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done() // of a server that notices when its client goes
	})
	a.Obtain()
	<-arrived
	a.Close()
	if got := log.take(); got != "" {
		t.Errorf("the end of the server was logged as a failure: %s", got)
	}
}

// TestChallengesListener checks what is served where the authority looks for
// challenges.
func TestChallengesListener(t *testing.T) {
	a, _ := newACME(t, http.NotFound)
	for _, test := range []struct {
		host, path string
		want       int
	}{
		{"chat.example.com", "/", http.StatusNotFound},
		{"chat.example.com", "/.well-known/acme-challenge/guess", http.StatusNotFound},
		{"Chat.example.com:80", "/.well-known/acme-challenge/guess", http.StatusNotFound},
		{"chat.example.com", "/.well-known/acme-challenge/../../secret", http.StatusNotFound},
		{"example.com", "/.well-known/acme-challenge/guess", http.StatusForbidden},
	} {
		answer := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "http://a"+test.path, nil)
		r.Host = test.host
		a.Challenges().ServeHTTP(answer, r)
		if answer.Code != test.want {
			t.Errorf("%s%s answered %d, want %d", test.host, test.path, answer.Code, test.want)
		}
	}
}

func TestCAFile(t *testing.T) {
	dir := t.TempDir()
	newPair(t, "authority").write(t, dir)
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "tls.crt"): "",
		"":                            "",
		filepath.Join(dir, "tls.key"): "has no certificate in PEM",
		empty:                         "has no certificate in PEM",
		filepath.Join(dir, "absent"):  "no such file",
	} {
		err := listen.CheckCAFile(path)
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", path, err, want)
		}
	}
	_, err := listen.NewACME(listen.ACMEConfig{CAFile: empty, Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		t.Error("an authority without certificates was accepted")
	}
}

func TestValidHost(t *testing.T) {
	label := strings.Repeat("a", 63)
	long := strings.Repeat(label+".", 3) + strings.Repeat("a", 61)
	for name, want := range map[string]bool{
		"chat.example.com": true, "a.b": true, "xn--bcher-kva.example": true, "1.example": true,
		label + ".example": true, label + "a.example": false,
		long: true, long + "a": false,
		"": false, "localhost": false, "chat.example.com.": false, ".example.com": false,
		"Chat.example.com": false, "*.example.com": false, "-a.example": false, "a-.example": false,
		"192.0.2.1": false, "2001:db8::1": false, "chat.example.com:443": false,
		"a_b.example.com": false, "bücher.example": false, "a b.example": false,
	} {
		if got := listen.ValidHost(name); got != want {
			t.Errorf("a certificate for %q: %t, want %t", name, got, want)
		}
	}
}
