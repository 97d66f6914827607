package jmespath

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/internal/awscli/python"
)

// kind is what a token is.
type kind int

const (
	eof kind = iota
	unquoted
	quoted
	literalToken
	rbracket
	rparen
	comma
	rbrace
	number
	at
	ampersand
	colon
	pipe
	or
	and
	eq
	gt
	lt
	gte
	lte
	ne
	flattenToken
	star
	filterToken
	dot
	not
	lbrace
	lbracket
	lparen
)

// kinds says how errors name a kind, and how strongly it binds to what is before it.
var kinds = [...]struct {
	name  string
	power int
}{
	eof:          {"eof", 0},
	unquoted:     {"unquoted_identifier", 0},
	quoted:       {"quoted_identifier", 0},
	literalToken: {"literal", 0},
	rbracket:     {"rbracket", 0},
	rparen:       {"rparen", 0},
	comma:        {"comma", 0},
	rbrace:       {"rbrace", 0},
	number:       {"number", 0},
	at:           {"current", 0},
	ampersand:    {"expref", 0},
	colon:        {"colon", 0},
	pipe:         {"pipe", 1},
	or:           {"or", 2},
	and:          {"and", 3},
	eq:           {"eq", 5},
	gt:           {"gt", 5},
	lt:           {"lt", 5},
	gte:          {"gte", 5},
	lte:          {"lte", 5},
	ne:           {"ne", 5},
	flattenToken: {"flatten", 9},
	star:         {"star", 20},
	filterToken:  {"filter", 21},
	dot:          {"dot", 40},
	not:          {"not", 45},
	lbrace:       {"lbrace", 50},
	lbracket:     {"lbracket", 55},
	lparen:       {"lparen", 60},
}

// projectionStop is the power below which a token ends a projection.
const projectionStop = 10

func (k kind) String() string { return kinds[k].name }

func (k kind) power() int { return kinds[k].power }

// token is a word of an expression.
type token struct {
	kind  kind
	start int    // in code points
	text  string // as errors show it
	value any    // of a literal; an int for a number
}

// single are the tokens of one character that begin no other.
var single = map[rune]kind{
	'.': dot, '*': star, ']': rbracket, ',': comma, ':': colon, '@': at,
	'(': lparen, ')': rparen, '{': lbrace, '}': rbrace,
}

// double are the tokens of one character that begin a longer one.
var double = map[rune]struct {
	alone  kind
	longer map[rune]kind // by the second character
}{
	'[': {lbracket, map[rune]kind{']': flattenToken, '?': filterToken}},
	'|': {pipe, map[rune]kind{'|': or}},
	'&': {ampersand, map[rune]kind{'&': and}},
	'<': {lt, map[rune]kind{'=': lte}},
	'>': {gt, map[rune]kind{'=': gte}},
	'!': {not, map[rune]kind{'=': ne}},
}

// scanner cuts an expression into tokens.
type scanner struct {
	text string
	rest []rune
	at   int // where the rest begins, in code points
}

// scan fills p.tokens; the last is eof.
func (p *parser) scan() error {
	s := scanner{text: p.text, rest: []rune(p.text)}
	for {
		t, err := s.next()
		if err != nil {
			return err
		}
		p.tokens = append(p.tokens, t)
		if t.kind == eof {
			return nil
		}
	}
}

func (s *scanner) next() (token, error) {
	s.take(func(r rune) bool { return strings.ContainsRune(" \t\r\n", r) })
	first := s.peek(0)
	switch {
	case len(s.rest) == 0:
		return token{kind: eof, start: s.at}, nil
	case isLetter(first):
		start := s.at
		name := s.take(func(r rune) bool { return isLetter(r) || isDigit(r) })
		return token{kind: unquoted, start: start, text: name}, nil
	case isDigit(first) || first == '-':
		return s.number()
	case first == '\'':
		return s.raw()
	case first == '"':
		return s.quoted()
	case first == '`':
		return s.literal()
	}
	return s.symbol(first)
}

