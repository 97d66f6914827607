package conformance

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// difference is something that parley does in another way than referenceCLI.
type difference struct {
	key string // in docs/cli.md, which says what it is, and why
	// reconcile takes the difference out of what the programs did.
	reconcile func(aws, parley *outcome)
}

// differences are all that there are, in the order in which they are taken out.
var differences = []difference{
	{"usage", reconcileUsage},
	{"choices", reconcileChoices},
	{"suggestions", dropOfStderr(`Did you mean --[a-z-]+\?\n`)},
	{"error-prefix", dropOfStderr(errorPrefix)},
	{"error-details", dropOfStderr(`\nAdditional error details:\n(?:\w+: .*\n)+` +
		`(?:Use "--cli-error-format json" or another error format to see the full details.\n)?`)},
	{"shorthand-line", func(_, parley *outcome) {
		parley.Stderr = strings.Replace(parley.Stderr, "for input:\n ", "for input:\n", 1)
	}},
	{"parse-reason", func(_, parley *outcome) {
		parley.Stderr = parseReason.ReplaceAllString(parley.Stderr, "$1")
	}},
	{"local-server", dropOfStderr(`For a Parley server on this machine, .*\n`)},
	{"empty-message", func(aws, _ *outcome) {
		aws.Stderr = strings.ReplaceAll(aws.Stderr, ": \n", ":\n")
	}},
	{"broken-answer", func(_, parley *outcome) {
		if brokenAnswer.MatchString(parley.Stderr) && parley.Code == 255 {
			parley.Stderr, parley.Code = "", 0
		}
	}},
	{"empty-region", func(_, parley *outcome) {
		for i, r := range parley.Requests {
			parley.Requests[i].Authorization = strings.Replace(r.Authorization, "us-west-2", "", 1)
		}
	}},
	{"unknown-output", func(aws, _ *outcome) { aws.Requests = nil }},
	{"invalid-utf-8", func(aws, parley *outcome) {
		if parley.Code == 252 && strings.HasSuffix(parley.Stderr, " is not UTF-8\n") {
			*aws = *parley
		}
	}},
	{"member-order", func(aws, parley *outcome) {
		sortMembers(aws)
		sortMembers(parley)
	}},
	{"skeleton-comments", func(aws, parley *outcome) {
		aws.Stdout = sortedUncommented(aws.Stdout)
		parley.Stdout = sortedUncommented(parley.Stdout)
	}},
	{"skeleton-output", func(aws, parley *outcome) {
		if strings.HasPrefix(aws.Stderr, "\nParameter validation failed:\n") && parley.Code == 0 {
			*aws = *parley
		}
	}},
}

// errorPrefix matches how parley begins what it says of a failure.
const errorPrefix = `parley: \[ERROR\]: ` +
	`(?:An error occurred \((?:ParamValidation|NoRegion|NoCredentials)\): )?`

// dropOfStderr returns what takes from parley's standard error what matches a pattern at
// the beginning of lines.
func dropOfStderr(pattern string) func(aws, parley *outcome) {
	matching := regexp.MustCompile(`(?m)^` + pattern)
	return func(_, parley *outcome) {
		parley.Stderr = matching.ReplaceAllString(parley.Stderr, "")
	}
}

var (
	parseReason  = regexp.MustCompile(`(Invalid (?:JSON|YAML) received\.\n).*\n`)
	brokenAnswer = regexp.MustCompile(`is not a JSON object: is this its control plane\?\n$`)
)

// usageText matches how to use a program, which it prints with what is wrong with a line.
var usageText = regexp.MustCompile(
	`(?m)^(?:usage: .*|To see help text, you can run:|  (?:aws|parley) .*help)\n`)

// reconcileUsage leaves what is wrong with a line.
func reconcileUsage(aws, parley *outcome) {
	aws.Stderr = strings.Replace(withoutUsage(aws.Stderr), "aws: error: ", "", 1)
	dropOfStderr(errorPrefix)(aws, parley)
	parley.Stderr = withoutUsage(parley.Stderr)
}

func withoutUsage(text string) string {
	return strings.Trim(usageText.ReplaceAllString(text, ""), "\n") + "\n"
}

// The forms of what is said of a value that is no choice.
var (
	listedChoices = regexp.MustCompile(`: Invalid choice, valid choices are:\n(?s:.*)`)
	wrongChoice   = regexp.MustCompile(`: Found invalid choice '.*'\n`)
)

func reconcileChoices(aws, parley *outcome) {
	const neither = ": invalid choice\n"
	aws.Stderr = listedChoices.ReplaceAllString(aws.Stderr, neither)
	parley.Stderr = wrongChoice.ReplaceAllString(parley.Stderr, neither)
}

// listedMembers matches where all members that there are follow.
var listedMembers = regexp.MustCompile(
	`(?:must be one of: |following keys(?: for .*)?: |could match ).*`)

// sortMembers puts the members of structures in the order of the alphabet: in JSON, in
// lines about each, and in lists of their names.
func sortMembers(o *outcome) {
	o.Stdout = sortedJSON(o.Stdout)
	o.Stderr = listedMembers.ReplaceAllStringFunc(o.Stderr, func(list string) string {
		names := strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune(" ,.", r) })
		slices.Sort(names)
		return strings.Join(names, " ")
	})
	lines := strings.Split(o.Stderr, "\n")
	slices.Sort(lines)
	o.Stderr = strings.Join(lines, "\n")
}

// sortedJSON returns text with the members of objects sorted, when it is JSON as the
// programs print it, and else as it is.
func sortedJSON(text string) string {
	var indented bytes.Buffer
	if json.Indent(&indented, []byte(text), "", "    ") != nil || indented.String() != text {
		return text
	}
	var value any
	if json.Unmarshal([]byte(text), &value) != nil {
		return text
	}
	sorted, err := json.MarshalIndent(value, "", "    ")
	if err != nil {
		return text
	}
	return string(sorted)
}

var yamlComment = regexp.MustCompile(`(?m) +# .*$`)

// sortedUncommented returns the lines of YAML in an order, without comments.
func sortedUncommented(text string) string {
	lines := strings.Split(yamlComment.ReplaceAllString(text, ""), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// documentedKey matches the first cell of a row of the table of differences.
var documentedKey = regexp.MustCompile("(?m)^\\| `([a-z0-9-]+)` \\|")

// documentedDifferences returns the keys of the table of differences in docs/cli.md.
func documentedDifferences(t *testing.T) []string {
	t.Helper()
	const headline = "\n## Differences from the AWS CLI\n"
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "cli.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), headline)
	if !found {
		t.Fatalf("docs/cli.md lacks the section %q", headline)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var keys []string
	for _, row := range documentedKey.FindAllStringSubmatch(section, -1) {
		keys = append(keys, row[1])
	}
	return keys
}
