package test

// What breaks an official client, in twenty lines: what the SDKs and samples do not
// forgive. Each has a test of its own against a started server, whose name says what
// has to be so; what further tests show about a line is named behind it.
//
//	 1  TestHandshakeEchoesTheTokenExactlyOnce
//	 2  TestTokensFitASubprotocol
//	 3  TestRequestsAreReadInEverySpelling
//	 4  TestDeletionNamesItsMessageInBothSpellings
//	 5  TestRequestIDIsAlwaysText
//	 6  TestErrorCodesAreNumbersThatClientsKnow
//	 7  TestIDsAreUniqueAndTheSameOnAllSessions
//	 8  TestAttributesHoldOnlyText
//	 9  TestEveryRequestIsAnsweredExactlyOnce
//	10  TestKickClosesAndShutdownDrops; TestStoppedReadersDelayNobody
//	11  TestBadTokensAreRefusedBeforeTheUpgrade; TestHandshakeRefusals,
//	    TestErrorCodesAreNumbersThatClientsKnow, TestSessionEndsAtItsExpirationTime
//	12  TestUserMayHaveSeveralSessionsAndJoinsAreSilent
//	13  TestLengthCountsCodePoints
//	14  TestDisconnectedUserIsToldOnEverySession; TestNothingFollowsADisconnectedUser
//	15  TestDeletedRoomKeepsItsSessions
//	16  TestServerSendsOnlyTextFrames
//	17  TestEveryOriginIsWelcome
//	18  TestIdleViewersStay; TestSessionEndsAtItsExpirationTime
//	19  TestSessionEndsAtItsExpirationTime
//	20  TestSendTimeIsUTC
//
// The tests of lines 1, 2, 10 to 12, 14, 15, 17 and 18, which are about whole sessions,
// are in official_sessions_test.go, and that of line 19 is in expiration_test.go. That
// silent clients are dropped, too, and that viewers may be idle for hours, takes longer
// than a test may: internal/fanout tests it with a clock of its own.

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"
	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/parleytest"
)

// clientCodes are the error codes that official clients know.
var clientCodes = []string{"400", "401", "403", "404", "406", "413", "429", "500"}

