package history

import (
	"fmt"
	"slices"
	"time"
)

// Joined says that a session is open: its client has read the answer to the handshake.
type Joined struct {
	Session          int // a number of its own, by which its messages name it as the sender
	Room, User, Node string
}

// Speaks says that there is a sender that has no session: a backend that has events sent
// to a room. They are messages like others.
type Speaks struct {
	Sender int // a number of its own, among those of sessions
	Room   string
}

// Sent says that a sender is about to send the message with the number. Its messages
// have growing numbers.
type Sent struct{ Sender, Number int }

// Echoed says that a sender without a session was told that its message was sent.
type Echoed struct{ Sender, Number int }

// Denied says that a session was told that its message was not sent.
type Denied struct{ Sender, Number int }

// Received says that a session received the message with a number of a sender. The one
// that is its own is the echo.
type Received struct {
	Session, Sender, Number int
	ID                      string // of the frame
}

// Ended says that a session is over: by the server's Close frame, or in another way.
type Ended struct {
	Session int
	Closed  bool
	Why     string
}

// KickBegan says that someone is about to have a user of a room disconnected. Kick is a
// number of its own.
type KickBegan struct {
	Kick       int
	Room, User string
}

// KickDone says that this was acknowledged.
type KickDone struct{ Kick int }

// rekickTime is how long after its acknowledgement a kick may still end sessions of the
// user that came later, on nodes that hear of it late.
const rekickTime = 15 * time.Second

// chat is what is known about the rooms' sessions and messages.
type chat struct {
	rooms    map[string]*room
	sessions map[int]*session // that are open
	roomOf   map[int]string   // of each session there ever was
	sent     map[message]time.Duration
	messages map[string]message // by the Id of their frames
	ids      map[message]string
	kicks    map[int]*kick
}

func newChat() chat {
	return chat{rooms: map[string]*room{}, sessions: map[int]*session{},
		roomOf: map[int]string{}, sent: map[message]time.Duration{},
		messages: map[string]message{}, ids: map[message]string{}, kicks: map[int]*kick{}}
}

// room is a room since all was settled the last time.
type room struct {
	sessions map[*session]bool
	echoed   []echo
}

// message names a message.
type message struct{ Sender, Number int }

func (m message) String() string { return fmt.Sprintf("message %d of %d", m.Number, m.Sender) }

// echo is a message whose sender knows that it was sent.
type echo struct {
	message
	sent, echoed time.Duration
}

// session is one that is open.
type session struct {
	number           int
	room, user, node string
	joined           time.Duration
	got              map[message]bool // since all was settled
	last             map[int]int      // the highest number received of each sender
}

func (s *session) String() string {
	return fmt.Sprintf("session %d (%s on node %s)", s.number, s.user, s.node)
}

// kick is a DisconnectUser.
type kick struct {
	room, user  string
	began, done time.Duration
	answered    bool // and then done is when
	checked     bool // that it ended all sessions
}

func (e Joined) about(*Checker) string     { return e.Room }
func (e Speaks) about(*Checker) string     { return e.Room }
func (e Sent) about(c *Checker) string     { return c.chat.roomOf[e.Sender] }
func (e Echoed) about(c *Checker) string   { return c.chat.roomOf[e.Sender] }
func (e Denied) about(c *Checker) string   { return c.chat.roomOf[e.Sender] }
func (e Received) about(c *Checker) string { return c.chat.roomOf[e.Session] }
func (e Ended) about(c *Checker) string    { return c.chat.roomOf[e.Session] }
func (e KickBegan) about(*Checker) string  { return e.Room }

func (e KickDone) about(c *Checker) string {
	if k := c.chat.kicks[e.Kick]; k != nil {
		return k.room
	}
	return ""
}

// String says what happened.
func (e Joined) String() string {
	return fmt.Sprintf("%s joined as session %d on node %s", e.User, e.Session, e.Node)
}

// String says what happened.
func (e Speaks) String() string { return fmt.Sprintf("%d is a backend", e.Sender) }

// String says what happened.
func (e Sent) String() string { return fmt.Sprintf("%d sends %d", e.Sender, e.Number) }

// String says what happened.
func (e Echoed) String() string {
	return fmt.Sprintf("%d is told that %d was sent", e.Sender, e.Number)
}

