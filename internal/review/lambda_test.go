package review_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/parley-chat/parley/internal/metrics"
	"github.com/parley-chat/parley/internal/review"
)

// invocation is a call of a lambdaServer.
type invocation struct {
	uri    string
	header http.Header
	body   []byte
	host   string
}

// lambdaServer answers calls of the Invoke API as told, and keeps them.
type lambdaServer struct {
	url string

	mu     sync.Mutex // guards what follows
	calls  []invocation
	answer func(w http.ResponseWriter)
}

func serveLambda(t *testing.T) *lambdaServer {
	t.Helper()
	l := &lambdaServer{answer: func(w http.ResponseWriter) { _, _ = io.WriteString(w, allow) }}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	l.url = server.URL
	return l
}

func (l *lambdaServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Method == http.MethodPost {
		l.calls = append(l.calls, invocation{r.RequestURI, r.Header, body, r.Host})
		l.answer(w)
	}
}

// take returns the calls since the last time.
func (l *lambdaServer) take() (calls []invocation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	calls, l.calls = l.calls, nil
	return calls
}

func (l *lambdaServer) answerWith(answer func(w http.ResponseWriter)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answer = answer
}

// start returns a Reviewer that reaches servers by sockets, with a time-out that a busy
// machine keeps.
func start(t *testing.T, cfg review.Config) *review.Reviewer {
	t.Helper()
	if cfg.Timeout == 0 {
		cfg.Timeout = 5 * time.Second
	}
	r, err := review.New(cfg, func(path string) string { return path }, metrics.New(),
		slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// foreignAWS takes the user's own AWS settings away.
func foreignAWS(t *testing.T) {
	for _, name := range []string{"AWS_PROFILE", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
		"AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

// signedBy reports whether a call has the signature that the AWS signer makes.
func (c invocation) signedBy(t *testing.T, key aws.Credentials, region string) bool {
	t.Helper()
	authorization := c.header.Get("Authorization")
	_, list, _ := strings.Cut(authorization, "SignedHeaders=")
	list, _, _ = strings.Cut(list, ",")
	at, err := time.Parse("20060102T150405Z", c.header.Get("X-Amz-Date"))
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, "http://"+c.host+c.uri, bytes.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range c.header {
		if slices.Contains(strings.Split(list, ";"), strings.ToLower(name)) {
			req.Header[name] = values
		}
	}
	sum := sha256.Sum256(c.body)
	err = v4.NewSigner().SignHTTP(context.Background(), key, req, hex.EncodeToString(sum[:]), "lambda", region, at)
	if err != nil {
		t.Fatal(err)
	}
	return req.Header.Get("Authorization") == authorization
}

func TestInvoke(t *testing.T) {
	foreignAWS(t)
	t.Setenv("SECRET", "top secret")
	key := aws.Credentials{AccessKeyID: "PKREVIEW", SecretAccessKey: "top secret"}
	const arn = "arn:aws:lambda:us-west-2:123456789012:function:moderate:prod"
	const path = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-west-2%3A123456789012%3Afunction%3A" +
		"moderate%3Aprod/invocations"
	for _, tt := range []struct {
		name, region, function string // settings
		path, signedFor        string
	}{
		{"the ARN's region", "", "", path, "us-west-2"},
		{"another region", "eu-west-1", "", path, "eu-west-1"},
		{"another name", "", "moderate", "/2015-03-31/functions/moderate/invocations", "us-west-2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := serveLambda(t)
			r := start(t, configOf(review.TargetConfig{ARN: "arn:aws:lambda:*", Lambda: &review.LambdaConfig{
				Endpoint: server.url, Region: tt.region, Function: tt.function,
				AccessKeyID: key.AccessKeyID, SecretConfig: review.SecretConfig{SecretEnv: "SECRET"}}}))
			m := allowing
			m.Handler.URI = arn
			if o := r.Try(m); o.Result != review.Allowed || o.Decision.Content != "reviewed" {
				t.Fatalf("%+v, want the function to decide", o)
			}
			calls := server.take()
			if len(calls) != 1 {
				t.Fatalf("%d calls, want 1", len(calls))
			}
			call := calls[0]
			if call.uri != tt.path {
				t.Errorf("the path is %s, want %s", call.uri, tt.path)
			}
			if got := call.header.Get("Content-Type"); got != "application/octet-stream" {
				t.Errorf("Content-Type is %s", got)
			}
			for _, absent := range []string{"X-Amz-Invocation-Type", "X-Amz-Log-Type", "X-Amz-Client-Context"} {
				if got := call.header[absent]; got != nil {
					t.Errorf("%s is %v, want none", absent, got)
				}
			}
			if !bytes.Contains(call.body, []byte(`"Content":"hello"`)) {
				t.Errorf("the body is %s", call.body)
			}
			if !call.signedBy(t, key, tt.signedFor) {
				t.Errorf("Authorization is %s, want a signature for lambda in %s",
					call.header.Get("Authorization"), tt.signedFor)
			}
		})
	}
}

// TestInvokeFails has the API answer with errors of its own and of the function. Tools
// would try some of them again, and as often as the environment says.
func TestInvokeFails(t *testing.T) {
	foreignAWS(t)
	t.Setenv("SECRET", "top secret")
	t.Setenv("AWS_MAX_ATTEMPTS", "5")
	t.Setenv("AWS_RETRY_MODE", "adaptive")
	for _, tt := range []struct {
		name   string
		status int
		header map[string]string
		body   string
		want   review.Failure
	}{
		{"function failed", 200, map[string]string{"X-Amz-Function-Error": "Unhandled"},
			`{"errorMessage":"boom","errorType":"Error"}`, review.Function},
		{"function failed and decided", 200, map[string]string{"X-Amz-Function-Error": "Handled"}, allow, review.Function},
		{"asynchronous", 202, nil, allow, review.Invocation},
		{"no content", 204, nil, "", review.Invocation},
		{"bad request", 400, map[string]string{"X-Amzn-ErrorType": "InvalidRequestContentException"}, `{}`, review.Invocation},
		{"permission missing", 403, map[string]string{"X-Amzn-ErrorType": "AccessDeniedException"}, `{}`, review.Invocation},
		{"function missing", 404, map[string]string{"X-Amzn-ErrorType": "ResourceNotFoundException"}, `{}`, review.Invocation},
		{"conflict", 409, map[string]string{"X-Amzn-ErrorType": "ResourceConflictException"}, `{}`, review.Invocation},
		{"too large", 413, map[string]string{"X-Amzn-ErrorType": "RequestTooLargeException"}, `{}`, review.Invocation},
		{"throttled", 429, map[string]string{"X-Amzn-ErrorType": "TooManyRequestsException", "Retry-After": "0"}, `{}`, review.Invocation},
		{"service failed", 500, map[string]string{"X-Amzn-ErrorType": "ServiceException"}, `{}`, review.Invocation},
		{"gateway failed", 502, nil, ``, review.Invocation},
		{"unavailable", 503, nil, ``, review.Invocation},
		{"moved", 307, map[string]string{"Location": "/elsewhere"}, ``, review.Invocation},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := serveLambda(t)
			server.answerWith(func(w http.ResponseWriter) {
				for name, value := range tt.header {
					w.Header().Set(name, value)
				}
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			r := start(t, configOf(review.TargetConfig{ARN: "*", Lambda: &review.LambdaConfig{
				Endpoint: server.url, AccessKeyID: "PKREVIEW",
				SecretConfig: review.SecretConfig{SecretEnv: "SECRET"}}}))
			if o := r.Try(allowing); o.Failure != tt.want || o.Result != review.FallbackAllowed {
				t.Errorf("%+v, want a failure of the kind %s", o, tt.want)
			}
			if n := len(server.take()); n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
		})
	}
}

// TestProfile takes credentials from a profile of the shared files.
func TestProfile(t *testing.T) {
	foreignAWS(t)
	credentials := filepath.Join(t.TempDir(), "credentials")
	text := "[reviews]\naws_access_key_id = PKPROFILE\naws_secret_access_key = profile secret\n"
	if err := os.WriteFile(credentials, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", credentials)
	server := serveLambda(t)
	r := start(t, configOf(review.TargetConfig{ARN: "*",
		Lambda: &review.LambdaConfig{Endpoint: server.url, Profile: "reviews"}}))
	if o := r.Try(allowing); o.Err != nil {
		t.Fatal(o.Err)
	}
	key := aws.Credentials{AccessKeyID: "PKPROFILE", SecretAccessKey: "profile secret"}
	if !server.take()[0].signedBy(t, key, "us-east-1") {
		t.Error("the call is not signed with the profile's key")
	}
}

// TestUnmappedFunctionsAreInvokedAtAWS uses the settings that AWS tools have.
func TestUnmappedFunctionsAreInvokedAtAWS(t *testing.T) {
	foreignAWS(t)
	server := serveLambda(t)
	t.Setenv("AWS_ENDPOINT_URL_LAMBDA", server.url)
	t.Setenv("AWS_ACCESS_KEY_ID", "PKENV")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "env secret")
	r := start(t, review.Config{AWS: true, Strict: true})
	if o := r.Try(allowing); o.Result != review.Allowed || o.Target != "aws" {
		t.Fatalf("%+v, want the function to decide", o)
	}
	key := aws.Credentials{AccessKeyID: "PKENV", SecretAccessKey: "env secret"}
	if !server.take()[0].signedBy(t, key, "us-east-1") {
		t.Error("the call is not signed with the key of the environment")
	}
	if !r.Has(function) {
		t.Error("in strict mode, functions at AWS may not be named, want that they may")
	}
}

// TestNothingWaitsForCredentials has a machine without credentials, whose metadata
// service never answers.
func TestNothingWaitsForCredentials(t *testing.T) {
	foreignAWS(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	t.Setenv("AWS_EC2_METADATA_DISABLED", "false")
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://"+silent.Addr().String())
	begin := time.Now()
	r := start(t, review.Config{AWS: true, Timeout: 50 * time.Millisecond})
	for range 30 { // some time out, and then the breaker opens
		if o := r.Try(denying); o.Result != review.FallbackDenied || o.Failure != review.Invocation {
			t.Errorf("%+v, want a failed invocation", o)
		}
	}
	r.Close()
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("30 reviews took %s", took)
	}
}
