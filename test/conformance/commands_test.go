package conformance

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// referenceCLI is the version of the AWS CLI whose behaviour is compared. Others differ
// in other ways than docs/cli.md tells.
const referenceCLI = "aws-cli-2.9.19"

// commandsDir holds the lines that are compared, and in files what they read.
var commandsDir = filepath.Join("testdata", "commands")

// commandRow is a line of a script, which is run with the AWS CLI and with parley.
type commandRow struct {
	name    string // its file and its number there
	line    string // in which "aws ivschat" stands for the program
	answers []string
	differs []string // keys of differences
}

// outcome is what a line did.
type outcome struct {
	Stdout, Stderr string
	Code           int
	Requests       []request
}

// TestCommandsDoAsTheAWSCLIDoes runs each line with the AWS CLI, and with parley in its
// place. All that both do is the same, but for the differences that the line's row
// names. Each of these must occur, and docs/cli.md must list exactly them.
func TestCommandsDoAsTheAWSCLIDoes(t *testing.T) {
	bin := commandsPath(t)
	rows := readCommandRows(t)
	busy := make(chan struct{}, runtime.NumCPU()) // a slot for each line that runs
	var mu sync.Mutex                             // guards what follows
	compared, seen := 0, map[string]bool{}
	t.Run("line", func(t *testing.T) {
		for _, row := range rows {
			t.Run(row.name, func(t *testing.T) {
				t.Parallel()
				busy <- struct{}{}
				defer func() { <-busy }()
				compareCommands(t, bin, row)
				mu.Lock()
				defer mu.Unlock()
				compared++
				for _, key := range row.differs {
					seen[key] = true
				}
			})
		}
	})
	documented := documentedDifferences(t)
	for _, key := range slices.Sorted(maps.Keys(seen)) {
		if !slices.Contains(documented, key) {
			t.Errorf("docs/cli.md lacks the difference %s", key)
		}
	}
	for _, key := range documented {
		if !seen[key] && compared == len(rows) { // else this run leaves out lines
			t.Errorf("docs/cli.md lists the difference %s, which no line shows", key)
		}
	}
}

// commandsPath returns a folder that holds the two programs, by the names that lines
// call them.
func commandsPath(t *testing.T) string {
	t.Helper()
	clis := slices.DeleteFunc(programs("aws"), func(path string) bool {
		return cliName(t, path) != referenceCLI
	})
	if len(clis) == 0 {
		missing(t, referenceCLI, "install Debian 12's awscli")
	}
	bin := t.TempDir()
	for name, program := range map[string]string{"aws": clis[0], "parley": parleyBinary} {
		if err := os.Symlink(program, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	return bin
}

// readCommandRows reads all rows. In their files, an empty line ends a row. What follows
// "answers:" are names of the answers that the frozen server gives, and what follows
// "differs:" are keys of differences. A row that has these without a script says what
// holds for the rows after it that do not say it themselves. Lines that begin with # are
// comments.
func readCommandRows(t *testing.T) []commandRow {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(commandsDir, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no rows in %s: %v", commandsDir, err)
	}
	var rows []commandRow
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		var usual commandRow
		for i, block := range strings.Split(string(data), "\n\n") {
			row := parseCommandRow(block, usual)
			if row.line == "" {
				usual = row
				continue
			}
			row.name = fmt.Sprintf("%s/%d", name, i)
			for _, key := range row.differs {
				if !slices.ContainsFunc(differences, func(d difference) bool { return d.key == key }) {
					t.Fatalf("%s: there is no difference %q", row.name, key)
				}
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// parseCommandRow reads a row, which says what differs from the usual one.
func parseCommandRow(block string, usual commandRow) commandRow {
	row := commandRow{answers: usual.answers, differs: usual.differs}
	var script []string
	for line := range strings.Lines(block) {
		line = strings.TrimSuffix(line, "\n")
		answers, isAnswers := strings.CutPrefix(line, "answers:")
		differs, isDiffers := strings.CutPrefix(line, "differs:")
		switch {
		case isAnswers:
			row.answers = strings.Fields(answers)
		case isDiffers:
			row.differs = strings.Fields(differs)
		case !strings.HasPrefix(line, "#"):
			script = append(script, line)
		}
	}
	row.line = strings.TrimSpace(strings.Join(script, "\n"))
	return row
}

// compareCommands runs a line with both programs and compares what they do.
func compareCommands(t *testing.T, bin string, row commandRow) {
	aws := runCommand(t, bin, row, "aws ivschat")
	parley := runCommand(t, bin, row, "parley")
	if diff := outcomeDiff(aws, parley, row.differs); diff != "" {
		t.Errorf("%s\nwith differences %q (-aws +parley):\n%s", row.line, row.differs, diff)
		return
	}
	for i, key := range row.differs {
		others := slices.Delete(slices.Clone(row.differs), i, i+1)
		if outcomeDiff(aws, parley, others) == "" {
			t.Errorf("%s\nthe difference %s does not occur", row.line, key)
		}
	}
}

// runCommand runs a line with a program against a frozen server of its own.
func runCommand(t *testing.T, bin string, row commandRow, program string) outcome {
	t.Helper()
	srv := startFrozen(t, row.answers)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(commandsDir, "files"))); err != nil {
		t.Fatal(err)
	}
	env := cleanEnv(dir,
		"PATH="+bin+":"+os.Getenv("PATH"), "URL="+srv.url,
		"AWS_REGION=us-west-2",
		"AWS_ACCESS_KEY_ID=AKIDEXAMPLE",
		"AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
		"ROOM="+frozenRoom, "LOGS="+frozenLogs,
		"LAMBDA=arn:aws:lambda:us-west-2:123456789012:function:review",
	)
	var o outcome
	o.Stdout, o.Stderr, o.Code = run(t, dir, env, "bash", "-c", scriptOf(row.line, program))
	o.Stdout = strings.ReplaceAll(o.Stdout, srv.url, "$URL")
	o.Stderr = strings.ReplaceAll(o.Stderr, srv.url, "$URL")
	srv.mu.Lock()
	defer srv.mu.Unlock()
	o.Requests = srv.requests
	return o
}

// calledOperation finds what stands for the program, with the operation if that follows.
var calledOperation = regexp.MustCompile(`\baws ivschat( [a-z][a-z-]*)?`)

// scriptOf returns the line with the program in its place, and told where the frozen
// server is when it calls an operation.
func scriptOf(line, program string) string {
	return calledOperation.ReplaceAllStringFunc(line, func(call string) string {
		operation, called := strings.CutPrefix(call, "aws ivschat ")
		if !called {
			return program
		}
		return program + " " + operation + ` --endpoint-url "$URL"`
	})
}

// outcomeDiff returns how what the programs did differs besides the named differences.
func outcomeDiff(aws, parley outcome, keys []string) string {
	parley.Requests = slices.Clone(parley.Requests) // a difference may change them
	for _, d := range differences {
		if slices.Contains(keys, d.key) {
			d.reconcile(&aws, &parley)
		}
	}
	return cmp.Diff(aws, parley)
}
