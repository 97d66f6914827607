package review

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	dialTimeout      = 5 * time.Second
	handshakeTimeout = 5 * time.Second
	// idleTimeout is how long a connection is kept that nothing uses: longer than
	// warmEvery.
	idleTimeout = 90 * time.Second
	// maxWarm is how many connections are kept warm at most.
	maxWarm = 4
)

// pool has the connections to one target, which are kept open between calls.
type pool struct {
	client    *http.Client
	transport *http.Transport
	stop      context.CancelFunc // ends connections that are being made
}

// newPool returns a pool of so many connections.
func newPool(size int, settings *tls.Config) *pool {
	stopped, stop := context.WithCancel(context.Background())
	transport := &http.Transport{
		DialContext:         dialUntil(stopped),
		TLSClientConfig:     settings,
		TLSHandshakeTimeout: handshakeTimeout,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: size,
		IdleConnTimeout:     idleTimeout,
		DisableCompression:  true, // answers are small
	}
	return &pool{
		client:    &http.Client{Transport: capped{transport}, CheckRedirect: noRedirect},
		transport: transport,
		stop:      stop,
	}
}

// noRedirect has a redirect returned as the answer that it is.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// dialUntil returns a function that opens connections until stopped is done: then those
// that are open are closed, too, whatever they wait for.
func dialUntil(stopped context.Context) func(context.Context, string, string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialTimeout}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(stopped, cancel)()
		c, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &conn{c, context.AfterFunc(stopped, func() { _ = c.Close() })}, nil
	}
}

// conn is a connection of a pool.
type conn struct {
	net.Conn
	forget func() bool
}

func (c *conn) Close() error {
	c.forget()
	return c.Conn.Close()
}

// close closes all connections.
func (p *pool) close() {
	p.stop()
	p.transport.CloseIdleConnections()
}

// warm makes requests that mean nothing, several at once: so there are connections.
func (p *pool) warm(ctx context.Context, address string) error {
	errs := make([]error, min(p.transport.MaxIdleConnsPerHost, maxWarm))
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { errs[i] = p.touch(ctx, address) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func (p *pool) touch(ctx context.Context, address string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, address, nil)
	if err != nil {
		return err
	}
	res, err := p.do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// do makes a request. Its error does not have the URL, in which there may be a secret.
func (p *pool) do(req *http.Request) (*http.Response, error) {
	res, err := p.client.Do(req)
	if failed := (*url.Error)(nil); errors.As(err, &failed) {
		err = failed.Err
	}
	return res, err
}

// post posts JSON and returns the answer, all of it.
func (p *pool) post(ctx context.Context, address string, header http.Header, payload []byte) (
	status int, body []byte, err error,
) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(payload))
	if err != nil {
		return 0, nil, err
	}
	req.Header = header
	req.Header.Set("Content-Type", "application/json")
	res, err := p.do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err = io.ReadAll(res.Body)
	return res.StatusCode, body, err
}

// capped is a transport whose answers cannot be longer than maxAnswerBytes.
type capped struct{ http.RoundTripper }

func (c capped) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := c.RoundTripper.RoundTrip(req)
	if err == nil {
		res.Body = &cappedBody{res.Body, maxAnswerBytes}
	}
	return res, err
}

type cappedBody struct {
	io.ReadCloser
	left int
}

var errTooLong = failf(ResponseValidation, "the answer has more than %d bytes", maxAnswerBytes)

func (b *cappedBody) Read(p []byte) (int, error) {
	if len(p) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if n > b.left {
		return b.left, errTooLong
	}
	b.left -= n
	return n, err
}

// load returns the settings of TLS connections, nil for the usual ones.
func (c TLSConfig) load(l location) *tls.Config {
	if c == (TLSConfig{}) {
		return nil
	}
	settings := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		settings.RootCAs = x509.NewCertPool()
		text := l.read("ca_file", c.CAFile)
		if text != nil && !settings.RootCAs.AppendCertsFromPEM(text) {
			l.wrong("ca_file: %s has no certificate in PEM", c.CAFile)
		}
	}
	switch {
	case (c.CertFile == "") != (c.KeyFile == ""):
		l.wrong("want both a cert_file and a key_file")
	case c.CertFile != "":
		cert, key := l.read("cert_file", c.CertFile), l.read("key_file", c.KeyFile)
		if cert == nil || key == nil {
			break
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			l.wrong("cert_file: %w", err)
		}
		settings.Certificates = []tls.Certificate{pair}
	}
	return settings
}
