package test

// The stage of the tests about official clients: what leads to frames of every kind,
// and reading frames as they come.

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/parleytest"
)

// frameTimeout is how long a frame may take to arrive.
const frameTimeout = 30 * time.Second

// rawFrame is a frame as it came.
type rawFrame struct {
	header  ws.Header
	text    string
	members map[string]any // numbers are json.Number
}

// get returns a member that is text, and "" if it is anything else.
func (f rawFrame) get(name string) string {
	text, _ := f.members[name].(string)
	return text
}

// what says in short what the frame is: its type, and its event or error code.
func (f rawFrame) what() string {
	switch f.get("Type") {
	case "EVENT":
		return "EVENT " + f.get("EventName")
	case "ERROR":
		return fmt.Sprint("ERROR ", f.members["ErrorCode"])
	}
	return f.get("Type")
}

// nextRaw returns the next frame of data. Pings, which come after 30 seconds, are
// none.
func nextRaw(t *testing.T, u *parleytest.User) rawFrame {
	t.Helper()
	if err := u.Conn.SetReadDeadline(time.Now().Add(frameTimeout)); err != nil {
		t.Fatal(err)
	}
	frame, err := parleytest.ReadFrame(u.Stream)
	if err != nil {
		t.Fatalf("%s: read a frame: %v", u.ID, err)
	}
	if frame.Header.OpCode.IsControl() {
		t.Fatalf("%s got %+v %q, want a frame of data", u.ID, frame.Header, frame.Payload)
	}
	return parseRaw(t, frame)
}

func parseRaw(t *testing.T, frame ws.Frame) rawFrame {
	t.Helper()
	raw := rawFrame{header: frame.Header, text: string(frame.Payload)}
	decoder := json.NewDecoder(strings.NewReader(raw.text))
	decoder.UseNumber()
	if err := decoder.Decode(&raw.members); err != nil {
		t.Fatalf("frame %q: %v", raw.text, err)
	}
	return raw
}

// cause is a request, or a call of the control plane, and the frame it leads to.
type cause struct {
	session string // who sends the request: see stage
	request string // the members of the request after RequestId; with calls none
	call    string // the operation, when the control plane is the origin
	in      map[string]any
	want    string // what the frame is
}

// absentUser and someMessage are what moderators act on here.
const (
	absentUser  = "nobody"
	someMessage = "AbCdEfGh1234"
)

