package test

// The lines of the table in official_clients_test.go that are about whole sessions:
// how they begin, who is in a room, and how they end.

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/parley-chat/parley/internal/parleytest"
)

// Line 1 of what breaks an official client: browsers fail a connection that does not
// choose the one subprotocol that they offered.
func TestHandshakeEchoesTheTokenExactlyOnce(t *testing.T) {
	srv := parleytest.Start(t)
	room := srv.CreateRoom(t, nil)
	for _, target := range []string{"/", "/?any=query", "/?"} {
		token := srv.Token(t, room, "ana")
		header := upgrade(token)
		header.Set("Origin", "https://elsewhere.example")
		header.Set("Sec-Websocket-Extensions", "permessage-deflate")
		header.Set("Sec-Websocket-Key", "dGhlIHNhbXBsZSBub25jZQ==") // RFC 6455, section 1.3
		res, body := handshake(t, srv, "GET", target, header)
		if res.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("%s: %s %s, want 101", target, res.Status, body)
		}
		if got := res.Header["Sec-Websocket-Protocol"]; len(got) != 1 || got[0] != token {
			t.Errorf("%s: Sec-WebSocket-Protocol %q, want the token once", target, got)
		}
		if got := res.Header.Get("Sec-WebSocket-Accept"); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
			t.Errorf("%s: Sec-WebSocket-Accept %q", target, got)
		}
		if got := res.Header.Get("Sec-WebSocket-Extensions"); got != "" {
			t.Errorf("%s: extensions %q, want none", target, got)
		}
	}
}

// subprotocolCharacters are all that a subprotocol may have. Source: RFC 7230, 3.2.6.
const subprotocolCharacters = "!#$%&'*+-.^_`|~0123456789" +
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// maxTokenBytes leaves room for the token in the headers that proxies take, 8 KiB,
// in which it stands twice on its way back and forth.
const maxTokenBytes = 4096

