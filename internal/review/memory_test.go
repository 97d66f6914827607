package review_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/hub"
	"github.com/parley-chat/parley/internal/metrics"
	"github.com/parley-chat/parley/internal/review"
)

// TestMain fails on goroutines that are left. The AWS SDK's search for credentials goes
// on for a while after it was given up, and has an end of its own.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction(
		"github.com/aws/aws-sdk-go-v2/internal/sync/singleflight.(*Group).doCall"))
}

// function is the ARN that rooms name.
const function = "arn:aws:lambda:us-east-1:123456789012:function:moderate"

// allowing and denying are messages of rooms with either fallback.
var (
	allowing = message(parley.FallbackAllow)
	denying  = message(parley.FallbackDeny)
)

func message(fallback parley.Fallback) hub.Review {
	return hub.Review{
		Handler:   parley.ReviewHandler{URI: function, Fallback: fallback},
		MaxLength: 500,
		Room:      parley.World{Region: "us-east-1", Account: "123456789012"}.NewRoomARN(),
		MessageID: "AbCdEfGh1234",
		Content:   "hello",
		Sender:    parley.Sender{UserID: "ana"},
	}
}

// pipes is a network without sockets: what is dialed is accepted.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// serve serves HTTP in a bubble until the end of the test.
func serve(t *testing.T, handler http.HandlerFunc) review.Dial {
	t.Helper()
	p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: handler}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(p)
	}()
	t.Cleanup(func() {
		_ = server.Shutdown(context.Background()) // waits for the handlers
		<-done
	})
	return p.dial
}

// open returns a Reviewer for a bubble, which is closed at the end of the test.
func open(t *testing.T, cfg review.Config, dial review.Dial) *review.Reviewer {
	t.Helper()
	r, err := review.NewDialing(cfg, metrics.New(), dial)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	synctest.Wait() // until connections are warm
	return r
}

const (
	allow = `{"ReviewResult":"ALLOW","Content":"reviewed"}`
	deny  = `{"ReviewResult":"DENY","Attributes":{"Reason":"spam"}}`
)

// functionServer answers calls after a time, and anything else at once.
type functionServer struct {
	delay atomic.Int64 // nanoseconds
	calls atomic.Int32
	body  atomic.Value // a string
}

func newFunction(body string, delay time.Duration) *functionServer {
	f := &functionServer{}
	f.body.Store(body)
	f.take(delay)
	return f
}

func (f *functionServer) take(delay time.Duration) { f.delay.Store(int64(delay)) }

func (f *functionServer) serve(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	if r.Method == http.MethodPost {
		f.calls.Add(1)
		time.Sleep(time.Duration(f.delay.Load()))
	}
	_, _ = io.WriteString(w, f.body.Load().(string))
}

// targets has a target of each kind that is called. The secret is in $SECRET.
func targets(t *testing.T) map[string]review.TargetConfig {
	t.Setenv("SECRET", "secret")
	secret := review.SecretConfig{SecretEnv: "SECRET"}
	return map[string]review.TargetConfig{
		"lambda": {ARN: function, Lambda: &review.LambdaConfig{Endpoint: "http://lambda.test",
			AccessKeyID: "key", SecretConfig: secret}},
		"emulator": {ARN: function, Emulator: &review.EmulatorConfig{URL: "http://emulator.test"}},
		"webhook": {ARN: function, Webhook: &review.WebhookConfig{URL: "http://webhook.test",
			PlainHTTP: true, SecretConfig: secret}},
	}
}

func configOf(targets ...review.TargetConfig) review.Config {
	return review.Config{Targets: targets}
}
