package api

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/parley-chat/parley"
)

// DefaultAttempts is how often a call is made at most before its failure counts, as
// in every AWS SDK.
const DefaultAttempts = 3

// maxAnswerBytes is far more than any answer has: a page of 50 rooms, with 50 tags
// each, has about 1 MB.
const maxAnswerBytes = 16 << 20

// Config says where and as whom a Client calls.
type Config struct {
	URL         string                  // of the control plane, which may have a path
	Region      string                  // that calls are signed for
	Credentials aws.CredentialsProvider // nil: calls are not signed
	HTTP        *http.Client            // nil: http.DefaultClient
	Attempts    int                     // at most, at least 1; DefaultAttempts when 0
	UserAgent   string                  // none when empty
	Log         *slog.Logger            // nil: none; gets a line for each attempt, at Debug
}

// Client calls a control plane. Its methods may be called from any goroutine.
type Client struct {
	cfg     Config
	signer  *v4.Signer
	retryer *retry.Standard
}

// New returns a Client.
func New(cfg Config) *Client {
	if cfg.HTTP == nil {
		cfg.HTTP = http.DefaultClient
	}
	if cfg.Attempts == 0 {
		cfg.Attempts = DefaultAttempts
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Client{cfg: cfg, signer: v4.NewSigner(), retryer: retry.NewStandard()}
}

// Refusal is an answer of the service that is an error.
type Refusal struct {
	Operation string
	Status    int
	Code      string // such as ThrottlingException
	Message   string // may be empty
	RequestID string // may be empty
	Members   Object // of the body, all of them
	Attempts  int    // that were made
	Exhausted bool   // whether it was the last that was allowed

	// Skew is how far the clock of this machine is ahead of the service's; negative
	// when behind. It is as exact as the time that the call took.
	Skew time.Duration
}

// Error says what was refused and why.
func (r *Refusal) Error() string {
	return fmt.Sprintf("%s: %d %s: %s", r.Operation, r.Status, r.Code, r.Message)
}

// HTTPStatusCode and ErrorCode tell the SDK's rules whether to try again.
func (r *Refusal) HTTPStatusCode() int { return r.Status }

// ErrorCode returns the name of the error.
func (r *Refusal) ErrorCode() string { return r.Code }

// NetworkError is the failure of a call that got no answer.
type NetworkError struct {
	URL string // that was called
	Err error
}

// Error says which address was called, and why there was no answer.
func (e *NetworkError) Error() string {
	cause := e.Err
	if nested := (*url.Error)(nil); errors.As(cause, &nested) {
		cause = nested.Err // it has the address, too
	}
	return fmt.Sprintf("call %s: %v", e.URL, cause)
}

// Unwrap returns the cause.
func (e *NetworkError) Unwrap() error { return e.Err }

// Call calls an operation, and again when that may help. The error is a *Refusal, a
// *NetworkError, or one about credentials or the answer. An answer without a body is
// nil.
func (c *Client) Call(ctx context.Context, op parley.Operation, input Object) (Object, error) {
	for attempt := 1; ; attempt++ {
		answer, err := c.try(ctx, op, input)
		if refused := (*Refusal)(nil); errors.As(err, &refused) {
			refused.Attempts, refused.Exhausted = attempt, attempt == c.cfg.Attempts
		}
		if err == nil || attempt == c.cfg.Attempts || ctx.Err() != nil ||
			!c.retryer.IsErrorRetryable(err) {
			return answer, err
		}
		if err := c.wait(ctx, attempt, err); err != nil {
			return nil, err
		}
	}
}

// wait waits as long as SDKs do before the next attempt.
func (c *Client) wait(ctx context.Context, attempt int, failure error) error {
	delay, err := c.retryer.RetryDelay(attempt, failure)
	if err != nil {
		return failure
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return failure
	}
}

// try makes a call once.
func (c *Client) try(ctx context.Context, op parley.Operation, input Object) (Object, error) {
	req, err := c.request(ctx, op, input)
	if err != nil {
		return nil, err
	}
	sent := time.Now()
	res, err := c.cfg.HTTP.Do(req)
	if err != nil {
		c.cfg.Log.Debug("no answer", "action", op.Name, "url", req.URL.String(), "err", err)
		return nil, &NetworkError{URL: req.URL.String(), Err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswerBytes+1))
	c.cfg.Log.Debug("answered", "action", op.Name, "url", req.URL.String(), "status", res.StatusCode,
		"request", res.Header.Get("x-amzn-RequestId"), "bytes", len(body), "took", time.Since(sent))
	switch {
	case err != nil:
		return nil, &NetworkError{URL: req.URL.String(), Err: err}
	case len(body) > maxAnswerBytes:
		return nil, fmt.Errorf("%s: the answer is over %d bytes", op.Name, maxAnswerBytes)
	case res.StatusCode/100 != 2:
		return nil, refusal(op, res, body, sent)
	case len(bytes.TrimSpace(body)) == 0:
		return nil, nil
	}
	answer, err := ParseJSON(body)
	object, ok := answer.(Object)
	if err != nil || !ok {
		return nil, fmt.Errorf("%s: the answer of %s is not a JSON object: is this its control plane?",
			op.Name, c.cfg.URL)
	}
	return object, nil
}

// request returns a signed request.
func (c *Client) request(
	ctx context.Context, op parley.Operation, input Object,
) (*http.Request, error) {
	path, query, body, err := place(op, input)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op.Name, err)
	}
	target := strings.TrimSuffix(c.cfg.URL, "/") + path
	if query != "" {
		target += "?" + query
	}
	req, err := http.NewRequestWithContext(ctx, op.Method, target, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op.Name, err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.cfg.UserAgent != "" {
		req.Header.Set("User-Agent", c.cfg.UserAgent)
	}
	return req, c.sign(ctx, req, body)
}

