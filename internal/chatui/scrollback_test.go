package chatui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// newTestScrollback returns one of a height with n messages, of one line each.
func newTestScrollback(height, n int) *scrollback {
	s := newScrollback(canvas{width: 80, theme: onBlack, location: time.UTC})
	s.height = height
	for i := range n {
		s.add(testEntry(i))
	}
	return s
}

func testEntry(n int) *entry {
	return &entry{kind: said, id: messageID(n), userID: "bo", name: "bo", text: fmt.Sprint(n)}
}

// texts returns the lines in view, without names.
func texts(s *scrollback) string {
	var out []string
	for _, line := range s.view() {
		text := ansi.Strip(line.text)
		out = append(out, strings.TrimPrefix(strings.TrimSpace(text), "bo: "))
	}
	return strings.Join(out, " ")
}

func TestScroll(t *testing.T) {
	tests := []struct {
		name   string
		do     func(*scrollback)
		want   string
		follow bool
	}{
		{"the newest", func(*scrollback) {}, "17 18 19", true},
		{"up", func(s *scrollback) { s.scroll(-1) }, "16 17 18", false},
		{"up and down", func(s *scrollback) { s.scroll(-5); s.scroll(2) }, "14 15 16", false},
		{"down to the newest", func(s *scrollback) { s.scroll(-5); s.scroll(5) }, "17 18 19", true},
		{"down past the newest", func(s *scrollback) { s.scroll(-5); s.scroll(50) },
			"17 18 19", true},
		{"to the oldest", func(s *scrollback) { s.scroll(-17) }, "0 1 2", false},
		{"past the oldest", func(s *scrollback) { s.scroll(-100) }, "0 1 2", false},
		{"past the oldest and down", func(s *scrollback) { s.scroll(-100); s.scroll(1) },
			"1 2 3", false},
		{"follow", func(s *scrollback) { s.scroll(-5); s.follow() }, "17 18 19", true},
		{"a message comes", func(s *scrollback) { s.scroll(-1); s.add(testEntry(20)) },
			"16 17 18", false},
		{"a message comes to the end", func(s *scrollback) { s.add(testEntry(20)) },
			"18 19 20", true},
		{"a message comes to a held end", func(s *scrollback) {
			s.held = true
			s.reveal(19)
			s.add(testEntry(20))
		}, "17 18 19", false},
		{"a known message comes", func(s *scrollback) { s.add(testEntry(5)) }, "17 18 19", true},
		{"reveal above", func(s *scrollback) { s.reveal(4) }, "4 5 6", false},
		{"reveal below", func(s *scrollback) { s.reveal(4); s.reveal(9) }, "7 8 9", false},
		{"reveal what is seen", func(s *scrollback) { s.reveal(4); s.reveal(5) }, "4 5 6", false},
		{"reveal the oldest", func(s *scrollback) { s.reveal(0) }, "0 1 2", false},
		{"taller", func(s *scrollback) { s.scroll(-2); s.height = 5 }, "13 14 15 16 17", false},
		{"taller at the oldest", func(s *scrollback) { s.scroll(-99); s.height = 5 },
			"0 1 2 3 4", false},
		{"no lines", func(s *scrollback) { s.height = 0; s.scroll(-1) }, "", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newTestScrollback(3, 20)
			test.do(s)
			if got := texts(s); got != test.want || s.following != test.follow {
				t.Errorf("in view is %q, following %t, want %q, %t",
					got, s.following, test.want, test.follow)
			}
		})
	}
}

func TestScrollWhenAllIsSeen(t *testing.T) {
	for n := range 4 {
		s := newTestScrollback(3, n)
		s.scroll(-5)
		if got := len(s.view()); got != n || !s.following {
			t.Errorf("of %d messages, %d are seen, following %t", n, got, s.following)
		}
	}
}

