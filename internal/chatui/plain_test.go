package chatui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/client"
)

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// chat is a plain chat of user ana that runs.
type chat struct {
	t     *testing.T
	room  *fakeRoom
	typed *io.PipeWriter
	out   buffer
	errs  buffer
	stop  context.CancelFunc
	done  chan error
}

// startPlain starts a chat, in a bubble. change may change its settings and its room.
func startPlain(t *testing.T, change func(*Config, *fakeRoom)) *chat {
	t.Helper()
	c := &chat{t: t, room: newFakeRoom(), done: make(chan error, 1)}
	in, typed := io.Pipe()
	c.typed = typed
	cfg := Config{Room: c.room, Title: "lobby", UserID: "ana", Capabilities: allRights,
		In: in, Out: &c.out, Err: &c.errs}
	if change != nil {
		change(&cfg, c.room)
	}
	ctx, stop := context.WithCancel(t.Context())
	c.stop = stop
	go func() { c.done <- Run(ctx, cfg) }()
	t.Cleanup(func() {
		stop()
		_ = typed.Close()
	})
	return c
}

func (c *chat) typeLines(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.typed, text); err != nil {
		c.t.Fatal(err)
	}
	synctest.Wait()
}

// wantRuns fails the test when Run has returned.
func (c *chat) wantRuns() {
	c.t.Helper()
	synctest.Wait()
	select {
	case err := <-c.done:
		c.t.Fatalf("Run returned %v, want it to go on", err)
	default:
	}
}

// wantEnd waits for Run to return, and fails the test when that is not with an error of
// this text, where "" is none.
func (c *chat) wantEnd(text string) {
	c.t.Helper()
	got := ""
	if err := <-c.done; err != nil {
		got = err.Error()
	}
	if got != text {
		c.t.Errorf("Run returned %q, want %q", got, text)
	}
}

func (c *chat) wantOut(want string) {
	c.t.Helper()
	synctest.Wait()
	if diff := cmp.Diff(want, c.out.String()); diff != "" {
		c.t.Errorf("output (-want +got):\n%s", diff)
	}
}

// wantErrs checks what was reported after the first line, which says where this is.
func (c *chat) wantErrs(want string) {
	c.t.Helper()
	synctest.Wait()
	if diff := cmp.Diff("connected to lobby as ana\n"+want, c.errs.String()); diff != "" {
		c.t.Errorf("reports (-want +got):\n%s", diff)
	}
}

func TestPlainLines(t *testing.T) {
	tests := []struct {
		ids  bool
		want string
	}{
		{false, `2026-01-02T12:00:05Z  bo: hello
2026-01-02T12:00:05Z  Cy:X: a ↵ b �
2026-01-02T12:00:05Z * poll:opened pollId=41 q="who is \"it\"?"
2026-01-02T12:00:05Z * message m00000000001 was deleted (off topic)
2026-01-02T12:00:05Z * message m00000000009 was deleted
2026-01-02T12:00:05Z * bo was disconnected (spam)
`},
		{true, `2026-01-02T12:00:05Z  m00000000001  bo <bo>: hello
2026-01-02T12:00:05Z  m00000000002  Cy:X <cy>: a ↵ b �
2026-01-02T12:00:05Z * poll:opened pollId=41 q="who is \"it\"?"
2026-01-02T12:00:05Z * message m00000000001 was deleted (off topic)
2026-01-02T12:00:05Z * message m00000000009 was deleted
2026-01-02T12:00:05Z * bo was disconnected (spam)
`},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			c := startPlain(t, func(cfg *Config, _ *fakeRoom) { cfg.IDs = test.ids })
			named := message(2, "cy", "a\nb \x1b[31m")
			named.SendTime = noon.In(time.FixedZone("", 3600)).Add(999 * time.Millisecond)
			named.Sender.Attributes = map[string]string{"displayName": "Cy: X"}
			for _, r := range []client.Received{
				message(1, "bo", "hello"),
				named,
				&client.Event{Event: parley.Event{Name: "poll:opened", SendTime: noon,
					Attributes: map[string]string{"q": `who is "it"?`, "pollId": "41"}}},
				&client.MessageDeleted{
					MessageID: messageID(1), Reason: "off topic", SendTime: noon},
				&client.MessageDeleted{MessageID: messageID(9), SendTime: noon},
				&client.UserDisconnected{UserID: "bo", Reason: "spam", SendTime: noon},
			} {
				c.room.received <- r
			}
			c.wantOut(test.want)
			c.wantErrs("")
		})
	}
}

func TestPlainSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startPlain(t, nil)
		c.typeLines("hello\r\n\n   \n//shrug\n/delete m00000000001 off topic\n/kick \"b o\"\nlast")
		_ = c.typed.Close()
		c.wantEnd("")
		want := []request{
			{say, "", "hello"},
			{say, "", "/shrug"},
			{deleteMessage, "m00000000001", "off topic"},
			{disconnectUser, "b o", ""},
			{say, "", "last"},
		}
		if diff := cmp.Diff(want, c.room.asked(), cmp.AllowUnexported(request{})); diff != "" {
			t.Errorf("asked of the room (-want +got):\n%s", diff)
		}
		c.wantOut(`2026-01-02T12:00:05Z  ana: hello
2026-01-02T12:00:05Z  ana: /shrug
2026-01-02T12:00:05Z * message m00000000001 was deleted (off topic)
2026-01-02T12:00:05Z * b o was disconnected
2026-01-02T12:00:05Z  ana: last
`)
	})
}

func TestPlainReportsWhatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startPlain(t, func(cfg *Config, room *fakeRoom) {
			cfg.Capabilities = parley.SendMessage | parley.DeleteMessage
			room.refuse = func(_ context.Context, req request) error {
				if req.text == "fine" {
					return nil
				}
				return &client.RequestError{Code: 406, Message: "no\nway"}
			}
		})
		c.typeLines("darn\x1b\nfine\n/delete\n/delete x\n/kick bo\n/me\n")
		_ = c.typed.Close()
		c.wantEnd("5 of 6 lines failed")
		c.wantErrs(`not sent (rejected by the room's review: no ↵ way (406)): darn�
which? /delete ID [reason]
the message was not deleted: rejected by the room's review: no ↵ way (406)
this session may not disconnect users
there is no /me; see /help
`)
	})
}

func TestPlainHelp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startPlain(t, nil)
		c.typeLines("/help\n/quit\n")
		c.wantEnd("")
		c.wantErrs(strings.Join(plainHelp, "\n") + "\n")
		c.wantOut("")
	})
}

// TestPlainWaitsForTheEcho checks that the end of input does not cut off the last line.
func TestPlainWaitsForTheEcho(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		c := startPlain(t, func(_ *Config, room *fakeRoom) {
			room.receive = func(yield func(client.Received, error) bool) {
				<-release
				yield(<-room.received, nil)
			}
		})
		c.typeLines("hello\n")
		_ = c.typed.Close()
		c.wantRuns()
		close(release)
		c.wantEnd("")
		c.wantOut("2026-01-02T12:00:05Z  ana: hello\n")
	})
}

func TestPlainWaitsForTheEchoNotForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		c := startPlain(t, func(_ *Config, room *fakeRoom) {
			room.receive = func(func(client.Received, error) bool) { <-release }
		})
		start := time.Now()
		c.typeLines("hello\n")
		_ = c.typed.Close()
		time.AfterFunc(echoTimeout, func() { close(release) })
		c.wantEnd("")
		if waited := time.Since(start); waited != echoTimeout {
			t.Errorf("Run waited %v for the last line, want %v", waited, echoTimeout)
		}
	})
}

func TestPlainFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startPlain(t, func(cfg *Config, _ *fakeRoom) { cfg.Follow = true })
		c.typeLines("hello\n")
		_ = c.typed.Close()
		c.wantRuns()
		c.room.received <- message(1, "bo", "still here?")
		c.wantOut("2026-01-02T12:00:05Z  ana: hello\n2026-01-02T12:00:05Z  bo: still here?\n")
		c.stop()
		c.wantEnd("")
	})
}

func TestPlainWithoutInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startPlain(t, func(cfg *Config, _ *fakeRoom) { cfg.In = nil })
		c.room.received <- message(1, "bo", "hello")
		c.wantOut("2026-01-02T12:00:05Z  bo: hello\n")
		c.wantRuns()
		c.stop()
		c.wantEnd("")
	})
}

// refuseFast refuses a number of requests as too fast.
func refuseFast(number int) func(context.Context, request) error {
	return func(context.Context, request) error {
		if number--; number >= 0 {
			return &client.RequestError{Code: 429, Message: "rate limit exceeded"}
		}
		return nil
	}
}

func TestPlainSendsAgainWhatIsTooFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startPlain(t, func(_ *Config, room *fakeRoom) {
			room.refuse = refuseFast(maxTries - 1)
		})
		start := time.Now()
		c.typeLines("hello\n")
		_ = c.typed.Close()
		c.wantEnd("")
		if waited, want := time.Since(start), 6300*time.Millisecond; waited != want {
			t.Errorf("the last try came after %v, want %v", waited, want)
		}
		c.wantOut("2026-01-02T12:00:05Z  ana: hello\n")
	})
}

func TestPlainGivesUpWhatIsTooFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startPlain(t, func(_ *Config, room *fakeRoom) { room.refuse = refuseFast(maxTries) })
		c.typeLines("hello\n")
		_ = c.typed.Close()
		c.wantEnd("1 of 1 lines failed")
		c.wantErrs("not sent (too fast: rate limit exceeded (429)): hello\n")
		if n := len(c.room.asked()); n != maxTries {
			t.Errorf("a message was sent %d times, want %d", n, maxTries)
		}
	})
}

