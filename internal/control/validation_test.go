package control_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/parley-chat/parley"
)

// names returns the names in the fieldList of an answer.
func names(answer map[string]any) []string {
	list, _ := answer["fieldList"].([]any)
	var names []string
	for _, entry := range list {
		names = append(names, entry.(map[string]any)["name"].(string))
	}
	return names
}

// text returns n times an é: n code points, 2n bytes.
func text(n int) string { return strings.Repeat("é", n) }

func letters(n int) string { return strings.Repeat("a", n) }

// arnOf returns an ARN of n characters.
func arnOf(kind parley.Kind, n int) string {
	prefix := "arn:aws:ivschat:us-west-2:123456789012:" + string(kind) + "/"
	return prefix + letters(n-len(prefix))
}

func lcARNOf(n int) string { return arnOf(parley.KindLoggingConfiguration, n) }

func lambdaOf(n int) string { return lambda + letters(n-len(lambda)) }

func tagsOf(n int) map[string]string {
	tags := map[string]string{}
	for i := range n {
		tags[fmt.Sprint("key", i)] = "value"
	}
	return tags
}

// refused is one request that is refused for its members.
type refused struct {
	operation string
	body      string
	fields    string // names in the fieldList, spaced; empty for reason OTHER
}

func checkRefused(t *testing.T, s *server, r refused) {
	t.Helper()
	wantRefused(t, r.operation+" "+r.body, s.call(t, owner, r.operation, r.body), r.fields)
}

// wantRefused checks the answer to a request that is to be refused for the named
// members.
func wantRefused(t *testing.T, request string, w *httptest.ResponseRecorder, fields string) {
	t.Helper()
	if name := errorType(w); w.Code != http.StatusBadRequest || name != "ValidationException" {
		t.Errorf("%.200s: status %d, type %q, want 400 ValidationException", request, w.Code, name)
		return
	}
	answer := members(t, w.Body)
	wantReason := "FIELD_VALIDATION_FAILED"
	if fields == "" {
		wantReason = "OTHER"
	}
	if answer["reason"] != wantReason || answer["message"] == "" {
		t.Errorf("%.200s: reason %v, message %v, want reason %s and a message",
			request, answer["reason"], answer["message"], wantReason)
	}
	if got := strings.Join(names(answer), " "); got != fields {
		t.Errorf("%.200s: fieldList names %q, want %q", request, got, fields)
	}
}

// accepted is one request whose members are all within their limits. The status
// is that of the operation's success, or of a resource that does not exist.
type accepted struct {
	operation string
	body      string
	status    int
}

func checkAccepted(t *testing.T, a accepted) {
	t.Helper()
	s := start(nil, aRoom()).with(aConfiguration())
	if w := s.call(t, owner, a.operation, a.body); w.Code != a.status {
		t.Errorf("%s %.200s: status %d, want %d; body %s", a.operation, a.body, w.Code, a.status, w.Body)
	}
}

// inRoomOf is a CreateChatToken request for any room.
func inRoomOf(arn string) string {
	return object(member("roomIdentifier", arn), member("userId", "a"))
}

func maxima(length, rate int) string {
	return member("maximumMessageLength", length) + "," + member("maximumMessageRatePerSecond", rate)
}

func logs(arns ...string) string { return member("loggingConfigurationIdentifiers", arns) }

// token is a valid CreateChatToken request with more members.
func token(more ...string) string { return valid("CreateChatToken", more...) }

// update is a valid UpdateRoom request with more members.
func update(more ...string) string { return valid("UpdateRoom", more...) }

// valid is a valid request of an operation, about the room or the logging
// configuration that exists, with more members.
func valid(operation string, more ...string) string {
	return object(slices.Concat(required[operation], more)...)
}

// Members of requests.
var (
	ofRoom   = member("roomIdentifier", roomARN)
	theRoom  = member("identifier", roomARN)
	theLogs  = member("identifier", lcARN)
	toBucket = `"destinationConfiguration":{"s3":{"bucketName":"chat-logs"}}`
)

// required holds the required members of each operation's request.
var required = map[string][]string{
	"CreateChatToken":            {ofRoom, member("userId", "ana")},
	"GetRoom":                    {theRoom},
	"UpdateRoom":                 {theRoom},
	"DeleteRoom":                 {theRoom},
	"CreateLoggingConfiguration": {toBucket},
	"GetLoggingConfiguration":    {theLogs},
	"UpdateLoggingConfiguration": {theLogs},
	"DeleteLoggingConfiguration": {theLogs},
	"SendEvent":                  {ofRoom, member("eventName", "poll:opened")},
	"DeleteMessage":              {ofRoom, member("id", "Qx7LmZ03tRbe")},
	"DisconnectUser":             {ofRoom, member("userId", "ana")},
	"TagResource":                {`"tags":{}`},
}