// Line 2 of what breaks an official client: browsers throw at a token that is no
// subprotocol, before they connect.
func TestTokensFitASubprotocol(t *testing.T) {
	srv := parleytest.Start(t)
	room := srv.CreateRoom(t, nil)
	for _, in := range []map[string]any{
		{"userId": "a"},
		{"userId": `/=,:; "(){}[]<>@?\` + "\t\n"},
		{"userId": "\x00\x7f", "attributes": map[string]string{"": "", "a=b": "c, d"}},
		{"userId": strings.Repeat("🎉", 128), "capabilities": allCapabilities,
			"sessionDurationInMinutes": 180,
			"attributes":               map[string]string{"größe": strings.Repeat("ß", 508)}},
	} {
		in["roomIdentifier"] = room
		for range 20 { // tokens are random
			a := srv.Call(t, "CreateChatToken", in)
			token, _ := a.Body["token"].(string)
			if token == "" || len(token) > maxTokenBytes ||
				strings.Trim(token, subprotocolCharacters) != "" {
				t.Fatalf("CreateChatToken %v: %+v, want a token of at most %d of the characters %s",
					in, a, maxTokenBytes, subprotocolCharacters)
			}
			u, err := srv.Dial(t, token)
			if err != nil {
				t.Fatalf("join with the token of %v: %v", in, err)
			}
			_ = u.Conn.Close()
		}
	}
}

// nextClose returns the code and the reason of the Close frame that has to be next.
func nextClose(t *testing.T, u *parleytest.User) (ws.StatusCode, string) {
	t.Helper()
	if err := u.Conn.SetReadDeadline(time.Now().Add(frameTimeout)); err != nil {
		t.Fatal(err)
	}
	frame, err := parleytest.ReadFrame(u.Stream)
	if err != nil || frame.Header.OpCode != ws.OpClose {
		t.Fatalf("%s got %+v %q (%v), want a Close frame", u.ID, frame.Header, frame.Payload, err)
	}
	return ws.ParseCloseFrameData(frame.Payload)
}

// wantHungUp checks that the next thing is the end of the connection, without a Close
// frame.
func wantHungUp(t *testing.T, u *parleytest.User) {
	t.Helper()
	if err := u.Conn.SetReadDeadline(time.Now().Add(frameTimeout)); err != nil {
		t.Fatal(err)
	}
	frame, err := parleytest.ReadFrame(u.Stream)
	if err == nil || isTimeout(err) {
		t.Errorf("%s got %+v %q (%v), want the end of the connection",
			u.ID, frame.Header, frame.Payload, err)
	}
}

// Line 10 of what breaks an official client: SDKs stay away for good after a Close
// frame, whatever its code, and come back when there is none.
func TestKickClosesAndShutdownDrops(t *testing.T) {
	p := serve(t, "--dev")
	c := parleytest.Anonymous(t, p.url).As("test", "test")
	room := c.CreateRoom(t, nil)
	mod := c.Join(t, room, "mod", allCapabilities...)
	eves := []*parleytest.User{c.Join(t, room, "eve"), c.Join(t, room, "eve")}
	mod.Send(t, `{"Action":"DISCONNECT_USER","UserId":"eve","Reason":"spam"}`)
	for _, u := range append(eves, mod) {
		if got := nextRaw(t, u); got.what() != "EVENT aws:DISCONNECT_USER" {
			t.Errorf("%s got %s, want the disconnection", u.ID, got.text)
		}
	}
	for _, eve := range eves {
		if code, reason := nextClose(t, eve); code != ws.StatusNormalClosure || reason != "spam" {
			t.Errorf("eve was closed with %d %q, want 1000 spam", code, reason)
		}
		write(t, eve, ws.NewCloseFrame(nil))
		wantHungUp(t, eve)
	}
	p.stop()
	wantHungUp(t, mod)
}

// Line 11 of what breaks an official client: a handshake that is refused makes SDKs
// give up after a few attempts, and one that is accepted first makes them try for ever.
func TestBadTokensAreRefusedBeforeTheUpgrade(t *testing.T) {
	srv := parleytest.Start(t)
	room, deleted := srv.CreateRoom(t, nil), srv.CreateRoom(t, nil)
	orphan := srv.Token(t, deleted, "ana")
	deleteRoom(t, srv, deleted)
	used := srv.Token(t, room, "ana")
	if _, err := srv.Dial(t, used); err != nil {
		t.Fatal(err)
	}
	good := srv.Token(t, room, "ana")
	flipped := []byte(good)
	flipped[len(good)/2] ^= 1
	texts := map[string]bool{}
	for name, token := range map[string]string{
		"garbage": "garbage", "used": used, "altered": string(flipped), "none": "",
		"cut": good[:len(good)-1], "longer": good + "A",
		"like AWS's": strings.Repeat("aB3-", 220) + "!#1",
	} {
		res, body := handshake(t, srv, "GET", "/", upgrade(token))
		if res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s token: answered %s %s, want 401", name, res.Status, body)
		}
		texts[body] = true
	}
	if len(texts) != 1 {
		t.Errorf("refusals tell which check failed: %v", slices.Sorted(maps.Keys(texts)))
	}
	if res, body := handshake(t, srv, "GET", "/", upgrade(orphan)); res.StatusCode != 404 {
		t.Errorf("token of a deleted room: answered %s %s, want 404", res.Status, body)
	}
}

// Line 12 of what breaks an official client: tabs and devices of one user are sessions
// of their own, and who comes and goes is nobody's business.
func TestUserMayHaveSeveralSessionsAndJoinsAreSilent(t *testing.T) {
	srv := parleytest.Start(t)
	room := srv.CreateRoom(t, nil)
	ben := srv.Join(t, room, "ben")
	tabs := make([]*parleytest.User, 3)
	for i := range tabs {
		tabs[i] = srv.Join(t, room, "ana", "SEND_MESSAGE")
	}
	for i := range 3 {
		leaver := srv.Join(t, room, fmt.Sprint("leaver-", i))
		if i > 0 { // the first just goes away
			write(t, leaver, ws.NewCloseFrame(ws.NewCloseFrameBody(1001, "bye")))
			nextClose(t, leaver)
		}
		_ = leaver.Conn.Close()
	}
	for i, tab := range tabs {
		content := fmt.Sprint("from tab ", i)
		tab.Say(t, content)
		for _, u := range append(tabs, ben) {
			if got := u.Next(t); got.Content != content || got.Sender.UserID != "ana" {
				t.Errorf("%s got %+v, want %s by ana and nothing else", u.ID, got, content)
			}
		}
	}
	_ = tabs[0].Conn.Close()
	tabs[1].Say(t, "one tab less")
	for _, u := range []*parleytest.User{tabs[1], tabs[2], ben} {
		if got := u.Next(t); got.Content != "one tab less" {
			t.Errorf("%s got %+v, want the message", u.ID, got)
		}
	}
}

// Line 14 of what breaks an official client: a user who is disconnected, by either
// plane or by itself, is told so on each of its sessions in the room, and then each
// ends. Other users and other rooms go on.
func TestDisconnectedUserIsToldOnEverySession(t *testing.T) {
	srv := parleytest.Start(t)
	room, other := srv.CreateRoom(t, nil), srv.CreateRoom(t, nil)
	mod := srv.Join(t, room, "mod", "DISCONNECT_USER", "SEND_MESSAGE")
	elsewhere := srv.Join(t, other, "eve", "SEND_MESSAGE")
	for _, reason := range []string{"", "spam", strings.Repeat("größer ", 30)} {
		for origin, disconnect := range map[string]func(eve *parleytest.User){
			"mod": func(*parleytest.User) { mod.Send(t, disconnection("eve", reason)) },
			"eve": func(eve *parleytest.User) { eve.Send(t, disconnection("eve", reason)) },
			"the control plane": func(*parleytest.User) {
				in := map[string]string{"roomIdentifier": room, "userId": "eve"}
				if reason != "" {
					in["reason"] = reason
				}
				if a := srv.Call(t, "DisconnectUser", in); a.Error != "" {
					t.Errorf("DisconnectUser %v: %+v", in, a)
				}
			},
		} {
			eves := make([]*parleytest.User, 3)
			for i := range eves {
				eves[i] = srv.Join(t, room, "eve", "DISCONNECT_USER")
			}
			disconnect(eves[0])
			told := nextRaw(t, mod)
			for i, eve := range eves {
				if got := nextRaw(t, eve); got.text != told.text ||
					got.what() != "EVENT aws:DISCONNECT_USER" {
					t.Errorf("disconnected by %s: session %d got %s, mod %s", origin, i, got.text, told.text)
				}
				code, got := nextClose(t, eve)
				if code != ws.StatusNormalClosure || len(got) > 123 ||
					!strings.HasPrefix(reason, got) || len(got) < min(len(reason), 120) {
					t.Errorf("disconnected by %s: session %d was closed with %d %q, want 1000 %q",
						origin, i, code, got, reason)
				}
			}
		}
	}
	for _, u := range []*parleytest.User{mod, elsewhere} {
		u.Say(t, "still here")
		if got := u.Next(t); got.Content != "still here" {
			t.Errorf("%s got %+v, want its message", u.ID, got)
		}
	}
}

func disconnection(user, reason string) string {
	return fmt.Sprintf(`{"Action":"DISCONNECT_USER","UserId":%q,"Reason":%q}`, user, reason)
}

// Line 15 of what breaks an official client: sessions outlive their room, and what
// they ask for is answered with 404.
func TestDeletedRoomKeepsItsSessions(t *testing.T) {
	srv := parleytest.Start(t)
	room := srv.CreateRoom(t, nil)
	ana := srv.Join(t, room, "ana", allCapabilities...)
	viewer := srv.Join(t, room, "viewer")
	deleteRoom(t, srv, room)
	for _, request := range []string{
		`{"Action":"SEND_MESSAGE","Content":"anybody here?","RequestId":"q"}`,
		`{"Action":"DELETE_MESSAGE","Id":"AbCdEfGh1234","RequestId":"q"}`,
		disconnection("viewer", ""),
	} {
		ana.Send(t, request)
		if got := ana.Next(t); got.ErrorCode != 404 || got.ErrorMessage != "Room not found" {
			t.Errorf("the answer to %s in a deleted room is %+v, want 404", request, got)
		}
	}
	for _, u := range []*parleytest.User{ana, viewer} {
		write(t, u, ws.NewPingFrame([]byte("still here?")))
		frame, err := parleytest.ReadFrame(u.Stream)
		if err != nil || frame.Header.OpCode != ws.OpPong {
			t.Errorf("%s got %+v %q (%v), want a Pong and no end", u.ID, frame.Header, frame.Payload, err)
		}
	}
	for operation, in := range map[string]map[string]string{
		"CreateChatToken": {"userId": "ben"}, "SendEvent": {"eventName": "poll"},
		"DisconnectUser": {"userId": "viewer"}, "DeleteMessage": {"id": someMessage},
	} {
		in["roomIdentifier"] = room
		if a := srv.Call(t, operation, in); a.Error != "ResourceNotFoundException" {
			t.Errorf("%s in a deleted room: %+v, want ResourceNotFoundException", operation, a)
		}
	}
}

// Line 17 of what breaks an official client: pages are served from elsewhere, from
// files, and from nowhere; the token alone says who may enter.
func TestEveryOriginIsWelcome(t *testing.T) {
	srv := parleytest.Start(t)
	room := srv.CreateRoom(t, nil)
	for _, origin := range []string{
		"", "null", "https://evil.example", "http://localhost:3000", "https://chat.example:8443",
		"file://", "chrome-extension://abcdefghijklmnop", "capacitor://localhost", "not an origin",
	} {
		header := upgrade(srv.Token(t, room, "ana"))
		if origin != "" {
			header.Set("Origin", origin)
		}
		if res, body := handshake(t, srv, "GET", "/", header); res.StatusCode != 101 {
			t.Errorf("Origin %q: answered %s %s, want 101", origin, res.Status, body)
		}
	}
}

// Line 18 of what breaks an official client: viewers say nothing for hours. This test
// shows that nothing ends them while others leave, are refused and are disconnected
// around them, and that they get what comes after that. In
// TestSessionEndsAtItsExpirationTime a viewer is idle for a minute, and in
// internal/fanout for hours.
func TestIdleViewersStay(t *testing.T) {
	const viewers = 50
	srv := parleytest.Start(t)
	room := srv.CreateRoom(t, nil)
	idle := make([]*parleytest.User, viewers)
	for i := range idle {
		idle[i] = srv.Join(t, room, fmt.Sprint("viewer-", i))
	}
	ana := srv.Join(t, room, "ana", allCapabilities...)
	ana.Send(t, disconnection(absentUser, ""))
	ana.Send(t, "not JSON")
	for range 5 {
		_ = srv.Join(t, room, "leaver").Conn.Close()
	}
	_ = srv.Call(t, "UpdateRoom", map[string]any{"identifier": room, "name": "renamed"})
	ana.Say(t, "are you still there?")
	for _, u := range idle {
		if got := nextRaw(t, u); got.what() != "EVENT aws:DISCONNECT_USER" {
			t.Errorf("%s got %s, want the event", u.ID, got.text)
		}
		if got := nextRaw(t, u); got.get("Content") != "are you still there?" {
			t.Errorf("%s got %s, want the message", u.ID, got.text)
		}
	}
}
