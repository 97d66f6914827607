package conformance

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// controlTests are what every client of the control plane must see. Each uses rooms
// of its own.
var controlTests = []struct {
	name string
	run  func(t *testing.T, on trial)
}{
	{"RoomWithAllSettings", testRoomWithAllSettings},
	{"RoomWithDefaults", testRoomWithDefaults},
	{"ListFilters", testListFilters},
	{"ListPages", testListPages},
	{"UpdateIsPartial", testUpdateIsPartial},
	{"UpdateClears", testUpdateClears},
	{"Tags", testTags},
	{"LoggingOfRooms", testLoggingOfRooms},
	{"LoggingConfigurations", testLoggingConfigurations},
	{"Tokens", testTokens},
	{"Delete", testDelete},
}

// trial is what the tests of one client share.
type trial struct {
	srv    *server
	kind   apiClientKind
	client apiClient // the one under test
	admin  apiClient // prepares what a test is not about
}

func TestControlPlane(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	for _, kind := range apiClientKinds(t) {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			on := trial{srv: srv, kind: kind}
			on.client = kind.start(t, srv, srv.credentials)
			on.admin = startGoSDK(t, srv, srv.credentials)
			for _, test := range controlTests {
				t.Run(test.name, func(t *testing.T) { test.run(t, on) })
			}
		})
	}
}

var roomARN = regexp.MustCompile(
	`^arn:aws:ivschat:` + region + `:` + account + `:room/([A-Za-z0-9]{12})$`)

// settings returns all members of CreateRoom, with values that are no defaults, and
// the room that they make.
func settings(t *testing.T) (fields, room) {
	name := uniqueName(t)
	handler := reviewHandler{
		URI:            "arn:aws:lambda:" + region + ":" + account + ":function:" + name,
		FallbackResult: "DENY",
	}
	want := room{
		Name:                        &name,
		MaximumMessageLength:        123,
		MaximumMessageRatePerSecond: 45,
		MessageReviewHandler:        &handler,
		Tags:                        map[string]string{"team": "Zoë", "b key": "c/d:e+f=g@h"},
	}
	return fields{
		"name":                        *want.Name,
		"maximumMessageLength":        want.MaximumMessageLength,
		"maximumMessageRatePerSecond": want.MaximumMessageRatePerSecond,
		"messageReviewHandler": fields{
			"uri": handler.URI, "fallbackResult": handler.FallbackResult,
		},
		"tags": want.Tags,
	}, want
}

// checkRoom compares rooms but for what the server chooses: ARN, id and times.
func checkRoom(t *testing.T, operation string, got, want room) {
	t.Helper()
	chosen := cmpopts.IgnoreFields(room{}, "ARN", "ID", "CreateTime", "UpdateTime")
	if diff := cmp.Diff(want, got, chosen, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s returned another room (-want +got):\n%s", operation, diff)
	}
}

// getRoom returns the room as GetRoom shows it.
func getRoom(t *testing.T, c apiClient, arn string) room {
	t.Helper()
	var r room
	must(t, c, "GetRoom", fields{"identifier": arn}, 200, &r)
	return r
}

func testRoomWithAllSettings(t *testing.T, on trial) {
	c := on.client
	input, want := settings(t)
	began := time.Now().Add(-time.Second) // times are cut to the second
	created := createRoom(t, c, input)
	checkRoom(t, "CreateRoom", created, want)
	if m := roomARN.FindStringSubmatch(created.ARN); m == nil || m[1] != created.ID {
		t.Errorf("arn %q and id %q, want %v with that id", created.ARN, created.ID, roomARN)
	}
	if !created.CreateTime.Equal(created.UpdateTime) || created.CreateTime.Before(began) ||
		created.CreateTime.After(time.Now()) {
		t.Errorf("createTime %v, updateTime %v, want both now", created.CreateTime, created.UpdateTime)
	}
	if diff := cmp.Diff(created, getRoom(t, c, created.ARN)); diff != "" {
		t.Errorf("GetRoom differs from CreateRoom (-created +got):\n%s", diff)
	}
}

func testRoomWithDefaults(t *testing.T, on trial) {
	c := on.client
	name := ""
	want := room{Name: &name, MaximumMessageLength: 500, MaximumMessageRatePerSecond: 10}
	created := createRoom(t, c, fields{})
	checkRoom(t, "CreateRoom", created, want)
	checkRoom(t, "GetRoom", getRoom(t, c, created.ARN), want)
}

// roomPage is what ListRooms returns.
type roomPage struct {
	Rooms     []room
	NextToken *string
}

