package output_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/parley-chat/parley/internal/awscli/output"
)

// TestPrintRefusal compares with what the AWS CLI prints. A file begins with a line
// about its source, which ends in the code. The body of the refusal is next, and then
// what is printed in a format.
func TestPrintRefusal(t *testing.T) {
	files, err := filepath.Glob("testdata/refusals/*.txtar")
	if err != nil || len(files) < 8 {
		t.Fatalf("the files in testdata are %v, %v", files, err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatalf("read %s: %v", file, err)
		}
		words := strings.Fields(string(archive.Comment))
		body := answer(t, string(archive.Files[0].Data))
		refusal := output.Failure{
			Code:      strings.TrimSuffix(words[len(words)-1], "."),
			Message:   body.Text("message") + body.Text("Message"),
			Operation: "GetRoom",
			Members:   body,
		}
		for _, f := range archive.Files[1:] {
			o := output.ErrorOptions{Program: "aws", Format: f.Name}
			if got := printError(t, refusal, o); got != string(f.Data) {
				t.Errorf("%s: %s prints\n%swant\n%s", file, f.Name, got, f.Data)
			}
		}
	}
}

func printError(t *testing.T, f output.Failure, o output.ErrorOptions) string {
	t.Helper()
	var got strings.Builder
	if err := output.PrintError(&got, f, o); err != nil {
		t.Errorf("print %+v as %s: %v", f, o.Format, err)
	}
	return got.String()
}

func TestPrintError(t *testing.T) {
	query := output.Failure{Code: "ParamValidation", Message: "Bad value for --query a b: …"}
	throttled := output.Failure{Code: "ThrottlingException", Message: "Rate exceeded",
		Operation: "SendEvent", Retries: 4, Exhausted: true}
	const sentence = "An error occurred (ThrottlingException) when calling the SendEvent " +
		"operation (reached max retries: 4): Rate exceeded"
	tests := []struct {
		name    string
		failure output.Failure
		format  string
		want    string
	}{
		{"of our own", query, "enhanced",
			"\nparley: [ERROR]: An error occurred (ParamValidation): Bad value for --query a b: …\n"},
		{"of our own, legacy", query, "legacy",
			"\nparley: [ERROR]: Bad value for --query a b: …\n"},
		{"of our own as JSON", query, "json", "{\n    \"Code\": \"ParamValidation\",\n" +
			"    \"Message\": \"Bad value for --query a b: …\"\n}\n"},
		{"after retries", throttled, "enhanced", "\nparley: [ERROR]: " + sentence + "\n"},
		{"after retries, legacy", throttled, "legacy", "\nparley: [ERROR]: " + sentence + "\n"},
		{"in capitals", throttled, "LEGACY", "\nparley: [ERROR]: " + sentence + "\n"},
		{"no format", throttled, "", "\nparley: [ERROR]: " + sentence + "\n"},
		{"an unknown format", throttled, "yaml-stream", "\nparley: [ERROR]: " + sentence + "\n"},
		{"without a code", output.Failure{Message: " Unknown function: foo() \n"}, "json",
			"\nparley: [ERROR]: Unknown function: foo()\n"},
		{"without a message", output.Failure{}, "", "\nparley: [ERROR]:\n"},
		{"with a body that does not fit", output.Failure{Code: "ThrottlingException",
			Message: "m", Operation: "GetRoom", Members: answer(t, `{"limit":"x","resourceId":"y"}`)},
			"text", "ThrottlingException\tm\n"},
	}
	for _, test := range tests {
		got := printError(t, test.failure, output.ErrorOptions{Format: test.format})
		if got != test.want {
			t.Errorf("a failure %s prints %q, want %q", test.name, got, test.want)
		}
	}
}

// A table of an error is drawn as one of an answer is.
func TestPrintErrorAsTable(t *testing.T) {
	f := output.Failure{Code: "NoRegion", Message: "Name one."}
	got := printError(t, f, output.ErrorOptions{Format: "table", Color: true, Width: 10})
	for _, want := range []string{"|  \x1b[1m\x1b[34mCode\x1b[0m", "error"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %q, want %q in it: colors, and a row for each member", got, want)
		}
	}
}
