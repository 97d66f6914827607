package otlp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/parley-chat/parley/internal/outbox"
)

// maxAnswerBytes is how much is read of the collector's answer.
const maxAnswerBytes = 64 << 10

// errRejected is why some spans of a batch are lost.
var errRejected = errors.New("the collector rejects some spans")

// passingError is why a collector does not take spans that it may take later.
type passingError struct {
	err   error
	after time.Duration // that the collector asked for; 0: it did not
}

func (e *passingError) Error() string { return e.err.Error() }
func (e *passingError) Unwrap() error { return e.err }

// post makes one request to the collector, and returns how many spans it did not take.
func (e *Exporter) post(ctx context.Context, body []byte) (rejected int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	for name, values := range e.cfg.Header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("User-Agent", "parley/"+e.cfg.Version)
	res, err := e.client.Do(req)
	if err != nil {
		return 0, &passingError{err: err}
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswerBytes))
	switch res.StatusCode {
	case http.StatusOK:
		if err != nil {
			return 0, nil // the collector has the spans, whatever it wanted to say
		}
		return rejectedSpans(answer), nil
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable,
		http.StatusGatewayTimeout: // source: OTLP specification, retryable response codes
		return 0, &passingError{fmt.Errorf("the collector answered with status %d", res.StatusCode),
			outbox.RetryAfter(res.Header)}
	}
	return 0, fmt.Errorf("the collector answered with status %d", res.StatusCode)
}

// Fields of an answer. Source: ExportTraceServiceResponse and
// ExportTracePartialSuccess, trace_service.proto. The Go package of these two would
// bring all of gRPC along.
const (
	fieldPartialSuccess = 1
	fieldRejectedSpans  = 1
)

// rejectedSpans returns what an answer says of spans that the collector did not take.
func rejectedSpans(answer []byte) int {
	partial, _ := protoField(answer, fieldPartialSuccess)
	_, rejected := protoField(partial, fieldRejectedSpans)
	return int(min(rejected, maxBatch))
}

// protoField returns the last value of a field in a protobuf message: its bytes, or its
// number. Both are zero when there is none, or the message is malformed.
func protoField(message []byte, field protowire.Number) (value []byte, number uint64) {
	for len(message) > 0 {
		num, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return nil, 0
		}
		message = message[n:]
		switch {
		case num == field && kind == protowire.BytesType:
			value, n = protowire.ConsumeBytes(message)
		case num == field && kind == protowire.VarintType:
			number, n = protowire.ConsumeVarint(message)
		default:
			n = protowire.ConsumeFieldValue(num, kind, message)
		}
		if n < 0 {
			return nil, 0
		}
		message = message[n:]
	}
	return value, number
}
