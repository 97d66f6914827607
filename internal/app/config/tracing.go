package config

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/parley-chat/parley/internal/otlp"
)

// TracingConfig says which requests are traced, and where their spans go.
type TracingConfig struct {
	// Endpoint is the base URL of a collector that takes OTLP over HTTP, such as
	// http://127.0.0.1:4318. Default none: nothing is traced.
	Endpoint string `koanf:"endpoint"`
	// Sample is the share of requests that are traced, over 0 and at most 1. Default
	// 0.01. An API call whose caller records a trace is always a part of it.
	Sample float64 `koanf:"sample"`
	// HeadersFile has headers for the collector, a line each: Name: value. In a file, a
	// relative path starts at the file. Default none.
	HeadersFile string `koanf:"headers_file"`
	// CAFile has the certificates, PEM, that sign the collector's. Default the system's.
	CAFile string `koanf:"ca_file"`
}

// Load returns the settings of the exporter. The error names every mistake.
func (c TracingConfig) Load(path func(string) string) (otlp.Config, error) {
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("tracing: "+format, args...))
	}
	if c == (TracingConfig{}) {
		return otlp.Config{}, nil
	}
	if !isHTTP(c.Endpoint) {
		wrong("endpoint must be an http or https URL, such as http://127.0.0.1:4318, not %q",
			c.Endpoint)
	}
	if c.Sample != 0 && !(c.Sample > 0 && c.Sample <= 1) {
		wrong("sample must be over 0 and at most 1, not %g", c.Sample)
	}
	cfg := otlp.Config{Endpoint: c.Endpoint}
	var err error
	if c.HeadersFile != "" {
		if cfg.Header, err = readHeaders(path(c.HeadersFile)); err != nil {
			wrong("headers_file: %w", err)
		}
	}
	if cfg.Roots, err = readRoots(c.CAFile, path); err != nil {
		wrong("ca_file: %w", err)
	}
	return cfg, errors.Join(errs...)
}

// isHTTP reports whether text is the URL of a server.
func isHTTP(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" &&
		u.RawQuery == "" && u.Fragment == ""
}

// readHeaders reads lines of the form Name: value. What is wrong is told without the
// values, which are secret as a rule.
func readHeaders(path string) (http.Header, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	header := http.Header{}
	for lines, n := bufio.NewScanner(bytes.NewReader(text)), 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		if !ok || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return nil, fmt.Errorf("line %d has no header, such as Authorization: Bearer TOKEN", n)
		}
		header.Add(name, value)
	}
	if len(header) == 0 {
		return nil, errors.New("there is no header in the file")
	}
	return header, nil
}

// readRoots reads certificates, or returns nil, the system's, when there is no path.
func readRoots(file string, path func(string) string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path(file))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, errors.New("there is no certificate in the file")
	}
	return roots, nil
}
