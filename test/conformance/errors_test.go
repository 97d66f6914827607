package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// refusedAccounts is a configuration with users who are refused things: each account
// may have but one room and one logging configuration. The secret of each access key is
// its id.
const refusedAccounts = `
limits: {rooms: 1, logging_configurations: 1}
accounts:
  - id: "` + account + `"
    users:
      - name: admin
        access_keys: [{id: ADMIN, secret_file: ADMIN}]
        policies: [everything.json]
      - name: nobody
        access_keys: [{id: NOBODY, secret_file: NOBODY}]
  - id: "111111111111"
    status: pending-verification
    users:
      - name: pending
        access_keys: [{id: PENDING, secret_file: PENDING}]
        policies: [everything.json]
  - id: "` + fullAccount + `"
    users:
      - name: owner
        access_keys: [{id: OWNER, secret_file: OWNER}]
        policies: [everything.json]
`

// everything is the policy of whoever may do everything.
const everything = `{"Version": "2012-10-17",
  "Statement": {"Effect": "Allow", "Action": "ivschat:*", "Resource": "*"}}`

// fullAccount is the account that has all that it may have.
const fullAccount = "222222222222"

// Who calls: the access key and the secret. The last two have none that the server
// knows.
const (
	asAdmin      = "ADMIN ADMIN"
	asNobody     = "NOBODY NOBODY"
	asPending    = "PENDING PENDING"
	asOwner      = "OWNER OWNER"
	asForger     = "ADMIN wrong"
	asUnknownKey = "STRANGER STRANGER"
)

// startRefusing starts a server with the accounts above.
func startRefusing(t *testing.T) *server {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"parley.yaml": refusedAccounts, "everything.json": everything,
		"ADMIN": "ADMIN", "NOBODY": "NOBODY", "PENDING": "PENDING", "OWNER": "OWNER",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return startServer(t, "--config", filepath.Join(dir, "parley.yaml"))
}