// listRooms returns the page and the ARNs on it.
func listRooms(t *testing.T, c apiClient, input fields) (roomPage, []string) {
	t.Helper()
	var page roomPage
	must(t, c, "ListRooms", input, 200, &page)
	var arns []string
	for _, r := range page.Rooms {
		arns = append(arns, r.ARN)
	}
	return page, arns
}

func testListFilters(t *testing.T, on trial) {
	c := on.client
	input, want := settings(t)
	created := createRoom(t, on.admin, input)
	createRoom(t, on.admin, fields{"name": *want.Name + "-other"})
	want.MaximumMessageLength, want.MaximumMessageRatePerSecond = 0, 0 // not listed
	for _, filter := range []fields{
		{"name": *want.Name},
		{"messageReviewHandlerUri": want.MessageReviewHandler.URI},
		{"name": *want.Name, "messageReviewHandlerUri": want.MessageReviewHandler.URI},
	} {
		page, arns := listRooms(t, c, filter)
		if !slices.Equal(arns, []string{created.ARN}) {
			t.Errorf("ListRooms %v found %q, want only %q", filter, arns, created.ARN)
			continue
		}
		checkRoom(t, "ListRooms", page.Rooms[0], want)
	}
	for _, filter := range []fields{
		{"name": "no-such-room"},
		{"name": *want.Name + "-other", "messageReviewHandlerUri": want.MessageReviewHandler.URI},
	} {
		if _, arns := listRooms(t, c, filter); len(arns) != 0 {
			t.Errorf("ListRooms %v found %q, want none", filter, arns)
		}
	}
}

func testListPages(t *testing.T, on trial) {
	c := on.client
	name := uniqueName(t)
	var want []string // the last updated room comes first
	for range 5 {
		want = slices.Insert(want, 0, createRoom(t, on.admin, fields{"name": name}).ARN)
	}
	input := fields{"name": name, "maxResults": 2}
	var got []string
	var sizes []int
	for {
		page, arns := listRooms(t, c, input)
		got, sizes = append(got, arns...), append(sizes, len(arns))
		if page.NextToken == nil || len(sizes) > 5 {
			break
		}
		input["nextToken"] = *page.NextToken
	}
	if !slices.Equal(sizes, []int{2, 2, 1}) {
		t.Errorf("pages of at most 2 out of 5 rooms have sizes %v, want [2 2 1]", sizes)
	}
	if !slices.Equal(got, want) {
		t.Errorf("pages hold %q, want descending update times %q", got, want)
	}
}

func testUpdateIsPartial(t *testing.T, on trial) {
	c := on.client
	input, want := settings(t)
	created := createRoom(t, c, input)
	want.MaximumMessageLength = 77
	var updated room
	must(t, c, "UpdateRoom", fields{
		"identifier": created.ARN, "maximumMessageLength": 77,
	}, 200, &updated)
	checkRoom(t, "UpdateRoom", updated, want)
	if updated.ARN != created.ARN || !updated.CreateTime.Equal(created.CreateTime) ||
		updated.UpdateTime.Before(created.UpdateTime) {
		t.Errorf("UpdateRoom: %+v, want arn, id and createTime of %+v", updated, created)
	}
	if diff := cmp.Diff(updated, getRoom(t, c, created.ARN)); diff != "" {
		t.Errorf("GetRoom differs from UpdateRoom (-updated +got):\n%s", diff)
	}
}

// testUpdateClears clears what can be cleared. A review handler that was taken away
// stays visible as an object without a function.
func testUpdateClears(t *testing.T, on trial) {
	c := on.client
	input, want := settings(t)
	created := createRoom(t, c, input)
	name := ""
	want.Name, want.MessageReviewHandler = &name, &reviewHandler{FallbackResult: "ALLOW"}
	var updated room
	must(t, c, "UpdateRoom", fields{
		"identifier":                      created.ARN,
		"name":                            "",
		"messageReviewHandler":            fields{"uri": ""},
		"loggingConfigurationIdentifiers": []string{},
	}, 200, &updated)
	checkRoom(t, "UpdateRoom", updated, want)
	checkRoom(t, "GetRoom", getRoom(t, c, created.ARN), want)
}

func testTags(t *testing.T, on trial) {
	c := on.client
	r := createRoom(t, c, fields{"tags": fields{"kept": "1", "b key": "2", "gone": "3"}})
	mustReturnNothing(t, c, "TagResource", fields{
		"resourceArn": r.ARN, "tags": fields{"b key": "é", "c/d:e+f": "4"},
	}, 200)
	mustReturnNothing(t, c, "UntagResource", fields{
		"resourceArn": r.ARN, "tagKeys": []string{"gone", "c/d:e+f", "never set"},
	}, 200)
	var got struct{ Tags map[string]string }
	must(t, c, "ListTagsForResource", fields{"resourceArn": r.ARN}, 200, &got)
	want := map[string]string{"kept": "1", "b key": "é"}
	if diff := cmp.Diff(want, got.Tags); diff != "" {
		t.Errorf("tags after TagResource and UntagResource (-want +got):\n%s", diff)
	}
}

