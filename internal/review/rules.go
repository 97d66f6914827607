package review

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/parley-chat/parley/internal/hub"
)

// RulesConfig are rules for messages that the server checks by itself. At least one is
// set. What breaks a rule is denied, with a reason, or cleaned.
type RulesConfig struct {
	// Words are words and phrases that messages must not have, in any case, as whole
	// words. WordsFile names a file with more of them, one a line; # begins a comment.
	Words     []string `koanf:"words"`
	WordsFile string   `koanf:"words_file"`
	// NoLinks forbids addresses of web pages.
	NoLinks bool `koanf:"no_links"`
	// MaxRepeats is how often in a row a word may come. Default 0, no limit.
	MaxRepeats int `koanf:"max_repeats"`
	// MaxRun is how often in a row a character may come that is no digit. Default 0, no
	// limit.
	MaxRun int `koanf:"max_run"`
	// MaxCapitals is the share of capital letters, up to 1, that a message of ten letters
	// or more may have. Default 0, no limit.
	MaxCapitals float64 `koanf:"max_capitals"`
	// Replace has messages cleaned instead of denied: this takes the place of words and
	// links, what repeats is cut to its limit, and capital letters are made small ones.
	Replace string `koanf:"replace"`
}

const (
	// minLetters is how many letters a message has at least whose capitals are counted.
	minLetters = 10
	// maxReplaceLen is the longest text that replaces something, in code points.
	maxReplaceLen = 50
)

// Why messages are denied.
const (
	reasonWord     = "The message has a word that is not allowed here."
	reasonLink     = "Links are not allowed here."
	reasonRepeats  = "The message repeats itself."
	reasonCapitals = "The message has too many capital letters."
)

func (c RulesConfig) load(l location) *rules {
	r := &rules{config: c, words: loadWords(l, c.Words, c.WordsFile)}
	if r.words == nil && !c.NoLinks && c.MaxRepeats == 0 && c.MaxRun == 0 && c.MaxCapitals == 0 {
		l.wrong("want at least one of words, words_file, no_links, max_repeats, max_run and " +
			"max_capitals")
	}
	if c.MaxRepeats < 0 || c.MaxRun < 0 {
		l.wrong("max_repeats and max_run must not be negative")
	}
	if c.MaxCapitals < 0 || c.MaxCapitals > 1 {
		l.wrong("max_capitals must be 0 to 1, not %v", c.MaxCapitals)
	}
	if n := utf8.RuneCountInString(c.Replace); n > maxReplaceLen {
		l.wrong("replace must have at most %d characters, not %d", maxReplaceLen, n)
	}
	return r
}

// rules decide on messages by themselves.
type rules struct {
	config RulesConfig
	words  *words // nil for none
}

func (r *rules) decide(m hub.Review) hub.Decision {
	content := m.Content
	if r.config.Replace != "" {
		content = shorten(r.clean(content), m.MaxLength)
	} else if reason := r.broken(content); reason != "" {
		return hub.Decision{Reason: reason}
	}
	return hub.Decision{Allow: true, Content: content, Attributes: m.Attributes}
}

// broken returns which rule a message breaks, and "" for none.
func (r *rules) broken(content string) string {
	tokens := r.tokens(content)
	switch {
	case len(r.words.find(tokens)) > 0:
		return reasonWord
	case r.config.NoLinks && len(findLinks(content)) > 0:
		return reasonLink
	case len(r.repeats(tokens)) > 0, len(r.runs(content)) > 0:
		return reasonRepeats
	case r.shouts(content):
		return reasonCapitals
	}
	return ""
}

// clean returns a message without what breaks rules. What repeats comes first, since
// what replaces words may repeat, and links come before the words that they leave.
func (r *rules) clean(content string) string {
	content = replace(content, r.runs(content), "")
	content = replace(content, r.repeats(r.tokens(content)), "")
	if r.shouts(content) {
		content = strings.ToLower(content)
	}
	if r.config.NoLinks {
		content = replace(content, findLinks(content), r.config.Replace)
	}
	return replace(content, r.words.find(r.tokens(content)), r.config.Replace)
}

// tokens returns the words of a message, if a rule is about words.
func (r *rules) tokens(content string) []token {
	if r.words == nil && r.config.MaxRepeats == 0 {
		return nil
	}
	return tokenize(content)
}

// span is a part of a text, in bytes.
type span struct{ start, end int }

// replace returns the text with other text in the place of parts of it, which do not
// overlap.
func replace(text string, parts []span, with string) string {
	if len(parts) == 0 {
		return text
	}
	var b strings.Builder
	at := 0
	for _, part := range parts {
		b.WriteString(text[at:part.start])
		b.WriteString(with)
		at = part.end
	}
	b.WriteString(text[at:])
	return b.String()
}

// shorten cuts a text to a number of code points.
func shorten(text string, length int) string {
	for i := range text {
		if length == 0 {
			return text[:i]
		}
		length--
	}
	return text
}

// repeats returns what there is beyond the limit of words in a row that are the same.
func (r *rules) repeats(tokens []token) (parts []span) {
	row := 1
	for i := 1; i < len(tokens) && r.config.MaxRepeats > 0; i++ {
		if row++; tokens[i].text != tokens[i-1].text {
			row = 1
		}
		if row > r.config.MaxRepeats {
			parts = append(parts, span{tokens[i-1].end, tokens[i].end})
		}
	}
	return parts
}

// runs returns what there is beyond the limit of characters in a row that are the same,
// in any case. Digits may be in a row: there are large numbers.
func (r *rules) runs(content string) (parts []span) {
	if r.config.MaxRun == 0 {
		return nil
	}
	row, last := 0, rune(-1)
	for i, c := range content {
		if folded := unicode.ToLower(c); folded == last && !unicode.IsDigit(c) {
			row++
		} else {
			row, last = 1, folded
		}
		if row > r.config.MaxRun {
			parts = append(parts, span{i, i + utf8.RuneLen(c)})
		}
	}
	return parts
}

// shouts reports whether too large a share of a message's letters are capitals. Letters
// that are neither large nor small do not count.
func (r *rules) shouts(content string) bool {
	if r.config.MaxCapitals == 0 {
		return false
	}
	letters, capitals := 0, 0
	for _, c := range content {
		switch {
		case unicode.IsUpper(c):
			capitals++
			letters++
		case unicode.IsLower(c):
			letters++
		}
	}
	return letters >= minLetters && float64(capitals) > r.config.MaxCapitals*float64(letters)
}
