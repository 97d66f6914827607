package chatui

import (
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

const (
	zeroWidthJoiner = '\u200d'
	firstSymbol     = '\u2190' // emoji and other symbols are all above
)

// ruler measures clean text in columns, as the terminal at hand draws it. Few
// terminals take a family of four as one character; most draw four, and which they do
// decides where the rest of the line is. Its zero value is for the latter.
type ruler struct {
	clusters bool // the terminal draws each grapheme cluster as one character
}

func (r ruler) method() ansi.Method {
	if r.clusters {
		return ansi.GraphemeWidth
	}
	return ansi.WcWidth
}

// width returns how many columns s takes.
func (r ruler) width(s string) int { return r.method().StringWidth(s) }

// next returns the first character of s with all that is drawn on top of it, and its
// width.
func (r ruler) next(s string) (string, int) {
	if len(s) == 1 || s[0] < utf8.RuneSelf && s[1] < utf8.RuneSelf {
		return s[:1], 1
	}
	if r.clusters {
		return ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
	}
	_, end := utf8.DecodeRuneInString(s)
	width := r.width(s[:end])
	for end < len(s) {
		_, n := utf8.DecodeRuneInString(s[end:])
		if r.width(s[end:end+n]) > 0 {
			break
		}
		end += n
	}
	return s[:end], width
}

// fit returns s without what terminals disagree about: where clusters are not drawn
// as one, it takes emoji apart into such as have the same width everywhere.
func (r ruler) fit(s string) string {
	if r.clusters || isPlainASCII(s) {
		return s
	}
	var out strings.Builder
	previous := rune(0)
	for i, c := range s {
		following, _ := utf8.DecodeRuneInString(s[i+utf8.RuneLen(c):])
		switch {
		case c == '\ufe0e' || c == '\ufe0f': // as text, or as emoji
		case c == zeroWidthJoiner && following >= firstSymbol:
		case c >= '\U0001F3FB' && c <= '\U0001F3FF' && previous >= firstSymbol: // skin tones
		default:
			out.WriteRune(c)
			previous = c
		}
	}
	return out.String()
}

// prefix returns as much of s as fits into width columns, but at least one character
// where s has one.
func (r ruler) prefix(s string, width int) string {
	end := 0
	for end < len(s) {
		c, w := r.next(s[end:])
		if width -= w; width < 0 && end > 0 {
			break
		}
		end += len(c)
	}
	return s[:end]
}

// cut returns s, shortened to width columns if it is longer, with a mark that it was.
func (r ruler) cut(s string, width int) string { return r.method().Truncate(s, width, "…") }

// pad returns s with spaces behind it, to fill width columns.
func (r ruler) pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-r.width(s)))
}

// wrap breaks s into lines of at most rest columns, the first one of at most first.
// The first line is empty when the first word has place only on the second. No line
// has spaces at its end.
func (r ruler) wrap(s string, first, rest int) []string {
	var lines []string
	var line strings.Builder
	limit, width := max(first, 1), 0
	flush := func() {
		lines = append(lines, strings.TrimRight(line.String(), " "))
		line.Reset()
		limit, width = max(rest, 1), 0
	}
	for s != "" {
		word, spaces := r.word(s)
		s = s[len(word)+len(spaces):]
		w := r.width(word)
		if width+w > limit && (width > 0 || limit < rest && w <= rest) {
			flush()
		}
		for w > limit {
			piece := r.prefix(word, limit)
			if piece == word { // one character that is wider than a line
				break
			}
			line.WriteString(piece)
			flush()
			word = word[len(piece):]
			w = r.width(word)
		}
		line.WriteString(word + spaces)
		width += w + len(spaces)
	}
	flush()
	return lines
}

// word returns what stands at the beginning of s and should stay on one line, and the
// spaces behind it. Wide characters are words of their own: scripts that have them do
// without spaces.
func (r ruler) word(s string) (word, spaces string) {
	end := 0
	for end < len(s) && s[end] != ' ' {
		c, w := r.next(s[end:])
		if w > 1 && end > 0 {
			break
		}
		if end += len(c); w > 1 {
			break
		}
	}
	behind := strings.TrimLeft(s[end:], " ")
	return s[:end], s[end : len(s)-len(behind)]
}
