package conformance

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// frames are plain sessions in one room, whose frames are seen as they came.
type frames struct {
	arn    string
	admin  apiClient
	driver *driver
}

func startFrames(t *testing.T) frames {
	t.Helper()
	srv := startServer(t)
	admin := startGoSDK(t, srv, srv.credentials)
	return frames{
		arn:    createRoom(t, admin, fields{"maximumMessageRatePerSecond": 100}).ARN,
		admin:  admin,
		driver: startDriver(t, cleanEnv(srv.dir), node(t), "ws.mjs", srv.chatURL()),
	}
}

// open opens a session of a user, with all capabilities. The name tells the sessions
// of a test apart.
func (f frames) open(t *testing.T, name, user string) *session {
	t.Helper()
	s := &session{name: name, driver: f.driver, events: f.driver.inbox(name)}
	token := createToken(t, f.admin, f.arn, user,
		"SEND_MESSAGE", "DELETE_MESSAGE", "DISCONNECT_USER")
	var opened struct{ Protocol, Extensions string }
	if refused := s.call(t, "open", fields{"token": token}, &opened); refused != nil {
		t.Fatalf("open a session with %q: %+v, want success", token, *refused)
	}
	if opened.Protocol != token || opened.Extensions != "" {
		t.Errorf("session has protocol %q and extensions %q, want the token and none",
			opened.Protocol, opened.Extensions)
	}
	return s
}

// frame waits for the next frame and takes from it what differs from run to run, after
// a check of its form: the id and the time.
func (s *session) frame(t *testing.T) (frame map[string]any, id string) {
	t.Helper()
	var text string
	s.next(t, "text", &text)
	decode(t, json.RawMessage(text), &frame)
	id, _ = frame["Id"].(string)
	if !idPattern.MatchString(id) {
		t.Errorf("frame %s has no Id of 12 letters or digits", text)
	}
	delete(frame, "Id")
	if frame["Type"] == "ERROR" {
		return frame, id
	}
	sent, _ := frame["SendTime"].(string)
	at, err := time.Parse(time.RFC3339Nano, sent)
	if err != nil || sent[len(sent)-1] != 'Z' || time.Since(at).Abs() > time.Minute {
		t.Errorf("frame %s has SendTime %q, want now in UTC, as RFC 3339 with Z", text, sent)
	}
	delete(frame, "SendTime")
	return frame, id
}

// checkFrame compares a frame, but for its id and time.
func checkFrame(t *testing.T, sent string, got map[string]any, want fields) {
	t.Helper()
	if diff := cmp.Diff(map[string]any(want), got); diff != "" {
		t.Errorf("the answer to %s (-want +got):\n%s", sent, diff)
	}
}

// message returns the frame of a message by ana.
func message(requestID, content string, attributes any) fields {
	return fields{
		"Type": "MESSAGE", "RequestId": requestID, "Content": content, "Attributes": attributes,
		"Sender": map[string]any{
			"UserId":     "ana",
			"Attributes": map[string]any{"displayName": attributesOf("ana")["displayName"]},
		},
	}
}

// event returns the frame of an event.
func event(name, requestID string, attributes map[string]any) fields {
	return fields{
		"Type": "EVENT", "RequestId": requestID, "EventName": name, "Attributes": attributes,
	}
}

// TestFrames sends requests as text, in the spellings that clients use, and compares
// whole frames. All sessions get the same one.
func TestFrames(t *testing.T) {
	f := startFrames(t)
	deleted := map[string]any{"MessageID": "AbCdEfGh1234", "MessageId": "AbCdEfGh1234"}
	withReason := map[string]any{
		"MessageID": "AbCdEfGh1234", "MessageId": "AbCdEfGh1234", "Reason": "spam",
	}
	for _, test := range []struct {
		name string
		sent string
		want fields
	}{
		{"AllFields",
			`{"Action":"SEND_MESSAGE","Content":"goal! ⚽","Attributes":{"kind":"cheer"},"RequestId":"r1"}`,
			message("r1", "goal! ⚽", map[string]any{"kind": "cheer"})},
		{"LowerCaseNames",
			`{"action":"SEND_MESSAGE","content":"hi","attributes":{"Kind":"x"},"requestId":"r2"}`,
			message("r2", "hi", map[string]any{"Kind": "x"})},
		{"NullAttributes",
			`{"Action":"SEND_MESSAGE","Content":"hi","Attributes":null,"RequestId":"r3"}`,
			message("r3", "hi", nil)},
		{"NoRequestId",
			`{"Action":"SEND_MESSAGE","Content":"hi"}`,
			message("", "hi", nil)},
		{"UnknownFields",
			`{"Action":"SEND_MESSAGE","Content":"hi","id":"7","more":[1],"RequestId":"r4"}`,
			message("r4", "hi", nil)},
		{"DeleteMessage",
			`{"Action":"DELETE_MESSAGE","Id":"AbCdEfGh1234","Reason":"spam","RequestId":"r5"}`,
			event("aws:DELETE_MESSAGE", "r5", withReason)},
		{"DeleteMessageLowerCase",
			`{"action":"DELETE_MESSAGE","id":"AbCdEfGh1234","reason":"","requestId":"r6"}`,
			event("aws:DELETE_MESSAGE", "r6", deleted)},
		{"DisconnectAbsentUser",
			`{"Action":"DISCONNECT_USER","UserId":"nobody","Reason":null}`,
			event("aws:DISCONNECT_USER", "", map[string]any{"UserId": "nobody"})},
	} {
		t.Run(test.name, func(t *testing.T) {
			ana := f.open(t, test.name, "ana")
			ben := f.open(t, test.name+", seen by ben", "ben")
			ana.call(t, "sendText", fields{"text": test.sent}, nil)
			got, id := ana.frame(t)
			checkFrame(t, test.sent, got, test.want)
			seen, seenID := ben.frame(t)
			if diff := cmp.Diff(got, seen); diff != "" || id != seenID {
				t.Errorf("ana got frame %s, ben %s (-ana +ben):\n%s", id, seenID, diff)
			}
		})
	}
}

