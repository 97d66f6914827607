package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/sigv4"
	"github.com/parley-chat/parley/internal/wire"
)

const (
	// maxBodyBytes is the longest body that is read. The service documents no
	// limit; no valid request comes near this one.
	maxBodyBytes = 1 << 20

	// bodyTimeout is how long a body may take to arrive after its headers.
	bodyTimeout = 10 * time.Second

	// callTimeout is how long an operation may take to act. It outlasts the time
	// in which a cluster that has lost a leader takes no writes.
	callTimeout = 15 * time.Second
)

// route is what an operation is recognised by: the method and the path of the
// request, both exactly as they arrive.
type route struct {
	method, path string
}

// call is one request on its way through the handler.
type call struct {
	id       string // the request id: a UUID
	now      time.Time
	op       parley.Operation // the zero value when the request names none
	identity Identity
	world    parley.World // in which the operation acts
	body     wire.Object
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{id: parley.NewRequestID(), now: time.Now()}
	w.Header().Set(headerRequestID, c.id)
	if r.ContentLength != 0 {
		// The deadline also ends the server's wait for a body that is refused
		// unread, and is gone once a body has arrived whole. A writer without
		// deadlines is not a slow connection.
		_ = http.NewResponseController(w).SetReadDeadline(c.now.Add(bodyTimeout))
	}
	body, err := h.handle(w, r, c)
	if err == nil {
		answer(w, c.op.Status, body)
	} else {
		err = h.refuse(w, c, err)
	}
	operation := c.op.Name
	if operation == "" {
		operation = "unknown"
	}
	h.metrics.APICall(operation, err, time.Since(c.now))
}

// handle takes the request through all its checks to its operation and returns
// the body of the answer. A panic on the way becomes an error like any other that
// a caller is not told about.
func (h *Handler) handle(
	w http.ResponseWriter, r *http.Request, c *call,
) (_ []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	// ServeMux would clean the path and redirect, which breaks the signature.
	path, query := splitTarget(r.RequestURI)
	op, ok := h.routes[route{r.Method, path}]
	if !ok {
		return nil, parley.Errorf(parley.UnknownOperation, "The operation is not known.")
	}
	c.op = op
	body, err := h.authenticate(w, r, c, path, query)
	if err != nil {
		return nil, err
	}
	if limit, ok := h.rates.allow(c.world, op, c.now); !ok {
		h.metrics.Throttled("api")
		return nil, c.throttled(body, limit)
	}
	if c.body, err = wire.ParseObject(body); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), callTimeout)
	defer cancel()
	result, err := handlers[op.Name](h, ctx, c)
	if err != nil || result == nil {
		return nil, err
	}
	return encode(result), nil
}

// splitTarget returns the path and the query of a raw request target, which may
// also be a whole URL.
func splitTarget(target string) (path, query string) {
	path, query, _ = strings.Cut(target, "?")
	if !strings.HasPrefix(path, "/") {
		_, afterScheme, _ := strings.Cut(path, "://")
		_, afterHost, _ := strings.Cut(afterScheme, "/")
		path = "/" + afterHost
	}
	return path, query
}

// authenticate checks who sent the request and returns its body. The body is
// only read for a caller who names a known key.
func (h *Handler) authenticate(
	w http.ResponseWriter, r *http.Request, c *call, path, query string,
) ([]byte, error) {
	signature, err := h.verifier.Parse(sigv4.Request{
		Method: r.Method, Path: path, RawQuery: query, Host: r.Host,
		Header: r.Header, ContentLength: r.ContentLength,
	}, c.now)
	if err != nil {
		return nil, err
	}
	identity, ok := h.identities.Identity(signature.KeyID)
	if !ok {
		return nil, sigv4.UnknownKey()
	}
	body, err := readBody(w, r)
	if err != nil {
		return nil, err
	}
	if err := signature.Verify(identity.Key, body); err != nil {
		return nil, err
	}
	c.identity = identity
	c.world = parley.World{Region: signature.Region, Account: identity.Account}
	return body, nil
}

// readBody reads the body, up to its limit in size.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength == 0 {
		return nil, nil
	}
	if r.ContentLength > maxBodyBytes {
		return nil, bodyTooLarge()
	}
	var body bytes.Buffer
	if _, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, maxBodyBytes)); err != nil {
		return nil, bodyError(err)
	}
	return body.Bytes(), nil
}

func bodyError(err error) error {
	tooLarge := (*http.MaxBytesError)(nil)
	switch {
	case errors.As(err, &tooLarge):
		return bodyTooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return parley.Errorf(parley.Timeout,
			"The request body did not arrive within %s.", bodyTimeout)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return parley.Errorf(parley.Invalid, "The request body ended early.")
	}
	return parley.Errorf(parley.Invalid, "The request body could not be read.")
}

func bodyTooLarge() error {
	return parley.Errorf(parley.TooLarge,
		"The request body is over the limit of %d bytes.", maxBodyBytes)
}

// requiredARN reads a member that must be the ARN of a resource of the given
// kind. What is wrong with it is in the Err of the body.
func (c *call) requiredARN(member string, kind parley.Kind) parley.ARN {
	text, ok := c.body.String(member)
	switch {
	case ok:
		return c.body.Check().ARN(member, text, kind)
	case !c.body.Has(member):
		c.body.Check().Required(member)
	}
	return parley.ARN{}
}

// own returns nil when the resource is in the world that the caller acts in, and
// otherwise the error for one that does not exist.
func (c *call) own(arn parley.ARN) error {
	if arn.World() != c.world {
		return arn.NotFound()
	}
	return nil
}
