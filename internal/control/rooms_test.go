package control_test

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
)

func TestCreateRoomAnswersItsSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(nil)
		got := s.must(t, "CreateRoom", object(member("name", "lobby"),
			member("maximumMessageLength", 5), member("maximumMessageRatePerSecond", 7),
			`"messageReviewHandler":`+object(member("uri", lambda)),
			member("tags", map[string]string{"team": "a"})))
		arn, id := got["arn"].(string), got["id"].(string)
		if !regexp.MustCompile(`^[A-Za-z0-9]{12}$`).MatchString(id) ||
			arn != "arn:aws:ivschat:us-west-2:123456789012:room/"+id {
			t.Errorf("new room has arn %q, id %q", arn, id)
		}
		want := map[string]any{
			"arn": arn, "id": id, "name": "lobby",
			"createTime": "2000-01-01T00:00:00Z", "updateTime": "2000-01-01T00:00:00Z",
			"maximumMessageLength": 5.0, "maximumMessageRatePerSecond": 7.0,
			"messageReviewHandler": allowing(lambda),
			"tags":                 map[string]any{"team": "a"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("CreateRoom (-want +got):\n%s", diff)
		}
		if again := s.must(t, "GetRoom", object(member("identifier", arn))); !cmp.Equal(again, got) {
			t.Errorf("GetRoom after CreateRoom (-created +got):\n%s", cmp.Diff(got, again))
		}
	})
}

func TestCreateRoomDefaults(t *testing.T) {
	got := start(nil).must(t, "CreateRoom", "{}")
	wantNames := []string{"arn", "createTime", "id", "maximumMessageLength",
		"maximumMessageRatePerSecond", "name", "tags", "updateTime"}
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, wantNames) {
		t.Errorf("CreateRoom {} has members %v, want %v", names, wantNames)
	}
	if got["name"] != "" || got["maximumMessageLength"] != 500.0 ||
		got["maximumMessageRatePerSecond"] != 10.0 || len(got["tags"].(map[string]any)) != 0 {
		t.Errorf("CreateRoom {}: %v, want the documented defaults", got)
	}
}

func TestRoomQuota(t *testing.T) {
	s := start(parley.Quotas{parley.QuotaRooms: 2})
	s.must(t, "CreateRoom", "{}")
	s.must(t, "CreateRoom", "{}")
	if w := s.call(t, owner, "CreateRoom", "{}"); w.Code != http.StatusPaymentRequired {
		t.Errorf("third of two rooms: status %d, want 402; body %s", w.Code, w.Body)
	}
	for _, other := range []caller{stranger, abroad} {
		if w := s.call(t, other, "CreateRoom", "{}"); w.Code != http.StatusOK {
			t.Errorf("room of %s in %s: status %d, want 200", other.key, other.region, w.Code)
		}
	}
}

// allowing is a review handler in an answer.
func allowing(uri string) map[string]any {
	return map[string]any{"uri": uri, "fallbackResult": "ALLOW"}
}

func TestUpdateRoomChangesOnlyWhatIsNamed(t *testing.T) {
	full := aRoom()
	full.Name, full.MaxMessageLength, full.MaxMessageRatePerSecond = "old", 100, 20
	full.ReviewHandler = &parley.ReviewHandler{URI: lambda, Fallback: parley.FallbackDeny}
	full.Tags = map[string]string{"k": "v"}
	for _, tt := range []struct {
		name   string
		change []string
		want   map[string]any // members that differ from before; nil is absent
	}{
		{"nothing", nil, nil},
		{"null", []string{`"name":null`}, nil},
		{"name", []string{`"name":"new"`}, map[string]any{"name": "new"}},
		{"name cleared", []string{`"name":""`}, map[string]any{"name": ""}},
		{"length", []string{`"maximumMessageLength":7`}, map[string]any{"maximumMessageLength": 7.0}},
		{"rate", []string{`"maximumMessageRatePerSecond":7`},
			map[string]any{"maximumMessageRatePerSecond": 7.0}},
		{"handler replaced as a whole",
			[]string{`"messageReviewHandler":` + object(member("uri", lambda+"2"))},
			map[string]any{"messageReviewHandler": allowing(lambda + "2")}},
		{"handler detached", []string{`"messageReviewHandler":{"uri":""}`},
			map[string]any{"messageReviewHandler": allowing("")}},
		{"tags are no member", []string{`"tags":{"other":"x"}`}, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := start(nil, full)
			before := s.must(t, "GetRoom", valid("GetRoom"))
			want := maps.Clone(before)
			want["updateTime"] = "2000-01-01T00:00:00Z"
			maps.Copy(want, tt.want)
			got := s.must(t, "UpdateRoom", valid("UpdateRoom", tt.change...))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: UpdateRoom (-want +got):\n%s", tt.name, diff)
			}
			if after := s.must(t, "GetRoom", valid("GetRoom")); !cmp.Equal(after, got) {
				t.Errorf("%s: GetRoom after it (-answer +got):\n%s", tt.name, cmp.Diff(got, after))
			}
		})
	}
}

