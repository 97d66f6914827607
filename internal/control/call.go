package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
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

	// usualBodyBytes is the length up to which memory is set aside at once for a
	// body that says its length.
	usualBodyBytes = 16 << 10

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
	label    string           // what follows the path of an operation on tags: an ARN
	query    string           // of the request, raw
	keyID    string           // of the access key that the request names
	identity Identity         // the zero value until the request has proved who sent it
	world    parley.World     // in which the operation acts
	source   netip.Addr       // of the connection
	secure   bool             // whether the connection is TLS
	raw      []byte           // the body as it came
	body     wire.Object
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{id: parley.NewRequestID(), now: time.Now(), secure: r.TLS != nil}
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		c.source = peer.Addr().Unmap()
	}
	w.Header().Set(headerRequestID, c.id)
	if r.ContentLength != 0 {
		// The deadline also ends the server's wait for a body that is refused
		// unread, and is gone once a body has arrived whole. A writer without
		// deadlines is not a slow connection.
		_ = http.NewResponseController(w).SetReadDeadline(c.now.Add(bodyTimeout))
	}
	if h.cors(w, r) {
		answer(w, http.StatusNoContent, nil)
		return
	}
	body, err := h.handle(w, r, c)
	if err == nil {
		answer(w, c.op.Status, body)
		h.record(r, c, body, nil)
		h.trace(r, c, c.op.Status, nil)
	} else {
		told := h.refuse(w, c, err)
		h.record(r, c, nil, told)
		h.trace(r, c, exceptions[told.Code].status, told)
		if told.Code == parley.QuotaExceeded {
			h.tellBreach(c, resourceQuotas[c.op.Name], told.Limit)
		}
		err = told
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
	c.query = query
	if !h.route(c, r.Method, path) {
		return nil, parley.Errorf(parley.UnknownOperation, "The operation is not known.")
	}
	if err := h.authenticate(w, r, c, path); err != nil {
		return nil, err
	}
	if limit, ok := h.rates.allow(c.world, c.op, c.now); !ok {
		h.metrics.Throttled("api", c.op.Name)
		h.tellBreach(c, c.op.Quota(), limit)
		return nil, c.throttled(limit)
	}
	if c.body, err = wire.ParseObject(c.raw); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), callTimeout)
	defer cancel()
	if err := h.authorize(ctx, c); err != nil {
		return nil, err
	}
	result, err := handlers[c.op.Name](h, ctx, c)
	if err != nil || result == nil {
		return nil, err
	}
	return encode(result), nil
}

// route finds the operation of a request, and reports whether there is one.
func (h *Handler) route(c *call, method, path string) (ok bool) {
	if arn, found := strings.CutPrefix(path, parley.TagsPath); found {
		path = parley.TagsPath
		if c.label = arn; strings.Contains(arn, "%") {
			if decoded, err := url.PathUnescape(arn); err == nil { // else it is no ARN
				c.label = decoded
			}
		}
	}
	c.op, ok = h.routes[route{method, path}]
	return ok
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

// authenticate checks who sent the request, and reads its body. That is only read
// for a caller who names a known key.
func (h *Handler) authenticate(
	w http.ResponseWriter, r *http.Request, c *call, path string,
) error {
	signature, err := h.verifier.Parse(sigv4.Request{
		Method: r.Method, Path: path, RawQuery: c.query, Host: r.Host,
		Header: r.Header, ContentLength: r.ContentLength,
	}, c.now)
	if err != nil {
		return err
	}
	c.keyID = signature.KeyID
	identity, ok := h.identities.Identity(signature.KeyID)
	if !ok {
		return sigv4.UnknownKey()
	}
	if c.raw, err = readBody(w, r); err != nil {
		return err
	}
	if err := signature.Verify(identity.Key, c.raw); err != nil {
		return err
	}
	if signature.Presigned && r.Method == http.MethodPost {
		return parley.Errorf(parley.Invalid, "Requests with a body can not be presigned.")
	}
	c.identity = identity
	c.world = parley.World{Region: signature.Region, Account: identity.Account}
	return nil
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
	if r.ContentLength <= usualBodyBytes {
		body.Grow(int(max(0, r.ContentLength)) + bytes.MinRead)
	}
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
	text := c.body.RequiredString(member)
	return c.body.Check().ARN(member, text, kind) // an earlier failure of the member stays
}

// own returns nil when the resource is in the world that the caller acts in, and
// otherwise the error for one that does not exist.
func (c *call) own(arn parley.ARN) error {
	if arn.World() != c.world {
		return arn.NotFound()
	}
	return nil
}
