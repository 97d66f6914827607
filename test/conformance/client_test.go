package conformance

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// fields are the members of a request, by their names in the API.
type fields map[string]any

// apiClient is one way of calling the control plane.
type apiClient interface {
	// call calls an operation, such as CreateRoom, and returns the answer as the
	// client shows it to its user.
	call(t *testing.T, operation string, input fields) answer
}

// answer is what a client made of the server's answer.
type answer struct {
	Status int             // 0 when the client does not show it
	Output json.RawMessage // the members of the response, when err is nil
	err    *apiError
}

// apiError is an error of the service. Its details are nil or empty where the client
// does not show them.
type apiError struct {
	Code         string
	Message      string
	Status       int   // 0 when the client does not show it
	Typed        *bool // whether it has the client's own type for Code; nil without types
	ResourceID   *string
	ResourceType *string
	Limit        *int
	Reason       *string
	FieldList    []fieldError
}

// fieldError says what is wrong with a member of a request.
type fieldError struct{ Name, Message string }

// apiClientKind is a client program or library that may be installed.
type apiClientKind struct {
	name string
	// column is the one of docs/compatibility.md, which several versions may share;
	// empty for a client that is not in it.
	column string
	// start returns a client that uses the credentials of a file. It calls missing
	// when the client is not installed.
	start func(t *testing.T, srv *server, credentials string) apiClient
}

// apiClientKinds returns every client of the control plane: those of which several
// versions are installed more than once, and all others once, installed or not. The
// results notes what they were answered.
func apiClientKinds(t *testing.T) []apiClientKind {
	t.Helper()
	kinds := append(awsCLIs(t), boto3s(t)...)
	kinds = append(kinds,
		apiClientKind{"aws-sdk-js-v2", columnJS2, nodeDriver("js-v2.mjs")},
		apiClientKind{"aws-sdk-js-v3", columnJS3, nodeDriver("js-v3.mjs")},
		apiClientKind{"aws-sdk-go-v2", columnGo, startGoSDK},
	)
	for i, kind := range kinds {
		kinds[i].start = func(t *testing.T, srv *server, credentials string) apiClient {
			return noted{kind.start(t, srv, credentials), kind}
		}
	}
	return kinds
}

// boto3s returns the AWS SDK for Python of each Python that has it.
func boto3s(t *testing.T) []apiClientKind {
	t.Helper()
	var kinds []apiClientKind
	for _, python := range programs("python3") {
		out, err := exec.Command(python, "-c", "import boto3; print(boto3.__version__)").Output()
		if err != nil {
			continue // a Python without boto3
		}
		name := "boto3-" + strings.TrimSpace(string(out))
		kinds = append(kinds, apiClientKind{name, columnBoto3, pythonDriver(python)})
	}
	if len(kinds) > 0 {
		return kinds
	}
	return []apiClientKind{{"boto3", columnBoto3, func(t *testing.T, _ *server, _ string) apiClient {
		missing(t, "a python3 with boto3", "install python3-boto3")
		return nil
	}}}
}

func pythonDriver(python string) func(*testing.T, *server, string) apiClient {
	return func(t *testing.T, srv *server, credentials string) apiClient {
		env := cleanEnv(srv.dir, "AWS_SHARED_CREDENTIALS_FILE="+credentials)
		return driverClient{startDriver(t, env, python, "boto3_driver.py", srv.url, region)}
	}
}

func nodeDriver(file string) func(*testing.T, *server, string) apiClient {
	return func(t *testing.T, srv *server, credentials string) apiClient {
		env := cleanEnv(srv.dir, "AWS_SHARED_CREDENTIALS_FILE="+credentials)
		return driverClient{startDriver(t, env, node(t), file, srv.url, region)}
	}
}

// node returns the path of Node, whose packages of this folder are installed.
func node(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		missing(t, "node", "install Node 20")
	}
	if _, err := os.Stat("node_modules/.package-lock.json"); err != nil {
		missing(t, "test/conformance/node_modules", "run npm ci in test/conformance")
	}
	return path
}

// driverClient is an apiClient behind a driver.
type driverClient struct{ driver *driver }

func (c driverClient) call(t *testing.T, operation string, input fields) answer {
	t.Helper()
	l := c.driver.call(t, operation, input)
	var a answer
	if l.Error != nil {
		a.err = &apiError{}
		decode(t, l.Error, a.err)
		return a
	}
	decode(t, l.Result, &a)
	return a
}

// must calls an operation that has to succeed, checks its status, and decodes what it
// returns into output.
func must(t *testing.T, c apiClient, operation string, input fields, status int, output any) {
	t.Helper()
	decode(t, succeed(t, c, operation, input, status), output)
}

// mustReturnNothing is must for an operation whose answer has no members.
func mustReturnNothing(t *testing.T, c apiClient, operation string, input fields, status int) {
	t.Helper()
	output := succeed(t, c, operation, input, status)
	if len(output) == 0 {
		return
	}
	var members fields
	decode(t, output, &members)
	delete(members, "ResultMetadata") // the Go SDK's own
	if len(members) > 0 {
		t.Errorf("%s %v returned %s, want nothing", operation, input, output)
	}
}

func succeed(
	t *testing.T, c apiClient, operation string, input fields, status int,
) json.RawMessage {
	t.Helper()
	a := c.call(t, operation, input)
	if a.err != nil {
		t.Fatalf("%s %v: %+v, want success", operation, input, *a.err)
	}
	if a.Status != 0 && a.Status != status {
		t.Errorf("%s %v: status %d, want %d", operation, input, a.Status, status)
	}
	return a.Output
}

// refused calls an operation that has to fail and returns its error.
func refused(t *testing.T, c apiClient, operation string, input fields) apiError {
	t.Helper()
	a := c.call(t, operation, input)
	if a.err == nil {
		t.Fatalf("%s %v: %s, want an error", operation, input, a.Output)
	}
	return *a.err
}

// room is a room as GetRoom returns it, or ListRooms, which leaves out its limits.
type room struct {
	ARN                             string
	ID                              string
	Name                            *string
	MaximumMessageLength            int
	MaximumMessageRatePerSecond     int
	MessageReviewHandler            *reviewHandler
	LoggingConfigurationIdentifiers []string
	Tags                            map[string]string
	CreateTime, UpdateTime          time.Time
}

type reviewHandler struct {
	URI            string
	FallbackResult string
}

// chatToken is what CreateChatToken returns.
type chatToken struct {
	Token                 string
	TokenExpirationTime   time.Time
	SessionExpirationTime time.Time
}

// createRoom makes a room.
func createRoom(t *testing.T, c apiClient, input fields) room {
	t.Helper()
	var r room
	must(t, c, "CreateRoom", input, 200, &r)
	return r
}

// createToken makes a token for the user, with the given capabilities.
func createToken(t *testing.T, c apiClient, room, user string, capabilities ...string) string {
	t.Helper()
	var token chatToken
	must(t, c, "CreateChatToken", fields{
		"roomIdentifier": room,
		"userId":         user,
		"capabilities":   append([]string{}, capabilities...),
		"attributes":     attributesOf(user),
	}, 200, &token)
	return token.Token
}

// attributesOf returns the token attributes of a user, which tell users apart.
func attributesOf(user string) map[string]string {
	return map[string]string{"displayName": "Zoë " + user + " 🎉"}
}

// uniqueName returns a name for a room or the like that no other test uses.
func uniqueName(t *testing.T) string {
	return regexp.MustCompile(`[^a-zA-Z0-9]+`).ReplaceAllString(t.Name(), "-")
}
