package input

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/internal/awscli/python"
)

// checker finds what is wrong with the members of a request, as AWS's library botocore
// does: types, names, what is missing or too short or too small. What the enums, the
// patterns and the upper bounds say is for the server to check.
type checker struct {
	problems []string
}

// check returns an error that lists all that is wrong.
func check(shape *parley.Shape, members api.Object) error {
	c := &checker{}
	c.structure("", shape, members)
	if len(c.problems) == 0 {
		return nil
	}
	return newError(Members, "Parameter validation failed:\n%s", strings.Join(c.problems, "\n"))
}

func (c *checker) report(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

// value checks a value of any type. The place is that of the value, after a dot.
func (c *checker) value(place string, shape *parley.Shape, value any) {
	switch shape.Type {
	case parley.Structure:
		if object, ok := value.(api.Object); ok {
			c.structure(place, shape, object)
			return
		}
	case parley.Map:
		if object, ok := value.(api.Object); ok {
			c.entries(place, shape, object)
			return
		}
	case parley.List:
		if list, ok := value.([]any); ok {
			c.list(place, shape, list)
			return
		}
	case parley.Integer:
		if n, ok := asInteger(value); ok {
			c.integer(place, shape, n, value)
			return
		}
	default:
		if text, ok := value.(string); ok {
			c.length(place, shape, utf8.RuneCountInString(text))
			return
		}
	}
	c.report("Invalid type for parameter %s, value: %s, type: %s, valid types: %s",
		shownPlace(place), shown(value), class(value), classes[shape.Type])
}

// classes are Python's names of what each type can be.
var classes = map[parley.Type]string{
	parley.Structure: "<class 'dict'>",
	parley.Map:       "<class 'dict'>",
	parley.List:      "<class 'list'>, <class 'tuple'>",
	parley.String:    "<class 'str'>",
	parley.Integer:   "<class 'int'>",
	parley.Timestamp: "<class 'datetime.datetime'>, timestamp-string",
}

func shownPlace(place string) string {
	if place == "" {
		return "input"
	}
	return strings.TrimPrefix(place, ".")
}

func (c *checker) structure(place string, shape *parley.Shape, object api.Object) {
	if shape.Union {
		c.union(place, shape, object)
	}
	for _, m := range shape.Members {
		if _, ok := object.Get(m.Name); m.Required && !ok {
			c.report(`Missing required parameter in %s: "%s"`, shownPlace(place), m.Name)
		}
	}
	for _, f := range object {
		if _, known := shape.Member(f.Name); !known {
			c.report(`Unknown parameter in %s: "%s", must be one of: %s`,
				shownPlace(place), f.Name, strings.Join(memberNames(shape), ", "))
		}
	}
	for _, f := range object {
		if m, known := shape.Member(f.Name); known {
			c.value(place+"."+f.Name, m.Shape, f.Value)
		}
	}
}

func (c *checker) union(place string, shape *parley.Shape, object api.Object) {
	names := strings.Join(memberNames(shape), ". ")
	switch {
	case len(object) == 0:
		c.report("Must set one of the following keys for tagged unionstructure %s: %s.",
			shownPlace(place), names)
	case len(object) > 1:
		c.report("Invalid number of parameters set for tagged union structure %s. "+
			"Can only set one of the following keys: %s.", shownPlace(place), names)
	}
}

func memberNames(shape *parley.Shape) []string {
	names := make([]string, len(shape.Members))
	for i, m := range shape.Members {
		names[i] = m.Name
	}
	return names
}

func (c *checker) entries(place string, shape *parley.Shape, object api.Object) {
	for _, f := range object {
		c.value(place+" (key: "+f.Name+")", shape.Key, f.Name)
		c.value(place+"."+f.Name, shape.Element, f.Value)
	}
}

func (c *checker) list(place string, shape *parley.Shape, list []any) {
	c.length(place, shape, len(list))
	for i, element := range list {
		c.value(fmt.Sprintf("%s[%d]", place, i), shape.Element, element)
	}
}

func (c *checker) length(place string, shape *parley.Shape, length int) {
	if length < shape.Min {
		c.report("Invalid length for parameter %s, value: %d, valid min length: %d",
			shownPlace(place), length, shape.Min)
	}
}

func (c *checker) integer(place string, shape *parley.Shape, n int64, value any) {
	if n < int64(shape.Min) {
		c.report("Invalid value for parameter %s, value: %s, valid min value: %d",
			shownPlace(place), shown(value), shape.Min)
	}
}

// asInteger returns the integer that a value is to Python, or the nearest one that an
// int64 can be. Booleans are integers there.
func asInteger(value any) (int64, bool) {
	switch v := value.(type) {
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case json.Number:
		n, _ := strconv.ParseInt(v.String(), 10, 64) // the nearest, when out of range
		return n, python.IsInteger(v)
	}
	return 0, false
}

// shown returns a value as AWS CLI shows it: as Python writes it.
func shown(value any) string { return python.Str(python.Value(value)) }

// class returns the type of a value as AWS CLI shows it.
func class(value any) string {
	return "<class '" + python.TypeName(python.Value(value)) + "'>"
}
