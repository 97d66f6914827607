package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/wire"
)

// say sends a message in the background and returns the error that comes of it.
func say(ctx context.Context, room *client.Room, content string) <-chan error {
	result := make(chan error, 1)
	go func() {
		_, err := room.Send(ctx, content, nil)
		result <- err
	}()
	return result
}

// TestRequestsOnTheWire checks what a server gets, and how its echoes are read.
func TestRequestsOnTheWire(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, p := f.join(0, client.Options{})
		now := time.Now().UTC()
		go func() {
			r := p.request()
			got, err := r.SendMessage()
			want := wire.SendMessageRequest{Content: "hello", Attributes: map[string]string{"k": "v"}}
			if r.Action != wire.SendMessage || err != nil || !cmp.Equal(got, want) {
				t.Errorf("the server received %s %+v, error %v, want %+v", r.Action, got, err, want)
			}
			p.text(message("a", r.RequestID, "hello, as a review rewrote it"))
			r = p.request()
			deletion, err := r.DeleteMessage()
			if r.Action != wire.DeleteMessage || deletion.ID != "Qx7LmZ03tRbe" || deletion.Reason != "spam" {
				t.Errorf("the server received %s %+v, error %v", r.Action, deletion, err)
			}
			p.event(parley.Event{ID: "b", RequestID: r.RequestID, Name: parley.EventDeleteMessage,
				Attributes: map[string]string{"MessageId": "Qx7LmZ03tRbe", "Reason": "spam"}})
			r = p.request()
			disconnection, err := r.DisconnectUser()
			if r.Action != wire.DisconnectUser || disconnection.UserID != "ben" || disconnection.Reason != "" {
				t.Errorf("the server received %s %+v, error %v", r.Action, disconnection, err)
			}
			p.event(parley.Event{ID: "c", RequestID: r.RequestID, Name: parley.EventDisconnectUser,
				Attributes: map[string]string{"UserId": "ben"}})
		}()
		said, err := room.Send(t.Context(), "hello", map[string]string{"k": "v"})
		if err != nil || said.ID != "a" || said.Content != "hello, as a review rewrote it" ||
			said.Sender.UserID != "someone" {
			t.Errorf("Send returned %+v, error %v", said, err)
		}
		deleted, err := room.DeleteMessage(t.Context(), "Qx7LmZ03tRbe", "spam")
		want := &client.MessageDeleted{ID: "b", MessageID: "Qx7LmZ03tRbe", Reason: "spam", SendTime: now}
		want.RequestID = deleted.RequestID
		if diff := cmp.Diff(want, deleted); diff != "" || err != nil {
			t.Errorf("DeleteMessage: error %v (-want +got):\n%s", err, diff)
		}
		gone, err := room.DisconnectUser(t.Context(), "ben", "")
		wantGone := &client.UserDisconnected{ID: "c", RequestID: gone.RequestID, UserID: "ben", SendTime: now}
		if diff := cmp.Diff(wantGone, gone); diff != "" || err != nil {
			t.Errorf("DisconnectUser: error %v (-want +got):\n%s", err, diff)
		}
		if got := receive[*client.Message](t, room); got != said {
			t.Errorf("received %+v, want the echo", got)
		}
		if got := receive[*client.MessageDeleted](t, room); got != deleted {
			t.Errorf("received %+v, want the echo", got)
		}
		if got := receive[*client.UserDisconnected](t, room); got != gone {
			t.Errorf("received %+v, want the echo", got)
		}
	})
}

// TestEveryRefusalIsAnError checks the codes of the service.
func TestEveryRefusalIsAnError(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, p := f.join(0, client.Options{})
		for _, code := range []int{400, 403, 404, 406, 413, 429, 500, 401} {
			result := say(t.Context(), room, "x")
			id := p.request().RequestID
			p.text(fmt.Appendf(nil,
				`{"Type":"ERROR","Id":"a","RequestId":%q,"ErrorCode":%d,"ErrorMessage":"why"}`, id, code))
			var got *client.RequestError
			if err := <-result; !errors.As(err, &got) ||
				*got != (client.RequestError{Code: code, ID: "a", RequestID: id, Message: "why"}) ||
				err.Error() != fmt.Sprintf("the request was refused: %d why", code) {
				t.Errorf("code %d was returned as %v", code, err)
			}
		}
	})
}

// TestEchoOfTheWrongType checks that it is an error: nothing else will come.
func TestEchoOfTheWrongType(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, p := f.join(0, client.Options{})
		result := say(t.Context(), room, "x")
		p.event(parley.Event{ID: "a", RequestID: p.request().RequestID, Name: "news"})
		err := <-result
		if !errors.Is(err, client.ErrOutcomeUnknown) || !strings.Contains(err.Error(), "*client.Event") {
			t.Errorf("Send returned %v, want that the answer is an event", err)
		}
	})
}

// TestRepeatedEchoAnswersItsRequest checks that an echo whose id was seen before is no
// reason to wait for another.
func TestRepeatedEchoAnswersItsRequest(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, p := f.join(0, client.Options{})
		p.say("a")
		result := say(t.Context(), room, "x")
		p.text(message("a", p.request().RequestID, "x"))
		if err := <-result; err != nil {
			t.Errorf("Send returned %v", err)
		}
		expectMessages(t, room, "a")
		expectNothing(t, room)
	})
}

func TestRequestOverALostConnection(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, p := f.join(0, client.Options{})
		first, second := say(t.Context(), room, "x"), say(t.Context(), room, "y")
		p.request()
		p.request()
		p.drop()
		for _, result := range []<-chan error{first, second} {
			if err := <-result; !errors.Is(err, client.ErrOutcomeUnknown) {
				t.Errorf("Send returned %v, want that its outcome is unknown", err)
			}
		}
		third := say(t.Context(), room, "z") // waits for the connection
		fresh := f.accept()
		fresh.fail(fresh.request().RequestID, parley.Throttled)
		expectCode(t, <-third, 429)
	})
}

