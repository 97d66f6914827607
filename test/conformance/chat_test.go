package conformance

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// eventTimeout is how long an event may take to reach a session.
const eventTimeout = 15 * time.Second

// session is a user's session in a driver: one of the messaging SDK, or a plain one.
type session struct {
	name   string
	driver *driver
	events <-chan line
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

// chatRoom is a room with sessions of the messaging SDK in it.
type chatRoom struct {
	room
	srv    *server
	admin  apiClient
	driver *driver
}

// startChatRoom starts a server with a room that has the given settings.
func startChatRoom(t *testing.T, settings fields) chatRoom {
	t.Helper()
	srv := startServer(t)
	admin := startGoSDK(t, srv, srv.credentials)
	return newChatRoom(t, srv, admin, settings)
}

func newChatRoom(t *testing.T, srv *server, admin apiClient, settings fields) chatRoom {
	t.Helper()
	return chatRoom{
		room:   createRoom(t, admin, settings),
		srv:    srv,
		admin:  admin,
		driver: startDriver(t, cleanEnv(srv.dir), node(t), "chat.mjs", srv.chatURL()),
	}
}

// join opens a session of a user, whose name it bears.
func (r chatRoom) join(t *testing.T, user string, capabilities ...string) *session {
	t.Helper()
	return r.joinAs(t, user, createToken(t, r.admin, r.ARN, user, capabilities...))
}

// joinAs opens a session with a token and waits until it is connected.
func (r chatRoom) joinAs(t *testing.T, name, token string) *session {
	t.Helper()
	s := r.try(t, name, token)
	s.next(t, "connecting", nil)
	s.next(t, "connect", nil)
	return s
}

// try begins to open a session.
func (r chatRoom) try(t *testing.T, name string, tokens ...string) *session {
	t.Helper()
	s := &session{name: name, driver: r.driver, events: r.driver.inbox(name)}
	s.call(t, "join", fields{"tokens": tokens}, nil)
	return s
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
	select {
	case l := <-s.events:
		if l.Event != event {
			t.Fatalf("%s got the event %s %s, want %s", s.name, l.Event, l.Value, event)
		}
		if value != nil {
			decode(t, l.Value, value)
		}
	case <-time.After(eventTimeout):
		t.Fatalf("%s got no %s within %v", s.name, event, eventTimeout)
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
	var now struct{ State string }
	s.call(t, "state", fields{}, &now)
	if now.State != "disconnected" {
		t.Errorf("%s is in state %q after %s, want disconnected", s.name, now.State, want)
	}
}

func TestMessageReachesEverySession(t *testing.T) {
	r := startChatRoom(t, fields{})
	ana := r.join(t, "ana", "SEND_MESSAGE")
	ben := r.join(t, "ben", "SEND_MESSAGE")
	cyd := r.join(t, "cyd")
	content := "goal! ⚽ <&> Zoë 👩‍👩‍👧"
	attributes := map[string]string{"kind": "cheer 🎉", "größe": ""}
	began := time.Now().Add(-time.Second)
	echo := ana.send(t, content, attributes)
	want := chatMessage{
		ID: echo.ID, RequestID: echo.RequestID, SendTime: echo.SendTime,
		Content: content, Attributes: attributes,
	}
	want.Sender.UserID, want.Sender.Attributes = "ana", attributesOf("ana")
	if diff := cmp.Diff(want, echo); diff != "" {
		t.Errorf("the echo is not what ana sent (-sent +echo):\n%s", diff)
	}
	if !idPattern.MatchString(echo.ID) || !uuidPattern.MatchString(echo.RequestID) {
		t.Errorf("echo has id %q and requestId %q, want 12 letters or digits and the SDK's UUID",
			echo.ID, echo.RequestID)
	}
	if echo.SendTime.Before(began) || echo.SendTime.After(time.Now().Add(time.Second)) {
		t.Errorf("echo has sendTime %v, want now, %v", echo.SendTime, time.Now())
	}
	for _, s := range []*session{ana, ben, cyd} {
		s.nextMessage(t, echo)
	}
}

func TestMessageWithoutAttributes(t *testing.T) {
	r := startChatRoom(t, fields{})
	ana := r.join(t, "ana", "SEND_MESSAGE")
	if echo := ana.send(t, "plain", nil); len(echo.Attributes) != 0 || echo.Content != "plain" {
		t.Errorf("echo %+v, want content plain and no attributes", echo)
	}
}

func TestLeave(t *testing.T) {
	r := startChatRoom(t, fields{})
	ana := r.join(t, "ana", "SEND_MESSAGE")
	ben := r.join(t, "ben")
	ben.call(t, "leave", fields{}, nil)
	ben.nextDisconnect(t, "clientDisconnect")
	ana.nextMessage(t, ana.send(t, "ben left, and nobody was told", nil))
}

func TestSendWithoutCapability(t *testing.T) {
	r := startChatRoom(t, fields{})
	ana := r.join(t, "ana", "SEND_MESSAGE")
	for _, capabilities := range [][]string{nil, {"DELETE_MESSAGE", "DISCONNECT_USER"}} {
		cyd := r.join(t, fmt.Sprint("cyd with ", capabilities), capabilities...)
		refused := cyd.sendRefused(t, "let me in", 403)
		if !strings.HasPrefix(refused.ErrorMessage, "Forbidden") {
			t.Errorf("%s was told %q, want a text that begins with Forbidden",
				cyd.name, refused.ErrorMessage)
		}
		echo := ana.send(t, "first", nil)
		ana.nextMessage(t, echo) // nothing of the refused one came before it
		cyd.nextMessage(t, echo)
	}
}

// TestMessageLength checks that length counts code points: an emoji is one of them,
// two UTF-16 units, and four bytes.
func TestMessageLength(t *testing.T) {
	r := startChatRoom(t, fields{})
	for _, test := range []struct {
		name    string
		content string
		code    int // 0 when accepted
	}{
		{"500 letters", strings.Repeat("a", 500), 0},
		{"501 letters", strings.Repeat("a", 501), 400},
		{"500 emoji", strings.Repeat("🎉", 500), 0},
		{"501 emoji", strings.Repeat("🎉", 501), 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			ana := r.join(t, test.name, "SEND_MESSAGE")
			if test.code != 0 {
				refused := ana.sendRefused(t, test.content, test.code)
				if want := "Message exceeds maximum length"; refused.ErrorMessage != want {
					t.Errorf("told %q, want exactly %q", refused.ErrorMessage, want)
				}
				return
			}
			if echo := ana.send(t, test.content, nil); echo.Content != test.content {
				t.Errorf("echo %q, want the content as sent", echo.Content)
			}
		})
	}
}

// TestUpdatedLengthAppliesToOpenSessions checks that a room's own limit is used, and
// changes for sessions that are open.
func TestUpdatedLengthAppliesToOpenSessions(t *testing.T) {
	r := startChatRoom(t, fields{"maximumMessageLength": 5, "maximumMessageRatePerSecond": 100})
	ana := r.join(t, "ana", "SEND_MESSAGE")
	ana.send(t, "12345", nil)
	ana.sendRefused(t, "123456", 400)
	must(t, r.admin, "UpdateRoom", fields{
		"identifier": r.ARN, "maximumMessageLength": 6,
	}, 200, &r.room)
	pace := time.NewTicker(200 * time.Millisecond) // below the rate of a session
	defer pace.Stop()
	for deadline := time.Now().Add(eventTimeout); ; <-pace.C {
		refused := ana.call(t, "send", fields{"content": "123456"}, nil)
		if refused == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v after the update: %+v, want 6 code points accepted", eventTimeout, *refused)
		}
	}
}

