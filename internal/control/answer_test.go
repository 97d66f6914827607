package control_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/parley-chat/parley"
)

// TestErrorForms pins the exact form of every code.
func TestErrorForms(t *testing.T) {
	const (
		plain    = `{"message":"Why."}`
		resource = `{"message":"Why.","resourceId":"g1H2I3j4k5L6","resourceType":"ROOM"}`
		limited  = `{"message":"Why.","resourceId":"g1H2I3j4k5L6","resourceType":"ROOM","limit":7}`
		invalid  = `{"message":"Why.","reason":"FIELD_VALIDATION_FAILED",` +
			`"fieldList":[{"name":"a.b","message":"<bad>"}]}`
		internal = `{"message":"The service failed to answer the request."}`
	)
	forms := map[parley.Code]struct {
		status     int
		name, body string
	}{
		parley.Internal:            {500, "InternalServerException", internal},
		parley.Invalid:             {400, "ValidationException", invalid},
		parley.Unauthenticated:     {401, "NotAuthorized", plain},
		parley.AccessDenied:        {403, "AccessDeniedException", plain},
		parley.PendingVerification: {403, "PendingVerification", plain},
		parley.NotFound:            {404, "ResourceNotFoundException", resource},
		parley.UnknownOperation:    {404, "UnknownOperationException", plain},
		parley.NotAcceptable:       {403, "AccessDeniedException", plain},
		parley.Conflict:            {409, "ConflictException", resource},
		parley.QuotaExceeded:       {402, "ServiceQuotaExceededException", limited},
		parley.TooLarge:            {413, "RequestEntityTooLargeException", plain},
		parley.Throttled:           {429, "ThrottlingException", limited},
		parley.Unavailable:         {503, "ServiceUnavailableException", plain},
		parley.Timeout:             {408, "RequestTimeoutException", plain},

		parley.MissingAuthenticationToken: {403, "MissingAuthenticationTokenException", plain},
		parley.IncompleteSignature:        {403, "IncompleteSignatureException", plain},
		parley.InvalidSignature:           {403, "InvalidSignatureException", plain},
		parley.UnrecognizedClient:         {403, "UnrecognizedClientException", plain},
		parley.ExpiredToken:               {403, "ExpiredTokenException", plain},
	}
	for _, code := range parley.Codes() {
		want, ok := forms[code]
		if !ok {
			t.Errorf("code %s has no form here", code)
			continue
		}
		s := start(nil)
		s.store.before = func(context.Context) error {
			return &parley.Error{
				Code: code, Message: "Why.", Limit: 7, Err: errDisk,
				Resource: parley.Resource{Type: parley.ResourceRoom, ID: roomID},
				Fields:   []parley.FieldError{{Name: "a.b", Message: "<bad>"}},
			}
		}
		w := s.call(t, owner, "GetRoom", valid("GetRoom"))
		h := w.Header()
		name, body := errorType(w), w.Body.String()
		if w.Code != want.status || name != want.name || body != want.body {
			t.Errorf("code %s: %d %s %s, want %d %s %s", code,
				w.Code, name, body, want.status, want.name, want.body)
		}
		if h.Get("Content-Type") != "application/json" ||
			h.Get("Content-Length") != fmt.Sprint(len(want.body)) {
			t.Errorf("code %s: header %v, want the type and length of the body", code, h)
		}
		if got := h.Get("Retry-After") != ""; got != (code == parley.Unavailable) {
			t.Errorf("code %s: Retry-After %q", code, h.Get("Retry-After"))
		}
	}
}

// TestFailuresAreLoggedOnceAndNotTold is about what goes wrong on our side.
func TestFailuresAreLoggedOnceAndNotTold(t *testing.T) {
	unavailable := &parley.Error{Code: parley.Unavailable, Err: errDisk}
	const fire = "disk of node 7"
	for _, tt := range []struct {
		name    string
		failure func() error
		status  int
		log     string // in it; empty when nothing is logged
	}{
		{"plain error", func() error { return errDisk }, 500, fire},
		{"internal with a cause", func() error { return &parley.Error{Err: errDisk} }, 500, fire},
		{"panic", func() error { panic(errDisk) }, 500, "answer_test.go"},
		{"unavailable", func() error { return unavailable }, 503, fire},
		{"too slow", func() error { return errors.Join(context.DeadlineExceeded, errDisk) }, 503, fire},
		{"caller gone", func() error { return errors.Join(errDisk, context.Canceled) }, 408, ""},
		{"caller's mistake", func() error { return aRoom().ARN.NotFound() }, 404, ""},
	} {
		s := start(nil)
		s.store.before = func(context.Context) error { return tt.failure() }
		w := s.call(t, owner, "GetRoom", valid("GetRoom"))
		if w.Code != tt.status || strings.Contains(w.Body.String(), "disk") {
			t.Errorf("%s: status %d, body %s, want %d and no cause", tt.name, w.Code, w.Body, tt.status)
		}
		id, log := w.Header().Get("x-amzn-RequestId"), s.log.String()
		lines := strings.Count(log, "\n")
		if tt.log == "" && lines != 0 {
			t.Errorf("%s: logged %q, want nothing", tt.name, log)
		}
		if tt.log != "" && (lines != 1 || !strings.Contains(log, tt.log) || !strings.Contains(log, id)) {
			t.Errorf("%s: logged %q, want one line with %q and request %s", tt.name, log, tt.log, id)
		}
	}
}

func TestSealingFailureIsNotTold(t *testing.T) {
	s := start(nil, aRoom())
	s.sealer.err = errDisk
	w := s.call(t, owner, "CreateChatToken", valid("CreateChatToken", `"attributes":{"pin":"4711"}`))
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "disk") {
		t.Errorf("status %d, body %s, want 500 and no cause", w.Code, w.Body)
	}
	for _, secret := range []string{"4711", "ana", owner.secret, "sealed"} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("%q is in the log: %s", secret, s.log)
		}
	}
}

func TestEveryAnswerHasItsOwnRequestID(t *testing.T) {
	s := start(nil, aRoom())
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for _, tt := range []struct{ operation, body string }{
		{"GetRoom", valid("GetRoom")},
		{"GetRoom", "{}"},
		{"Nothing", "{}"},
		{"DeleteRoom", valid("DeleteRoom")},
	} {
		w := s.call(t, owner, tt.operation, tt.body)
		id := w.Header().Get("x-amzn-RequestId")
		if !uuid.MatchString(id) || seen[id] {
			t.Errorf("%s %s: request id %q, want a new UUID", tt.operation, tt.body, id)
		}
		seen[id] = true
	}
}

func TestCallsAreCounted(t *testing.T) {
	s := start(nil, aRoom())
	s.call(t, owner, "GetRoom", valid("GetRoom"))
	s.call(t, owner, "GetRoom", "{}")
	s.call(t, owner, "Nothing", "{}")
	w := newScrape(s)
	for _, want := range []string{
		`parley_api_duration_seconds_count{operation="GetRoom",outcome="ok"} 1`,
		`parley_api_duration_seconds_count{operation="GetRoom",outcome="invalid"} 1`,
		`parley_api_duration_seconds_count{operation="unknown",outcome="unknown_operation"} 1`,
	} {
		if !strings.Contains(w, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}
