package chatlog

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/parley-chat/parley"
)

// target is where the records of a logging configuration go. Its methods may be
// called from any goroutine.
type target interface {
	// split divides records into parts, each for one call of send. It keeps their
	// order within a room.
	split(items []item) []part
	// send delivers a part.
	send(ctx context.Context, world parley.World, p part) result
	// probe returns an error when the destination is not there.
	probe(ctx context.Context) error
	// parallel is how many calls of send may run at once.
	parallel() int
	// String says what it is, for people.
	String() string
}

// part is what one call delivers.
type part struct {
	room    string    // the id of the room, where a part has one
	stamp   time.Time // of the object that it becomes, where it does
	items   []item
	records [][]byte // the JSON of each item; set before send
}

// result says what became of a part. Without an error all is delivered that was not
// refused.
type result struct {
	left    []item // to be tried again, after err
	refused int    // records that the destination will never take
	err     error
}

func (p part) failed(err error) result { return result{left: p.items, err: err} }

// errorKind is the kind of a failure, in metrics.
type errorKind string

const (
	accessDenied errorKind = "access_denied"
	notFound     errorKind = "not_found"
	otherFailure errorKind = "other"
)

// kindOf returns the kind of an error of a destination.
func kindOf(err error) errorKind {
	var api smithy.APIError
	var response *awshttp.ResponseError
	status, code := 0, ""
	if errors.As(err, &response) {
		status = response.HTTPStatusCode()
	}
	if errors.As(err, &api) {
		code = api.ErrorCode()
	}
	switch {
	case errors.Is(err, fs.ErrPermission), status == http.StatusForbidden,
		status == http.StatusUnauthorized, strings.HasPrefix(code, "AccessDenied"),
		slices.Contains(refusedKeys, code):
		return accessDenied
	case status == http.StatusNotFound, code == codeNotFound, code == "NoSuchBucket":
		return notFound
	}
	return otherFailure
}

// codeNotFound is the code of the JSON APIs for what does not exist.
const codeNotFound = "ResourceNotFoundException"

// refusedKeys are the codes for keys that do not hold, which the JSON APIs send with
// status 400.
var refusedKeys = []string{"UnrecognizedClientException", "InvalidSignatureException",
	"ExpiredTokenException", "IncompleteSignature", "MissingAuthenticationToken"}
