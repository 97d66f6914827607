package output_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/internal/awscli/output"
)

// operation returns the operation of a name.
func operation(t *testing.T, name string) parley.Operation {
	t.Helper()
	for _, op := range parley.Operations {
		if op.Name == name {
			return op
		}
	}
	t.Fatalf("there is no operation %s", name)
	return parley.Operation{}
}

// command returns the operation of a command, such as get-room.
func command(t *testing.T, name string) parley.Operation {
	t.Helper()
	var b strings.Builder
	for word := range strings.SplitSeq(name, "-") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return operation(t, b.String())
}

// answer returns the object that JSON is; no text is an object without members.
func answer(t *testing.T, data string) api.Object {
	t.Helper()
	if data == "" {
		return nil
	}
	value, err := api.ParseJSON([]byte(data))
	if err != nil {
		t.Fatalf("parse %s: %v", data, err)
	}
	return value.(api.Object)
}

// options returns those of a format, and of a query unless that is empty.
func options(t *testing.T, format, query string) output.Options {
	t.Helper()
	o := output.Options{Format: format}
	if query != "" {
		compiled, err := output.Compile(query)
		if err != nil {
			t.Fatalf("compile: %v", err)
		}
		o.Query = compiled
	}
	return o
}

// TestPrint compares with what the AWS CLI prints. A file in testdata begins with a
// line about its source, which ends in the command. The answer of the service is next,
// and then what is printed in a format, with a query or without.
func TestPrint(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 10 {
		t.Fatalf("the files in testdata are %v, %v", files, err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatalf("read %s: %v", file, err)
		}
		words := strings.Fields(string(archive.Comment))
		op := command(t, strings.TrimSuffix(words[len(words)-1], "."))
		given := answer(t, string(archive.Files[0].Data))
		for _, f := range archive.Files[1:] {
			format, query, queried := strings.Cut(f.Name, " ")
			if queried && query == "" {
				t.Fatalf("%s has no query in %q", file, f.Name)
			}
			var got strings.Builder
			if err := output.Print(&got, op, given, options(t, format, query)); err != nil {
				t.Errorf("%s: %s: %v", file, f.Name, err)
			}
			if got.String() != string(f.Data) {
				t.Errorf("%s: %s prints\n%swant\n%s", file, f.Name, got.String(), f.Data)
			}
		}
	}
}

// TestPrintRefuses has answers and queries at which the CLI ends with an error too,
// but for the last in other words.
func TestPrintRefuses(t *testing.T) {
	const union = "Invalid service response: DestinationConfiguration must have one and only " +
		"one member set."
	tests := []struct{ operation, answer, format, query, want string }{
		{"GetRoom", `{"name":"a","tags":{}}`, "text", "[tags,name]",
			"'str' object has no attribute 'items'"},
		{"GetRoom", `{"name":"a","tags":{}}`, "text", "[tags,`null`]",
			"'NoneType' object has no attribute 'items'"},
		{"GetRoom", `{"name":"a","tags":{"b":"c"}}`, "table", "[name,[name,name]]",
			"Row should have 1 elements, instead it has 2"},
		{"GetRoom", `{"name":"a"}`, "table", "[[name],[`{\"a\":1,\"b\":2}`]]",
			"list index out of range"},
		{"GetRoom", `{"name":"a"}`, "json", "length(arn)", "In function length(), invalid type " +
			`for value: None, expected one of: ['string', 'array', 'object'], received: "null"`},
		{"GetRoom", `{"name":"a"}`, "json", "foo(name)", "Unknown function: foo()"},
		{"GetRoom", `{"name":"a"}`, "xml", "", "Unknown output type: xml"},
		{"GetLoggingConfiguration", `{"destinationConfiguration":{}}`, "off", "", union},
		{"GetLoggingConfiguration",
			`{"destinationConfiguration":{"s3":{"bucketName":"b"},"firehose":{}}}`, "json", "", union},

		{"GetRoom", `{"name":"a","tags":{"b":"c"}}`, "table", "[tags,name]",
			"'str' object has no attribute 'get'"},
		{"GetRoom", `{"createTime":"soon"}`, "json", "name", `Invalid timestamp "soon"`},
		{"GetRoom", `{"createTime":[]}`, "json", "name", `Invalid timestamp "[]"`},
		{"GetRoom", `{"maximumMessageLength":"many"}`, "json", "",
			"Invalid service response: maximumMessageLength is str, not an integer."},
		{"GetRoom", `{"maximumMessageLength":1e999}`, "json", "",
			"Invalid service response: maximumMessageLength is float, not an integer."},
		{"GetRoom", `{"messageReviewHandler":"a"}`, "json", "",
			"Invalid service response: messageReviewHandler is str, not a structure."},
		{"GetRoom", `{"tags":[]}`, "json", "", "Invalid service response: tags is list, not a map."},
		{"ListRooms", `{"rooms":{}}`, "json", "",
			"Invalid service response: rooms is dict, not a list."},
		{"ListRooms", `{"rooms":[1]}`, "json", "",
			"Invalid service response: rooms is int, not a structure."},
	}
	for _, test := range tests {
		var got strings.Builder
		err := output.Print(&got, operation(t, test.operation), answer(t, test.answer),
			options(t, test.format, test.query))
		if err == nil || err.Error() != test.want {
			t.Errorf("%s of %s with query %q: got %q, %v, want the error %s", test.format,
				test.answer, test.query, got.String(), err, test.want)
		}
	}
}