func TestMembersAtTheirLimitsAreAccepted(t *testing.T) {
	attributes := func(n int) string {
		return member("attributes", map[string]string{"é": text((n - 2) / 2)})
	}
	const notFound, ok = http.StatusNotFound, http.StatusOK
	for _, tt := range []accepted{
		{"CreateChatToken", inRoomOf(arnOf("room", 128)), notFound},
		{"CreateChatToken", inRoomOf(arnOf("room", 46)), notFound},
		{"CreateChatToken", inRoomOf(roomARN), ok},
		{"CreateChatToken", object(member("roomIdentifier", roomARN), member("userId", text(128))), ok},
		{"CreateChatToken", token(member("sessionDurationInMinutes", 1)), ok},
		{"CreateChatToken", token(member("sessionDurationInMinutes", 180)), ok},
		{"CreateChatToken", token(attributes(1024)), ok},
		{"CreateChatToken", token(`"attributes":{}`, `"capabilities":[]`), ok},
		{"CreateChatToken", valid("CreateChatToken",
			`"capabilities":["SEND_MESSAGE","DISCONNECT_USER","DELETE_MESSAGE"]`), ok},
		{"CreateRoom", object(), ok},
		{"CreateRoom", object(member("name", "")), ok},
		{"CreateRoom", object(member("name", "-_azAZ09"+letters(120))), ok},
		{"CreateRoom", object(maxima(1, 1)), ok},
		{"CreateRoom", object(maxima(500, 100)), ok},
		{"CreateRoom", object(`"messageReviewHandler":{}`), ok},
		{"CreateRoom", object(`"messageReviewHandler":{"uri":"","fallbackResult":"DENY"}`), ok},
		{"CreateRoom", object(`"messageReviewHandler":` + object(member("uri", lambdaOf(170)))), ok},
		{"CreateRoom", object(member("tags", tagsOf(50))), ok},
		{"CreateRoom", object(member("tags", map[string]string{text(128): text(256), "a": ""})), ok},
		{"CreateRoom", object(member("tags", map[string]string{"+ -=._:/@ Ä9": "+ -=._:/@ Ä9"})), ok},
		{"CreateRoom", object(`"loggingConfigurationIdentifiers":[]`), ok},
		{"CreateRoom", object(logs(lcARN, lcARN, lcARN)), ok},
		{"CreateRoom", object(logs(lcARN, lcARNOf(128))), notFound},
		{"UpdateRoom", update(member("name", letters(128))), ok},
		{"UpdateRoom", update(member("maximumMessageLength", 1)), ok},
		{"UpdateRoom", update(member("maximumMessageRatePerSecond", 100)), ok},
		{"UpdateRoom", update(`"loggingConfigurationIdentifiers":[]`), ok},
		{"UpdateRoom", update(logs(lcARN)), ok},
		{"UpdateRoom", update(logs(lcARNOf(128))), notFound},
		{"UpdateRoom", object(member("identifier", arnOf("room", 128))), notFound},
		{"GetRoom", object(member("identifier", arnOf("room", 128))), notFound},
		{"DeleteRoom", object(member("identifier", arnOf("room", 128))), notFound},
		{"ListRooms", "", ok},
		{"ListRooms", object(member("maxResults", 1), member("nextToken", "")), ok},
		{"ListRooms", object(member("maxResults", 50), member("name", letters(128))), ok},
		{"ListRooms", object(member("messageReviewHandlerUri", lambdaOf(170))), ok},
		{"ListRooms", object(member("loggingConfigurationIdentifier", "")), ok},
		{"ListRooms", object(member("loggingConfigurationIdentifier", lcARN)), ok},
		{"ListRooms", object(member("loggingConfigurationIdentifier", lcARNOf(128))), notFound},
	} {
		checkAccepted(t, tt)
	}
}

