package input_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/awscli/input"
)

// TestLines parses the command lines of testdata/*.lines, in which a line follows "$ "
// and what it means follows that. Before "$ " can be, after "~ ", in what AWS CLI does
// another thing; where there is nothing, it does the same.
func TestLines(t *testing.T) {
	files, err := filepath.Glob("testdata/*.lines")
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d files with lines, error %v", len(files), err)
	}
	t.Setenv("TAGS", "tags")
	t.Setenv("HOME", "/no/such/home")
	var tests []lineTest
	for _, file := range files {
		tests = append(tests, readLines(t, file)...)
	}
	t.Chdir("testdata")
	for _, test := range tests {
		if got := meaning(split(test.line)); got != test.want {
			t.Errorf("%s: %s\ngot  %s\nwant %s", test.file, test.line, got, test.want)
		}
	}
}

type lineTest struct{ file, line, want string }

func readLines(t testing.TB, file string) []lineTest {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var tests []lineTest
	for block := range strings.SplitSeq(string(data), "\n\n") {
		_, block, found := strings.Cut("\n"+block, "\n$ ")
		if !found {
			continue // only comments
		}
		line, want, _ := strings.Cut(block, "\n")
		tests = append(tests, lineTest{file, line, strings.TrimSuffix(want, "\n")})
	}
	return tests
}

// meaning says what words mean: the members of a request as JSON, another thing to
// do, or an error with its code and kind, and lines of text that begin with a bar.
func meaning(words []string) string {
	op, rest, ok := input.Find(words)
	if !ok {
		return "no operation"
	}
	parsed, err := input.Parse(op, rest)
	var wrong *input.Error
	switch {
	case errors.As(err, &wrong):
		return fmt.Sprintf("%d %s\n| %s", wrong.Code, kinds[wrong.Kind],
			strings.ReplaceAll(wrong.Text, "\n", "\n| "))
	case err != nil:
		return "an error of another type: " + err.Error()
	case parsed.Version:
		return "version"
	case parsed.Help:
		return "help"
	case parsed.Skeleton != "":
		return "skeleton " + parsed.Skeleton
	}
	return encode(parsed.Input)
}

var kinds = map[input.Kind]string{
	input.Usage: "usage", input.Unknown: "unknown", input.Value: "value",
	input.Members: "members", input.General: "general",
}

func encode(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// split takes a line apart as a shell does: quotes, and backslashes outside of single
// quotes. The sign for a new line stands for one.
func split(line string) []string {
	var words []string
	var word strings.Builder
	quote, in := rune(0), false
	letters := []rune(strings.ReplaceAll(line, "␤", "\n"))
	for i := 0; i < len(letters); i++ {
		r := letters[i]
		escapes := r == '\\' && i+1 < len(letters) &&
			(quote == 0 || quote == '"' && (letters[i+1] == '"' || letters[i+1] == '\\'))
		switch {
		case escapes:
			i++
			word.WriteRune(letters[i])
			in = true
		case r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, in = r, true
		case quote == 0 && r == ' ':
			if in {
				words = append(words, word.String())
			}
			word.Reset()
			in = false
		default:
			word.WriteRune(r)
			in = true
		}
	}
	if in {
		words = append(words, word.String())
	}
	return words
}
