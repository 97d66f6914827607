package nats

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/parley-chat/parley/internal/parleytest"
)

// node is a Parley server that uses NATS servers elsewhere.
type node struct {
	*parleytest.Client // with the root key
	process            *process
	admin              string // URL of the admin listener
}

// startNode starts a node and waits until it is ready. settings are files of the two
// secrets that all nodes have.
func startNode(t *testing.T, urls []string, master, password string) *node {
	t.Helper()
	data := filepath.Join(t.TempDir(), "parley-data")
	n := &node{process: run(t, "parley", exec.Command(binary, "serve",
		"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--data="+data, "--master-key-file="+master,
		"--nats-url="+strings.Join(urls, ","), "--nats-prefix=live",
		"--nats-user=parley", "--nats-password-file="+password))}
	var where struct{ URL, Admin string }
	eventually(t, "a node is ready", func() error {
		n.process.mustRun(t)
		text, err := os.ReadFile(filepath.Join(data, "server.json"))
		if err != nil {
			return err
		}
		return json.Unmarshal(text, &where)
	})
	n.Client = parleytest.NewClient(t, where.URL, filepath.Join(data, "credentials"))
	n.admin = "http://" + where.Admin
	return n
}

// stop stops the node, which must end without an error.
func (n *node) stop(t *testing.T) {
	t.Helper()
	n.process.end(syscall.SIGTERM)
	if code := n.process.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("a node ended with status %d", code)
	}
}

// wantAway checks what a node says that does not reach NATS.
func (n *node) wantAway(t *testing.T) {
	t.Helper()
	a, err := n.TryCall("CreateRoom", nil)
	if err != nil || a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
		t.Errorf("without NATS CreateRoom was answered %+v (%v), want 503 with Retry-After", a, err)
	}
	if answersOK(n.admin+"/readyz") == nil {
		t.Error("without NATS a node says that it is ready")
	}
	if err := answersOK(n.admin + "/healthz"); err != nil {
		t.Errorf("without NATS a node says that it is not alive: %v", err)
	}
}

// tell has the sender say something, which the receiver must get. While the bus is away
// the sender is told so, and tries again.
func tell(t *testing.T, sender, receiver *parleytest.User, content string) {
	t.Helper()
	eventually(t, sender.ID+" sends", func() error {
		sender.Say(t, content)
		for {
			switch frame := sender.Next(t); {
			case frame.Type == "ERROR" && frame.ErrorCode == http.StatusInternalServerError:
				return errors.New(frame.ErrorMessage)
			case frame.Type == "ERROR":
				t.Fatalf("%s was answered %+v", sender.ID, frame)
			case frame.Content == content:
				return nil
			}
		}
	})
	for receiver.Next(t).Content != content {
		// It is what was said before.
	}
}
