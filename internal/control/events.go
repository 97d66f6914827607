package control

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/parley-chat/parley"
)

// operationID is the answer of SendEvent, where it is the id of the event, and of
// DeleteMessage, where it is that of the deletion.
type operationID struct {
	ID string `json:"id"`
}

// reservedEventPrefix begins the names of the events that the service itself
// sends. Clients act on these, so applications cannot send them.
const reservedEventPrefix = "aws:"

// messageIDPattern is the form of a message's id. Source: MessageID, API reference.
var messageIDPattern = regexp.MustCompile(`^[a-zA-Z0-9]+$`)

func (h *Handler) sendEvent(ctx context.Context, c *call) (any, error) {
	room := c.requiredARN("roomIdentifier", parley.KindRoom)
	name := c.eventName()
	attributes, _ := c.body.StringMap("attributes")
	c.body.Check().Size("attributes", attributes, parley.MaxEventAttributes)
	if err := c.body.Err(); err != nil {
		return nil, err
	}
	if err := c.own(room); err != nil {
		return nil, err
	}
	id, err := h.hub.SendEvent(ctx, room, name, attributes)
	if err != nil {
		return nil, fmt.Errorf("send an event to %s: %w", room, err)
	}
	return operationID{id}, nil
}

// eventName reads and checks the name of an event. What is wrong with it is in
// the Err of the body.
func (c *call) eventName() string {
	name := c.body.RequiredString("eventName")
	c.body.Check().Length("eventName", name, 1, parley.MaxEventNameLen)
	if strings.HasPrefix(name, reservedEventPrefix) {
		c.body.Check().Add("eventName",
			"Event names starting with "+reservedEventPrefix+" are reserved")
	}
	return name
}

func (h *Handler) deleteMessage(ctx context.Context, c *call) (any, error) {
	room := c.requiredARN("roomIdentifier", parley.KindRoom)
	message := c.body.RequiredString("id")
	c.body.Check().Pattern("id", message, parley.IDLen, parley.IDLen, messageIDPattern)
	reason := c.reason()
	if err := c.body.Err(); err != nil {
		return nil, err
	}
	if err := c.own(room); err != nil {
		return nil, err
	}
	id, err := h.hub.DeleteMessage(ctx, room, message, reason)
	if err != nil {
		return nil, fmt.Errorf("delete a message of %s: %w", room, err)
	}
	return operationID{id}, nil
}

func (h *Handler) disconnectUser(ctx context.Context, c *call) (any, error) {
	room := c.requiredARN("roomIdentifier", parley.KindRoom)
	user := c.body.RequiredText("userId")
	c.body.Check().Length("userId", user, 1, parley.MaxUserIDLen)
	reason := c.reason()
	if err := c.body.Err(); err != nil {
		return nil, err
	}
	if err := c.own(room); err != nil {
		return nil, err
	}
	if err := h.hub.DisconnectUser(ctx, room, user, reason); err != nil {
		return nil, fmt.Errorf("disconnect a user from %s: %w", room, err)
	}
	return nil, nil
}

// reason reads and checks a moderator's reason, which is empty when none is given.
// What is wrong with it is in the Err of the body.
func (c *call) reason() string {
	reason, ok := c.body.String("reason")
	if ok {
		c.body.Check().Length("reason", reason, 1, parley.MaxReasonLen)
	}
	return reason
}
