package input

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/parley-chat/parley/internal/api"
)

// maxNesting bounds how deeply values in shorthand may be nested.
const maxNesting = 100

// shorthandError is text that is no shorthand.
type shorthandError struct {
	what string // is wrong, up to the text itself
	text string
	at   int // byte of text
	hint string
}

// Error shows the text with a mark below the place.
func (e *shorthandError) Error() string {
	before, after := e.text[:e.at], e.text[e.at:]
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	line, rest, more := strings.Cut(after, "\n")
	if more {
		rest = "\n" + rest
	}
	return e.what + before + line + "\n" + strings.Repeat(" ", column) + "^" + rest + e.hint
}

// The values of shorthand that are no lists or structures. The first of several has
// other characters than those after it, which have to be told from names. Characters
// beyond the basic plane need quotes.
var (
	singleQuoted = regexp.MustCompile(`^'(?:\\'|[^'])*'`)
	doubleQuoted = regexp.MustCompile(`^"(?:\\"|[^"])*"`)
	firstValue   = regexp.MustCompile(`^(?:\\,|[` + startOfWord + `])(?:\\,|[` +
		anySpace + `!#-&(-+\--\\^-|~-\x{ffff}])*`)
	secondValue = regexp.MustCompile(`^(?:\\,|[` + startOfWord + `])(?:\\,|[` +
		anySpace + `!#-&(-+\--<>-\x{ffff}])*`)
)

const (
	startOfWord = `!#-&(-+\--<>-Z\\-z|-\x{ffff}`
	anySpace    = `\t-\r\x1c-\x20`
)

// shorthand parses texts such as s3={bucketName=chat} and a=1,b='x y'. It knows nothing
// of shapes: the rules are AWS CLI's, and where these are odd, so are they here.
type shorthand struct {
	text  string
	at    int  // byte of text
	depth int  // of nesting
	files bool // the name before was followed by @=: values can be in files
}

// parseShorthand returns the members that text has. The error is a *shorthandError, or
// an *Error about a file.
func parseShorthand(text string) (api.Object, error) {
	s := &shorthand{text: text}
	members := newMembers()
	last := 0
	for {
		name, value, err := s.member()
		switch {
		case err != nil:
			return nil, err
		case members.has(name):
			return nil, s.twice(name, last)
		}
		members.set(name, value)
		last = s.at
		if s.atEnd() {
			return members.object, nil
		}
		if err := s.expect(','); err != nil {
			return nil, err
		}
		s.skipSpace()
	}
}

// members collects named values.
type members struct {
	object api.Object
	at     map[string]int // where they are
}

func newMembers() *members { return &members{object: api.Object{}, at: map[string]int{}} }

func (m *members) has(name string) bool {
	_, ok := m.at[name]
	return ok
}

func (m *members) set(name string, value any) {
	if i, ok := m.at[name]; ok {
		m.object[i].Value = value
		return
	}
	m.at[name] = len(m.object)
	m.object = append(m.object, api.Field{Name: name, Value: value})
}

func (s *shorthand) twice(name string, last int) error {
	return &shorthandError{
		what: fmt.Sprintf("Second instance of key \"%s\" encountered for input:\n", name),
		text: s.text, at: min(last+1, len(s.text)),
		hint: "\nThis is often because there is a preceding \",\" instead of a space.",
	}
}

// member parses a name and its value.
func (s *shorthand) member() (string, any, error) {
	name, err := s.name()
	if err != nil {
		return "", nil, err
	}
	if s.atEnd() {
		return name, "", nil
	}
	if s.nests() {
		value, err := s.entry()
		return name, value, err
	}
	value, err := s.values()
	return name, value, err
}

// name parses a name and the equals sign after it.
func (s *shorthand) name() (string, error) {
	start := s.at
	for !s.atEnd() && isNameByte(s.text[s.at]) {
		s.at++
	}
	name := s.text[start:s.at]
	s.skipSpace()
	s.files = s.next() == '@'
	if s.files {
		s.at++
	}
	if err := s.expect('='); err != nil {
		return "", err
	}
	s.skipSpace()
	return name, nil
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("-_.#/:", c) >= 0
}

// nests reports whether a list or a structure begins here.
func (s *shorthand) nests() bool { return s.next() == '[' || s.next() == '{' }

// values parses values with commas between them: one is itself, several are a list.
// What follows the last comma may be the next name, and then it is left.
func (s *shorthand) values() (any, error) {
	first, err := s.single(firstValue)
	if err != nil {
		return nil, err
	}
	list := []any{first}
	for s.skipSpace(); s.next() == ','; s.skipSpace() {
		s.at++
		s.skipSpace()
		value, err := s.another()
		if err != nil {
			if s.atEnd() || !isSyntax(err) {
				return nil, err
			}
			s.at = strings.LastIndexByte(s.text[:s.at+1], ',')
			break
		}
		list = append(list, value)
	}
	if len(list) == 1 {
		return first, nil
	}
	return list, nil
}