var (
	idForm = regexp.MustCompile(`^[A-Za-z0-9]{12}$`)
	// utcForm is RFC 3339 in UTC, without zeros at the end of the fraction.
	utcForm = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z$`)
)

// Line 3 of what breaks an official client: names in lower case, attributes that are
// null or empty, and requests without an id are all sent by official samples.
func TestRequestsAreReadInEverySpelling(t *testing.T) {
	srv := parleytest.Start(t, unhurried)
	room := srv.CreateRoom(t, map[string]any{"maximumMessageRatePerSecond": 100})
	ana := srv.Join(t, room, "ana", allCapabilities...)
	deleted := map[string]string{"MessageID": someMessage, "MessageId": someMessage}
	because := maps.Clone(deleted)
	because["Reason"] = "spam"
	for _, tt := range []struct {
		request string
		want    parleytest.Frame
	}{
		{`{"action":"SEND_MESSAGE","content":"hi","attributes":{"Kind":"x"},"requestId":"q"}`,
			parleytest.Frame{Type: "MESSAGE", Content: "hi", RequestID: "q",
				Attributes: map[string]string{"Kind": "x"}}},
		{`{"aCTION":"SEND_MESSAGE","CONTENT":"hi","ATTRIBUTES":{"Kind":"x"},"requestid":"q"}`,
			parleytest.Frame{Type: "MESSAGE", Content: "hi", RequestID: "q",
				Attributes: map[string]string{"Kind": "x"}}},
		{`{"Action":"SEND_MESSAGE","Content":"hi","Attributes":null,"RequestId":"q"}`,
			parleytest.Frame{Type: "MESSAGE", Content: "hi", RequestID: "q"}},
		{`{"Action":"SEND_MESSAGE","Content":"hi","Attributes":{},"RequestId":"q"}`,
			parleytest.Frame{Type: "MESSAGE", Content: "hi", RequestID: "q"}},
		{`{"Action":"SEND_MESSAGE","Content":"hi"}`,
			parleytest.Frame{Type: "MESSAGE", Content: "hi"}},
		{`{"Action":"SEND_MESSAGE","Content":"hi","RequestId":null}`,
			parleytest.Frame{Type: "MESSAGE", Content: "hi"}},
		{`{"Action":"SEND_MESSAGE","Content":"hi","id":"7","more":[{"a":1}]}`,
			parleytest.Frame{Type: "MESSAGE", Content: "hi"}},
		{`{"action":"DELETE_MESSAGE","id":"AbCdEfGh1234","reason":"spam","requestId":"q"}`,
			parleytest.Frame{Type: "EVENT", EventName: "aws:DELETE_MESSAGE", RequestID: "q",
				Attributes: because}},
		{`{"action":"DELETE_MESSAGE","id":"AbCdEfGh1234","reason":""}`,
			parleytest.Frame{Type: "EVENT", EventName: "aws:DELETE_MESSAGE", Attributes: deleted}},
		{`{"action":"DELETE_MESSAGE","id":"AbCdEfGh1234","reason":null}`,
			parleytest.Frame{Type: "EVENT", EventName: "aws:DELETE_MESSAGE", Attributes: deleted}},
		{`{"action":"DISCONNECT_USER","userId":"nobody","reason":"spam","requestId":"q"}`,
			parleytest.Frame{Type: "EVENT", EventName: "aws:DISCONNECT_USER", RequestID: "q",
				Attributes: map[string]string{"UserId": "nobody", "Reason": "spam"}}},
	} {
		ana.Send(t, tt.request)
		got := ana.Next(t)
		got.ID, got.SendTime, got.Sender = "", time.Time{}, parley.Sender{}
		if len(got.Attributes) == 0 {
			got.Attributes = nil // an empty map may come back as itself or as null
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("the answer to %s (-want +got):\n%s", tt.request, diff)
		}
	}
}

// Line 4 of what breaks an official client: one of the two spellings is documented,
// and the other is the one that the official SDK reads.
func TestDeletionNamesItsMessageInBothSpellings(t *testing.T) {
	s := setStage(t)
	for _, c := range causes {
		if c.want != "EVENT aws:DELETE_MESSAGE" {
			continue
		}
		got := s.provoke(t, c, "")
		want := map[string]any{"MessageID": someMessage, "MessageId": someMessage}
		if c.in["reason"] != nil || strings.Contains(c.request, "Reason") {
			want["Reason"] = "spam"
		}
		if diff := cmp.Diff(want, got.members["Attributes"]); diff != "" {
			t.Errorf("%s led to %s, with attributes (-want +got):\n%s", c, got.text, diff)
		}
		if got.get("Id") == someMessage {
			t.Errorf("%s led to %s, want an Id of its own", c, got.text)
		}
	}
}

// Line 5 of what breaks an official client: RequestId is there in every kind of
// frame, and empty when the client gave none or no client asked.
func TestRequestIDIsAlwaysText(t *testing.T) {
	s := setStage(t)
	for _, c := range causes {
		ids := []string{"", "a", "7d0f5c1e-5f0c-4c86-8e0c-2f7f1a7a0b11 ⚽"}
		if c.call != "" {
			ids = ids[:1]
		}
		for _, want := range ids {
			got := s.provoke(t, c, want)
			if id, ok := got.members["RequestId"].(string); !ok || id != want {
				t.Errorf("%s with RequestId %q led to %.300s, want that RequestId",
					c, want, got.text)
			}
		}
	}
	ana := s.sessions["ana"]
	for _, frame := range []ws.Frame{
		ws.NewTextFrame([]byte("not JSON")), ws.NewTextFrame([]byte(`["RequestId"]`)),
		ws.NewTextFrame(nil), ws.NewBinaryFrame([]byte(`{"RequestId":"q"}`)),
	} {
		write(t, ana, frame)
		got := nextRaw(t, ana)
		if id, ok := got.members["RequestId"].(string); got.what() != "ERROR 400" || !ok || id != "" {
			t.Errorf("%q led to %s, want ERROR 400 with an empty RequestId", frame.Payload, got.text)
		}
	}
}

// Line 6 of what breaks an official client: codes are whole numbers, of the eight that
// the SDKs know. Line 11: none of them is 401, which makes SDKs connect again; that is
// left to sessions that expire.
func TestErrorCodesAreNumbersThatClientsKnow(t *testing.T) {
	s := setStage(t)
	seen := map[string]bool{}
	for _, got := range s.provokeAll(t) {
		if got.get("Type") != "ERROR" {
			continue
		}
		code, ok := got.members["ErrorCode"].(json.Number)
		if !ok || !slices.Contains(clientCodes, code.String()) || code == "401" {
			t.Errorf("frame %s: want an ErrorCode that is one of the numbers %v, and not 401",
				got.text, clientCodes)
		}
		if text := got.get("ErrorMessage"); text == "" {
			t.Errorf("frame %s: want an ErrorMessage", got.text)
		} else if code == "429" && text != "rate limit exceeded" {
			t.Errorf("frame %s: want exactly rate limit exceeded, which samples look for", got.text)
		} else if code == "403" && !strings.HasPrefix(text, "Forbidden") {
			t.Errorf("frame %s: want a text that begins with Forbidden", got.text)
		}
		seen[code.String()] = true
	}
	want := []string{"400", "403", "404", "406", "413", "429"}
	if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, want) {
		t.Errorf("clients can provoke %v, want %v", got, want)
	}
}

// Line 7 of what breaks an official client: the SDK drops what bears an Id that it has
// seen. Three sessions of a room act at once, and the control plane with them.
func TestIDsAreUniqueAndTheSameOnAllSessions(t *testing.T) {
	const rounds = 100
	srv := parleytest.Start(t, noQuotas)
	room := srv.CreateRoom(t, nil)
	users := make([]*parleytest.User, 3)
	for i := range users {
		users[i] = srv.Join(t, room, fmt.Sprint("user-", i), allCapabilities...)
	}
	requests := []string{
		`{"Action":"SEND_MESSAGE","Content":"hi","RequestId":"same"}`,
		`{"Action":"DELETE_MESSAGE","Id":"AbCdEfGh1234","RequestId":"same"}`,
		`{"Action":"DISCONNECT_USER","UserId":"nobody","RequestId":"same"}`,
		`{"Action":"DELETE_MESSAGE","Id":"AbCdEfGh1234","Reason":7,"RequestId":"same"}`,
		`{"Action":"DELETE_MESSAGE","Id":"!!!!!!!!!!!!","RequestId":"same"}`,
		`not JSON`,
	}
	const shared, refused = 3, 3 // of the requests
	var all sync.WaitGroup
	for _, u := range users {
		all.Go(func() {
			for range rounds {
				for _, request := range requests {
					trySend(t, u, request)
				}
			}
		})
	}
	all.Go(func() {
		for range rounds {
			in := map[string]string{"roomIdentifier": room, "eventName": "poll"}
			if a, err := srv.TryCall("SendEvent", in); err != nil || a.Error != "" {
				t.Errorf("SendEvent: %+v, %v", a, err)
			}
		}
	})
	const common = rounds * (shared*3 + 1)
	ids := make([][]string, len(users)) // of what all get, in order
	errors := make([][]string, len(users))
	for i, u := range users {
		all.Go(func() { ids[i], errors[i] = readIDs(t, u, common, rounds*refused) })
	}
	all.Wait()
	seen := map[string]bool{someMessage: true}
	for i := range users {
		if parleytest.Nodes() > 1 { // which need not agree on the order
			slices.Sort(ids[i])
		}
		if !slices.Equal(ids[i], ids[0]) {
			t.Errorf("session %d got other Ids than session 0, or in another order", i)
		}
	}
	for _, id := range slices.Concat(ids[0], slices.Concat(errors...)) {
		if seen[id] || !idForm.MatchString(id) {
			t.Errorf("Id %q is not 12 letters and digits, or names two frames", id)
		}
		seen[id] = true
	}
}

// readIDs reads as many frames of both sorts as are to come, and returns their Ids.
func readIDs(t *testing.T, u *parleytest.User, common, own int) (ids, errors []string) {
	for len(ids)+len(errors) < common+own {
		frame, err := u.Read()
		if err != nil {
			t.Errorf("%s after %d frames and %d errors, of %d and %d: %v",
				u.ID, len(ids), len(errors), common, own, err)
			return ids, errors
		}
		if frame.Type == "ERROR" {
			errors = append(errors, frame.ID)
		} else {
			ids = append(ids, frame.ID)
		}
	}
	if len(errors) != own {
		t.Errorf("%s got %d errors, want %d", u.ID, len(errors), own)
	}
	return ids, errors
}

// Line 8 of what breaks an official client: one value that is no text, and the SDK
// drops the frame. None gets in, on either plane.
func TestAttributesHoldOnlyText(t *testing.T) {
	s := setStage(t)
	for _, got := range s.provokeAll(t) {
		checkAttributes(t, got)
	}
	for _, value := range []string{`7`, `true`, `{}`, `["a"]`} {
		attributes := json.RawMessage(`{"a":"b","c":` + value + `}`)
		for operation, in := range map[string]map[string]any{
			"SendEvent":       {"eventName": "poll", "attributes": attributes},
			"CreateChatToken": {"userId": "ana", "attributes": attributes},
		} {
			in["roomIdentifier"] = s.room
			if a := s.srv.Call(t, operation, in); a.Status != 400 {
				t.Errorf("%s with the attributes %s: %+v, want 400", operation, attributes, a)
			}
		}
		s.provoke(t, cause{session: "ana", want: "ERROR 400", request: fmt.Sprintf(
			`"Action":"SEND_MESSAGE","Content":"hi","Attributes":%s`, attributes)}, "")
	}
	// null is nothing, as in all that both planes read.
	checkAttributes(t, s.provoke(t, cause{session: "ana", want: "MESSAGE",
		request: `"Action":"SEND_MESSAGE","Content":"hi","Attributes":{"a":null}`}, ""))
	checkAttributes(t, s.provoke(t, cause{call: "SendEvent", want: "EVENT poll",
		in: map[string]any{"eventName": "poll", "attributes": map[string]any{"a": nil}}}, ""))
}

// checkAttributes checks that what a frame says of itself and of its sender is text.
func checkAttributes(t *testing.T, got rawFrame) {
	t.Helper()
	sender, _ := got.members["Sender"].(map[string]any)
	for where, attributes := range map[string]any{
		"Attributes": got.members["Attributes"], "Sender.Attributes": sender["Attributes"],
	} {
		values, ok := attributes.(map[string]any)
		if attributes != nil && !ok {
			t.Errorf("frame %s: want %s to be an object or null", got.text, where)
		}
		for name, value := range values {
			if _, ok := value.(string); !ok {
				t.Errorf("frame %s: want %s.%s to be text", got.text, where, name)
			}
		}
	}
}

// Line 9 of what breaks an official client: the SDK's promises wait for ever. What the
// requester gets next is the one answer to its request, with the request's id, and
// after it only what was asked for next.
func TestEveryRequestIsAnsweredExactlyOnce(t *testing.T) {
	s := setStage(t)
	for i, c := range causes {
		if c.call != "" {
			continue
		}
		requestID := fmt.Sprint("request ", i)
		got := s.provoke(t, c, requestID)
		if got.get("RequestId") != requestID {
			t.Errorf("%s led to %.300s, want RequestId %q", c, got.text, requestID)
		}
		wantNoMore(t, s.sessions[c.session], c.String())
	}
	for _, frame := range []ws.Frame{
		ws.NewTextFrame([]byte("not JSON")), ws.NewTextFrame([]byte("[]")), ws.NewTextFrame(nil),
		ws.NewBinaryFrame([]byte(`{"Action":"SEND_MESSAGE","Content":"hi"}`)),
		ws.NewTextFrame(make([]byte, parley.MaxRequestBytes+1)),
	} {
		ana := s.sessions["ana"]
		write(t, ana, frame)
		if got := nextRaw(t, ana); got.get("Type") != "ERROR" {
			t.Errorf("%.80q led to %s, want an ERROR", frame.Payload, got.text)
		}
		wantNoMore(t, ana, fmt.Sprintf("%.80q", frame.Payload))
	}
}

// wantNoMore checks that no further answer comes to what a session has asked for.
func wantNoMore(t *testing.T, u *parleytest.User, asked string) {
	t.Helper()
	for _, marker := range []string{"first marker", "second marker"} {
		u.Send(t, fmt.Sprintf(`{"Action":"DANCE","RequestId":%q}`, marker))
		if got := nextRaw(t, u); got.get("RequestId") != marker {
			t.Errorf("after the answer to %s came %.300s, want nothing but the %s's",
				asked, got.text, marker)
		}
	}
}

// Line 13 of what breaks an official client: an emoji is one code point, two UTF-16
// units and four bytes; a mark that joins the letter before it counts for itself.
func TestLengthCountsCodePoints(t *testing.T) {
	srv := parleytest.Start(t, unhurried)
	const acute = "e\u0301"                     // é in two code points
	const family = "👩\u200d👩\u200d👧"            // one picture, five code points
	const pair, half = `\ud83c\udf89`, `\ud83c` // escaped: an emoji, and half of one
	for _, tt := range []struct {
		limit         int
		fits, tooLong string // in JSON
	}{
		{1, "a", "aa"},
		{1, "🎉", "🎉🎉"},
		{1, pair, pair + pair},
		{1, half, half + half},
		{2, acute, acute + "\u0301"},
		{5, family, family + "\u200d"},
		{7, "🎉" + acute + "\u0301\u0301\u0301⚽", "🎉" + acute + "\u0301\u0301\u0301⚽."},
		{10, `\"\\\n\u0000\t/<&>'`, `\"\\\n\u0000\t/<&>''`},
		{500, strings.Repeat("a", 500), strings.Repeat("a", 501)},
		{500, strings.Repeat("ß", 500), strings.Repeat("ß", 501)},
		{500, strings.Repeat("🎉", 500), strings.Repeat("🎉", 501)},
		{500, strings.Repeat(acute, 250), strings.Repeat(acute, 250) + "e"},
		{500, strings.Repeat(pair, 500), strings.Repeat(pair, 501)},
	} {
		room := srv.CreateRoom(t, map[string]any{"maximumMessageLength": tt.limit})
		ana := srv.Join(t, room, "ana", "SEND_MESSAGE")
		ana.Send(t, `{"Action":"SEND_MESSAGE","Content":"`+tt.fits+`"}`)
		want := ""
		if err := json.Unmarshal([]byte(`"`+tt.fits+`"`), &want); err != nil {
			t.Fatal(err)
		}
		if got := ana.Next(t); got.Content != want || utf8.RuneCountInString(want) != tt.limit {
			t.Errorf("%.40q of a limit of %d: got %+v, want the message", tt.fits, tt.limit, got)
		}
		ana.Send(t, `{"Action":"SEND_MESSAGE","Content":"`+tt.tooLong+`"}`)
		got := ana.Next(t)
		if got.ErrorCode != 400 || got.ErrorMessage != "Message exceeds maximum length" {
			t.Errorf("%.40q over a limit of %d: got %+v, want 400 with the text that samples look for",
				tt.tooLong, tt.limit, got)
		}
	}
}

