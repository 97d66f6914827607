package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// The versions of the policy language. Variables came with the second; the first
// is that of a document which names none.
const (
	versionPlain     = "2008-10-17"
	versionVariables = "2012-10-17"
)

// The elements of documents and of statements.
var (
	documentElements  = []string{"Version", "Id", "Statement"}
	statementElements = []string{"Sid", "Effect", "Action", "NotAction", "Resource",
		"NotResource", "Condition"}
)

// Parse reads an IAM policy document, in JSON. The error joins all mistakes that
// the document holds. Each says where it is: the index of its statement from 0 on,
// the statement's id if it has one, and the element.
func Parse(document []byte) (*Document, error) {
	root, err := decode(document)
	if err != nil {
		return nil, err
	}
	o, ok := root.(object)
	if !ok {
		return nil, fmt.Errorf("a policy must be a JSON object, not %s", typeName(root))
	}
	p := &parser{sids: map[string]bool{}}
	statements := p.document(o)
	if len(p.mistakes) > 0 {
		return nil, errors.Join(p.mistakes...)
	}
	return &Document{statements: statements}, nil
}

// parser reads a document and collects what is wrong with it. What its methods
// return is of use only when there is nothing.
type parser struct {
	variables bool            // the version has them
	sids      map[string]bool // those seen
	mistakes  []error
}

// wrong records a mistake at a place.
func (p *parser) wrong(place, format string, args ...any) {
	p.mistakes = append(p.mistakes, fmt.Errorf("%s: %w", place, fmt.Errorf(format, args...)))
}

func (p *parser) document(o object) []statement {
	p.names("policy", o, documentElements)
	if version, ok := o.get("Version"); ok {
		p.variables = version == versionVariables
		if !p.variables && version != versionPlain {
			p.wrong("Version", "must be %s or %s", versionVariables, versionPlain)
		}
	}
	if id, ok := o.get("Id"); ok {
		p.text("Id", id)
	}
	all, ok := o.get("Statement")
	if !ok {
		p.wrong("policy", "Statement is missing")
		return nil
	}
	list, isList := all.([]any)
	if !isList {
		return []statement{p.statement("Statement", all)}
	}
	if len(list) == 0 {
		p.wrong("Statement", "must hold at least one statement")
	}
	var statements []statement
	for i, one := range list {
		statements = append(statements, p.statement(fmt.Sprintf("Statement[%d]", i), one))
	}
	return statements
}

func (p *parser) statement(place string, value any) (s statement) {
	o, ok := value.(object)
	if !ok {
		p.wrong(place, "must be an object, not %s", typeName(value))
		return s
	}
	if s.sid = p.sid(place, o); s.sid != "" {
		place += fmt.Sprintf(" (Sid %q)", s.sid)
	}
	p.names(place, o, statementElements)
	s.effect = p.effect(place, o)
	name, texts := p.either(place, o, "Action", "NotAction")
	s.notAction = name == "NotAction"
	for _, text := range texts {
		s.actions = append(s.actions, p.action(place+": "+name, text))
	}
	name, texts = p.either(place, o, "Resource", "NotResource")
	s.notResource = name == "NotResource"
	for _, text := range texts {
		s.resources = append(s.resources, p.resource(place+": "+name, text))
	}
	if conditions, ok := o.get("Condition"); ok {
		s.conditions = p.conditions(place+": Condition", conditions)
	}
	return s
}

func (p *parser) sid(place string, o object) string {
	value, ok := o.get("Sid")
	if !ok {
		return ""
	}
	sid, _ := p.text(place+": Sid", value)
	if strings.ContainsFunc(sid, func(r rune) bool { return !isAlphanumeric(r) }) {
		p.wrong(place, "Sid %q must have only letters and digits, of ASCII", sid)
	}
	if sid != "" && p.sids[sid] {
		p.wrong(place, "Sid %q is already that of another statement", sid)
	}
	p.sids[sid] = true
	return sid
}

