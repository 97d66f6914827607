// Package otlp sends spans to an OpenTelemetry collector, by OTLP over HTTP. It owns
// the form of what is sent; what is traced is left to others.
package otlp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/metrics"
	"github.com/parley-chat/parley/internal/outbox"
	"github.com/parley-chat/parley/internal/trace"
)

const (
	// maxWaiting is how many spans wait for the collector. More are lost.
	maxWaiting = 4096
	// maxBatch is how many spans a request to the collector has at most.
	maxBatch = 512
	// batchEvery is how long a span waits for others to be sent with.
	batchEvery = time.Second
	// maxTries is how often a batch is sent at most.
	maxTries = 5
	// callTimeout bounds one request to the collector.
	callTimeout = 10 * time.Second
)

// Config says where spans go.
type Config struct {
	// Endpoint is the base URL of the collector, such as http://127.0.0.1:4318.
	Endpoint string
	// Header is sent along: authorization, as a rule. It may be nil.
	Header http.Header
	// Roots sign the collector's certificate; nil are the system's.
	Roots *x509.CertPool
	// Version is that of this server, and Instance tells it from others.
	Version, Instance string
	Log               *slog.Logger
}

// Exporter sends spans. Close ends it.
type Exporter struct {
	cfg    Config
	url    string
	client http.Client
	spans  *outbox.Outbox[*trace.Span]
}

// New returns an exporter that runs.
func New(cfg Config) *Exporter {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: cfg.Roots, MinVersion: tls.VersionTLS12}
	e := &Exporter{
		cfg: cfg,
		url: strings.TrimSuffix(cfg.Endpoint, "/") + "/v1/traces",
		client: http.Client{Transport: transport, Timeout: callTimeout,
			// The headers are for the collector alone.
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return http.ErrUseLastResponse
			}},
	}
	e.spans = outbox.New(outbox.Config[*trace.Span]{
		Name: "traces", Waiting: maxWaiting, Batch: maxBatch, Every: batchEvery, Tries: maxTries,
		Send: e.send, Log: cfg.Log.With("collector", e.url),
	})
	return e
}

// Take has a span sent that has ended. It never waits: the span is lost when too many
// wait already.
func (e *Exporter) Take(s *trace.Span) { e.spans.Put(s) }

// State returns what became of the spans so far.
func (e *Exporter) State() metrics.Export {
	return metrics.Export{Name: "traces", Sent: e.spans.Sent(), Lost: e.spans.Lost()}
}

// Close sends what waits, as far as that is possible within a few seconds. It may be
// called twice. What is taken from then on is lost.
func (e *Exporter) Close() {
	e.spans.Close()
	e.client.CloseIdleConnections()
}

// send makes one request with a batch.
func (e *Exporter) send(ctx context.Context, batch []*trace.Span) outbox.Result[*trace.Span] {
	rejected, err := e.post(ctx, encode(batch, e.cfg.Version, e.cfg.Instance))
	var passing *passingError
	switch {
	case errors.As(err, &passing):
		return outbox.Result[*trace.Span]{Again: batch, After: passing.after, Err: err}
	case err != nil:
		return outbox.Result[*trace.Span]{Err: err}
	case rejected > 0:
		err = errRejected
	}
	return outbox.Result[*trace.Span]{Sent: len(batch) - min(rejected, len(batch)), Err: err}
}
