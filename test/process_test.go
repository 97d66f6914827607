package test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/parleytest"
)

// client returns a client that signs with the key of the process's data folder.
func (p *process) client(data string) *parleytest.Client {
	p.t.Helper()
	return parleytest.NewClient(p.t, p.url, filepath.Join(data, "credentials"))
}

func TestHealthReadinessAndMetrics(t *testing.T) {
	p := serve(t, "--dev")
	for path, want := range map[string]string{
		"/healthz": "ok\n", "/readyz": "ready\n", "/metrics": "parley_connections 0\n", "/debug/pprof/": "goroutine",
	} {
		if status, body := p.get(path); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s answered %d %.200s, want %q", path, status, body, want)
		}
	}
	p.stop()
}

func TestDataFolderIsPrivate(t *testing.T) {
	data := filepath.Join(t.TempDir(), "deep", "parley-data")
	serve(t, "--data="+data).stop()
	for path, want := range map[string]os.FileMode{
		data: 0o700 | os.ModeDir, filepath.Join(data, "credentials"): 0o600, filepath.Join(data, "master.key"): 0o600,
	} {
		info, err := os.Stat(path)
		if err != nil || info.Mode() != want {
			t.Errorf("%s has mode %v (%v), want %v", path, info.Mode(), err, want)
		}
	}
}

func TestRoomsAndKeysSurviveARestart(t *testing.T) {
	data := filepath.Join(t.TempDir(), "parley-data")
	p := serve(t, "--data="+data)
	c := p.client(data)
	room := c.CreateRoom(t, map[string]any{"name": "kept", "tags": map[string]string{"a": "b"}})
	token := c.Token(t, room, "ana")
	p.stop()
	p = serve(t, "--data="+data)
	c = p.client(data)
	if a := c.Call(t, "GetRoom", map[string]string{"identifier": room}); a.Body["name"] != "kept" {
		t.Errorf("GetRoom after a restart: %+v", a)
	}
	// Whether the old token was used is no longer known, so it must not work.
	if _, err := c.Dial(t, token); err == nil {
		t.Error("a token from before the restart was accepted")
	}
	if _, err := c.Dial(t, c.Token(t, room, "ana")); err != nil {
		t.Errorf("a fresh token after the restart: %v", err)
	}
	p.stop()
}

// TestKillLosesNothing kills the server at random moments while rooms are made and
// tokens used. Every room that was acknowledged must be there afterwards, and no
// used token may work.
func TestKillLosesNothing(t *testing.T) {
	data := filepath.Join(t.TempDir(), "parley-data")
	var rooms, used []string
	for round := range 5 {
		p := serve(t, "--data="+data, "--quotas=none")
		c := p.client(data)
		for _, room := range rooms {
			if a := c.Call(t, "GetRoom", map[string]string{"identifier": room}); a.Status != http.StatusOK {
				t.Fatalf("round %d: the acknowledged room %s is gone: %+v", round, room, a)
			}
		}
		for _, token := range used {
			if _, err := c.Dial(t, token); err == nil {
				t.Fatalf("round %d: a used token was accepted", round)
			}
		}
		used = nil
		if len(rooms) > 0 {
			for range 5 {
				token := c.Token(t, rooms[0], "ana")
				if _, err := c.Dial(t, token); err != nil {
					t.Fatalf("round %d: fresh token: %v", round, err)
				}
				used = append(used, token)
			}
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			for { // until the server is gone
				a, err := c.TryCall("CreateRoom", map[string]any{"name": "acknowledged"})
				if err != nil || a.Status != http.StatusOK {
					return
				}
				rooms = append(rooms, a.Body["arn"].(string))
			}
		})
		timer := time.AfterFunc(50*time.Millisecond+rand.N(300*time.Millisecond),
			func() { _ = p.cmd.Process.Kill() })
		wg.Wait()
		timer.Stop()
		p.kill()
	}
	if len(rooms) == 0 {
		t.Fatal("no room was acknowledged in any round")
	}
	t.Logf("%d acknowledged rooms survived 5 kills", len(rooms))
}

func TestSecondServerOnOneDataFolder(t *testing.T) {
	data := filepath.Join(t.TempDir(), "parley-data")
	p := serve(t, "--data="+data)
	wantFailure(t, fmt.Sprintf("the data folder %s is in use by another server (process %d)", data, p.cmd.Process.Pid),
		"serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--data="+data)
	p.stop()
}

func TestTakenPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	wantFailure(t, "cannot accept connections on "+taken+" (set another address with --listen)",
		"serve", "--dev", "--listen="+taken, "--admin-listen=127.0.0.1:0")
	wantFailure(t, "cannot accept connections on "+taken+" (set another address with --admin-listen)",
		"serve", "--dev", "--listen=127.0.0.1:0", "--admin-listen="+taken)
}

func TestDataFolderThatIsAFile(t *testing.T) {
	data := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(data, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, "cannot create the data folder (set another with --data)", "serve", "--data="+data)
}

