package jmespath_test

import (
	_ "embed"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/internal/awscli/output/jmespath"
	"github.com/parley-chat/parley/internal/awscli/python"
)

// expressions has a line about its source, a value, and expressions with what they
// select from it: each in a line that begins with "> ", its result in those after.
//
//go:embed testdata/expressions.txt
var expressions string

func TestExpressions(t *testing.T) {
	blocks := strings.Split(strings.TrimSuffix(expressions, "\n"), "\n> ")
	_, data, _ := strings.Cut(blocks[0], "\n")
	value := parse(t, data)
	for _, block := range blocks[1:] {
		expression, want, _ := strings.Cut(block, "\n")
		if got := search(expression, value); got != asText(t, want) {
			t.Errorf("%s selects\n%s\nwant\n%s", expression, got, want)
		}
	}
	if len(blocks) < 200 {
		t.Errorf("there are %d expressions, want all", len(blocks))
	}
}

func parse(t *testing.T, data string) any {
	t.Helper()
	value, err := api.ParseJSON([]byte(data))
	if err != nil {
		t.Fatalf("parse %s: %v", data, err)
	}
	return python.Value(value)
}

// asText returns JSON as search writes it, and an error as it is.
func asText(t *testing.T, want string) string {
	if strings.HasPrefix(want, "error: ") {
		return want
	}
	return python.CompactJSON(parse(t, want))
}

// search returns what an expression selects as JSON, or the error.
func search(expression string, value any) string {
	compiled, err := jmespath.Compile(expression)
	if err != nil {
		return "error: " + err.Error()
	}
	selected, err := compiled.Search(value)
	if err != nil {
		return "error: " + err.Error()
	}
	return python.CompactJSON(selected)
}

// What differs from the implementation in Python, which accepts some of it.
func TestErrorsOfOurOwn(t *testing.T) {
	const reference = "error: an expression that begins with & can only be given to a function"
	tests := []struct{ expression, want string }{
		{"&a", reference},
		{"[&a]", reference},
		{"&a == &a", reference},
		{"type(&a)", reference},
		{"merge(@, `[]`)", "error: In function merge(), invalid type for value: [], " +
			`expected one of: ['object'], received: "array"`},
		{"ceil(`1e999`)", "error: cannot convert float infinity to integer"},
		{strings.Repeat("(", 499) + "a" + strings.Repeat(")", 499), "1"},
		{strings.Repeat("(", 500) + "a" + strings.Repeat(")", 500),
			"error: the expression is nested too deeply"},
	}
	for _, test := range tests {
		if got := search(test.expression, parse(t, `{"a":1}`)); got != test.want {
			t.Errorf("%.80s selects %s, want %s", test.expression, got, test.want)
		}
	}
}

// A selected list or object is the one in the value, and what an expression makes is
// another each time.
func TestSelectedKeepsIdentity(t *testing.T) {
	value := parse(t, `{"list":[1],"none":[]}`)
	tests := []struct {
		expression string
		same       bool
	}{
		{"[list, list]", true},
		{"[none, to_array(none)]", true},
		{"[list, reverse(list)]", false},
		{"[list, list[:]]", false},
		{"[none[], none[]]", false},
		{"[keys(@), keys(@)]", false},
	}
	for _, test := range tests {
		compiled, err := jmespath.Compile(test.expression)
		if err != nil {
			t.Fatalf("compile %s: %v", test.expression, err)
		}
		selected, err := compiled.Search(value)
		if err != nil {
			t.Fatalf("search with %s: %v", test.expression, err)
		}
		pair := selected.([]any)
		if same := python.Identity(pair[0]) == python.Identity(pair[1]); same != test.same {
			t.Errorf("%s selects the same twice: %t, want %t", test.expression, same, test.same)
		}
	}
}

// maxFuzzed bounds the bytes of an expression: one that doubles what it is given time
// and again makes more than a test has memory for.
const maxFuzzed = 120

// FuzzSearch checks that no expression and no value lead to a panic, and that an
// expression selects the same again.
func FuzzSearch(f *testing.F) {
	for _, block := range strings.Split(expressions, "\n> ")[1:] {
		expression, _, _ := strings.Cut(block, "\n")
		f.Add(expression, `{"rooms":[{"name":"a","size":1},{"name":"b"}],"s":"x","none":null}`)
	}
	f.Fuzz(func(t *testing.T, expression, data string) {
		value, err := api.ParseJSON([]byte(data))
		if err != nil || len(expression) > maxFuzzed {
			t.Skip()
		}
		value = python.Value(value)
		if first, again := search(expression, value), search(expression, value); first != again {
			t.Errorf("%q selects %s and then %s", expression, first, again)
		}
	})
}