func TestPlainRequestsEnd(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"not sent", context.DeadlineExceeded, "no connection within 15s"},
		{"perhaps sent", fmt.Errorf("%w: %w", client.ErrOutcomeUnknown, context.DeadlineExceeded),
			"no answer within 15s, it may have arrived"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := startPlain(t, func(_ *Config, room *fakeRoom) {
					room.refuse = func(ctx context.Context, _ request) error {
						<-ctx.Done()
						return test.err
					}
				})
				start := time.Now()
				c.typeLines("hello\n")
				_ = c.typed.Close()
				c.wantEnd("1 of 1 lines failed")
				if waited := time.Since(start); waited != requestTimeout {
					t.Errorf("the request ended after %v, want %v", waited, requestTimeout)
				}
				c.wantErrs("not sent (" + test.want + "): hello\n")
			})
		})
	}
}

func TestPlainStopsWhileARequestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startPlain(t, func(_ *Config, room *fakeRoom) {
			room.refuse = func(ctx context.Context, _ request) error {
				<-ctx.Done()
				return ctx.Err()
			}
		})
		c.typeLines("hello\n")
		c.stop()
		c.wantEnd("")
	})
}

func TestPlainEnds(t *testing.T) {
	gone := &client.DisconnectedError{Code: 1000, Text: "spam\x1b[2J"}
	tests := []struct {
		name     string
		received []client.Received
		err      error
		want     string
	}{
		{"server", nil, gone, "disconnected by the server: code 1000: spam�"},
		{"kick", []client.Received{
			&client.UserDisconnected{UserID: "ana", Reason: "spam", SendTime: noon}}, gone,
			"you were disconnected by a moderator (spam)"},
		{"kick of another", []client.Received{
			&client.UserDisconnected{UserID: "bo", SendTime: noon}}, errors.New("lost"), "lost"},
		{"told by the state", []client.Received{
			&client.StateChange{State: client.Disconnected, Err: errors.New("lost")}}, nil, "lost"},
		{"closed", nil, nil, "the connection was closed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := startPlain(t, nil)
				for _, r := range test.received {
					c.room.received <- r
				}
				c.room.ended <- test.err
				c.wantEnd(test.want)
			})
		})
	}
}

func TestPlainStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startPlain(t, nil)
		lost := errors.New("EOF")
		c.room.received <- &client.StateChange{State: client.Connected} // it is already
		c.room.received <- &client.StateChange{State: client.Connecting, Err: lost, Attempt: 1}
		c.room.received <- &client.StateChange{State: client.Connecting, Err: lost, Attempt: 2}
		c.room.received <- &client.StateChange{State: client.Connected}
		c.wantErrs("reconnecting (EOF)\nreconnecting, attempt 2 (EOF)\nconnected\n")
		c.wantOut("")
	})
}

func TestPlainLongLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startPlain(t, nil)
		fits := strings.Repeat("x", parley.MaxRequestBytes-1)
		c.typeLines(fits + "\n")
		c.typeLines(fits + "x\nnext\n" + strings.Repeat(fits, 3))
		_ = c.typed.Close()
		c.wantEnd("2 of 4 lines failed")
		left := "a line of over 16384 bytes was left out\n"
		c.wantErrs(left + left)
		asked := c.room.asked()
		if len(asked) != 2 || asked[0].text != fits || asked[1].text != "next" {
			t.Errorf("%d messages were sent, want the line that fits and the next", len(asked))
		}
	})
}

func TestPlainBrokenStreams(t *testing.T) {
	broken := errors.New("broken pipe")
	t.Run("out", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r, w := io.Pipe()
			_ = r.CloseWithError(broken)
			c := startPlain(t, func(cfg *Config, _ *fakeRoom) { cfg.Out = w })
			c.room.received <- message(1, "bo", "hello")
			c.wantEnd("broken pipe")
		})
	})
	t.Run("in", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := startPlain(t, nil)
			_ = c.typed.CloseWithError(broken)
			c.wantEnd("1 of 1 lines failed")
			c.wantErrs("read input: broken pipe\n")
		})
	})
}

func TestPlainRemembersLittle(t *testing.T) {
	p := transcript{cfg: Config{Out: io.Discard}}
	for i := range maxRecent + 1 {
		if err := p.print(message(i, "bo", "hi")); err != nil {
			t.Fatal(err)
		}
	}
	if len(p.recent) != maxRecent || p.recent[0] != messageID(1) {
		t.Errorf("%d ids are remembered from %s on, want %d from %s on",
			len(p.recent), p.recent[0], maxRecent, messageID(1))
	}
}
