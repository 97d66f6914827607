package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/parley-chat/parley"
)

// Object is a decoded JSON object whose members are read one by one. Reading a
// member of the wrong type yields its zero value and a field error, which Err
// returns at the end. Null members count as absent, and unknown ones are
// ignored, on both planes.
type Object struct {
	members map[string]json.RawMessage
	fold    func(string) string // makes the key in members from a member's name
	prefix  string              // path of a nested object, with a final dot
	check   *parley.Check
}

// ParseObject decodes data, which must hold one JSON object in UTF-8 and nothing
// else; no data at all counts as {}. The error has code Invalid. The last of
// duplicate members wins.
func ParseObject(data []byte) (Object, error) {
	return parseObject(data, exact)
}

// parseFolded is ParseObject for the messaging plane, whose member names are
// matched without regard to case.
func parseFolded(data []byte) (Object, error) {
	return parseObject(data, strings.ToLower)
}

func exact(name string) string { return name }

func parseObject(data []byte, fold func(string) string) (Object, error) {
	o := Object{members: map[string]json.RawMessage{}, fold: fold, check: &parley.Check{}}
	switch {
	case len(data) == 0:
		return o, nil
	case !utf8.Valid(data):
		return o, parley.Errorf(parley.Invalid, "The request is not valid UTF-8.")
	case !json.Valid(data): // which is false for what nests deeper than 10,000
		return o, parley.Errorf(parley.Invalid, "The request is not valid JSON.")
	}
	if !o.fill(data) {
		return o, parley.Errorf(parley.Invalid, "The request is not a JSON object.")
	}
	return o, nil
}

// fill splits an object into its members, in their order, so that the last
// duplicate wins even when the duplicates differ in case. The data is valid JSON,
// so this looks no closer than it must, and the members refer to data. It reports
// whether data is an object.
func (o *Object) fill(data []byte) bool {
	i := skipSpace(data, 0)
	if data[i] != '{' {
		return false
	}
	for i = skipSpace(data, i+1); data[i] != '}'; {
		end := valueEnd(data, i)
		key := o.fold(unquote(data[i:end]))
		i = skipSpace(data, skipSpace(data, end)+1) // after the colon
		end = valueEnd(data, i)
		if value := data[i:end]; string(value) == "null" {
			delete(o.members, key)
		} else {
			o.members[key] = value
		}
		if i = skipSpace(data, end); data[i] == ',' {
			i = skipSpace(data, i+1)
		}
	}
	return true
}

func skipSpace(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\t' || data[i] == '\r' || data[i] == '\n') {
		i++
	}
	return i
}

// valueEnd returns where the JSON value that starts at i ends.
func valueEnd(data []byte, i int) int {
	depth, quoted := 0, false
	for ; ; i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			if quoted = !quoted; !quoted && depth == 0 {
				return i + 1
			}
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return i + 1
			}
		case depth == 0 && (i+1 == len(data) || bytes.IndexByte([]byte(" \t\r\n,:]}"), data[i+1]) >= 0):
			return i + 1 // of a number, or of true, false or null
		}
	}
}

// unquote returns the text of a valid JSON string.
func unquote(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	var s string
	_ = json.Unmarshal(raw, &s) // it is valid
	return s
}

// Err returns nil, or one error for everything that was wrong with the members
// read so far and with what Check was told.
func (o Object) Err() error { return o.check.Err() }

// Check returns where the object's field errors are collected, so that checks of
// values join those of types.
func (o Object) Check() *parley.Check { return o.check }

// Has reports whether the member is present and not null.
func (o Object) Has(name string) bool { return o.raw(name) != nil }

// raw returns the JSON text of a member, or nil when it is absent or null.
func (o Object) raw(name string) json.RawMessage { return o.members[o.fold(name)] }

// String returns a string member, and whether it is present and a string.
func (o Object) String(name string) (string, bool) {
	raw := o.raw(name)
	if raw == nil {
		return "", false
	}
	if raw[0] != '"' {
		o.wrongType(name, raw, "a String")
		return "", false
	}
	return unquote(raw), true
}

