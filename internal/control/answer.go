package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/parley-chat/parley"
)

// Names of the headers that the API defines.
const (
	headerRequestID = "X-Amzn-Requestid"
	headerErrorType = "X-Amzn-Errortype"
)

// retryAfterSeconds is when a caller should try again that the service could not
// serve. The SDKs wait by their own rules.
const retryAfterSeconds = 1

// exception is the REST-JSON form of a failure.
type exception struct {
	status  int
	name    string
	members members
}

// members says what the API requires in an exception besides its message.
type members int

const (
	messageOnly  members = iota
	withResource         // resourceId and resourceType
	withLimit            // these and limit
)

// exceptions gives every parley.Code its form. Sources: API reference, the
// errors of each operation and Common Errors. Chat tokens and message review
// have no part in this plane; their codes get the nearest form.
var exceptions = map[parley.Code]exception{
	parley.Internal: {
		http.StatusInternalServerError, "InternalServerException", messageOnly},
	parley.Invalid:             {http.StatusBadRequest, "ValidationException", messageOnly},
	parley.Unauthenticated:     {http.StatusUnauthorized, "NotAuthorized", messageOnly},
	parley.AccessDenied:        {http.StatusForbidden, "AccessDeniedException", messageOnly},
	parley.PendingVerification: {http.StatusForbidden, "PendingVerification", messageOnly},
	parley.NotFound:            {http.StatusNotFound, "ResourceNotFoundException", withResource},
	parley.UnknownOperation:    {http.StatusNotFound, "UnknownOperationException", messageOnly},
	parley.NotAcceptable:       {http.StatusForbidden, "AccessDeniedException", messageOnly},
	parley.Conflict:            {http.StatusConflict, "ConflictException", withResource},
	parley.QuotaExceeded: {
		http.StatusPaymentRequired, "ServiceQuotaExceededException", withLimit},
	parley.TooLarge: {
		http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", messageOnly},
	parley.Throttled:   {http.StatusTooManyRequests, "ThrottlingException", withLimit},
	parley.Unavailable: {http.StatusServiceUnavailable, "ServiceUnavailableException", messageOnly},
	parley.Timeout:     {http.StatusRequestTimeout, "RequestTimeoutException", messageOnly},

	parley.MissingAuthenticationToken: {
		http.StatusForbidden, "MissingAuthenticationTokenException", messageOnly},
	parley.IncompleteSignature: {http.StatusForbidden, "IncompleteSignatureException", messageOnly},
	parley.InvalidSignature:    {http.StatusForbidden, "InvalidSignatureException", messageOnly},
	parley.UnrecognizedClient:  {http.StatusForbidden, "UnrecognizedClientException", messageOnly},
	parley.ExpiredToken:        {http.StatusForbidden, "ExpiredTokenException", messageOnly},
}

// Reasons of a ValidationException.
const (
	reasonFields = "FIELD_VALIDATION_FAILED"
	reasonOther  = "OTHER"
)

// exceptionBody holds the members of all exceptions.
type exceptionBody struct {
	Message      string              `json:"message"`
	Reason       string              `json:"reason,omitempty"`
	FieldList    []parley.FieldError `json:"fieldList,omitempty"`
	ResourceID   string              `json:"resourceId,omitempty"`
	ResourceType parley.ResourceType `json:"resourceType,omitempty"`
	Limit        *int                `json:"limit,omitempty"`
}

// refuse answers a call that failed with err, and returns what it told the caller.
func (h *Handler) refuse(w http.ResponseWriter, c *call, err error) *parley.Error {
	told := h.told(c, err)
	form := exceptions[told.Code]
	body := exceptionBody{Message: told.Message}
	if told.Code == parley.Invalid {
		body.Reason, body.FieldList = reasonOther, told.Fields
		if len(told.Fields) > 0 {
			body.Reason = reasonFields
		}
	}
	if form.members >= withResource {
		body.ResourceID, body.ResourceType = told.Resource.ID, told.Resource.Type
	}
	if form.members == withLimit {
		body.Limit = &told.Limit
	}
	if told.Code == parley.Unavailable {
		w.Header().Set("Retry-After", strconv.Itoa(retryAfterSeconds))
	}
	w.Header().Set(headerErrorType, form.name)
	answer(w, form.status, encode(body))
	return told
}

// told returns what the caller is told about err. What is not the caller's doing
// is logged here, once.
func (h *Handler) told(c *call, err error) *parley.Error {
	e := (*parley.Error)(nil)
	switch known := errors.As(err, &e); {
	case known && e.Code == parley.Unavailable:
		h.failureLog(c, err).Warn("API call refused")
		return e
	case known && e.Code != parley.Internal:
		return e
	case errors.Is(err, context.Canceled):
		// The caller has gone away, so nobody reads this.
		return &parley.Error{Code: parley.Timeout, Message: "The request was cancelled."}
	case errors.Is(err, context.DeadlineExceeded):
		h.failureLog(c, err).Warn("API call refused")
		return &parley.Error{Code: parley.Unavailable, Message: "The service took too long."}
	}
	h.failureLog(c, err).Error("API call failed")
	return &parley.Error{
		Code: parley.Internal, Message: "The service failed to answer the request.",
	}
}

// failureLog returns a log in which a line is about one failed call.
func (h *Handler) failureLog(c *call, err error) *slog.Logger {
	return h.log.With(
		"request", c.id, "action", c.op.Name, "user", c.identity.UserARN,
		"code", parley.CodeOf(err).String(), "err", err)
}

// answer writes an answer; a nil body is none.
func answer(w http.ResponseWriter, status int, body []byte) {
	if body != nil {
		w.Header().Set("Content-Type", "application/json")
	}
	if status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // when it fails, there is nobody left to tell
}

// encode returns v as JSON with HTML left as it is.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // every answer is a struct of ours, made of strings and integers
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// formatTime returns a time in the one form that all known clients parse: whole
// seconds, cut, not rounded.
func formatTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
