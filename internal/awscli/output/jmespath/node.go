package jmespath

import (
	"cmp"
	"encoding/json"

	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/internal/awscli/python"
)

// node is a part of an expression.
type node interface {
	// eval returns what the node selects from a value.
	eval(value any) (any, error)
}

type (
	current struct{}            // @
	literal struct{ value any } // `value`, and 'value'
	field   string              // name
	chain   []node              // a.b, and a | b: each selects from what the one before did
	index   []node              // a[0][1]: a chain that begins with an a
	element int                 // the [0] of it
	slice   [3]*int             // [start:stop:step]; nil where one is left out
	list    []node              // [a, b]
	hash    []pair              // {key: node}
	pair    struct {
		key  string
		node node
	}
	flattened struct{ of node } // the left of a[].b

	projection       struct{ left, right node }            // left[*].right, and others
	valueProjection  struct{ left, right node }            // left.*.right
	filterProjection struct{ left, condition, right node } // left[?condition].right

	either     struct{ left, right node } // left || right
	both       struct{ left, right node } // left && right
	negation   struct{ of node }          // !of
	comparison struct {
		operator    string
		left, right node
	}

	reference struct{ to node } // &to
	call      struct {          // name(arguments)
		name      string
		arguments []node
	}
)

func (current) eval(value any) (any, error) { return value, nil }

func (l literal) eval(any) (any, error) { return l.value, nil }

func (f field) eval(value any) (any, error) {
	object, _ := value.(api.Object)
	member, _ := object.Get(string(f))
	return member, nil
}

func (c chain) eval(value any) (any, error) {
	var err error
	for _, n := range c {
		if value, err = n.eval(value); err != nil {
			return nil, err
		}
	}
	return value, nil
}

func (i index) eval(value any) (any, error) { return chain(i).eval(value) }

func (e element) eval(value any) (any, error) {
	list, _ := value.([]any)
	i := int(e)
	if i < 0 {
		i += len(list)
	}
	if i < 0 || i >= len(list) {
		return nil, nil
	}
	return list[i], nil
}

func (s slice) eval(value any) (any, error) {
	list, ok := value.([]any)
	if !ok {
		return nil, nil
	}
	start, stop, step, err := s.bounds(len(list))
	if err != nil {
		return nil, err
	}
	selected := python.NewList(0)
	for i := start; step > 0 && i < stop || step < 0 && i > stop; i += step {
		selected = append(selected, list[i])
	}
	return selected, nil
}

// bounds returns where a slice of a list of that size begins, before what it ends,
// and how far its elements are apart.
func (s slice) bounds(size int) (start, stop, step int, err error) {
	step = 1
	if s[2] != nil {
		step = *s[2]
	}
	if step == 0 {
		return 0, 0, 0, python.Errorf("slice step cannot be zero")
	}
	low, high := 0, size
	start, stop = low, high
	if step < 0 {
		low, high = -1, size-1
		start, stop = high, low
	}
	if s[0] != nil {
		start = within(*s[0], size, low, high)
	}
	if s[1] != nil {
		stop = within(*s[1], size, low, high)
	}
	// A step beyond the list is as good as one to its end, and does not overflow.
	return start, stop, max(-size-1, min(step, size+1)), nil
}

// within returns where i is in a list: from its end when negative, and at its bounds
// when beyond them.
func within(i, size, low, high int) int {
	if i < 0 {
		i += size
	}
	return max(low, min(i, high))
}

func (l list) eval(value any) (any, error) {
	if value == nil {
		return nil, nil
	}
	selected := python.NewList(len(l))
	for _, n := range l {
		v, err := n.eval(value)
		if err != nil {
			return nil, err
		}
		selected = append(selected, v)
	}
	return selected, nil
}

func (h hash) eval(value any) (any, error) {
	if value == nil {
		return nil, nil
	}
	selected := python.NewObject(len(h))
	for _, p := range h {
		v, err := p.node.eval(value)
		if err != nil {
			return nil, err
		}
		selected.Set(p.key, v)
	}
	return selected, nil
}

