package input

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"unicode"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/internal/awscli/python"
)

// value returns what the words of an option mean for its member. Whether the member
// can have it is not checked yet.
func (o Option) value(words []string) (any, error) {
	if o.takes == anyWords && len(words) != 1 {
		return textList(words), nil
	}
	s, err := load(words[0])
	if err != nil {
		return nil, valueError(o.Name, "%s", err)
	}
	switch o.shape.Type {
	case parley.Integer:
		return integer(s.text)
	case parley.List:
		return o.list(s)
	case parley.Map, parley.Structure:
		return o.members(s)
	}
	return s.value(), nil
}

// list returns the entries of a list that is given as one text: JSON, or an entry. To
// AWS CLI a file that is no JSON is a list of its characters, which nobody can want.
func (o Option) list(s source) (any, error) {
	switch {
	case s.looksLike("["):
		return o.json(s.text)
	case s.file:
		return nil, valueError(o.Name, "the file has to hold a JSON list")
	}
	return textList([]string{s.text}), nil
}

// looksLike reports whether a text begins like JSON of a kind.
func (s source) looksLike(first string) bool {
	return !s.binary && strings.HasPrefix(trimmed(s.text), first)
}

func textList(words []string) []any {
	list := make([]any, len(words))
	for i, word := range words {
		list[i] = word
	}
	return list
}

// members returns the value of a map or a structure. It is shorthand unless it looks
// like JSON.
func (o Option) members(s source) (any, error) {
	switch {
	case s.binary:
		return nil, valueError(o.Name, "a %s is no binary data; use file://", o.Kind)
	case s.looksLike("{"):
		return o.json(s.text)
	case s.looksLike("["):
		return nil, valueError(o.Name, "Invalid JSON:\n%s", s.text)
	}
	value, err := parseShorthand(s.text)
	var syntax *shorthandError
	if errors.As(err, &syntax) {
		err = valueError(o.Name, "%s", syntax)
	}
	return value, err
}

func (o Option) json(text string) (any, error) {
	value, err := api.ParseJSON([]byte(text))
	if err != nil {
		return nil, valueError(o.Name, "Invalid JSON: %s\nJSON received: %s",
			jsonProblem(text, err), text)
	}
	return value, nil
}

// number matches the integers that Python reads, without the spaces around them.
var number = regexp.MustCompile(`^[+-]?\d+(_\d+)*$`)

// integer returns the integer that text is, which may be of any size.
func integer(text string) (json.Number, error) {
	digits := trimmed(text)
	if !number.MatchString(digits) {
		return "", newError(General, "invalid literal for int() with base 10: %s", python.Quote(text))
	}
	sign := ""
	if digits[0] == '-' {
		sign = "-"
	}
	digits = strings.TrimLeft(strings.ReplaceAll(digits, "_", ""), "+-0")
	if digits == "" {
		return "0", nil
	}
	return json.Number(sign + digits), nil
}

// trimmed returns text without the spaces around it.
func trimmed(text string) string { return strings.TrimFunc(text, isSpace) }

// isSpace reports whether Python counts a character as white space.
func isSpace(r rune) bool { return unicode.IsSpace(r) || '\x1c' <= r && r <= '\x1f' }