// credentialsOf returns a credentials file for one of the callers above.
func credentialsOf(t *testing.T, who string) string {
	t.Helper()
	key, secret, _ := strings.Cut(who, " ")
	path := filepath.Join(t.TempDir(), "credentials")
	text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", key, secret)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Resources that do not exist.
const (
	arnPrefix      = "arn:aws:ivschat:" + region + ":" + account + ":"
	unknownID      = "AbCdEfGh1234"
	unknownRoom    = arnPrefix + "room/" + unknownID
	unknownLogging = arnPrefix + "logging-configuration/" + unknownID
)

// requests has a request for every operation, which is right but for what it names.
var requests = []struct {
	operation string
	input     fields
	unknown   string // the type of the resource that it names, if any
	pending   bool   // whether an account must be verified for it
}{
	{"CreateRoom", fields{"loggingConfigurationIdentifiers": []string{unknownLogging}},
		"LOGGING_CONFIGURATION", true},
	{"CreateChatToken", fields{"roomIdentifier": unknownRoom, "userId": "ana"}, "ROOM", true},
	{"GetRoom", fields{"identifier": unknownRoom}, "ROOM", false},
	{"ListRooms", fields{"loggingConfigurationIdentifier": unknownLogging},
		"LOGGING_CONFIGURATION", false},
	{"UpdateRoom", fields{"identifier": unknownRoom, "name": "x"}, "ROOM", true},
	{"DeleteRoom", fields{"identifier": unknownRoom}, "ROOM", true},
	{"CreateLoggingConfiguration", fields{"destinationConfiguration": s3("chat-logs")}, "", true},
	{"GetLoggingConfiguration", fields{"identifier": unknownLogging},
		"LOGGING_CONFIGURATION", false},
	{"ListLoggingConfigurations", fields{}, "", false},
	{"UpdateLoggingConfiguration", fields{"identifier": unknownLogging, "name": "x"},
		"LOGGING_CONFIGURATION", true},
	{"DeleteLoggingConfiguration", fields{"identifier": unknownLogging},
		"LOGGING_CONFIGURATION", true},
	{"SendEvent", fields{"roomIdentifier": unknownRoom, "eventName": "x"}, "ROOM", true},
	{"DeleteMessage", fields{"roomIdentifier": unknownRoom, "id": unknownID}, "ROOM", true},
	{"DisconnectUser", fields{"roomIdentifier": unknownRoom, "userId": "ana"}, "ROOM", true},
	{"TagResource", fields{"resourceArn": unknownRoom, "tags": fields{"a": "b"}}, "ROOM", false},
	{"UntagResource", fields{"resourceArn": unknownRoom, "tagKeys": []string{"a"}}, "ROOM", false},
	{"ListTagsForResource", fields{"resourceArn": unknownRoom}, "ROOM", false},
}

// refusal is a request that must fail, and how.
type refusal struct {
	who       string
	operation string
	input     fields
	want      apiError // whose Typed is nil where clients may differ
}

func yes(v bool) *bool { return &v }

// modelled returns an error that is in the API's model.
func modelled(code string, status int) apiError {
	return apiError{Code: code, Status: status, Typed: yes(true)}
}

// of returns the error about a resource.
func (e apiError) of(resourceType, id string) apiError {
	e.ResourceType, e.ResourceID = &resourceType, &id
	return e
}

// limit returns the error about a limit.
func (e apiError) limit(n int) apiError {
	e.Limit = &n
	return e
}

// invalid returns the error about members that break the rules.
func invalid(members ...string) apiError {
	e := modelled("ValidationException", 400)
	reason := "FIELD_VALIDATION_FAILED"
	e.Reason = &reason
	for _, name := range members {
		e.FieldList = append(e.FieldList, fieldError{Name: name})
	}
	return e
}

// invalidRequests has a request for every operation that only the server refuses:
// some clients check some rules themselves.
var invalidRequests = []refusal{
	{asAdmin, "CreateRoom", fields{"name": "has a space", "maximumMessageLength": 501},
		invalid("name", "maximumMessageLength")},
	{asAdmin, "CreateChatToken", fields{"roomIdentifier": unknownRoom, "userId": "ana",
		"sessionDurationInMinutes": 181}, invalid("sessionDurationInMinutes")},
	{asAdmin, "GetRoom", fields{"identifier": unknownLogging}, invalid("identifier")},
	{asAdmin, "ListRooms", fields{"maxResults": 51}, invalid("maxResults")},
	{asAdmin, "UpdateRoom", fields{"identifier": unknownRoom,
		"messageReviewHandler": fields{"uri": "nonsense"}}, invalid("messageReviewHandler.uri")},
	{asAdmin, "DeleteRoom", fields{"identifier": "AbCdEfGh1234"}, invalid("identifier")},
	{asAdmin, "CreateLoggingConfiguration", fields{"destinationConfiguration": s3("UPPER")},
		invalid("destinationConfiguration.s3.bucketName")},
	{asAdmin, "GetLoggingConfiguration", fields{"identifier": unknownRoom}, invalid("identifier")},
	{asAdmin, "ListLoggingConfigurations", fields{"maxResults": 51}, invalid("maxResults")},
	{asAdmin, "UpdateLoggingConfiguration", fields{"identifier": unknownLogging, "name": "a b"},
		invalid("name")},
	{asAdmin, "DeleteLoggingConfiguration", fields{"identifier": "nonsense"},
		invalid("identifier")},
	{asAdmin, "SendEvent", fields{"roomIdentifier": unknownRoom,
		"eventName": strings.Repeat("x", 101)}, invalid("eventName")},
	{asAdmin, "DeleteMessage", fields{"roomIdentifier": unknownRoom, "id": unknownID + "5"},
		invalid("id")},
	{asAdmin, "DisconnectUser", fields{"roomIdentifier": unknownRoom, "userId": "ana",
		"reason": strings.Repeat("x", 257)}, invalid("reason")},
	{asAdmin, "TagResource", fields{"resourceArn": "nonsense", "tags": fields{"a": "b"}},
		invalid("resourceArn")},
	{asAdmin, "UntagResource", fields{"resourceArn": "nonsense", "tagKeys": []string{"a"}},
		invalid("resourceArn")},
	{asAdmin, "ListTagsForResource", fields{"resourceArn": "nonsense"}, invalid("resourceArn")},
}

// refusals returns every request that must fail. The logging configuration exists in
// the full account, and is in use.
func refusals(logging loggingConfiguration) []refusal {
	all := slices.Clone(invalidRequests)
	for _, r := range requests {
		denied := modelled("AccessDeniedException", 403)
		if r.input["resourceArn"] != nil {
			denied.Typed = nil // not modelled for operations on tags
		}
		all = append(all, refusal{asNobody, r.operation, r.input, denied})
		if r.unknown != "" {
			all = append(all, refusal{asAdmin, r.operation, r.input,
				modelled("ResourceNotFoundException", 404).of(r.unknown, unknownID)})
		}
		if r.pending {
			all = append(all, refusal{asPending, r.operation, r.input,
				modelled("PendingVerification", 403)})
		}
	}
	full := modelled("ServiceQuotaExceededException", 402).limit(1)
	return append(all,
		refusal{asOwner, "CreateRoom", fields{}, full.of("ROOM", fullAccount)},
		refusal{asOwner, "CreateLoggingConfiguration",
			fields{"destinationConfiguration": s3("chat-logs")},
			full.of("LOGGING_CONFIGURATION", fullAccount)},
		refusal{asOwner, "DeleteLoggingConfiguration", fields{"identifier": logging.ARN},
			modelled("ConflictException", 409).of("LOGGING_CONFIGURATION", logging.ID)},
		refusal{asForger, "ListRooms", fields{},
			apiError{Code: "InvalidSignatureException", Status: 403, Typed: yes(false)}},
		refusal{asUnknownKey, "ListRooms", fields{},
			apiError{Code: "UnrecognizedClientException", Status: 403, Typed: yes(false)}},
	)
}

// TestErrors provokes every error of every operation. Command line tools treat errors
// of all operations alike, so one operation has to do for each of their errors, and one
// more where resources of both types can be meant.
func TestErrors(t *testing.T) {
	t.Parallel()
	srv := startRefusing(t)
	owner := startGoSDK(t, srv, credentialsOf(t, asOwner))
	var logging loggingConfiguration
	must(t, owner, "CreateLoggingConfiguration", fields{
		"destinationConfiguration": s3("chat-logs"),
	}, 200, &logging)
	createRoom(t, owner, fields{"loggingConfigurationIdentifiers": []string{logging.ARN}})
	for _, kind := range apiClientKinds(t) {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			clients := map[string]apiClient{} // by who calls
			seen := map[string]bool{}
			for _, r := range refusals(logging) {
				short := r.want.Code + shown(r.want.ResourceType)
				if kind.isCLI() && seen[short] {
					continue
				}
				seen[short] = true
				if clients[r.who] == nil {
					clients[r.who] = kind.start(t, srv, credentialsOf(t, r.who))
				}
				t.Run(r.want.Code+"/"+r.operation, func(t *testing.T) {
					checkError(t, refused(t, clients[r.who], r.operation, r.input), r.want)
				})
			}
		})
	}
}

