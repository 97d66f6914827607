package control_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
)

// listed returns n rooms named r0 to r<n-1>, in the order of ListRooms. Each two
// have the same update time, but different ARNs.
func listed(n int) []parley.Room {
	rooms := make([]parley.Room, n)
	for i := range rooms {
		name := fmt.Sprint("r", i)
		at := time.Date(2026, 1, 1, 0, 0, 0, -i/2, time.UTC)
		rooms[i] = parley.NewRoom(home, parley.RoomChange{Name: &name}, nil, at)
		rooms[i].ARN.ID = fmt.Sprintf("room%08d", i)
	}
	return rooms
}

// page lists rooms as the owner, and returns the names of the page's rooms and
// its nextToken.
func (s *server) page(t *testing.T, body ...string) (names []string, next string) {
	t.Helper()
	return s.pageOf(t, "ListRooms", "rooms", body...)
}

// pageOf is page for any list; its resources are in the named member.
func (s *server) pageOf(
	t *testing.T, operation, list string, body ...string,
) (names []string, next string) {
	t.Helper()
	answer := s.must(t, operation, object(body...))
	for _, r := range answer[list].([]any) {
		names = append(names, r.(map[string]any)["name"].(string))
	}
	next, _ = answer["nextToken"].(string)
	return names, next
}

func TestListRoomsPages(t *testing.T) {
	s := start(nil, listed(5)...)
	elsewhere := parley.World{Region: region, Account: "210987654321"}
	foreign := parley.NewRoom(elsewhere, parley.RoomChange{}, nil, time.Now())
	s.store.rooms[foreign.ARN] = foreign
	var got [][]string
	next := ""
	for range 3 {
		var names []string
		names, next = s.page(t, `"maxResults":2`, member("nextToken", next))
		got = append(got, names)
	}
	want := [][]string{{"r0", "r1"}, {"r2", "r3"}, {"r4"}}
	if !cmp.Equal(got, want) || next != "" {
		t.Errorf("pages %v, then token %q, want %v and no token", got, next, want)
	}
}

func TestListRoomsPagesHold50ByDefault(t *testing.T) {
	for _, tt := range []struct {
		rooms, want int
		more        bool
	}{{0, 0, false}, {49, 49, false}, {50, 50, false}, {51, 50, true}} {
		names, next := start(nil, listed(tt.rooms)...).page(t)
		if len(names) != tt.want || (next != "") != tt.more {
			t.Errorf("%d rooms: page of %d, token %q, want %d, more %t",
				tt.rooms, len(names), next, tt.want, tt.more)
		}
	}
}

func TestListRoomsOfAnEmptyWorld(t *testing.T) {
	w := start(nil).call(t, owner, "ListRooms", "{}")
	if w.Body.String() != `{"rooms":[]}` {
		t.Errorf("ListRooms of no rooms: %s, want an empty list", w.Body)
	}
}

func TestPagesOverChanges(t *testing.T) {
	s := start(nil, listed(6)...)
	first, next := s.page(t, `"maxResults":2`)
	arn := func(i int) string { return member("identifier", listed(6)[i].ARN.String()) }
	// One room moves to the front, and the cursor's own and one after it go away.
	s.must(t, "UpdateRoom", object(arn(4), `"name":"changed"`))
	for _, i := range []int{1, 2} {
		if w := s.call(t, owner, "DeleteRoom", object(arn(i))); w.Code != http.StatusNoContent {
			t.Fatalf("delete room %d: status %d", i, w.Code)
		}
	}
	second, next := s.page(t, `"maxResults":2`, member("nextToken", next))
	got, want := [][]string{first, second}, [][]string{{"r0", "r1"}, {"r3", "r5"}}
	if !cmp.Equal(got, want) || next != "" {
		t.Errorf("pages %v, then token %q, want %v and no token", got, next, want)
	}
}

