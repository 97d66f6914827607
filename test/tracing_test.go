package test

// Traces of a started server, as a collector gets them by OTLP over HTTP.

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/app/config"
	"github.com/parley-chat/parley/internal/parleytest"
)

// traceWait is how long a test waits for spans.
const traceWait = patience

// collector takes spans by OTLP over HTTP.
type collector struct {
	t      *testing.T
	server *httptest.Server
	status func() int // of the next answer; nil: 200
	grown  chan struct{}

	mu    sync.Mutex // guards what follows
	spans []*tracepb.Span
	raw   []byte // all bodies
	auth  string // of the last request
}

func startCollector(t *testing.T) *collector {
	c := &collector{t: t, grown: make(chan struct{}, 1)}
	c.server = httptest.NewServer(http.HandlerFunc(c.serve))
	t.Cleanup(c.server.Close)
	return c
}

func (c *collector) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" ||
		r.Header.Get("Content-Type") != "application/x-protobuf" {
		c.t.Errorf("the collector got %s %s as %q (%v)", r.Method, r.URL,
			r.Header.Get("Content-Type"), err)
	}
	if c.status != nil {
		if status := c.status(); status != http.StatusOK {
			w.WriteHeader(status)
			return
		}
	}
	var data tracepb.TracesData
	if err := proto.Unmarshal(body, &data); err != nil {
		c.t.Errorf("the collector got no spans: %v", err)
	}
	c.mu.Lock()
	for _, resource := range data.ResourceSpans {
		if got := attributeText(resource.Resource.Attributes, "service.name"); got != "parley" {
			c.t.Errorf("service.name is %q, want parley", got)
		}
		for _, scope := range resource.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
	c.raw, c.auth = append(c.raw, body...), r.Header.Get("Authorization")
	c.mu.Unlock()
	select {
	case c.grown <- struct{}{}:
	default:
	}
}

// traced is the option of a server that traces everything.
func (c *collector) traced(cfg *app.Config) {
	cfg.Tracing = config.TracingConfig{Endpoint: c.server.URL, Sample: 1}
}

// span waits for the first span that fits.
func (c *collector) span(fits func(*tracepb.Span) bool) *tracepb.Span {
	c.t.Helper()
	timeout := time.After(traceWait)
	for {
		c.mu.Lock()
		for _, s := range c.spans {
			if fits(s) {
				c.mu.Unlock()
				return s
			}
		}
		var names []string
		for _, s := range c.spans {
			names = append(names, s.Name)
		}
		c.mu.Unlock()
		select {
		case <-c.grown:
		case <-timeout:
			c.t.Fatalf("the span is not among those that came: %v", names)
		}
	}
}

func (c *collector) named(name string) *tracepb.Span {
	c.t.Helper()
	return c.span(func(s *tracepb.Span) bool { return s.Name == name })
}

// has reports whether there is a span of a name.
func (c *collector) has(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if s.Name == name {
			return true
		}
	}
	return false
}

// attributeText returns an attribute as text; one that is not there is empty.
func attributeText(attributes []*commonpb.KeyValue, key string) string {
	for _, a := range attributes {
		if a.Key != key {
			continue
		}
		switch v := a.Value.Value.(type) {
		case *commonpb.AnyValue_StringValue:
			return v.StringValue
		case *commonpb.AnyValue_IntValue:
			return fmt.Sprint(v.IntValue)
		case *commonpb.AnyValue_BoolValue:
			return fmt.Sprint(v.BoolValue)
		}
	}
	return ""
}

func wantAttribute(t *testing.T, s *tracepb.Span, key, want string) {
	t.Helper()
	if got := attributeText(s.Attributes, key); got != want {
		t.Errorf("%s: attribute %s is %q, want %q", s.Name, key, got, want)
	}
}

func wantChild(t *testing.T, parent, child *tracepb.Span) {
	t.Helper()
	if !bytes.Equal(child.TraceId, parent.TraceId) || !bytes.Equal(child.ParentSpanId, parent.SpanId) {
		t.Errorf("%s is no child of %s", child.Name, parent.Name)
	}
	if child.StartTimeUnixNano < parent.StartTimeUnixNano ||
		child.EndTimeUnixNano < child.StartTimeUnixNano {
		t.Errorf("%s begins at %d and ends at %d, in %s from %d on", child.Name,
			child.StartTimeUnixNano, child.EndTimeUnixNano, parent.Name, parent.StartTimeUnixNano)
	}
}

