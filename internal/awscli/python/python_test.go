package python_test

import (
	"bufio"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/internal/awscli/python"
)

func parse(t *testing.T, data string) any {
	t.Helper()
	value, err := api.ParseJSON([]byte(data))
	if err != nil {
		t.Fatalf("parse %s: %v", data, err)
	}
	return python.Value(value)
}

// TestStr has what str(json.loads(data)) returns in Python.
func TestStr(t *testing.T) {
	tests := []struct{ data, want string }{
		{`null`, "None"},
		{`true`, "True"},
		{`"it's"`, "it's"},
		{`["it's", "say \"x\"", "both ' \""]`, `["it's", 'say "x"', 'both \' "']`},
		{`{"a": [1, null, false], "b": {}}`, "{'a': [1, None, False], 'b': {}}"},
		{`["\n\r\t\\"]`, `['\n\r\t\\']`},
		{`["\u0007\u007f\u0085\u00a0\u00ad\u2028\ue000"]`,
			`['\x07\x7f\x85\xa0\xad\u2028\ue000']`},
		{`["é大🍷\udb40\udc01"]`, `['é大🍷\U000e0001']`},
	}
	for _, test := range tests {
		if got := python.Str(parse(t, test.data)); got != test.want {
			t.Errorf("Str of %s is %s, want %s", test.data, got, test.want)
		}
	}
}

// TestNumbers has what str(json.loads(data)) returns in Python.
func TestNumbers(t *testing.T) {
	tests := []struct{ data, want string }{
		{"0", "0"},
		{"-0", "0"},
		{"-0.0", "-0.0"},
		{"500", "500"},
		{"12345678901234567890123", "12345678901234567890123"},
		{"1.50", "1.5"},
		{"100.0", "100.0"},
		{"1e3", "1000.0"},
		{"1e15", "1000000000000000.0"},
		{"1e16", "1e+16"},
		{"1.5E+300", "1.5e+300"},
		{"0.0001", "0.0001"},
		{"0.00001", "1e-05"},
		{"1e400", "inf"},
		{"-1e400", "-inf"},
		{"0.1", "0.1"},
	}
	for _, test := range tests {
		if got := python.Str(parse(t, test.data)); got != test.want {
			t.Errorf("%s is printed as %s, want %s", test.data, got, test.want)
		}
	}
}

func TestTypeName(t *testing.T) {
	want := []string{"NoneType", "bool", "str", "int", "float", "list", "dict"}
	for i, v := range parse(t, `[null, true, "", 1, 1.0, [], {}]`).([]any) {
		if got := python.TypeName(v); got != want[i] {
			t.Errorf("the type of %s is %s, want %s", python.Str(v), got, want[i])
		}
	}
}

func TestEqual(t *testing.T) {
	tests := []struct {
		a, b string
		want bool
	}{
		{`1`, `1.0`, true},
		{`1`, `true`, true},
		{`0`, `false`, true},
		{`2`, `true`, false},
		{`12345678901234567890`, `12345678901234567891`, false},
		{`"1"`, `1`, false},
		{`""`, `null`, false},
		{`null`, `null`, true},
		{`null`, `false`, false},
		{`[1, [2]]`, `[1, [2]]`, true},
		{`[1]`, `[1, 2]`, false},
		{`[1]`, `[2]`, false},
		{`{"a": 1, "b": [2]}`, `{"b": [2], "a": 1}`, true},
		{`{"a": 1}`, `{"a": 1, "b": 1}`, false},
		{`{"a": 1}`, `{"b": 1}`, false},
		{`{}`, `[]`, false},
	}
	for _, test := range tests {
		a, b := parse(t, test.a), parse(t, test.b)
		if python.Equal(a, b) != test.want || python.Equal(b, a) != test.want {
			t.Errorf("%s equals %s: %t, want %t", test.a, test.b, !test.want, test.want)
		}
	}
}

