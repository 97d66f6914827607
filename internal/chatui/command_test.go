package chatui

import (
	"testing"

	"github.com/parley-chat/parley"
)

func TestParseCommand(t *testing.T) {
	tests := []struct {
		line string
		want command
	}{
		{"", command{nothing, ""}},
		{"  ", command{nothing, ""}},
		{"hello", command{say, "hello"}},
		{"  hello ", command{say, "  hello "}},
		{"//shrug", command{say, "/shrug"}},
		{"//", command{say, "/"}},
		{" /help", command{say, " /help"}},
		{"/help", command{help, ""}},
		{"/quit now", command{quit, "now"}},
		{"/delete", command{deleteMessage, ""}},
		{"/delete  off topic ", command{deleteMessage, "off topic"}},
		{"/kick bo spam", command{disconnectUser, "bo spam"}},
		{"/me waves", command{invalid, "there is no /me; see /help"}},
		{"/HELP", command{invalid, "there is no /HELP; see /help"}},
		{"/", command{invalid, "there is no /; see /help"}},
	}
	for _, test := range tests {
		if got := parseCommand(test.line); got != test.want {
			t.Errorf("parseCommand(%q) = %+v, want %+v", test.line, got, test.want)
		}
	}
}

func TestSplitTarget(t *testing.T) {
	tests := []struct{ in, target, reason string }{
		{"", "", ""},
		{"bo", "bo", ""},
		{"bo spam and more", "bo", "spam and more"},
		{`"bo the 2nd" spam`, "bo the 2nd", "spam"},
		{`"bo the 2nd"`, "bo the 2nd", ""},
		{`"bo spam`, `"bo`, "spam"},
		{`""`, "", ""},
	}
	for _, test := range tests {
		target, reason := splitTarget(test.in)
		if target != test.target || reason != test.reason {
			t.Errorf("splitTarget(%q) = %q, %q, want %q, %q",
				test.in, target, reason, test.target, test.reason)
		}
	}
}

func TestLacks(t *testing.T) {
	cfg := Config{Capabilities: parley.SendMessage}
	if got := cfg.lacks(say); got != "" {
		t.Errorf("with SEND_MESSAGE, a session that sends hears %q", got)
	}
	for _, v := range []verb{deleteMessage, disconnectUser} {
		if cfg.lacks(v) == "" {
			t.Errorf("with SEND_MESSAGE alone, a session may do verb %d", v)
		}
	}
}
