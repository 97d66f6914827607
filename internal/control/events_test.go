package control_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
)

const messageID = "Qx7LmZ03tRbe"

// user is a valid DisconnectUser request for a user.
func user(id string, more ...string) string {
	return object(append([]string{ofRoom, member("userId", id)}, more...)...)
}

// event is a SendEvent request for an event of any name.
func event(name string, more ...string) string {
	return object(append([]string{ofRoom, member("eventName", name)}, more...)...)
}

// deletion is a DeleteMessage request for a message of any id.
func deletion(id string, more ...string) string {
	return object(append([]string{ofRoom, member("id", id)}, more...)...)
}

func TestOperationsOnSessionsReachTheHub(t *testing.T) {
	room := aRoom().ARN
	const sent = `{"id":"aK2vP9sYw4Hc"}`
	for _, tt := range []struct {
		operation, body, answer string
		want                    deed
	}{
		{"SendEvent", event("poll:opened", `"attributes":{"pollId":"41","\u00e9":"","gone":null}`),
			sent, deed{room: room, who: "poll:opened",
				attributes: map[string]string{"pollId": "41", "é": ""}}},
		{"SendEvent", event("poll <1>"), sent, deed{room: room, who: "poll <1>"}},
		{"DeleteMessage", deletion(messageID, `"reason":"off topic"`), sent,
			deed{room: room, who: messageID, reason: "off topic"}},
		{"DeleteMessage", deletion(messageID, `"reason":null`), sent, deed{room: room, who: messageID}},
		{"DisconnectUser", user("usér", `"reason":"spam"`), "",
			deed{room: room, who: "usér", reason: "spam"}},
		{"DisconnectUser", user("ana"), "", deed{room: room, who: "ana"}},
		{"DisconnectUser", object(ofRoom, `"userId":11231234`), "", deed{room: room, who: "11231234"}},
	} {
		s := start(nil, aRoom())
		w := s.call(t, owner, tt.operation, tt.body)
		if w.Code != http.StatusOK || w.Body.String() != tt.answer {
			t.Errorf("%s %s: status %d, body %q, want 200 %q",
				tt.operation, tt.body, w.Code, w.Body, tt.answer)
		}
		tt.want.what = tt.operation
		both := cmp.AllowUnexported(deed{})
		if diff := cmp.Diff([]deed{tt.want}, s.hub.done, both); diff != "" {
			t.Errorf("%s %s: what the hub did (-want +got):\n%s", tt.operation, tt.body, diff)
		}
	}
}

// wantEmpty checks for an answer of status 200 without a body.
func wantEmpty(t *testing.T, what string, code int, header http.Header, body string) {
	t.Helper()
	if code != http.StatusOK || body != "" || header.Get("Content-Type") != "" ||
		header.Get("Content-Length") != "0" {
		t.Errorf("%s: status %d, header %v, body %q, want 200 without a body", what, code, header, body)
	}
}

func TestAnswersWithoutABody(t *testing.T) {
	for _, operation := range []string{"DisconnectUser", "TagResource", "UntagResource"} {
		w := start(nil, aRoom()).call(t, owner, operation, valid(operation))
		wantEmpty(t, operation, w.Code, w.Header(), w.Body.String())
	}
}

func TestSendEventTellsTheIDOfTheEvent(t *testing.T) {
	for _, operation := range []string{"SendEvent", "DeleteMessage"} {
		got := start(nil, aRoom()).must(t, operation, valid(operation))
		if want := map[string]any{"id": sentID}; !cmp.Equal(got, want) {
			t.Errorf("%s answers %v, want %v", operation, got, want)
		}
	}
}

func TestRatesOfTheHubAreTold(t *testing.T) {
	s := start(nil, aRoom())
	s.hub.err = &parley.Error{Code: parley.Throttled, Message: "Rate exceeded", Limit: 100,
		Resource: aRoom().ARN.Resource()}
	want := `{"message":"Rate exceeded","resourceId":"g1H2I3j4k5L6","resourceType":"ROOM","limit":100}`
	for _, operation := range []string{"SendEvent", "DeleteMessage", "DisconnectUser"} {
		w := s.call(t, owner, operation, valid(operation))
		if w.Code != http.StatusTooManyRequests || w.Body.String() != want {
			t.Errorf("%s over a rate: %d %s, want 429 %s", operation, w.Code, w.Body, want)
		}
	}
}

func TestEventsOfUnknownRoomsAreNotFound(t *testing.T) {
	for _, operation := range []string{"SendEvent", "DeleteMessage", "DisconnectUser"} {
		w := start(nil).call(t, owner, operation, valid(operation))
		want := `{"message":"Resource: ` + roomARN + ` not found",` +
			`"resourceId":"g1H2I3j4k5L6","resourceType":"ROOM"}`
		if w.Code != http.StatusNotFound || w.Body.String() != want {
			t.Errorf("%s in no room: %d %s, want 404 %s", operation, w.Code, w.Body, want)
		}
	}
}