// TestEmptyAttributes checks that an empty map may come back as itself or as null.
func TestEmptyAttributes(t *testing.T) {
	f := startFrames(t)
	ana := f.open(t, "ana", "ana")
	sent := `{"Action":"SEND_MESSAGE","Content":"hi","Attributes":{},"RequestId":"r"}`
	ana.call(t, "sendText", fields{"text": sent}, nil)
	got, _ := ana.frame(t)
	if empty, ok := got["Attributes"].(map[string]any); ok && len(empty) == 0 {
		got["Attributes"] = nil
	}
	checkFrame(t, sent, got, message("r", "hi", nil))
}

// TestBadFrames checks that each bad request gets one ERROR frame, with the request's
// id where it has one, and that the session goes on.
func TestBadFrames(t *testing.T) {
	f := startFrames(t)
	for _, test := range []struct {
		name, call, sent, requestID string
		code                        float64
	}{
		{"NotJSON", "sendText", `hello`, "", 400},
		{"NotAnObject", "sendText", `["SEND_MESSAGE"]`, "", 400},
		{"Binary", "sendBinary", `{"Action":"SEND_MESSAGE","Content":"x","RequestId":"r"}`, "", 400},
		{"NoAction", "sendText", `{"Content":"x","RequestId":"r"}`, "r", 400},
		{"UnknownAction", "sendText", `{"Action":"DANCE","RequestId":"r"}`, "r", 400},
		{"LowerCaseAction", "sendText",
			`{"Action":"send_message","Content":"x","RequestId":"r"}`, "r", 400},
		{"NoContent", "sendText", `{"Action":"SEND_MESSAGE","RequestId":"r"}`, "r", 400},
		{"EmptyContent", "sendText",
			`{"Action":"SEND_MESSAGE","Content":"","RequestId":"r"}`, "r", 400},
		{"ContentOfAnotherType", "sendText",
			`{"Action":"SEND_MESSAGE","Content":7,"RequestId":"r"}`, "r", 400},
		{"AttributeOfAnotherType", "sendText",
			`{"Action":"SEND_MESSAGE","Content":"x","Attributes":{"n":7},"RequestId":"r"}`, "r", 400},
		{"ShortMessageID", "sendText",
			`{"Action":"DELETE_MESSAGE","Id":"short","RequestId":"r"}`, "r", 400},
		{"EmptyUserID", "sendText",
			`{"Action":"DISCONNECT_USER","UserId":"","RequestId":"r"}`, "r", 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			ana := f.open(t, test.name, "ana")
			ana.call(t, test.call, fields{"text": test.sent}, nil)
			got, _ := ana.frame(t)
			if text, _ := got["ErrorMessage"].(string); text == "" {
				t.Errorf("ERROR frame %v has no ErrorMessage", got)
			}
			delete(got, "ErrorMessage")
			checkFrame(t, test.sent, got, fields{
				"Type": "ERROR", "RequestId": test.requestID, "ErrorCode": test.code,
			})
			good := `{"Action":"SEND_MESSAGE","Content":"still here"}`
			ana.call(t, "sendText", fields{"text": good}, nil)
			got, _ = ana.frame(t)
			checkFrame(t, good, got, message("", "still here", nil))
		})
	}
}

// TestCloseOfDisconnectedUser checks the last frames of a user who is disconnected:
// the event, then a close that makes the SDKs stay away, with the reason as text.
func TestCloseOfDisconnectedUser(t *testing.T) {
	f := startFrames(t)
	for _, test := range []struct{ name, sent, reason string }{
		{"WithReason", `{"Action":"DISCONNECT_USER","UserId":"eve","Reason":"spam 🙈"}`, "spam 🙈"},
		{"WithoutReason", `{"Action":"DISCONNECT_USER","UserId":"eve"}`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			eve := f.open(t, test.name, "eve")
			mod := f.open(t, test.name+", sent by mod", "mod")
			mod.call(t, "sendText", fields{"text": test.sent}, nil)
			want := map[string]any{"UserId": "eve"}
			if test.reason != "" {
				want["Reason"] = test.reason
			}
			got, _ := eve.frame(t)
			checkFrame(t, test.sent, got, event("aws:DISCONNECT_USER", "", want))
			var closed struct {
				Code   int
				Reason string
			}
			eve.next(t, "close", &closed)
			if closed.Code != 1000 || closed.Reason != test.reason {
				t.Errorf("closed with %+v, want code 1000 and reason %q", closed, test.reason)
			}
		})
	}
}