// String says what happened.
func (e Denied) String() string {
	return fmt.Sprintf("%d is told that %d was not sent", e.Sender, e.Number)
}

// String says what happened.
func (e Received) String() string {
	if e.Session == e.Sender {
		return fmt.Sprintf("session %d received its own %d (%s)", e.Session, e.Number, e.ID)
	}
	return fmt.Sprintf("session %d received %d of %d (%s)",
		e.Session, e.Number, e.Sender, e.ID)
}

// String says what happened.
func (e Ended) String() string { return fmt.Sprintf("session %d ended: %s", e.Session, e.Why) }

// String says what happened.
func (e KickBegan) String() string { return fmt.Sprintf("kick %d of %s begins", e.Kick, e.User) }

// String says what happened.
func (e KickDone) String() string { return fmt.Sprintf("kick %d is acknowledged", e.Kick) }

func (e Joined) apply(c *Checker, at time.Duration) {
	s := &session{number: e.Session, room: e.Room, user: e.User, node: e.Node, joined: at,
		got: map[message]bool{}, last: map[int]int{}}
	c.chat.sessions[e.Session] = s
	c.chat.roomFor(e.Session, e.Room).sessions[s] = true
}

func (e Speaks) apply(c *Checker, _ time.Duration) { c.chat.roomFor(e.Sender, e.Room) }

// roomFor returns the room with a name, in which a sender is.
func (c *chat) roomFor(sender int, name string) *room {
	c.roomOf[sender] = name
	if c.rooms[name] == nil {
		c.rooms[name] = &room{sessions: map[*session]bool{}}
	}
	return c.rooms[name]
}

func (e Sent) apply(c *Checker, at time.Duration) { c.chat.sent[message(e)] = at }

func (e Echoed) apply(c *Checker, at time.Duration) { c.chat.echoed(message(e), at) }

func (e Denied) apply(c *Checker, _ time.Duration) {
	c.counts["messages answered with an ERROR"]++
	delete(c.chat.sent, message(e))
}

// echoed notes that a sender knows that its message was sent.
func (c *chat) echoed(m message, at time.Duration) {
	if sent, ok := c.sent[m]; ok {
		r := c.rooms[c.roomOf[m.Sender]]
		r.echoed = append(r.echoed, echo{m, sent, at})
		delete(c.sent, m)
	}
}

func (e Received) apply(c *Checker, at time.Duration) {
	s := c.chat.sessions[e.Session]
	if s == nil {
		return
	}
	m := message{e.Sender, e.Number}
	c.counts["messages received in order, once"]++
	if from := c.chat.roomOf[e.Sender]; from != s.room {
		c.failLocked(at, s.room, "%s received %s, which is in room %q", s, m, from)
	}
	c.checkOrderLocked(at, s, m)
	c.checkIDLocked(at, s, m, e.ID)
	s.got[m] = true
	if e.Session == e.Sender {
		c.chat.echoed(m, at)
	}
}

// checkOrderLocked checks that a message comes once, and after those that were sent
// before it over the same session.
func (c *Checker) checkOrderLocked(at time.Duration, s *session, m message) {
	switch last := s.last[m.Sender]; {
	case s.got[m]:
		c.failLocked(at, s.room, "%s received %s twice", s, m)
	case m.Number <= last:
		c.failLocked(at, s.room, "%s received %s after number %d", s, m, last)
	default:
		s.last[m.Sender] = m.Number
	}
}

// checkIDLocked checks that a message has one Id on all sessions, which no other has.
func (c *Checker) checkIDLocked(at time.Duration, s *session, m message, id string) {
	if before, ok := c.chat.ids[m]; ok && before != id {
		c.failLocked(at, s.room, "%s has Id %s on %s, and %s on another", m, id, s, before)
	}
	if other, ok := c.chat.messages[id]; ok && other != m {
		c.failLocked(at, s.room, "%s and %s both have Id %s", m, other, id)
	}
	c.chat.ids[m], c.chat.messages[id] = id, m
}

func (e Ended) apply(c *Checker, at time.Duration) {
	s := c.chat.sessions[e.Session]
	if s == nil {
		return
	}
	delete(c.chat.sessions, e.Session)
	delete(c.chat.rooms[s.room].sessions, s)
	c.counts["sessions ended for a reason"]++
	if e.Closed && !c.chat.kicked(s) {
		c.failLocked(at, s.room,
			"%s was closed (%s) though nobody kicked the user: its client stays away", s, e.Why)
	}
}

