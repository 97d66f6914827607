package load

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/load/sockets"
)

// Target is a server, and who calls it.
type Target struct {
	URL         string // of the control plane: http://HOST:PORT
	ChatURL     string // of the messaging plane: ws://HOST:PORT; the host of URL when empty
	Region      string // that calls are signed for
	Credentials aws.CredentialsProvider

	// Probe says what the server's process uses. It may be nil.
	Probe Probe
}

// chat returns the URL of the messaging plane.
func (t Target) chat() string {
	if u, err := url.Parse(t.URL); t.ChatURL == "" && err == nil {
		u.Path, u.RawPath, u.RawQuery = "", "", ""
		return u.String()
	}
	return t.ChatURL
}

// CallError is a refusal of the control plane.
type CallError struct {
	Operation string
	Status    int
	Type      string // such as ThrottlingException; may be empty
	Message   string
}

func (e *CallError) Error() string {
	return fmt.Sprintf("%s: %s: %s%s", e.Operation, e.kind(),
		cmp.Or(e.Message, "no message"), hintFor(e.Status))
}

// kind returns the status and the type of the refusal.
func (e *CallError) kind() string {
	return fmt.Sprintf("%d %s", e.Status, cmp.Or(e.Type, http.StatusText(e.Status)))
}

// hintFor says what to do about a status with which servers enforce quotas.
func hintFor(status int) string {
	if status == http.StatusTooManyRequests || status == http.StatusPaymentRequired {
		return " (a quota of the server, unless it has more to do than it can: " +
			"start it with --quotas none, or raise its limits)"
	}
	return ""
}

// callTimeout bounds a call.
const callTimeout = 20 * time.Second

// maxAnswerBytes is more than any answer to these calls has.
const maxAnswerBytes = 1 << 20

// api calls the control plane. Its methods may be called from any goroutine.
type api struct {
	target Target
	client *http.Client
	signer *v4.Signer
}

// newAPI returns an api that keeps up to connections open. It has to be closed.
func newAPI(target Target, connections int) *api {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = connections, connections
	transport.DisableCompression = true
	return &api{
		target: target,
		client: &http.Client{Transport: transport, Timeout: callTimeout},
		signer: v4.NewSigner(),
	}
}

func (a *api) close() { a.client.CloseIdleConnections() }

// call signs and makes a call, and reads the answer into out unless that is nil. A
// refusal is a *CallError.
func (a *api) call(ctx context.Context, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := a.request(ctx, operation, body)
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	res, err := a.client.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswerBytes))
	if err != nil {
		return fmt.Errorf("%s: read the answer: %w", operation, err)
	}
	if res.StatusCode/100 != 2 {
		return refusalOf(operation, res, answer)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s: the answer is not what was expected: %w", operation, err)
	}
	return nil
}

func (a *api) request(ctx context.Context, operation string, body []byte) (*http.Request, error) {
	key, err := a.target.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("find credentials: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost,
		strings.TrimSuffix(a.target.URL, "/")+"/"+operation, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	sum := sha256.Sum256(body)
	return req, a.signer.SignHTTP(ctx, key, req, hex.EncodeToString(sum[:]),
		"ivschat", a.target.Region, time.Now())
}

func refusalOf(operation string, res *http.Response, answer []byte) error {
	e := &CallError{Operation: operation, Status: res.StatusCode}
	e.Type, _, _ = strings.Cut(res.Header.Get("x-amzn-ErrorType"), ":")
	var body struct{ Message string }
	if json.Unmarshal(answer, &body) == nil {
		e.Message = body.Message
	}
	return e
}

// mint returns a token for a session of a room.
func (a *api) mint(ctx context.Context, room, userID string) (string, error) {
	in := struct {
		Room         string   `json:"roomIdentifier"`
		UserID       string   `json:"userId"`
		Capabilities []string `json:"capabilities"`
		Minutes      int      `json:"sessionDurationInMinutes"`
	}{room, userID, []string{"SEND_MESSAGE"}, parley.MaxSessionMinutes}
	var out struct{ Token string }
	if err := a.call(ctx, "CreateChatToken", in, &out); err != nil {
		return "", err
	}
	if out.Token == "" {
		return "", errors.New("CreateChatToken: the answer has no token")
	}
	return out.Token, nil
}

// createRoom makes a room with the highest limits that there are, and returns its
// ARN.
func (a *api) createRoom(ctx context.Context) (string, error) {
	in := map[string]any{
		"name":                        "parley-bench",
		"maximumMessageRatePerSecond": parley.MaxMessageRatePerSecond,
		"maximumMessageLength":        parley.MaxMessageLength,
	}
	var out struct{ ARN string }
	if err := a.call(ctx, "CreateRoom", in, &out); err != nil {
		return "", err
	}
	if out.ARN == "" {
		return "", errors.New("CreateRoom: the answer has no ARN")
	}
	return out.ARN, nil
}

func (a *api) deleteRoom(ctx context.Context, arn string) error {
	return a.call(ctx, "DeleteRoom", map[string]string{"identifier": arn}, nil)
}

// explain adds to a refused handshake what to do about it.
func explain(err error) error {
	var refused *sockets.HandshakeError
	if errors.As(err, &refused) && hintFor(refused.Status) != "" {
		return fmt.Errorf("%w%s", err, hintFor(refused.Status))
	}
	return err
}
