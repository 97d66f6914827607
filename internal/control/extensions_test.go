package control_test

import (
	"bytes"
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/control"
	"github.com/parley-chat/parley/internal/metrics"
	"github.com/parley-chat/parley/internal/policy"
	"github.com/parley-chat/parley/internal/sigv4"
)

// startWith returns a server whose only user has a policy that allows an action.
func startWith(t *testing.T, action string, n control.Nodes) *server {
	t.Helper()
	return startOn(t, action, "*", n)
}

// startOn is startWith with an action that is allowed on one resource. The audit log is
// the server's log.
func startOn(t *testing.T, action, resource string, n control.Nodes) *server {
	t.Helper()
	document, err := policy.Parse(fmt.Appendf(nil, `{"Version":"2012-10-17",
		"Statement":{"Effect":"Allow","Action":%q,"Resource":%q}}`, action, resource))
	if err != nil {
		t.Fatal(err)
	}
	user := control.Identity{
		Account: account, UserName: "ana", UserARN: "arn:aws:iam::" + account + ":user/ana",
		Policies: []*policy.Document{document}, Key: sigv4.Key{ID: owner.key, Secret: owner.secret},
	}
	s := &server{store: newMemory(aRoom()), metrics: metrics.New(), log: new(bytes.Buffer)}
	s.handler = control.New(control.Config{
		Rooms: s.store, LoggingConfigurations: s.store, Identities: keyring{owner.key: user},
		Nodes: n, Regions: []string{region}, Audit: s.log, Metrics: s.metrics,
		Log: slog.New(slog.DiscardHandler),
	})
	return s
}

func TestExtensionsNeedTheirPermission(t *testing.T) {
	tests := []struct {
		operation, action string
		status            int
	}{
		{"SearchRooms", "ivschat:ListRooms", http.StatusOK},
		{"SearchRooms", "ivschat:GetRoom", http.StatusForbidden},
		{"SearchRooms", "parley:*", http.StatusForbidden},
		{"GetMetrics", "parley:GetMetrics", http.StatusOK},
		{"GetMetrics", "parley:*", http.StatusOK},
		{"GetMetrics", "*", http.StatusOK},
		{"GetMetrics", "ivschat:*", http.StatusForbidden},
		{"GetRoomTraffic", "ivschat:GetRoom", http.StatusOK},
		{"GetRoomTraffic", "parley:*", http.StatusForbidden},
		{"GetLogDeliveries", "ivschat:GetLoggingConfiguration", http.StatusOK},
		{"GetLogDeliveries", "ivschat:ListLoggingConfigurations", http.StatusForbidden},
	}
	bodies := map[string]string{"GetRoomTraffic": object(member("identifier", aRoom().ARN.String()))}
	for _, test := range tests {
		s := startWith(t, test.action, nodes{})
		w := s.call(t, owner, "parley/"+test.operation, cmp.Or(bodies[test.operation], "{}"))
		if w.Code != test.status {
			t.Errorf("%s by who may %s: status %d, want %d; body %s",
				test.operation, test.action, w.Code, test.status, w.Body)
		}
	}
}