func (s *scanner) symbol(first rune) (token, error) {
	if k, ok := single[first]; ok {
		return s.cut(k, 1), nil
	}
	if d, ok := double[first]; ok {
		if k, ok := d.longer[s.peek(1)]; ok {
			return s.cut(k, 2), nil
		}
		return s.cut(d.alone, 1), nil
	}
	switch {
	case first != '=':
		return token{}, s.problem(s.at, "Unknown token "+string(first))
	case s.peek(1) != '=':
		return token{}, s.problem(s.at, "Unknown token '='")
	}
	return s.cut(eq, 2), nil
}

// peek returns the rune so many after the next one, and 0 past the end.
func (s *scanner) peek(after int) rune {
	if after < len(s.rest) {
		return s.rest[after]
	}
	return 0
}

// advance takes so many runes.
func (s *scanner) advance(size int) string {
	taken := string(s.rest[:size])
	s.rest = s.rest[size:]
	s.at += size
	return taken
}

// take takes the runes that are of a sort.
func (s *scanner) take(is func(rune) bool) string {
	size := 0
	for size < len(s.rest) && is(s.rest[size]) {
		size++
	}
	return s.advance(size)
}

// cut takes a token of so many runes.
func (s *scanner) cut(k kind, size int) token {
	start := s.at
	return token{kind: k, start: start, text: s.advance(size)}
}

func (s *scanner) number() (token, error) {
	start, sign := s.at, ""
	if s.peek(0) == '-' {
		sign = s.advance(1)
	}
	digits := s.take(isDigit)
	if digits == "" {
		return token{}, s.problem(start, "Unknown token '-'")
	}
	// One out of range is the nearest that is in it: far beyond any list.
	i, _ := strconv.Atoi(sign + digits)
	return token{kind: number, start: start, text: strconv.Itoa(i), value: i}, nil
}

// delimited takes what is up to the delimiter that the rest begins with; a backslash
// keeps what follows it from ending it, and stays.
func (s *scanner) delimited() (string, error) {
	delimiter := s.rest[0]
	for i := 1; i < len(s.rest); i++ {
		switch s.rest[i] {
		case delimiter:
			text := s.advance(i + 1)
			return text[1 : len(text)-1], nil
		case '\\':
			i++
		}
	}
	return "", s.problem(s.at, fmt.Sprintf("Unclosed %c delimiter", delimiter))
}

func (s *scanner) raw() (token, error) {
	start := s.at
	text, err := s.delimited()
	text = strings.ReplaceAll(text, `\'`, "'")
	return token{kind: literalToken, start: start, text: text, value: text}, err
}

func (s *scanner) quoted() (token, error) {
	start := s.at
	text, err := s.delimited()
	if err != nil {
		return token{}, err
	}
	var name string
	if json.Unmarshal([]byte(`"`+text+`"`), &name) != nil {
		message := `Invalid \escape`
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }) {
			message = "Invalid control character at"
		}
		return token{}, s.problem(start, message)
	}
	return token{kind: quoted, start: start, text: name}, nil
}

// literal takes JSON, or what becomes JSON when quotes are put around it.
func (s *scanner) literal() (token, error) {
	start := s.at
	text, err := s.delimited()
	if err != nil {
		return token{}, err
	}
	text = strings.ReplaceAll(text, "\\`", "`")
	value, err := api.ParseJSON([]byte(text))
	if err != nil {
		value, err = api.ParseJSON([]byte(`"` + strings.TrimLeft(text, " \t\r\n") + `"`))
	}
	if err != nil {
		return token{}, s.problem(start, "Bad token "+text)
	}
	value = python.Value(value)
	return token{kind: literalToken, start: start, text: python.Str(value), value: value}, nil
}

func (s *scanner) problem(start int, message string) error {
	return python.Errorf("Bad jmespath expression: %s:\n%s\n%s^", message, s.text,
		strings.Repeat(" ", start))
}

func isLetter(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == '_'
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }
