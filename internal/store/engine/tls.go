package engine

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// LoadTLS returns settings for connections that both sides begin and end with
// certificates: ours, from two files, and theirs, which an authority in the third has
// signed. Ours are read again for every connection, so that new ones take effect. It
// returns nil when no file is named; without certFile we show no certificate, and
// without caFile the system's authorities are trusted.
func LoadTLS(certFile, keyFile, caFile string) (*tls.Config, error) {
	if certFile == "" && caFile == "" {
		return nil, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: tls.RequireAndVerifyClientCert}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, err
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s has no certificate in PEM", caFile)
		}
		cfg.ClientCAs = cfg.RootCAs
	}
	if certFile == "" {
		return cfg, nil
	}
	load := func() (*tls.Certificate, error) {
		cert, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", certFile, keyFile, err)
		}
		return &cert, nil
	}
	if _, err := load(); err != nil {
		return nil, err
	}
	cfg.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return load() }
	cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return load()
	}
	return cfg, nil
}

// CheckCertificate returns why other nodes cannot use settings of LoadTLS to connect to
// a host, or why that host cannot connect to others. It is nil when they can, and when
// there are no settings. A node whose certificate is not for its host would get ready all
// the same, since it connects to the others.
func CheckCertificate(cfg *tls.Config, host string) error {
	if cfg == nil {
		return nil
	}
	cert, err := cfg.GetCertificate(nil)
	if err != nil {
		return err
	}
	rest := x509.NewCertPool()
	for _, der := range cert.Certificate[1:] {
		if c, err := x509.ParseCertificate(der); err == nil { // else the others skip it, too
			rest.AddCert(c)
		}
	}
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		if _, err := cert.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: cfg.RootCAs,
			Intermediates: rest, KeyUsages: []x509.ExtKeyUsage{usage}}); err != nil {
			return err
		}
	}
	return nil
}
