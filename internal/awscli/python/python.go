// Package python has the values of JSON as Python sees them, the language of the AWS
// CLI: which are equal, which comes first, and how they are written. What to do with
// them is left to the packages that query and print answers.
//
// A value is nil, a bool, a string, a json.Number, a []any of values, an api.Object of
// them, or a Foreign. The text of a number is what Python's repr writes: digits for an integer,
// and anything else for a float.
package python

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/parley-chat/parley/internal/api"
)

// Error is a failure in the words of the AWS CLI and of Python under it: capitals,
// line breaks and all.
type Error string

func (e Error) Error() string { return string(e) }

// Errorf returns an Error.
func Errorf(format string, args ...any) error { return Error(fmt.Sprintf(format, args...)) }

// Value returns a copy of v, which is as api.Object allows, as a value of this
// package. No two lists or objects in it share memory, so Identity tells them apart.
func Value(v any) any {
	switch v := v.(type) {
	case int:
		return Integer(v)
	case json.Number:
		return number(v)
	case []any:
		list := NewList(len(v))
		for _, element := range v {
			list = append(list, Value(element))
		}
		return list
	case api.Object:
		object := NewObject(len(v))
		for _, f := range v {
			object = append(object, api.Field{Name: f.Name, Value: Value(f.Value)})
		}
		return object
	}
	return v
}

// NewList returns an empty list with room for elements, and with an identity.
func NewList(size int) []any { return make([]any, 0, max(size, 1)) }

// NewObject returns an empty object with room for members, and with an identity.
func NewObject(size int) api.Object { return make(api.Object, 0, max(size, 1)) }

// Identity returns what is the same for one list or object wherever it occurs, and
// different for any other, even an equal one. Other values have none, which is nil.
func Identity(v any) any {
	switch v := v.(type) {
	case []any:
		if cap(v) > 0 {
			return &v[:1][0]
		}
	case api.Object:
		if cap(v) > 0 {
			return &v[:1][0]
		}
	}
	return nil
}

// Foreign is a value that JSON has not, such as a date of YAML. It is kept to be shown.
type Foreign struct {
	Text string // what repr writes
	Type string // its name in Python
}

// Bytes returns data that is no text.
func Bytes(data string) Foreign {
	mark := markFor(data)
	var b strings.Builder
	b.WriteString("b" + string(mark))
	for i := range len(data) {
		if c := rune(data[i]); c <= unicode.MaxASCII {
			quoteRune(&b, c, mark)
		} else {
			b.WriteString(escape(c))
		}
	}
	b.WriteRune(mark)
	return Foreign{Text: b.String(), Type: "bytes"}
}

// TypeName returns the name of a value's type in Python.
func TypeName(v any) string {
	switch v := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case string:
		return "str"
	case json.Number:
		if IsInteger(v) {
			return "int"
		}
		return "float"
	case []any:
		return "list"
	case api.Object:
		return "dict"
	case Foreign:
		return v.Type
	}
	return fmt.Sprintf("%T", v)
}

// Equal reports whether two values are. Like Python it has true equal to 1, false to
// 0, and objects with the same members equal in whatever order.
func Equal(a, b any) bool {
	a, b = asNumber(a), asNumber(b)
	switch a := a.(type) {
	case json.Number:
		b, ok := b.(json.Number)
		return ok && Compare(a, b) == 0
	case []any:
		b, ok := b.([]any)
		return ok && equalLists(a, b)
	case api.Object:
		b, ok := b.(api.Object)
		return ok && equalObjects(a, b)
	case string:
		b, ok := b.(string)
		return ok && a == b
	}
	return a == nil && b == nil
}

// asNumber returns what a bool counts as, and any other value as it is.
func asNumber(v any) any {
	switch v {
	case true:
		return json.Number("1")
	case false:
		return json.Number("0")
	}
	return v
}

func equalLists(a, b []any) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func equalObjects(a, b api.Object) bool {
	if len(a) != len(b) {
		return false
	}
	values := make(map[string]any, len(b)) // a scan for each member would be quadratic
	for _, f := range b {
		values[f.Name] = f.Value
	}
	for _, f := range a {
		value, ok := values[f.Name]
		if !ok || !Equal(f.Value, value) {
			return false
		}
	}
	return true
}

// Str returns a value as Python's str writes it.
func Str(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	var b strings.Builder
	repr(&b, v)
	return b.String()
}

func repr(b *strings.Builder, v any) {
	switch v := v.(type) {
	case nil:
		b.WriteString("None")
	case bool:
		b.WriteString(map[bool]string{true: "True", false: "False"}[v])
	case string:
		quote(b, v)
	case json.Number:
		b.WriteString(string(v))
	case []any:
		b.WriteByte('[')
		for i, element := range v {
			separate(b, i)
			repr(b, element)
		}
		b.WriteByte(']')
	case api.Object:
		b.WriteByte('{')
		for i, f := range v {
			separate(b, i)
			quote(b, f.Name)
			b.WriteString(": ")
			repr(b, f.Value)
		}
		b.WriteByte('}')
	case Foreign:
		b.WriteString(v.Text)
	}
}

func separate(b *strings.Builder, i int) {
	if i > 0 {
		b.WriteString(", ")
	}
}

// Quote returns a string as Python's repr writes it.
func Quote(s string) string {
	var b strings.Builder
	quote(&b, s)
	return b.String()
}

func quote(b *strings.Builder, s string) {
	mark := markFor(s)
	b.WriteRune(mark)
	for _, r := range s {
		quoteRune(b, r, mark)
	}
	b.WriteRune(mark)
}

// markFor returns the quotes around a string: single ones, unless it has such and no
// double ones.
func markFor(s string) rune {
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		return '"'
	}
	return '\''
}

// quoteRune writes a character as it stands between marks.
func quoteRune(b *strings.Builder, r, mark rune) {
	switch {
	case r == mark || r == '\\':
		b.WriteByte('\\')
		b.WriteRune(r)
	case r == '\n':
		b.WriteString(`\n`)
	case r == '\r':
		b.WriteString(`\r`)
	case r == '\t':
		b.WriteString(`\t`)
	case unicode.IsPrint(r):
		b.WriteRune(r)
	default:
		b.WriteString(escape(r))
	}
}

func escape(r rune) string {
	switch {
	case r <= 0xff:
		return fmt.Sprintf(`\x%02x`, r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}
