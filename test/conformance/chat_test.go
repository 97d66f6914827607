package conformance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMessageReachesEverySession(t *testing.T) {
	inEachPlace(t, fields{}, testMessageReachesEverySession)
}

func testMessageReachesEverySession(t *testing.T, r chatRoom) {
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
	r := startChatRoom(t, inNode, fields{})
	ana := r.join(t, "ana", "SEND_MESSAGE")
	if echo := ana.send(t, "plain", nil); len(echo.Attributes) != 0 || echo.Content != "plain" {
		t.Errorf("echo %+v, want content plain and no attributes", echo)
	}
}

func TestLeave(t *testing.T) { inEachPlace(t, fields{}, testLeave) }

func testLeave(t *testing.T, r chatRoom) {
	ana := r.join(t, "ana", "SEND_MESSAGE")
	ben := r.join(t, "ben")
	ben.call(t, "leave", fields{}, nil)
	ben.nextDisconnect(t, "clientDisconnect")
	ana.nextMessage(t, ana.send(t, "ben left, and nobody was told", nil))
}

func TestSendWithoutCapability(t *testing.T) {
	r := startChatRoom(t, inNode, fields{})
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
	r := startChatRoom(t, inNode, fields{})
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
	r := startChatRoom(t, inNode,
		fields{"maximumMessageLength": 5, "maximumMessageRatePerSecond": 100})
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
	r := startChatRoom(t, inNode, fields{"maximumMessageRatePerSecond": 100})
	ana := r.join(t, "ana", "SEND_MESSAGE")
	var answers []<-chan line
	began := time.Now()
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
	took := time.Since(began)
	if most := rate + int(rate*took.Seconds()); accepted < rate || accepted > most {
		t.Errorf("%d of %d messages within %v were accepted, want the %d of one second, "+
			"and what came due meanwhile", accepted, sent, took, rate)
	}
}

func TestDeleteMessage(t *testing.T) { inEachPlace(t, fields{}, testDeleteMessage) }

func testDeleteMessage(t *testing.T, r chatRoom) {
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

// TestCustomEvent sends events of the control plane, which no session can send.
func TestCustomEvent(t *testing.T) { inEachPlace(t, fields{}, testCustomEvent) }

func testCustomEvent(t *testing.T, r chatRoom) {
	ana, ben := r.join(t, "ana", "SEND_MESSAGE"), r.join(t, "ben")
	for _, attributes := range []map[string]string{nil, {"pollId": "41", "frage": "größer 🤔"}} {
		var sent struct{ ID string }
		in := fields{"roomIdentifier": r.ARN, "eventName": "poll:opened"}
		if attributes != nil {
			in["attributes"] = attributes
		}
		must(t, r.admin, "SendEvent", in, 200, &sent)
		for _, s := range []*session{ana, ben} {
			s.checkEvent(t, "event", chatEvent{
				ID: sent.ID, EventName: "poll:opened", Attributes: attributes,
			})
		}
	}
}

// TestDisconnectUser checks that every session of a user ends, for good, after each
// was told of it, and nobody else's.
func TestDisconnectUser(t *testing.T) { inEachPlace(t, fields{}, testDisconnectUser) }

func testDisconnectUser(t *testing.T, r chatRoom) {
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
	r := startChatRoom(t, inNode, fields{})
	ana := r.join(t, "ana", "SEND_MESSAGE")
	unused := createToken(t, r.admin, r.ARN, "ben")
	mustReturnNothing(t, r.admin, "DeleteRoom", fields{"identifier": r.ARN}, 204)
	ana.sendRefused(t, "anybody here?", 404)
	ana.checkState(t, "connected")
	checkRefused(t, upgrade(t, r.srv, protocol(unused)), 404, "ResourceNotFoundException")
}

// TestGarbageToken checks that a bad token is refused by the handshake: the SDK then
// gives up after its four attempts, and would try for ever otherwise.
func TestGarbageToken(t *testing.T) { inEachPlace(t, fields{}, testGarbageToken) }

func testGarbageToken(t *testing.T, r chatRoom) {
	ana := r.try(t, "ana", listed("garbage"), nil)
	ana.next(t, "connecting", nil)
	ana.nextDisconnect(t, "socketError")
	ana.checkAsked(t, 4)
}

// TestUsedToken checks that a token opens one session: a second one needs another,
// which the SDK asks for by itself.
func TestUsedToken(t *testing.T) {
	r := startChatRoom(t, inNode, fields{})
	used := createToken(t, r.admin, r.ARN, "ana")
	r.joinAs(t, "ana", used)
	fresh := createToken(t, r.admin, r.ARN, "ana")
	r.open(t, "ana's second session", listed(used, fresh), nil).checkAsked(t, 2)
}

// TestTokensAndEventsOfEveryClient opens sessions with tokens of every client of the
// control plane, and lets each do there what the control plane can do.
func TestTokensAndEventsOfEveryClient(t *testing.T) {
	srv := startServer(t)
	for _, kind := range apiClientKinds(t) {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			c := kind.start(t, srv, srv.credentials)
			r := newChatRoom(t, srv, c, inNode, fields{})
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
	r := startChatRoom(t, inNode, fields{})
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
