package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Object holds the members of a request or an answer, in their order. A value is a
// string, a bool, a json.Number, an int, an Object, a []any of such values, or nil.
type Object []Field

// Field is a member of an Object.
type Field struct {
	Name  string
	Value any
}

// Get returns the value of a member, and whether there is one.
func (o Object) Get(name string) (any, bool) {
	for _, f := range o {
		if f.Name == name {
			return f.Value, true
		}
	}
	return nil, false
}

// Text returns the value of a member that is a string, and otherwise nothing.
func (o Object) Text(name string) string {
	value, _ := o.Get(name)
	text, _ := value.(string)
	return text
}

// Set gives a member a value. A new member becomes the last.
func (o *Object) Set(name string, value any) {
	for i, f := range *o {
		if f.Name == name {
			(*o)[i].Value = value
			return
		}
	}
	*o = append(*o, Field{name, value})
}

// MarshalJSON implements json.Marshaler. Members keep their order.
func (o Object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := marshal(f.Name)
		if err != nil {
			return nil, err
		}
		value, err := marshal(f.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// marshal returns JSON in which <, > and & are left as they are.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// maxDepth bounds how deeply values may be nested: far beyond any document of the
// API, and short of what could exhaust the stack.
const maxDepth = 1000

// errTooDeep is the failure of ParseJSON over maxDepth.
var errTooDeep = errors.New("the JSON is nested too deeply")

// ParseJSON returns the value that data holds: one JSON value, with nothing after it.
// Of a member that occurs twice, the last value counts, at the place of the first.
func ParseJSON(data []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	value, err := parse(dec, maxDepth)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after the JSON value")
	}
	return value, nil
}

func parse(dec *json.Decoder, depth int) (any, error) {
	token, err := dec.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	delim, nested := token.(json.Delim)
	switch {
	case !nested:
		return token, nil
	case depth == 0:
		return nil, errTooDeep
	case delim == '[':
		return parseList(dec, depth-1)
	}
	return parseObject(dec, depth-1)
}

func parseList(dec *json.Decoder, depth int) (any, error) {
	list := []any{}
	for dec.More() {
		value, err := parse(dec, depth)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	_, err := dec.Token() // the bracket
	return list, err
}

func parseObject(dec *json.Decoder, depth int) (any, error) {
	object := Object{}
	at := map[string]int{} // where members are: a scan for each would be quadratic
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		value, err := parse(dec, depth)
		if err != nil {
			return nil, err
		}
		key := name.(string) // the decoder lets nothing else pass
		if i, again := at[key]; again {
			object[i].Value = value
			continue
		}
		at[key] = len(object)
		object = append(object, Field{key, value})
	}
	_, err := dec.Token() // the brace
	return object, err
}