func TestRoomWithLoggingConfigurationsNamesThem(t *testing.T) {
	attached := aRoom()
	arn, err := parley.ParseARN(lcARN)
	if err != nil {
		t.Fatal(err)
	}
	attached.LoggingConfigurations = []parley.ARN{arn}
	s := start(nil, attached)
	got := s.must(t, "GetRoom", valid("GetRoom"))
	if list := got["loggingConfigurationIdentifiers"]; !cmp.Equal(list, any([]any{lcARN})) {
		t.Errorf("loggingConfigurationIdentifiers %v, want %s alone", list, lcARN)
	}
	got = s.must(t, "UpdateRoom", valid("UpdateRoom", `"loggingConfigurationIdentifiers":[]`))
	if list, ok := got["loggingConfigurationIdentifiers"]; ok {
		t.Errorf("after detaching all: %v, want the member left out", list)
	}
}

func TestUnknownLoggingConfigurationsAreNotFound(t *testing.T) {
	s := start(nil, aRoom())
	for _, tt := range []struct{ operation, body string }{
		{"CreateRoom", object(member("loggingConfigurationIdentifiers", []string{lcARN}))},
		{"UpdateRoom", valid("UpdateRoom", member("loggingConfigurationIdentifiers", []string{lcARN}))},
		{"ListRooms", object(member("loggingConfigurationIdentifier", lcARN))},
	} {
		w := s.call(t, owner, tt.operation, tt.body)
		got := members(t, w.Body)
		if w.Code != http.StatusNotFound || got["resourceType"] != "LOGGING_CONFIGURATION" ||
			got["resourceId"] != "ABcdef34ghIJ" {
			t.Errorf("%s %s: status %d, %v, want 404 for LOGGING_CONFIGURATION ABcdef34ghIJ",
				tt.operation, tt.body, w.Code, got)
		}
	}
	if n := len(s.store.rooms); n != 1 {
		t.Errorf("%d rooms exist after a refused CreateRoom, want 1", n)
	}
}

// onRooms are the operations on one room.
var onRooms = []string{"GetRoom", "UpdateRoom", "DeleteRoom", "CreateChatToken", "SendEvent",
	"DeleteMessage", "DisconnectUser", "TagResource", "UntagResource", "ListTagsForResource"}

func TestDeleteRoomHasNoBody(t *testing.T) {
	s := start(nil, aRoom())
	w := s.call(t, owner, "DeleteRoom", valid("DeleteRoom"))
	if w.Code != http.StatusNoContent || w.Body.Len() != 0 || w.Header().Get("Content-Type") != "" ||
		w.Header().Get("Content-Length") != "" {
		t.Errorf("DeleteRoom: status %d, header %v, body %q, want 204 without a body",
			w.Code, w.Header(), w.Body)
	}
	for _, operation := range onRooms {
		if w := s.call(t, owner, operation, valid(operation)); w.Code != http.StatusNotFound {
			t.Errorf("%s after DeleteRoom: status %d, want 404", operation, w.Code)
		}
	}
}

func TestRoomsOfAnotherWorldAreNotFound(t *testing.T) {
	for _, operation := range onRooms {
		for _, other := range []caller{stranger, abroad} {
			s := start(nil, aRoom())
			w := s.call(t, other, operation, valid(operation))
			if w.Code != http.StatusNotFound || errorType(w) != "ResourceNotFoundException" {
				t.Errorf("%s by %s in %s: status %d, want 404", operation, other.key, other.region, w.Code)
			}
			if got := s.store.rooms[aRoom().ARN]; !cmp.Equal(got, aRoom()) {
				t.Errorf("%s by %s in %s changed the room to %+v", operation, other.key, other.region, got)
			}
			if len(s.hub.done) > 0 {
				t.Errorf("%s by %s in %s reached the hub: %+v",
					operation, other.key, other.region, s.hub.done)
			}
		}
	}
}

func TestTimesAreCutToWholeSeconds(t *testing.T) {
	r := aRoom()
	r.CreateTime = time.Date(2026, 1, 2, 3, 4, 5, 999_999_999, time.FixedZone("", 3600))
	got := start(nil, r).must(t, "GetRoom", valid("GetRoom"))
	if got["createTime"] != "2026-01-02T02:04:05Z" {
		t.Errorf("createTime %v, want 2026-01-02T02:04:05Z", got["createTime"])
	}
}
