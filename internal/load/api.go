package load

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/internal/load/sockets"
)

// Target is a server, and who calls it.
type Target struct {
	URL string // of the control plane: http://HOST:PORT
	// ChatURLs are those of the messaging plane, ws://HOST:PORT, of a cluster's nodes:
	// sessions are spread over them evenly. When there are none, the host of URL is one.
	ChatURLs    []string
	Region      string // that calls are signed for
	Credentials aws.CredentialsProvider

	// Probe says what the server's process uses. It may be nil.
	Probe Probe
}

// chat returns the URLs of the messaging plane.
func (t Target) chat() []string {
	if u, err := url.Parse(t.URL); len(t.ChatURLs) == 0 && err == nil {
		u.Path, u.RawPath, u.RawQuery = "", "", ""
		return []string{u.String()}
	}
	return t.ChatURLs
}

// servers finds where sessions are opened.
func (t Target) servers(ctx context.Context) (servers []sockets.Server, err error) {
	for _, address := range t.chat() {
		s, err := sockets.Find(ctx, address)
		if err != nil {
			return nil, err
		}
		servers = append(servers, s)
	}
	return servers, nil
}

// kind returns the status and the type of a refusal.
func kind(r *api.Refusal) string { return fmt.Sprintf("%d %s", r.Status, r.Code) }

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

// calls makes calls of the control plane. Its methods may be used from any goroutine.
type calls struct {
	client *http.Client
	api    *api.Client
}

// newCalls returns calls that keep up to connections open. They have to be closed.
func newCalls(target Target, connections int) *calls {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = connections, connections
	transport.DisableCompression = true
	client := &http.Client{Transport: transport, Timeout: callTimeout}
	return &calls{client, api.New(api.Config{
		URL: target.URL, Region: target.Region, Credentials: target.Credentials,
		HTTP: client, Attempts: 1,
	})}
}

func (c *calls) close() { c.client.CloseIdleConnections() }

// call makes a call, once. The error says what to do about a quota.
func (c *calls) call(ctx context.Context, operation string, in api.Object) (api.Object, error) {
	op, _ := parley.OperationNamed(operation)
	answer, err := c.api.Call(ctx, op, in)
	switch refused := (*api.Refusal)(nil); {
	case errors.As(err, &refused):
		return nil, fmt.Errorf("%w%s", err, hintFor(refused.Status))
	case err != nil:
		return nil, fmt.Errorf("%s: %w", operation, err)
	}
	return answer, nil
}

// mint returns a token for a session of a room.
func (c *calls) mint(ctx context.Context, room, userID string) (string, error) {
	return c.text(ctx, "CreateChatToken", "token", api.Object{
		{Name: "roomIdentifier", Value: room},
		{Name: "userId", Value: userID},
		{Name: "capabilities", Value: []any{"SEND_MESSAGE"}},
		{Name: "sessionDurationInMinutes", Value: parley.MaxSessionMinutes},
	})
}

// createRoom makes a room with the highest limits that there are, and returns its
// ARN.
func (c *calls) createRoom(ctx context.Context) (string, error) {
	return c.text(ctx, "CreateRoom", "arn", api.Object{
		{Name: "name", Value: "parley-bench"},
		{Name: "maximumMessageRatePerSecond", Value: parley.MaxMessageRatePerSecond},
		{Name: "maximumMessageLength", Value: parley.MaxMessageLength},
	})
}

// text makes a call and returns a member of the answer, which has to be there.
func (c *calls) text(ctx context.Context, operation, member string, in api.Object) (string, error) {
	out, err := c.call(ctx, operation, in)
	if err != nil {
		return "", err
	}
	value := out.Text(member)
	if value == "" {
		return "", fmt.Errorf("%s: the answer has no %s", operation, member)
	}
	return value, nil
}

func (c *calls) deleteRoom(ctx context.Context, arn string) error {
	_, err := c.call(ctx, "DeleteRoom", api.Object{{Name: "identifier", Value: arn}})
	return err
}

// explain adds to a refused handshake what to do about it.
func explain(err error) error {
	var refused *sockets.HandshakeError
	if errors.As(err, &refused) && hintFor(refused.Status) != "" {
		return fmt.Errorf("%w%s", err, hintFor(refused.Status))
	}
	return err
}
