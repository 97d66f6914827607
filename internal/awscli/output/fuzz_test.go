package output_test

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	yaml "go.yaml.in/yaml/v3"

	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/internal/awscli/output"
	"github.com/parley-chat/parley/internal/awscli/python"
)

// maxFuzzed bounds the bytes of a query: one that doubles what it is given time and
// again makes more than a test has memory for.
const maxFuzzed = 60

// FuzzPrint checks that no answer and no query lead to a panic, and that what is
// printed as JSON and YAML means the same.
func FuzzPrint(f *testing.F) {
	for _, query := range []string{"", "@", "*", "[@,@]", "rooms[].[name,tags]", "{a:rooms,b:name}",
		"[[rooms],[name,name]]", "to_string(@)", "sort_by(rooms,&name)", "name || tags"} {
		f.Add(`{"name":"yes","tags":{"a: b":"two\nlines"," c":null},"createTime":"2022-03-16"}`, query)
		f.Add(`{"rooms":[{"name":"大","tags":{"a":["x",[1,2.5]]}},{"name":{"b":[]}}]}`, query)
	}
	f.Fuzz(func(t *testing.T, data, query string) {
		value, err := api.ParseJSON([]byte(data))
		given, ok := value.(api.Object)
		compiled, invalid := output.Compile(query)
		if err != nil || !ok || len(query) > maxFuzzed || query != "" && invalid != nil {
			t.Skip()
		}
		for _, name := range []string{"GetRoom", "ListRooms", "ListLoggingConfigurations"} {
			op := operation(t, name)
			for _, format := range output.Formats {
				o := output.Options{Format: format, Query: compiled, Width: len(data) % 200}
				_ = output.Print(io.Discard, op, given, o) // an error is fine, a panic not
			}
			var asJSON, asYAML strings.Builder
			if output.Print(&asJSON, op, given, output.Options{Query: compiled}) == nil {
				o := output.Options{Query: compiled, Format: "yaml-stream"}
				if err := output.Print(&asYAML, op, given, o); err != nil {
					t.Fatalf("YAML of %s: %v", asJSON.String(), err)
				}
				compareYAML(t, asJSON.String(), asYAML.String())
			}
		}
		f := output.Failure{Code: "ValidationException", Operation: "GetRoom", Members: given}
		for _, format := range output.ErrorFormats {
			_ = output.PrintError(io.Discard, f, output.ErrorOptions{Format: format})
		}
	})
}

// compareYAML checks that YAML is a list of the value that JSON is.
func compareYAML(t *testing.T, asJSON, asYAML string) {
	t.Helper()
	if asJSON == "" || strings.Contains(asJSON, "Infinity") {
		return // nothing, or no JSON
	}
	value, err := api.ParseJSON([]byte(asJSON))
	if err != nil {
		t.Fatalf("parse what was printed: %v\n%s", err, asJSON)
	}
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(asYAML), &document); err != nil {
		t.Fatalf("parse what was printed: %v\n%s", err, asYAML)
	}
	if got := fromYAML(document.Content[0]); !python.Equal(got, []any{asTexts(value)}) {
		t.Errorf("the YAML\n%sis\n%s\nwant a list of\n%s", asYAML, python.Str(got), asJSON)
	}
}

// fromYAML returns a value whose scalars are their texts.
func fromYAML(n *yaml.Node) any {
	switch n.Kind {
	case yaml.AliasNode:
		return fromYAML(n.Alias)
	case yaml.SequenceNode:
		list := []any{}
		for _, e := range n.Content {
			list = append(list, fromYAML(e))
		}
		return list
	case yaml.MappingNode:
		object := api.Object{}
		for i := 0; i < len(n.Content); i += 2 {
			object = append(object, api.Field{Name: n.Content[i].Value,
				Value: fromYAML(n.Content[i+1])})
		}
		return object
	}
	return n.Value
}

// asTexts returns a value whose scalars are their texts in YAML.
func asTexts(value any) any {
	switch v := value.(type) {
	case []any:
		list := []any{}
		for _, e := range v {
			list = append(list, asTexts(e))
		}
		return list
	case api.Object:
		object := api.Object{}
		for _, f := range v {
			object = append(object, api.Field{Name: f.Name, Value: asTexts(f.Value)})
		}
		return object
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return python.CompactJSON(value) // null, true or false
}
