package export

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/parley-chat/parley/internal/outbox"
	"github.com/parley-chat/parley/internal/webhook"
)

// Webhook is a server that takes events by HTTP.
type Webhook struct {
	URL     string
	Secrets [][]byte       // sign the calls; at least one
	Roots   *x509.CertPool // sign the server's certificate; nil: the system's
}

// maxAnswerBytes is how much is read of a webhook's answer, so that its connection can
// be used again.
const maxAnswerBytes = 16 << 10

// hook sends events to a webhook.
type hook struct {
	Webhook
	client http.Client
}

func newWebhook(c Webhook) *hook {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12}
	return &hook{c, http.Client{Transport: transport, Timeout: callTimeout, CheckRedirect: noRedirect}}
}

func (h *hook) close() { h.client.CloseIdleConnections() }

// send posts a list of events. Answers of 2xx take it, and those of 408, 429 and 5xx
// ask for another try.
func (h *hook) send(ctx context.Context, batch []event) outbox.Result[event] {
	body := encode(batch)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return outbox.Result[event]{Err: err}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(webhook.SignatureHeader, webhook.Sign(h.Secrets, time.Now(), body))
	res, err := h.client.Do(req)
	if err != nil {
		return outbox.Result[event]{Again: batch, Err: err}
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswerBytes))
	if res.StatusCode/100 == 2 {
		return outbox.Result[event]{Sent: len(batch)}
	}
	result := outbox.Result[event]{
		Err: fmt.Errorf("the webhook answered with status %d", res.StatusCode)}
	switch {
	case res.StatusCode == http.StatusRequestTimeout, res.StatusCode == http.StatusTooManyRequests,
		res.StatusCode >= http.StatusInternalServerError:
		result.Again, result.After = batch, outbox.RetryAfter(res.Header)
	}
	return result
}