func (c *Client) sign(ctx context.Context, req *http.Request, body []byte) error {
	if c.cfg.Credentials == nil {
		return nil
	}
	key, err := c.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("find credentials: %w", err)
	}
	sum := sha256.Sum256(body)
	return c.signer.SignHTTP(ctx, key, req, hex.EncodeToString(sum[:]),
		"ivschat", c.cfg.Region, time.Now())
}

// place puts the members of a request where the operation has them. The body is nil
// when the operation's requests have none.
func place(op parley.Operation, input Object) (path, query string, body []byte, err error) {
	path = op.Path
	var inBody Object
	var pairs []string
	for _, f := range input {
		member, _ := op.Input().Member(f.Name)
		switch member.Location {
		case parley.InPath:
			text, _ := f.Value.(string)
			path += escape(text)
		case parley.InQuery:
			list, _ := f.Value.([]any)
			for _, v := range list {
				text, _ := v.(string)
				pairs = append(pairs, f.Name+"="+escape(text))
			}
		default:
			inBody = append(inBody, f)
		}
	}
	if op.Method == http.MethodPost {
		body, err = marshal(inBody)
	}
	return path, strings.Join(pairs, "&"), body, err
}

// escape escapes all but the characters that never need it, as SDKs do.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// refusal reads an error of the service in any of the forms that AWS uses.
func refusal(op parley.Operation, res *http.Response, body []byte, sent time.Time) *Refusal {
	r := &Refusal{Operation: op.Name, Status: res.StatusCode,
		RequestID: res.Header.Get("x-amzn-RequestId")}
	if date, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		r.Skew = sent.Sub(date)
	}
	if start := bytes.TrimSpace(body); res.StatusCode >= http.StatusInternalServerError &&
		(len(start) == 0 || bytes.HasPrefix(start, []byte("<html>"))) { // a proxy's
		r.Code, r.Message = strconv.Itoa(res.StatusCode), http.StatusText(res.StatusCode)
		return r
	}
	parsed, err := ParseJSON(body)
	r.Members, _ = parsed.(Object)
	if err != nil {
		r.Message = parley.Shorten(strings.TrimSpace(string(body)))
	}
	r.Code = errorName(cmp.Or(res.Header.Get("x-amzn-ErrorType"),
		r.Members.Text("__type"), r.Members.Text("code"), r.Members.Text("Code"),
		strconv.Itoa(res.StatusCode)))
	r.Message = cmp.Or(r.Members.Text("message"), r.Members.Text("Message"), r.Message)
	return r
}

// errorName returns the bare name in one of the forms Name, Name:url, ns#Name and
// ns#Name:url.
func errorName(s string) string {
	s, _, _ = strings.Cut(s, ":")
	return s[strings.LastIndex(s, "#")+1:]
}
