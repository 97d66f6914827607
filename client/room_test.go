package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/parleytest"
)

// TestEverythingReachesEveryone makes each request, and each call of the control plane
// that reaches sessions, and compares what two rooms receive of it.
func TestEverythingReachesEveryone(t *testing.T) {
	srv := start(t)
	chat := srv.CreateRoom(t, nil)
	ana, ben := join(t, srv, chat, "ana"), join(t, srv, chat, "ben")
	rooms := []*client.Room{ana, ben}
	for _, room := range rooms {
		expectState(t, room, client.Connected)
	}

	said, err := ana.Send(t.Context(), "goal! ⚽", map[string]string{"kind": "cheer"})
	if err != nil {
		t.Fatal(err)
	}
	want := client.Message{
		Message: parley.Message{ID: said.ID, RequestID: said.RequestID, Content: "goal! ⚽",
			Attributes: map[string]string{"kind": "cheer"}, SendTime: said.SendTime},
		Sender: parley.Sender{UserID: "ana", Attributes: map[string]string{"displayName": "ana"}},
	}
	if age := time.Since(said.SendTime); age < 0 || age > timeout {
		t.Errorf("the message was sent %s ago", age)
	}
	expectBoth(t, rooms, said, &want)

	deleted, err := ben.DeleteMessage(t.Context(), said.ID, "off topic")
	if err != nil {
		t.Fatal(err)
	}
	expectBoth(t, rooms, deleted, &client.MessageDeleted{ID: deleted.ID, RequestID: deleted.RequestID,
		MessageID: said.ID, Reason: "off topic", SendTime: deleted.SendTime})

	gone, err := ben.DisconnectUser(t.Context(), "nobody", "")
	if err != nil {
		t.Fatal(err)
	}
	expectBoth(t, rooms, gone, &client.UserDisconnected{ID: gone.ID, RequestID: gone.RequestID,
		UserID: "nobody", SendTime: gone.SendTime})

	srv.Call(t, "SendEvent", map[string]any{
		"roomIdentifier": chat, "eventName": "poll", "attributes": map[string]string{"k": "v"}})
	event := receive[*client.Event](t, ana)
	expectBoth(t, rooms[1:], event, &client.Event{Event: parley.Event{ID: event.ID, Name: "poll",
		Attributes: map[string]string{"k": "v"}, SendTime: event.SendTime}})
}

// expectBoth checks that rooms receive the same, which is an echo or what one of them
// received.
func expectBoth[T client.Received](t *testing.T, rooms []*client.Room, echo, want T) {
	t.Helper()
	if diff := cmp.Diff(want, echo); diff != "" {
		t.Errorf("%T (-want +got):\n%s", want, diff)
	}
	for _, room := range rooms {
		if diff := cmp.Diff(want, receive[T](t, room)); diff != "" {
			t.Errorf("received (-want +got):\n%s", diff)
		}
	}
}

// TestRefusalsOfAServer provokes those that need no others.
func TestRefusalsOfAServer(t *testing.T) {
	srv := parleytest.Start(t) // with the documented quotas
	chat := srv.CreateRoom(t, map[string]any{"maximumMessageLength": 10, "maximumMessageRatePerSecond": 1})
	ana := join(t, srv, chat, "ana")
	viewer := dial(t, srv.URL, func(context.Context) (client.Token, error) {
		return client.Token{Token: srv.Token(t, chat, "viewer")}, nil
	}, client.Options{})
	send := func(room *client.Room, content string) error {
		_, err := room.Send(t.Context(), content, nil)
		return err
	}
	expectCode(t, send(viewer, "hello"), 403)
	expectCode(t, send(ana, strings.Repeat("x", 11)), 400)
	_, err := ana.DeleteMessage(t.Context(), "no id", "")
	expectCode(t, err, 400)
	_, err = ana.DisconnectUser(t.Context(), "ben", strings.Repeat("x", 257))
	expectCode(t, err, 413)
	if err := send(ana, strings.Repeat("x", 10)); err != nil {
		t.Errorf("Send returned %v", err)
	}
	expectCode(t, send(ana, "again"), 429)
	srv.Call(t, "DeleteRoom", map[string]any{"identifier": chat})
	expectCode(t, send(ana, "hello"), 404)
}

