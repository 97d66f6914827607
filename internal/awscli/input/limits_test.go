package input_test

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/awscli/input"
)

// TestLimits checks each bound of what is read, at the bound and one past it.
func TestLimits(t *testing.T) {
	tests := []struct {
		name   string
		option string
		text   func(n int) string
		most   int
		past   string // what the error says
	}{
		{"nesting of shorthand", "--tags",
			func(n int) string { return "a=" + strings.Repeat("[", n) + strings.Repeat("]", n) },
			100, "The values are nested too deeply"},
		{"nesting of JSON", "--cli-input-json",
			func(n int) string { return `{"name":` + nested(n-1) + "}" },
			1000, "the JSON is nested too deeply"},
		{"nesting of YAML", "--cli-input-yaml",
			func(n int) string { return "name: " + nested(n) },
			100, "it is too large, or nested too deeply"},
		{"size of YAML", "--cli-input-yaml",
			func(n int) string {
				return "loggingConfigurationIdentifiers: [" + strings.Repeat("a,", n-2) + "]"
			},
			100_000, "it is too large, or nested too deeply"},
		{"aliases of YAML", "--cli-input-yaml", aliases, 13, "it is too large, or nested too deeply"},
	}
	op := operation(t, "CreateRoom")
	for _, test := range tests {
		for _, past := range []bool{false, true} {
			n := test.most
			if past {
				n++
			}
			_, err := input.Parse(op, []string{test.option, test.text(n)})
			if refused := strings.Contains(fmt.Sprint(err), test.past); refused != past {
				t.Errorf("%s: %d: refused for that: %t, want %t; error %.200v",
					test.name, n, refused, past, err)
			}
		}
	}
}

func nested(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

// aliases returns a document in which n lists have the list before twice.
func aliases(n int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 x\n")
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [*a%d, *a%d]\n", i, i, i-1, i-1)
	}
	return b.String()
}

func TestLargestFile(t *testing.T) {
	const most = 16 << 20
	path := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(path, make([]byte, most), 0o600); err != nil {
		t.Fatal(err)
	}
	op := operation(t, "CreateRoom")
	words := []string{"--name", "file://" + path}
	if line, err := input.Parse(op, words); err != nil || len(line.Input.Text("name")) != most {
		t.Errorf("%d bytes: got %d, error %v", most, len(line.Input.Text("name")), err)
	}
	if err := os.Truncate(path, most+1); err != nil {
		t.Fatal(err)
	}
	want := "Unable to load paramfile file://" + path + ": it is larger than 16777216 bytes"
	if _, err := input.Parse(op, words); !strings.Contains(fmt.Sprint(err), want) {
		t.Errorf("%d bytes: got error %v, want it to say %s", most+1, err, want)
	}
}

// TestPathsOfFiles checks what is put into paths.
func TestPathsOfFiles(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home+"/")
	t.Setenv("FOLDER", home)
	if err := os.WriteFile(filepath.Join(home, "name"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{home + "/name", "~/name", "$FOLDER/name", "${FOLDER}/name"} {
		line, err := input.Parse(operation(t, "CreateRoom"), []string{"--name", "file://" + path})
		if got := line.Input.Text("name"); err != nil || got != "x" {
			t.Errorf("%s: got %q, error %v", path, got, err)
		}
	}
}

func TestHomeOfAnotherUser(t *testing.T) {
	owner, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	words := []string{"--name", "file://~" + owner.Username + "/no-such-file"}
	want := "'" + owner.HomeDir + "/no-such-file'"
	_, err = input.Parse(operation(t, "CreateRoom"), words)
	if !strings.HasSuffix(fmt.Sprint(err), want) {
		t.Errorf("%s: got error %v, want %s at its end", words[1], err, want)
	}
}
