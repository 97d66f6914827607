package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// object is a JSON object with its members in the order in which they are
// written, also those of the same name. A value is nil, a bool, a json.Number, a
// string, a list (of type []any), or an object.
type object []member

type member struct {
	name  string
	value any
}

// decode returns the value that document spells. The error says where document is
// not JSON.
func decode(document []byte) (any, error) {
	if !utf8.Valid(document) {
		return nil, errors.New("not UTF-8 text")
	}
	var raw json.RawMessage
	err := json.Unmarshal(document, &raw)
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		before := document[:syntax.Offset]
		line := 1 + bytes.Count(before, []byte("\n"))
		column := max(1, len(before)-1-bytes.LastIndexByte(before, '\n'))
		return nil, fmt.Errorf("line %d, column %d: not JSON: %w", line, column, err)
	}
	if err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	return decodeValue(d)
}

// decodeValue reads the next value. The JSON is valid and nests no deeper than
// the json package allows.
func decodeValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('['):
		list := []any{}
		for d.More() {
			element, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, element)
		}
		_, err = d.Token()
		return list, err
	case json.Delim('{'):
		var o object
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			element, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			o = append(o, member{name.(string), element})
		}
		_, err = d.Token()
		return o, err
	}
	return token, nil
}

// typeName names the type of a value for people.
func typeName(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case json.Number:
		return "a number"
	case string:
		return "a string"
	case []any:
		return "a list"
	}
	return "an object"
}

// get returns the value of a member, and whether there is one.
func (o object) get(name string) (any, bool) {
	for _, m := range o {
		if m.name == name {
			return m.value, true
		}
	}
	return nil, false
}
