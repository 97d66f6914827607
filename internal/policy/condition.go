package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// condition is one key under one operator of a statement.
type condition struct {
	operator
	set      setForm
	ifExists bool // holds when the request has no such key
	null     bool // the operator is Null
	key      key
	values   []value
}

// setForm says how many of a key's values have to meet the condition.
type setForm string

// The forms of an operator. The plain one is for keys that have but one value.
const (
	plain        setForm = ""
	forAllValues setForm = "ForAllValues:"
	forAnyValue  setForm = "ForAnyValue:"
)

const ifExists = "IfExists"

// value is what a policy wants a condition key to be.
type value struct {
	text template              // for an operator that compares text
	fits func(got string) bool // for one that does not
}

// newCondition reads an operator's name. The error says what is wrong with it.
func newCondition(name string) (condition, error) {
	var c condition
	for _, form := range []setForm{forAllValues, forAnyValue} {
		if strings.HasPrefix(name, string(form)) {
			c.set = form
		}
	}
	base := strings.TrimPrefix(name, string(c.set))
	base, c.ifExists = strings.CutSuffix(base, ifExists)
	var known bool
	if c.operator, known = operators[base]; !known {
		return c, errors.New("unknown condition operator" + hint(base, maps.Keys(operators)))
	}
	c.null = base == operatorNull
	if c.null && name != operatorNull {
		return c, fmt.Errorf("%s has no set forms and no IfExists", operatorNull)
	}
	return c, nil
}

// ask sets which key the condition is about.
func (c *condition) ask(name string) (err error) {
	c.key, err = newKey(name)
	if err == nil && c.key.kind == keyTagKeys && c.set == plain && !c.null {
		return fmt.Errorf("%s has many values, so the operator must begin with %s or %s",
			name, forAllValues, forAnyValue)
	}
	return err
}

// want adds a value that the key may have.
func (c *condition) want(text string, variables bool) (err error) {
	var v value
	switch {
	case c.parse != nil:
		v.fits, err = c.parse(text)
	case c.arn && strings.Count(text, ":") < arnColons &&
		!(variables && strings.Contains(text, "${")): // which may bring the parts that are missing
		err = fmt.Errorf("%q is not an ARN: it lacks some of the six parts", text)
	default:
		v.text, err = newTemplate(text, variables, c.wild)
	}
	c.values = append(c.values, v)
	return err
}

// holds reports whether r meets the condition. In sets and for Null, an empty
// value counts as none.
func (c *condition) holds(r *Request) bool {
	var one [1]string
	values := r.values(c.key, &one)
	switch {
	case c.null:
		isNull := !slices.ContainsFunc(values, isPresent)
		return c.wants(r, strconv.FormatBool(isNull))
	case len(values) == 0 && c.ifExists:
		return true
	case c.set == forAllValues:
		for _, got := range values {
			if isPresent(got) && !c.meets(r, got) {
				return false
			}
		}
		return true
	case c.set == forAnyValue:
		for _, got := range values {
			if isPresent(got) && c.meets(r, got) {
				return true
			}
		}
		return false
	case len(values) == 0:
		return c.negated
	}
	return c.meets(r, values[0])
}

func isPresent(value string) bool { return value != "" }

// meets reports whether one value of the request is as the operator demands.
func (c *condition) meets(r *Request, got string) bool { return c.wants(r, got) != c.negated }

// wants reports whether got fits one of the policy's values.
func (c *condition) wants(r *Request, got string) bool {
	for i := range c.values {
		v := &c.values[i]
		if v.fits != nil {
			if v.fits(got) {
				return true
			}
			continue
		}
		if want, ok := v.text.expand(r); ok && c.compare(want, got) {
			return true
		}
	}
	return false
}