func (f flattened) eval(value any) (any, error) {
	base, err := f.of.eval(value)
	elements, ok := base.([]any)
	if err != nil || !ok {
		return nil, err
	}
	merged := python.NewList(len(elements))
	for _, e := range elements {
		if inner, ok := e.([]any); ok {
			merged = append(merged, inner...)
		} else {
			merged = append(merged, e)
		}
	}
	return merged, nil
}

func (p projection) eval(value any) (any, error) {
	base, err := p.left.eval(value)
	elements, ok := base.([]any)
	if err != nil || !ok {
		return nil, err
	}
	return project(elements, p.right)
}

func (p valueProjection) eval(value any) (any, error) {
	base, err := p.left.eval(value)
	object, ok := base.(api.Object)
	if err != nil || !ok {
		return nil, err
	}
	return project(valuesOf(object), p.right)
}

func valuesOf(object api.Object) []any {
	values := python.NewList(len(object))
	for _, f := range object {
		values = append(values, f.Value)
	}
	return values
}

// project returns what a node selects from each element, where that is something.
func project(elements []any, n node) (any, error) {
	selected := python.NewList(len(elements))
	for _, e := range elements {
		v, err := n.eval(e)
		if err != nil {
			return nil, err
		}
		if v != nil {
			selected = append(selected, v)
		}
	}
	return selected, nil
}

func (p filterProjection) eval(value any) (any, error) {
	base, err := p.left.eval(value)
	elements, ok := base.([]any)
	if err != nil || !ok {
		return nil, err
	}
	passing := python.NewList(0)
	for _, e := range elements {
		v, err := p.condition.eval(e)
		if err != nil {
			return nil, err
		}
		if isTrue(v) {
			passing = append(passing, e)
		}
	}
	return project(passing, p.right)
}

// isTrue reports whether a value counts as true: any but false, null and what is empty.
func isTrue(value any) bool {
	switch v := value.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case api.Object:
		return len(v) > 0
	}
	return true
}

func (e either) eval(value any) (any, error) {
	left, err := e.left.eval(value)
	if err != nil || isTrue(left) {
		return left, err
	}
	return e.right.eval(value)
}

func (b both) eval(value any) (any, error) {
	left, err := b.left.eval(value)
	if err != nil || !isTrue(left) {
		return left, err
	}
	return b.right.eval(value)
}

func (n negation) eval(value any) (any, error) {
	v, err := n.of.eval(value)
	return !isTrue(v), err
}

func (c comparison) eval(value any) (any, error) {
	left, err := c.left.eval(value)
	if err != nil {
		return nil, err
	}
	right, err := c.right.eval(value)
	if err != nil {
		return nil, err
	}
	switch c.operator {
	case "==":
		return equal(left, right), nil
	case "!=":
		return !equal(left, right), nil
	}
	if !ordered(left) || !ordered(right) {
		return nil, nil
	}
	order, err := compare(left, right, c.operator)
	if err != nil {
		return nil, err
	}
	switch c.operator {
	case "<":
		return order < 0, nil
	case "<=":
		return order <= 0, nil
	case ">":
		return order > 0, nil
	}
	return order >= 0, nil
}

// equal is python.Equal without a number being equal to a bool.
func equal(a, b any) bool {
	_, boolA := a.(bool)
	_, boolB := b.(bool)
	return boolA == boolB && python.Equal(a, b)
}

// ordered reports whether a value has an order among others.
func ordered(value any) bool {
	switch value.(type) {
	case string, json.Number:
		return true
	}
	return false
}

// compare returns -1, 0 or 1 as a is less than b, equal or more. Strings do not
// compare with numbers; then the error shows the operator.
func compare(a, b any, operator string) (int, error) {
	switch a := a.(type) {
	case string:
		if b, ok := b.(string); ok {
			return cmp.Compare(a, b), nil
		}
	case json.Number:
		if b, ok := b.(json.Number); ok {
			return python.Compare(a, b), nil
		}
	}
	return 0, python.Errorf("'%s' not supported between instances of '%s' and '%s'",
		operator, python.TypeName(a), python.TypeName(b))
}

func (reference) eval(any) (any, error) {
	return nil, python.Errorf("an expression that begins with & can only be given to a function")
}