// checkError compares an error with what the service should say. What the client does
// not show is not compared.
func checkError(t *testing.T, got, want apiError) {
	t.Helper()
	if got.Code != want.Code || got.Message == "" {
		t.Errorf("error %q with message %q, want %q and a message", got.Code, got.Message, want.Code)
	}
	if got.Status == 0 {
		return // this client shows only code and message
	}
	if got.Status != want.Status {
		t.Errorf("%s: status %d, want %d", want.Code, got.Status, want.Status)
	}
	if got.Typed != nil && want.Typed != nil && *got.Typed != *want.Typed {
		t.Errorf("%s: the client has a type for it: %v, want %v", want.Code, *got.Typed, *want.Typed)
	}
	if want.Typed == nil {
		return // the members may be lost with the type
	}
	checkDetail(t, want.Code, "resourceType", got.ResourceType, want.ResourceType)
	checkDetail(t, want.Code, "resourceId", got.ResourceID, want.ResourceID)
	checkDetail(t, want.Code, "reason", got.Reason, want.Reason)
	checkDetail(t, want.Code, "limit", got.Limit, want.Limit)
	checkFieldList(t, got.FieldList, want.FieldList)
}

// checkDetail compares a member of an error.
func checkDetail[V comparable](t *testing.T, code, name string, got, want *V) {
	t.Helper()
	if shown(got) != shown(want) {
		t.Errorf("%s: %s is %s, want %s", code, name, shown(got), shown(want))
	}
}

