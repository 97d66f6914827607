package test

// The server's own log.

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/parleytest"
)

// logLine is a line of the log in JSON.
type logLine map[string]any

// jsonLog returns the lines that the process has logged, all of which must be JSON.
func (p *process) jsonLog() []logLine {
	p.t.Helper()
	var lines []logLine
	for text := range strings.Lines(p.log()) {
		var line logLine
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			p.t.Fatalf("the line %q is no JSON: %v", text, err)
		}
		at, _ := line["time"].(string)
		if _, err := time.Parse(time.RFC3339Nano, at); err != nil || line["level"] == "" || line["msg"] == "" {
			p.t.Errorf("the line %q lacks time, level or msg", text)
		}
		lines = append(lines, line)
	}
	return lines
}

// find returns the first line with a message.
func find(lines []logLine, msg string) logLine {
	if i := slices.IndexFunc(lines, func(l logLine) bool { return l["msg"] == msg }); i >= 0 {
		return lines[i]
	}
	return nil
}

var uuidPattern = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// TestLogInJSON has a server log about a call of the API and about a message: the audit
// log's file takes nothing, and nobody reviews messages.
func TestLogInJSON(t *testing.T) {
	p := serve(t, "--dev", "--log-format=json", "--log-level=debug", "--audit-log=/dev/full")
	c := parleytest.Anonymous(t, p.url).As("test", "test")
	room := c.CreateRoom(t, reviewed("ALLOW"))
	ana := c.Join(t, room, "ana", "SEND_MESSAGE")
	ana.Say(t, "hello")
	ana.Next(t)
	var call, review logLine
	waitAtMost(t, patience, "lines about the call and the message", func() bool {
		lines := p.jsonLog()
		call, review = find(lines, "audit log"), find(lines, "review")
		return call != nil && review != nil
	})
	if id, _ := call["request"].(string); !uuidPattern.MatchString(id) ||
		call["action"] != "CreateRoom" || call["err"] == nil || call["level"] != "ERROR" {
		t.Errorf("the line about a call is %v, want its request, action and err", call)
	}
	if review["room"] != room || review["code"] != "invocation" || review["err"] == nil {
		t.Errorf("the line about a review is %v, want its room, code and err", review)
	}
	p.stop()
	p.jsonLog()
}

// TestLogLevels checks that what is below the level is not logged.
func TestLogLevels(t *testing.T) {
	for level, want := range map[string]bool{"info": true, "warn": false} {
		p := serve(t, "--dev", "--log-level="+level)
		p.stop()
		if got := strings.Contains(p.log(), `level=INFO msg="shutting down"`); got != want {
			t.Errorf("at level %s, the log has lines at level INFO: %t, want %t\n%s", level, got, want, p.log())
		}
	}
}

func TestLogSettingsThatAreWrong(t *testing.T) {
	cmd := exec.Command(binary, "serve", "--dev", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0",
		"--log-format=xml", "--log-level=loud")
	out, err := cmd.CombinedOutput()
	for _, want := range []string{`log_format must be text or json, not "xml"`,
		`log_level must be debug, info, warn or error, not "loud"`} {
		if err == nil || !bytes.Contains(out, []byte(want)) {
			t.Errorf("serve said %q (%v), want %q", out, err, want)
		}
	}
}