func TestArithmetic(t *testing.T) {
	round := func(n json.Number, way func(float64) float64) json.Number {
		rounded, ok := python.Round(n, way)
		if !ok {
			return "none"
		}
		return rounded
	}
	tests := []struct {
		name      string
		got, want json.Number
	}{
		{"integers", python.Add("9223372036854775807", "1"), "9223372036854775808"},
		{"an integer and a float", python.Add("1", "0.5"), "1.5"},
		{"floats that make a whole", python.Add("1.5", "1.5"), "3.0"},
		{"a quotient", python.Divide("6", 3), "2.0"},
		{"a floor", round("-1.5", math.Floor), "-2"},
		{"a large floor", round("1e+23", math.Floor), "99999999999999991611392"},
		{"a ceiling", round("-0.5", math.Ceil), "0"},
		{"an integer rounded", round("12345678901234567890", math.Trunc), "12345678901234567890"},
		{"infinity rounded", round("inf", math.Trunc), "none"},
	}
	for _, test := range tests {
		if test.got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, test.got, test.want)
		}
	}
}

func TestParseNumber(t *testing.T) {
	tests := []struct {
		text string
		want json.Number // empty when it is none
	}{
		{"10", "10"}, {"-007", "-7"}, {"+5", "5"}, {" 1_000\n", "1000"},
		{"1.50", "1.5"}, {".5", "0.5"}, {"5.", "5.0"}, {"1e3", "1000.0"}, {"1_0.5_0", "10.5"},
		{"", ""}, {"x", ""}, {"1x", ""}, {"0x10", ""}, {"1__0", ""}, {"_1", ""}, {".", ""},
		{"1 0", ""}, {"--1", ""}, {"1e", ""},
	}
	for _, test := range tests {
		got, ok := python.ParseNumber(test.text)
		if ok != (test.want != "") || ok && got != test.want {
			t.Errorf("%q is the number %q, want %q", test.text, got, test.want)
		}
	}
}

func TestCompactJSON(t *testing.T) {
	tests := []struct{ data, want string }{
		{`[1, 2.50, null, true]`, `[1,2.5,null,true]`},
		{`{"b": [], "a": {"c": {}}}`, `{"b":[],"a":{"c":{}}}`},
		{`["é", "🍷", "\u007f", "<&>", "\u2028"]`,
			`["\u00e9","\ud83c\udf77","\u007f","<&>","\u2028"]`},
		{`["\"\\\b\f\n\r\t\u0001"]`, `["\"\\\b\f\n\r\t\u0001"]`},
		{`[1e400, -1e400]`, `[Infinity,-Infinity]`},
	}
	for _, test := range tests {
		if got := python.CompactJSON(parse(t, test.data)); got != test.want {
			t.Errorf("%s becomes %s, want %s", test.data, got, test.want)
		}
	}
}

func TestWriteJSON(t *testing.T) {
	var got strings.Builder
	w := bufio.NewWriter(&got)
	python.WriteJSON(w, parse(t, `{"b":[1,[]],"é":"🍷\u0001\u007f","a":{}}`))
	if err := w.Flush(); err != nil {
		t.Fatalf("flush: %v", err)
	}
	want := "{\n    \"b\": [\n        1,\n        []\n    ],\n" +
		"    \"é\": \"🍷\\u0001\u007f\",\n    \"a\": {}\n}"
	if got.String() != want {
		t.Errorf("got %s, want %s", got.String(), want)
	}
}

// Empty lists and objects are told apart as all others are.
func TestIdentity(t *testing.T) {
	values := parse(t, `[[], [], {}, {}, [1], {"a": 1}]`).([]any)
	for i, a := range values {
		for j, b := range values {
			if same := python.Identity(a) == python.Identity(b); same != (i == j) {
				t.Errorf("values %d and %d are the same: %t", i, j, same)
			}
		}
	}
	if id := python.Identity("text"); id != nil {
		t.Errorf("a string has the identity %v, want none", id)
	}
}

// Value takes the ints that requests are made of, and leaves its argument alone.
func TestValueCopies(t *testing.T) {
	object := api.Object{{Name: "a", Value: []any{1, "x"}}}
	value := python.Value(object).(api.Object)
	list := value[0].Value.([]any)
	if list[0] != json.Number("1") {
		t.Errorf("1 becomes %#v, want a number", list[0])
	}
	list[1] = "y"
	if kept := object[0].Value.([]any)[1]; kept != "x" {
		t.Errorf("a change of the copy makes the original %v", kept)
	}
}
