package listen

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// LetsEncrypt is the directory of Let's Encrypt, for certificates that browsers
// trust.
const LetsEncrypt = autocert.DefaultACMEDirectory

// ACMEConfig says for which names certificates are obtained, and from whom.
type ACMEConfig struct {
	// Hosts are the names that may have a certificate: see ValidHost.
	Hosts []string
	// Email is where the authority may write to. Default none.
	Email string
	// Directory is the URL of the authority's ACME directory. Default LetsEncrypt.
	Directory string
	// CAFile has the certificates, in PEM, that the directory's own must be signed
	// with. Default: those that the system trusts.
	CAFile string
	// Cache is the folder of the account's key and of certificates with their keys.
	// It is made when it is not there.
	Cache string
	// HTTP says that Challenges is served on port 80.
	HTTP bool
	Log  *slog.Logger // required
}

// ACME obtains certificates from an authority, and renews them a month before they
// expire, or after two thirds of a short life. Setting it up agrees to the
// authority's terms.
type ACME struct {
	hosts      map[string]bool
	manager    *autocert.Manager
	challenges http.Handler
	log        *slog.Logger

	stop     context.CancelFunc // ends requests to the authority
	obtained sync.WaitGroup     // the goroutine of Obtain
	idle     func()             // closes connections to the authority

	mu     sync.Mutex           // guards logged
	logged map[string]time.Time // when a failure was last logged, by host
}

// Limits of what is asked of an authority.
const (
	acmeRequestTimeout = 30 * time.Second
	// acmeLogInterval is how long the same host's failures are not logged again.
	// A failed order is tried again when a client comes, after a minute.
	acmeLogInterval = time.Minute
)

// hostPattern is the form of a name that an authority gives certificates for: lower
// case, of at least two labels.
var hostPattern = regexp.MustCompile(
	`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// ValidHost reports whether a certificate can be obtained for a name: one such as
// chat.example.com, in lower case and at most 253 characters, neither an address nor
// with a wildcard.
func ValidHost(name string) bool { return len(name) <= 253 && hostPattern.MatchString(name) }

// NewACME returns certificates that are obtained when they are first needed. The
// error is about CAFile.
func NewACME(c ACMEConfig) (*ACME, error) {
	a := &ACME{hosts: map[string]bool{}, logged: map[string]time.Time{}, log: c.Log}
	for _, host := range c.Hosts {
		a.hosts[host] = true
	}
	transport, err := authorityTransport(c.CAFile)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	a.stop, a.idle = stop, transport.CloseIdleConnections
	a.manager = &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      autocert.DirCache(c.Cache),
		HostPolicy: a.allow,
		Email:      c.Email,
		Client: &acme.Client{
			DirectoryURL: c.Directory,
			UserAgent:    "parley",
			HTTPClient: &http.Client{
				Transport: until(ctx, transport), Timeout: acmeRequestTimeout,
			},
		},
	}
	if c.HTTP {
		a.challenges = a.manager.HTTPHandler(http.HandlerFunc(noChallenge))
	}
	return a, nil
}

// CheckCAFile returns what is wrong with a file for ACMEConfig.CAFile.
func CheckCAFile(path string) error {
	_, err := authorityTransport(path)
	return err
}

// authorityTransport returns how the authority is reached.
func authorityTransport(caFile string) (*http.Transport, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if caFile == "" {
		return transport, nil
	}
	text, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s has no certificate in PEM", caFile)
	}
	transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	return transport, nil
}

// roundTripper is a function that makes one request.
type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip calls the function.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// until makes requests until ctx ends, which also ends those in progress.
func until(ctx context.Context, base http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		both, cancel := context.WithCancelCause(r.Context())
		forget := context.AfterFunc(ctx, func() { cancel(errStopped) })
		context.AfterFunc(both, func() { forget() })
		return base.RoundTrip(r.WithContext(both))
	})
}

var errStopped = errors.New("the server is stopping")

// noChallenge answers what is asked of port 80 besides.
func noChallenge(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "Only challenges of the certificate authority are answered here.",
		http.StatusNotFound)
}

// allow lets the manager work for the hosts alone. What it asks about is a name of a
// handshake, or the Host of a request, where there may be a port.
func (a *ACME) allow(_ context.Context, host string) error {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return a.known(strings.ToLower(host))
}

// known returns an error for a name that is not configured.
func (a *ACME) known(host string) error {
	if !a.hosts[host] {
		return fmt.Errorf("there is no certificate for %.100q", host)
	}
	return nil
}

// TLS returns settings of a server with these certificates. It answers challenges
// too: those of the kind TLS-ALPN-01.
func (a *ACME) TLS() *tls.Config { return serverTLS(a.certificate, acme.ALPNProto) }

// Challenges answers challenges of the kind HTTP-01, which the authority brings to
// port 80. It is nil unless ACMEConfig.HTTP was set.
func (a *ACME) Challenges() http.Handler { return a.challenges }

// certificate returns the one for a handshake, and obtains it if there is none.
// Names that are not configured fail without the authority being asked.
func (a *ACME) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	host := strings.TrimSuffix(strings.ToLower(hello.ServerName), ".")
	if err := a.known(host); err != nil {
		return nil, err
	}
	certificate, err := a.manager.GetCertificate(hello)
	challenge := len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == acme.ALPNProto
	if err != nil && !challenge {
		a.logFailure(host, err)
	}
	return certificate, err
}

func (a *ACME) logFailure(host string, err error) {
	if strings.HasSuffix(err.Error(), "missing certificate") {
		return // who waited for the order that failed is not told why
	}
	a.mu.Lock()
	recent := time.Since(a.logged[host]) < acmeLogInterval
	if !recent {
		a.logged[host] = time.Now()
	}
	a.mu.Unlock()
	if !recent && !errors.Is(err, errStopped) {
		a.log.Error("no certificate", "host", host, "err", err)
	}
}

// Obtain obtains the certificates that are not there yet, in the background, so that
// no client waits for them and failures are logged at once. The listeners that answer
// challenges must accept before.
func (a *ACME) Obtain() {
	a.obtained.Go(func() {
		for host := range a.hosts {
			certificate, err := a.certificate(modernHello(host))
			if err == nil {
				a.log.Info("certificate ready", "host", host, "expires", certificate.Leaf.NotAfter)
			}
		}
	})
}

// modernHello is the start of a handshake of a client that takes ECDSA, as all of
// today do.
func modernHello(host string) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{
		ServerName:   host,
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
	}
}

// Reload does nothing: certificates are renewed by themselves.
func (a *ACME) Reload() error { return nil }

// Close ends the requests to the authority.
func (a *ACME) Close() {
	a.stop()
	a.obtained.Wait()
	a.idle()
}