func TestScrollWithinAMessage(t *testing.T) {
	s := newTestScrollback(3, 0)
	for i := range 3 {
		e := testEntry(i)
		e.text = strings.Repeat(fmt.Sprintf("%dxxxxxxxxx ", i), 14) // three lines
		s.add(e)
	}
	s.scroll(-1)
	view := s.view()
	if len(view) != 3 || view[0].entry != 1 || view[2].entry != 2 ||
		!strings.Contains(view[0].text, "1xxx") {
		t.Errorf("a line above three of message 2 are %+v", view)
	}
	s.canvas.width, s.canvas.generation = 40, 1
	if got := s.view(); got[2].entry != 2 {
		t.Errorf("in a narrower terminal, the last line is of message %d, want 2", got[2].entry)
	}
}

func TestScrollbackIsBounded(t *testing.T) {
	s := newTestScrollback(3, maxEntries)
	s.scroll(-maxEntries)
	if got := texts(s); got != "0 1 2" {
		t.Fatalf("with the most entries, the oldest are %q, want 0 1 2", got)
	}
	s.add(testEntry(maxEntries))
	if got := texts(s); got != "1 2 3" {
		t.Errorf("with one more, the oldest are %q, want 1 2 3", got)
	}
	for i := range 2 * maxEntries {
		s.add(testEntry(maxEntries + 1 + i))
	}
	if len(s.entries) != maxEntries || len(s.byID) != maxEntries {
		t.Errorf("%d entries are kept, and %d ids, want %d",
			len(s.entries), len(s.byID), maxEntries)
	}
	if s.delete(messageID(0), "") {
		t.Error("a message was deleted that was forgotten")
	}
	if got := texts(s); got != fmt.Sprint(2*maxEntries+1, 2*maxEntries+2, 2*maxEntries+3) {
		t.Errorf("where the screen was, everything was forgotten; now it shows %q", got)
	}
}

// TestDrawsAreFew checks that the work of a frame does not grow with what can be scrolled
// back to.
func TestDrawsAreFew(t *testing.T) {
	s := newTestScrollback(22, maxEntries)
	drawn := func() (n int) {
		for _, e := range s.entries {
			if e.lines != nil && e.drawn == s.canvas.generation {
				n++
			}
		}
		return n
	}
	s.view()
	if n := drawn(); n > s.height+1 {
		t.Errorf("the first frame drew %d of %d entries, want those on the screen", n, maxEntries)
	}
	newest := s.at(s.end() - 1)
	line := &newest.lines[0]
	if s.view(); &newest.lines[0] != line {
		t.Error("a second frame drew an entry again that had not changed")
	}
	before := drawn()
	for i := range 200 {
		s.add(testEntry(maxEntries + i))
		s.view()
	}
	if n := drawn() - before; n > 200 {
		t.Errorf("200 more messages had %d entries drawn, want each once", n)
	}
	s.canvas.generation++ // a resize
	s.scroll(-1000)
	s.view()
	if n := drawn(); n > 1000+2*s.height {
		t.Errorf("after a resize and 1000 lines up, %d entries were drawn", n)
	}
}

func TestUnread(t *testing.T) {
	s := newTestScrollback(3, 20)
	s.add(testEntry(20))
	if s.unread != 0 {
		t.Errorf("at the newest, %d messages are unread", s.unread)
	}
	s.scroll(-1)
	s.add(testEntry(21))
	s.add(&entry{kind: happened, text: "an event"})
	s.add(testEntry(22))
	if s.unread != 2 {
		t.Errorf("after two messages and an event, %d are unread, want 2", s.unread)
	}
	s.scroll(10)
	if s.unread != 0 {
		t.Errorf("back at the newest, %d messages are unread", s.unread)
	}
}

// BenchmarkFrame measures a message that comes into a full scrollback, and its frame.
func BenchmarkFrame(b *testing.B) {
	s := newTestScrollback(22, maxEntries)
	text := strings.Repeat("lorem ipsum 日本語 ", 10)
	for i := 0; b.Loop(); i++ {
		e := testEntry(maxEntries + i)
		e.text = text
		s.add(e)
		s.view()
	}
}

// BenchmarkResize measures a frame of a full scrollback in a new width.
func BenchmarkResize(b *testing.B) {
	s := newTestScrollback(22, maxEntries)
	for b.Loop() {
		s.canvas.generation++
		s.view()
	}
}