func TestListRoomsFilters(t *testing.T) {
	rooms := listed(4)
	rooms[1].Name = "lobby"
	rooms[1].ReviewHandler = &parley.ReviewHandler{URI: lambda, Fallback: parley.FallbackAllow}
	rooms[2].Name = "lobby"
	rooms[3].ReviewHandler = &parley.ReviewHandler{URI: lambda, Fallback: parley.FallbackDeny}
	other := aConfiguration()
	other.ARN.ID = "AAcdef34ghIJ"
	rooms[0].LoggingConfigurations = []parley.ARN{other.ARN}
	rooms[1].LoggingConfigurations = []parley.ARN{other.ARN, aConfiguration().ARN}
	rooms[2].LoggingConfigurations = []parley.ARN{aConfiguration().ARN}
	unnamed := aConfiguration()
	unnamed.ARN.ID = "unnamed00000"
	s := start(nil, rooms...).with(aConfiguration(), other, unnamed)
	logged := func(arn string) string { return member("loggingConfigurationIdentifier", arn) }
	for _, tt := range []struct {
		filters []string
		want    []string
	}{
		{[]string{`"name":"lobby"`}, []string{"lobby", "lobby"}},
		{[]string{`"name":"lob"`}, nil},
		{[]string{member("messageReviewHandlerUri", lambda)}, []string{"lobby", "r3"}},
		{[]string{member("messageReviewHandlerUri", lambda), `"name":"r3"`}, []string{"r3"}},
		{[]string{member("messageReviewHandlerUri", lambda), `"name":"r0"`}, nil},
		{[]string{logged(lcARN)}, []string{"lobby", "lobby"}},
		{[]string{logged(other.ARN.String())}, []string{"r0", "lobby"}},
		{[]string{logged(other.ARN.String()), `"name":"r0"`}, []string{"r0"}},
		{[]string{logged(lcARN), member("messageReviewHandlerUri", lambda), `"name":"lobby"`},
			[]string{"lobby"}},
		{[]string{logged(unnamed.ARN.String())}, nil},
		{[]string{`"name":""`, `"messageReviewHandlerUri":""`, `"loggingConfigurationIdentifier":""`},
			[]string{"r0", "lobby", "lobby", "r3"}},
	} {
		if got, _ := s.page(t, tt.filters...); !slices.Equal(got, tt.want) {
			t.Errorf("filters %v: rooms %v, want %v", tt.filters, got, tt.want)
		}
	}
}

func TestRoomSummaryLeavesOutTheMaxima(t *testing.T) {
	detached := aRoom()
	detached.ReviewHandler = &parley.ReviewHandler{Fallback: parley.FallbackAllow}
	got := start(nil, detached).must(t, "ListRooms", "{}")
	want := map[string]any{"rooms": []any{map[string]any{
		"arn": roomARN, "id": roomID, "name": "", "tags": map[string]any{},
		"createTime": "2026-01-02T03:04:05Z", "updateTime": "2026-01-02T03:04:05Z",
		"messageReviewHandler": map[string]any{"uri": "", "fallbackResult": "ALLOW"},
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ListRooms (-want +got):\n%s", diff)
	}
}

func TestBadPageTokensAreRefused(t *testing.T) {
	s := start(nil, listed(3)...)
	_, next := s.page(t, `"maxResults":1`)
	data, err := base64.RawURLEncoding.DecodeString(next)
	if err != nil {
		t.Fatalf("nextToken %q: %v", next, err)
	}
	bad := []string{"x", "!", letters(1024), strings.ToLower(next), next[1:], next[:len(next)-2],
		next + "A", next + "=", next + "\n", base64.RawURLEncoding.EncodeToString(data[:16])}
	for i := range data {
		changed := slices.Clone(data)
		changed[i] ^= 1
		bad = append(bad, base64.RawURLEncoding.EncodeToString(changed))
	}
	for _, token := range bad {
		checkRefused(t, s, refused{"ListRooms", object(member("nextToken", token)), "nextToken"})
	}
	for _, other := range []caller{stranger, abroad} {
		w := s.call(t, other, "ListRooms", object(member("nextToken", next)))
		if w.Code != http.StatusBadRequest {
			t.Errorf("token of %s in %s, used by %s in %s: status %d, want 400",
				owner.key, owner.region, other.key, other.region, w.Code)
		}
	}
}

func TestPageTokensFitTheirLimit(t *testing.T) {
	rooms := listed(2)
	longID := strings.Repeat("a", parley.MaxARNLen) // longer than any ARN has room for
	rooms[0].ARN.ID = longID
	if _, next := start(nil, rooms...).page(t, `"maxResults":1`); next == "" || len(next) > 1024 {
		t.Errorf("token %q of %d characters, want 1 to 1024", next, len(next))
	}
}

func TestLengthOfPageTokens(t *testing.T) {
	s := start(nil)
	for _, tt := range []struct {
		length int
		want   string // in the message
	}{
		{1024, "nextToken of an earlier answer"},
		{1025, "length less than or equal to 1024"},
	} {
		w := s.call(t, owner, "ListRooms", object(member("nextToken", letters(tt.length))))
		if got := members(t, w.Body)["message"]; !strings.Contains(got.(string), tt.want) {
			t.Errorf("token of %d: message %q, want one with %q", tt.length, got, tt.want)
		}
	}
}