// causes lead to frames of every kind, and to each error that a client can provoke
// at once.
var causes = []cause{
	{session: "ana", request: `"Action":"SEND_MESSAGE","Content":"hi"`, want: "MESSAGE"},
	{session: "ana", want: "MESSAGE",
		request: `"Action":"SEND_MESSAGE","Content":"hi","Attributes":{"kind":"cheer"}`},
	{session: "ana", want: "EVENT aws:DELETE_MESSAGE",
		request: `"Action":"DELETE_MESSAGE","Id":"AbCdEfGh1234"`},
	{session: "ana", want: "EVENT aws:DELETE_MESSAGE",
		request: `"Action":"DELETE_MESSAGE","Id":"AbCdEfGh1234","Reason":"spam"`},
	{session: "ana", want: "EVENT aws:DISCONNECT_USER",
		request: `"Action":"DISCONNECT_USER","UserId":"nobody"`},
	{session: "ana", want: "EVENT aws:DISCONNECT_USER",
		request: `"Action":"DISCONNECT_USER","UserId":"nobody","Reason":"spam"`},
	{call: "SendEvent", in: map[string]any{"eventName": "poll"}, want: "EVENT poll"},
	{call: "SendEvent", want: "EVENT poll",
		in: map[string]any{"eventName": "poll", "attributes": map[string]string{"a": "b"}}},
	{call: "DeleteMessage", in: map[string]any{"id": someMessage},
		want: "EVENT aws:DELETE_MESSAGE"},
	{call: "DeleteMessage", in: map[string]any{"id": someMessage, "reason": "spam"},
		want: "EVENT aws:DELETE_MESSAGE"},
	{call: "DisconnectUser", in: map[string]any{"userId": absentUser},
		want: "EVENT aws:DISCONNECT_USER"},
	{call: "DisconnectUser", in: map[string]any{"userId": absentUser, "reason": "spam"},
		want: "EVENT aws:DISCONNECT_USER"},
	{session: "ana", request: `"Action":"DANCE"`, want: "ERROR 400"},
	{session: "ana", request: `"Content":"no action"`, want: "ERROR 400"},
	{session: "ana", request: `"Action":"SEND_MESSAGE"`, want: "ERROR 400"},
	{session: "ana", want: "ERROR 400",
		request: `"Action":"SEND_MESSAGE","Content":"` + strings.Repeat("x", 501) + `"`},
	{session: "ana", want: "ERROR 400",
		request: `"Action":"SEND_MESSAGE","Content":"hi","Attributes":{"n":7}`},
	{session: "ana", request: `"Action":"DELETE_MESSAGE","Id":"short"`, want: "ERROR 400"},
	{session: "ana", request: `"Action":"DISCONNECT_USER","UserId":""`, want: "ERROR 400"},
	{session: "viewer", request: `"Action":"SEND_MESSAGE","Content":"hi"`, want: "ERROR 403"},
	{session: "viewer", want: "ERROR 403",
		request: `"Action":"DELETE_MESSAGE","Id":"AbCdEfGh1234"`},
	{session: "viewer", request: `"Action":"DISCONNECT_USER","UserId":"ana"`, want: "ERROR 403"},
	{session: "orphan", request: `"Action":"SEND_MESSAGE","Content":"hi"`, want: "ERROR 404"},
	{session: "orphan", want: "ERROR 404",
		request: `"Action":"DELETE_MESSAGE","Id":"AbCdEfGh1234"`},
	{session: "orphan", request: `"Action":"DISCONNECT_USER","UserId":"ana"`, want: "ERROR 404"},
	{session: "reviewed", request: `"Action":"SEND_MESSAGE","Content":"hi"`, want: "ERROR 406"},
	{session: "ana", want: "ERROR 413",
		request: `"Action":"SEND_MESSAGE","Content":"hi","Attributes":{"a":"` +
			strings.Repeat("x", 1024) + `"}`},
	{session: "ana", want: "ERROR 413",
		request: `"Action":"DELETE_MESSAGE","Id":"AbCdEfGh1234","Reason":"` +
			strings.Repeat("x", 257) + `"`},
	{session: "ana", want: "ERROR 413", request: `"Action":"SEND_MESSAGE","Content":"hi","Pad":"` +
		strings.Repeat("x", parley.MaxRequestBytes) + `"`},
	{session: "hasty", request: `"Action":"SEND_MESSAGE","Content":"hi"`, want: "ERROR 429"},
}

// stage is a server with a session for each kind of cause: ana has all capabilities
// and viewer none; orphan's room is deleted, the messages of reviewed are denied, and
// hasty has used up the rate of its room. Ben is with ana, and sees what all see.
type stage struct {
	srv      *parleytest.Server
	room     string // of ana, ben and the viewer
	sessions map[string]*parleytest.User
}

// denying are the settings of a room whose messages are all denied: no handler can be
// reached under that name, and then the room's fallback decides.
var denying = map[string]any{"messageReviewHandler": map[string]any{
	"uri":            "arn:aws:lambda:us-east-1:000000000000:function:nowhere",
	"fallbackResult": "DENY",
}}

var allCapabilities = []string{"SEND_MESSAGE", "DELETE_MESSAGE", "DISCONNECT_USER"}

// unhurried takes the limit on the requests of one session away.
func unhurried(cfg *app.Config) {
	cfg.Limits = map[string]int{string(parley.QuotaConnectionRequests): 0}
}

