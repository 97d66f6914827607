package client_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/parleytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// timeout bounds what a test waits for.
const timeout = 30 * time.Second

var everything = []string{"SEND_MESSAGE", "DELETE_MESSAGE", "DISCONNECT_USER"}

// start starts a server without quotas.
func start(t *testing.T) *parleytest.Server {
	t.Helper()
	return parleytest.Start(t, func(c *app.Config) { c.Quotas = parley.NoQuotas })
}

// mint returns a provider of tokens for a user, who may do everything.
func mint(c *parleytest.Client, room, user string, minutes int) client.TokenProvider {
	return func(context.Context) (client.Token, error) {
		answer, err := c.TryCall("CreateChatToken", map[string]any{
			"roomIdentifier": room, "userId": user, "capabilities": everything,
			"sessionDurationInMinutes": minutes, "attributes": map[string]string{"displayName": user},
		})
		if err != nil || answer.Status != 200 {
			return client.Token{}, fmt.Errorf("CreateChatToken: %+v: %w", answer, err)
		}
		expires, err := time.Parse(time.RFC3339, answer.Body["sessionExpirationTime"].(string))
		return client.Token{
			Token: answer.Body["token"].(string), SessionExpirationTime: expires}, err
	}
}

// join dials with default options.
func join(t *testing.T, srv *parleytest.Server, room, user string) *client.Room {
	t.Helper()
	return dial(t, srv.URL, mint(srv.Client, room, user, 60), client.Options{})
}

// dial dials, and closes the room at the end of the test.
func dial(
	t *testing.T, url string, tokens client.TokenProvider, options client.Options,
) *client.Room {
	t.Helper()
	room, err := client.Dial(t.Context(), url, tokens, options)
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	t.Cleanup(func() { _ = room.Close() })
	return room
}

// receive returns the next that a room receives, which must be of a type.
func receive[T client.Received](t *testing.T, room *client.Room) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	for received, err := range room.Receive(ctx) {
		got, ok := received.(T)
		if err != nil || !ok {
			t.Fatalf("received %T %+v, error %v, want a %T", received, received, err, got)
		}
		return got
	}
	t.Fatal("the room is closed")
	panic("unreachable")
}

// expectState receives a change of state.
func expectState(t *testing.T, room *client.Room, want client.State) *client.StateChange {
	t.Helper()
	change := receive[*client.StateChange](t, room)
	if change.State != want {
		t.Fatalf("the state changed to %s (%+v), want %s", change.State, change, want)
	}
	return change
}

// send sends a message.
func send(t *testing.T, room *client.Room, content string) *client.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	m, err := room.Send(ctx, content, nil)
	if err != nil {
		t.Fatalf("send %q: %v", content, err)
	}
	return m
}