// kicked reports whether a kick may have ended a session.
func (c *chat) kicked(s *session) bool {
	for _, k := range c.kicks {
		if k.room == s.room && k.user == s.user &&
			(!k.answered || s.joined <= k.done+rekickTime) {
			return true
		}
	}
	return false
}

func (e KickBegan) apply(c *Checker, at time.Duration) {
	c.chat.kicks[e.Kick] = &kick{room: e.Room, user: e.User, began: at}
}

func (e KickDone) apply(c *Checker, at time.Duration) {
	if k := c.chat.kicks[e.Kick]; k != nil {
		k.done, k.answered = at, true
	}
}

// showTime is for how long what came after a message is shown when it is missing.
const showTime = 2 * time.Second

// Missing returns what should have happened because of what was known until a time: see the
// functions that it calls.
func (c *Checker) Missing(until time.Duration) []Violation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Concat(c.chat.undelivered(until), c.chat.unanswered(until), c.chat.unkicked(until))
}

// undelivered returns messages whose sender saw the echo and that did not reach a session
// which was there before they were sent, and still is.
func (c *chat) undelivered(until time.Duration) (missing []Violation) {
	for name, r := range c.rooms {
		for s := range r.sessions {
			for _, e := range r.echoed {
				if e.echoed <= until && s.joined < e.sent && !s.got[e.message] {
					missing = append(missing, Violation{At: e.echoed + showTime, About: name,
						Text: fmt.Sprintf("%s did not receive %s, echoed at %.3f",
							s, e.message, e.echoed.Seconds()),
						session: s.number, message: e.message})
				}
			}
		}
	}
	return missing
}

// unanswered returns messages that got neither an echo nor an ERROR over a session that is
// still there: its client waits for ever.
func (c *chat) unanswered(until time.Duration) (missing []Violation) {
	for m, sent := range c.sent {
		if s := c.sessions[m.Sender]; s != nil && sent <= until {
			missing = append(missing, Violation{At: sent + showTime, About: s.room,
				Text:    fmt.Sprintf("%s got no answer to %s, sent at %.3f", s, m, sent.Seconds()),
				session: s.number, message: m})
		}
	}
	return missing
}

// unkicked returns sessions that are still there though they were there before a kick of
// their user began. Those that came while it went on may have come after it.
func (c *chat) unkicked(until time.Duration) (missing []Violation) {
	for number, k := range c.kicks {
		for s := range c.sessionsOf(k.room) {
			if k.answered && k.done <= until && s.user == k.user && s.joined < k.began {
				missing = append(missing, Violation{At: k.done + showTime, About: k.room,
					Text:    fmt.Sprintf("%s is still there after kick %d", s, number),
					session: s.number})
			}
		}
	}
	return missing
}

func (c *chat) sessionsOf(name string) map[*session]bool {
	if r := c.rooms[name]; r != nil {
		return r.sessions
	}
	return nil
}

// forgetTime is how long a message may stay without an echo before it is forgotten.
const forgetTime = time.Minute

// Settle forgets what was known until a time, of which nothing is missing.
func (c *Checker) Settle(until time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, r := range c.chat.rooms {
		var rest []echo
		for _, e := range r.echoed {
			if e.echoed > until {
				rest = append(rest, e)
				continue
			}
			c.counts["messages at every session"]++
			c.forgetLocked(name, e.message)
		}
		r.echoed = rest
	}
	for m, sent := range c.chat.sent {
		if sent < until-forgetTime {
			delete(c.chat.sent, m)
			c.forgetLocked(c.chat.roomOf[m.Sender], m)
		}
	}
	for number, k := range c.chat.kicks {
		if k.answered && k.done <= until && !k.checked {
			k.checked = true
			c.counts["kicks that ended all sessions"]++
		}
		if max(k.began, k.done) < until-forgetTime {
			delete(c.chat.kicks, number)
		}
	}
}

func (c *Checker) forgetLocked(room string, m message) {
	for s := range c.chat.sessionsOf(room) {
		delete(s.got, m)
	}
	if id, ok := c.chat.ids[m]; ok {
		delete(c.chat.ids, m)
		delete(c.chat.messages, id)
	}
}