func isAlphanumeric(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

func (p *parser) effect(place string, o object) Effect {
	value, ok := o.get("Effect")
	switch {
	case !ok:
		p.wrong(place, "Effect is missing")
	case value == "Deny":
		return ExplicitDeny
	case value != "Allow":
		p.wrong(place, "Effect must be Allow or Deny, with this capital letter")
	}
	return Allow
}

// either returns which of two elements a statement has, and its texts.
func (p *parser) either(place string, o object, name, notName string) (string, []string) {
	value, ok := o.get(name)
	notValue, notOK := o.get(notName)
	switch {
	case ok && notOK:
		p.wrong(place, "%s and %s exclude each other", name, notName)
	case notOK:
		return notName, p.texts(place+": "+notName, notValue)
	case !ok:
		p.wrong(place, "%s or %s is missing", name, notName)
		return name, nil
	}
	return name, p.texts(place+": "+name, value)
}

// action reads a pattern of actions, such as ivschat:*Room.
func (p *parser) action(place, text string) string {
	service, name, found := strings.Cut(text, ":")
	odd := func(others string) func(rune) bool {
		return func(r rune) bool { return !isAlphanumeric(r) && !strings.ContainsRune(others, r) }
	}
	switch {
	case text == "*":
	case !found || service == "" || name == "":
		p.wrong(place, "%q must be a service, a colon and an action, such as ivschat:GetRoom", text)
	case service != "*" && strings.ContainsFunc(service, odd("-.")):
		p.wrong(place, "%q must begin with the name of a service, without wildcards", text)
	case strings.ContainsFunc(name, odd("-_.*?")):
		p.wrong(place, "%q is not the name of an action", text)
	}
	return wildcards.Replace(strings.ToLower(text))
}

// resource reads a pattern of ARNs.
func (p *parser) resource(place, text string) template {
	t, err := newTemplate(text, p.variables, true)
	start, _, hasVariable := strings.Cut(text, "${")
	switch {
	case err != nil:
		p.wrong(place, "%q: %w", text, err)
	case strings.Trim(text, "*") == "" && text != "":
	case !strings.HasPrefix(text, "arn:"):
		p.wrong(place, "%q must be an ARN, or * for every resource", text)
	case p.variables && hasVariable && strings.Count(start, ":") < arnColons:
		p.wrong(place, "%q may have a variable only in its last part, after the fifth colon", text)
	case strings.Count(text, ":") < arnColons && !strings.Contains(text+":", "*:"):
		p.wrong(place, "%q lacks some of the six parts of an ARN, which colons divide", text)
	}
	return t
}

func (p *parser) conditions(place string, value any) []condition {
	o, ok := value.(object)
	if !ok {
		p.wrong(place, "must be an object, not %s", typeName(value))
	}
	p.duplicates(place, o)
	var conditions []condition
	for _, m := range o {
		conditions = append(conditions, p.operator(place+": "+m.name, m)...)
	}
	return conditions
}

// operator reads the keys under one operator.
func (p *parser) operator(place string, m member) []condition {
	keys, ok := m.value.(object)
	if !ok {
		p.wrong(place, "must be an object of condition keys, not %s", typeName(m.value))
	}
	unasked, err := newCondition(m.name)
	if err != nil {
		p.wrong(place, "%w", err)
		return nil
	}
	var conditions []condition
	seen := map[string]bool{}
	for _, m := range keys {
		c := unasked
		keyPlace := place + ": " + m.name
		if err := c.ask(m.name); err != nil {
			p.wrong(place, "%w", err)
		}
		if lower := strings.ToLower(m.name); seen[lower] {
			p.wrong(keyPlace, "appears more than once; the case of its letters does not matter")
		} else {
			seen[lower] = true
		}
		for _, text := range p.scalars(keyPlace, m.value) {
			if err := c.want(text, p.variables); err != nil {
				p.wrong(keyPlace, "%w", err)
			}
		}
		conditions = append(conditions, c)
	}
	return conditions
}

// names checks which members an object has.
func (p *parser) names(place string, o object, known []string) {
	p.duplicates(place, o)
	for _, m := range o {
		switch {
		case slices.Contains(known, m.name):
		case m.name == "Principal" || m.name == "NotPrincipal":
			p.wrong(place, "%s has no place in the policy of a user: the user is the principal",
				m.name)
		default:
			p.wrong(place, "unknown element %q%s", m.name, hint(m.name, slices.Values(known)))
		}
	}
}

// duplicates checks that no member of an object has the name of another.
func (p *parser) duplicates(place string, o object) {
	count := map[string]int{}
	for _, m := range o {
		if count[m.name]++; count[m.name] == 2 {
			p.wrong(place, "%s appears more than once", m.name)
		}
	}
}

// hint suggests the name that was meant when only the case of its letters is wrong.
func hint(name string, known iter.Seq[string]) string {
	for k := range known {
		if strings.EqualFold(k, name) {
			return fmt.Sprintf(" (did you mean %q?)", k)
		}
	}
	return ""
}

func (p *parser) text(place string, value any) (string, bool) {
	text, ok := value.(string)
	if !ok {
		p.wrong(place, "must be a string, not %s", typeName(value))
	}
	return text, ok
}

// texts reads a string or a list of strings.
func (p *parser) texts(place string, value any) []string {
	var texts []string
	for _, one := range p.list(place, value) {
		if text, ok := p.text(place, one); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

// scalars reads what may also be written as a number or as true or false.
func (p *parser) scalars(place string, value any) []string {
	var texts []string
	for _, one := range p.list(place, value) {
		switch scalar := one.(type) {
		case bool, json.Number:
			one = fmt.Sprint(scalar)
		}
		if text, ok := p.text(place, one); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

// list reads a list that must not be empty. One value stands for a list of it.
func (p *parser) list(place string, value any) []any {
	list, ok := value.([]any)
	if !ok {
		return []any{value}
	}
	if len(list) == 0 {
		p.wrong(place, "must have at least one value")
	}
	return list
}