// testLoggingOfRooms attaches a logging configuration, finds the room by it, and takes
// it away again. It leaves none behind: an account may have but a few.
func testLoggingOfRooms(t *testing.T, on trial) {
	c := on.client
	var logging loggingConfiguration
	must(t, on.admin, "CreateLoggingConfiguration", fields{
		"destinationConfiguration": s3("chat-logs"),
	}, 200, &logging)
	input, want := settings(t)
	input["loggingConfigurationIdentifiers"] = []string{logging.ARN}
	want.LoggingConfigurationIdentifiers = []string{logging.ARN}
	r := createRoom(t, c, input)
	checkRoom(t, "CreateRoom", r, want)
	if _, arns := listRooms(t, c, fields{
		"loggingConfigurationIdentifier": logging.ARN,
	}); !slices.Equal(arns, []string{r.ARN}) {
		t.Errorf("ListRooms by logging configuration found %q, want only %q", arns, r.ARN)
	}
	var updated room
	must(t, c, "UpdateRoom", fields{
		"identifier": r.ARN, "loggingConfigurationIdentifiers": []string{},
	}, 200, &updated)
	want.LoggingConfigurationIdentifiers = nil
	checkRoom(t, "UpdateRoom", updated, want)
	checkRoom(t, "GetRoom", getRoom(t, c, r.ARN), want)
	mustReturnNothing(t, on.admin, "DeleteLoggingConfiguration", fields{
		"identifier": logging.ARN,
	}, 204)
}

// httpToken matches what a client may offer as a WebSocket subprotocol.
var httpToken = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// checkToken checks a token that was issued no earlier than issued, for a session of
// the given length.
func checkToken(t *testing.T, token chatToken, issued time.Time, session time.Duration) {
	t.Helper()
	if !httpToken.MatchString(token.Token) || len(token.Token) > 4096 {
		t.Errorf("token %q, want at most 4096 characters of %v", token.Token, httpToken)
	}
	issued = issued.Truncate(time.Second)
	if life := token.TokenExpirationTime.Sub(issued); life < time.Minute {
		t.Errorf("tokenExpirationTime is %v after the call began, want one minute or more", life)
	}
	if left := time.Until(token.TokenExpirationTime); left > time.Minute {
		t.Errorf("tokenExpirationTime is %v after the call's end, want one minute or less", left)
	}
	got := token.SessionExpirationTime.Sub(token.TokenExpirationTime)
	if want := session - time.Minute; got != want {
		t.Errorf("sessionExpirationTime is %v after tokenExpirationTime, want %v", got, want)
	}
}

func testTokens(t *testing.T, on trial) {
	c := on.client
	r := createRoom(t, c, fields{})
	issued := time.Now()
	var first, second chatToken
	input := fields{
		"roomIdentifier":           r.ARN,
		"userId":                   "Zoë 🎉",
		"capabilities":             []string{"SEND_MESSAGE", "DELETE_MESSAGE", "DISCONNECT_USER"},
		"sessionDurationInMinutes": 180,
		"attributes":               map[string]string{"größe": "日本語 👩‍👩‍👧"},
	}
	must(t, c, "CreateChatToken", input, 200, &first)
	checkToken(t, first, issued, 180*time.Minute)
	must(t, c, "CreateChatToken", input, 200, &second)
	if first.Token == second.Token {
		t.Errorf("two calls returned one token, %q", first.Token)
	}
	var plain chatToken
	must(t, c, "CreateChatToken", fields{"roomIdentifier": r.ARN, "userId": "bo"}, 200, &plain)
	checkToken(t, plain, issued, time.Hour)
}

func testDelete(t *testing.T, on trial) {
	c := on.client
	r := createRoom(t, c, fields{"name": uniqueName(t)})
	mustReturnNothing(t, c, "DeleteRoom", fields{"identifier": r.ARN}, 204)
	checkNotFound(t, refused(t, c, "GetRoom", fields{"identifier": r.ARN}), "ROOM", r.ID)
	checkNotFound(t, refused(t, c, "DeleteRoom", fields{"identifier": r.ARN}), "ROOM", r.ID)
	if _, arns := listRooms(t, c, fields{"name": *r.Name}); len(arns) != 0 {
		t.Errorf("ListRooms found %q after DeleteRoom, want none", arns)
	}
}
