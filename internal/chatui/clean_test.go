package chatui

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/client"
)

func TestClean(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "hello, world", "hello, world"},
		{"empty", "", ""},
		{"spaces around", "  a b ", "a b"},
		{"colour", "a\x1b[31mred\x1b[0mb", "a�red�b"},
		{"cursor", "a\x1b[2J\x1b[Hb", "a�b"},
		{"title", "a\x1b]0;owned\x07b", "a�b"},
		{"title with ST", "a\x1b]0;owned\x1b\\b", "a�b"},
		{"clipboard", "\x1b]52;c;cm0gLXJm\x07", "�"},
		{"hyperlink", "\x1b]8;;https://x\x1b\\text\x1b]8;;\x1b\\", "�text�"},
		{"device control", "a\x1bPq#0\x1b\\b", "a�b"},
		{"reset", "a\x1bcb", "a�b"},
		{"charset", "a\x1b(0b", "a�b"},
		{"string without end hides nothing", "\x1b]0;insult", "�0;insult"},
		{"sequence without end hides nothing", "\x1b[12", "�12"},
		{"escape at the end", "a\x1b", "a�"},
		{"eight bit sequence", "a\u009b31mb", "a�b"},
		{"eight bit string", "a\u009d0;x\u009cb", "a�b"},
		{"raw eight bit byte", "a\x9b31mb", "a�31mb"},
		{"controls", "a\x00\x07\x08b\x7fc", "a�b�c"},
		{"tab", "a\tb", "a b"},
		{"line break", "a\nb", "a ↵ b"},
		{"line breaks", "a\r\n\n\u2028\u0085b", "a ↵ b"},
		{"line breaks around", "\na\n", "a"},
		{"bad UTF-8", "a\xff\xfeb", "a�b"},
		{"bidi override", "a\u202egnp.exe\u202cb", "agnp.exeb"},
		{"bidi isolates and marks", "a\u2066b\u2069\u200ec\u200fd\u061c", "abcd"},
		{"right to left text stays", "שלום עולם", "שלום עולם"},
		{"invisible", "a\u200bb\ufeffc\u00add\u2060e", "abcde"},
		{"tag characters", "a\U000e0041\U000e007fb", "ab"},
		{"family", "👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦"},
		{"half-form", "क्\u200dष", "क्\u200dष"},
		{"marks", "z" + strings.Repeat("\u0301", maxMarks),
			"z" + strings.Repeat("\u0301", maxMarks)},
		{"too many marks", "z" + strings.Repeat("\u0301", maxMarks+1),
			"z" + strings.Repeat("\u0301", maxMarks)},
		{"too many joiners", "z" + strings.Repeat("\u200d", 99) + "y",
			"z" + strings.Repeat("\u200d", maxMarks) + "y"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := clean(test.in); got != test.want {
				t.Errorf("clean(%q) = %q, want %q", test.in, got, test.want)
			}
		})
	}
}

func TestCleanName(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "Ann", "Ann"},
		{"line break", "Ann\n12:00 Bo", "Ann 12:00 Bo"},
		{"like two columns", "a   b\u00a0\u3000c", "a b c"},
		{"ends a name", "Bo: no", "Bo:no"},
		{"ends a name, in disguise", "Bo:\u200b no:\n", "Bo:no:"},
		{"many colons", "Bo:: : no", "Bo:::no"},
		{"only invisible", "\u200b\u202e ", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := cleanName(test.in); got != test.want {
				t.Errorf("cleanName(%q) = %q, want %q", test.in, got, test.want)
			}
		})
	}
}

// checkHarmless fails when text that was cleaned could do anything to a terminal.
func checkHarmless(t *testing.T, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("not UTF-8: %q", text)
	}
	for _, r := range text {
		format := unicode.Is(unicode.Cf, r) && r != '\u200c' && r != '\u200d' &&
			!unicode.Is(unicode.Prepended_Concatenation_Mark, r)
		if unicode.IsControl(r) || format || r == '\u2028' || r == '\u2029' {
			t.Errorf("%q holds %U", text, r)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{"hi", "\x1b[31m", "\x1b]0;a\x07", "\u009b1m", "a\u202eb",
		"e\u0301", "\xff\x9b", "\x1b\x1b[[31m", "\r\n\u2028", "a: b", "👨‍👩‍👧‍👦", "\u0600\u0301"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, got := range []string{clean(s), cleanName(s), cleanTyped(s)} {
			checkHarmless(t, got)
		}
		if once := clean(s); clean(once) != once {
			t.Errorf("clean(%q) = %q, and cleaned again %q", s, once, clean(once))
		}
		if name := cleanName(s); strings.Contains(name, ": ") {
			t.Errorf("cleanName(%q) = %q, which ends in the middle", s, name)
		}
	})
}

