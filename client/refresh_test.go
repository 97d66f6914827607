package client_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/client"
)

// TestRefreshComesInTime checks when the second session is opened, before the end of the
// first.
func TestRefreshComesInTime(t *testing.T) {
	for _, tt := range []struct {
		name           string
		life           time.Duration
		before         time.Duration // the option
		earliest, last time.Duration // before the end
	}{
		{"default", time.Hour, 0, 45 * time.Second, 30 * time.Second},
		{"two minutes before", time.Hour, 2 * time.Minute, 3 * time.Minute, 2 * time.Minute},
		{"half of a short life", 40 * time.Second, 0, 30 * time.Second, 20 * time.Second},
		{"not in the first second", time.Second, 0, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			different := map[time.Duration]bool{}
			for range 10 {
				inBubble(t, func(t *testing.T, f *fake) {
					f.join(tt.life, client.Options{RefreshBefore: tt.before})
					_, opened := f.dialed()
					f.accept()
					_, refreshed := f.dialed()
					left := tt.life - refreshed.Sub(opened)
					if left > tt.earliest || left < tt.last {
						t.Errorf("refreshed %s before the end, want %s to %s", left, tt.earliest, tt.last)
					}
					different[left] = true
				})
			}
			if len(different) < 2 && tt.earliest != tt.last {
				t.Error("all rooms were refreshed at the same time, want it to be random")
			}
		})
	}
}

// TestNoRefresh checks that nobody connects again when no refresh is wanted or possible.
func TestNoRefresh(t *testing.T) {
	for name, tt := range map[string]struct {
		life    time.Duration
		options client.Options
	}{
		"switched off":                 {time.Hour, client.Options{RefreshBefore: -1}},
		"end unknown":                  {0, client.Options{}},
		"end in the past: wrong clock": {-time.Minute, client.Options{}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) {
				f.join(tt.life, tt.options)
				pass(3 * time.Hour)
				if n, _ := f.dialed(); n != 1 {
					t.Errorf("connected %d times, want once", n)
				}
			})
		})
	}
}

func TestRefreshKeepsTheOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, old := f.join(time.Hour, client.Options{})
		old.say("1")
		expectMessages(t, room, "1")
		fresh := f.accept()
		if fresh.token == old.token {
			t.Errorf("both sessions have the token %s", fresh.token)
		}
		fresh.say("2")
		fresh.say("3")
		expectNothing(t, room) // the old session is the source
		old.say("2")
		expectMessages(t, room, "2")
		opened := time.Now()
		old.expectClose(ws.StatusNormalClosure)
		if both := time.Since(opened); both < 900*time.Millisecond {
			t.Errorf("both sessions were open for %s, want a second", both)
		}
		old.say("3") // was on its way
		old.say("4")
		fresh.say("4")
		fresh.say("5")
		expectMessages(t, room, "3", "4")
		expectNothing(t, room)
		old.close(ws.StatusNormalClosure, "")
		old.expectEnd()
		expectMessages(t, room, "5")
		fresh.say("5")
		fresh.say("6")
		expectMessages(t, room, "6")
		if state := room.State(); state != client.Connected {
			t.Errorf("after the refresh, the state is %s", state)
		}
	})
}

// chat is a server with one room, which sends every message to each session in time of
// its own.
type chat struct {
	work     sync.WaitGroup
	mu       sync.Mutex // guards sessions
	sessions map[*peer]chan []byte
}

// serve serves a session until its client closes it, when what was sent until then has
// been delivered.
func (c *chat) serve(p *peer, random *rand.Rand) {
	queue := make(chan []byte, 10_000)
	slowness := time.Duration(1 + random.Int64N(int64(30*time.Millisecond)))
	c.mu.Lock()
	c.sessions[p] = queue
	c.mu.Unlock()
	c.work.Go(func() {
		for text := range queue {
			<-time.After(time.Duration(random.Int64N(int64(slowness))))
			p.text(text)
		}
		p.close(ws.StatusNormalClosure, "")
	})
	c.work.Go(func() {
		_, _ = p.next()
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.sessions, p)
		close(queue)
	})
}

func (c *chat) say(content string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := message(content, "", content)
	for _, queue := range c.sessions {
		queue <- text
	}
}