// TestRate sends three times as many messages at once as a session may in a second.
func TestRate(t *testing.T) {
	const rate, sent = 10, 30
	r := startChatRoom(t, fields{"maximumMessageRatePerSecond": 100})
	ana := r.join(t, "ana", "SEND_MESSAGE")
	var answers []<-chan line
	for i := range sent {
		answers = append(answers, ana.start(t, "send", fields{"content": fmt.Sprint("message ", i)}))
	}
	accepted := 0
	for _, answer := range answers {
		refused := ana.result(t, "send", answer, nil)
		if refused == nil {
			accepted++
			continue
		}
		ana.checkRefusal(t, *refused, 429)
		if refused.ErrorMessage != "rate limit exceeded" {
			t.Errorf("told %q, want exactly %q", refused.ErrorMessage, "rate limit exceeded")
		}
	}
	if accepted < rate || accepted > 2*rate {
		t.Errorf("%d of %d messages at once were accepted, want the %d of one second",
			accepted, sent, rate)
	}
}

func TestDeleteMessage(t *testing.T) {
	r := startChatRoom(t, fields{})
	ana := r.join(t, "ana", "SEND_MESSAGE")
	mod := r.join(t, "mod", "DELETE_MESSAGE")
	echo := ana.send(t, "off topic", nil)
	ana.nextMessage(t, echo)
	mod.nextMessage(t, echo)
	var deleted chatEvent
	args := fields{"id": echo.ID, "reason": "off topic 🙈"}
	if refused := mod.call(t, "deleteMessage", args, &deleted); refused != nil {
		t.Fatalf("deleteMessage %v: %+v, want success", args, *refused)
	}
	if deleted.MessageID != echo.ID || deleted.Reason != "off topic 🙈" || deleted.ID == echo.ID ||
		!idPattern.MatchString(deleted.ID) || !uuidPattern.MatchString(deleted.RequestID) {
		t.Errorf("deleteMessage of %s returned %+v, want that messageId and an id of its own",
			echo.ID, deleted)
	}
	for _, spelling := range []string{"MessageID", "MessageId"} {
		if deleted.Attributes[spelling] != echo.ID {
			t.Errorf("event has attributes %v, want %s %s", deleted.Attributes, spelling, echo.ID)
		}
	}
	ana.nextEvent(t, "messageDelete", deleted)
	mod.nextEvent(t, "messageDelete", deleted)
	refused := ana.call(t, "deleteMessage", fields{"id": echo.ID}, nil)
	if refused == nil {
		t.Fatal("ana, who lacks DELETE_MESSAGE, deleted a message; want 403")
	}
	ana.checkRefusal(t, *refused, 403)
}

