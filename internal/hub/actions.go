package hub

import (
	"time"
	"unicode/utf8"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/wire"
)

// action is one thing that clients may ask for.
type action struct {
	needs parley.Capabilities
	do    func(s *Session, r wire.Request, id string, now time.Time) (event, error)
}

var actions = map[wire.Action]action{
	wire.SendMessage:    {parley.SendMessage, (*Session).sendMessage},
	wire.DeleteMessage:  {parley.DeleteMessage, (*Session).deleteMessage},
	wire.DisconnectUser: {parley.DisconnectUser, (*Session).disconnectUser},
}

// handle does what a request asks for, under the id that the resulting frame will
// have. The checks are made in the documented order: action, capability, members,
// room, rates, review. Source: Messaging API reference.
func (s *Session) handle(r wire.Request, id string, now time.Time) error {
	a, ok := actions[r.Action]
	switch {
	case !ok:
		return parley.Errorf(parley.Invalid, "Action is missing or unknown.")
	case !s.capabilities.Has(a.needs):
		return parley.Errorf(parley.AccessDenied,
			"Forbidden: the token lacks the capability %s", r.Action)
	}
	e, err := a.do(s, r, id, now)
	if err != nil {
		return err
	}
	return s.room.publish(request{session: s, action: r.Action, id: id, requestID: r.RequestID}, e)
}

func (s *Session) sendMessage(r wire.Request, id string, now time.Time) (event, error) {
	m, err := r.SendMessage()
	if err != nil {
		return event{}, err
	}
	room, err := s.hub.cfg.Rooms.Room(s.room.arn)
	if err != nil {
		return event{}, err
	}
	if utf8.RuneCountInString(m.Content) > room.MaxMessageLength {
		return event{}, parley.Errorf(parley.Invalid, "Message exceeds maximum length")
	}
	if err := s.takeMessage(now, room); err != nil {
		return event{}, err
	}
	if err := review(room); err != nil {
		return event{}, err
	}
	return event{frame: wire.EncodeMessage(parley.Message{
		ID:         id,
		RequestID:  r.RequestID,
		Content:    m.Content,
		Attributes: m.Attributes,
		SendTime:   now,
	}, s.sender)}, nil
}

// takeMessage counts a message against the rates of its room and account.
func (s *Session) takeMessage(now time.Time, room parley.Room) error {
	if ceiling := s.hub.cfg.Quotas[parley.QuotaRoomMessages]; ceiling > 0 &&
		!s.room.take(now, min(ceiling, room.MaxMessageRatePerSecond)) {
		return s.throttled("room")
	}
	return s.hub.take(s.room.arn, s.world, parley.QuotaMessages, now)
}

// review decides on a message of a room with a review handler. No handler can be
// reached by this server, which is a failed invocation, so the room's fallback
// decides.
func review(room parley.Room) error {
	h := room.ReviewHandler
	if h == nil || h.URI == "" || h.Fallback == parley.FallbackAllow {
		return nil
	}
	return parley.Errorf(parley.NotAcceptable, "Message rejected")
}

func (s *Session) deleteMessage(r wire.Request, id string, now time.Time) (event, error) {
	d, err := r.DeleteMessage()
	if err != nil {
		return event{}, err
	}
	return s.moderate(deletion(d.ID, d.Reason), r.RequestID, id, now)
}

func (s *Session) disconnectUser(r wire.Request, id string, now time.Time) (event, error) {
	d, err := r.DisconnectUser()
	if err != nil {
		return event{}, err
	}
	return s.moderate(disconnection(d.UserID, d.Reason), r.RequestID, id, now)
}

func (s *Session) moderate(m moderation, requestID, id string, now time.Time) (event, error) {
	if err := s.hub.allow(s.room.arn, s.world, m, now); err != nil {
		return event{}, err
	}
	return m.event(requestID, id, now), nil
}