func TestMembersPastTheirLimitsAreRefused(t *testing.T) {
	s := start(nil, aRoom())
	for _, tt := range []refused{
		{"CreateChatToken", "{}", "roomIdentifier userId"},
		{"CreateChatToken", "", "roomIdentifier userId"},
		{"CreateChatToken", object(member("roomIdentifier", ""), member("userId", "")),
			"roomIdentifier userId"},
		{"CreateChatToken", object(member("roomIdentifier", roomID), member("userId", text(129))),
			"roomIdentifier userId"},
		{"CreateChatToken", inRoomOf(arnOf("room", 129)), "roomIdentifier"},
		{"CreateChatToken", inRoomOf(lcARN), "roomIdentifier"},
		{"CreateChatToken", token(member("sessionDurationInMinutes", 0)),
			"sessionDurationInMinutes"},
		{"CreateChatToken", token(member("sessionDurationInMinutes", 181)),
			"sessionDurationInMinutes"},
		{"CreateChatToken", token(member("attributes", map[string]string{"k": letters(1024)})),
			"attributes"},
		{"CreateChatToken", token(`"capabilities":["SEND_MESSAGE","VIEW"]`),
			"capabilities"},
		{"CreateRoom", object(member("name", letters(129))), "name"},
		{"CreateRoom", object(member("name", "a b")), "name"},
		{"CreateRoom", object(member("name", "a\n")), "name"},
		{"CreateRoom", object(maxima(0, 0)),
			"maximumMessageLength maximumMessageRatePerSecond"},
		{"CreateRoom", object(maxima(501, 101)),
			"maximumMessageLength maximumMessageRatePerSecond"},
		{"CreateRoom", object(`"messageReviewHandler":` + object(member("uri", lambdaOf(171)))),
			"messageReviewHandler.uri"},
		{"CreateRoom", `{"messageReviewHandler":{"uri":"https://a.example","fallbackResult":"allow"}}`,
			"messageReviewHandler.uri messageReviewHandler.fallbackResult"},
		{"CreateRoom", object(`"messageReviewHandler":` + object(member("uri", lambda+"\n"))),
			"messageReviewHandler.uri"},
		{"CreateRoom", object(`"messageReviewHandler":{"fallbackResult":""}`),
			"messageReviewHandler.fallbackResult"},
		{"CreateRoom", object(member("tags", tagsOf(51))), "tags"},
		{"CreateRoom", object(member("tags", map[string]string{"": "v"})), "tags."},
		{"CreateRoom", object(member("tags", map[string]string{text(129): "v"})),
			"tags." + text(128) + "…"},
		{"CreateRoom", object(member("tags", map[string]string{"a": text(257), "b": "?"})),
			"tags.a tags.b"},
		{"CreateRoom", object(member("tags", map[string]string{"aws:a": "v", "AWS:b": "v"})),
			"tags.AWS:b tags.aws:a"},
		{"CreateRoom", object(logs(lcARN, lcARN, lcARN, lcARN)), "loggingConfigurationIdentifiers"},
		{"CreateRoom", object(logs(lcARN, roomARN)), "loggingConfigurationIdentifiers"},
		{"CreateRoom", object(logs("")), "loggingConfigurationIdentifiers"},
		{"UpdateRoom", "{}", "identifier"},
		{"UpdateRoom", object(member("name", "?")), "identifier name"},
		{"UpdateRoom", update(member("maximumMessageLength", 501)), "maximumMessageLength"},
		{"UpdateRoom", update(logs(lcARN, "x")), "loggingConfigurationIdentifiers"},
		{"GetRoom", "{}", "identifier"},
		{"GetRoom", object(member("identifier", strings.TrimSuffix(roomARN, roomID))), "identifier"},
		{"GetRoom", object(member("identifier", roomARN+"\n")), "identifier"},
		{"GetRoom", object(member("identifier", arnOf("room", 129))), "identifier"},
		{"DeleteRoom", "{}", "identifier"},
		{"DeleteRoom", object(member("identifier", arnOf("room", 129))), "identifier"},
		{"ListRooms", object(member("maxResults", 0)), "maxResults"},
		{"ListRooms", object(member("maxResults", 51)), "maxResults"},
		{"ListRooms", object(member("name", letters(129))), "name"},
		{"ListRooms", object(member("messageReviewHandlerUri", lambdaOf(171))),
			"messageReviewHandlerUri"},
		{"ListRooms", object(member("loggingConfigurationIdentifier", roomARN)),
			"loggingConfigurationIdentifier"},
		{"ListRooms", object(member("loggingConfigurationIdentifier", lcARNOf(129))),
			"loggingConfigurationIdentifier"},
		{"ListRooms", object(member("nextToken", letters(1025))), "nextToken"},
	} {
		checkRefused(t, s, tt)
	}
}

