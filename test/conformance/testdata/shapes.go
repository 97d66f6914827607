// Command shapes prints what parley.Operations says of each operation, as JSON. The
// tests run it in the module of parley, of which theirs is none.
package main

import (
	"encoding/json"
	"log"
	"os"

	"github.com/parley-chat/parley"
)

// shape is a parley.Shape with names for its types and locations.
type shape struct {
	Type         string
	Members      []member
	Union        bool
	Element, Key *shape
	Enum         []string
	Min, Max     int
}

type member struct {
	Name     string
	Shape    *shape
	Required bool
	Location string
}

// The names that models of the API use.
var (
	types = map[parley.Type]string{
		parley.Structure: "structure", parley.List: "list", parley.Map: "map",
		parley.String: "string", parley.Integer: "integer", parley.Timestamp: "timestamp",
	}
	locations = map[parley.Location]string{
		parley.InBody: "", parley.InPath: "uri", parley.InQuery: "querystring",
	}
)

func named(s *parley.Shape) *shape {
	if s == nil {
		return nil
	}
	n := &shape{Type: types[s.Type], Union: s.Union, Element: named(s.Element), Key: named(s.Key),
		Enum: s.Enum, Min: s.Min, Max: s.Max}
	for _, m := range s.Members {
		n.Members = append(n.Members,
			member{m.Name, named(m.Shape), m.Required, locations[m.Location]})
	}
	return n
}

func main() {
	type operation struct {
		Name, Method, Path string
		Status             int
		Input, Output      *shape
	}
	var all []operation
	for _, op := range parley.Operations {
		all = append(all, operation{op.Name, op.Method, op.Path, op.Status,
			named(op.Input()), named(op.Output())})
	}
	if err := json.NewEncoder(os.Stdout).Encode(all); err != nil {
		log.Fatal(err)
	}
}