// TestContextOfARequest checks that its error says whether anything was sent.
func TestContextOfARequest(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, p := f.join(0, client.Options{MinBackoff: time.Hour, MaxBackoff: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		result := say(ctx, room, "x")
		id := p.request().RequestID
		err := <-result
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, client.ErrOutcomeUnknown) {
			t.Errorf("after it was sent, Send returned %v, want that its outcome is unknown", err)
		}
		p.text(message("late", id, "x")) // is a message like all others
		expectMessages(t, room, "x")
		p.drop()
		pass(0)
		ctx, cancel = context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		err = <-say(ctx, room, "x")
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, client.ErrOutcomeUnknown) {
			t.Errorf("before it was sent, Send returned %v, want that of its context alone", err)
		}
	})
}

// TestRequestsThatWait checks how many may: the next is sent when one is answered.
func TestRequestsThatWait(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, p := f.join(0, client.Options{})
		const most = 64
		results := make([]<-chan error, most+1)
		for i := range results {
			results[i] = say(t.Context(), room, "x")
			pass(0)
		}
		if n := len(p.frames); n != most {
			t.Errorf("%d requests were sent, want %d", n, most)
		}
		for range results {
			p.fail(p.request().RequestID, parley.Throttled)
		}
		for _, result := range results {
			expectCode(t, <-result, 429)
		}
	})
}

// TestRequestThatIsTooLarge checks the limit of the service, and that nothing is sent
// for which it would end the connection.
func TestRequestThatIsTooLarge(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, p := f.join(0, client.Options{})
		frame := len(wire.SendMessageRequest{}.Encode(parley.NewRequestID()))
		_, err := room.Send(t.Context(), strings.Repeat("x", parley.MaxRequestBytes-frame+1), nil)
		expectCode(t, err, 413)
		result := say(t.Context(), room, strings.Repeat("x", parley.MaxRequestBytes-frame))
		request := p.request()
		p.fail(request.RequestID, parley.Invalid)
		expectCode(t, <-result, 400)
	})
}

func TestRequestsEndWithTheRoom(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, p := f.join(0, client.Options{})
		sent := say(t.Context(), room, "x")
		p.request()
		go p.finish()
		_ = room.Close()
		if err := <-sent; !errors.Is(err, client.ErrOutcomeUnknown) || !errors.Is(err, client.ErrClosed) {
			t.Errorf("the request that was sent: %v, want ErrClosed and ErrOutcomeUnknown", err)
		}
		if err := <-say(t.Context(), room, "x"); err != client.ErrClosed {
			t.Errorf("Send after Close returned %v, want ErrClosed", err)
		}
	})
	inBubble(t, func(t *testing.T, f *fake) { // while it waits for a connection
		room, p := f.join(0, client.Options{MinBackoff: time.Hour, MaxBackoff: time.Hour})
		p.drop()
		pass(0)
		waits := say(t.Context(), room, "x")
		pass(0)
		_ = room.Close()
		if err := <-waits; err != client.ErrClosed {
			t.Errorf("the request that was not sent: %v, want ErrClosed", err)
		}
	})
}

// TestRoomThatIsClosed checks what is left of it.
func TestRoomThatIsClosed(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, p := f.join(0, client.Options{})
		p.say("1")
		result := make(chan error, 1)
		go func() { result <- room.Handle(t.Context(), client.Handlers{}) }()
		pass(0)
		go p.finish()
		if err := room.Close(); err != nil {
			t.Errorf("Close returned %v", err)
		}
		if err := <-result; err != nil {
			t.Errorf("Handle returned %v after Close, want nil", err)
		}
		if err := room.Close(); err != nil {
			t.Errorf("Close returned %v when called again", err)
		}
		for received, err := range room.Receive(t.Context()) {
			t.Errorf("received %v, error %v after Close", received, err)
		}
		if state := room.State(); state != client.Disconnected {
			t.Errorf("after Close, the state is %s", state)
		}
	})
}

// TestCloseIsNotHeldUp checks how long a server that does nothing can make Close take.
func TestCloseIsNotHeldUp(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) { // it does not answer the Close frame
		room, p := f.join(0, client.Options{})
		begin := time.Now()
		_ = room.Close()
		if took := time.Since(begin); took != time.Second {
			t.Errorf("Close took %s, want a second", took)
		}
		p.expectClose(ws.StatusNormalClosure)
		p.expectEnd()
		if state := room.State(); state != client.Disconnected {
			t.Errorf("after Close, the state is %s", state)
		}
	})
	inBubble(t, func(t *testing.T, f *fake) { // it goes on sending
		room, p := f.join(0, client.Options{})
		ended := make(chan bool)
		go func() {
			defer close(ended)
			for { // more than can be read in a second
				if _, err := p.conn.Write(ws.MustCompileFrame(ws.NewPongFrame(nil))); err != nil {
					return
				}
				<-time.After(time.Millisecond)
			}
		}()
		begin := time.Now()
		_ = room.Close()
		if took := time.Since(begin).Round(10 * time.Millisecond); took != time.Second {
			t.Errorf("Close took %s, want a second", took)
		}
		<-ended
	})
	inBubble(t, func(t *testing.T, f *fake) { // it does not even read it
		room, p := f.join(0, client.Options{})
		p.stopReading()
		begin := time.Now()
		_ = room.Close()
		if took := time.Since(begin); took != time.Second {
			t.Errorf("Close took %s, want a second", took)
		}
	})
}