// Line 16 of what breaks an official client: the SDK cannot read binary frames. Every
// kind of frame is one whole text frame in UTF-8, unmasked and without extensions.
func TestServerSendsOnlyTextFrames(t *testing.T) {
	s := setStage(t)
	for _, got := range s.provokeAll(t) {
		want := ws.Header{Fin: true, OpCode: ws.OpText, Length: int64(len(got.text))}
		if got.header != want || !utf8.ValidString(got.text) {
			t.Errorf("frame %q has the header %+v, want %+v and UTF-8", got.text, got.header, want)
		}
	}
}

// Line 20 of what breaks an official client: SendTime is text, in UTC wherever the
// server is, and the time at which the request came.
func TestSendTimeIsUTC(t *testing.T) {
	t.Setenv("TZ", "Asia/Kolkata") // for the server, which is a process of its own
	p := serve(t, "--dev")
	c := parleytest.Anonymous(t, p.url).As("test", "test")
	room := c.CreateRoom(t, nil)
	ana := c.Join(t, room, "ana", allCapabilities...)
	for _, cause := range causes {
		if strings.HasPrefix(cause.want, "ERROR") {
			continue
		}
		before := time.Now()
		if cause.call != "" {
			in := maps.Clone(cause.in)
			in["roomIdentifier"] = room
			c.Call(t, cause.call, in)
		} else {
			ana.Send(t, "{"+cause.request+"}")
		}
		got := nextRaw(t, ana)
		sent := got.get("SendTime")
		at, err := time.Parse(time.RFC3339Nano, sent)
		if err != nil || !utcForm.MatchString(sent) ||
			at.Before(before.Add(-time.Millisecond)) || at.After(time.Now().Add(time.Second)) {
			t.Errorf("%s after %s led to %s (%v), want SendTime in UTC as RFC 3339, now",
				cause, before.UTC(), got.text, err)
		}
	}
	p.stop()
}
