package conformance

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// emulatorProgram is AWS's runtime interface emulator, which is a tool of this module.
const emulatorProgram = "github.com/aws/aws-lambda-runtime-interface-emulator/cmd/aws-lambda-rie"

// functionARN is the review handler of rooms here.
const functionARN = "arn:aws:lambda:us-east-1:000000000000:function:moderate"

// buildEmulator builds the emulator and the function that it runs, once for all tests,
// and returns the folder where they are, which TestMain removes.
var buildEmulator = sync.OnceValues(func() (dir string, err error) {
	dir = filepath.Dir(parleyBinary)
	for name, program := range map[string]string{"rie": emulatorProgram, "function": "./function"} {
		build := exec.Command("go", "build", "-o", filepath.Join(dir, name), program)
		if out, err := build.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build %s: %w\n%s", program, err, out)
		}
	}
	return dir, nil
})

// emulator is a runtime interface emulator with the function of this module in it.
type emulator struct {
	url  string
	done chan error // gets the result of the process; capacity 1
}

func startEmulator(t *testing.T) *emulator {
	t.Helper()
	dir, err := buildEmulator()
	if err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	process := exec.Command(filepath.Join(dir, "rie"), "--log-level", "error",
		"--runtime-interface-emulator-address", address, "--runtime-api-address", freeAddress(t),
		filepath.Join(dir, "function"))
	process.Env = append(cleanEnv(dir), "AWS_LAMBDA_FUNCTION_TIMEOUT=3")
	var stderr strings.Builder
	process.Stderr = &stderr
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	e := &emulator{url: "http://" + address, done: make(chan error, 1)}
	go func() { e.done <- process.Wait() }()
	t.Cleanup(func() {
		select {
		case err := <-e.done:
			t.Errorf("the emulator broke: %v\n%s", err, stderr.String())
		default:
			_ = process.Process.Kill()
			<-e.done
		}
	})
	awaitListener(t, address)
	return e
}

// freeAddress returns an address of this machine that nobody listens on. Its port is not
// one that the system gives to those who ask for any, who could take it meanwhile.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprint("127.0.0.1:", 10_000+rand.IntN(20_000))
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// awaitListener waits until somebody listens on an address.
func awaitListener(t *testing.T, address string) {
	t.Helper()
	tries := time.NewTicker(20 * time.Millisecond)
	defer tries.Stop()
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); <-tries.C {
		if conn, err := net.Dial("tcp", address); err == nil {
			_ = conn.Close()
			return
		}
	}
	t.Fatalf("nobody listens on %s after %s", address, startTimeout)
}

// config writes a configuration whose messages the emulator's function reviews.
func (e *emulator) config(t *testing.T, timeout time.Duration) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "parley.yaml")
	text := fmt.Sprintf("review: {timeout: %s, targets: [{arn: %q, emulator: {url: %q}}]}\n",
		timeout, "arn:aws:lambda:*:function:mod*", e.url)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestEmulatorAnswers tries all that a function can do, in a real emulator.
