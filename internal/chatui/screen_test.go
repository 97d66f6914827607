package chatui

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/client"
)

// someOfAll is a bit of everything that a room sends.
func someOfAll() []client.Received {
	named := message(2, "cy", "日本語のメッセージはとても長いので折り返さなければなりません。")
	named.Sender.Attributes = map[string]string{"displayName": "Cy 🐱"}
	return []client.Received{
		message(1, "bo", "Hello everybody, this is a message that has to be wrapped on most "+
			"terminals."),
		named,
		message(3, "dee", "👨‍👩‍👧‍👦 e\u0301 👍🏽 \x1b[31mred\nnext"),
		message(4, "ana", "mine"),
		&client.Event{Event: parley.Event{Name: "poll:opened", SendTime: noon,
			Attributes: map[string]string{"pollId": "41", "q": "who is it?"}}},
		message(5, "bo", "rude"),
		&client.MessageDeleted{MessageID: messageID(5), Reason: "off topic", SendTime: noon},
		&client.UserDisconnected{UserID: "bo", Reason: "spam", SendTime: noon},
	}
}

func TestScreenLines(t *testing.T) {
	tests := []struct {
		width, height int
		want          string
	}{
		{80, 13, `
 lobby  ana  connected


 12:00 bo: Hello everybody, this is a message that has to be wrapped on most
       terminals.
 12:00 Cy 🐱: 日本語のメッセージはとても長いので折り返さなければなりません。
 12:00 dee: 👨👩👧👦 é 👍 �red ↵ next
*12:00 ana: mine
 12:00 -- poll:opened pollId=41 q="who is it?"
 12:00 bo: message deleted (off topic)
 12:00 -- bo was disconnected (spam)
>
 Enter send  /help  Tab select  PgUp scroll  Ctrl-C leave`},
		{40, 17, `
 lobby  ana  connected


 12:00 bo: Hello everybody, this is a
       message that has to be wrapped on
       most terminals.
 12:00 Cy 🐱: 日本語のメッセージはとても
       長いので折り返さなければなりませ
       ん。
 12:00 dee: 👨👩👧👦 é 👍 �red ↵ next
*12:00 ana: mine
 12:00 -- poll:opened pollId=41 q="who
       is it?"
 12:00 bo: message deleted (off topic)
 12:00 -- bo was disconnected (spam)
>
 Enter send  /help  Tab select`},
		{20, 12, `
 lobby  connected
*ana: mine
 -- poll:opened
  pollId=41 q="who
  is it?"
 bo: message deleted
  (off topic)
 -- bo was
  disconnected
  (spam)
>
 Enter send  /help`},
		{20, 4, `
  disconnected
  (spam)
>
 Enter send  /help`},
		{20, 2, `
  (spam)
>`},
		{20, 1, "\n>"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%dx%d", test.width, test.height), func(t *testing.T) {
			s := newTestScreen(t, test.width, test.height)
			show(s, someOfAll()...)
			if diff := cmp.Diff(test.want, "\n"+content(t, s)); diff != "" {
				t.Errorf("the screen (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAllSizes checks that no size of terminal has lines that are too wide, or too many.
func TestAllSizes(t *testing.T) {
	for _, clusters := range []bool{false, true} {
		s := newTestScreen(t, 80, 24)
		s.log.canvas.ruler.clusters = clusters
		show(s, someOfAll()...)
		typeText(s, "typed text, 日本語日本語日本語")
		for width := 1; width < 90; width++ {
			for height := 1; height < 12; height++ {
				s.Update(tea.WindowSizeMsg{Width: width, Height: height})
				rows(t, s)
				c := s.View().Cursor
				if c == nil || c.X < 0 || c.X >= max(width, minWidth) || c.Y < 0 || c.Y >= height {
					t.Errorf("the cursor is at %+v in a terminal of %d by %d", c, width, height)
				}
			}
		}
	}
}

func TestResize(t *testing.T) {
	s := newTestScreen(t, 80, 10)
	show(s, someOfAll()...)
	wide := content(t, s)
	s.Update(tea.WindowSizeMsg{Width: 30, Height: 6})
	wantShown(t, s, " bo: message deleted (off\n  topic)")
	s.Update(tea.WindowSizeMsg{Width: 80, Height: 10})
	if diff := cmp.Diff(wide, content(t, s)); diff != "" {
		t.Errorf("the screen after a resize and back (-want +got):\n%s", diff)
	}
}

func TestClustersWhereTheTerminalHasThem(t *testing.T) {
	tests := []struct {
		value ansi.ModeSetting
		want  string
	}{
		{ansi.ModeReset, "👨‍👩‍👧‍👦"},
		{ansi.ModeSet, "👨‍👩‍👧‍👦"},
		{ansi.ModePermanentlySet, "👨‍👩‍👧‍👦"},
		{ansi.ModePermanentlyReset, "👨👩👧👦"},
		{ansi.ModeNotRecognized, "👨👩👧👦"},
	}
	for _, test := range tests {
		s := newTestScreen(t, 40, 10)
		show(s, message(1, "bo", "👨‍👩‍👧‍👦"))
		s.Update(tea.ModeReportMsg{Mode: ansi.ModeUnicodeCore, Value: test.value})
		wantShown(t, s, "bo: "+test.want+"\n")
	}
}

func TestNames(t *testing.T) {
	tests := []struct {
		name       string
		attributes map[string]string
		want       string
	}{
		{"display name", map[string]string{"displayName": "Bo B", "username": "x", "name": "y"},
			"Bo B"},
		{"username", map[string]string{"username": "bob", "name": "y"}, "bob"},
		{"name", map[string]string{"name": "bobby"}, "bobby"},
		{"none", nil, "bo"},
		{"nothing visible", map[string]string{"displayName": "\u202e\u200b"}, "bo"},
		{"too long", map[string]string{"name": strings.Repeat("x", 99)},
			strings.Repeat("x", 23) + "…"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newTestScreen(t, 80, 10)
			m := message(1, "bo", "hi")
			m.Sender.Attributes = test.attributes
			show(s, m)
			wantShown(t, s, "12:00 "+test.want+": hi\n")
		})
	}
}

func TestSend(t *testing.T) {
	s := newTestScreen(t, 40, 10)
	typeText(s, "hello 日本")
	press(s, "enter")
	if got, want := nextRequest(t, s), (request{verb: say, text: "hello 日本"}); got != want {
		t.Fatalf("Enter asks for %+v, want %+v", got, want)
	}
	wantShown(t, s, "ana: hello 日本\n>\n") // on its way, and the input is empty
	show(s, message(1, "bo", "before"), message(2, "ana", "hello 日本"))
	s.Update(outcomeMsg{request: request{verb: say}, latency: 12 * time.Millisecond})
	got := content(t, s)
	if strings.Count(got, "hello 日本") != 1 || !strings.Contains(got, "12 ms") {
		t.Errorf("after the echo, want the message once and its latency:\n%s", got)
	}
}

func TestNothingIsSent(t *testing.T) {
	s := newTestScreen(t, 40, 10)
	for _, text := range []string{"", "   "} {
		typeText(s, text)
		press(s, "enter")
	}
	if len(s.requests) != 0 {
		t.Errorf("empty lines asked for %+v", nextRequest(t, s))
	}
}

func TestFailedMessageComesBack(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"forbidden", &client.RequestError{Code: 403, Message: "Forbidden"},
			"not sent: not allowed: Forbidden (403)"},
		{"too fast", &client.RequestError{Code: 429, Message: "rate limit exceeded"},
			"not sent: too fast: rate limit exceeded (429)"},
		{"rejected", &client.RequestError{Code: 406, Message: "no \x1b[31mswearing"},
			"not sent: rejected by the room's review: no �swearing (406)"},
		{"too long", &client.RequestError{Code: 400, Message: "Message exceeds maximum length"},
			"not sent: Message exceeds maximum length (400)"},
		{"other", errors.New("lost"), "not sent: lost"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newTestScreen(t, 80, 10)
			typeText(s, "//darn")
			press(s, "enter")
			s.Update(outcomeMsg{request: nextRequest(t, s), err: test.err})
			wantShown(t, s, "ana: /darn\n!      "+test.want+"\n> //darn\n")
		})
	}
}

func TestFailedMessageWaitsForTheInput(t *testing.T) {
	s := newTestScreen(t, 80, 10)
	typeText(s, "first")
	press(s, "enter")
	typeText(s, "second")
	s.Update(outcomeMsg{request: nextRequest(t, s), err: errors.New("lost")})
	wantShown(t, s, "> second\n not sent; Up brings it back")
	press(s, "up")
	wantShown(t, s, "> first\n")
	press(s, "down")
	wantShown(t, s, "> second\n")
}

func TestTooManyWait(t *testing.T) {
	s := newTestScreen(t, 80, 40)
	for i := range maxWaiting {
		typeText(s, fmt.Sprint("m", i))
		press(s, "enter")
	}
	wantShown(t, s, "\n>\n")
	typeText(s, "one more")
	press(s, "enter")
	wantShown(t, s, "> one more\n too much is waiting to be sent; try again")
	if len(s.outgoing) != maxWaiting {
		t.Errorf("%d messages are shown as on their way, want %d", len(s.outgoing), maxWaiting)
	}
	nextRequest(t, s)
	press(s, "enter")
	wantShown(t, s, "\n>\n")
}

func TestWaitingLeavesPlace(t *testing.T) {
	s := newTestScreen(t, 40, 9)
	show(s, message(1, "bo", "one"), message(2, "bo", "two"), message(3, "bo", "three"))
	for i := range 10 {
		s.send(fmt.Sprint("w", i))
	}
	want := "bo: one\n 12:00 bo: two\n 12:00 bo: three\n"
	wantShown(t, s, want)
	wantShown(t, s, "ana: w9\n>")
	wantHidden(t, s, "w6")
}

func TestCounter(t *testing.T) {
	tests := []struct {
		width, length int
		want          string
	}{
		{80, 449, ""},
		{80, 450, " 450/500"},
		{80, 500, " 500/500"},
		{80, 501, " 500/500"}, // one was not taken
		{20, 449, ""},
		{20, 490, " 10"},
	}
	for _, test := range tests {
		s := newTestScreen(t, test.width, 6)
		s.input.insert(strings.Repeat("日", test.length))
		row := rows(t, s)[4]
		if got := strings.TrimRight(row, "日"); !strings.HasSuffix(got, test.want) ||
			test.want == "" && strings.ContainsAny(got, "0123456789") {
			t.Errorf("with %d characters at %d columns, the line is %q, want %q at its end",
				test.length, test.width, row, test.want)
		}
	}
}

func TestMessageLimit(t *testing.T) {
	s := newTestScreen(t, 80, 10)
	s.input.limit = 3
	typeText(s, "/kick bo")
	wantShown(t, s, "> /kick bo\n") // a command may be longer
	s.input.set("")
	typeText(s, "日本語")
	wantHidden(t, s, "at most")
	typeText(s, "x")
	wantShown(t, s, "> 日本語")
	wantShown(t, s, "at most 3 characters")
	s.input.set("")
	s.Update(tea.PasteMsg{Content: "one\ntwo"})
	wantShown(t, s, "what was pasted is too long: its end is missing")
}

func TestPaste(t *testing.T) {
	s := newTestScreen(t, 80, 10)
	s.Update(tea.PasteMsg{Content: "one\r\ntwo\x1b[2J\tthree"})
	wantShown(t, s, "> one two� three\n")
	press(s, "tab")
	show(s, message(1, "bo", "hi"))
	press(s, "tab", "d")
	s.Update(tea.PasteMsg{Content: "why"})
	wantShown(t, s, "delete: why? why\n")
	press(s, "esc")
	s.Update(tea.PasteMsg{Content: "not here"})
	wantHidden(t, s, "not here")
}

func TestDeletionOfUnknown(t *testing.T) {
	s := newTestScreen(t, 80, 8)
	show(s, &client.MessageDeleted{MessageID: messageID(7), Reason: "old", SendTime: noon})
	wantShown(t, s, "-- a message from before was deleted (old)")
}

func TestLongEventIsCut(t *testing.T) {
	s := newTestScreen(t, 80, 20)
	show(s, &client.Event{Event: parley.Event{Name: "poll",
		Attributes: map[string]string{"a": strings.Repeat("x", parley.MaxEventAttributes)}}})
	if n := strings.Count(content(t, s), "x"); n < 400 || n > maxEventText {
		t.Errorf("an event of %d characters shows %d, want %d at most",
			parley.MaxEventAttributes, n, maxEventText)
	}
}

func TestStates(t *testing.T) {
	s := newTestScreen(t, 80, 12)
	show(s, &client.StateChange{State: client.Connecting, Err: errors.New("EOF"), Attempt: 1})
	wantShown(t, s, "lobby  ana  reconnecting\n")
	wantShown(t, s, "-- reconnecting (EOF)")
	show(s, &client.StateChange{State: client.Connecting, Err: errors.New("refused"), Attempt: 2})
	wantShown(t, s, "lobby  ana  reconnecting, attempt 2\n")
	wantHidden(t, s, "refused")
	s.Update(tea.WindowSizeMsg{Width: 20, Height: 12})
	wantShown(t, s, " reconnecting, att…\n")
	s.Update(tea.WindowSizeMsg{Width: 80, Height: 12})
	show(s, &client.StateChange{State: client.Connected})
	wantShown(t, s, "lobby  ana  connected\n")
	wantShown(t, s, "-- connected")
}

func TestEnd(t *testing.T) {
	s := newTestScreen(t, 80, 12)
	show(s, message(1, "bo", "hi"))
	press(s, "tab", "d")
	typeText(s, "half a reas")
	show(s, &client.UserDisconnected{UserID: "ana", Reason: "spam", SendTime: noon})
	gone := &client.DisconnectedError{Code: 1000, Text: "spam"}
	s.Update(endedMsg{gone})
	wantShown(t, s, "lobby  ana  you were disconnected by a moderator (spam)\n")
	wantShown(t, s, "!      -- you were disconnected by a moderator (spam)\n\n Enter leaves")
	typeText(s, "x")
	wantHidden(t, s, "> x")
	if s.View().Cursor != nil {
		t.Error("there is a cursor, and nothing to type into")
	}
	const why = "you were disconnected by a moderator (spam)"
	if !errors.Is(s.ended, gone) || s.ended.Error() != why {
		t.Errorf("the end is %v, want %q around %v", s.ended, why, gone)
	}
	if !isQuit(press(s, "enter")) {
		t.Error("Enter does not leave")
	}
}

func TestEndWithoutAKick(t *testing.T) {
	tests := []struct {
		err  error
		want string
	}{
		{errors.New("all \x1b[31mattempts failed"), "all �attempts failed"},
		{nil, "the connection was closed"},
	}
	for _, test := range tests {
		s := newTestScreen(t, 80, 12)
		show(s, &client.UserDisconnected{UserID: "bo"})
		s.Update(endedMsg{test.err})
		if got := s.ended.Error(); got != test.want {
			t.Errorf("the end with error %v is %q, want %q", test.err, got, test.want)
		}
	}
}

func TestLatency(t *testing.T) {
	tests := []struct {
		latency time.Duration
		want    string
	}{
		{0, ""},
		{time.Nanosecond, "<1 ms"},
		{time.Millisecond, "1 ms"},
		{999 * time.Millisecond, "999 ms"},
		{1200 * time.Millisecond, "1.2 s"},
	}
	for _, test := range tests {
		if got := describeLatency(test.latency); got != test.want {
			t.Errorf("a latency of %v shows as %q, want %q", test.latency, got, test.want)
		}
	}
}

func TestNamesAreColoured(t *testing.T) {
	red := message(1, "bo", "hi")
	red.Sender.Attributes = map[string]string{"color": "#ff0000"}
	british := message(2, "cy", "hi")
	british.Sender.Attributes = map[string]string{"colour": "#00ff00"}
	s := newTestScreen(t, 80, 12)
	show(s, red, british)
	want := []string{"38;2;255;0;0mbo", "38;2;0;255;0mcy"}
	for _, colour := range want {
		if got := s.View().Content; strings.Contains(got, colour) {
			t.Errorf("there is a colour before the terminal told that it has any: %q", got)
		}
	}
	s.Update(tea.ColorProfileMsg{Profile: colorprofile.TrueColor})
	for _, colour := range want {
		if got := s.View().Content; !strings.Contains(got, colour) {
			t.Errorf("the screen has no %q: %q", colour, got)
		}
	}
	s.Update(tea.BackgroundColorMsg{Color: ansi.BrightWhite})
	if got := s.View().Content; strings.Contains(got, want[1]) {
		t.Errorf("light green is on a white background: %q", got)
	}
}

func TestShortScreenTellsErrors(t *testing.T) {
	s := newTestScreen(t, 20, 8)
	typeText(s, "/nonsense")
	press(s, "enter")
	wantShown(t, s, "!-- there is no\n  /nonsense; see\n  /help\n> /nonsense")
}