func setStage(t *testing.T) stage {
	t.Helper()
	srv := parleytest.Start(t, unhurried)
	s := stage{srv: srv, sessions: map[string]*parleytest.User{}}
	join := func(user string, settings map[string]any, capabilities ...string) string {
		room := srv.CreateRoom(t, settings)
		s.sessions[user] = srv.Join(t, room, user, capabilities...)
		return room
	}
	s.room = join("ana", map[string]any{"maximumMessageRatePerSecond": 100}, allCapabilities...)
	s.sessions["ben"] = srv.Join(t, s.room, "ben")
	join("viewer", nil)
	join("reviewed", denying, allCapabilities...)
	join("hasty", map[string]any{"maximumMessageRatePerSecond": 1}, allCapabilities...)
	deleteRoom(t, srv, join("orphan", nil, allCapabilities...))
	return s
}

func deleteRoom(t *testing.T, srv *parleytest.Server, room string) {
	t.Helper()
	a := srv.Call(t, "DeleteRoom", map[string]string{"identifier": room})
	if a.Status != 204 {
		t.Fatalf("DeleteRoom: %+v, want 204", a)
	}
	for i := range parleytest.Nodes() { // those that are slow to ask the others know it later
		waitAtMost(t, patience, fmt.Sprintf("node %d to know that a room is deleted", i), func() bool {
			return srv.Node(i).Call(t, "GetRoom", map[string]string{"identifier": room}).Status == 404
		})
	}
}

// provoke makes what the cause says happen and returns the frame that it led to, as
// the requester got it, after a check of what it is. What goes to all is compared
// with what ben got.
func (s stage) provoke(t *testing.T, c cause, requestID string) rawFrame {
	t.Helper()
	u := s.sessions["ana"]
	if c.call != "" {
		in := maps.Clone(c.in)
		in["roomIdentifier"] = s.room
		if a := s.srv.Call(t, c.call, in); a.Error != "" {
			t.Fatalf("%s %v: %+v", c.call, in, a)
		}
	} else {
		u = s.sessions[c.session]
		s.request(t, c, requestID)
	}
	got := nextRaw(t, u)
	for c.session == "hasty" && got.what() == "MESSAGE" { // its second was over before
		s.request(t, c, requestID)
		got = nextRaw(t, u)
	}
	if got.what() != c.want {
		t.Fatalf("%s led to %.300s, want %s", c, got.text, c.want)
	}
	if u == s.sessions["ana"] && got.get("Type") != "ERROR" {
		if seen := nextRaw(t, s.sessions["ben"]); seen.text != got.text {
			t.Errorf("%s: ana got %s, ben %s", c, got.text, seen.text)
		}
	}
	return got
}

func (s stage) request(t *testing.T, c cause, requestID string) {
	t.Helper()
	if c.session == "hasty" { // fill the second, unless the one before did
		for range 3 {
			s.sessions["hasty"].Say(t, "quick")
		}
		for range 3 {
			nextRaw(t, s.sessions["hasty"])
		}
	}
	if requestID != "" {
		requestID = fmt.Sprintf(`"RequestId":%q,`, requestID)
	}
	s.sessions[c.session].Send(t, "{"+requestID+c.request+"}")
}

func (c cause) String() string {
	if c.call != "" {
		return fmt.Sprintf("%s %v", c.call, c.in)
	}
	return fmt.Sprintf("{%.80s} by %s", c.request, c.session)
}

// provokeAll returns the frames of all causes, once without a RequestId and once with
// one where there can be one.
func (s stage) provokeAll(t *testing.T) []rawFrame {
	t.Helper()
	var frames []rawFrame
	for i, c := range causes {
		frames = append(frames, s.provoke(t, c, ""))
		if c.call == "" {
			frames = append(frames, s.provoke(t, c, fmt.Sprint("request ", i)))
		}
	}
	return frames
}

// trySend is User.Send for goroutines besides the test's own.
func trySend(t *testing.T, u *parleytest.User, request string) {
	t.Helper()
	if err := wsutil.WriteClientText(u.Conn, []byte(request)); err != nil {
		t.Errorf("%s: send: %v", u.ID, err)
	}
}