// wantFailure runs the command, which must end with status 1 and one sentence.
func wantFailure(t *testing.T, want string, args ...string) {
	t.Helper()
	out, err := exec.Command(binary, args...).CombinedOutput()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 1 {
		t.Errorf("parley %v ended with %v, want status 1", args, err)
	}
	if !strings.HasPrefix(string(out), "parley: ") || !strings.Contains(string(out), want) ||
		strings.Count(string(out), "\n") != 1 {
		t.Errorf("parley %v printed %q, want one line with %q", args, out, want)
	}
}

func TestSighupReloadsTheCredentials(t *testing.T) {
	data := filepath.Join(t.TempDir(), "parley-data")
	p := serve(t, "--data="+data)
	before := p.client(data)
	ana, err := before.Dial(t, before.Token(t, before.CreateRoom(t, nil), "ana", "SEND_MESSAGE"))
	if err != nil {
		t.Fatal(err)
	}
	fresh := "[default]\naws_access_key_id = PKNEW\naws_secret_access_key = new\n"
	if err := os.WriteFile(filepath.Join(data, "credentials"), []byte(fresh), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	after := p.client(data)
	waitAtMost(t, patience, "the new key to be accepted", func() bool {
		return after.Call(t, "ListRooms", struct{}{}).Status == http.StatusOK
	})
	if a := before.Call(t, "ListRooms", struct{}{}); a.Error != "UnrecognizedClientException" {
		t.Errorf("with the old key: %+v, want UnrecognizedClientException", a)
	}
	ana.Say(t, "still here")
	if got := ana.Next(t); got.Content != "still here" {
		t.Errorf("received %+v after the reload", got)
	}
	p.stop()
}

// TestSignalsDuringAReload has a reload wait for a file, while it is told to reload once
// more, and to end.
func TestSignalsDuringAReload(t *testing.T) {
	dir := t.TempDir()
	secret, config := filepath.Join(dir, "secret"), filepath.Join(dir, "parley.yaml")
	for path, text := range map[string]string{secret: "s3cret", config: `accounts: [{id: "111111111111",
  users: [{name: ana, access_keys: [{id: PKANA, secret_file: secret}]}]}]`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := serve(t, "--config="+config, "--data="+filepath.Join(dir, "data"))
	if err := errors.Join(os.Remove(secret), syscall.Mkfifo(secret, 0o600)); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGHUP)
	// This opens when the server reads, and has it wait for the end.
	in, err := os.OpenFile(secret, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGHUP)
	p.signal(syscall.SIGTERM)
	if err := errors.Join(os.Remove(secret), os.WriteFile(secret, []byte("s3cret"), 0o600),
		in.Close()); err != nil {
		t.Fatal(err)
	}
	p.wait()
}

// TestStartThatIsToldToEnd has a server wait for NATS.
func TestStartThatIsToldToEnd(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	p := &process{t: t, stderr: &logBuffer{}}
	p.cmd = exec.Command(binary, "serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0",
		"--data="+t.TempDir(), "--nats-url=nats://"+silent.Addr().String())
	p.cmd.Env = append(os.Environ(), "PARLEY_MASTER_KEY="+strings.Repeat("ab", 32))
	p.cmd.Stderr = p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	conn, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p.stop()
}

// TestTerminationWaitsForNobody opens a connection in advance, as browsers do, for
// which Go's HTTP server would wait five seconds.
func TestTerminationWaitsForNobody(t *testing.T) {
	p := serve(t, "--dev")
	alone := timeStop(p)
	p = serve(t, "--dev")
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	parleytest.Anonymous(t, p.url).As("test", "test").CreateRoom(t, nil) // the server has accepted conn
	if took := timeStop(p); took > alone+4*time.Second {
		t.Errorf("the server took %s to stop, and %s without a connection; want no waiting for one"+
			" without a request", took, alone)
	}
}

// timeStop returns how long the process takes to stop.
func timeStop(p *process) time.Duration {
	p.t.Helper()
	begin := time.Now()
	p.stop()
	return time.Since(begin)
}

// startBound is within what development mode has to be ready.
const startBound = 300 * time.Millisecond

// TestStartTimeAndIdleMemory measures what the README promises: development mode
// is ready in under 300 ms, and an idle server stays under 60 MB.
func TestStartTimeAndIdleMemory(t *testing.T) {
	p := serve(t, "--dev")
	took := p.took
	p.stop()
	for tries := 1; tries < 20 && took > startBound; tries++ { // or a busy machine would decide
		p = serve(t, "--dev")
		took = min(took, p.took)
		p.stop()
	}
	idle := serve(t, "--data="+filepath.Join(t.TempDir(), "parley-data"))
	resident := idle.residentBytes()
	idle.stop()
	t.Logf("serve --dev is ready after %s; an idle server has %d MB resident", took, resident/1e6)
	if took > startBound {
		t.Errorf("serve --dev was ready after %s, want under 300 ms", took)
	}
	if resident > 60e6 {
		t.Errorf("an idle server has %d MB resident, want under 60 MB", resident/1e6)
	}
}
