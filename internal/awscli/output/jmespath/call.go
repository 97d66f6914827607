package jmespath

import (
	"slices"
	"strings"

	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/internal/awscli/python"
)

// function is what an expression can call.
type function struct {
	// takes has for each argument the types that it may have, or nothing when any
	// will do. A type of array may be followed by one of its elements.
	takes    [][]string
	variadic bool // takes further arguments, of the types of the last
	run      func(c call, arguments []any) (any, error)
}

func (c call) eval(value any) (any, error) {
	arguments := make([]any, len(c.arguments))
	for i, n := range c.arguments {
		if to, ok := n.(reference); ok {
			arguments[i] = to
			continue
		}
		v, err := n.eval(value)
		if err != nil {
			return nil, err
		}
		arguments[i] = v
	}
	f, ok := functions[c.name]
	if !ok {
		return nil, python.Errorf("Unknown function: %s()", c.name)
	}
	if err := c.check(f, arguments); err != nil {
		return nil, err
	}
	return f.run(c, arguments)
}

// check returns an error when a function does not take the arguments.
func (c call) check(f function, arguments []any) error {
	want, least := len(f.takes), ""
	if f.variadic {
		least = "at least "
	}
	if len(arguments) < want || len(arguments) > want && !f.variadic {
		plural := map[bool]string{true: "s"}[want != 1]
		return python.Errorf("Expected %s%d argument%s for function %s(), received %d",
			least, want, plural, c.name, len(arguments))
	}
	for i, argument := range arguments {
		if err := c.checkType(argument, f.takes[min(i, want-1)]); err != nil {
			return err
		}
	}
	return nil
}

// checkType returns an error when a value is of none of some types.
func (c call) checkType(value any, types []string) error {
	if len(types) == 0 {
		if to, ok := value.(reference); ok {
			_, err := to.eval(nil)
			return err
		}
		return nil
	}
	var fits bool
	var elements []string
	for _, t := range types {
		outer, inner, nested := strings.Cut(t, "-")
		fits = fits || typeOf(value) == outer
		if nested {
			elements = append(elements, inner)
		}
	}
	if !fits {
		return c.typeProblem(value, typeOf(value), types)
	}
	array, _ := value.([]any)
	return c.checkElements(array, elements, types)
}

// checkElements returns an error when the elements of an array are not all of the
// same one of some types. With no such types, any will do.
func (c call) checkElements(array []any, elements, types []string) error {
	if len(elements) > 1 && len(array) > 0 {
		if first := typeOf(array[0]); slices.Contains(elements, first) {
			elements = []string{first}
		}
	}
	for _, e := range array {
		if len(elements) > 0 && !slices.Contains(elements, typeOf(e)) {
			return c.typeProblem(e, python.TypeName(e), types)
		}
	}
	return nil
}

func (c call) typeProblem(value any, got string, types []string) error {
	shown := "an expression"
	if _, ok := value.(reference); !ok {
		shown = python.Str(value)
	}
	return python.Errorf("In function %s(), invalid type for value: %s, "+
		`expected one of: ['%s'], received: "%s"`,
		c.name, shown, strings.Join(types, "', '"), got)
}

// typeOf returns the type of a value in JMESPath.
func typeOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case []any:
		return "array"
	case api.Object:
		return "object"
	case reference:
		return "expref"
	}
	return "number"
}
