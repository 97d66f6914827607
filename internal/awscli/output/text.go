package output

import (
	"bufio"
	"maps"
	"slices"
	"strings"

	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/internal/awscli/python"
)

// writeText writes a value as lines whose fields are separated by tabs.
func writeText(w *bufio.Writer, value any) error {
	return lines{w}.value(value, nil)
}

// lines writes values in the text format. A tag is the name of the member that holds a
// value, and nil when none does.
type lines struct{ w *bufio.Writer }

func (l lines) value(value any, tag *string) error {
	switch v := value.(type) {
	case api.Object:
		return l.object(v, tag, scalarNames(v))
	case []any:
		return l.list(v, tag)
	}
	l.line([]string{python.Str(value)})
	return nil
}

// line writes a line of fields.
func (l lines) line(fields []string) {
	l.w.WriteString(strings.Join(fields, "\t"))
	l.w.WriteByte('\n')
}

// tagged writes a line that begins with the tag.
func (l lines) tagged(tag *string, fields []string) {
	if tag != nil {
		fields = append([]string{strings.ToUpper(*tag)}, fields...)
	}
	l.line(fields)
}

func (l lines) list(list []any, tag *string) error {
	if slices.ContainsFunc(list, isObject) {
		return l.objects(list, tag)
	}
	var scalars []string
	var lists []any
	for _, e := range list {
		if isScalar(e) {
			scalars = append(scalars, python.Str(e))
		} else {
			lists = append(lists, e)
		}
	}
	switch {
	case len(scalars) == 0:
	case tag == nil:
		l.line(scalars)
	default:
		for _, s := range scalars {
			l.tagged(tag, []string{s})
		}
	}
	for _, inner := range lists {
		if err := l.list(inner.([]any), tag); err != nil {
			return err
		}
	}
	return nil
}

// objects writes a list of nothing but objects, each with the scalars of all.
func (l lines) objects(list []any, tag *string) error {
	names := map[string]bool{}
	for _, e := range list {
		object, ok := e.(api.Object)
		if !ok {
			return python.Errorf("'%s' object has no attribute 'items'", python.TypeName(e))
		}
		for _, name := range scalarNames(object) {
			names[name] = true
		}
	}
	sorted := slices.Sorted(maps.Keys(names))
	for _, e := range list {
		if err := l.object(e.(api.Object), tag, sorted); err != nil {
			return err
		}
	}
	return nil
}

// object writes the members of some names in a line, and then the others by name.
func (l lines) object(object api.Object, tag *string, names []string) error {
	members := byName(object)
	var fields []string
	for _, name := range names {
		field := "" // for one that other objects have
		if value, ok := members[name]; ok {
			field = python.Str(value)
		}
		fields = append(fields, field)
		delete(members, name)
	}
	if len(fields) > 0 {
		l.tagged(tag, fields)
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if err := l.value(members[name], &name); err != nil {
			return err
		}
	}
	return nil
}

func isScalar(value any) bool {
	_, isList := value.([]any)
	return !isList && !isObject(value)
}

func isObject(value any) bool {
	_, ok := value.(api.Object)
	return ok
}

func byName(object api.Object) map[string]any {
	members := make(map[string]any, len(object))
	for _, f := range object {
		members[f.Name] = f.Value
	}
	return members
}

// scalarNames returns the sorted names of the members that are scalars.
func scalarNames(object api.Object) []string {
	var names []string
	for _, f := range object {
		if isScalar(f.Value) {
			names = append(names, f.Name)
		}
	}
	slices.Sort(names)
	return names
}
