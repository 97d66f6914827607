package wire

import (
	"unicode/utf8"

	"github.com/parley-chat/parley"
)

// Action says what a request of the messaging plane asks for. Its value is
// matched exactly, unlike the names of members.
type Action string

// The actions. Each needs the capability of the same name.
const (
	SendMessage    Action = "SEND_MESSAGE"
	DeleteMessage  Action = "DELETE_MESSAGE"
	DisconnectUser Action = "DISCONNECT_USER"
)

// Request is a parsed request whose own members are not read yet.
type Request struct {
	Action    Action
	RequestID string // the client's own, or empty; known even when the rest is wrong
	object    Object
}

// SendMessageRequest is what SEND_MESSAGE carries.
type SendMessageRequest struct {
	Content    string
	Attributes map[string]string // nil when there are none
}

// DeleteMessageRequest is what DELETE_MESSAGE carries.
type DeleteMessageRequest struct {
	ID     string
	Reason string // empty when none is given
}

// DisconnectUserRequest is what DISCONNECT_USER carries.
type DisconnectUserRequest struct {
	UserID string
	Reason string // empty when none is given
}

// Encode returns the request as a client sends it.
func (r SendMessageRequest) Encode(requestID string) []byte {
	return encode(struct {
		Action     Action
		RequestID  string `json:"RequestId,omitempty"`
		Content    string
		Attributes map[string]string `json:",omitempty"`
	}{SendMessage, requestID, r.Content, r.Attributes})
}

// Encode returns the request as a client sends it.
func (r DeleteMessageRequest) Encode(requestID string) []byte {
	return encode(struct {
		Action    Action
		RequestID string `json:"RequestId,omitempty"`
		ID        string `json:"Id"`
		Reason    string `json:",omitempty"`
	}{DeleteMessage, requestID, r.ID, r.Reason})
}

// Encode returns the request as a client sends it.
func (r DisconnectUserRequest) Encode(requestID string) []byte {
	return encode(struct {
		Action    Action
		RequestID string `json:"RequestId,omitempty"`
		UserID    string `json:"UserId"`
		Reason    string `json:",omitempty"`
	}{DisconnectUser, requestID, r.UserID, r.Reason})
}

// ParseRequest reads one text message of a client. The error has code Invalid
// when data is not a JSON object; then the RequestID is unknown.
func ParseRequest(data []byte) (Request, error) {
	o, err := parseFolded(data)
	if err != nil {
		return Request{}, err
	}
	if len(data) == 0 {
		return Request{}, parley.Errorf(parley.Invalid, "The request is empty.")
	}
	action, _ := o.String("Action")
	id, _ := o.String("RequestId")
	return Request{Action: Action(action), RequestID: id, object: o}, nil
}

// SendMessage reads the members of a SEND_MESSAGE request. Whether the content
// is too long depends on the room, so the caller checks that. The error has code
// Invalid or TooLarge.
func (r Request) SendMessage() (SendMessageRequest, error) {
	content := r.object.RequiredString("Content")
	attributes, _ := r.object.StringMap("Attributes")
	if err := r.err(); err != nil {
		return SendMessageRequest{}, err
	}
	if content == "" {
		return SendMessageRequest{}, parley.Errorf(parley.Invalid, "Content must not be empty")
	}
	if parley.AttributesSize(attributes) > parley.MaxMessageAttributes {
		return SendMessageRequest{}, tooLarge("Attributes")
	}
	return SendMessageRequest{Content: content, Attributes: attributes}, nil
}

// DeleteMessage reads the members of a DELETE_MESSAGE request. The error has code
// Invalid or TooLarge.
func (r Request) DeleteMessage() (DeleteMessageRequest, error) {
	id := r.object.RequiredString("Id")
	reason, err := r.reason()
	if err != nil {
		return DeleteMessageRequest{}, err
	}
	if !parley.ValidID(id) {
		return DeleteMessageRequest{}, parley.Errorf(parley.Invalid,
			"Id must have exactly %d letters and digits", parley.IDLen)
	}
	return DeleteMessageRequest{ID: id, Reason: reason}, nil
}

// DisconnectUser reads the members of a DISCONNECT_USER request. The error has
// code Invalid or TooLarge.
func (r Request) DisconnectUser() (DisconnectUserRequest, error) {
	userID := r.object.RequiredString("UserId")
	reason, err := r.reason()
	if err != nil {
		return DisconnectUserRequest{}, err
	}
	if n := utf8.RuneCountInString(userID); n < 1 || n > parley.MaxUserIDLen {
		return DisconnectUserRequest{}, parley.Errorf(parley.Invalid,
			"UserId must have 1 to %d characters", parley.MaxUserIDLen)
	}
	return DisconnectUserRequest{UserID: userID, Reason: reason}, nil
}

// reason reads the reason of a moderator's request, after its other members, and
// returns what is wrong with any of them.
func (r Request) reason() (string, error) {
	reason, _ := r.object.String("Reason")
	if err := r.err(); err != nil {
		return "", err
	}
	if utf8.RuneCountInString(reason) > parley.MaxReasonLen {
		return "", tooLarge("Reason")
	}
	return reason, nil
}

// err returns what is wrong with the members read so far: their types, a missing
// one, or a request id that is too long.
func (r Request) err() error {
	if err := r.object.Err(); err != nil {
		return err
	}
	if utf8.RuneCountInString(r.RequestID) > parley.MaxRequestIDLen {
		return tooLarge("RequestId")
	}
	return nil
}

func tooLarge(member string) error {
	return parley.Errorf(parley.TooLarge, "%s is too large", member)
}
