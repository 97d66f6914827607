package hub

import (
	"context"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/wire"
)

// moderation is an event of the service itself, by which a moderator acts.
type moderation struct {
	action     wire.Action
	name       string
	attributes map[string]string
	message    string // that is deleted, or empty
	user       string // to be disconnected, or empty
	quota      parley.Quota
	logged     logged
}

// deletion tells clients to show a message no longer. It names the message in both
// spellings: the documented one, and the one that official clients read.
func deletion(messageID, reason string) moderation {
	return moderation{
		action: wire.DeleteMessage,
		name:   parley.EventDeleteMessage,
		attributes: withReason(
			map[string]string{"MessageID": messageID, "MessageId": messageID}, reason),
		message: messageID,
		quota:   parley.QuotaDeletes,
		logged:  loggedAsEvent,
	}
}

// disconnection tells clients that a user is disconnected, and has it done.
func disconnection(userID, reason string) moderation {
	return moderation{
		action:     wire.DisconnectUser,
		name:       parley.EventDisconnectUser,
		attributes: withReason(map[string]string{"UserId": userID}, reason),
		user:       userID,
		quota:      parley.QuotaDisconnects,
	}
}

// reasonAttribute holds a moderator's reason, when there is one.
const reasonAttribute = "Reason"

func withReason(attributes map[string]string, reason string) map[string]string {
	if reason != "" {
		attributes[reasonAttribute] = reason
	}
	return attributes
}

// event returns what goes on the bus.
func (m moderation) event(requestID, id string, now time.Time) event {
	return event{
		user:    m.user,
		reason:  m.attributes[reasonAttribute],
		message: m.message,
		frame: wire.EncodeEvent(parley.Event{
			ID:         id,
			RequestID:  requestID,
			Name:       m.name,
			Attributes: m.attributes,
			SendTime:   now,
		}),
		logged: m.logged,
		at:     now,
	}
}

// sendEvent is the action of SendEvent in metrics. Sessions cannot ask for it.
const sendEvent wire.Action = "SEND_EVENT"

// What metrics show instead of an action.
const (
	Connect = "CONNECT" // a handshake
	unknown = "unknown" // a request that names no action
)

// SendEvent sends an application's event to all sessions of a room, on all nodes,
// and returns its id. The error has code NotFound when there is no such room.
func (h *Hub) SendEvent(
	ctx context.Context, room parley.ARN, name string, attributes map[string]string,
) (id string, err error) {
	if _, err := h.cfg.Rooms.FindRoom(ctx, room); err != nil {
		return "", err
	}
	id, now := parley.NewID(), time.Now()
	return id, h.publish(ctx, room, sendEvent, event{
		frame: wire.EncodeEvent(parley.Event{
			ID: id, Name: name, Attributes: attributes, SendTime: now,
		}),
		logged: loggedAsEvent,
		at:     now,
	})
}

// DeleteMessage tells all sessions of a room to show a message no longer, and
// returns the id of that event. Messages are not kept, so any id will do. The
// error has code NotFound or Throttled.
func (h *Hub) DeleteMessage(
	ctx context.Context, room parley.ARN, messageID, reason string,
) (id string, err error) {
	return h.moderate(ctx, room, deletion(messageID, reason))
}

// DisconnectUser ends all sessions of a user in a room, of which there may be
// none. The error has code NotFound or Throttled.
func (h *Hub) DisconnectUser(ctx context.Context, room parley.ARN, userID, reason string) error {
	_, err := h.moderate(ctx, room, disconnection(userID, reason))
	return err
}

func (h *Hub) moderate(ctx context.Context, room parley.ARN, m moderation) (string, error) {
	if _, err := h.cfg.Rooms.FindRoom(ctx, room); err != nil {
		return "", err
	}
	h.mu.Lock()
	w := h.worldLocked(room.World())
	h.mu.Unlock()
	id, now := parley.NewID(), time.Now()
	if err := h.take(room, w, m.quota, m.action, now); err != nil { // both planes share the rate
		return "", err
	}
	e := m.event("", id, now)
	e.notice = h.notice(m, room, "", now)
	return id, h.publish(ctx, room, m.action, e)
}

// mark says on an event where it comes from.
func (h *Hub) mark(e *event, action wire.Action) {
	e.node, e.action = h.node, action
	if e.user != "" {
		e.kick = h.clock.next()
	}
}

// publish sends an event that no session of this node asked for. It returns when the
// other nodes have it, so that its caller's next call may go to any of them.
func (h *Hub) publish(
	ctx context.Context, room parley.ARN, action wire.Action, e event,
) error {
	if err := h.cfg.Bus.Takes(); err != nil {
		return err // what is refused is not logged
	}
	h.mark(&e, action)
	h.log(room, e)
	if err := h.cfg.Bus.PublishConfirmed(ctx, room, e.encode()); err != nil {
		return err
	}
	h.cfg.Metrics.Request(string(action))
	h.put(e.notice)
	return nil
}