func TestEventMembersAtTheirLimitsAreAccepted(t *testing.T) {
	attributes := func(n int) string {
		return member("attributes", map[string]string{"é": text((n - 2) / 2)})
	}
	const ok, notFound = http.StatusOK, http.StatusNotFound
	longest := member("roomIdentifier", arnOf("room", 128))
	for _, tt := range []accepted{
		{"SendEvent", event("e"), ok},
		{"SendEvent", event(text(100)), ok},
		{"SendEvent", event("AWS:DELETE_MESSAGE"), ok},
		{"SendEvent", event("aws"), ok},
		{"SendEvent", event("e", attributes(4096)), ok},
		{"SendEvent", event("e", `"attributes":{}`), ok},
		{"SendEvent", event("e", `"attributes":null`, `"sender":"ana"`), ok},
		{"SendEvent", object(longest, member("eventName", "e")), notFound},
		{"DeleteMessage", deletion("AZaz09AZaz09"), ok},
		{"DeleteMessage", deletion(messageID, member("reason", "r")), ok},
		{"DeleteMessage", deletion(messageID, member("reason", text(256))), ok},
		{"DeleteMessage", object(longest, member("id", messageID)), notFound},
		{"DisconnectUser", user("u"), ok},
		{"DisconnectUser", user(text(128)), ok},
		{"DisconnectUser", user("u", member("reason", "r")), ok},
		{"DisconnectUser", user("u", member("reason", text(256))), ok},
		{"DisconnectUser", object(longest, member("userId", "u")), notFound},
	} {
		checkAccepted(t, tt)
	}
}

func TestEventMembersPastTheirLimitsAreRefused(t *testing.T) {
	s := start(nil, aRoom())
	tooLong := member("roomIdentifier", arnOf("room", 129))
	for _, tt := range []refused{
		{"SendEvent", "{}", "roomIdentifier eventName"},
		{"SendEvent", object(tooLong, member("eventName", "")), "roomIdentifier eventName"},
		{"SendEvent", object(member("roomIdentifier", lcARN), `"eventName":null`),
			"roomIdentifier eventName"},
		{"SendEvent", event(text(101)), "eventName"},
		{"SendEvent", event("aws:"), "eventName"},
		{"SendEvent", event("aws:DELETE_MESSAGE"), "eventName"},
		{"SendEvent", event("e", member("attributes", map[string]string{"k": letters(4096)})),
			"attributes"},
		{"DeleteMessage", "{}", "roomIdentifier id"},
		{"DeleteMessage", object(tooLong, member("id", "")), "roomIdentifier id"},
		{"DeleteMessage", deletion(letters(11)), "id"},
		{"DeleteMessage", deletion(letters(13)), "id"},
		{"DeleteMessage", deletion("Qx7LmZ03tRb-"), "id"},
		{"DeleteMessage", deletion("Qx7LmZ03tRbé"), "id"},
		{"DeleteMessage", deletion("Qx7LmZ03tRb\n"), "id"},
		{"DeleteMessage", deletion(messageID, `"reason":""`), "reason"},
		{"DeleteMessage", deletion(messageID, member("reason", text(257))), "reason"},
		{"DisconnectUser", "", "roomIdentifier userId"},
		{"DisconnectUser", object(tooLong, member("userId", "")), "roomIdentifier userId"},
		{"DisconnectUser", user(text(129)), "userId"},
		{"DisconnectUser", user("u", `"reason":""`), "reason"},
		{"DisconnectUser", user("u", member("reason", text(257))), "reason"},
	} {
		checkRefused(t, s, tt)
	}
	if len(s.hub.done) > 0 {
		t.Errorf("after refused requests the hub has done %+v, want nothing", s.hub.done)
	}
}

func TestEventMembersOfTheWrongTypeAreRefused(t *testing.T) {
	s := start(nil, aRoom())
	for _, tt := range []refused{
		{"SendEvent", `{"roomIdentifier":5,"eventName":7,"attributes":"x"}`,
			"roomIdentifier eventName attributes"},
		{"SendEvent", event("e", `"attributes":{"a":1}`), "attributes"},
		{"SendEvent", event("e", `"attributes":[]`), "attributes"},
		{"DeleteMessage", `{"roomIdentifier":[],"id":123456789012,"reason":true}`,
			"roomIdentifier id reason"},
		{"DisconnectUser", `{"roomIdentifier":{},"userId":true,"reason":5}`,
			"roomIdentifier userId reason"},
	} {
		checkRefused(t, s, tt)
	}
}

func TestFormsOfEventErrors(t *testing.T) {
	s := start(nil, aRoom())
	for _, tt := range []struct{ operation, body, name, value, message string }{
		{"SendEvent", event("aws:x"), "eventName", "",
			"Event names starting with aws: are reserved"},
		{"DeleteMessage", deletion("Qx7LmZ03tRb_"), "id", "'Qx7LmZ03tRb_' ",
			"Member must satisfy regular expression pattern: ^[a-zA-Z0-9]+$"},
		{"DisconnectUser", user(text(129)), "userId", "",
			"Member must have length less than or equal to 128"},
		{"SendEvent", event("e", `"attributes":{"a":1}`), "attributes", "",
			"NUMBER_VALUE can not be converted to a String"},
	} {
		w := s.call(t, owner, tt.operation, tt.body)
		want := `{"message":"1 validation error detected: Value ` + tt.value + `at '` + tt.name +
			`' failed to satisfy constraint: ` + tt.message + `","reason":"FIELD_VALIDATION_FAILED",` +
			`"fieldList":[{"name":"` + tt.name + `","message":"` + tt.message + `"}]}`
		if w.Code != http.StatusBadRequest || w.Body.String() != want {
			t.Errorf("%s %s: %d %s, want 400 %s", tt.operation, tt.body, w.Code, w.Body, want)
		}
	}
}
