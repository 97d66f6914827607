// Package nats tests that nodes work with NATS servers that somebody else runs, of the
// oldest and the newest version that are supported.
package nats

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/parley-chat/parley/internal/parleytest"
)

// versions are the oldest NATS server that says all that is asked, such as since when a
// leader leads, and the newest. docs/cluster.md names them.
var versions = []string{"v2.11.15", "v2.15.2"}

// binary is the built command.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "parley-nats-test")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "parley")
		build := exec.Command("go", "build", "-o", binary, "../../cmd/parley")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v: %v\n%s", build, err, out)
			return 1
		}
		return m.Run()
	}())
}

func TestVersionsOfNATS(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			s := startServers(t, install(t, version))
			master, password := secrets(t)
			a := startNode(t, s.URLs, master, password)
			b := startNode(t, s.URLs, master, password)
			room := a.CreateRoom(t, map[string]any{"name": "lobby"})
			ana := a.Join(t, room, "ana", "SEND_MESSAGE")
			used := a.Token(t, room, "ben", "SEND_MESSAGE")
			ben, err := b.Dial(t, used)
			if err != nil {
				t.Fatalf("join on the other node: %v", err)
			}
			ben.ID = "ben"
			tell(t, ana, ben, "from node to node")
			tell(t, ben, ana, "and back")

			for i := range s.URLs {
				s.restart(i)
				tell(t, ana, ben, fmt.Sprintf("after a restart of %d", i))
				tell(t, ben, ana, fmt.Sprintf("and back after a restart of %d", i))
			}
			testAway(t, s, []*node{a, b}, ana)
			testBack(t, []*node{a, b}, room, used)
			a.stop(t)
			b.stop(t)
		})
	}
}

// secrets returns files with a master key and the password of the NATS user.
func secrets(t *testing.T) (master, password string) {
	t.Helper()
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails: it ends the process instead
	dir := t.TempDir()
	master, password = filepath.Join(dir, "master"), filepath.Join(dir, "password")
	for path, text := range map[string]string{master: hex.EncodeToString(key[:]), password: "secret"} {
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return master, password
}

// testAway kills all servers, checks what nodes say meanwhile, and starts them again.
func testAway(t *testing.T, s *servers, nodes []*node, ana *parleytest.User) {
	t.Helper()
	s.killAll()
	eventually(t, "a message is refused", func() error {
		ana.Say(t, "is anybody there?") // the first may be echoed: nobody knows yet
		frame := ana.Next(t)
		if frame.Type != "ERROR" || frame.ErrorCode != http.StatusInternalServerError {
			return fmt.Errorf("answered %+v, want ERROR 500", frame)
		}
		return nil
	})
	var asked sync.WaitGroup
	for _, n := range nodes {
		asked.Go(func() { n.wantAway(t) })
	}
	asked.Wait()
	s.startAll()
}

// testBack checks that nodes recover by themselves, and that nothing that was kept is
// lost.
func testBack(t *testing.T, nodes []*node, room, used string) {
	t.Helper()
	var users []*parleytest.User
	for i, n := range nodes {
		eventually(t, "a node is ready again", func() error { return answersOK(n.admin + "/readyz") })
		if a := n.Call(t, "GetRoom", map[string]string{"identifier": room}); a.Body["name"] != "lobby" {
			t.Errorf("GetRoom after NATS was away: %+v", a)
		}
		if _, err := n.Dial(t, used); err == nil {
			t.Error("a used token was accepted after NATS was away")
		}
		n.CreateRoom(t, nil)
		users = append(users, n.Join(t, room, fmt.Sprintf("user-%d", i), "SEND_MESSAGE"))
	}
	tell(t, users[0], users[1], "we are back")
	tell(t, users[1], users[0], "so are we")
}
