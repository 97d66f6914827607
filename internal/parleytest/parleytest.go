// Package parleytest starts a whole server for a test: the real app on free
// ports, with an HTTP and a WebSocket client. The same tests can run against one
// server and against a cluster. It is for tests only.
package parleytest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"go.uber.org/goleak"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/app/config"
)

// Region is the region that a Client signs for, unless told otherwise.
const Region = "us-east-1"

// Server is a running server, and a client of it. When it stands for a cluster, App and
// Admin are those of the first node, and the client uses all of them.
type Server struct {
	*app.App
	*Client
	Admin string // URL of the admin listener
}

// Client calls a server's control plane and opens sessions, or does so with several
// servers in turn.
type Client struct {
	URL    string  // http://HOST:PORT, or https
	spread *spread // over several servers; nil for all to URL
	region string
	key    aws.Credentials
	http   *http.Client
	roots  *x509.CertPool // of the server's certificate; nil are the system's
	dial   dialFunc       // for sessions; nil is an ordinary one
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// As returns a client that signs with another access key.
func (c *Client) As(keyID, secret string) *Client {
	other := *c
	other.key = aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}
	return &other
}

// In returns a client that signs for another region.
func (c *Client) In(region string) *Client {
	other := *c
	other.region = region
	return &other
}

// Trusting returns a client of a server with TLS, whose URL is https://HOST:PORT, and
// whose certificate one of the roots has signed.
func (c *Client) Trusting(t testing.TB, roots *x509.CertPool) *Client {
	other := *c
	other.roots = roots
	other.http = newHTTPClient(t, &tls.Config{RootCAs: roots})
	return &other
}

// Dialing returns a client that opens sessions over connections of its own kind: dial
// returns a TCP connection.
func (c *Client) Dialing(dial dialFunc) *Client {
	other := *c
	other.dial = dial
	return &other
}

// NewClient returns a client that signs with the default profile of an AWS shared
// credentials file.
func NewClient(t testing.TB, server, credentials string) *Client {
	t.Helper()
	text, err := os.ReadFile(credentials)
	if err != nil {
		t.Fatal(err)
	}
	var key aws.Credentials
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " = ")
		switch name {
		case "aws_access_key_id":
			key.AccessKeyID = value
		case "aws_secret_access_key":
			key.SecretAccessKey = value
		}
	}
	return newClient(t, server, key)
}

// Anonymous returns a client of a server without an access key: see As.
func Anonymous(t testing.TB, server string) *Client {
	return newClient(t, server, aws.Credentials{})
}

func newClient(t testing.TB, server string, key aws.Credentials) *Client {
	return &Client{URL: server, region: Region, key: key, http: newHTTPClient(t, nil)}
}

func newHTTPClient(t testing.TB, settings *tls.Config) *http.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 100, TLSClientConfig: settings}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// Start starts what a test is about that does not care whether it is one server or
// several: a server as StartOne does, or a cluster where Main says so. A test may get a
// cluster that others had before, without anything in it.
func Start(t testing.TB, options ...func(*app.Config)) *Server {
	t.Helper()
	if nodes := shared.nodes(); nodes > 1 {
		return shared.start(t, nodes, options)
	}
	return startOne(t, options...)
}

// StartOne starts a server that keeps everything in memory and enforces the
// documented quotas. Options change its settings. The server is closed at the end
// of the test, which fails if a goroutine of it is left. Where tests run on several
// nodes, those of one node are skipped.
func StartOne(t testing.TB, options ...func(*app.Config)) *Server {
	t.Helper()
	if Nodes() > 1 {
		t.Skip("this is about one node, and runs without PARLEY_TEST_NODES")
	}
	return startOne(t, options...)
}

func startOne(t testing.TB, options ...func(*app.Config)) *Server {
	t.Helper()
	others := goleak.IgnoreCurrent()
	cfg := newConfig()
	cfg.Dev = true
	for _, option := range options {
		option(&cfg)
	}
	log := slog.New(slog.NewTextHandler(testWriter{t}, nil))
	a, err := app.Start(t.Context(), cfg, log)
	if err != nil {
		t.Fatalf("start server: %v", err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Errorf("close server: %v", err)
		}
		shared.verify(t, others)
	})
	return newServer(t, a)
}

