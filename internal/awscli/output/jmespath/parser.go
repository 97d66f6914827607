package jmespath

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/parley-chat/parley/internal/awscli/python"
)

// maxNesting bounds how deeply expressions may be nested, far beyond any of use.
const maxNesting = 500

// parser turns tokens into nodes: it reads an expression from the left, for as long
// as the next token binds more strongly than what the expression is part of.
type parser struct {
	text   string
	tokens []token
	at     int // the current token
	depth  int // of the expression being read
}

func (p *parser) parse() (node, error) {
	root, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if t := p.current(); t.kind != eof {
		return nil, p.unexpected(t, "Unexpected token: "+t.text)
	}
	return root, nil
}

func (p *parser) current() token { return p.tokens[p.at] }

// ahead returns the kind of the token after the current one.
func (p *parser) ahead() kind { return p.tokens[min(p.at+1, len(p.tokens)-1)].kind }

func (p *parser) is(of ...kind) bool { return slices.Contains(of, p.current().kind) }

// take returns the current token and goes on to the next; eof stays.
func (p *parser) take() token {
	t := p.current()
	if t.kind != eof {
		p.at++
	}
	return t
}

// skip takes the current token if it is of a kind.
func (p *parser) skip(k kind) {
	if p.is(k) {
		p.take()
	}
}

// match takes the current token, which has to be of a kind.
func (p *parser) match(want kind) error {
	if t := p.take(); t.kind != want {
		return p.expected(t, want.String())
	}
	return nil
}

// expression reads what binds more strongly than power.
func (p *parser) expression(power int) (node, error) {
	if p.depth++; p.depth > maxNesting {
		return nil, python.Errorf("the expression is nested too deeply")
	}
	defer func() { p.depth-- }()
	left, err := p.prefix(p.take())
	for err == nil && power < p.current().kind.power() {
		left, err = p.infix(left, p.take())
	}
	return left, err
}

// prefix reads an expression that begins with a token.
func (p *parser) prefix(t token) (node, error) {
	switch t.kind {
	case literalToken:
		return literal{t.value}, nil
	case unquoted:
		return field(t.text), nil
	case quoted:
		return p.quotedField(t)
	case at:
		return current{}, nil
	case star:
		return p.values(current{}, star)
	case filterToken:
		return p.filter(current{})
	case flattenToken:
		return p.flatten(current{})
	case lbrace:
		return p.hash()
	case lparen:
		return p.parenthesized()
	case lbracket:
		return p.bracket()
	case not:
		operand, err := p.expression(not.power())
		return negation{operand}, err
	case ampersand:
		operand, err := p.expression(ampersand.power())
		return reference{operand}, err
	case eof:
		return nil, p.incomplete()
	}
	return nil, p.unexpected(t, "invalid token")
}

// infix reads on after left, from a token that binds to it.
func (p *parser) infix(left node, t token) (node, error) {
	switch t.kind {
	case dot:
		return p.dot(left)
	case pipe:
		right, err := p.expression(pipe.power())
		return chain{left, right}, err
	case or:
		right, err := p.expression(or.power())
		return either{left, right}, err
	case and:
		right, err := p.expression(and.power())
		return both{left, right}, err
	case eq, ne, lt, lte, gt, gte:
		right, err := p.expression(t.kind.power())
		return comparison{t.text, left, right}, err
	case filterToken:
		return p.filter(left)
	case flattenToken:
		return p.flatten(left)
	case lbracket:
		return p.indexed(left)
	case lparen:
		return p.call(left)
	}
	return nil, p.unexpected(t, "invalid token")
}

func (p *parser) quotedField(t token) (node, error) {
	if next := p.current(); next.kind == lparen {
		next.start = 0
		return nil, p.unexpected(next, "Quoted identifier not allowed for function names.")
	}
	return field(t.text), nil
}

func (p *parser) parenthesized() (node, error) {
	inner, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	return inner, p.match(rparen)
}

// dot reads what follows a dot.
func (p *parser) dot(left node) (node, error) {
	if p.is(star) {
		p.take()
		return p.values(left, dot)
	}
	right, err := p.afterDot(dot)
	return chain{left, right}, err
}

// afterDot reads what may follow a dot, up to what binds as weakly as k.
func (p *parser) afterDot(k kind) (node, error) {
	switch {
	case p.is(unquoted, quoted, star):
		return p.expression(k.power())
	case p.is(lbracket):
		p.take()
		return p.list()
	case p.is(lbrace):
		p.take()
		return p.hash()
	}
	t := p.current()
	return nil, p.unexpected(t, "Expecting: ['quoted_identifier', 'unquoted_identifier', "+
		"'lbracket', 'lbrace'], got: "+t.kind.String())
}

// projected reads what is selected from each element that k projects.
func (p *parser) projected(k kind) (node, error) {
	switch {
	case p.current().kind.power() < projectionStop:
		return current{}, nil
	case p.is(lbracket, filterToken):
		return p.expression(k.power())
	case p.is(dot):
		p.take()
		return p.afterDot(k)
	}
	return nil, p.unexpected(p.current(), "syntax error")
}

