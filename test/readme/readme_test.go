// Package readme_test does what the README says, as a reader would, in a copy of the
// checkout, and compares what happens with what the README promises:
//
//   - Blocks marked sh are executed, in order, by one shell. Every command has to
//     succeed. The line make run starts a server, which runs until the end. Lines such
//     as make test are left out: they would run this test again.
//   - A block marked text after one of these shows what it prints; … stands for
//     anything.
//   - A block after the comment <!-- file: NAME --> is saved under that name.
//   - Other blocks, such as those marked console, are only read.
//
// The server gets free ports: the two default addresses are replaced by them.
package readme_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/parleytest/freeport"
)

const readme = "../../README.md"

// reader is who follows the README.
type reader struct {
	dir     string
	env     []string
	shell   *shell
	replace *strings.Replacer // of the default addresses by those in use
}

func TestReadme(t *testing.T) {
	markdown, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	document := blocks(string(markdown))
	checkTools(t, document)
	r := newReader(t)
	started := false
	for i, b := range document {
		if b.file != "" {
			r.save(t, b)
		}
		if b.language != "sh" {
			continue
		}
		started = started || slices.Contains(strings.Split(b.text, "\n"), "make run")
		output := r.follow(t, b)
		if i+1 < len(document) && document[i+1].language == "text" {
			r.check(t, document[i+1], output)
		}
	}
	if !started {
		t.Error("no sh block of the README has the line make run")
	}
}

// newReader returns a reader who has the checkout, free ports, and no AWS or Parley
// settings of another origin.
func newReader(t *testing.T) *reader {
	t.Helper()
	listen, admin := freeport.Address(), freeport.Address()
	r := &reader{
		dir:     copyCheckout(t),
		replace: strings.NewReplacer("127.0.0.1:8080", listen, "127.0.0.1:8081", admin),
	}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "AWS_") && !strings.HasPrefix(variable, "PARLEY_") {
			r.env = append(r.env, variable)
		}
	}
	r.env = append(r.env, "PARLEY_LISTEN="+listen, "PARLEY_ADMIN_LISTEN="+admin,
		"AWS_CONFIG_FILE="+filepath.Join(r.dir, "no-aws-config"),
		"AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=")
	r.shell = startShell(t, r.dir, r.env)
	return r
}

// save writes a block to the file that the README names.
func (r *reader) save(t *testing.T, b block) {
	t.Helper()
	path := filepath.Join(r.dir, b.file)
	if err := os.WriteFile(path, []byte(r.replace.Replace(b.text)), 0o644); err != nil {
		t.Fatalf("README line %d: %v", b.line, err)
	}
}

// notRun are commands that would run this test again, or are part of CI by themselves.
var notRun = []string{"make test", "make check", "make fuzz", "make bench"}

// follow does what a block says and returns what that prints.
func (r *reader) follow(t *testing.T, b block) (output string) {
	t.Helper()
	var commands []string
	for line := range strings.SplitSeq(r.replace.Replace(b.text), "\n") {
		switch {
		case line == "make run":
			output += r.startServer(t, b)
		case !slices.Contains(notRun, line):
			commands = append(commands, line)
		}
	}
	printed, err := r.shell.run(strings.Join(commands, "\n"))
	if err != nil {
		t.Fatalf("README line %d: the shell that runs this block: %v\n%s\nIt printed:\n%s",
			b.line, err, b.text, printed)
	}
	return output + printed
}

// startServer starts a server and returns what it prints until it is ready.
func (r *reader) startServer(t *testing.T, b block) string {
	t.Helper()
	cmd := exec.Command("make", "run")
	cmd.Dir, cmd.Env = r.dir, r.env
	output, err := start(t, cmd).until("parley: ready ")
	if err != nil {
		t.Fatalf("README line %d: make run: %v; it printed\n%s", b.line, err, output)
	}
	return output
}

// check compares what a block printed with what the README shows.
func (r *reader) check(t *testing.T, want block, output string) {
	t.Helper()
	if err := compare(r.replace.Replace(want.text), output); err != nil {
		t.Errorf("README line %d: %v; the output is\n%s", want.line, err, output)
	}
}

// tools matches the programs that the README may use and that may be missing.
var tools = regexp.MustCompile(`(?m)(?:^|[\s(|;])(aws|node|npm|curl|jq|python3)\s`)

// checkTools ends the test when the README uses a program that is not installed: it
// fails where the environment variable CI is set, and skips elsewhere.
func checkTools(t *testing.T, document []block) {
	t.Helper()
	for _, b := range document {
		if b.language != "sh" {
			continue
		}
		for _, use := range tools.FindAllStringSubmatch(b.text, -1) {
			if _, err := exec.LookPath(use[1]); err == nil {
				continue
			}
			if os.Getenv("CI") != "" {
				t.Fatalf("README line %d uses %s, which is missing, and CI runs all of it",
					b.line, use[1])
			}
			t.Skipf("README line %d uses %s, which is missing here; CI runs it", b.line, use[1])
		}
	}
}
