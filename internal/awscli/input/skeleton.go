package input

import (
	"strings"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/api"
)

// Skeleton returns a request of an operation to fill in.
func Skeleton(op parley.Operation) api.Object {
	return sampler{text: emptyText}.structure(op.Input())
}

// OutputSkeleton returns what an answer of an operation looks like: texts are the names
// of their members. It has no members when there is nothing in the answer.
func OutputSkeleton(op parley.Operation) api.Object {
	return sampler{text: ownName, valid: true}.structure(op.Output())
}

// sampler makes values that stand for others.
type sampler struct {
	text  func(name string, shape *parley.Shape) string // of a member
	valid bool                                          // unions have one member, not all
}

// ownName returns the name of the member as its text.
func ownName(name string, _ *parley.Shape) string { return name }

// emptyText returns a text to be filled in, or the first of those that it can be.
func emptyText(_ string, shape *parley.Shape) string {
	if len(shape.Enum) > 0 {
		return shape.Enum[0]
	}
	return ""
}

// keyName stands for the keys of maps.
const keyName = "KeyName"

// structure returns a structure with its members.
func (s sampler) structure(shape *parley.Shape) api.Object {
	object := api.Object{}
	for _, m := range shape.Members {
		object = append(object, api.Field{Name: m.Name, Value: s.value(m.Name, m.Shape)})
		if shape.Union && s.valid {
			break
		}
	}
	return object
}

// value returns a value of a member.
func (s sampler) value(name string, shape *parley.Shape) any {
	switch shape.Type {
	case parley.Structure:
		return s.structure(shape)
	case parley.List:
		return []any{s.value(singular(name), shape.Element)}
	case parley.Map:
		return api.Object{{Name: keyName, Value: s.value("", shape.Element)}}
	case parley.Integer:
		return 0
	case parley.Timestamp:
		return "1970-01-01T00:00:00"
	}
	return s.text(name, shape)
}

// singular returns what an entry of a list is called in AWS's models.
func singular(name string) string {
	name = strings.TrimSuffix(name, "s")
	return strings.ToUpper(name[:1]) + name[1:]
}

// YAMLSkeleton returns a request of an operation to fill in, with comments that say
// what its members are.
func YAMLSkeleton(op parley.Operation) string {
	var b strings.Builder
	writeYAML(&b, op.Input(), "")
	return b.String()
}

// writeYAML writes the members of a structure, each on a line that begins with indent.
func writeYAML(b *strings.Builder, shape *parley.Shape, indent string) {
	for _, m := range shape.Members {
		b.WriteString(indent + m.Name + ":" + yamlScalar(m.Shape) + comment(m) + "\n")
		writeYAMLValue(b, m.Shape, indent)
	}
}

// writeYAMLValue writes the lines of a value that does not fit the line of its name.
func writeYAMLValue(b *strings.Builder, shape *parley.Shape, indent string) {
	switch shape.Type {
	case parley.Structure:
		writeYAML(b, shape, indent+"  ")
	case parley.List:
		b.WriteString(indent + "-" + yamlScalar(shape.Element) + "\n")
	case parley.Map:
		b.WriteString(indent + "  " + keyName + ":" + yamlScalar(shape.Element) + "\n")
	}
}

// yamlScalar returns a value that fits a line, after a space, and otherwise nothing.
func yamlScalar(shape *parley.Shape) string {
	switch shape.Type {
	case parley.Structure, parley.List, parley.Map:
		return ""
	case parley.Integer:
		return " 0"
	}
	if text := emptyText("", shape); text != "" {
		return " " + text
	}
	return " ''"
}

func comment(m parley.Member) string {
	text := "  #"
	if m.Required {
		text += " [REQUIRED]"
	}
	text += " " + m.Doc
	if len(m.Shape.Enum) > 0 {
		text += " Valid values are: " + strings.Join(m.Shape.Enum, ", ") + "."
	}
	return text
}
