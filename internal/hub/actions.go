package hub

import (
	"context"
	"time"
	"unicode/utf8"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/wire"
)

// action is one thing that clients may ask for.
type action struct {
	needs parley.Capabilities
	do    func(s *Session, ctx context.Context, r wire.Request, id string, now time.Time) error
}

var actions = map[wire.Action]action{
	wire.SendMessage:    {parley.SendMessage, (*Session).sendMessage},
	wire.DeleteMessage:  {parley.DeleteMessage, (*Session).deleteMessage},
	wire.DisconnectUser: {parley.DisconnectUser, (*Session).disconnectUser},
}

// handle does what a request asks for, under the id that the resulting frame will
// have. The checks are made in the documented order: action, capability, members,
// room, rates, review. Source: Messaging API reference.
func (s *Session) handle(ctx context.Context, r wire.Request, id string, now time.Time) error {
	a, ok := actions[r.Action]
	switch {
	case !ok:
		return parley.Errorf(parley.Invalid, "Action is missing or unknown.")
	case !s.token.Capabilities.Has(a.needs):
		return parley.Errorf(parley.AccessDenied,
			"Forbidden: the token lacks the capability %s", r.Action)
	}
	if err := a.do(s, ctx, r, id, now); err != nil {
		return err
	}
	s.hub.cfg.Metrics.Request(string(r.Action))
	return nil
}

func (s *Session) sendMessage(ctx context.Context, r wire.Request, id string, now time.Time) error {
	m, err := r.SendMessage()
	if err != nil {
		return err
	}
	room, err := s.hub.cfg.Rooms.Room(s.room.arn)
	if err != nil {
		return err
	}
	if utf8.RuneCountInString(m.Content) > room.MaxMessageLength {
		return parley.Errorf(parley.Invalid, "Message exceeds maximum length")
	}
	if err := s.takeMessage(now, room); err != nil {
		return err
	}
	if err := review(room); err != nil {
		return err
	}
	return s.room.publish(ctx, s, event{frame: wire.EncodeMessage(parley.Message{
		ID:         id,
		RequestID:  r.RequestID,
		Content:    m.Content,
		Attributes: m.Attributes,
		SendTime:   now,
		Sender:     parley.Sender{UserID: s.token.UserID, Attributes: s.token.Attributes},
	})})
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

func (s *Session) deleteMessage(
	ctx context.Context, r wire.Request, id string, now time.Time,
) error {
	d, err := r.DeleteMessage()
	if err != nil {
		return err
	}
	return s.moderate(ctx, deletion(d.ID, d.Reason), r.RequestID, id, now)
}

func (s *Session) disconnectUser(
	ctx context.Context, r wire.Request, id string, now time.Time,
) error {
	d, err := r.DisconnectUser()
	if err != nil {
		return err
	}
	return s.moderate(ctx, disconnection(d.UserID, d.Reason), r.RequestID, id, now)
}

func (s *Session) moderate(
	ctx context.Context, m moderation, requestID, id string, now time.Time,
) error {
	if err := s.hub.allow(s.room.arn, s.world, m, now); err != nil {
		return err
	}
	return s.room.publish(ctx, s, m.event(requestID, id, now))
}