// RequiredString is String for a member that must be present.
func (o Object) RequiredString(name string) string {
	o.Require(name)
	s, _ := o.String(name)
	return s
}

// Require records it when a required member is absent.
func (o Object) Require(name string) {
	if !o.Has(name) {
		o.check.Required(o.prefix + name)
	}
}

// RequiredText is RequiredString for a member that may also be a JSON number,
// which is taken as the text it is written in. Some documented samples send a
// number as the user id.
func (o Object) RequiredText(name string) string {
	if raw := o.raw(name); raw != nil && isNumber(raw) {
		return string(raw)
	}
	return o.RequiredString(name)
}

// Int returns an integer member, and whether it is present and an integer that
// fits an int.
func (o Object) Int(name string) (int, bool) {
	raw := o.raw(name)
	if raw == nil {
		return 0, false
	}
	n, err := strconv.Atoi(string(raw))
	if err != nil {
		o.wrongType(name, raw, "an Integer")
		return 0, false
	}
	return n, true
}

// Strings returns a member that is a list of strings, and whether it is present
// and one.
func (o Object) Strings(name string) ([]string, bool) {
	raw := o.raw(name)
	if raw == nil {
		return nil, false
	}
	if raw[0] != '[' {
		o.wrongType(name, raw, "a list of Strings")
		return nil, false
	}
	var list []json.RawMessage
	_ = json.Unmarshal(raw, &list) // it is valid
	out := make([]string, 0, len(list))
	for _, element := range list {
		switch element[0] {
		case 'n': // null
		case '"':
			out = append(out, unquote(element))
		default:
			o.wrongType(name, element, "a String")
			return nil, false
		}
	}
	return out, true
}

// StringMap returns a member that is an object of strings, and whether it is
// present and one. Entries that are null are left out.
func (o Object) StringMap(name string) (map[string]string, bool) {
	raw := o.raw(name)
	if raw == nil {
		return nil, false
	}
	entries := o.nested(name)
	if !entries.fill(raw) {
		o.wrongType(name, raw, "a map of Strings")
		return nil, false
	}
	out := make(map[string]string, len(entries.members))
	for _, key := range slices.Sorted(maps.Keys(entries.members)) {
		value := entries.members[key]
		if value[0] != '"' {
			o.wrongType(name, value, "a String")
			return nil, false
		}
		out[key] = unquote(value)
	}
	return out, true
}

// Object returns a member that is itself an object, and whether it is present
// and one. Its field errors are those of o, under a dotted name.
func (o Object) Object(name string) (Object, bool) {
	raw := o.raw(name)
	if raw == nil {
		return Object{}, false
	}
	nested := o.nested(name)
	if !nested.fill(raw) {
		o.wrongType(name, raw, "a structure")
		return Object{}, false
	}
	return nested, true
}

// nested returns an object without members for what is under a member of o. What
// fills it was checked with o.
func (o Object) nested(name string) Object {
	return Object{members: map[string]json.RawMessage{}, fold: exact,
		prefix: o.prefix + name + ".", check: o.check}
}

func (o Object) wrongType(name string, raw json.RawMessage, want string) {
	o.check.Add(o.prefix+name, fmt.Sprintf("%s can not be converted to %s", kindOf(raw), want))
}

// kindOf names the type of a JSON value as AWS services do in their errors.
func kindOf(raw json.RawMessage) string {
	switch raw[0] {
	case '"':
		return "STRING_VALUE"
	case '{':
		return "START_OBJECT"
	case '[':
		return "START_ARRAY"
	case 't':
		return "TRUE_VALUE"
	case 'f':
		return "FALSE_VALUE"
	}
	return "NUMBER_VALUE"
}

func isNumber(raw json.RawMessage) bool { return kindOf(raw) == "NUMBER_VALUE" }
