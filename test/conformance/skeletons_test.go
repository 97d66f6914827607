package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// filled is what a member of a request is set to in the place of a skeleton's value.
type filled map[string]any

// skeletonStep is an operation that is called with a skeleton that was filled in.
type skeletonStep struct {
	operation string
	values    filled // besides those that all steps have
}

// skeletonSteps call every operation, in an order in which what they are about exists.
// What a step answers as its ARN is what later ones mean by the kind of its operation.
var skeletonSteps = []skeletonStep{
	{"CreateLoggingConfiguration", filled{"name": "archive"}},
	{"GetLoggingConfiguration", filled{"identifier": "LoggingConfiguration"}},
	{"UpdateLoggingConfiguration", filled{"identifier": "LoggingConfiguration", "name": "attic"}},
	{"ListLoggingConfigurations", nil},
	{"CreateRoom", filled{"name": "lobby"}},
	{"GetRoom", filled{"identifier": "Room"}},
	{"UpdateRoom", filled{"identifier": "Room", "name": "hall"}},
	{"ListRooms", filled{"name": "hall"}},
	{"CreateChatToken", nil},
	{"SendEvent", nil},
	{"DeleteMessage", nil},
	{"DisconnectUser", nil},
	{"TagResource", nil},
	{"ListTagsForResource", nil},
	{"UntagResource", nil},
	{"DeleteRoom", filled{"identifier": "Room"}},
	{"DeleteLoggingConfiguration", filled{"identifier": "LoggingConfiguration"}},
}

// skeletonValues are what all steps set members to. Those that are not here keep the
// skeleton's value. The name of a kind stands for the ARN of that resource.
var skeletonValues = filled{
	"roomIdentifier":                  "Room",
	"resourceArn":                     "Room",
	"loggingConfigurationIdentifier":  "LoggingConfiguration",
	"loggingConfigurationIdentifiers": "LoggingConfiguration",
	"userId":                          "zoë: #1",
	"sessionDurationInMinutes":        30,
	"KeyName":                         "yes: @home",
	"maximumMessageRatePerSecond":     20,
	"maximumMessageLength":            200,
	"uri":                             frozenHandler,
	"messageReviewHandlerUri":         frozenHandler,
	"bucketName":                      "chat-logs",
	"eventName":                       "poll:opened",
	"id":                              "Qx7LmZ03tRbe",
	"reason":                          "no",
	"tagKeys":                         "KeyName",
	"maxResults":                      50,
}

const frozenHandler = "arn:aws:lambda:us-east-1:000000000000:function:review"

// skeletonForm is a form of skeletons, and how people fill it in.
type skeletonForm struct {
	name   string
	choice string // of --generate-cli-skeleton
	option string // that takes the result
	fill   func(t *testing.T, skeleton string, values filled) string
}

// TestSkeletonsFilledInAreRequests fills in the skeleton of every command, and runs the
// command with it against a server.
func TestSkeletonsFilledInAreRequests(t *testing.T) {
	for operation := range parleyShapes(t) {
		if !slices.ContainsFunc(skeletonSteps, func(s skeletonStep) bool {
			return s.operation == operation
		}) {
			t.Errorf("no step calls %s", operation)
		}
	}
	for _, form := range []skeletonForm{
		{"json", "input", "--cli-input-json", fillJSON},
		{"yaml", "yaml-input", "--cli-input-yaml", fillYAML},
	} {
		t.Run(form.name, func(t *testing.T) {
			t.Parallel()
			srv := startServer(t)
			arns := map[string]string{}
			for _, step := range skeletonSteps {
				answer := form.run(t, srv, step.operation, step.valuesWith(arns))
				if kind, creates := strings.CutPrefix(step.operation, "Create"); creates {
					arns[kind] = arnIn(t, answer)
				}
			}
		})
	}
}

