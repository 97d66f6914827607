package review

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Limits of lists of words.
const (
	maxWords         = 100_000
	maxWordsFileSize = 4 << 20 // bytes
)

// words is a list of words and phrases: a tree of what words may follow each other.
type words struct {
	next map[string]*words // nil for the end of all phrases
	end  bool              // a phrase ends here
}

// loadWords returns the words of a list and a file, or nil when neither is given.
func loadWords(l location, list []string, file string) *words {
	if len(list) == 0 && file == "" {
		return nil
	}
	if file != "" {
		text := l.read("words_file", file)
		if len(text) > maxWordsFileSize {
			l.wrong("words_file has more than %d bytes", maxWordsFileSize)
			return nil
		}
		for line := range strings.Lines(string(text)) {
			line, _, _ = strings.Cut(line, "#")
			if line = strings.TrimSpace(line); line != "" {
				list = append(list, line)
			}
		}
	}
	if len(list) > maxWords {
		l.wrong("want at most %d words, not %d", maxWords, len(list))
		return nil
	}
	all := &words{}
	for _, phrase := range list {
		if !all.add(tokenize(phrase)) {
			l.wrong("words: %q has neither letters nor digits", phrase)
		}
	}
	return all
}

// add adds a phrase, unless it is empty.
func (w *words) add(phrase []token) bool {
	if len(phrase) == 0 {
		return false
	}
	for _, t := range phrase {
		following := w.next[t.text]
		if following == nil {
			if w.next == nil {
				w.next = map[string]*words{}
			}
			following = &words{}
			w.next[t.text] = following
		}
		w = following
	}
	w.end = true
	return true
}

// find returns where phrases of the list are, each as long as can be.
func (w *words) find(tokens []token) (parts []span) {
	if w == nil {
		return nil
	}
	for i := 0; i < len(tokens); i++ {
		last := -1
		at := w
		for j := i; j < len(tokens); j++ {
			if at = at.next[tokens[j].text]; at == nil {
				break
			}
			if at.end {
				last = j
			}
		}
		if last >= 0 {
			parts = append(parts, span{tokens[i].start, tokens[last].end})
			i = last
		}
	}
	return parts
}

// token is a word of a text, as it is compared: without case, and without differences
// that are of form alone, such as full width.
type token struct {
	span
	text string
}

// tokenize returns the words of a text: letters and digits without anything between
// them. Where words are written without spaces, each character is one.
func tokenize(text string) (tokens []token) {
	start, single := -1, false // of the word that is being read
	for i, c := range text {
		inWord, alone := classify(c)
		if start >= 0 && (!inWord || alone || single) {
			tokens = append(tokens, newToken(text, start, i))
			start = -1
		}
		if inWord && start < 0 {
			start, single = i, alone
		}
	}
	if start >= 0 {
		tokens = append(tokens, newToken(text, start, len(text)))
	}
	return tokens
}

func newToken(text string, start, end int) token {
	return token{span{start, end}, strings.ToLower(norm.NFKC.String(text[start:end]))}
}

// classify reports whether a character is part of words, and whether it is one.
func classify(c rune) (inWord, alone bool) {
	if c < unicode.MaxASCII {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9', false
	}
	alone = unicode.In(c, unspaced...)
	return alone || unicode.In(c, unicode.L, unicode.M, unicode.Nd), alone
}

// unspaced are scripts that have no spaces between words.
var unspaced = []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana,
	unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar}
