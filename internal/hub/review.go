package hub

import (
	"encoding/json"
	"net/netip"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/wire"
)

// Limits of what is under review. A message over one of them is not reviewed: it counts
// as one whose review took too long, and the room's fallback decides.
const (
	// maxReviews is how many messages of this node may be under review at once. It is
	// half of maxPending, so that slow handlers leave the other half to other rooms.
	maxReviews = maxPending / 2
	// maxSessionReviews is how many of them may be of one session.
	maxSessionReviews = 64
)

// Reviewer decides on the messages of rooms that have a review handler.
// review.Reviewer implements it.
type Reviewer interface {
	// Review returns what the room's handler decides on a message or, when that fails
	// or takes too long, what the room's fallback decides. It may block for as long as a
	// review may take.
	Review(m Review) Decision
	// Overflow reports whether the fallback allows a message that there is no room to
	// review. It counts as one whose review took too long.
	Overflow(h parley.ReviewHandler) (allow bool)
}

// Review is a message that a review handler is to decide on.
type Review struct {
	Handler    parley.ReviewHandler // of the room, with a URI
	MaxLength  int                  // of the room's messages, in code points
	Room       parley.ARN
	MessageID  string
	Content    string
	Attributes map[string]string // nil when the sender gave none
	Sender     parley.Sender
	Client     netip.Addr // of the sender; invalid when it is not known
}

// Decision is what becomes of a reviewed message.
type Decision struct {
	Allow      bool
	Content    string            // to be delivered, when it is allowed
	Attributes map[string]string // to be delivered with it
	Reason     string            // for the sender, when it is denied; may be empty
}

// Err returns nil when the message is allowed, and otherwise what its sender is told.
func (d Decision) Err() error {
	switch {
	case d.Allow:
		return nil
	case d.Reason == "":
		return parley.Errorf(parley.NotAcceptable, "Message rejected")
	}
	return &parley.Error{Code: parley.NotAcceptable, Message: d.Reason}
}

// review has a message reviewed, and then delivered or refused. The room's settings
// are those at the time of the request, whatever they are when the review ends.
func (s *Session) review(req request, room parley.Room, m parley.Message) error {
	h, handler := s.hub, *room.ReviewHandler
	if err := h.admit(req.action); err != nil {
		return err
	}
	l, p := s.openLine(), &place{request: req}
	reviews, ok := l.join(p)
	if !ok {
		return s.dismiss(req.action)
	}
	span := req.span.Child("review")
	if span != nil {
		span.Set("parley.review.uri", handler.URI)
	}
	if reviews > maxSessionReviews || !h.takeReview() {
		allow := h.cfg.Reviewer.Overflow(handler)
		span.Set("parley.review.overflow", true)
		span.Set("parley.review.allowed", allow)
		span.End(nil)
		l.decide(p, s.judge(m, Decision{Allow: allow, Content: m.Content, Attributes: m.Attributes}))
		return nil
	}
	h.reviewing.Go(func() {
		decision := h.cfg.Reviewer.Review(Review{
			Handler: handler, MaxLength: room.MaxMessageLength, Room: s.room.arn,
			MessageID: m.ID, Content: m.Content, Attributes: m.Attributes,
			Sender: s.from(), Client: s.client,
		})
		h.reviews.Add(-1)
		span.Set("parley.review.allowed", decision.Allow)
		span.End(nil)
		l.decide(p, s.judge(m, decision))
	})
	return nil
}

// takeReview counts one more message under review, unless there are too many.
func (h *Hub) takeReview() bool {
	if h.reviews.Add(1) > maxReviews {
		h.reviews.Add(-1)
		return false
	}
	return true
}

// verdict is what becomes of a request in line: an event to be published, or an error for
// its sender.
type verdict struct {
	event event
	err   error
}

// judge returns what a decision on a message of the session leads to.
func (s *Session) judge(m parley.Message, d Decision) verdict {
	if err := d.Err(); err != nil {
		return verdict{err: err}
	}
	// The room may be gone by now, and then the message is for nobody.
	if _, err := s.hub.cfg.Rooms.Room(s.room.arn); err != nil {
		return verdict{err: err}
	}
	m.Content, m.Attributes = d.Content, d.Attributes
	return verdict{event: s.messageEvent(m)}
}

// messageEvent returns what goes on the bus for a message of the session.
func (s *Session) messageEvent(m parley.Message) event {
	return event{message: m.ID, frame: wire.EncodeMessage(m, s.sender),
		logged: loggedAsMessage, at: m.SendTime}
}

// from returns the sender of the session's messages. Sessions keep it in the form of
// frames alone, since most rooms have no review handler.
func (s *Session) from() parley.Sender {
	var sender struct {
		UserID     string `json:"UserId"`
		Attributes map[string]string
	}
	_ = json.Unmarshal(s.sender, &sender) // it is valid
	return parley.Sender(sender)
}
