package wire

import (
	"errors"
	"fmt"
	"time"

	"github.com/parley-chat/parley"
)

// Frame is what a client reads from the server: a MessageFrame, an EventFrame or an
// ErrorFrame.
type Frame interface{ frame() }

// MessageFrame is a MESSAGE frame.
type MessageFrame struct {
	parley.Message
	Sender parley.Sender
}

// EventFrame is an EVENT frame.
type EventFrame struct{ parley.Event }

// ErrorFrame is an ERROR frame.
type ErrorFrame struct {
	ID        string
	RequestID string // empty when the error answers no request
	Code      int
	Message   string
}

func (MessageFrame) frame() {}
func (EventFrame) frame()   {}
func (ErrorFrame) frame()   {}

// ParseFrame reads one text message of a server. Members that it does not know are
// ignored. The error, which quotes nothing of what people said, is for a frame of an
// unknown type and for one that official clients would drop, too.
func ParseFrame(data []byte) (Frame, error) {
	o, err := ParseObject(data)
	if err != nil {
		return nil, errors.New("the frame is not a JSON object")
	}
	var f Frame
	switch kind := o.RequiredString("Type"); kind {
	case typeMessage:
		f, err = readMessage(o)
	case typeEvent:
		f, err = readEvent(o)
	case typeError:
		f = readError(o)
	default:
		return nil, fmt.Errorf("the frame is of the unknown type %q", parley.Shorten(kind))
	}
	if err := errors.Join(o.Err(), err); err != nil {
		return nil, err
	}
	return f, nil
}

func readMessage(o Object) (MessageFrame, error) {
	sent, err := readTime(o)
	f := MessageFrame{Message: parley.Message{
		ID:         o.RequiredString("Id"),
		RequestID:  optionalString(o, "RequestId"),
		Content:    o.RequiredString("Content"),
		Attributes: optionalMap(o, "Attributes"),
		SendTime:   sent,
	}}
	o.Require("Sender")
	if sender, ok := o.Object("Sender"); ok {
		f.Sender.UserID = sender.RequiredString("UserId")
		f.Sender.Attributes = optionalMap(sender, "Attributes")
	}
	return f, err
}

func readEvent(o Object) (EventFrame, error) {
	sent, err := readTime(o)
	return EventFrame{parley.Event{
		ID:         o.RequiredString("Id"),
		RequestID:  optionalString(o, "RequestId"),
		Name:       o.RequiredString("EventName"),
		Attributes: optionalMap(o, "Attributes"),
		SendTime:   sent,
	}}, err
}

func readError(o Object) ErrorFrame {
	o.Require("ErrorCode")
	code, _ := o.Int("ErrorCode")
	return ErrorFrame{
		ID:        o.RequiredString("Id"),
		RequestID: optionalString(o, "RequestId"),
		Code:      code,
		Message:   o.RequiredString("ErrorMessage"),
	}
}

// readTime reads when the service received what a frame is about. Times in UTC whose
// year has other than four digits cannot be written.
func readTime(o Object) (time.Time, error) {
	sent, err := time.Parse(time.RFC3339Nano, o.RequiredString("SendTime"))
	if sent = sent.UTC(); err != nil || sent.Year() < 0 || sent.Year() > 9999 {
		return time.Time{}, errors.New("the frame's SendTime is not a time")
	}
	return sent, nil
}

func optionalString(o Object, name string) string {
	s, _ := o.String(name)
	return s
}

func optionalMap(o Object, name string) map[string]string {
	m, _ := o.StringMap(name)
	return m
}
