package output

import (
	"encoding/json"
	"math"
	"strings"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/internal/awscli/python"
)

// conformer makes of an answer what the CLI sees of it: only the members that the API
// documents, in its order, and without those that are null.
type conformer struct{ timestamps Timestamps }

// conform returns a value as a shape says, as one of package python. The name is that
// of the member that holds it, for errors.
func (c conformer) conform(v any, s *parley.Shape, name string) (any, error) {
	switch s.Type {
	case parley.Structure:
		return c.structure(v, s, name)
	case parley.List:
		return c.list(v, s, name)
	case parley.Map:
		return c.mapped(v, s, name)
	case parley.Integer:
		return integer(v, name)
	case parley.Timestamp:
		return c.timestamps.reprint(v)
	}
	return python.Value(v), nil // the CLI looks at no other
}

func unfit(v any, name, want string) error {
	return python.Errorf("Invalid service response: %s is %s, not %s.", name,
		python.TypeName(v), want)
}

func (c conformer) structure(v any, s *parley.Shape, name string) (any, error) {
	members, ok := v.(api.Object)
	if !ok {
		return nil, unfit(v, name, "a structure")
	}
	if s.Union {
		if unknown, err := unionMember(members, s, name); err != nil || unknown != nil {
			return unknown, err
		}
	}
	conformed := python.NewObject(len(s.Members))
	for _, m := range s.Members {
		value, _ := members.Get(m.Name)
		if value == nil {
			continue
		}
		value, err := c.conform(value, m.Shape, m.Name)
		if err != nil {
			return nil, err
		}
		conformed = append(conformed, api.Field{Name: m.Name, Value: value})
	}
	return conformed, nil
}

// unionMember returns an error unless exactly one member of a union is set. When it
// is not one that the API documents, it returns what the CLI shows in its place.
func unionMember(members api.Object, s *parley.Shape, name string) (any, error) {
	var set []string
	for _, f := range members {
		if f.Value != nil && f.Name != "__type" {
			set = append(set, f.Name)
		}
	}
	if len(set) != 1 {
		return nil, python.Errorf("Invalid service response: %s must have one and only one "+
			"member set.", strings.ToUpper(name[:1])+name[1:])
	}
	if _, known := s.Member(set[0]); known {
		return nil, nil
	}
	named := append(python.NewObject(1), api.Field{Name: "name", Value: set[0]})
	return append(python.NewObject(1), api.Field{Name: "SDK_UNKNOWN_MEMBER", Value: named}), nil
}

func (c conformer) list(v any, s *parley.Shape, name string) (any, error) {
	elements, ok := v.([]any)
	if !ok {
		return nil, unfit(v, name, "a list")
	}
	conformed := python.NewList(len(elements))
	for _, e := range elements {
		value, err := c.element(e, s, name)
		if err != nil {
			return nil, err
		}
		conformed = append(conformed, value)
	}
	return conformed, nil
}

func (c conformer) mapped(v any, s *parley.Shape, name string) (any, error) {
	entries, ok := v.(api.Object)
	if !ok {
		return nil, unfit(v, name, "a map")
	}
	conformed := python.NewObject(len(entries))
	for _, f := range entries {
		value, err := c.element(f.Value, s, name)
		if err != nil {
			return nil, err
		}
		conformed = append(conformed, api.Field{Name: f.Name, Value: value})
	}
	return conformed, nil
}

// element returns an element of a list or map, which may be null.
func (c conformer) element(v any, s *parley.Shape, name string) (any, error) {
	if v == nil {
		return nil, nil
	}
	return c.conform(v, s.Element, name)
}

// integer returns what Python's int makes of a value.
func integer(v any, name string) (any, error) {
	n, ok := python.Value(v).(json.Number)
	if text, isText := v.(string); isText {
		n, ok = python.ParseNumber(text)
		ok = ok && python.IsInteger(n)
	}
	if ok {
		n, ok = python.Round(n, math.Trunc)
	}
	if !ok {
		return nil, unfit(v, name, "an integer")
	}
	return n, nil
}
