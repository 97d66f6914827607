package review

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// EmulatorConfig is a runtime interface emulator, as in the base images of AWS: it runs
// one function on this or another machine.
type EmulatorConfig struct {
	// URL is where it listens, such as http://127.0.0.1:9000.
	URL string `koanf:"url"`
}

func (c EmulatorConfig) load(l location, size int) caller {
	target, err := url.Parse(c.URL)
	if err != nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
		l.wrong("url must be an http URL, not %q", c.URL)
	}
	base := strings.TrimSuffix(c.URL, "/")
	return &emulator{root: base + "/", invoke: base + emulatorPath, pool: newPool(size, nil)}
}

// emulatorPath is the one path that emulators know, whatever the function's name.
const emulatorPath = "/2015-03-31/functions/function/invocations"

// emulator runs a function. It breaks when a call is cancelled, or when there are two
// at once: see remote.hold and the default concurrency.
type emulator struct {
	root, invoke string // URLs
	pool         *pool
}

func (e *emulator) call(ctx context.Context, _ string, payload []byte) ([]byte, error) {
	status, body, err := e.pool.post(ctx, e.invoke, http.Header{}, payload)
	switch {
	case err != nil:
		return nil, err
	case status == http.StatusBadGateway:
		return nil, failf(Function, "the function ended without an answer")
	case status != http.StatusOK:
		return nil, failf(Invocation, "the emulator answered with status %d", status)
	case !decides(body):
		return nil, failf(Function, "the function failed")
	}
	return body, nil
}

// decides reports whether an answer may be that of a function that did not fail. There
// is no header to tell: a function that failed has an answer without ReviewResult, and
// one that took too long has one that is no JSON.
func decides(body []byte) bool {
	if !json.Valid(body) {
		return false
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil || members == nil {
		return true // a function returned it, even if it is no object
	}
	return members["ReviewResult"] != nil
}

func (e *emulator) warm(ctx context.Context) error { return e.pool.warm(ctx, e.root) }

func (e *emulator) close() { e.pool.close() }
