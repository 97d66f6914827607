package wire

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/parley-chat/parley"
)

// The types of frame. Official clients know no other.
const (
	typeMessage = "MESSAGE"
	typeEvent   = "EVENT"
	typeError   = "ERROR"
)

// message, event and failure are the frames, with their members in the order in
// which the original sends them. RequestId is always there, and Attributes is
// null when there are none. Source: Messaging API reference.
type message struct {
	Type       string
	ID         string `json:"Id"`
	RequestID  string `json:"RequestId"`
	Attributes map[string]string
	Content    string
	SendTime   string
	Sender     Sender
}

// Sender is the sender of messages as frames show it: encoded once for all that a
// session sends.
type Sender json.RawMessage

// EncodeSender returns the form of a sender in frames.
func EncodeSender(s parley.Sender) Sender {
	return bytes.Clone(encode(struct { // without the room that encode leaves behind it
		UserID     string `json:"UserId"`
		Attributes map[string]string
	}(s)))
}

// MarshalJSON implements json.Marshaler.
func (s Sender) MarshalJSON() ([]byte, error) { return s, nil }

type event struct {
	Type       string
	ID         string `json:"Id"`
	RequestID  string `json:"RequestId"`
	EventName  string
	Attributes map[string]string
	SendTime   string
}

type failure struct {
	Type         string
	ID           string `json:"Id"`
	RequestID    string `json:"RequestId"`
	ErrorCode    int
	ErrorMessage string
}

// EncodeMessage returns the MESSAGE frame that every session receives.
func EncodeMessage(m parley.Message, from Sender) []byte {
	return encode(message{
		Type:       typeMessage,
		ID:         m.ID,
		RequestID:  m.RequestID,
		Attributes: m.Attributes,
		Content:    m.Content,
		SendTime:   formatTime(m.SendTime),
		Sender:     from,
	})
}

// EncodeEvent returns the EVENT frame that every session receives.
func EncodeEvent(e parley.Event) []byte {
	return encode(event{
		Type:       typeEvent,
		ID:         e.ID,
		RequestID:  e.RequestID,
		EventName:  e.Name,
		Attributes: e.Attributes,
		SendTime:   formatTime(e.SendTime),
	})
}

// EncodeError returns the ERROR frame for the session whose request failed. The
// id is that of the operation when it had one, and must be new otherwise.
func EncodeError(id, requestID string, err error) []byte {
	code, text := ErrorOf(err)
	return encode(failure{
		Type:         typeError,
		ID:           id,
		RequestID:    requestID,
		ErrorCode:    code,
		ErrorMessage: text,
	})
}

// CloseReason returns the JSON that the original puts into the reason of the
// Close frame when a session ends because of err. It fits a Close frame for the
// fixed texts of this package.
func CloseReason(err error) []byte {
	code, text := ErrorOf(err)
	return encode(struct {
		ErrorCode    int
		ErrorMessage string
	}{code, text})
}

// formatTime gives the original's form: UTC, up to nine fractional digits with
// trailing zeros removed.
func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// encode cannot fail: the frames hold only strings, numbers and string maps.
func encode(frame any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(frame); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}
