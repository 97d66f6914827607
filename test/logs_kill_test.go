package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/app/config"
	"github.com/parley-chat/parley/internal/chatlog/awstest"
	"github.com/parley-chat/parley/internal/parleytest"
	"github.com/parley-chat/parley/internal/parleytest/freeport"
)

const (
	gatewayKey    = "gateway"
	gatewaySecret = "gateway-secret"
)

// buildGateway builds the S3 gateway of the module of official clients, and returns
// its path.
var buildGateway = sync.OnceValues(func() (string, error) {
	path := filepath.Join(filepath.Dir(binary), "versitygw")
	build := exec.Command("go", "build", "-o", path, "github.com/versity/versitygw/cmd/versitygw")
	build.Dir = "conformance"
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

// gateway is an S3-compatible server in a process of its own.
type gateway struct {
	t    *testing.T
	addr string
	dir  string // has a folder for each bucket
	cmd  *exec.Cmd
}

// startGateway starts a server with buckets. It is killed at the end of the test.
func startGateway(t *testing.T, buckets ...string) *gateway {
	t.Helper()
	g := &gateway{t: t, addr: freeport.Address(), dir: t.TempDir()}
	for _, bucket := range buckets {
		if err := os.MkdirAll(filepath.Join(g.dir, "buckets", bucket), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(g.dir, "sidecar"), 0o755); err != nil {
		t.Fatal(err)
	}
	g.start()
	t.Cleanup(g.kill)
	return g
}

// start starts the server, again on the same address after kill.
func (g *gateway) start() {
	g.t.Helper()
	path, err := buildGateway()
	if err != nil {
		g.t.Fatalf("build the S3 gateway: %v", err)
	}
	g.cmd = exec.Command(path, "--access", gatewayKey, "--secret", gatewaySecret,
		"--port", g.addr, "--quiet", "posix", "--sidecar", filepath.Join(g.dir, "sidecar"),
		filepath.Join(g.dir, "buckets"))
	g.cmd.Stderr = os.Stderr
	if err := g.cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	eventually(g.t, logPatience, func() error {
		conn, err := net.Dial("tcp", g.addr)
		if err == nil {
			_ = conn.Close()
		}
		return err
	})
}

func (g *gateway) kill() {
	if g.cmd.ProcessState == nil {
		_ = g.cmd.Process.Kill()
		_ = g.cmd.Wait()
	}
}

// logsFile writes a configuration file that leads all kinds of destination to servers,
// and returns its path.
func logsFile(t *testing.T, g *gateway, api *awstest.Server) string {
	t.Helper()
	dir := t.TempDir()
	text := fmt.Sprintf(`
quotas: none
logs:
  window: 1s
  flush: 1s
  grace: 5s
  destinations:
    - s3: "chat-*"
      endpoint: http://%s
      path_style: true
      access_key_id: %s
      secret_file: secret
    - cloudwatch_logs: "*"
      endpoint: %s
      access_key_id: test
      secret_file: secret
    - firehose: "*"
      endpoint: %[3]s
      access_key_id: test
      secret_file: secret
`, g.addr, gatewayKey, api.URL)
	if err := errors.Join(
		os.WriteFile(filepath.Join(dir, "parley.yaml"), []byte(text), 0o600),
		os.WriteFile(filepath.Join(dir, "secret"), []byte(gatewaySecret+"\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "parley.yaml")
}

// TestNoRecordIsLost sends 50,000 messages into a room with three configurations. On the
// way all destinations die and come back, and the server is killed twice. Every
// message whose sender got its echo must be in every destination.
func TestNoRecordIsLost(t *testing.T) {
	const messages = 50_000
	g := startGateway(t, "chat-logs")
	api := awstest.Start(t, []string{"/chat/logs"}, []string{"chat-stream"})
	data := filepath.Join(t.TempDir(), "parley-data")
	flags := []string{"--config=" + logsFile(t, g, api), "--data=" + data}
	p := serve(t, flags...)
	c := p.client(data)
	room := c.CreateRoom(t, logged(
		createLogging(t, c, "s3", "bucketName", "chat-logs"),
		createLogging(t, c, "cloudWatchLogs", "logGroupName", "/chat/logs"),
		createLogging(t, c, "firehose", "deliveryStreamName", "chat-stream")))
	var seen []string
	for step := range 5 {
		switch step {
		case 1:
			g.kill()
			api.Stop()
		case 2, 3: // a message on its way has to be there, or never to have been seen
			seen = append(seen, talk(t, c, room, messages/10, p.kill)...)
			p = serve(t, flags...)
			c = p.client(data)
		case 4:
			g.start()
			api.Listen()
		}
		seen = append(seen, talk(t, c, room, messages/5, nil)...)
	}
	if len(seen) < messages {
		t.Errorf("%d messages had an echo, want at least %d", len(seen), messages)
	}
	stream := "aws/IVSChatLogs/1.0/room_" + room[strings.LastIndex(room, "/")+1:]
	for name, read := range map[string]func() []string{
		"S3":              func() []string { return bucketIDs(t, filepath.Join(g.dir, "buckets", "chat-logs")) },
		"CloudWatch Logs": func() []string { return recordIDs(t, api.Events("/chat/logs", stream)) },
		"Firehose":        func() []string { return recordIDs(t, api.Records("chat-stream")) },
	} {
		var got []string
		eventually(t, 2*time.Minute, func() error {
			got = read()
			return lacking(got, seen)
		})
		t.Logf("%s: %d records of %d messages with an echo", name, len(got), len(seen))
	}
	p.stop()
}

// outstanding is how many messages talk keeps on their way.
const outstanding = 64

// talk sends messages and returns the ids of those whose echo came. When half of them
// have one, it calls meanwhile, after which the rest may get none.
func talk(t *testing.T, c *parleytest.Client, room string, n int, meanwhile func()) (seen []string) {
	t.Helper()
	ana := c.Join(t, room, "ana", "SEND_MESSAGE")
	defer ana.Conn.Close()
	sent := 0
	say := func() {
		if sent < n {
			ana.Say(t, fmt.Sprint(sent))
			sent++
		}
	}
	for range outstanding {
		say()
	}
	for range n {
		frame, err := ana.Read()
		if err != nil && meanwhile != nil && len(seen) >= n/2 {
			return seen
		}
		if err != nil || frame.Type != "MESSAGE" {
			t.Fatalf("after %d of %d messages: %+v, %v", len(seen), n, frame, err)
		}
		seen = append(seen, frame.ID)
		if len(seen) == n/2 && meanwhile != nil {
			meanwhile()
			continue
		}
		if meanwhile == nil || len(seen) < n/2 {
			say()
		}
	}
	return seen
}

func bucketIDs(t *testing.T, folder string) []string {
	t.Helper()
	records, err := readLogs(folder)
	if err != nil {
		t.Fatal(err)
	}
	return idsOf(records)
}

func recordIDs(t *testing.T, texts []string) []string {
	t.Helper()
	var records []logRecord
	for _, text := range texts {
		r, err := parseRecord(text)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	return idsOf(records)
}

func idsOf(records []logRecord) (all []string) {
	for _, r := range records {
		all = append(all, r.Payload.ID)
	}
	return all
}

// lacking returns an error when got lacks some of want.
func lacking(got, want []string) error {
	have := map[string]bool{}
	for _, id := range got {
		have[id] = true
	}
	missing := 0
	for _, id := range want {
		if !have[id] {
			missing++
		}
	}
	if missing > 0 {
		return fmt.Errorf("%d of %d messages are missing", missing, len(want))
	}
	return nil
}

// TestLogCommands reads a bucket of a real S3 server back, and the state of the logs.
func TestLogCommands(t *testing.T) {
	g := startGateway(t, "chat-logs")
	api := awstest.Start(t, nil, nil)
	data := filepath.Join(t.TempDir(), "parley-data")
	config := logsFile(t, g, api)
	p := serve(t, "--config="+config, "--data="+data)
	c := p.client(data)
	settings := logged(createLogging(t, c, "s3", "bucketName", "chat-logs"),
		createLogging(t, c, "s3", "bucketName", "unmapped"),
		createLogging(t, c, "firehose", "deliveryStreamName", "missing"))
	settings["name"] = "lobby"
	room := c.CreateRoom(t, settings)
	want := talk(t, c, room, 300, nil)
	run := func(args ...string) (lines []string, err error) {
		cmd := exec.Command(binary, args...)
		cmd.Env = append(os.Environ(), "PARLEY_DATA="+data, "PARLEY_CONFIG="+config, "PARLEY_ADMIN_URL="+p.admin)
		var failure *exec.ExitError
		out, err := cmd.Output()
		if errors.As(err, &failure) {
			err = fmt.Errorf("%w: %s", err, failure.Stderr)
		}
		return slices.Collect(strings.Lines(string(out))), err
	}
	for name, args := range map[string][]string{
		"by name":            {"lobby"},
		"by ARN":             {room},
		"of a bucket":        {room, "--bucket=chat-logs"},
		"of an unmapped one": {room, "--bucket=unmapped"},
		"of a folder":        {room, "--dir=" + filepath.Join(g.dir, "buckets", "chat-logs")},
		"messages":           {"lobby", "--type=MESSAGE", "--from=2020-01-01T00:00:00Z"},
	} {
		eventually(t, logPatience, func() error {
			lines, err := run(append([]string{"logs", "cat"}, args...)...)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if got := recordIDs(t, lines); !slices.Equal(got, want) {
				return fmt.Errorf("%s: %d records, want %d in the order in which they were sent",
					name, len(got), len(want))
			}
			return nil
		})
	}
	if lines, err := run("logs", "cat", room, "--type=EVENT"); err != nil || len(lines) > 0 {
		t.Errorf("events: %q, %v; want none", lines, err)
	}
	eventually(t, logPatience, func() error {
		lines, err := run("logs", "status")
		table := strings.Join(lines, "")
		if err != nil || len(lines) != 4 || !strings.Contains(table, "s3 chat-logs") ||
			!strings.Contains(table, "(not_found)") || strings.Count(table, " ok\n") != 2 {
			return fmt.Errorf("status: %v\n%s", err, table)
		}
		return nil
	})
	lines, err := run("logs", "status", "--json")
	var report app.LogReport
	if err != nil || json.Unmarshal([]byte(strings.Join(lines, "")), &report) != nil ||
		len(report.LoggingConfigurations) != 3 {
		t.Errorf("status: %v\n%s", err, lines)
	}
	p.stop()
}

// TestBucketsOfARealServer checks what an S3 server says of buckets that are not there,
// or not for this key, and what objects look like to it.
func TestBucketsOfARealServer(t *testing.T) {
	g := startGateway(t, "chat-logs", "chat-for-others")
	t.Setenv("RIGHT_SECRET", gatewaySecret)
	t.Setenv("WRONG_SECRET", "no-secret")
	mapped := func(secret, pattern string) config.LogDestinationConfig {
		return config.LogDestinationConfig{S3: pattern, Endpoint: "http://" + g.addr, PathStyle: true,
			AccessKeyID: gatewayKey, SecretEnv: secret}
	}
	srv := parleytest.StartOne(t, func(cfg *app.Config) {
		cfg.Logs.Probe, cfg.Logs.Window = true, time.Second
		cfg.Logs.Destinations = []config.LogDestinationConfig{
			mapped("WRONG_SECRET", "chat-for-others"), mapped("RIGHT_SECRET", "chat-*")}
	})
	for bucket, want := range map[string]int{"chat-logs": http.StatusOK,
		"chat-none": http.StatusNotFound, "chat-for-others": http.StatusForbidden} {
		a := srv.Call(t, "CreateLoggingConfiguration", map[string]any{
			"destinationConfiguration": map[string]any{"s3": map[string]string{"bucketName": bucket}}})
		if a.Status != want {
			t.Errorf("a configuration for %s: %+v, want %d", bucket, a, want)
		}
	}
	room := srv.CreateRoom(t, logged(createLogging(t, srv.Client, "s3", "bucketName", "chat-logs")))
	ana := srv.Join(t, room, "ana", "SEND_MESSAGE")
	ana.Say(t, "hello")
	id := ana.Next(t).ID
	folder := filepath.Join(g.dir, "buckets", "chat-logs")
	eventually(t, logPatience, func() error { return lacking(bucketIDs(t, folder), []string{id}) })
	// The gateway keeps what it was told of an object beside it.
	out, err := exec.Command("grep", "-rl", "application/x-gzip", filepath.Join(g.dir, "sidecar")).Output()
	if err != nil || len(out) == 0 {
		t.Errorf("no object has the content type application/x-gzip: %v", err)
	}
}

// TestFullDiskOfTheServer gives the server a small disk: messages go on without delay
// while records are dropped, which is counted.
func TestFullDiskOfTheServer(t *testing.T) {
	data := t.TempDir()
	if err := syscall.Mount("parley-test", data, "tmpfs", 0, "size=24m"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("a small disk: %v", err)
		}
		t.Skipf("a small disk takes root: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(data, syscall.MNT_DETACH) })
	api := awstest.Start(t, nil, nil) // has no stream, so nothing is delivered
	g := &gateway{addr: "127.0.0.1:1"}
	p := serve(t, "--config="+logsFile(t, g, api), "--data="+data)
	c := p.client(data)
	room := c.CreateRoom(t, logged(createLogging(t, c, "firehose", "deliveryStreamName", "missing")))
	ana := c.Join(t, room, "ana", "SEND_MESSAGE")
	content := strings.Repeat("x", 500)
	for sent := range 40_000 { // 32 MB
		ana.Say(t, content)
		if got := ana.Next(t); got.Type != "MESSAGE" {
			t.Fatalf("message %d was answered with %+v", sent, got)
		}
		if sent%5000 == 4999 {
			if _, body := p.get("/metrics"); strings.Contains(body, `parley_log_dropped_total{`) {
				break
			}
		}
	}
	_, body := p.get("/metrics")
	if !strings.Contains(body, `reason="disk"`) {
		t.Errorf("no record was dropped:\n%s", body)
	}
	// It does not get better while records are dropped and none is delivered.
	for line, want := range map[string]int{"chat log records are dropped": 1,
		"chat log records are not dropped any more": 0, "chat logs are delivered again": 0} {
		if n := strings.Count(p.log(), line); n != want {
			t.Errorf("the log says %d times %q, want %d:\n%s", n, line, want, p.log())
		}
	}
	p.kill()
}