func TestMembersOfTheWrongTypeAreRefused(t *testing.T) {
	s := start(nil, aRoom())
	for _, tt := range []refused{
		{"CreateChatToken", `{"roomIdentifier":5,"userId":true}`, "roomIdentifier userId"},
		{"CreateChatToken", token(`"sessionDurationInMinutes":"30"`),
			"sessionDurationInMinutes"},
		{"CreateChatToken", token(`"sessionDurationInMinutes":30.5`),
			"sessionDurationInMinutes"},
		{"CreateChatToken", token(`"sessionDurationInMinutes":99999999999999999999`),
			"sessionDurationInMinutes"},
		{"CreateChatToken", token(`"capabilities":"SEND_MESSAGE"`), "capabilities"},
		{"CreateChatToken", token(`"capabilities":[1]`), "capabilities"},
		{"CreateChatToken", token(`"attributes":[]`), "attributes"},
		{"CreateChatToken", token(`"attributes":{"a":1}`), "attributes"},
		{"CreateRoom", `{"name":{},"maximumMessageLength":"5","tags":"x"}`,
			"name maximumMessageLength tags"},
		{"CreateRoom", `{"messageReviewHandler":"x"}`, "messageReviewHandler"},
		{"CreateRoom", `{"messageReviewHandler":{"uri":1,"fallbackResult":false}}`,
			"messageReviewHandler.uri messageReviewHandler.fallbackResult"},
		{"CreateRoom", `{"loggingConfigurationIdentifiers":{}}`, "loggingConfigurationIdentifiers"},
		{"GetRoom", `{"identifier":[]}`, "identifier"},
		{"DeleteRoom", `{"identifier":1}`, "identifier"},
		{"ListRooms", `{"maxResults":"1","nextToken":1,"name":[]}`, "name maxResults nextToken"},
	} {
		checkRefused(t, s, tt)
	}
}

func TestBodiesThatAreNotAJSONObjectAreRefused(t *testing.T) {
	s := start(nil)
	for _, body := range []string{
		" ", "x", "{", `{"a":1}{}`, `{"a":1}x`, "[]", `"text"`, "1", "null", "true", `{"a":}`,
		"{\"a\":\"\xff\"}", `{"a":"` + "\n" + `"}`,
		strings.Repeat(`{"a":`, 10_001) + "1" + strings.Repeat("}", 10_001),
		strings.Repeat(`[`, 100_000),
	} {
		checkRefused(t, s, refused{operation: "CreateRoom", body: body})
	}
}

func TestOneFieldListEntryPerBadMember(t *testing.T) {
	s := start(nil)
	many := "[" + strings.Repeat(`"x",`, 20_000) + `"x"]`
	for _, tt := range []refused{
		{"CreateChatToken", token(`"capabilities":` + many), "capabilities"},
		{"CreateRoom", object(`"loggingConfigurationIdentifiers":` + many),
			"loggingConfigurationIdentifiers"},
	} {
		checkRefused(t, s, tt)
	}
}

func TestTooManyTagsAreNotLookedAtOneByOne(t *testing.T) {
	bad := map[string]string{}
	for i := range 5000 {
		bad[fmt.Sprint("?", i)] = "v"
	}
	w := start(nil).call(t, owner, "CreateRoom", object(member("tags", bad)))
	if got := names(members(t, w.Body)); w.Code != 400 || len(got) != 1 || got[0] != "tags" {
		t.Errorf("5000 bad tags: status %d, names %v, want 400 and tags", w.Code, got)
	}
}

func TestNullAndUnknownMembersCountAsAbsent(t *testing.T) {
	s := start(nil, aRoom())
	got := s.must(t, "CreateRoom", `{"name":null,"maximumMessageLength":null,
		"messageReviewHandler":null,"loggingConfigurationIdentifiers":null,"tags":null,
		"color":"red","Name":"shout"}`)
	if got["name"] != "" || got["maximumMessageLength"] != 500.0 ||
		got["messageReviewHandler"] != nil {
		t.Errorf("CreateRoom of nulls: %v, want the defaults", got)
	}
	checkRefused(t, s, refused{"GetRoom", `{"identifier":null}`, "identifier"})
	s.must(t, "CreateRoom", `{"messageReviewHandler":{"uri":null,"fallbackResult":null}}`)
	s.must(t, "CreateChatToken", valid("CreateChatToken",
		`"capabilities":[null,"SEND_MESSAGE"]`, `"attributes":{"a":null,"b":"c"}`))
	if got := s.sealer.sealed; len(got.Attributes) != 1 || got.Capabilities != parley.SendMessage {
		t.Errorf("token of nulls: %+v, want attribute b and SEND_MESSAGE alone", got)
	}
}