// saySecrets sends a message whose every part is somebody's own.
func saySecrets(t *testing.T, u *parleytest.User) {
	t.Helper()
	u.Send(t, `{"Action":"SEND_MESSAGE","Content":"content-7hK","RequestId":"request-7hK",`+
		`"Attributes":{"key-7hK":"value-7hK"}}`)
}

func (c *collector) wantNoSecrets(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if bytes.Contains(c.raw, []byte("7hK")) {
		t.Errorf("the spans say what a user said or is called: %q", c.raw)
	}
}

func TestTraceOfMessage(t *testing.T) {
	c := startCollector(t)
	srv := parleytest.StartOne(t, c.traced)
	room := srv.CreateRoom(t, nil)
	ana := srv.Join(t, room, "ana-7hK", "SEND_MESSAGE")
	saySecrets(t, ana)
	frame := ana.Next(t)

	root, publish, deliver := c.named("SEND_MESSAGE"), c.named("publish"), c.named("deliver")
	if len(root.ParentSpanId) != 0 || root.Kind != tracepb.Span_SPAN_KIND_SERVER ||
		root.Status != nil {
		t.Errorf("the trace begins with %v", root)
	}
	wantChild(t, root, publish)
	wantChild(t, publish, deliver)
	wantAttribute(t, root, "parley.room", room)
	wantAttribute(t, root, "parley.frame_id", frame.ID)
	wantAttribute(t, root, "error.type", "")
	wantAttribute(t, deliver, "parley.room", room)
	wantAttribute(t, deliver, "parley.sessions", "1")
	if c.has("review") {
		t.Error("a message was reviewed in a room without a handler")
	}
	c.wantNoSecrets(t)
}

func TestTraceOfReviewedMessage(t *testing.T) {
	c := startCollector(t)
	option := webhook(t, func(p reviewPayload) string { return allowed(p.Content) })
	srv := parleytest.StartOne(t, c.traced, option, slowly)
	ana := srv.Join(t, srv.CreateRoom(t, reviewed("DENY")), "ana-7hK", "SEND_MESSAGE")
	saySecrets(t, ana)
	ana.Next(t)

	root, review, publish := c.named("SEND_MESSAGE"), c.named("review"), c.named("publish")
	wantChild(t, root, review)
	wantChild(t, root, publish)
	wantChild(t, publish, c.named("deliver"))
	wantAttribute(t, review, "parley.review.uri", reviewFunction)
	wantAttribute(t, review, "parley.review.allowed", "true")
	if publish.StartTimeUnixNano < review.EndTimeUnixNano {
		t.Error("the message was published before its review ended")
	}
	c.wantNoSecrets(t)
}

func TestTraceOfDeniedMessage(t *testing.T) {
	c := startCollector(t)
	option := webhook(t, func(reviewPayload) string {
		return `{"ReviewResult":"DENY","Attributes":{"Reason":"reason-7hK"}}`
	})
	srv := parleytest.StartOne(t, c.traced, option, slowly)
	ana := srv.Join(t, srv.CreateRoom(t, reviewed("ALLOW")), "ana-7hK", "SEND_MESSAGE")
	saySecrets(t, ana)
	ana.Next(t)

	root := c.named("SEND_MESSAGE")
	wantAttribute(t, root, "error.type", "not_acceptable")
	wantAttribute(t, c.named("review"), "parley.review.allowed", "false")
	if root.Status != nil {
		t.Errorf("a denial is an error of the server: %v", root.Status)
	}
	if c.has("publish") || c.has("deliver") {
		t.Error("a message that was denied has been published")
	}
	c.wantNoSecrets(t)
}

