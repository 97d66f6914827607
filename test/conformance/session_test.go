package conformance

import (
	"maps"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// eventTimeout is how long an event may take to reach a session, on a busy machine.
const eventTimeout = time.Minute

// session is a user's session in a driver: one of the messaging SDK, or a plain one.
type session struct {
	name   string
	driver *driver
	events <-chan line
	tokens *provided // nil for a plain session
}

// chatMessage is a message as the messaging SDK hands it to its user.
type chatMessage struct {
	ID         string
	RequestID  string
	Content    string
	Attributes map[string]string
	SendTime   time.Time
	Sender     struct {
		UserID     string
		Attributes map[string]string
	}
}

// chatEvent is an event, which holds what its kind has.
type chatEvent struct {
	ID         string
	RequestID  string
	EventName  string // of custom events
	MessageID  string // of messageDelete
	UserID     string // of userDisconnect
	Reason     string
	Attributes map[string]string
	SendTime   time.Time
}

// chatError is what the SDK rejects a request with.
type chatError struct {
	ID           string
	ErrorCode    int
	ErrorMessage string
	RequestID    string
}

var (
	idPattern   = regexp.MustCompile(`^[A-Za-z0-9]{12}$`)
	uuidPattern = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

// place is where the messaging SDK runs.
type place struct {
	name  string
	start func(t *testing.T, srv *server, s *site) *driver
}

// inNode runs the SDK with the WebSocket client of the package ws.
var inNode = place{"Node", func(t *testing.T, srv *server, _ *site) *driver {
	return startDriver(t, cleanEnv(srv.dir), node(t), "chat.mjs")
}}

// places are all where the SDK is tested. What does not differ between them is tested
// in Node alone.
var places = []place{inNode, inChromium}

// chatRoom is a room with sessions of the messaging SDK in it.
type chatRoom struct {
	room
	srv    *server
	admin  apiClient
	site   *site
	driver *driver
}

// inEachPlace runs a test in a room of its own in each place, while others run.
func inEachPlace(t *testing.T, settings fields, test func(*testing.T, chatRoom)) {
	t.Helper()
	t.Parallel()
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			test(t, startChatRoom(t, p, settings))
		})
	}
}

// startChatRoom starts a server with a room that has the given settings.
func startChatRoom(t *testing.T, p place, settings fields) chatRoom {
	t.Helper()
	srv := startServer(t)
	return newChatRoom(t, srv, startGoSDK(t, srv, srv.credentials), p, settings)
}

func newChatRoom(
	t *testing.T, srv *server, admin apiClient, p place, settings fields,
) chatRoom {
	t.Helper()
	s := startSite(t, srv)
	r := chatRoom{srv: srv, admin: admin, site: s, driver: p.start(t, srv, s)}
	r.room = createRoom(t, admin, settings)
	results.noteChat(p, t)
	return r
}

// join opens a session of a user, whose name it bears.
func (r chatRoom) join(t *testing.T, user string, capabilities ...string) *session {
	t.Helper()
	return r.joinAs(t, user, createToken(t, r.admin, r.ARN, user, capabilities...))
}

// joinAs opens a session with a token and waits until it is connected.
func (r chatRoom) joinAs(t *testing.T, name, token string) *session {
	t.Helper()
	return r.open(t, name, listed(token), nil)
}

// open opens a session with tokens of a source and waits until it is connected. More
// are further arguments of the driver's create.
func (r chatRoom) open(t *testing.T, name string, tokens tokenSource, more fields) *session {
	t.Helper()
	s := r.try(t, name, tokens, more)
	s.next(t, "connecting", nil)
	s.next(t, "connect", nil)
	return s
}

// try begins to open a session.
func (r chatRoom) try(t *testing.T, name string, tokens tokenSource, more fields) *session {
	t.Helper()
	s, args := r.prepare(name, tokens, more)
	s.call(t, "join", args, nil)
	return s
}

// prepare returns a session that the driver does not have yet, and the arguments of the
// driver's create for it.
func (r chatRoom) prepare(name string, tokens tokenSource, more fields) (*session, fields) {
	s := &session{name: name, driver: r.driver, events: r.driver.inbox(name)}
	s.tokens = r.site.provide(name, tokens)
	args := fields{"url": r.srv.chatURL(), "tokenURL": s.tokens.url}
	maps.Copy(args, more)
	return s, args
}

