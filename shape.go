package parley

// Type is the type of a value in the requests and answers of the control plane.
type Type int

// The types. A Timestamp is an ISO 8601 string in JSON.
const (
	Structure Type = iota
	List
	Map // from strings to strings
	String
	Integer
	Timestamp
)

// Shape says what a value in a request or an answer of the control plane looks
// like. Shapes are never changed, so they are shared.
type Shape struct {
	Type    Type
	Members []Member // of a structure, in the order of the API reference
	Union   bool     // a structure of which exactly one member is set
	Element *Shape   // of a list; the values of a map
	Key     *Shape   // of a map
	Enum    []string // the values that a string may have; empty when it may have any

	// Min and Max bound an integer, the code points of a string, or the entries of a
	// list or map. With both zero, the API documents no bounds.
	Min, Max int
}

// Member is a named value in a structure.
type Member struct {
	Name     string // as in JSON
	Shape    *Shape
	Required bool
	Location Location
	Doc      string // one sentence, or two
}

// Location says where a request holds a member.
type Location int

// The locations. What is not in the body is in the path, after the operation's own,
// or in the query, once for each entry of a list.
const (
	InBody Location = iota
	InPath
	InQuery
)

// Member returns the member of a structure with a name.
func (s *Shape) Member(name string) (Member, bool) {
	for _, m := range s.Members {
		if m.Name == name {
			return m, true
		}
	}
	return Member{}, false
}

// nothing is a structure without members.
var nothing = &Shape{}

func structure(members ...Member) *Shape { return &Shape{Members: members} }

func text(minLen, maxLen int) *Shape { return &Shape{Type: String, Min: minLen, Max: maxLen} }

func integer(least, most int) *Shape { return &Shape{Type: Integer, Min: least, Max: most} }

func list(element *Shape, most int) *Shape { return &Shape{Type: List, Element: element, Max: most} }

func mapOf(key, value *Shape, most int) *Shape {
	return &Shape{Type: Map, Key: key, Element: value, Max: most}
}

func enum(values ...string) *Shape { return &Shape{Type: String, Enum: values} }

func member(name string, shape *Shape, doc string) Member {
	return Member{Name: name, Shape: shape, Doc: doc}
}

func required(name string, shape *Shape, doc string) Member {
	return Member{Name: name, Shape: shape, Doc: doc, Required: true}
}

// in returns the member in another place than the body.
func (m Member) in(l Location) Member {
	m.Location = l
	return m
}
