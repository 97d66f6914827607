package chatui

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// maxHistory is how many lines the input remembers.
const maxHistory = 100

// input is a line of text that is being edited. The cursor moves by what a reader
// takes as one character.
type input struct {
	text         string // clean
	cursor       int    // in bytes
	limit        int    // code points of text, at most
	commandLimit int    // the same for a command, if that is more

	history []string // older first, at most maxHistory
	recall  int      // the place in history that is shown; len(history) is draft
	draft   string   // what was typed when recall left it
}

// limitOf returns how many code points a text may have here.
func (in *input) limitOf(text string) int {
	if strings.HasPrefix(text, "/") {
		return max(in.limit, in.commandLimit)
	}
	return in.limit
}

// insert puts s in at the cursor. It reports false when some of s was over the limit.
func (in *input) insert(s string) bool {
	s = cleanTyped(s)
	limit := in.limitOf(in.text[:in.cursor] + s + in.text[in.cursor:])
	room := limit - utf8.RuneCountInString(in.text)
	all := utf8.RuneCountInString(s) <= room
	if !all {
		s = string([]rune(s)[:max(room, 0)])
	}
	in.text = in.text[:in.cursor] + s + in.text[in.cursor:]
	in.cursor += len(s)
	return all
}

// set replaces the text and puts the cursor behind it.
func (in *input) set(s string) {
	in.text, in.cursor = s, len(s)
}

// take returns the text and leaves an empty line.
func (in *input) take() string {
	s := in.text
	in.set("")
	in.recall = len(in.history)
	return s
}

// remember adds s to the history, unless it is there as the newest.
func (in *input) remember(s string) {
	if n := len(in.history); n == 0 || in.history[n-1] != s {
		in.history = append(in.history, s)
	}
	if len(in.history) > maxHistory {
		in.history = slices.Delete(in.history, 0, len(in.history)-maxHistory)
	}
	in.recall = len(in.history)
}

func (in *input) older() {
	if in.recall == 0 {
		return
	}
	if in.recall == len(in.history) {
		in.draft = in.text
	}
	in.recall--
	in.set(in.history[in.recall])
}

func (in *input) newer() {
	if in.recall == len(in.history) {
		return
	}
	in.recall++
	if in.recall == len(in.history) {
		in.set(in.draft)
		return
	}
	in.set(in.history[in.recall])
}

// edits says what the keys do to a line.
var edits = map[string]func(*input){
	"left":           func(in *input) { in.cursor = in.before() },
	"ctrl+b":         func(in *input) { in.cursor = in.before() },
	"right":          func(in *input) { in.cursor = in.after() },
	"ctrl+f":         func(in *input) { in.cursor = in.after() },
	"home":           func(in *input) { in.cursor = 0 },
	"ctrl+a":         func(in *input) { in.cursor = 0 },
	"end":            func(in *input) { in.cursor = len(in.text) },
	"ctrl+e":         func(in *input) { in.cursor = len(in.text) },
	"ctrl+left":      func(in *input) { in.cursor = in.wordBefore() },
	"alt+left":       func(in *input) { in.cursor = in.wordBefore() },
	"alt+b":          func(in *input) { in.cursor = in.wordBefore() },
	"ctrl+right":     func(in *input) { in.cursor = in.wordAfter() },
	"alt+right":      func(in *input) { in.cursor = in.wordAfter() },
	"alt+f":          func(in *input) { in.cursor = in.wordAfter() },
	"backspace":      func(in *input) { in.remove(in.before(), in.cursor) },
	"ctrl+h":         func(in *input) { in.remove(in.before(), in.cursor) },
	"delete":         func(in *input) { in.remove(in.cursor, in.after()) },
	"ctrl+d":         func(in *input) { in.remove(in.cursor, in.after()) },
	"ctrl+w":         func(in *input) { in.remove(in.wordBefore(), in.cursor) },
	"alt+backspace":  func(in *input) { in.remove(in.wordBefore(), in.cursor) },
	"ctrl+backspace": func(in *input) { in.remove(in.wordBefore(), in.cursor) },
	"alt+d":          func(in *input) { in.remove(in.cursor, in.wordAfter()) },
	"ctrl+u":         func(in *input) { in.remove(0, in.cursor) },
	"ctrl+k":         func(in *input) { in.remove(in.cursor, len(in.text)) },
}

// press does what a key means to a line, or types its text. It reports whether the
// text had place.
func (in *input) press(key, text string) bool {
	if edit, ok := edits[key]; ok {
		edit(in)
		return true
	}
	return in.insert(text)
}

func (in *input) remove(from, to int) {
	in.text = in.text[:from] + in.text[to:]
	in.cursor = from
}

// before returns where the character before the cursor begins.
func (in *input) before() int {
	start := 0
	for i := 0; i < in.cursor; {
		start = i
		i += clusterLen(in.text[i:])
	}
	return start
}

// after returns where the character at the cursor ends.
func (in *input) after() int {
	return in.cursor + clusterLen(in.text[in.cursor:])
}

func (in *input) wordBefore() int {
	s := strings.TrimRight(in.text[:in.cursor], " ")
	return strings.LastIndexByte(s, ' ') + 1
}

func (in *input) wordAfter() int {
	s := in.text[in.cursor:]
	word := strings.TrimLeft(s, " ")
	if i := strings.IndexByte(word, ' '); i >= 0 {
		word = word[i:]
	} else {
		word = ""
	}
	return in.cursor + len(s) - len(word)
}

// view returns the part of the text around the cursor that fits into width columns,
// and the column of the cursor in it.
func (in *input) view(r ruler, width int) (shown string, column int) {
	ahead := min(r.width(r.fit(in.text[in.cursor:])), width/4)
	start, column := 0, r.width(r.fit(in.text[:in.cursor]))
	for start < in.cursor && column > width-1-ahead {
		n := clusterLen(in.text[start:])
		column -= r.width(r.fit(in.text[start : start+n]))
		start += n
	}
	shown = r.fit(in.text[start:])
	if r.width(shown) > width {
		shown = r.prefix(shown, width)
	}
	return shown, column
}

// clusterLen returns the length in bytes of the first character of s.
func clusterLen(s string) int {
	if s == "" {
		return 0
	}
	cluster, _ := ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
	return len(cluster)
}
