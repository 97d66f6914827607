package hub

import (
	"time"
	"unicode/utf8"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/trace"
	"github.com/parley-chat/parley/internal/wire"
)

// action is one thing that clients may ask for.
type action struct {
	needs parley.Capabilities
	do    func(s *Session, req request, r wire.Request, now time.Time) error
}

var actions = map[wire.Action]action{
	wire.SendMessage:    {parley.SendMessage, (*Session).sendMessage},
	wire.DeleteMessage:  {parley.DeleteMessage, (*Session).deleteMessage},
	wire.DisconnectUser: {parley.DisconnectUser, (*Session).disconnectUser},
}

// nameOf returns an action as metrics show it: clients can ask for anything.
func nameOf(a wire.Action) string {
	if _, ok := actions[a]; !ok {
		return unknown
	}
	return string(a)
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
	req := request{session: s, action: r.Action, id: id, requestID: r.RequestID,
		span: s.hub.cfg.Tracer.Start(trace.Context{}, string(r.Action), now)}
	if req.span != nil {
		req.span.SetRoom(s.room.arn)
		req.span.Set("parley.frame_id", id)
	}
	err := a.do(s, req, r, now)
	if err != nil {
		req.span.End(err)
	}
	return err
}

// submit publishes the event that a request led to, after what the session has asked
// for before.
func (s *Session) submit(req request, e event) error {
	if err := s.hub.admit(req.action); err != nil {
		return err
	}
	l := s.line.Load()
	if l == nil {
		s.room.send(req, e)
		return nil
	}
	if _, ok := l.join(&place{request: req, decided: true, verdict: verdict{event: e}}); !ok {
		return s.dismiss(req.action)
	}
	return nil
}

// dismiss takes an admitted request back, for which there is no place in line.
func (s *Session) dismiss(action wire.Action) error {
	s.hub.pending.Add(-1)
	return s.throttled("connection", string(action))
}

func (s *Session) sendMessage(req request, r wire.Request, now time.Time) error {
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
	message := parley.Message{
		ID:         req.id,
		RequestID:  r.RequestID,
		Content:    m.Content,
		Attributes: m.Attributes,
		SendTime:   now,
	}
	if handler := room.ReviewHandler; handler != nil && handler.URI != "" {
		return s.review(req, room, message)
	}
	return s.submit(req, s.messageEvent(message))
}

// takeMessage counts a message against the rates of its room and account.
func (s *Session) takeMessage(now time.Time, room parley.Room) error {
	if !s.room.take(now, s.hub.rate(room)) {
		return s.throttled("room", string(wire.SendMessage))
	}
	return s.hub.take(s.room.arn, s.world, parley.QuotaMessages, wire.SendMessage, now)
}

// rate returns how many messages a second a room may have; 0 is no limit, for which there
// must be no quota at all: one that is 0 leaves the room its own rate.
func (h *Hub) rate(room parley.Room) int {
	ceiling, ok := h.cfg.Quotas[parley.QuotaRoomMessages]
	switch {
	case !ok:
		return 0
	case ceiling == 0:
		return room.MaxMessageRatePerSecond
	}
	return min(ceiling, room.MaxMessageRatePerSecond)
}

func (s *Session) deleteMessage(req request, r wire.Request, now time.Time) error {
	d, err := r.DeleteMessage()
	if err != nil {
		return err
	}
	return s.moderate(req, deletion(d.ID, d.Reason), now)
}

func (s *Session) disconnectUser(req request, r wire.Request, now time.Time) error {
	d, err := r.DisconnectUser()
	if err != nil {
		return err
	}
	return s.moderate(req, disconnection(d.UserID, d.Reason), now)
}

func (s *Session) moderate(req request, m moderation, now time.Time) error {
	if _, err := s.hub.cfg.Rooms.Room(s.room.arn); err != nil {
		return err
	}
	if err := s.hub.take(s.room.arn, s.world, m.quota, m.action, now); err != nil {
		return err
	}
	e := m.event(req.requestID, req.id, now)
	e.notice = s.hub.notice(m, s.room.arn, s.userID, now)
	return s.submit(req, e)
}
