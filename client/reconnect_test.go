package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/client"
)

func TestConnectionThatBreaksIsMadeAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, first := f.join(0, client.Options{})
		first.say("1")
		pass(time.Minute)
		first.drop()
		pass(0)
		if state := room.State(); state != client.Connecting {
			t.Errorf("without a connection, the state is %s", state)
		}
		_, lost := f.dialed()
		lost = lost.Add(time.Minute)
		second := f.accept()
		if _, dialed := f.dialed(); dialed.Sub(lost) >= 500*time.Millisecond {
			t.Errorf("connected again after %s, want less than MinBackoff", dialed.Sub(lost))
		}
		if second.token == first.token {
			t.Errorf("the token %s was used again", first.token)
		}
		second.say("2")
		expectMessages(t, room, "1")
		change := expectState(t, room, client.Connecting)
		if change.Err == nil || change.Attempt != 1 || change.RetryIn >= 500*time.Millisecond {
			t.Errorf("received %+v, want an error, and attempt 1 in less than MinBackoff", change)
		}
		if change := expectState(t, room, client.Connected); change.Err != nil {
			t.Errorf("received %+v, want no error", change)
		}
		expectMessages(t, room, "2")
	})
}

// TestExpiredSessionIsReplaced checks that ERROR 401 brings a new connection, with a
// Close frame after it or without.
func TestExpiredSessionIsReplaced(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, first := f.join(0, client.Options{})
		first.fail("", parley.Unauthenticated)
		first.expectClose(ws.StatusNormalClosure)
		second := f.accept()
		second.raw(append(
			ws.MustCompileFrame(ws.NewTextFrame(
				[]byte(`{"Type":"ERROR","Id":"a","ErrorCode":401,"ErrorMessage":"Session expired"}`))),
			ws.MustCompileFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, `{"ErrorCode":401}`)))...))
		f.accept().say("1")
		for range 2 {
			expectState(t, room, client.Connecting)
			expectState(t, room, client.Connected)
		}
		expectMessages(t, room, "1")
	})
}

// TestServerThatClosesIsLeftAlone checks that a Close frame is final, whatever its code.
func TestServerThatClosesIsLeftAlone(t *testing.T) {
	for _, tt := range []struct {
		name   string
		frame  ws.Frame
		code   int
		reason string
		answer ws.StatusCode
	}{
		{"normal", ws.NewCloseFrame(ws.NewCloseFrameBody(1000, "spam")), 1000, "spam", 1000},
		{"going away", ws.NewCloseFrame(ws.NewCloseFrameBody(1001, "")), 1001, "", 1001},
		{"restart", ws.NewCloseFrame(ws.NewCloseFrameBody(1012, "")), 1012, "", 1012},
		{"without a code", ws.NewCloseFrame(nil), 1005, "", 1000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) {
				room, first := f.join(time.Hour, client.Options{})
				go first.frame(tt.frame)
				err := expectEndOf(t, room, client.ServerDisconnect)
				if err.Code != tt.code || err.Text != tt.reason {
					t.Errorf("the room ended with %+v, want code %d and %q", err, tt.code, tt.reason)
				}
				first.expectClose(tt.answer)
				first.expectEnd()
				pass(2 * time.Hour)
				if n, _ := f.dialed(); n != 1 {
					t.Errorf("connected %d times, want once", n)
				}
				if _, err := room.Send(t.Context(), "x", nil); !errors.As(err, new(*client.DisconnectedError)) {
					t.Errorf("Send afterwards returned %v, want why the room ended", err)
				}
			})
		})
	}
}

// TestPausesGrow checks each pause, and that receivers hear of it.
func TestPausesGrow(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, first := f.join(0, client.Options{MinBackoff: time.Second, MaxBackoff: 20 * time.Second})
		f.answers(func(n int, _ *http.Request) string { return refusing(500, "", "") })
		pass(time.Minute)
		first.drop()
		before := time.Now()
		for n, limit := range []time.Duration{1, 2, 4, 8, 16, 20, 20, 20} {
			change := expectState(t, room, client.Connecting)
			if change.Attempt != n+1 || change.RetryIn >= limit*time.Second {
				t.Errorf("received %+v, want attempt %d in less than %d seconds", change, n+1, limit)
			}
			pass(change.RetryIn)
			dials, dialed := f.dialed()
			if pause := dialed.Sub(before); dials != n+2 || pause != change.RetryIn {
				t.Errorf("%d connections, the last after %s; want %d, after %s",
					dials, pause, n+2, change.RetryIn)
			}
			before = dialed
			var refused *client.HandshakeError
			if n > 0 && (!errors.As(change.Err, &refused) || refused.Status != 500) {
				t.Errorf("attempt %d: error %v, want status 500", n, change.Err)
			}
		}
		f.answers(nil)
		pass(20 * time.Second)
		f.accept()
		expectState(t, room, client.Connecting)
		expectState(t, room, client.Connected)
	})
}

// TestPausesAreRandom checks that many clients which lose a server do not come back at
// the same time.
func TestPausesAreRandom(t *testing.T) {
	pauses := map[time.Duration]bool{}
	for range 10 {
		inBubble(t, func(t *testing.T, f *fake) {
			room, first := f.join(0, client.Options{})
			first.drop()
			pauses[expectState(t, room, client.Connecting).RetryIn] = true
		})
	}
	if len(pauses) < 2 {
		t.Errorf("all waited equally long: %v", pauses)
	}
}

