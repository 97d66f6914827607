package output

import (
	"bufio"
	"maps"
	"slices"

	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/internal/awscli/python"
)

// defaultWidth is that of a terminal that does not tell its own, in columns.
const defaultWidth = 80

// writeTable writes a value as a table with a title, whose sections are the structures
// and lists in the value. Nothing is written of a value that is empty, zero or false.
func (o Options) writeTable(w *bufio.Writer, title string, value any) error {
	var t table
	if err := t.value(&title, value, 0); err != nil {
		return err
	}
	width := o.Width
	if width == 0 {
		width = defaultWidth
	}
	if t.width() > width {
		t.turn()
	}
	if len(t.sections) > 0 {
		canvas{w: w, color: o.Color}.draw(&t)
	}
	return nil
}

// value adds a section with a title, or without one the rest of the section before.
func (t *table) value(title *string, value any, indent int) error {
	if !truthy(value) {
		return nil
	}
	if title != nil {
		t.section(title, indent)
	}
	switch v := value.(type) {
	case api.Object:
		return t.object(v, indent)
	case []any:
		if isObject(v[0]) {
			return t.objects(v, indent, title)
		}
		return t.list(v)
	}
	return nil
}

// truthy reports whether Python takes a value for true.
func truthy(value any) bool {
	switch v := value.(type) {
	case []any:
		return len(v) > 0
	case string:
		return v != ""
	}
	return value != nil && !isNothing(value) && !python.Equal(value, false)
}

// list adds a row for each element that has only scalars, and more rows for another.
func (t *table) list(list []any) error {
	for _, e := range list {
		row := rowOf(e)
		var err error
		if slices.ContainsFunc(row, func(v any) bool { return !isScalar(v) }) {
			err = t.value(nil, e, 0)
		} else {
			err = t.row(row)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// rowOf returns what Python finds in a value: of an object the names, of a scalar that.
func rowOf(value any) []any {
	switch v := value.(type) {
	case []any:
		return v
	case api.Object:
		row := make([]any, len(v))
		for i, f := range v {
			row[i] = f.Name
		}
		return row
	}
	return []any{value}
}

// object adds the scalars of an object in a row, and its other members as sections.
func (t *table) object(object api.Object, indent int) error {
	members, headers := byName(object), scalarNames(object)
	if err := t.scalars(members, headers); err != nil {
		return err
	}
	for _, name := range headers {
		delete(members, name)
	}
	return t.nested(members, slices.Sorted(maps.Keys(members)), indent)
}

// scalars adds a row of the members with some names. A single one has its name beside
// it instead of above.
func (t *table) scalars(members map[string]any, names []string) error {
	switch len(names) {
	case 0:
		return nil
	case 1:
		return t.row([]any{names[0], members[names[0]]})
	}
	if err := t.header(names); err != nil {
		return err
	}
	return t.row(pick(members, names))
}

// pick returns the members with some names, and an empty string for one that is not
// there.
func pick(members map[string]any, names []string) []any {
	row := make([]any, len(names))
	for i, name := range names {
		value, ok := members[name]
		if !ok {
			value = ""
		}
		row[i] = value
	}
	return row
}

// nested adds a section for each member with one of some names.
func (t *table) nested(members map[string]any, names []string, indent int) error {
	for _, name := range names {
		value, ok := members[name]
		if !ok {
			continue
		}
		if err := t.value(&name, value, indent+1); err != nil {
			return err
		}
	}
	return nil
}

// objects adds a row for each of a list of objects. Each begins a section of its own
// when some have more than scalars.
func (t *table) objects(list []any, indent int, title *string) error {
	headers, more, err := columns(list)
	if err != nil {
		return err
	}
	for i, e := range list {
		if i > 0 && len(more) > 0 {
			t.section(title, indent)
		}
		if i == 0 || len(more) > 0 {
			if err := t.header(headers); err != nil {
				return err
			}
		}
		members := byName(e.(api.Object))
		if err := t.row(pick(members, headers)); err != nil {
			return err
		}
		if err := t.nested(members, more, indent); err != nil {
			return err
		}
	}
	return nil
}

// columns returns the sorted names of the members of objects: those that are a scalar
// in some, and those that are not in some.
func columns(list []any) (headers, more []string, err error) {
	scalars, others := map[string]bool{}, map[string]bool{}
	for _, e := range list {
		object, ok := e.(api.Object)
		if !ok {
			return nil, nil, python.Errorf("'%s' object has no attribute 'get'", python.TypeName(e))
		}
		for _, f := range object {
			if isScalar(f.Value) {
				scalars[f.Name] = true
			} else {
				others[f.Name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(scalars)), slices.Sorted(maps.Keys(others)), nil
}