// newConfig returns the settings that all servers start from.
func newConfig() app.Config {
	cfg := config.Default()
	cfg.Listen, cfg.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
	return cfg
}

func newServer(t testing.TB, a *app.App) *Server {
	return &Server{
		App:    a,
		Client: newClient(t, "http://"+a.Addr().String(), testKey),
		Admin:  "http://" + a.AdminAddr().String(),
	}
}

// testKey is the access key of all servers that are started here.
var testKey = aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}

// testWriter shows the server's log with the test that it belongs to.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(line []byte) (int, error) {
	w.t.Log("server: " + string(bytes.TrimSpace(line)))
	return len(line), nil
}

// Answer is what a control plane call returned.
type Answer struct {
	Status int
	Error  string // x-amzn-ErrorType; empty for a success
	Header http.Header
	Body   map[string]any
}

// Call signs and makes a control plane call with the members of in, of which nil
// has none. The answer may be a failure.
func (c *Client) Call(t testing.TB, operation string, in any) Answer {
	t.Helper()
	answer, err := c.TryCall(operation, in)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// TryCall is Call for a server that may be gone.
func (c *Client) TryCall(operation string, in any) (Answer, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return Answer{}, err
	}
	if string(body) == "null" { // no members
		body = []byte("{}")
	}
	return c.send(http.MethodPost, "/"+operation, body)
}

// Tags makes a call on the tags of a resource; query and body may be empty.
func (c *Client) Tags(t testing.TB, method, arn, query, body string) Answer {
	t.Helper()
	answer, err := c.send(method, "/tags/"+url.PathEscape(arn)+query, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func (c *Client) send(method, target string, body []byte) (Answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	url := c.spread.call(c.URL) + target
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	sum := sha256.Sum256(body)
	err = v4.NewSigner().SignHTTP(ctx, c.key, req, hex.EncodeToString(sum[:]),
		"ivschat", c.region, time.Now())
	if err != nil {
		return Answer{}, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer res.Body.Close()
	return read(res)
}

func read(res *http.Response) (Answer, error) {
	answer := Answer{Status: res.StatusCode, Error: res.Header.Get("x-amzn-ErrorType"),
		Header: res.Header}
	text, err := io.ReadAll(res.Body)
	if err != nil || len(text) == 0 {
		return answer, err
	}
	if err := json.Unmarshal(text, &answer.Body); err != nil {
		return answer, fmt.Errorf("answer %q: %w", text, err)
	}
	return answer, nil
}

// CreateRoom makes a room and returns its ARN. The settings are the members of a
// CreateRoom call.
func (c *Client) CreateRoom(t testing.TB, settings map[string]any) string {
	t.Helper()
	a := c.Call(t, "CreateRoom", settings)
	if a.Status != http.StatusOK {
		t.Fatalf("CreateRoom %v: %+v", settings, a)
	}
	return a.Body["arn"].(string)
}

// Token mints a token for a user of a room.
func (c *Client) Token(t testing.TB, room, userID string, capabilities ...string) string {
	t.Helper()
	a := c.Call(t, "CreateChatToken", map[string]any{
		"roomIdentifier": room, "userId": userID, "capabilities": capabilities,
		"attributes": map[string]string{"displayName": userID},
	})
	if a.Status != http.StatusOK {
		t.Fatalf("CreateChatToken for %s: %+v", userID, a)
	}
	return a.Body["token"].(string)
}

// timeout bounds what a test waits for.
const timeout = 30 * time.Second

// Frame is a frame of the server: a MESSAGE, an EVENT or an ERROR.
type Frame struct {
	Type         string
	ID           string `json:"Id"`
	RequestID    string `json:"RequestId"`
	Content      string
	EventName    string
	Attributes   map[string]string
	SendTime     time.Time
	Sender       parley.Sender
	ErrorCode    int
	ErrorMessage string
}
