package parley

import (
	"errors"
	"fmt"
)

// Code says what kind of failure an Error is. Each plane maps every Code to its
// own form: an exception and status in control, an ErrorCode in wire.
type Code int

// The codes. Internal is the zero value, so that an error without a chosen code
// tells a caller nothing.
const (
	Internal            Code = iota
	Invalid                  // a request or a member of it breaks a rule
	Unauthenticated          // no valid chat token, or the session has expired
	AccessDenied             // the caller is known and may not do this
	PendingVerification      // the account may not do this yet
	NotFound                 // the named resource does not exist
	UnknownOperation         // the API has no such operation
	NotAcceptable            // message review said no
	Conflict                 // the resource is in a state that forbids this
	QuotaExceeded            // a count limit is reached
	TooLarge                 // a body, frame or field is over its size limit
	Throttled                // a rate limit is reached
	Unavailable              // try again later: starting, stopping or overloaded
	Timeout                  // the request did not arrive in time

	// The failures of a signed request, in the order in which they are checked.
	MissingAuthenticationToken
	IncompleteSignature
	InvalidSignature
	UnrecognizedClient
	ExpiredToken

	numCodes // keep last
)

var codeNames = [numCodes]string{
	Internal:                   "internal",
	Invalid:                    "invalid",
	Unauthenticated:            "unauthenticated",
	AccessDenied:               "access_denied",
	PendingVerification:        "pending_verification",
	NotFound:                   "not_found",
	UnknownOperation:           "unknown_operation",
	NotAcceptable:              "not_acceptable",
	Conflict:                   "conflict",
	QuotaExceeded:              "quota_exceeded",
	TooLarge:                   "too_large",
	Throttled:                  "throttled",
	Unavailable:                "unavailable",
	Timeout:                    "timeout",
	MissingAuthenticationToken: "missing_authentication_token",
	IncompleteSignature:        "incomplete_signature",
	InvalidSignature:           "invalid_signature",
	UnrecognizedClient:         "unrecognized_client",
	ExpiredToken:               "expired_token",
}

// String returns the code's name in logs and metrics, such as "not_found".
func (c Code) String() string {
	if c < 0 || c >= numCodes {
		return fmt.Sprintf("code(%d)", int(c))
	}
	return codeNames[c]
}

// Codes returns every code, so that a test can check that a table has them all.
func Codes() []Code {
	codes := make([]Code, numCodes)
	for i := range codes {
		codes[i] = Code(i)
	}
	return codes
}

// Error is a failure a caller may be told about. What is not an Error is
// logged, and answered as Internal without its text.
type Error struct {
	Code     Code         // Internal, the zero value, unless someone chose another
	Message  string       // for the caller: no secrets, no internals
	Resource Resource     // with NotFound, Conflict, QuotaExceeded, Throttled
	Limit    int          // with QuotaExceeded, Throttled
	Fields   []FieldError // with Invalid: each field and what is wrong with it
	Err      error        // the cause, for our log; never sent
}

// FieldError says what is wrong with one member of a request.
type FieldError struct {
	Name    string `json:"name"` // the JSON member name, dotted when nested
	Message string `json:"message"`
}

// Resource names what an error is about: a room by its bare id, or the account
// where nothing smaller is named.
type Resource struct {
	Type ResourceType
	ID   string
}

// ResourceType is the kind of a resource inside an error.
type ResourceType string

// The API models only ROOM; the second is what its errors for logging
// configurations need, and all SDKs pass it through.
const (
	ResourceRoom                 ResourceType = "ROOM"
	ResourceLoggingConfiguration ResourceType = "LOGGING_CONFIGURATION"
)

// Error returns the message for the caller, and the cause after it.
func (e *Error) Error() string {
	switch {
	case e.Err == nil:
		return e.Message
	case e.Message == "":
		return e.Err.Error()
	}
	return e.Message + ": " + e.Err.Error()
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.Err }

// Errorf returns an *Error with a code and a message for the caller.
func Errorf(code Code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// CodeOf returns the code of the first *Error in err's chain, and Internal when
// there is none.
func CodeOf(err error) Code {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e.Code
	}
	return Internal
}