// TestManyRefreshesLoseNothing has a server deliver the same on both sessions of a
// refresh, each at its own pace.
func TestManyRefreshesLoseNothing(t *testing.T) {
	for seed := range uint64(5) {
		inBubble(t, func(t *testing.T, f *fake) {
			const messages = 3000
			room, first := f.join(6*time.Second, client.Options{})
			c := &chat{sessions: map[*peer]chan []byte{}}
			random := func(of uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, of)) }
			c.serve(first, random(0))
			done := make(chan bool)
			c.work.Go(func() {
				for n := uint64(1); ; n++ {
					select {
					case p := <-f.peers:
						c.serve(p, random(n))
					case <-done:
						return
					}
				}
			})
			pauses := random(1000)
			c.work.Go(func() {
				for n := range messages {
					<-time.After(time.Duration(pauses.Int64N(int64(40 * time.Millisecond))))
					c.say(strconv.Itoa(n))
				}
			})
			for n := range messages {
				expectMessages(t, room, strconv.Itoa(n))
			}
			if n, _ := f.dialed(); n < 10 {
				t.Errorf("connected %d times in %d messages, want more", n, messages)
			}
			_ = room.Close()
			close(done)
			c.work.Wait()
		})
	}
}

// TestNewSessionThatIsBehind checks that what the old session has delivered is not
// delivered again, be it held or still to come when the new session takes over.
func TestNewSessionThatIsBehind(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		const messages = 4000
		room, old := f.join(time.Hour, client.Options{QueueLen: 10_000})
		var counted atomic.Int32
		fresh := f.accept()
		old.numbers(0, messages, &counted)
		fresh.numbers(0, messages/2, &counted)
		old.finish()
		fresh.numbers(messages, messages+1000, &counted) // not in the order of the old one
		fresh.numbers(messages/2, messages, &counted)
		fresh.say("end")
		for n := range messages + 1000 {
			expectMessages(t, room, strconv.Itoa(n))
		}
		expectMessages(t, room, "end")
	})
}

// TestHandshakeThatTakesLong checks the same for what the old session delivers before the
// new one is there, but after the server has begun to collect for it.
func TestHandshakeThatTakesLong(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		const messages = 1000
		room, old := f.join(time.Hour, client.Options{})
		begun, goOn := make(chan bool), make(chan bool)
		f.answers(func(int, *http.Request) string {
			close(begun)
			<-goOn
			return ""
		})
		<-begun
		var counted atomic.Int32
		old.numbers(0, messages, &counted)
		close(goOn)
		fresh := f.accept()
		fresh.numbers(0, messages, &counted)
		old.finish()
		fresh.say("end")
		for n := range messages {
			expectMessages(t, room, strconv.Itoa(n))
		}
		expectMessages(t, room, "end")
	})
}

// TestNewSessionThatIsAhead checks that no more is held than goes into the queue.
func TestNewSessionThatIsAhead(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, old := f.join(time.Hour, client.Options{QueueLen: 10})
		var written atomic.Int32
		fresh := f.accept()
		go fresh.numbers(0, 100, &written)
		pass(900 * time.Millisecond)
		if n := written.Load(); n < 11 || n > 50 {
			t.Errorf("%d messages of the new session were read, want little over 10", n)
		}
		go old.finish()
		for n := range 100 {
			expectMessages(t, room, strconv.Itoa(n))
		}
	})
}

// TestLostRefreshIsTriedAgain checks that nothing is missed when the new session breaks
// before it takes over.
func TestLostRefreshIsTriedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, old := f.join(time.Hour, client.Options{})
		fresh := f.accept()
		fresh.say("1")
		fresh.drop()
		pass(0)
		old.say("1")
		old.say("2")
		again := f.accept()
		again.say("3")
		old.say("3")
		old.finish()
		again.say("4")
		expectMessages(t, room, "1", "2", "3", "4")
		expectNothing(t, room)
	})
}

// TestRefusedRefreshIsTriedAgain checks that the old session goes on meanwhile.
func TestRefusedRefreshIsTriedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, old := f.join(time.Hour, client.Options{MaxAttempts: 1})
		f.answers(func(n int, _ *http.Request) string {
			if n < 4 {
				return refusing(503, "", "")
			}
			return ""
		})
		fresh := f.accept()
		if n, _ := f.dialed(); n != 5 {
			t.Errorf("connected %d times, want 5", n)
		}
		old.say("1")
		old.finish()
		fresh.say("2")
		expectMessages(t, room, "1", "2")
	})
}