// TestDisconnectUser checks that every session of a user ends, for good, after each
// was told of it, and nobody else's.
func TestDisconnectUser(t *testing.T) {
	r := startChatRoom(t, fields{})
	mod := r.join(t, "mod", "DISCONNECT_USER", "SEND_MESSAGE")
	eve := r.join(t, "eve", "SEND_MESSAGE")
	tab := r.joinAs(t, "eve's other tab", createToken(t, r.admin, r.ARN, "eve"))
	ben := r.join(t, "ben")
	if refused := eve.call(t, "disconnectUser", fields{"userId": "mod"}, nil); refused == nil {
		t.Error("eve, who lacks DISCONNECT_USER, disconnected mod; want 403")
	} else {
		eve.checkRefusal(t, *refused, 403)
	}
	var gone chatEvent
	args := fields{"userId": "eve", "reason": "spam 🙈"}
	if refused := mod.call(t, "disconnectUser", args, &gone); refused != nil {
		t.Fatalf("disconnectUser %v: %+v, want success", args, *refused)
	}
	if gone.UserID != "eve" || gone.Reason != "spam 🙈" || !uuidPattern.MatchString(gone.RequestID) {
		t.Errorf("disconnectUser %v returned %+v, want that user and reason", args, gone)
	}
	for _, s := range []*session{mod, eve, tab, ben} {
		s.nextEvent(t, "userDisconnect", gone)
	}
	eve.nextDisconnect(t, "serverDisconnect")
	tab.nextDisconnect(t, "serverDisconnect")
	echo := mod.send(t, "eve is gone", nil)
	mod.nextMessage(t, echo)
	ben.nextMessage(t, echo)
	back := r.joinAs(t, "eve again", createToken(t, r.admin, r.ARN, "eve"))
	back.nextMessage(t, mod.send(t, "a disconnect is no ban", nil))
}

// TestDeletedRoom checks that a deleted room's sessions stay, and can say no more.
func TestDeletedRoom(t *testing.T) {
	r := startChatRoom(t, fields{})
	ana := r.join(t, "ana", "SEND_MESSAGE")
	unused := createToken(t, r.admin, r.ARN, "ben")
	mustReturnNothing(t, r.admin, "DeleteRoom", fields{"identifier": r.ARN}, 204)
	ana.sendRefused(t, "anybody here?", 404)
	var now struct{ State string }
	ana.call(t, "state", fields{}, &now)
	if now.State != "connected" {
		t.Errorf("ana's session in a deleted room is %s, want connected", now.State)
	}
	checkRefused(t, upgrade(t, r.srv, protocol(unused)), 404, "ResourceNotFoundException")
}

// TestGarbageToken checks that a bad token is refused by the handshake: the SDK then
// gives up after its four attempts, and would try for ever otherwise.
func TestGarbageToken(t *testing.T) {
	r := startChatRoom(t, fields{})
	ana := r.try(t, "ana", "garbage")
	ana.next(t, "connecting", nil)
	ana.nextDisconnect(t, "socketError")
	var now struct{ Asked int }
	ana.call(t, "state", fields{}, &now)
	if now.Asked != 4 {
		t.Errorf("the SDK asked for %d tokens before it gave up, want 4", now.Asked)
	}
}

// TestUsedToken checks that a token opens one session: a second one needs another,
// which the SDK asks for by itself.
func TestUsedToken(t *testing.T) {
	r := startChatRoom(t, fields{})
	used := createToken(t, r.admin, r.ARN, "ana")
	r.joinAs(t, "ana", used)
	second := r.try(t, "ana's second session", used, createToken(t, r.admin, r.ARN, "ana"))
	second.next(t, "connecting", nil)
	second.next(t, "connect", nil)
	var now struct{ Asked int }
	second.call(t, "state", fields{}, &now)
	if now.Asked != 2 {
		t.Errorf("the SDK asked for %d tokens, want 2: the first was used", now.Asked)
	}
}

