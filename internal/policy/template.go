package policy

import (
	"errors"
	"fmt"
	"strings"
)

// template is text of a policy in which variables may stand.
type template struct {
	text  string // all of it, when there are no variables
	parts []part // when there are
}

// part is a piece of text, or a variable.
type part struct {
	text     string
	variable *variable
}

// variable stands for the value that a condition key has in the request.
type variable struct {
	key        key
	fallback   string // the value when the request gives none
	noFallback bool
}

// newTemplate reads text. Without variables or wild, their signs are characters
// like others.
func newTemplate(text string, variables, wild bool) (template, error) {
	plain := func(s string) string {
		if wild {
			return wildcards.Replace(s)
		}
		return s
	}
	var t template
	literal := ""
	for variables {
		before, after, found := strings.Cut(text, "${")
		if !found {
			break
		}
		name, rest, closed := strings.Cut(after, "}")
		if !closed {
			return t, errors.New("a variable lacks its closing brace")
		}
		literal += plain(before)
		text = rest
		if name == "*" || name == "?" || name == "$" {
			literal += name // the character itself
			continue
		}
		v, err := newVariable(name)
		if err != nil {
			return t, err
		}
		t.parts = append(t.parts, part{text: literal}, part{variable: v})
		literal = ""
	}
	literal += plain(text)
	if t.parts == nil {
		t.text = literal
		return t, nil
	}
	t.parts = append(t.parts, part{text: literal})
	return t, nil
}

// newVariable reads what stands between the braces: the name of a condition key,
// and in single quotes, after a comma, what stands in for a missing value.
func newVariable(text string) (*variable, error) {
	name, fallback, hasFallback := strings.Cut(text, ",")
	if name == "" || strings.ContainsAny(name, " \t\r\n") {
		return nil, fmt.Errorf("${%s} must name a condition key, without spaces", text)
	}
	k, err := newKey(name)
	if err != nil {
		return nil, err
	}
	if k.kind == keyTagKeys {
		return nil, fmt.Errorf("%s has many values, so it cannot be a variable", name)
	}
	fallback = strings.TrimLeft(fallback, " ")
	if !hasFallback {
		return &variable{key: k, noFallback: true}, nil
	}
	if len(fallback) < 2 || fallback[0] != '\'' || fallback[len(fallback)-1] != '\'' {
		return nil, fmt.Errorf("${%s} must have its default value in single quotes", text)
	}
	return &variable{key: k, fallback: fallback[1 : len(fallback)-1]}, nil
}

// expand returns the text with the values of r. It reports false when a variable
// has none: then the text equals nothing and fits nothing. Characters that come
// from r are never wildcards.
func (t *template) expand(r *Request) (string, bool) {
	if t.parts == nil {
		return t.text, true
	}
	var expanded strings.Builder
	for _, p := range t.parts {
		text := p.text
		if p.variable != nil {
			var ok bool
			if text, ok = p.variable.value(r); !ok {
				return "", false
			}
		}
		expanded.WriteString(text)
	}
	return expanded.String(), true
}

func (v *variable) value(r *Request) (string, bool) {
	value, _ := r.value(v.key)
	if value == "" { // an empty value counts as none
		return v.fallback, !v.noFallback
	}
	// In UTF-8, no byte of the value is taken for a wildcard.
	return strings.ToValidUTF8(value, "\uFFFD"), true
}