// FuzzScreen checks what reaches the terminal: besides our own styles, there is nothing
// in it that a terminal acts on, and no line is too wide.
func FuzzScreen(f *testing.F) {
	f.Add("hi", "Ann", "#f00", "why")
	f.Add("\x1b[31m\u009b2J\x1b]0;x\x07", "\x1b[1mA\nB", "\x1b[31m", "\x1b\\")
	f.Add("日本語👨‍👩‍👧‍👦e\u0301", "\u202eevil", "red", "\u2028")
	f.Fuzz(func(t *testing.T, text, name, colour, reason string) {
		m := message(1, name, text)
		m.Sender.Attributes = map[string]string{"displayName": name, "color": colour}
		event := &client.Event{Event: parley.Event{
			Name: name, Attributes: map[string]string{name: text}}}
		for _, width := range []int{20, 80} {
			s := newTestScreen(t, width, 24)
			s.cfg.Title = name
			s.send(cleanTyped(text)) // as the input has it
			show(s, m, event, message(2, "ana", text),
				&client.UserDisconnected{UserID: name, Reason: reason})
			s.Update(outcomeMsg{request: nextRequest(t, s),
				err: &client.RequestError{Code: 406, Message: reason}})
			press(s, "tab")
			checkScreen(t, s)
			show(s, &client.MessageDeleted{MessageID: messageID(1), Reason: reason})
			s.input.set("")
			s.Update(tea.PasteMsg{Content: text})
			s.Update(endedMsg{errors.New(reason)})
			checkScreen(t, s)
		}
	})
}

func checkScreen(t *testing.T, s *screen) {
	t.Helper()
	for i, piece := range strings.Split(s.View().Content, "\x1b") {
		if i > 0 { // behind an escape character
			end := strings.IndexByte(piece, 'm')
			if !strings.HasPrefix(piece, "[") || end < 0 ||
				strings.Trim(piece[1:end], "0123456789;:") != "" {
				t.Fatalf("not a style: %q", piece)
			}
			piece = piece[end+1:]
		}
		checkHarmless(t, strings.ReplaceAll(piece, "\n", ""))
	}
	rows(t, s)
}

// FuzzPlain checks that a line of plain is one line, and harmless.
func FuzzPlain(f *testing.F) {
	f.Add("hi", "Ann", "why")
	f.Add("a\nb\x1b[2J", "A: \u202eb", "\x1b]0;x\x07")
	f.Fuzz(func(t *testing.T, text, name, reason string) {
		var out, errs strings.Builder
		p := transcript{cfg: Config{Out: &out, Err: &errs, IDs: true, UserID: "ana"}}
		m := message(1, name, text)
		m.ID = reason
		received := []client.Received{m,
			&client.Event{Event: parley.Event{
				Name: name, Attributes: map[string]string{name: text}}},
			&client.MessageDeleted{MessageID: name, Reason: reason},
			&client.UserDisconnected{UserID: name, Reason: reason},
		}
		for _, r := range received {
			if err := p.print(r); err != nil {
				t.Fatal(err)
			}
		}
		p.note(deed{outcome: outcome{
			request: request{verb: say, text: text}, err: errors.New(reason)}})
		if c := parseCommand("/" + name); c.verb == invalid {
			p.note(deed{wrong: c.text})
		}
		if n := strings.Count(out.String(), "\n"); n != len(received) {
			t.Errorf("%d things were printed on %d lines: %q", len(received), n, out.String())
		}
		checkHarmless(t, strings.ReplaceAll(out.String(), "\n", ""))
		checkHarmless(t, strings.ReplaceAll(errs.String(), "\n", ""))
	})
}
