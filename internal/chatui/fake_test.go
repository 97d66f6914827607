package chatui

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"go.uber.org/goleak"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is when everything in tests happens.
var noon = time.Date(2026, 1, 2, 12, 0, 5, 0, time.UTC)

const allRights = parley.SendMessage | parley.DeleteMessage | parley.DisconnectUser

// message returns a message with an id of 12 characters that ends in n.
func message(n int, user, content string) *client.Message {
	return &client.Message{
		Message: parley.Message{ID: messageID(n), Content: content, SendTime: noon},
		Sender:  parley.Sender{UserID: user},
	}
}

func messageID(n int) string { return fmt.Sprintf("m%011d", n) }

// fakeRoom answers requests by itself: with what a room sends, or with what refuse says.
type fakeRoom struct {
	received chan client.Received
	ended    chan error // one; Receive ends with it when all was received
	refuse   func(context.Context, request) error
	receive  func(yield func(client.Received, error) bool) // in place of Receive, unless nil

	mu       sync.Mutex
	requests []request
}

func newFakeRoom() *fakeRoom {
	return &fakeRoom{received: make(chan client.Received, 100), ended: make(chan error, 1)}
}

func (r *fakeRoom) answer(ctx context.Context, req request) (string, error) {
	r.mu.Lock()
	r.requests = append(r.requests, req)
	id := fmt.Sprintf("e%011d", len(r.requests))
	r.mu.Unlock()
	if r.refuse == nil {
		return id, ctx.Err()
	}
	return id, r.refuse(ctx, req)
}

func (r *fakeRoom) asked() []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

func (r *fakeRoom) Send(
	ctx context.Context, content string, _ map[string]string,
) (*client.Message, error) {
	id, err := r.answer(ctx, request{verb: say, text: content})
	if err != nil {
		return nil, err
	}
	m := message(0, "ana", content)
	m.ID = id
	r.received <- m
	return m, nil
}

func (r *fakeRoom) DeleteMessage(
	ctx context.Context, target, reason string,
) (*client.MessageDeleted, error) {
	id, err := r.answer(ctx, request{deleteMessage, target, reason})
	if err != nil {
		return nil, err
	}
	d := &client.MessageDeleted{ID: id, MessageID: target, Reason: reason, SendTime: noon}
	r.received <- d
	return d, nil
}

func (r *fakeRoom) DisconnectUser(
	ctx context.Context, target, reason string,
) (*client.UserDisconnected, error) {
	id, err := r.answer(ctx, request{disconnectUser, target, reason})
	if err != nil {
		return nil, err
	}
	d := &client.UserDisconnected{ID: id, UserID: target, Reason: reason, SendTime: noon}
	r.received <- d
	return d, nil
}

func (r *fakeRoom) State() client.State { return client.Connected }

func (r *fakeRoom) Receive(ctx context.Context) iter.Seq2[client.Received, error] {
	if r.receive != nil {
		return r.receive
	}
	return func(yield func(client.Received, error) bool) {
		for {
			select {
			case <-ctx.Done():
				yield(nil, ctx.Err())
				return
			case received := <-r.received:
				yield(received, nil)
			case err := <-r.ended:
				for len(r.received) > 0 {
					yield(<-r.received, nil)
				}
				if err != nil {
					yield(nil, err)
				}
				return
			}
		}
	}
}

// newTestScreen returns a screen of user ana in a terminal of a size.
func newTestScreen(t *testing.T, width, height int) *screen {
	t.Helper()
	s := newScreen(Config{
		Room: newFakeRoom(), Title: "lobby", UserID: "ana", Capabilities: allRights,
		MaxMessageLength: parley.MaxMessageLength, Location: time.UTC,
	})
	s.Update(tea.WindowSizeMsg{Width: width, Height: height})
	return s
}

// show has a screen receive things.
func show(s *screen, received ...client.Received) {
	for _, r := range received {
		s.Update(receivedMsg{r})
	}
}

// press presses keys, such as "enter" or "d". It returns the command of the last.
func press(s *screen, keys ...string) (cmd tea.Cmd) {
	for _, key := range keys {
		text := ""
		if len(key) == 1 {
			text = key
		}
		cmd = s.press(key, text)
	}
	return cmd
}

// typeText types text, one character at a time.
func typeText(s *screen, text string) {
	for _, r := range text {
		s.press(string(r), string(r))
	}
}

// isQuit reports whether a command ends the program.
func isQuit(cmd tea.Cmd) bool {
	if cmd == nil {
		return false
	}
	_, quits := cmd().(tea.QuitMsg)
	return quits
}

// rows returns the lines on a screen, without styles and spaces at their ends. It fails
// the test when the screen is not as tall as the terminal, or wider.
func rows(t *testing.T, s *screen) []string {
	t.Helper()
	lines := strings.Split(s.View().Content, "\n")
	if len(lines) != s.height {
		t.Errorf("the screen has %d lines in a terminal of %d", len(lines), s.height)
	}
	for i, line := range lines {
		if w := s.log.canvas.ruler.width(line); w > max(s.width, minWidth) {
			t.Errorf("line %d is %d columns wide in a terminal of %d: %q", i, w, s.width, line)
		}
		lines[i] = strings.TrimRight(ansi.Strip(line), " ")
	}
	return lines
}

// content returns the lines on a screen as one text.
func content(t *testing.T, s *screen) string {
	t.Helper()
	return strings.Join(rows(t, s), "\n")
}

func wantShown(t *testing.T, s *screen, want string) {
	t.Helper()
	if got := content(t, s); !strings.Contains(got, want) {
		t.Errorf("the screen does not show %q:\n%s", want, got)
	}
}

func wantHidden(t *testing.T, s *screen, hidden string) {
	t.Helper()
	if got := content(t, s); strings.Contains(got, hidden) {
		t.Errorf("the screen shows %q:\n%s", hidden, got)
	}
}

// nextRequest returns the request that a screen has made, and fails when there is none.
func nextRequest(t *testing.T, s *screen) request {
	t.Helper()
	select {
	case req := <-s.requests:
		return req
	default:
		t.Fatal("nothing was asked of the room")
		return request{}
	}
}