// run runs a command with its skeleton, filled in with values, and returns the answer.
func (f skeletonForm) run(t *testing.T, srv *server, operation string, values filled) string {
	t.Helper()
	env := cleanEnv(srv.dir, "AWS_SHARED_CREDENTIALS_FILE="+srv.credentials)
	command := kebab(operation)
	skeleton := runParley(t, srv.dir, env, command, "--generate-cli-skeleton", f.choice)
	text := f.fill(t, skeleton, values)
	file := command + "." + f.name
	if err := os.WriteFile(filepath.Join(srv.dir, file), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	answer := runParley(t, srv.dir, env, command, f.option, "file://"+file,
		"--endpoint-url", srv.url, "--region", region)
	checkFilledIn(t, operation, answer, values)
	return answer
}

// runParley runs a command that has to succeed and returns what it printed.
func runParley(t *testing.T, dir string, env []string, args ...string) string {
	t.Helper()
	stdout, stderr, code := run(t, dir, env, parleyBinary, args...)
	if code != 0 || stderr != "" {
		t.Fatalf("parley %s: exit code %d, want 0 and no complaint:\n%s",
			strings.Join(args, " "), code, stderr)
	}
	return stdout
}

// valuesWith returns all values of a step, with ARNs for names of kinds.
func (s skeletonStep) valuesWith(arns map[string]string) filled {
	values := maps.Clone(skeletonValues)
	maps.Copy(values, s.values)
	for name, value := range values {
		if kind, isText := value.(string); isText && arns[kind] != "" {
			values[name] = arns[kind]
		}
	}
	return values
}

// otherDestinations are members of the union of destinations, of which one may be set.
var otherDestinations = []string{"cloudWatchLogs", "firehose"}

// fillJSON returns a skeleton in JSON with the values, and with one destination.
func fillJSON(t *testing.T, skeleton string, values filled) string {
	t.Helper()
	var members map[string]any
	decode(t, json.RawMessage(skeleton), &members)
	fillMembers(members, values)
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func fillMembers(members map[string]any, values filled) {
	for name, value := range members {
		given, known := values[name]
		switch nested := value.(type) {
		case map[string]any:
			fillMembers(nested, values)
		case []any:
			if known {
				members[name] = []any{given}
			}
		default:
			if known {
				members[name] = given
			}
		}
		if slices.Contains(otherDestinations, name) {
			delete(members, name)
		}
	}
}

// yamlLine matches a line of a skeleton in YAML: a member, or an entry of a list.
var yamlLine = regexp.MustCompile(`^( *)(?:(\w+):|-)(?: ('[^']*'|[\w-]+))?( +#.*)?$`)

// fillYAML returns a skeleton in YAML with the values, and with one destination. All
// else, the comments as well, stays as it is.
func fillYAML(t *testing.T, skeleton string, values filled) string {
	t.Helper()
	var lines []string
	name, dropped := "", "" // the member a line is about; the indentation of what is left out
	for line := range strings.Lines(skeleton) {
		found := yamlLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if found == nil {
			t.Fatalf("line %q of the skeleton is neither a member nor an entry:\n%s", line, skeleton)
		}
		indent, member, value, comment := found[1], found[2], found[3], found[4]
		if dropped != "" && len(indent) > len(dropped) {
			continue
		}
		dropped = ""
		if member != "" {
			name = member
		}
		given, known := values[name]
		switch {
		case slices.Contains(otherDestinations, member):
			dropped = indent
			continue
		case known && value != "" && member != "":
			line = fmt.Sprintf("%s%s: %s%s\n", indent, member, yamlText(given), comment)
		case known && value != "":
			line = fmt.Sprintf("%s- %s%s\n", indent, yamlText(given), comment)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "")
}

// yamlText returns a value as YAML, in single quotes when it is a text.
func yamlText(value any) string {
	if text, isText := value.(string); isText {
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	return fmt.Sprint(value)
}

// aboutOne matches the operations that answer with the members of one resource.
var aboutOne = regexp.MustCompile(`^(?:Create|Get|Update)(?:Room|LoggingConfiguration)$`)

// checkFilledIn checks that the answer to a request tells of what was filled in.
func checkFilledIn(t *testing.T, operation, answer string, values filled) {
	t.Helper()
	if !aboutOne.MatchString(operation) {
		return
	}
	var members map[string]any
	decode(t, json.RawMessage(answer), &members)
	for _, name := range []string{"name", "maximumMessageRatePerSecond", "maximumMessageLength"} {
		got, answered := members[name]
		if _, given := values[name]; answered && given && fmt.Sprint(got) != fmt.Sprint(values[name]) {
			t.Errorf("%s: %s is %v, want %v as filled in", operation, name, got, values[name])
		}
	}
	if tags, _ := members["tags"].(map[string]any); tags["KeyName"] != values["KeyName"] {
		t.Errorf("%s: tags are %v, want %v as filled in", operation, tags, values["KeyName"])
	}
}

// arnIn returns the ARN of an answer, or nothing.
func arnIn(t *testing.T, answer string) string {
	t.Helper()
	var members struct{ ARN string }
	decode(t, json.RawMessage(answer), &members)
	return members.ARN
}