// values reads on after the star of left.*.
func (p *parser) values(left node, k kind) (node, error) {
	right, err := p.projected(k)
	return valueProjection{left, right}, err
}

func (p *parser) flatten(left node) (node, error) {
	right, err := p.projected(flattenToken)
	return projection{flattened{left}, right}, err
}

// filter reads on after the [? of left[?condition].
func (p *parser) filter(left node) (node, error) {
	condition, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if err := p.match(rbracket); err != nil {
		return nil, err
	}
	if p.is(flattenToken) {
		return filterProjection{left, condition, current{}}, nil
	}
	right, err := p.projected(filterToken)
	return filterProjection{left, condition, right}, err
}

// bracket reads on after a [ that begins an expression.
func (p *parser) bracket() (node, error) {
	switch {
	case p.is(number, colon):
		return p.index(index{current{}})
	case p.is(star) && p.ahead() == rbracket:
		p.take()
		p.take()
		return p.elements(current{})
	}
	return p.list()
}

// indexed reads on after the [ of left[.
func (p *parser) indexed(left node) (node, error) {
	if p.is(number, colon) {
		if nodes, ok := left.(index); ok {
			// A slice of what an index selects is no projection, unlike any other.
			right, err := p.position()
			return append(slices.Clip(nodes), right), err
		}
		return p.index(index{left})
	}
	if err := p.match(star); err != nil {
		return nil, err
	}
	if err := p.match(rbracket); err != nil {
		return nil, err
	}
	return p.elements(left)
}

// elements reads on after left[*].
func (p *parser) elements(left node) (node, error) {
	right, err := p.projected(star)
	return projection{left, right}, err
}

// index reads a number or a slice of left; the second projects.
func (p *parser) index(left index) (node, error) {
	right, err := p.position()
	if err != nil {
		return nil, err
	}
	if _, projects := right.(slice); projects {
		return p.elements(append(left, right))
	}
	return append(left, right), nil
}

// position reads a number, or a slice, and the bracket that closes it.
func (p *parser) position() (node, error) {
	if p.is(colon) || p.ahead() == colon {
		return p.slice()
	}
	i := p.take().value.(int)
	return element(i), p.match(rbracket)
}

// slice reads start:stop:step, of which each may be left out.
func (p *parser) slice() (node, error) {
	var s slice
	for part := 0; !p.is(rbracket) && part < len(s); {
		switch t := p.current(); {
		case t.kind == colon && part < len(s)-1:
			part++
		case t.kind == number:
			i := t.value.(int)
			s[part] = &i
		default:
			return nil, p.unexpected(t, "syntax error")
		}
		p.take()
	}
	return s, p.match(rbracket)
}

// list reads on after the [ of a multi-select list.
func (p *parser) list() (node, error) {
	var nodes list
	for {
		n, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
		if p.is(rbracket) {
			p.take()
			return nodes, nil
		}
		if err := p.match(comma); err != nil {
			return nil, err
		}
	}
}

// hash reads on after the { of a multi-select hash. Commas may be left out.
func (p *parser) hash() (node, error) {
	var members hash
	for {
		key := p.take()
		if key.kind != quoted && key.kind != unquoted {
			return nil, p.expected(key, "['quoted_identifier', 'unquoted_identifier']")
		}
		if err := p.match(colon); err != nil {
			return nil, err
		}
		value, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		members = append(members, pair{key.text, value})
		if p.is(rbrace) {
			p.take()
			return members, nil
		}
		p.skip(comma)
	}
}

// call reads on after the ( of a function. Commas may be left out.
func (p *parser) call(left node) (node, error) {
	name, ok := left.(field)
	if !ok {
		t := p.tokens[p.at-2]
		return nil, p.unexpected(t, fmt.Sprintf("Invalid function name '%s'", t.text))
	}
	c := call{name: string(name)}
	for !p.is(rparen) {
		argument, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		p.skip(comma)
		c.arguments = append(c.arguments, argument)
	}
	p.take()
	return c, nil
}

// expected is the failure of a token that is not what has to be there.
func (p *parser) expected(t token, what string) error {
	if t.kind == eof {
		return p.incomplete()
	}
	return p.unexpected(t, fmt.Sprintf("Expecting: %s, got: %s", what, t.kind))
}

func (p *parser) unexpected(t token, message string) error {
	return python.Errorf("%s: Parse error at column %d, token \"%s\" (%s), "+
		"for expression:\n\"%s\"\n%s^", message, t.start, t.text,
		strings.ToUpper(t.kind.String()), p.text, strings.Repeat(" ", t.start+1))
}

func (p *parser) incomplete() error {
	return python.Errorf("Invalid jmespath expression: Incomplete expression:\n\"%s\"\n%s^",
		p.text, strings.Repeat(" ", utf8.RuneCountInString(p.text)+1))
}