// another parses a value after the first, which a comma or the end has to follow.
func (s *shorthand) another() (any, error) {
	value, err := s.single(secondValue)
	if err != nil {
		return nil, err
	}
	s.skipSpace()
	if !s.atEnd() && s.next() != ',' {
		return nil, s.wrong(",")
	}
	return value, nil
}

func isSyntax(err error) bool {
	_, ok := err.(*shorthandError)
	return ok
}

// single parses a value that is no list or structure. As a first value it can be empty.
func (s *shorthand) single(plain *regexp.Regexp) (any, error) {
	var text string
	var err error
	switch {
	case s.next() == '\'':
		text, err = s.unquote(singleQuoted, "<singled quoted>", `'`)
	case s.next() == '"':
		text, err = s.unquote(doubleQuoted, "<double quoted>", `"`)
	default:
		text = plain.FindString(s.text[s.at:])
		if text == "" && plain == secondValue {
			return nil, s.none("<second>")
		}
		s.at += len(text)
		text = strings.TrimRightFunc(strings.ReplaceAll(text, `\,`, ","), isSpace)
	}
	if err != nil || !s.files {
		return text, err
	}
	from, err := load(text)
	return from.value(), err
}

func (s *shorthand) unquote(form *regexp.Regexp, what, quote string) (string, error) {
	text := form.FindString(s.text[s.at:])
	if text == "" {
		return "", s.none(what)
	}
	s.at += len(text)
	text = strings.ReplaceAll(text[1:len(text)-1], `\`+quote, quote)
	return strings.ReplaceAll(text, `\\`, `\`), nil
}

// entry parses a value inside of a list or a structure, or one of these.
func (s *shorthand) entry() (any, error) {
	if !s.nests() {
		return s.single(firstValue)
	}
	if s.depth == maxNesting {
		return nil, &shorthandError{what: "The values are nested too deeply:\n ",
			text: s.text, at: s.at}
	}
	s.depth++
	defer func() { s.depth-- }()
	if s.next() == '[' {
		return s.list()
	}
	return s.structure()
}

func (s *shorthand) list() (any, error) {
	list := []any{}
	for s.open(); s.next() != ']'; {
		value, err := s.entry()
		if err != nil {
			return nil, err
		}
		list = append(list, value)
		if err := s.between(']'); err != nil {
			return nil, err
		}
	}
	s.at++
	return list, nil
}

func (s *shorthand) structure() (any, error) {
	members := newMembers()
	for s.open(); s.next() != '}'; {
		name, err := s.name()
		if err != nil {
			return nil, err
		}
		value, err := s.entry()
		if err != nil {
			return nil, err
		}
		if err := s.between('}'); err != nil {
			return nil, err
		}
		members.set(name, value)
	}
	s.at++
	return members.object, nil
}

// open goes into a list or a structure.
func (s *shorthand) open() {
	s.at++
	s.skipSpace()
}

// between goes over what separates entries, unless the end is next.
func (s *shorthand) between(end byte) error {
	s.skipSpace()
	if s.next() == end {
		return nil
	}
	if err := s.expect(','); err != nil {
		return err
	}
	s.skipSpace()
	return nil
}

// expect goes over spaces and a character that has to come next.
func (s *shorthand) expect(c byte) error {
	s.skipSpace()
	if s.next() != c {
		return s.wrong(string(c))
	}
	s.at++
	return nil
}

// wrong is the error of a character that is not the one expected.
func (s *shorthand) wrong(expected string) error {
	actual := "EOF"
	if !s.atEnd() {
		r, _ := utf8.DecodeRuneInString(s.text[s.at:])
		actual = string(r)
	}
	return s.unexpected(expected, actual)
}

// none is the error of a value that is missing.
func (s *shorthand) none(expected string) error { return s.unexpected(expected, "<none>") }

func (s *shorthand) unexpected(expected, actual string) error {
	return &shorthandError{
		what: fmt.Sprintf("Expected: '%s', received: '%s' for input:\n ", expected, actual),
		text: s.text, at: s.at,
	}
}

// next returns the byte that comes next, and 0 at the end.
func (s *shorthand) next() byte {
	if s.atEnd() {
		return 0
	}
	return s.text[s.at]
}

func (s *shorthand) atEnd() bool { return s.at >= len(s.text) }

// skipSpace goes over ASCII spaces.
func (s *shorthand) skipSpace() {
	for !s.atEnd() && strings.IndexByte(" \t\n\r\v\f", s.text[s.at]) >= 0 {
		s.at++
	}
}