// call makes a call of the driver for this session. It returns the error that the
// client answered with, if any.
func (s *session) call(t *testing.T, call string, args fields, result any) *chatError {
	t.Helper()
	return s.result(t, call, s.start(t, call, args), result)
}

func (s *session) start(t *testing.T, call string, args fields) <-chan line {
	t.Helper()
	args["session"] = s.name
	return s.driver.start(t, call, args)
}

func (s *session) result(t *testing.T, call string, answer <-chan line, result any) *chatError {
	t.Helper()
	l := s.driver.wait(t, call, answer)
	if l.Error != nil {
		refused := &chatError{}
		decode(t, l.Error, refused)
		return refused
	}
	if result != nil {
		decode(t, l.Result, result)
	}
	return nil
}

// next waits for the session's next event, which has to be the one of that name.
func (s *session) next(t *testing.T, event string, value any) {
	t.Helper()
	s.nextWithin(t, eventTimeout, event, value)
}

func (s *session) nextWithin(t *testing.T, limit time.Duration, event string, value any) {
	t.Helper()
	select {
	case l := <-s.events:
		if l.Event != event {
			t.Fatalf("%s got the event %s %s, want %s", s.name, l.Event, l.Value, event)
		}
		if value != nil {
			decode(t, l.Value, value)
		}
	case <-time.After(limit):
		t.Fatalf("%s got no %s within %v", s.name, event, limit)
	}
}

// send sends a message that has to be accepted and returns its echo.
func (s *session) send(t *testing.T, content string, attributes map[string]string) chatMessage {
	t.Helper()
	var echo chatMessage
	args := fields{"content": content}
	if attributes != nil {
		args["attributes"] = attributes
	}
	if refused := s.call(t, "send", args, &echo); refused != nil {
		t.Fatalf("%s sent %.40q: %+v, want success", s.name, content, *refused)
	}
	return echo
}

// sendRefused sends a message that has to be refused with the code.
func (s *session) sendRefused(t *testing.T, content string, code int) chatError {
	t.Helper()
	var echo chatMessage
	refused := s.call(t, "send", fields{"content": content}, &echo)
	if refused == nil {
		t.Fatalf("%s sent %.40q: accepted as %+v, want error %d", s.name, content, echo, code)
	}
	s.checkRefusal(t, *refused, code)
	return *refused
}

func (s *session) checkRefusal(t *testing.T, got chatError, code int) {
	t.Helper()
	if got.ErrorCode != code || !idPattern.MatchString(got.ID) {
		t.Errorf("%s was refused with %+v, want code %d and an id of 12", s.name, got, code)
	}
}

// nextMessage waits for a message and compares it with one that another session got.
func (s *session) nextMessage(t *testing.T, want chatMessage) {
	t.Helper()
	var got chatMessage
	s.next(t, "message", &got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s got another message than the sender's echo (-echo +got):\n%s", s.name, diff)
	}
}

// nextEvent waits for an event and compares it with one that another session got.
func (s *session) nextEvent(t *testing.T, event string, want chatEvent) {
	t.Helper()
	var got chatEvent
	s.next(t, event, &got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s got another %s than the requester (-requester +got):\n%s", s.name, event, diff)
	}
}

// nextDisconnect waits for the end of the session, for the given reason.
func (s *session) nextDisconnect(t *testing.T, want string) {
	t.Helper()
	var reason string
	s.next(t, "disconnect", &reason)
	if reason != want {
		t.Errorf("%s was disconnected with the reason %q, want %q", s.name, reason, want)
	}
	s.checkState(t, "disconnected")
}

// checkState checks in which state the SDK believes to be.
func (s *session) checkState(t *testing.T, want string) {
	t.Helper()
	var now struct{ State string }
	s.call(t, "state", fields{}, &now)
	if now.State != want {
		t.Errorf("%s is in state %q, want %s", s.name, now.State, want)
	}
}

// checkAsked checks how many tokens the SDK has asked for so far.
func (s *session) checkAsked(t *testing.T, want int) {
	t.Helper()
	if got := s.tokens.asked(); got != want {
		t.Errorf("%s asked for %d tokens, want %d", s.name, got, want)
	}
}
