package conformance

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// awsCLI is a version of the AWS CLI as an apiClient: every call is a process.
type awsCLI struct {
	program   string
	errorCode int // exit code for errors of the service
	dir       string
	env       []string
	endpoint  string
}

// awsCLIs returns every installed version of the AWS CLI.
func awsCLIs(t *testing.T) []apiClientKind {
	t.Helper()
	var kinds []apiClientKind
	for _, program := range programs("aws") {
		name, column := cliName(t, program), ""
		if !strings.HasPrefix(name, cli1) {
			column = columnCLI2
		}
		kinds = append(kinds, apiClientKind{name, column, startCLI(t, program)})
	}
	if len(kinds) > 0 {
		return kinds
	}
	return []apiClientKind{{"aws-cli", columnCLI2, func(t *testing.T, _ *server, _ string) apiClient {
		missing(t, "the AWS CLI", "install awscli")
		return nil
	}}}
}

// cli1 begins the names of all versions 1.
const cli1 = "aws-cli-1."

// isCLI reports whether every call of the client is a process, which takes its time.
func (k apiClientKind) isCLI() bool { return strings.HasPrefix(k.name, "aws-cli") }

// cliName returns the version of the program, such as aws-cli-2.9.19.
func cliName(t *testing.T, program string) string {
	t.Helper()
	stdout, stderr, code := run(t, "", cleanEnv(t.TempDir()), program, "--version")
	if code != 0 {
		t.Fatalf("%s --version: exit code %d: %s", program, code, stderr)
	}
	name, _, _ := strings.Cut(stdout, " ")
	return strings.ReplaceAll(name, "/", "-")
}

// startCLI returns how to use the program. Version 1 exits with 255 when the service
// answers with an error, later ones with 254.
func startCLI(t *testing.T, program string) func(*testing.T, *server, string) apiClient {
	errorCode := 254
	if strings.HasPrefix(cliName(t, program), cli1) {
		errorCode = 255
	}
	return func(t *testing.T, srv *server, credentials string) apiClient {
		env := cleanEnv(srv.dir, "AWS_SHARED_CREDENTIALS_FILE="+credentials)
		return awsCLI{program, errorCode, srv.dir, env, srv.url}
	}
}

var cliError = regexp.MustCompile(
	`An error occurred \((\w+)\) when calling the (\w+) operation` +
		`(?: \(reached max retries: \d+\))?: (.*)`)

func (c awsCLI) call(t *testing.T, operation string, input fields) answer {
	t.Helper()
	args := []string{"ivschat", kebab(operation), "--endpoint-url", c.endpoint,
		"--region", region, "--output", "json"}
	args = append(args, options(t, input)...)
	stdout, stderr, code := run(t, c.dir, c.env, c.program, args...)
	if code == 0 {
		return answer{Output: json.RawMessage(stdout)}
	}
	found := cliError.FindStringSubmatch(stderr)
	if found == nil || code != c.errorCode || found[2] != operation {
		t.Fatalf("aws %s: exit code %d, want 0, or %d and an error of %s:\n%s",
			strings.Join(args, " "), code, c.errorCode, operation, stderr)
	}
	return answer{err: &apiError{Code: found[1], Message: found[3]}}
}

// options returns the command line options for the members of a request.
func options(t *testing.T, input fields) []string {
	t.Helper()
	var args []string
	for name, value := range input {
		args = append(args, "--"+kebab(name))
		list, isList := value.([]string)
		switch {
		case isList && len(list) > 0:
			args = append(args, list...)
		case isScalar(value):
			args = append(args, fmt.Sprint(value))
		default:
			data, err := json.Marshal(value)
			if err != nil {
				t.Fatalf("encode %s %v: %v", name, value, err)
			}
			args = append(args, string(data))
		}
	}
	return args
}

func isScalar(value any) bool {
	switch value.(type) {
	case string, int:
		return true
	}
	return false
}

// kebab returns a name of the API as the CLI spells it: userId is user-id.
func kebab(name string) string {
	dashed := regexp.MustCompile(`[A-Z]`).ReplaceAllString(name, "-$0")
	return strings.TrimPrefix(strings.ToLower(dashed), "-")
}

// The line that a reader of the documentation types first. It is run by a shell, in
// the folder that holds the data folder.
const createTokenLine = `AWS_SHARED_CREDENTIALS_FILE=parley-data/credentials ` +
	`aws ivschat create-chat-token --endpoint-url %s --region us-east-1 ` +
	`--room-identifier %s --user-id 11231234 --capabilities SEND_MESSAGE ` +
	`--session-duration-in-minutes 30 --attributes displayName=Ann`

func TestCreateChatTokenLine(t *testing.T) {
	srv := startServer(t)
	r := createRoom(t, startGoSDK(t, srv, srv.credentials), fields{})
	for _, program := range programs("aws") {
		t.Run(cliName(t, program), func(t *testing.T) {
			line := fmt.Sprintf(createTokenLine, srv.url, r.ARN)
			issued := time.Now()
			stdout, stderr, code := run(t, srv.dir, envWithFirst(srv.dir, program),
				"bash", "-c", line)
			if code != 0 {
				t.Fatalf("%s\nexit code %d, want 0:\n%s", line, code, stderr)
			}
			var printed map[string]string
			decode(t, json.RawMessage(stdout), &printed)
			checkMembers(t, printed, "token", "sessionExpirationTime", "tokenExpirationTime")
			var token chatToken
			decode(t, json.RawMessage(stdout), &token)
			checkToken(t, token, issued, 30*time.Minute)
		})
	}
	if len(programs("aws")) == 0 {
		missing(t, "the AWS CLI", "install awscli")
	}
}

// envWithFirst returns the environment in which a shell finds the program first.
func envWithFirst(home, program string) []string {
	env := cleanEnv(home)
	for i, variable := range env {
		if path, ok := strings.CutPrefix(variable, "PATH="); ok {
			env[i] = "PATH=" + filepath.Dir(program) + ":" + path
		}
	}
	return env
}

// checkMembers fails unless object has exactly the members of want.
func checkMembers[V any](t *testing.T, object map[string]V, want ...string) {
	t.Helper()
	var got []string
	for name := range object {
		got = append(got, name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("members %q, want %q", got, want)
	}
}

// TestDeleteRoomPrintsNothing checks that the CLI takes the answer without a body for
// what it is.
func TestDeleteRoomPrintsNothing(t *testing.T) {
	srv := startServer(t)
	admin := startGoSDK(t, srv, srv.credentials)
	for _, kind := range awsCLIs(t) {
		t.Run(kind.name, func(t *testing.T) {
			cli := kind.start(t, srv, srv.credentials)
			r := createRoom(t, admin, fields{})
			a := cli.call(t, "DeleteRoom", fields{"identifier": r.ARN})
			if a.err != nil || len(a.Output) != 0 {
				t.Errorf("delete-room printed %q, error %+v, want neither", a.Output, a.err)
			}
		})
	}
}