// callTraced makes an API call with a traceparent header, and returns the request id.
func callTraced(t *testing.T, srv *parleytest.Server, secret, traceparent string) string {
	t.Helper()
	body := `{"maxResults":1}`
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/ListRooms",
		strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	err = v4.NewSigner().SignHTTP(t.Context(),
		aws.Credentials{AccessKeyID: "test", SecretAccessKey: secret}, r,
		hex.EncodeToString(sum[:]), "ivschat", parleytest.Region, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Traceparent", traceparent)
	r.Close = true
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.Header.Get("X-Amzn-Requestid")
}

func TestTraceOfCall(t *testing.T) {
	c := startCollector(t)
	srv := parleytest.StartOne(t, c.traced)
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	tests := []struct {
		name, secret, header string
		joins                bool
		status, failure      string
	}{
		{"no trace of the caller", "test", "", false, "200", ""},
		{"a trace of the caller", "test", "00-" + trace + "-" + parent + "-01", true, "200", ""},
		{"a header that is none", "test", "00-" + trace + "-01", false, "200", ""},
		{"a stranger's trace", "wrong", "00-" + trace + "-" + parent + "-01", false, "403",
			"invalid_signature"},
	}
	silent := callTraced(t, srv, "test", "00-"+trace+"-"+parent+"-00")
	var ids []string
	for _, test := range tests {
		ids = append(ids, callTraced(t, srv, test.secret, test.header))
	}
	for i, test := range tests {
		s := c.span(func(s *tracepb.Span) bool {
			return attributeText(s.Attributes, "parley.request_id") == ids[i]
		})
		if s.Name != "ListRooms" || s.Kind != tracepb.Span_SPAN_KIND_SERVER {
			t.Errorf("%s: the span is %v", test.name, s)
		}
		wantAttribute(t, s, "parley.operation", "ListRooms")
		wantAttribute(t, s, "http.response.status_code", test.status)
		wantAttribute(t, s, "error.type", test.failure)
		joins := hex.EncodeToString(s.TraceId) == trace && hex.EncodeToString(s.ParentSpanId) == parent
		if joins != test.joins || !joins && len(s.ParentSpanId) > 0 {
			t.Errorf("%s: the span is of the caller's trace: %t, want %t", test.name, joins, test.joins)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans { // in the order of the calls
		if attributeText(s.Attributes, "parley.request_id") == silent {
			t.Error("a call is traced whose caller does not record its trace")
		}
	}
}

// lost returns how many spans a server has lost.
func lost(t *testing.T, srv *parleytest.Server) int {
	t.Helper()
	res, err := http.Get(srv.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	return metricOf(t, string(page), `parley_exports_lost_total{export="traces"}`)
}

func TestCollectorThatTakesNothing(t *testing.T) {
	refused := make(chan struct{}, 100)
	c := startCollector(t)
	c.status = func() int { refused <- struct{}{}; return http.StatusBadRequest }
	srv := parleytest.StartOne(t, c.traced)
	ana := srv.Join(t, srv.CreateRoom(t, nil), "ana", "SEND_MESSAGE")
	ana.Say(t, "hello")
	if got := ana.Next(t); got.Content != "hello" {
		t.Errorf("received %+v, want hello", got)
	}
	<-refused
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for timeout := time.After(traceWait); lost(t, srv) == 0; {
		select {
		case <-ticker.C:
		case <-timeout:
			t.Fatal("no span counts as lost")
		}
	}
}

func TestCollectorThatIsGone(t *testing.T) {
	c := startCollector(t)
	c.server.Close()
	srv := parleytest.StartOne(t, c.traced) // which fails the test when its end hangs
	ana := srv.Join(t, srv.CreateRoom(t, nil), "ana", "SEND_MESSAGE")
	for i := range 5 {
		want := fmt.Sprint("hello ", i)
		ana.Say(t, want)
		if got := ana.Next(t); got.Content != want {
			t.Errorf("received %+v, want %s", got, want)
		}
	}
}

func TestCollectorGetsHeaders(t *testing.T) {
	c := startCollector(t)
	file := filepath.Join(t.TempDir(), "headers")
	if err := os.WriteFile(file, []byte("Authorization: Bearer of-news\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	srv := parleytest.StartOne(t, c.traced, func(cfg *app.Config) { cfg.Tracing.HeadersFile = file })
	srv.CreateRoom(t, nil)
	c.named("CreateRoom")
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.auth != "Bearer of-news" {
		t.Errorf("the collector got Authorization %q, want that of the file", c.auth)
	}
}
