package chatui

import (
	"fmt"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/client"
)

func TestScrolling(t *testing.T) {
	s := newTestScreen(t, 40, 8)
	for i := range 20 {
		show(s, message(i, "bo", fmt.Sprintf("<%d>", i)))
	}
	press(s, "pgup")
	wantShown(t, s, "<15>")
	wantHidden(t, s, "<16>")
	show(s, message(20, "bo", "<20>"))
	wantShown(t, s, "lobby  ana  connected  1 new")
	wantShown(t, s, "End: newest")
	press(s, "pgdown")
	wantShown(t, s, "<19>")
	press(s, "end")
	wantShown(t, s, "<20>")
	wantHidden(t, s, "1 new")
	s.Update(tea.MouseWheelMsg{Button: tea.MouseWheelUp})
	wantHidden(t, s, "<18>")
	s.Update(tea.MouseWheelMsg{Button: tea.MouseWheelDown})
	wantShown(t, s, "<20>")
}

func TestEndKeyWhileTyping(t *testing.T) {
	s := newTestScreen(t, 40, 8)
	for i := range 20 {
		show(s, message(i, "bo", fmt.Sprintf("<%d>", i)))
	}
	typeText(s, "ac")
	press(s, "home", "pgup", "end") // back to the newest
	typeText(s, "x")
	press(s, "end") // to the end of the input
	typeText(s, "y")
	wantShown(t, s, "> xacy\n")
}

func TestDelete(t *testing.T) {
	s := newTestScreen(t, 80, 12)
	show(s, message(1, "bo", "one"), message(2, "cy", "two"),
		&client.Event{Event: parley.Event{Name: "poll", SendTime: noon}})
	press(s, "tab")
	wantShown(t, s, ">12:00 cy: two\n")
	wantShown(t, s, " d delete  k kick  Up/Down  Esc back  from cy  id "+messageID(2))
	press(s, "up")
	wantShown(t, s, ">12:00 bo: one\n")
	press(s, "up", "d")
	wantShown(t, s, "delete: why?\n Enter does it  Esc does not")
	typeText(s, "off topic")
	press(s, "enter")
	want := request{deleteMessage, messageID(1), "off topic"}
	if got := nextRequest(t, s); got != want {
		t.Fatalf("asked for %+v, want %+v", got, want)
	}
	show(s, &client.MessageDeleted{MessageID: messageID(1), Reason: "off topic", SendTime: noon})
	wantShown(t, s, ">12:00 bo: message deleted (off topic)\n")
	press(s, "d")
	wantShown(t, s, "this message is deleted already")
	press(s, "esc")
	wantShown(t, s, " 12:00 bo: message deleted (off topic)\n")
}

func TestKick(t *testing.T) {
	s := newTestScreen(t, 80, 12)
	m := message(1, "user 7", "one")
	m.Sender.Attributes = map[string]string{"name": "Bo"}
	show(s, m)
	press(s, "ctrl+up", "k")
	wantShown(t, s, "kick user 7: why?\n")
	press(s, "esc")
	wantHidden(t, s, "kick user 7")
	press(s, "k", "enter")
	if got, want := nextRequest(t, s), (request{disconnectUser, "user 7", ""}); got != want {
		t.Errorf("asked for %+v, want %+v", got, want)
	}
	s.Update(outcomeMsg{request: request{verb: disconnectUser},
		err: &client.RequestError{Code: 403, Message: "Forbidden"}})
	press(s, "esc")
	wantShown(t, s, "!      -- the user was not disconnected: not allowed: Forbidden (403)")
}

func TestCommands(t *testing.T) {
	tests := []struct {
		typed string
		want  request
	}{
		{"/delete", request{deleteMessage, messageID(1), ""}},
		{"/delete too rude", request{deleteMessage, messageID(1), "too rude"}},
		{"/kick bo", request{disconnectUser, "bo", ""}},
		{`/kick "b o" spam`, request{disconnectUser, "b o", "spam"}},
		{"//kick bo", request{say, "", "/kick bo"}},
	}
	for _, test := range tests {
		t.Run(test.typed, func(t *testing.T) {
			s := newTestScreen(t, 80, 12)
			show(s, message(1, "bo", "one"))
			press(s, "tab", "tab") // select, and back to the input
			typeText(s, test.typed)
			press(s, "enter")
			if got := nextRequest(t, s); got != test.want {
				t.Errorf("asked for %+v, want %+v", got, test.want)
			}
			press(s, "up")
			wantShown(t, s, "> "+test.typed+"\n") // in the history
		})
	}
}

func TestCommandsThatFail(t *testing.T) {
	tests := []struct{ typed, want string }{
		{"/me waves", "there is no /me; see /help"},
		{"/delete", "select a message first: Tab"},
		{"/kick", "whom? /kick USER [reason]"},
	}
	for _, test := range tests {
		t.Run(test.typed, func(t *testing.T) {
			s := newTestScreen(t, 80, 12)
			show(s, message(1, "bo", "one"))
			typeText(s, test.typed)
			press(s, "enter")
			wantShown(t, s, "> "+test.typed+"\n "+test.want)
			if len(s.requests) > 0 {
				t.Errorf("asked for %+v", nextRequest(t, s))
			}
		})
	}
}

func TestHelpAndQuit(t *testing.T) {
	s := newTestScreen(t, 80, 20)
	typeText(s, "/help")
	press(s, "enter")
	wantShown(t, s, "-- /kick USER [reason]")
	typeText(s, "/quit")
	if !isQuit(press(s, "enter")) {
		t.Error("/quit does not end the program")
	}
}

func TestViewOnly(t *testing.T) {
	s := newTestScreen(t, 80, 12)
	s.cfg.Capabilities = 0
	show(s, message(1, "bo", "one"))
	wantShown(t, s, "> view only\n /help")
	typeText(s, "hello")
	press(s, "enter")
	wantShown(t, s, "> hello\n this session may not send messages")
	press(s, "tab", "d")
	wantShown(t, s, "this session may not delete messages")
	press(s, "k")
	wantShown(t, s, "this session may not disconnect users")
	if len(s.requests) > 0 {
		t.Errorf("asked for %+v", nextRequest(t, s))
	}
}

func TestLeave(t *testing.T) {
	tests := []struct {
		name string
		keys []string
		want bool
	}{
		{"ctrl+c", []string{"ctrl+c"}, true},
		{"ctrl+c in a prompt", []string{"tab", "d", "ctrl+c"}, true},
		{"ctrl+d", []string{"ctrl+d"}, true},
		{"ctrl+d in a text", []string{"x", "ctrl+d"}, false},
		{"esc", []string{"esc"}, false},
		{"esc twice", []string{"esc", "esc"}, true},
		{"esc, something, esc", []string{"esc", "x", "esc"}, false},
		{"esc out of the list", []string{"tab", "esc", "esc"}, false},
		{"esc out of a prompt", []string{"tab", "k", "esc", "esc", "esc"}, false},
		{"esc out of old messages", []string{"pgup", "esc", "esc"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newTestScreen(t, 40, 6)
			for i := range 9 {
				show(s, message(i, "bo", "hi"))
			}
			if got := isQuit(press(s, test.keys...)); got != test.want {
				t.Errorf("after %q, the program ends: %t, want %t", test.keys, got, test.want)
			}
		})
	}
}

func TestListStandsStill(t *testing.T) {
	s := newTestScreen(t, 40, 8)
	for i := range 10 {
		show(s, message(i, "bo", fmt.Sprintf("<%d>", i)))
	}
	press(s, "tab")
	show(s, message(10, "bo", "<10>"), message(11, "bo", "<11>"))
	wantShown(t, s, ">12:00 bo: <9>")
	wantHidden(t, s, "<10>")
	press(s, "esc")
	wantShown(t, s, "<11>")
}

func TestSelectionIsForgotten(t *testing.T) {
	s := newTestScreen(t, 40, 8)
	show(s, message(0, "bo", "old"))
	press(s, "tab")
	for i := range maxEntries {
		show(s, message(1+i, "bo", fmt.Sprintf("<%d>", i)))
	}
	press(s, "d")
	wantShown(t, s, "select a message first: Tab")
	press(s, "down")
	wantShown(t, s, fmt.Sprintf(">12:00 bo: <%d>", maxEntries-1))
}

func TestEmptyListHasNoSelection(t *testing.T) {
	s := newTestScreen(t, 40, 8)
	show(s, &client.Event{Event: parley.Event{Name: "poll"}})
	press(s, "tab")
	wantShown(t, s, "there is no message to select")
	typeText(s, "x")
	wantShown(t, s, "> x")
}
