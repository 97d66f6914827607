package review

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	signing "github.com/parley-chat/parley/internal/webhook"
)

// WebhookConfig is a server that answers messages by HTTP.
type WebhookConfig struct {
	// URL is where messages are posted: https, or http on this machine.
	URL string `koanf:"url"`
	// PlainHTTP allows http to other machines, where others could read and change what
	// is sent. Default off.
	PlainHTTP bool `koanf:"plain_http"`
	// The secret signs requests.
	SecretConfig `koanf:",squash"`
	// NextSecretFile and NextSecretEnv name a second secret that signs them as well,
	// while the receiver goes over from one to the other.
	NextSecretFile string `koanf:"next_secret_file"`
	NextSecretEnv  string `koanf:"next_secret_env"`

	TLSConfig `koanf:",squash"`
}

func (c WebhookConfig) load(l location, size int) caller {
	w := &webhook{url: c.URL, pool: newPool(size, c.TLSConfig.load(l))}
	target, err := url.Parse(c.URL)
	switch {
	case err != nil || target.Host == "" || target.Scheme != "https" && target.Scheme != "http":
		l.wrong("url must be an https URL, not %q", c.URL)
	case target.Scheme == "http" && !c.PlainHTTP && !isLocal(target.Hostname()):
		l.wrong("url: http can be read and changed on its way to another machine; " +
			"use https, or set plain_http")
	}
	w.secrets = append(w.secrets, []byte(l.secret("", c.SecretConfig)))
	if next := (SecretConfig{c.NextSecretFile, c.NextSecretEnv}); next != (SecretConfig{}) {
		w.secrets = append(w.secrets, []byte(l.secret("next_", next)))
	}
	return w
}

// isLocal reports whether a host is this machine.
func isLocal(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// webhook is called by HTTP.
type webhook struct {
	url     string
	secrets [][]byte
	pool    *pool
}

func (w *webhook) call(ctx context.Context, _ string, payload []byte) ([]byte, error) {
	signature := http.Header{signing.SignatureHeader: {signing.Sign(w.secrets, time.Now(), payload)}}
	status, body, err := w.pool.post(ctx, w.url, signature, payload)
	if err == nil && status != http.StatusOK {
		err = failf(Invocation, "the webhook answered with status %d", status)
	}
	return body, err
}

func (w *webhook) warm(ctx context.Context) error { return w.pool.warm(ctx, w.url) }

func (w *webhook) close() { w.pool.close() }