func TestEmulatorAnswers(t *testing.T) {
	t.Parallel()
	e := startEmulator(t)
	config := e.config(t, 10*time.Second) // the function may have to be started
	for _, tt := range []struct {
		content, want string // what the command prints, in part
		code          int
	}{
		{"hello", `(?s)^result:   allow\ndecided:  by the handler\n.*"Content":"reviewed hello"`, 0},
		{"deny spam, twice", `(?s)^result:   deny\n.*"ErrorCode":406,"ErrorMessage":"spam, twice"`, 0},
		{"who", `(?s)^result:   allow\n.*"request":"who [A-Za-z0-9]{12} arn:aws:ivschat:us-east-1:000000000000:room/` +
			`AbCdEfGh1234 map\[kind:cheer\] ana map\[displayName:Ana\] 192\.0\.2\.1"`, 0},
		{"maybe", `^result:   fallback_allow\n.*failed \(response_validation\): ReviewResult is neither ALLOW nor DENY`, 1},
		{"text", `^result:   fallback_allow\n.*failed \(response_validation\)`, 1},
		{"nothing", `^result:   fallback_allow\n.*failed \(response_validation\)`, 1},
		{"error", `^result:   fallback_allow\n.*failed \(function\)`, 1},
		{"panic", `^result:   fallback_allow\n.*failed \(function\)`, 1},
		{"after a panic", `^result:   allow\n`, 0},
		{"exit", `^result:   fallback_allow\n.*failed \(function\)`, 1},
		{"after an exit", `^result:   allow\n`, 0},
		{"sleep 4s", `^result:   fallback_allow\n.*failed \(function\)`, 1}, // over the emulator's own limit
		{"after that", `^result:   allow\n`, 0},
	} {
		out, stderr, code := run(t, t.TempDir(), cleanEnv(t.TempDir()), parleyBinary, "review", "try",
			"--config", config, "--handler", functionARN, "--user", "ana",
			"--attributes", "kind=cheer", "--sender-attributes", "displayName=Ana", tt.content)
		if code != tt.code || !regexp.MustCompile(tt.want).MatchString(out) {
			t.Errorf("%q: exit code %d and\n%s%swant %d and %s", tt.content, code, out, stderr, tt.code, tt.want)
		}
	}
}

// TestEmulatorIsHandledWithCare has many sessions talk at once to a function that is at
// times too slow. The emulator breaks when it is called while its function runs, and when
// a call is given up: so it is still there at the end if neither happened.
func TestEmulatorIsHandledWithCare(t *testing.T) {
	t.Parallel()
	e := startEmulator(t)
	srv := startServer(t, "--config", e.config(t, 200*time.Millisecond), "--quotas", "none")
	r := newChatRoom(t, srv, startGoSDK(t, srv, srv.credentials), inNode, fields{
		"maximumMessageRatePerSecond": 100,
		"messageReviewHandler":        fields{"uri": functionARN, "fallbackResult": "DENY"},
	})
	var sessions []*session
	for i := range 5 {
		sessions = append(sessions, r.join(t, fmt.Sprint("user ", i), "SEND_MESSAGE"))
	}
	ana := sessions[0]
	awaitReview(t, ana, "hello", "reviewed hello")
	for range 3 {
		const busy = 2 * time.Second // under the emulator's own limit
		began := time.Now()
		refused := ana.sendRefused(t, fmt.Sprint("sleep ", busy), 406)
		if refused.ErrorMessage != "Message rejected" {
			t.Errorf("told %q, want the text of a message that the fallback denies", refused.ErrorMessage)
		}
		var answers []<-chan line
		for _, s := range sessions { // while the function runs
			answers = append(answers, s.start(t, "send", fields{"content": "hello"}))
		}
		for i, s := range sessions {
			refused := s.result(t, "send", answers[i], nil)
			running := time.Since(began) < busy // else a busy machine has answered late
			if running && (refused == nil || refused.ErrorCode != 406) {
				t.Errorf("while the function ran, %s was answered %+v, want 406", s.name, refused)
			}
		}
		awaitReview(t, ana, "hello", "reviewed hello")
	}
	awaitReview(t, ana, "deny no spam here", "no spam here")
}

// awaitReview sends a message until it is reviewed, with what the function makes of it as
// the outcome: the message as it is delivered, or why it is not. The function may have to
// be started, may still be busy, or may be late on a machine that is.
func awaitReview(t *testing.T, s *session, content, want string) {
	t.Helper()
	tries := time.NewTicker(200 * time.Millisecond) // below the rate of a session
	defer tries.Stop()
	got := ""
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); <-tries.C {
		var echo chatMessage
		refused := s.call(t, "send", fields{"content": content}, &echo)
		if got = echo.Content; refused != nil {
			got = refused.ErrorMessage
		}
		if got == want {
			return
		}
		if refused == nil {
			break
		}
	}
	t.Fatalf("%q ended as %q, want %q within %s", content, got, want, startTimeout)
}