// TestKickedUserStaysAway has one session of a user disconnect them all, itself included.
func TestKickedUserStaysAway(t *testing.T) {
	srv := start(t)
	chat := srv.CreateRoom(t, nil)
	ana, same, ben := join(t, srv, chat, "ana"), join(t, srv, chat, "ana"), join(t, srv, chat, "ben")
	gone, err := ana.DisconnectUser(t.Context(), "ana", "bye")
	if err != nil {
		t.Fatal(err)
	}
	for _, room := range []*client.Room{ana, same} {
		expectState(t, room, client.Connected)
		if got := receive[*client.UserDisconnected](t, room); *got != *gone {
			t.Errorf("received %+v, want %+v", got, gone)
		}
		err := expectEndOf(t, room, client.ServerDisconnect)
		if want := "disconnected by the server: code 1000: bye"; err.Error() != want {
			t.Errorf("the room ended with %q, want %q", err, want)
		}
	}
	send(t, ben, "still here")
}

// wires are connections that can be cut.
type wires struct {
	mu    sync.Mutex // guards conns
	conns []net.Conn
}

func (w *wires) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = append(w.conns, conn)
	return conn, err
}

func (w *wires) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, conn := range w.conns {
		_ = conn.Close()
	}
	w.conns = nil
}

func TestRoomComesBackAfterTheConnectionBreaks(t *testing.T) {
	srv := start(t)
	chat := srv.CreateRoom(t, nil)
	w := &wires{}
	room := dial(t, srv.URL, mint(srv.Client, chat, "ana", 60), client.Options{
		NetDial: w.dial, MaxBackoff: 500 * time.Millisecond})
	expectState(t, room, client.Connected)
	for n := range 5 {
		w.cut()
		expectState(t, room, client.Connecting)
		send(t, room, fmt.Sprint(n)) // waits for the connection
		expectState(t, room, client.Connected)
		expectMessages(t, room, fmt.Sprint(n))
	}
}

// TestServerThatStops checks that its clients try again, and are not sent away.
func TestServerThatStops(t *testing.T) {
	srv := start(t)
	chat := srv.CreateRoom(t, nil)
	room := dial(t, srv.URL, mint(srv.Client, chat, "ana", 60), client.Options{MaxAttempts: 2})
	expectState(t, room, client.Connected)
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	expectState(t, room, client.Connecting)
	expectState(t, room, client.Connecting)
	expectEndOf(t, room, client.AttemptsUsedUp)
}

// TestTokenOpensOneSession checks what a provider that returns the same token again
// brings about.
func TestTokenOpensOneSession(t *testing.T) {
	srv := start(t)
	token := client.Token{Token: srv.Token(t, srv.CreateRoom(t, nil), "ana")}
	provider := func(context.Context) (client.Token, error) { return token, nil }
	dial(t, srv.URL, provider, client.Options{})
	_, err := client.Dial(t.Context(), srv.URL, provider, client.Options{})
	var refused *client.HandshakeError
	if !errors.As(err, &refused) || refused.Status != 401 || refused.Type != "UnauthorizedException" {
		t.Errorf("the token was used again: %v, want 401", err)
	}
}

// TestLogHoldsNoSecrets goes through much of what is logged.
func TestLogHoldsNoSecrets(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		var log bytes.Buffer
		room, p := f.join(time.Hour, client.Options{Log: slog.New(slog.NewTextHandler(&log,
			&slog.HandlerOptions{Level: slog.LevelDebug}))})
		p.say("secret")
		for _, text := range []string{"secret", `{"Type":"MESSAGE","Content":"secret"}`,
			`{"Type":"EVENT","Id":"a","EventName":"aws:DELETE_MESSAGE","Attributes":{"secret":"x"},` +
				`"SendTime":"2025-03-09T17:42:07Z"}`,
			`{"Type":"ERROR","Id":"a","RequestId":"x","ErrorCode":400,"ErrorMessage":"secret"}`,
		} {
			p.text([]byte(text))
		}
		f.answers(func(n int, _ *http.Request) string {
			if n == 1 {
				return refusing(500, "", `{"message":"token-2"}`)
			}
			return ""
		})
		fresh := f.accept()
		p.finish()
		fresh.drop()
		f.accept().close(1000, "secret")
		pass(0)
		_ = room.Close()
		for _, line := range []string{"frame ignored", "event ignored", "msg=refresh", "connection lost",
			"disconnected by the server"} {
			if !strings.Contains(log.String(), line) {
				t.Errorf("the log lacks %q", line)
			}
		}
		for _, secret := range []string{"secret", "token-"} {
			if strings.Contains(log.String(), secret) {
				t.Errorf("the log has %q:\n%s", secret, &log)
			}
		}
	})
}