// TestBusyServerIsLeftAloneAfterARefresh checks that the time which a server wants to be
// left alone counts when the old session ends within it.
func TestBusyServerIsLeftAloneAfterARefresh(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, old := f.join(time.Hour, client.Options{MinBackoff: 1, MaxBackoff: 1})
		f.answers(func(int, *http.Request) string {
			return refusing(429, "Retry-After: 100\r\n", "")
		})
		pass(time.Hour - 29*time.Second)
		old.drop()
		_, refused := f.dialed()
		want := 100*time.Second - time.Since(refused)
		if change := expectState(t, room, client.Connecting); change.RetryIn != want {
			t.Errorf("the next attempt is in %s, want %s", change.RetryIn, want)
		}
	})
}

// TestNewSessionTakesOverFromOneThatBreaks checks the same for the old session, and that
// a request over it is answered over the new one.
func TestNewSessionTakesOverFromOneThatBreaks(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, old := f.join(time.Hour, client.Options{})
		pass(time.Hour - 46*time.Second) // just before the refresh
		sent := make(chan error, 1)
		go func() {
			echo, err := room.Send(t.Context(), "3", nil)
			if err == nil && echo.Content != "3" {
				err = errors.New("the wrong echo")
			}
			sent <- err
		}()
		request := old.request()
		fresh := f.accept()
		old.say("1")
		fresh.say("1")
		fresh.say("2")
		old.drop()
		fresh.text(message("3", request.RequestID, "3"))
		if err := <-sent; err != nil {
			t.Errorf("the request was answered with %v", err)
		}
		expectMessages(t, room, "1", "2", "3")
		expectNothing(t, room)
	})
}

// TestOldSessionIsKeptForItsAnswers checks that requests which were made before the new
// session was opened are answered before the old one is closed.
func TestOldSessionIsKeptForItsAnswers(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, old := f.join(time.Hour, client.Options{})
		pass(time.Hour - 46*time.Second)
		failed := make(chan error, 2)
		send := func() {
			_, err := room.Send(t.Context(), "x", nil)
			failed <- err
		}
		go send()
		before := old.request()
		fresh := f.accept()
		go send()
		during := fresh.request() // not over the old one, which could then never be closed
		fresh.fail(during.RequestID, parley.TooLarge)
		expectCode(t, <-failed, 413)
		pass(3 * time.Second)
		old.fail(before.RequestID, parley.NotAcceptable)
		expectCode(t, <-failed, 406)
		old.finish()
	})
}

func expectCode(t *testing.T, err error, want int) {
	t.Helper()
	var refused *client.RequestError
	if !errors.As(err, &refused) || refused.Code != want {
		t.Errorf("the request was answered with %v, want code %d", err, want)
	}
}

// TestOldSessionThatNeverAnswersIsClosed checks that a refresh comes to an end, whatever
// the server does not do: answer a request, or answer the Close frame.
func TestOldSessionThatNeverAnswersIsClosed(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, old := f.join(time.Hour, client.Options{})
		pass(time.Hour - 46*time.Second)
		failed := make(chan error, 1)
		go func() {
			_, err := room.Send(t.Context(), "x", nil)
			failed <- err
		}()
		old.request()
		fresh := f.accept()
		opened := time.Now()
		fresh.say("1")
		old.expectClose(ws.StatusNormalClosure)
		if after := time.Since(opened).Round(100 * time.Millisecond); after != 6*time.Second {
			t.Errorf("the old session was closed after %s, want 6s: an overlap of 1s, and 5s", after)
		}
		old.expectEnd()
		if after := time.Since(opened).Round(100 * time.Millisecond); after != 11*time.Second {
			t.Errorf("the old session was dropped after %s, want 11s: 5s more", after)
		}
		expectMessages(t, room, "1")
		if err := <-failed; !errors.Is(err, client.ErrOutcomeUnknown) {
			t.Errorf("the request was answered with %v, want that its outcome is unknown", err)
		}
		expectNothing(t, room)
	})
}

// TestSlowReceiverDelaysTheEndOfARefresh checks that what the old session has received is
// not dropped for lack of space, however long that lasts.
func TestSlowReceiverDelaysTheEndOfARefresh(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, old := f.join(time.Hour, client.Options{QueueLen: 2})
		fresh := f.accept()
		old.expectClose(ws.StatusNormalClosure)
		go func() {
			for n := range 10 {
				old.say(strconv.Itoa(n))
			}
			old.close(ws.StatusNormalClosure, "")
		}()
		go func() {
			for n := 5; n < 15; n++ {
				fresh.say(strconv.Itoa(n))
			}
		}()
		for n := range 15 {
			pass(10 * time.Second)
			expectMessages(t, room, strconv.Itoa(n))
		}
	})
}

