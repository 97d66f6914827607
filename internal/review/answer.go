package review

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/hub"
)

// maxAnswerBytes is how much of an answer is read. A longer one is invalid. The longest
// valid one has a few thousand bytes.
const maxAnswerBytes = 64 << 10

// Failure says in which way a handler failed, in metrics.
type Failure string

// The ways to fail. The first two are the original's metrics InvocationErrors and
// ResponseValidationErrors; the last is counted by Lambda itself.
const (
	Invocation         Failure = "invocation" // there was no complete answer in time
	ResponseValidation Failure = "response_validation"
	Function           Failure = "function" // the function was run, and failed
)

// failure is a Failure with its cause.
type failure struct {
	kind Failure
	err  error
}

func (f failure) Error() string { return f.err.Error() }
func (f failure) Unwrap() error { return f.err }

func failf(kind Failure, format string, args ...any) error {
	return failure{kind, fmt.Errorf(format, args...)}
}

// failureOf returns the way in which a review failed that ended with err. What is not
// said otherwise is a call that failed.
func failureOf(err error) Failure {
	if f := (failure{}); errors.As(err, &f) {
		return f.kind
	}
	return Invocation
}

// payload is what a handler gets, as Lambda functions for the original do. All members
// are always there. Source: message review handler, user guide.
type payload struct {
	Content    string
	MessageID  string `json:"MessageId"`
	RoomARN    string `json:"RoomArn"`
	Attributes map[string]string
	Sender     payloadSender
}

type payloadSender struct {
	UserID     string `json:"UserId"`
	Attributes map[string]string
	IP         string `json:"Ip"`
}

// encodePayload returns what a handler gets for a message.
func encodePayload(m hub.Review) []byte {
	p := payload{
		Content:    m.Content,
		MessageID:  m.MessageID,
		RoomARN:    m.Room.String(),
		Attributes: orEmpty(m.Attributes),
		Sender:     payloadSender{UserID: m.Sender.UserID, Attributes: orEmpty(m.Sender.Attributes)},
	}
	if m.Client.IsValid() {
		p.Sender.IP = m.Client.String()
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(p); err != nil {
		panic(err) // strings and maps of them always encode
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// The values of ReviewResult.
const (
	resultAllow = "ALLOW"
	resultDeny  = "DENY"
)

// reasonAttribute holds the reason of a denial, if there is one.
const reasonAttribute = "Reason"

// parseAnswer reads what a handler answered about a message. The error is a failure of
// the kind ResponseValidation. Unknown members are ignored, and null ones are absent;
// their names are matched exactly. Source: message review handler, user guide.
func parseAnswer(body []byte, m hub.Review) (hub.Decision, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil || members == nil {
		return hub.Decision{}, failf(ResponseValidation, "the answer is no JSON object")
	}
	attributes, err := readAttributes(members["Attributes"])
	if err != nil {
		return hub.Decision{}, err
	}
	content, err := readText("Content", members["Content"])
	if err != nil {
		return hub.Decision{}, err
	}
	result, err := readText("ReviewResult", members["ReviewResult"])
	switch {
	case err != nil:
		return hub.Decision{}, err
	case result == resultDeny:
		return hub.Decision{Reason: attributes[reasonAttribute]}, nil
	case result != resultAllow:
		return hub.Decision{}, failf(ResponseValidation,
			"ReviewResult is neither %s nor %s", resultAllow, resultDeny)
	case content == "":
		return hub.Decision{}, failf(ResponseValidation, "Content is missing or empty")
	case utf8.RuneCountInString(content) > m.MaxLength:
		return hub.Decision{}, failf(ResponseValidation,
			"Content is longer than the room's messages may be, which is %d", m.MaxLength)
	case attributes == nil:
		attributes = m.Attributes // they are kept
	}
	return hub.Decision{Allow: true, Content: content, Attributes: attributes}, nil
}

// readText returns a member that is text, and "" for an absent one.
func readText(name string, raw json.RawMessage) (string, error) {
	var text string
	if raw == nil {
		return "", nil
	}
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", failf(ResponseValidation, "%s is no string", name)
	}
	return text, nil
}

// readAttributes returns the member Attributes, and nil for an absent one.
func readAttributes(raw json.RawMessage) (map[string]string, error) {
	var entries map[string]*string
	if raw == nil {
		return nil, nil
	}
	if err := json.Unmarshal(raw, &entries); err != nil {
		return nil, failf(ResponseValidation, "Attributes is no map of strings")
	}
	if entries == nil {
		return nil, nil
	}
	attributes := make(map[string]string, len(entries))
	for key, value := range entries {
		if value == nil {
			return nil, failf(ResponseValidation, "Attributes has a null")
		}
		attributes[key] = *value
	}
	if size := parley.AttributesSize(attributes); size > parley.MaxMessageAttributes {
		return nil, failf(ResponseValidation, "Attributes has %d bytes, at most %d are allowed",
			size, parley.MaxMessageAttributes)
	}
	return attributes, nil
}
