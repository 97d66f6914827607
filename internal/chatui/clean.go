package chatui

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMarks is how many combining marks and joiners one character keeps: more than
// any script stacks, and few enough not to be drawn over the lines around.
const maxMarks = 8

const (
	replaced  = "\uFFFD"
	lineBreak = " ↵ "
)

// sequences matches what a terminal takes as one instruction, in its seven and its
// eight bit form. Of a sequence that does not end, it matches the beginning alone, so
// that nobody can hide text behind one.
var sequences = regexp.MustCompile(`(?:\x1b\[|\x{9b})[0-?]*[ -/]*[@-~]` +
	`|(?:\x1b[\]PX^_]|[\x{9d}\x{90}\x{98}\x{9e}\x{9f}])[^\x07\x1b\x{9c}]*(?:\x07|\x1b\\|\x{9c})` +
	`|\x1b[ -/]*[0-~]`)

// clean returns s as it may be written to a terminal, on one line: all text from
// others passes through here. Escape sequences, control characters and bad UTF-8
// become U+FFFD, so that a reader sees that something was there; invisible formatting,
// such as what turns the direction of writing, is dropped.
func clean(s string) string {
	s = strings.TrimPrefix(harmless(s, lineBreak), lineBreak)
	return strings.Trim(strings.TrimSuffix(s, lineBreak), " ")
}

// cleanName returns s as the name of a user, or "" when nothing is left of it. A colon
// and a space, which end the name in front of a message, do not occur in it.
func cleanName(s string) string {
	s = strings.Join(strings.Fields(harmless(s, " ")), " ")
	return strings.ReplaceAll(s, ": ", ":")
}

// cleanTyped returns s, typed or pasted, as a line of input may have it.
func cleanTyped(s string) string { return harmless(s, " ") }

// harmless does the work of clean, with breaks in place of line breaks.
func harmless(s, breaks string) string {
	if isPlainASCII(s) {
		return s
	}
	s = sequences.ReplaceAllString(strings.ToValidUTF8(s, replaced), replaced)
	c := cleaner{breaks: breaks}
	for _, r := range s {
		c.add(r)
	}
	return c.out.String()
}

func isPlainASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// cleaner builds clean text from characters.
type cleaner struct {
	out    strings.Builder
	breaks string // written for line breaks
	last   string // what was written last
	marks  int    // combining marks and joiners since then
}

func (c *cleaner) add(r rune) {
	switch {
	case r == '\t':
		c.write(" ")
	case isLineBreak(r):
		c.writeOnce(c.breaks)
	case r == utf8.RuneError || unicode.Is(unicode.Cc, r):
		c.writeOnce(replaced)
	case isJoiner(r) || unicode.Is(unicode.M, r):
		if c.marks++; c.marks <= maxMarks {
			c.out.WriteRune(r)
		}
	case unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r):
		// Invisible: bidirectional controls, zero width spaces, tags.
	default:
		c.write(string(r))
	}
}

func (c *cleaner) write(s string) {
	c.out.WriteString(s)
	c.last, c.marks = s, 0
}

// writeOnce writes what stands for a run of characters as well as for one.
func (c *cleaner) writeOnce(s string) {
	if c.last != s {
		c.write(s)
	}
}

func isLineBreak(r rune) bool {
	return r >= '\n' && r <= '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029'
}

// isJoiner reports whether r joins its neighbours or keeps them apart, which emoji
// and several scripts need.
func isJoiner(r rune) bool { return r == '\u200c' || r == zeroWidthJoiner }