func TestCloseDuringARefresh(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, old := f.join(time.Hour, client.Options{})
		fresh := f.accept()
		go old.finish()
		go fresh.finish()
		begin := time.Now()
		_ = room.Close()
		if took := time.Since(begin); took > 100*time.Millisecond {
			t.Errorf("Close took %s though the server answers at once", took)
		}
	})
	inBubble(t, func(t *testing.T, f *fake) { // while the token is being made
		asked := make(chan bool)
		calls := 0
		room, old := f.joinWith(func(ctx context.Context) (client.Token, error) {
			if calls++; calls == 1 {
				return f.tokens(time.Hour)(ctx)
			}
			close(asked)
			<-ctx.Done()
			return client.Token{}, ctx.Err()
		}, client.Options{})
		<-asked
		go old.finish()
		_ = room.Close()
	})
	inBubble(t, func(t *testing.T, f *fake) { // while the handshake goes on
		room, old := f.join(time.Hour, client.Options{})
		waits := make(chan bool)
		f.answers(func(int, *http.Request) string {
			<-waits
			return "\r\n"
		})
		for n := 1; n == 1; n, _ = f.dialed() {
			pass(time.Second)
		}
		go old.finish()
		begin := time.Now()
		_ = room.Close()
		if took := time.Since(begin); took > 100*time.Millisecond {
			t.Errorf("Close took %s during a handshake", took)
		}
		close(waits)
	})
}

// TestKickDuringARefresh checks that a user who is disconnected while two sessions are
// open stays away, whichever of them hears of it first, and is told of it once.
func TestKickDuringARefresh(t *testing.T) {
	for name, newFirst := range map[string]bool{"new session first": true, "old session first": false} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) {
				room, old := f.join(time.Hour, client.Options{})
				fresh := f.accept()
				fresh.say("1")
				old.say("1")
				first, second := old, fresh
				if newFirst {
					first, second = fresh, old
				}
				first.kick()
				pass(0)
				go second.kick()
				expectMessages(t, room, "1")
				got := receive[*client.UserDisconnected](t, room)
				if got.UserID != "ana" || got.Reason != "spam" {
					t.Errorf("received %+v, want that ana was disconnected for spam", got)
				}
				err := expectEndOf(t, room, client.ServerDisconnect)
				if err.Code != 1000 || err.Text != "spam" {
					t.Errorf("disconnected with %+v, want code 1000 and spam", err)
				}
				pass(time.Hour)
				if n, _ := f.dialed(); n != 2 {
					t.Errorf("connected %d times, want 2", n)
				}
			})
		})
	}
}

// TestKickOfTheNewSessionAlone checks that it is final, too, and that what either session
// has received comes first.
func TestKickOfTheNewSessionAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, old := f.join(time.Hour, client.Options{})
		fresh := f.accept()
		fresh.say("2")
		fresh.kick()
		old.expectClose(ws.StatusNormalClosure)
		old.say("1")
		old.say("2")
		old.close(ws.StatusNormalClosure, "")
		expectMessages(t, room, "1", "2")
		receive[*client.UserDisconnected](t, room)
		expectEndOf(t, room, client.ServerDisconnect)
	})
}

// TestBothSessionsBreak checks that what the new one has received is delivered when the
// old one is being closed already.
func TestBothSessionsBreak(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, old := f.join(time.Hour, client.Options{})
		fresh := f.accept()
		fresh.say("2")
		old.expectClose(ws.StatusNormalClosure)
		fresh.drop()
		pass(0)
		old.say("1")
		old.close(ws.StatusNormalClosure, "")
		expectMessages(t, room, "1", "2")
		expectState(t, room, client.Connecting)
		f.accept()
		expectState(t, room, client.Connected)
	})
}

// TestRefreshThatCannotSucceedEndsTheRoom checks the two cases.
func TestRefreshThatCannotSucceedEndsTheRoom(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, old := f.join(time.Hour, client.Options{})
		f.answers(func(int, *http.Request) string { return refusing(404, "", `{"message":"gone"}`) })
		go old.finish()
		pass(time.Hour)
		expectEndOf(t, room, client.RoomGone)
	})
	inBubble(t, func(t *testing.T, f *fake) {
		calls := 0
		room, old := f.joinWith(func(ctx context.Context) (client.Token, error) {
			if calls++; calls > 1 {
				return client.Token{}, client.Permanent(errors.New("banned"))
			}
			return f.tokens(time.Hour)(ctx)
		}, client.Options{})
		go old.finish()
		pass(time.Hour)
		if err := expectEndOf(t, room, client.TokenFailure); err.Err.Error() != "banned" {
			t.Errorf("the room ended for %v, want the provider's error", err.Err)
		}
	})
}