// TestTokensAndEventsOfEveryClient opens sessions with tokens of every client of the
// control plane, and lets each do there what the control plane can do.
func TestTokensAndEventsOfEveryClient(t *testing.T) {
	srv := startServer(t)
	for _, kind := range apiClientKinds(t) {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			c := kind.start(t, srv, srv.credentials)
			r := newChatRoom(t, srv, c, fields{})
			ana := r.join(t, "ana", "SEND_MESSAGE")
			ben := r.join(t, "ben", "SEND_MESSAGE", "DELETE_MESSAGE")
			cyd := r.join(t, "Zoë 🎉")
			everyone := []*session{ana, ben, cyd}
			for _, sender := range everyone[:2] {
				checkSender(t, sender, everyone)
			}
			cyd.sendRefused(t, "viewers do not talk", 403)
			checkControlEvents(t, c, r.ARN, everyone)
		})
	}
}

// checkSender lets a session send and checks whom the others see.
func checkSender(t *testing.T, sender *session, everyone []*session) {
	t.Helper()
	echo := sender.send(t, "hello", nil)
	want := echo
	want.Sender.UserID, want.Sender.Attributes = sender.name, attributesOf(sender.name)
	for _, s := range everyone {
		s.nextMessage(t, want)
	}
}

// checkControlEvents calls what the control plane can do in a room, and ends the last
// session.
func checkControlEvents(t *testing.T, c apiClient, room string, everyone []*session) {
	t.Helper()
	attributes := map[string]string{"frage": "größer 🤔", "answers": "a,b=c"}
	var sent struct{ ID string }
	must(t, c, "SendEvent", fields{
		"roomIdentifier": room, "eventName": "poll:opened", "attributes": attributes,
	}, 200, &sent)
	for _, s := range everyone {
		s.checkEvent(t, "event", chatEvent{
			ID: sent.ID, EventName: "poll:opened", Attributes: attributes,
		})
	}
	const message = "AbCdEfGh1234"
	must(t, c, "DeleteMessage", fields{
		"roomIdentifier": room, "id": message, "reason": "spam",
	}, 200, &sent)
	for _, s := range everyone {
		s.checkEvent(t, "messageDelete", chatEvent{
			ID: sent.ID, MessageID: message, Reason: "spam",
			Attributes: map[string]string{
				"MessageID": message, "MessageId": message, "Reason": "spam",
			},
		})
	}
	last := everyone[len(everyone)-1]
	mustReturnNothing(t, c, "DisconnectUser", fields{
		"roomIdentifier": room, "userId": last.name, "reason": "flooding",
	}, 200)
	for _, s := range everyone {
		s.checkEvent(t, "userDisconnect", chatEvent{
			UserID: last.name, Reason: "flooding",
			Attributes: map[string]string{"UserId": last.name, "Reason": "flooding"},
		})
	}
	last.nextDisconnect(t, "serverDisconnect")
}

// checkEvent waits for an event of the control plane. Its time is now, and its id is
// what want says, if anything.
func (s *session) checkEvent(t *testing.T, event string, want chatEvent) {
	t.Helper()
	var got chatEvent
	s.next(t, event, &got)
	if !idPattern.MatchString(got.ID) || time.Since(got.SendTime).Abs() > time.Minute {
		t.Errorf("%s got %s with id %q at %v, want an id of 12, now", s.name, event, got.ID, got.SendTime)
	}
	if want.ID == "" {
		want.ID = got.ID
	}
	want.SendTime = got.SendTime
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s got another %s (-want +got):\n%s", s.name, event, diff)
	}
}

// TestNumericUserID does what a published sample for the AWS SDK for JavaScript does:
// it passes a number where the API has text.
func TestNumericUserID(t *testing.T) {
	r := startChatRoom(t, fields{})
	js := nodeDriver("js-v3.mjs")(t, r.srv, r.srv.credentials)
	var token chatToken
	must(t, js, "CreateChatToken", fields{
		"roomIdentifier": r.ARN, "userId": 11231234, "capabilities": []string{"SEND_MESSAGE"},
	}, 200, &token)
	echo := r.joinAs(t, "a number", token.Token).send(t, "hello", nil)
	if echo.Sender.UserID != "11231234" {
		t.Errorf("sender is %q, want 11231234", echo.Sender.UserID)
	}
}