func TestExtensionsNeedASignature(t *testing.T) {
	s := startWith(t, "*", nodes{})
	for _, op := range parley.Extensions {
		r, err := http.NewRequest(http.MethodPost, op.Path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.RequestURI = op.Path
		if w := s.serve(r); w.Code != http.StatusForbidden {
			t.Errorf("%s without a signature: status %d, want 403", op.Name, w.Code)
		}
		wrong := owner
		wrong.secret = "another"
		w := s.call(t, wrong, strings.TrimPrefix(op.Path, "/"), "{}")
		if got := errorType(w); got != "InvalidSignatureException" {
			t.Errorf("%s with another secret: %q, want InvalidSignatureException", op.Name, got)
		}
	}
}

// searched returns rooms with names, ids and tags to search for.
func searched() []parley.Room {
	var rooms []parley.Room
	for i, name := range []string{"Lobby", "lobby-2", "stage", ""} {
		r := parley.NewRoom(home, parley.RoomChange{Name: &name},
			map[string]string{"team": []string{"Red", "blue", "Lobby", ""}[i]},
			created.Add(-time.Duration(i)*time.Second))
		r.ARN.ID = fmt.Sprintf("idOfRoom%04d", i)
		rooms = append(rooms, r)
	}
	return rooms
}

func TestSearchRooms(t *testing.T) {
	s := start(nil, searched()...)
	tests := []struct {
		text  string
		names []string
	}{
		{"", []string{"Lobby", "lobby-2", "stage", ""}},
		{"lobby", []string{"Lobby", "lobby-2", "stage"}},
		{"LOBBY-", []string{"lobby-2"}},
		{"idofroom0003", []string{""}},
		{"team=red", []string{"Lobby"}},
		{"team=", []string{"Lobby", "lobby-2", "stage", ""}},
		{"nothing", nil},
	}
	for _, test := range tests {
		got, next := s.pageOf(t, "parley/SearchRooms", "rooms", member("text", test.text))
		if !slices.Equal(got, test.names) || next != "" {
			t.Errorf("search for %q: %q, next %q, want %q and no next", test.text, got, next, test.names)
		}
	}
}

func TestSearchRoomsFilters(t *testing.T) {
	rooms := searched()
	rooms[0].ReviewHandler = &parley.ReviewHandler{URI: lambda}
	rooms[1].ReviewHandler = &parley.ReviewHandler{} // it had one
	rooms[1].LoggingConfigurations = []parley.ARN{aConfiguration().ARN}
	s := start(nil, rooms...)
	for only, want := range map[string]string{"REVIEWED": "Lobby", "LOGGED": "lobby-2"} {
		got, _ := s.pageOf(t, "parley/SearchRooms", "rooms", member("text", "lobby"), member("only", only))
		if !slices.Equal(got, []string{want}) {
			t.Errorf("only %s: %q, want %s", only, got, want)
		}
	}
}

func TestSearchRoomsPages(t *testing.T) {
	s := start(nil, searched()...)
	var got []string
	var next string
	for range 2 {
		body := object(`"text":"lobby","maxResults":2`, member("nextToken", next))
		answer := s.must(t, "parley/SearchRooms", body)
		if total := answer["total"]; total != 3.0 {
			t.Errorf("total %v, want 3 on every page", total)
		}
		for _, room := range answer["rooms"].([]any) {
			got = append(got, room.(map[string]any)["name"].(string))
		}
		next, _ = answer["nextToken"].(string)
	}
	if want := []string{"Lobby", "lobby-2", "stage"}; !slices.Equal(got, want) || next != "" {
		t.Errorf("two pages have %q, next %q, want %q and no next", got, next, want)
	}
}

func TestSearchRoomsChecksItsMembers(t *testing.T) {
	s := start(nil)
	const longest = 128 + 1 + 256
	tests := []struct {
		body   string
		status int
	}{
		{object(member("text", strings.Repeat("é", longest))), http.StatusOK},
		{object(member("text", strings.Repeat("é", longest+1))), http.StatusBadRequest},
		{object(`"text":7`), http.StatusBadRequest},
		{object(`"only":"LOGGED"`), http.StatusOK},
		{object(`"only":"logged"`), http.StatusBadRequest},
		{object(`"maxResults":51`), http.StatusBadRequest},
		{object(`"nextToken":"made-up"`), http.StatusBadRequest},
	}
	for _, test := range tests {
		if w := s.call(t, owner, "parley/SearchRooms", test.body); w.Code != test.status {
			t.Errorf("%.60s: status %d, want %d; body %s", test.body, w.Code, test.status, w.Body)
		}
	}
}

// TestSearchRoomsLooksAtAllRooms has more rooms than are looked at at once.
func TestSearchRoomsLooksAtAllRooms(t *testing.T) {
	s := start(nil, listed(450)...)
	for text, want := range map[string]float64{"": 450, "r4": 61, "r449": 1} {
		answer := s.must(t, "parley/SearchRooms", object(member("text", text)))
		if total := answer["total"]; total != want {
			t.Errorf("search for %q: total %v, want %v", text, total, want)
		}
		if n := s.store.barriers.Swap(0); n != 1 {
			t.Errorf("search for %q waited %d times for other nodes, want 1", text, n)
		}
	}
}
