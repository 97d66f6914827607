package nats

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"github.com/parley-chat/parley/internal/parleytest/freeport"
)

const (
	serverCount = 3
	// patience bounds what is waited for: an election of a server that is killed takes
	// up to 9 seconds, on machines that have time.
	patience = 90 * time.Second
	look     = 100 * time.Millisecond // between two looks at something
)

// install builds the NATS server of a version and returns the path of the program.
func install(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "install", "github.com/nats-io/nats-server/v2@"+version)
	build.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", build, err, out)
	}
	return filepath.Join(dir, "nats-server")
}

// servers are NATS servers that form a cluster.
type servers struct {
	t       *testing.T
	program string
	URLs    []string // for clients
	configs []string // files
	health  []string // URLs
	running []*process
}

// The account that Parley uses may do what docs/cluster.md says that it must.
var serverConfig = template.Must(template.New("").Parse(`
server_name: "n{{.Name}}"
listen: "{{.Client}}"
http: "{{.Monitor}}"
jetstream: { store_dir: "{{.Dir}}" }
cluster: { name: "chat", listen: "{{.Route}}", routes: [
{{- range .Routes}}
  "nats-route://{{.}}"
{{- end}}
] }
accounts: {
  SYS: {}
  CHAT: {
    jetstream: enabled
    users: [{
      user: "parley", password: "secret"
      permissions: {
        publish: [ "live.>", "$KV.>", "$JS.>", "_INBOX.>" ]
        subscribe: [ "live.>", "_INBOX.>" ]
      }
    }]
  }
}
system_account: SYS
`))

// startServers starts servers that keep what they hold in files, and waits until they
// are a cluster.
func startServers(t *testing.T, program string) *servers {
	t.Helper()
	s := &servers{t: t, program: program, running: make([]*process, serverCount)}
	addresses := freeport.Addresses(3 * serverCount)
	routes := addresses[2*serverCount:]
	for i := range serverCount {
		var text bytes.Buffer
		err := serverConfig.Execute(&text, map[string]any{
			"Name": i + 1, "Client": addresses[i], "Monitor": addresses[serverCount+i],
			"Route": routes[i], "Routes": routes, "Dir": t.TempDir(),
		})
		config := filepath.Join(t.TempDir(), "nats.conf")
		if err == nil {
			err = os.WriteFile(config, text.Bytes(), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		s.configs = append(s.configs, config)
		s.URLs = append(s.URLs, "nats://"+addresses[i])
		s.health = append(s.health, "http://"+addresses[serverCount+i]+"/healthz")
	}
	s.startAll()
	return s
}

func (s *servers) start(i int) {
	s.t.Helper()
	s.running[i] = run(s.t, fmt.Sprintf("NATS %d", i+1), exec.Command(s.program, "-c", s.configs[i]))
}

func (s *servers) startAll() {
	s.t.Helper()
	for i := range s.configs {
		s.start(i)
	}
	for i := range s.configs {
		s.await(i)
	}
}

// await waits until a server has all that it keeps, and a leader.
func (s *servers) await(i int) {
	s.t.Helper()
	eventually(s.t, fmt.Sprintf("NATS %d is healthy", i+1), func() error {
		s.running[i].mustRun(s.t)
		return answersOK(s.health[i])
	})
}

// restart stops a server as an upgrade does, and starts it again.
func (s *servers) restart(i int) {
	s.t.Helper()
	s.running[i].end(syscall.SIGTERM)
	s.start(i)
	s.await(i)
}

// killAll ends all servers at once, as a power cut does.
func (s *servers) killAll() {
	s.t.Helper()
	for _, p := range s.running {
		p.end(syscall.SIGKILL)
	}
}

// answersOK returns nil when a URL answers with status 200.
func answersOK(url string) error {
	client := &http.Client{Timeout: patience / 10}
	defer client.CloseIdleConnections()
	res, err := client.Get(url)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, res.Status)
	}
	return nil
}

// eventually waits until check returns nil.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for deadline := time.Now().Add(patience); ; {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not so after %s: %s: %v", patience, what, err)
		}
		<-ticker.C
	}
}

// process is a program that the test started.
type process struct {
	name  string
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended
}

// run starts a program that is killed at the end of the test if it still runs, and
// whose output is shown when the test fails.
func run(t *testing.T, name string, cmd *exec.Cmd) *process {
	t.Helper()
	var output lines
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	p := &process{name, cmd, make(chan struct{})}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // its status is looked at where it matters
	}()
	t.Cleanup(func() {
		p.end(syscall.SIGKILL)
		if t.Failed() {
			t.Logf("%s printed:\n%s", name, strings.Join(output, "\n"))
		}
	})
	return p
}

// mustRun ends the test when the process has ended.
func (p *process) mustRun(t *testing.T) {
	t.Helper()
	select {
	case <-p.ended:
		t.Fatalf("%s ended by itself: %v", p.name, p.cmd.ProcessState)
	default:
	}
}

// end sends a signal, unless the process has ended, and waits for its end.
func (p *process) end(signal syscall.Signal) {
	_ = p.cmd.Process.Signal(signal) // fails when it has ended
	<-p.ended
}

// lines are the last that a process printed.
type lines []string

const maxLines = 40

// Write implements io.Writer. The process has one pipe for both outputs, so that it is
// called by one goroutine.
func (l *lines) Write(text []byte) (int, error) {
	*l = append(*l, strings.Split(strings.TrimSpace(string(text)), "\n")...)
	*l = (*l)[max(0, len(*l)-maxLines):]
	return len(text), nil
}