// The deepest answer that can be parsed is printed in every format.
func TestPrintDeepAnswer(t *testing.T) {
	const depth = 998 // below the answer and its tags
	given := answer(t, `{"tags":`+strings.Repeat(`{"a":`, depth)+`"deep"`+
		strings.Repeat("}", depth+1))
	for _, format := range output.Formats[:5] {
		var got strings.Builder
		err := output.Print(&got, operation(t, "GetRoom"), given, options(t, format, "[@, @]"))
		if err != nil || !strings.Contains(got.String(), "deep") {
			t.Errorf("%s prints %d bytes, %v, want all of the answer", format, got.Len(), err)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	_, err := output.Compile("rooms[")
	want := "Bad value for --query rooms[: Invalid jmespath expression: Incomplete expression:\n" +
		"\"rooms[\"\n       ^"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// What the CLI prints with --color on.
func TestColor(t *testing.T) {
	const off, cell, border = "\x1b[0m", "\x1b[1m\x1b[34m", "\x1b[2m\x1b[33m|" + "\x1b[0m"
	outer := func(line string) string { return off + line + off + off + "\n" + off }
	inner := func(line string) string {
		return border + off + line + off + border + off + "\n" + off
	}
	want := "------------------\n" + off +
		outer("|     GetRoom    |") +
		outer("+------+---------+") +
		outer("|  "+cell+"arn"+off+" |  "+cell+"arn:x"+off+"  |") +
		outer("+------+---------+") +
		inner("|     tags     |") +
		inner("+------+-------+") +
		inner("|   a  |   c   |") +
		inner("+------+-------+") +
		inner("|  "+cell+"b"+off+"   |  "+cell+"d"+off+"    |") +
		inner("+------+-------+")
	var got strings.Builder
	err := output.Print(&got, operation(t, "GetRoom"),
		answer(t, `{"arn":"arn:x","tags":{"a":"b","c":"d"}}`),
		output.Options{Format: "table", Color: true})
	if err != nil || got.String() != want {
		t.Errorf("got %v\n%q, want\n%q", err, got.String(), want)
	}
}

// A section of one row is turned on its side when the table is wider than the terminal.
func TestTableWidth(t *testing.T) {
	tests := []struct {
		name   string
		width  int
		turned bool
	}{
		{"as wide as the table", 22, false},
		{"narrower", 21, true},
		{"unknown", 0, false},
	}
	for _, test := range tests {
		var got strings.Builder
		o := output.Options{Format: "table", Width: test.width}
		err := output.Print(&got, operation(t, "GetRoom"),
			answer(t, `{"arn":"12345678","name":"12"}`), o)
		if err != nil {
			t.Fatalf("print: %v", err)
		}
		if turned := strings.Contains(got.String(), "|  arn "); turned != test.turned {
			t.Errorf("in a terminal %s (%d columns), turned is %t:\n%s", test.name, test.width,
				turned, got.String())
		}
	}
}
