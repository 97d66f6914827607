package input

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/parley-chat/parley/internal/awscli/python"
)

// table is what can be on a command line: options, and at most one word that belongs
// to none of them, such as the name of an operation.
type table struct {
	options []Option
	place   bool // for such a word
}

// scanned is a command line, taken apart. Words that looked like options stay in rest
// when the table does not have them.
type scanned struct {
	given  map[string][]string // the words of an option; the last time counts
	word   string              // the first word that belongs to no option
	wordAt int                 // where that was; -1 without one
	rest   []string            // all other words
	ended  bool                // at an option after which nothing matters
}

// has reports whether an option was given.
func (s scanned) has(option string) bool {
	_, ok := s.given[option]
	return ok
}

// text returns the word that was given to an option, or nothing.
func (s scanned) text(option string) string {
	if words := s.given[option]; len(words) > 0 {
		return words[0]
	}
	return ""
}

// mark is what a word looks like before it is known what the options take.
type mark struct {
	looks  bool    // like an option
	option *Option // which; nil for one that the table does not have
	value  *string // what follows an equals sign
}

// separator is the word after which none is an option.
const separator = "--"

// scanner goes through the words as Python's argparse does, whose rules decide what
// AWS CLI accepts.
type scanner struct {
	table table
	words []string
	marks []mark
	out   scanned
}

// scan takes words apart. What it returns with an error is what it had by then.
func (t table) scan(words []string) (scanned, error) {
	s := scanner{table: t, words: words, out: scanned{given: map[string][]string{}, wordAt: -1}}
	var err error
	if s.marks, err = t.classify(words); err != nil {
		return s.out, err
	}
	for at := 0; at < len(words) && !s.out.ended; {
		if s.marks[at].looks {
			at, err = s.option(at)
		} else {
			at = s.plain(at)
		}
		if err != nil {
			return s.out, err
		}
	}
	return s.out, nil
}

// classify says of every word what it looks like.
func (t table) classify(words []string) ([]mark, error) {
	marks := make([]mark, len(words))
	for i, word := range words {
		if word == separator {
			break // all words after it are plain
		}
		var err error
		if marks[i], err = t.look(word); err != nil {
			return nil, err
		}
	}
	return marks, nil
}

// negative matches words that are numbers, although they begin as options do.
var negative = regexp.MustCompile(`^-(\d+|\d*\.\d+)$`)

// look says what a word looks like. A beginning of a name that fits one option only is
// that option.
func (t table) look(word string) (mark, error) {
	if len(word) < 2 || word[0] != '-' {
		return mark{}, nil
	}
	if o := t.find(word); o != nil {
		return mark{looks: true, option: o}, nil
	}
	name, text, equals := strings.Cut(word, "=")
	var value *string
	if equals {
		value = &text
	}
	if o := t.find(name); o != nil {
		return mark{looks: true, option: o, value: value}, nil
	}
	fits := t.beginning(name)
	switch {
	case len(fits) == 1:
		return mark{looks: true, option: &fits[0], value: value}, nil
	case len(fits) > 1:
		return mark{}, usageError("ambiguous option: %s could match %s", word, names(fits))
	}
	return mark{looks: !negative.MatchString(word) && !strings.Contains(word, " ")}, nil
}

func (t table) find(name string) *Option {
	for i, o := range t.options {
		if o.Name == name {
			return &t.options[i]
		}
	}
	return nil
}

// beginning returns the options whose names begin with text.
func (t table) beginning(text string) []Option {
	var fits []Option
	for _, o := range t.options {
		if strings.HasPrefix(text, "--") && strings.HasPrefix(o.Name, text) {
			fits = append(fits, o)
		}
	}
	return fits
}

func names(options []Option) string {
	all := make([]string, len(options))
	for i, o := range options {
		all[i] = o.Name
	}
	return strings.Join(all, ", ")
}

// plain handles a word that is no option, and returns the place of the next.
func (s *scanner) plain(at int) int {
	next := at + 1
	switch {
	case !s.table.place || s.out.wordAt >= 0:
		s.out.rest = append(s.out.rest, s.words[at])
	case s.words[at] == separator && next == len(s.words):
		// It separates nothing.
	case s.words[at] == separator:
		s.out.word, s.out.wordAt = s.words[next], next
		next++
	default:
		s.out.word, s.out.wordAt = s.words[at], at
		if next < len(s.words) && s.words[next] == separator {
			next++
		}
	}
	return next
}

// option handles a word that looks like an option, with the words that it takes, and
// returns the place of the next.
func (s *scanner) option(at int) (int, error) {
	m := s.marks[at]
	next := at + 1
	if m.option == nil {
		s.out.rest = append(s.out.rest, s.words[at])
		return next, nil
	}
	var took []string
	switch {
	case m.value != nil && m.option.takes == noWord:
		return 0, argumentError(m.option, "ignored explicit argument %s", python.Quote(*m.value))
	case m.value != nil:
		took = []string{*m.value}
	default:
		took = s.following(next, m.option.takes)
		next += len(took)
	}
	if len(took) == 0 {
		if m.option.takes == oneWord {
			return 0, argumentError(m.option, "expected one argument")
		}
		took = m.option.alone
	}
	s.out.given[m.option.Name] = took
	s.out.ended = m.option.ends
	return next, m.option.check(took)
}

// following returns the words from a place on that an option takes.
func (s *scanner) following(at int, takes takes) []string {
	most := 1
	switch takes {
	case noWord:
		most = 0
	case anyWords:
		most = len(s.words)
	}
	end := at
	for end < len(s.words) && end-at < most && s.words[end] != separator && !s.marks[end].looks {
		end++
	}
	return s.words[at:end]
}

// check says whether an option may have these words.
func (o *Option) check(words []string) error {
	if len(o.Values) == 0 || o.Member != "" { // members are for the server to check
		return nil
	}
	for _, word := range words {
		if !slices.Contains(o.Values, word) {
			return argumentError(o, "Found invalid choice '%s'%s", word, maybe(word, o.Values))
		}
	}
	return nil
}

// maybe returns the lines of an error that propose words.
func maybe(word string, choices []string) string {
	near := similar(word, choices, 0.8)
	if len(near) == 0 {
		return ""
	}
	return "\n\nMaybe you meant:\n\n  * " + strings.Join(near, "\n  * ")
}

func argumentError(o *Option, format string, args ...any) error {
	return usageError("argument %s: %s", o.Name, fmt.Sprintf(format, args...))
}