func TestServerSaysHowLongToStayAway(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		header string
		want   time.Duration
	}{
		{"seconds", 429, "7", 7 * time.Second},
		{"date", 503, time.Date(2000, 1, 1, 0, 1, 0, 0, time.UTC).Format(http.TimeFormat), 50 * time.Second},
		{"too long", 503, "86400", 5 * time.Minute},
		{"far too long", 503, "99999999999999999999", 0},
		{"negative", 503, "-5", 0},
		{"nonsense", 503, "soon", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) {
				room, first := f.join(0, client.Options{MinBackoff: time.Nanosecond, MaxBackoff: time.Second})
				f.answers(func(int, *http.Request) string {
					return refusing(tt.status, "Retry-After: "+tt.header+"\r\n", "")
				})
				pass(10 * time.Second) // since the year 2000 began: the clock of a bubble
				first.drop()
				expectState(t, room, client.Connecting)
				pass(0)
				change := expectState(t, room, client.Connecting)
				if change.RetryIn < tt.want || change.RetryIn > tt.want+time.Microsecond {
					t.Errorf("the next attempt is in %s, want %s", change.RetryIn, tt.want)
				}
			})
		})
	}
}

func TestAttemptsAreUsedUp(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, first := f.join(0, client.Options{MaxAttempts: 3})
		f.answers(func(int, *http.Request) string { return refusing(500, "", "") })
		first.drop()
		for range 3 {
			expectState(t, room, client.Connecting)
		}
		err := expectEndOf(t, room, client.AttemptsUsedUp)
		if n, _ := f.dialed(); n != 4 {
			t.Errorf("connected %d times, want once and three attempts", n)
		}
		if !errors.As(err, new(*client.HandshakeError)) {
			t.Errorf("the room ended for %v, want the last failure", err.Err)
		}
	})
}

// TestSessionsThatEndAtOnceAreFailures checks that a server which accepts connections and
// drops them is not asked all the time, and that a session which lives counts anew.
func TestSessionsThatEndAtOnceAreFailures(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, p := f.join(0, client.Options{MaxAttempts: 3})
		drop := func(after time.Duration, attempt int) {
			t.Helper()
			pass(after)
			p.drop()
			if change := expectState(t, room, client.Connecting); change.Attempt != attempt {
				t.Errorf("received %+v, want attempt %d", change, attempt)
			}
			p = f.accept()
			expectState(t, room, client.Connected)
		}
		drop(time.Second, 1)
		drop(time.Second, 2)
		drop(10*time.Second, 1)
		drop(time.Second, 2)
		drop(time.Second, 3)
		pass(time.Second)
		p.drop()
		expectEndOf(t, room, client.AttemptsUsedUp)
	})
}

func TestRoomThatIsGoneIsLeft(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, first := f.join(0, client.Options{})
		f.answers(func(int, *http.Request) string {
			return refusing(404, "x-amzn-ErrorType: ResourceNotFoundException\r\n",
				`{"message":"no such room"}`)
		})
		first.drop()
		expectState(t, room, client.Connecting)
		err := expectEndOf(t, room, client.RoomGone)
		if want := "disconnected: the room is gone: the connection was refused with status 404 " +
			"ResourceNotFoundException: no such room"; err.Error() != want {
			t.Errorf("the room ended with %q, want %q", err, want)
		}
	})
}

// TestTokenProviderIsAskedAgain checks that its errors pass, unless they are permanent.
func TestTokenProviderIsAskedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		var calls atomic.Int32
		broken := errors.New("the backend is away")
		room, first := f.joinWith(func(ctx context.Context) (client.Token, error) {
			switch n := calls.Add(1); {
			case n == 1 || n == 4:
				return f.tokens(0)(ctx)
			case n < 4:
				return client.Token{}, broken
			}
			return client.Token{}, fmt.Errorf("wrapped: %w", client.Permanent(broken))
		}, client.Options{})
		first.drop()
		expectState(t, room, client.Connecting)
		for range 2 {
			if change := expectState(t, room, client.Connecting); !errors.Is(change.Err, broken) {
				t.Errorf("received %v, want the provider's error", change.Err)
			}
		}
		expectState(t, room, client.Connected)
		f.accept().drop()
		expectState(t, room, client.Connecting)
		if err := expectEndOf(t, room, client.TokenFailure); !errors.Is(err, broken) {
			t.Errorf("the room ended with %v, want the provider's error", err)
		}
		if n := calls.Load(); n != 5 {
			t.Errorf("the provider was asked %d times, want 5", n)
		}
	})
}

// TestSilentServerIsGivenUp checks that the server is asked for a sign of life, and
// dropped without one.
func TestSilentServerIsGivenUp(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, p := f.join(0, client.Options{PingInterval: 30 * time.Second})
		begin := time.Now()
		for range 100 { // as long as it answers, the connection lives
			frame := <-p.frames
			if frame.Header.OpCode != ws.OpPing {
				t.Fatalf("the client sent %v, want Ping", frame.Header)
			}
			pass(29 * time.Second)
			p.frame(ws.NewPongFrame(frame.Payload))
		}
		if took := time.Since(begin); took < 100*59*time.Second {
			t.Errorf("100 pings came within %s", took)
		}
		answered := time.Now()
		p.say("1")
		p.expectClose(ws.StatusNormalClosure)
		if after := time.Since(answered); after != time.Minute {
			t.Errorf("the connection was given up after %s of silence, want a minute", after)
		}
		expectMessages(t, room, "1")
		expectState(t, room, client.Connecting)
		f.accept()
	})
}

// TestServerThatReadsNothingIsGivenUp checks the time limit of writes.
func TestServerThatReadsNothingIsGivenUp(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, p := f.join(0, client.Options{})
		p.stopReading()
		begin := time.Now()
		_, err := room.Send(t.Context(), "x", nil)
		if after := time.Since(begin); !errors.Is(err, client.ErrOutcomeUnknown) || after != 10*time.Second {
			t.Errorf("after %s, the request was answered with %v", after, err)
		}
		expectState(t, room, client.Connecting)
		f.accept()
	})
}