func shown[V any](value *V) string {
	if value == nil {
		return "absent"
	}
	return fmt.Sprintf("%#v", *value)
}

// checkFieldList compares the names of members, in any order. Each must come with a
// message.
func checkFieldList(t *testing.T, got, want []fieldError) {
	t.Helper()
	names := func(list []fieldError) []string {
		var all []string
		for _, field := range list {
			all = append(all, field.Name)
		}
		slices.Sort(all)
		return all
	}
	if !slices.Equal(names(got), names(want)) {
		t.Errorf("fieldList names %q, want %q", names(got), names(want))
	}
	for _, field := range got {
		if field.Message == "" {
			t.Errorf("fieldList has no message for %s", field.Name)
		}
	}
}

// checkNotFound checks an error about a resource that does not exist.
func checkNotFound(t *testing.T, err apiError, resourceType, id string) {
	t.Helper()
	checkError(t, err, modelled("ResourceNotFoundException", 404).of(resourceType, id))
}

// TestThrottling calls every operation on a server that allows each once per second.
func TestThrottling(t *testing.T) {
	var limits []string
	for _, r := range requests {
		limits = append(limits, r.operation+"=1")
	}
	srv := startServer(t, "--limits", strings.Join(limits, ";"))
	for _, kind := range apiClientKinds(t) {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			c := kind.start(t, srv, srv.credentials)
			for _, r := range requests {
				if kind.isCLI() && r.operation != "SendEvent" {
					continue
				}
				t.Run(r.operation, func(t *testing.T) {
					exhaust(t, srv, r.operation, r.input)
					id := account
					if r.unknown == "ROOM" {
						id = unknownID
					}
					want := modelled("ThrottlingException", 429).of("ROOM", id).limit(1)
					if !slices.Contains([]string{"SendEvent", "DeleteMessage", "DisconnectUser"},
						r.operation) {
						want.Typed = nil // not modelled for the others
					}
					checkError(t, throttled(t, c, r.operation, r.input), want)
				})
			}
		})
	}
}

// throttled calls the operation until it is throttled: now and then, a call of a
// program that takes long to start comes just after the limit allows one more.
func throttled(t *testing.T, c apiClient, operation string, input fields) apiError {
	t.Helper()
	var a answer
	for range 10 {
		if a = c.call(t, operation, input); a.err != nil && a.err.Code == "ThrottlingException" {
			return *a.err
		}
	}
	t.Fatalf("%s: %s, error %+v, want ThrottlingException", operation, a.Output, a.err)
	return apiError{}
}

// exhaust calls an operation so often that nearly no other call of it is within the
// limit, until the test ends.
func exhaust(t *testing.T, srv *server, operation string, input fields) {
	t.Helper()
	call := startGoSDK(t, srv, srv.credentials).(goSDK).operations[operation]
	data, err := json.Marshal(input)
	if err != nil {
		t.Fatalf("encode %s %v: %v", operation, input, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		often := time.NewTicker(20 * time.Millisecond)
		defer often.Stop()
		for ctx.Err() == nil {
			_, _ = call(ctx, data) // fails nearly always, as it should
			select {
			case <-often.C:
			case <-ctx.Done():
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
}
