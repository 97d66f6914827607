package wire

import (
	"errors"

	"github.com/parley-chat/parley"
)

// errorCode is one of the eight numbers that official clients know; the iOS SDK
// fails on any other. The text is sent when it is not empty, and the error's own
// message otherwise. Source: Messaging API reference, Errors.
type errorCode struct {
	number int
	text   string
}

var internalError = errorCode{500, "Internal error"}

// errorCodes gives every parley.Code its number. 401 makes clients reconnect, so
// nothing but an ended session may have it. "rate limit exceeded" is compared
// literally by an AWS sample; another looks for the word "Forbidden". The codes of
// signed requests and of API operations cannot arise here.
var errorCodes = map[parley.Code]errorCode{
	parley.Internal:                   internalError,
	parley.Invalid:                    {400, ""},
	parley.Unauthenticated:            {401, "Session expired"},
	parley.AccessDenied:               {403, ""},
	parley.PendingVerification:        {403, "Forbidden: the account is pending verification"},
	parley.NotFound:                   {404, "Room not found"},
	parley.NotAcceptable:              {406, ""},
	parley.TooLarge:                   {413, ""},
	parley.QuotaExceeded:              {429, "rate limit exceeded"},
	parley.Throttled:                  {429, "rate limit exceeded"},
	parley.UnknownOperation:           {400, ""},
	parley.Conflict:                   internalError,
	parley.Unavailable:                internalError,
	parley.Timeout:                    internalError,
	parley.MissingAuthenticationToken: internalError,
	parley.IncompleteSignature:        internalError,
	parley.InvalidSignature:           internalError,
	parley.UnrecognizedClient:         internalError,
	parley.ExpiredToken:               internalError,
}

// ErrorOf returns the number and text by which clients are told of err.
func ErrorOf(err error) (code int, text string) {
	form := errorCodes[parley.CodeOf(err)]
	if form.text == "" {
		var e *parley.Error
		errors.As(err, &e) // an error with another code than Internal has one
		return form.number, e.Message
	}
	return form.number, form.text
}
