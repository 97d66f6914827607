package config

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/parley-chat/parley/internal/listen"
)

// TLSConfig names the certificate of the chat and control listener. With neither
// file, it has none.
type TLSConfig struct {
	// CertFile has the certificate and then its chain, in PEM. In a configuration
	// file, a relative path starts at that file.
	CertFile string `koanf:"cert_file"`
	KeyFile  string `koanf:"key_file"` // has its key, in PEM
}

// ACMEConfig has certificates obtained from an authority, whose terms it agrees to.
type ACMEConfig struct {
	// Hosts are the names that get certificates. Default none: no authority is asked.
	Hosts []string `koanf:"hosts"`
	// Email is where the authority may write to. Default none.
	Email string `koanf:"email"`
	// Directory is the URL where the authority's ACME service begins. Default that of
	// Let's Encrypt.
	Directory string `koanf:"directory"`
	// HTTPListen is where challenges of the kind HTTP-01 are answered: host:port, which
	// the authority has to reach as port 80. Default nowhere: the listener itself
	// answers those of the kind TLS-ALPN-01, which has to be reached as port 443.
	HTTPListen string `koanf:"http_listen"`
	// CAFile has the certificates that sign the directory's own, in PEM. Default: the
	// system's. In a configuration file, a relative path starts at that file.
	CAFile string `koanf:"ca_file"`
}

// Secure reports whether the chat and control listener speaks TLS.
func (c Config) Secure() bool { return c.TLS.CertFile != "" || len(c.ACME.Hosts) > 0 }

// checkFront returns what is wrong with how clients are let in, but for files.
func (c Config) checkFront() []error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		wrong("tls needs both a cert_file and a key_file (--tls-cert, --tls-key)")
	}
	if c.TLS.CertFile != "" && len(c.ACME.Hosts) > 0 {
		wrong("tls and acme exclude each other: certificates are from files or are obtained")
	}
	errs = append(errs, c.checkACME()...)
	if _, err := listen.ParseTrusted(c.TrustedProxies); err != nil {
		for _, err := range flatten(err) {
			wrong("trusted_proxies: %w", err)
		}
	}
	if c.ProxyProtocol && len(c.TrustedProxies) == 0 {
		wrong("proxy_protocol needs trusted_proxies, from which alone it is believed")
	}
	switch c.forwardedHeader() {
	case listen.ForwardedFor, listen.Forwarded:
	default:
		wrong("forwarded_header must be %s or %s, not %q",
			listen.ForwardedFor, listen.Forwarded, c.ForwardedHeader)
	}
	if c.HTTPConnections < 0 || c.HTTPConnectionsPerAddress < 0 {
		wrong("http_connections and http_connections_per_address must not be negative")
	}
	return errs
}

func (c Config) forwardedHeader() listen.Header {
	return listen.Header(strings.ToLower(c.ForwardedHeader))
}

// checkACME returns what is wrong with the settings of ACME.
func (c Config) checkACME() []error {
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("acme: "+format, args...))
	}
	if c.ACME.HTTPListen != "" {
		if err := checkAddress("http_listen", c.ACME.HTTPListen); err != nil {
			wrong("%w", err)
		}
	}
	directory, err := url.Parse(c.ACME.Directory)
	if err != nil || directory.Scheme != "https" || directory.Host == "" {
		wrong("directory must be an https URL, not %q", c.ACME.Directory)
	}
	for _, host := range c.ACME.Hosts {
		if !listen.ValidHost(host) {
			wrong("hosts: %q is not the name of a host, such as chat.example.com", host)
		}
	}
	set := c.ACME.Email + c.ACME.HTTPListen + c.ACME.CAFile
	if len(c.ACME.Hosts) == 0 && set != "" {
		wrong("hosts must name those that get certificates")
	}
	if len(c.ACME.Hosts) > 0 && c.Dev {
		wrong("with --dev nothing is kept, and every start would ask for new certificates")
	}
	return errs
}

// checkFiles returns what is wrong with the files about certificates.
func (c Config) checkFiles() []error {
	var errs []error
	if c.TLS.CertFile != "" && c.TLS.KeyFile != "" {
		if err := listen.CheckFiles(c.TLS.CertFile, c.TLS.KeyFile); err != nil {
			errs = append(errs, fmt.Errorf("tls: %w", err))
		}
	}
	if c.ACME.CAFile != "" {
		if err := listen.CheckCAFile(c.ACME.CAFile); err != nil {
			errs = append(errs, fmt.Errorf("acme: ca_file: %w", err))
		}
	}
	return errs
}

// FrontConfig returns how the chat and control listener lets clients in, but for its
// certificate.
func (c Config) FrontConfig() (front listen.Config, err error) {
	front = listen.Config{
		ProxyProtocol: c.ProxyProtocol, Header: c.forwardedHeader(),
		MaxConnections: c.HTTPConnections, MaxPerAddress: c.HTTPConnectionsPerAddress,
	}
	if front.Trusted, err = listen.ParseTrusted(c.TrustedProxies); err != nil {
		return front, fmt.Errorf("trusted_proxies: %w", err)
	}
	return front, nil
}
