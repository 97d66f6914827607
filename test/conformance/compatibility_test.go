package conformance

import (
	"bytes"
	_ "embed" // the text of the document
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// compatibility is the document without what the tests found.
//
//go:embed testdata/compatibility.md
var compatibility string

// documentPath is the document that says what works with which client. It is made of
// what the tests saw.
var documentPath = filepath.Join("..", "..", "docs", "compatibility.md")

var update = flag.Bool("update", false, "write docs/compatibility.md")

// The columns of the document.
const (
	columnCLI2  = "AWS CLI 2"
	columnBoto3 = "boto3"
	columnJS2   = "JavaScript v2"
	columnJS3   = "JavaScript v3"
	columnGo    = "Go v2"
)

var columns = []string{columnCLI2, columnBoto3, columnJS2, columnJS3, columnGo}

// errorCodes are the rows of the table of errors: the modelled ones, then others.
var errorCodes = []string{
	"AccessDeniedException", "ConflictException", "PendingVerification",
	"ResourceNotFoundException", "ServiceQuotaExceededException", "ThrottlingException",
	"ValidationException", "InvalidSignatureException", "UnrecognizedClientException",
}

// chatRows are the rows of the table of the messaging SDK, with the tests behind each.
var chatRows = []struct {
	what  string
	tests []string
}{
	{"messages with their attributes and senders, and that all sessions get the same",
		[]string{"TestMessageReachesEverySession"}},
	{"custom events; deleted messages; disconnected users, on all their sessions",
		[]string{"TestCustomEvent", "TestDeleteMessage", "TestDisconnectUser"}},
	{"each request refused for each reason: codes 400, 403, 404, 406, 413 and 429",
		[]string{"TestRefusals"}},
	{"states, and what is not allowed in each; what the SDK logs, of which nothing is an error",
		[]string{"TestStates", "TestLogger", "TestLeave"}},
	{"a refresh before the token expires, during which no message is lost or doubled",
		[]string{"TestRefreshLosesNothing"}},
	{"a connection that breaks, and a session whose time is up: the SDK comes back by itself",
		[]string{"TestReconnectAfterCut", "TestExpiredSessionComesBack"}},
	{"a user who is disconnected: the SDK stays away",
		[]string{"TestDisconnectUser", "TestExpiredSessionComesBack"}},
	{"a bad token: the SDK gives up after its four attempts", []string{"TestGarbageToken"}},
	{"browsers connect only when they get back the one subprotocol that they offered",
		[]string{"TestBrowsersRuleOfSubprotocols"}},
	{"the constructor, addresses with and without TLS, token providers, listeners",
		[]string{"TestConstructor", "TestAddresses", "TestSecureAddress", "TestAttempts",
			"TestTokenProviders", "TestListeners", "TestSDKRefusesByItself"}},
	{"limits of length and rate, also for sessions that are open when they change",
		[]string{"TestMessageLength", "TestUpdatedLengthAppliesToOpenSessions", "TestRate"}},
	{"a deleted room", []string{"TestDeletedRoom"}},
	{"a refresh every two seconds, as a fast clock makes it", []string{"TestRefreshOfFastClock"}},
	{"a server that is restarted, see below", []string{"TestRestart"}},
}

// form is what a client makes of an answer, from nothing to all of it.
type form int

const (
	unseen    form = iota
	printed        // an error of which the client shows the code and message
	untyped        // an error with all its members, of a client without types
	unmodeled      // an error outside of the model, for which there is no type
	full           // a success, or an error of the client's own type for it
)

// cells has the text of each form. The numbers are those of the notes in the document.
var cells = map[form]string{
	unseen: "–", printed: "ok ¹", untyped: "ok ²", unmodeled: "ok ³", full: "ok",
}

// table holds what clients made of answers.
type table struct {
	mu   sync.Mutex                            // guards what follows
	seen map[string]map[string]map[string]form // by column, client, and operation or error
	ran  map[string]map[string]bool            // by place of the messaging SDK, and test
}

// results is what all tests saw. It counts when all of them passed: they compare what
// the answers hold.
var results = table{
	seen: map[string]map[string]map[string]form{}, ran: map[string]map[string]bool{},
}

// noted is an apiClient whose answers are noted in results.
type noted struct {
	apiClient
	kind apiClientKind
}

func (c noted) call(t *testing.T, operation string, input fields) answer {
	t.Helper()
	a := c.apiClient.call(t, operation, input)
	if a.err == nil {
		results.note(c.kind, operation, full)
	} else {
		results.note(c.kind, a.err.Code, formOf(*a.err))
	}
	return a
}

func formOf(e apiError) form {
	switch {
	case e.Status == 0:
		return printed
	case e.Typed == nil:
		return untyped
	case !*e.Typed:
		return unmodeled
	}
	return full
}

// note keeps the best form that a client has made of an answer: which operations an
// error is modelled for makes no difference to the table.
func (r *table) note(kind apiClientKind, row string, f form) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen[kind.column] == nil {
		r.seen[kind.column] = map[string]map[string]form{}
	}
	if r.seen[kind.column][kind.name] == nil {
		r.seen[kind.column][kind.name] = map[string]form{}
	}
	rows := r.seen[kind.column][kind.name]
	rows[row] = max(rows[row], f)
}

// noteChat notes that a test runs the messaging SDK in a place.
func (r *table) noteChat(p place, t *testing.T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ran[p.name] == nil {
		r.ran[p.name] = map[string]bool{}
	}
	test, _, _ := strings.Cut(t.Name(), "/")
	r.ran[p.name][test] = true
}

// chatCell returns the text for a place: ok when all of the tests ran there.
func (r *table) chatCell(p place, tests []string) string {
	for _, test := range tests {
		if !r.ran[p.name][test] {
			return cells[unseen]
		}
	}
	return cells[full]
}

// cell returns the text for a column and row: the least that a client of the column
// has seen, of those that are installed.
func (r *table) cell(column, row string) string {
	least := full
	for _, rows := range r.seen[column] {
		least = min(least, rows[row])
	}
	return cells[least]
}

// document compares the document with the results of a run in which all tests passed,
// or writes it. It does neither when the run leaves out tests or clients.
func (r *table) document() error {
	for _, name := range []string{"test.run", "test.skip", "test.list"} {
		if flag.Lookup(name).Value.String() != "" {
			return r.skip("this run leaves out tests")
		}
	}
	for _, column := range columns {
		if len(r.seen[column]) == 0 {
			return r.skip(column + " is missing")
		}
	}
	for _, p := range places {
		if len(r.ran[p.name]) == 0 {
			return r.skip(p.name + " is missing")
		}
	}
	want, err := r.text()
	if err != nil {
		return err
	}
	if *update {
		return os.WriteFile(documentPath, want, 0o644)
	}
	got, err := os.ReadFile(documentPath)
	if err == nil && !bytes.Equal(got, want) {
		err = errors.New("docs/compatibility.md is not what the tests found. " +
			"In test/conformance, go test -count=1 . -update writes it anew")
	}
	return err
}

// skip says why the document is left alone, which is an error for whoever wants it
// written.
func (r *table) skip(why string) error {
	if *update {
		return fmt.Errorf("docs/compatibility.md is not written: %s", why)
	}
	fmt.Println("docs/compatibility.md is not compared:", why)
	return nil
}

// text returns the document.
func (r *table) text() ([]byte, error) {
	versions, err := pinnedVersions()
	if err != nil {
		return nil, err
	}
	var operations []string
	for _, request := range requests {
		operations = append(operations, request.operation)
	}
	slices.Sort(operations)
	text := strings.NewReplacer(
		"{operations}", r.rows("operation", operations),
		"{errors}", r.rows("error", errorCodes),
		"{chat}", r.chatTable(),
		"{js2}", versions["aws-sdk"],
		"{js3}", versions["@aws-sdk/client-ivschat"],
		"{go}", versions["ivschat"],
		"{messaging}", versions["amazon-ivs-chat-messaging"],
		"{ws}", versions["ws"],
	).Replace(compatibility)
	return []byte(text), nil
}

// rows returns a table of the document.
func (r *table) rows(title string, names []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | %s |\n", title, strings.Join(columns, " | "))
	b.WriteString(strings.Repeat("|---", 1+len(columns)) + "|\n")
	for _, name := range names {
		b.WriteString("| " + name)
		for _, column := range columns {
			b.WriteString(" | " + r.cell(column, name))
		}
		b.WriteString(" |\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// chatTable returns the table of the messaging SDK.
func (r *table) chatTable() string {
	var b strings.Builder
	b.WriteString("| tested with the messaging SDK |")
	for _, p := range places {
		b.WriteString(" " + p.name + " |")
	}
	b.WriteString("\n" + strings.Repeat("|---", 1+len(places)) + "|\n")
	for _, row := range chatRows {
		b.WriteString("| " + row.what + " |")
		for _, p := range places {
			b.WriteString(" " + r.chatCell(p, row.tests) + " |")
		}
		b.WriteString("\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// goVersion finds the version of the AWS SDK for Go's module for the service.
var goVersion = regexp.MustCompile(`aws-sdk-go-v2/service/ivschat v(\S+)`)

// pinnedVersions returns the versions of the clients that this module installs, by
// package.
func pinnedVersions() (map[string]string, error) {
	data, err := os.ReadFile("package.json")
	if err != nil {
		return nil, err
	}
	var npm struct{ Dependencies map[string]string }
	if err := json.Unmarshal(data, &npm); err != nil {
		return nil, fmt.Errorf("package.json: %w", err)
	}
	module, err := os.ReadFile("go.mod")
	if err != nil {
		return nil, err
	}
	found := goVersion.FindSubmatch(module)
	if found == nil {
		return nil, fmt.Errorf("go.mod has no line like %v", goVersion)
	}
	npm.Dependencies["ivschat"] = string(found[1])
	return npm.Dependencies, nil
}
