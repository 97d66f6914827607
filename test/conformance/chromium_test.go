package conformance

import (
	"bytes"
	"crypto/sha1" // RFC 6455 asks for it
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// inChromium runs the SDK in pages of the site, in a browser that ends with the test.
var inChromium = place{"Chromium", func(t *testing.T, srv *server, s *site) *driver {
	browser := chromium(t)
	for _, name := range browserPackages {
		if _, err := os.Stat(filepath.Join("node_modules", name)); err != nil {
			missing(t, "the npm package "+name, "run npm ci in test/conformance")
		}
	}
	s.buildPage(t)
	// What the browser writes, and by what its processes are known.
	dir := t.TempDir()
	t.Cleanup(func() { checkEnded(t, dir) })
	env := cleanEnv(srv.dir, "TMPDIR="+dir)
	d := startDriver(t, env, node(t), "browser.mjs", browser, s.url)
	t.Cleanup(func() { checkRunning(t, dir) }) // before the driver ends
	return d
}}

// chromium returns the path of the browser.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing(t, "chromium", "install Debian's package chromium")
	return ""
}

// browserPackages are what the tests in a browser take from npm, besides the SDK.
var browserPackages = []string{"esbuild", "playwright-core"}

// buildPage puts the page that holds sessions into the site. It contains the SDK, whose
// licence does not allow to pass it on, so it is built for each test and kept nowhere.
func (s *site) buildPage(t *testing.T) {
	t.Helper()
	const page = `<!doctype html><meta charset="utf-8"><script src="page.js"></script>`
	if err := os.WriteFile(filepath.Join(s.pages, "index.html"), []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := run(t, ".", cleanEnv(s.pages), node(t),
		"node_modules/esbuild/bin/esbuild", "drivers/page.mjs", "--bundle",
		"--log-level=warning", "--outfile="+filepath.Join(s.pages, "page.js"))
	if code != 0 {
		t.Fatalf("esbuild ended with %d:\n%s%s", code, stdout, stderr)
	}
}

// checkRunning checks that checkEnded knows the browser's processes when it sees them.
func checkRunning(t *testing.T, dir string) {
	if runtime.GOOS == "linux" && !t.Failed() && len(processesOf(dir)) < 2 {
		t.Errorf("the processes of the browser are %v, want the driver and more", processesOf(dir))
	}
}

// checkEnded checks that no process is left whose temporary files belong into dir.
func checkEnded(t *testing.T, dir string) {
	deadline := time.After(stopTimeout)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		left := processesOf(dir)
		if len(left) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Errorf("the browser left processes behind: %v", left)
			return
		}
	}
}

// processesOf returns the processes whose environment names dir, on Linux.
func processesOf(dir string) (found []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		// A process that is gone, or is not ours, cannot be read.
		environ, _ := os.ReadFile(file)
		if bytes.Contains(environ, []byte("TMPDIR="+dir+"\x00")) {
			command, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
			found = append(found, fmt.Sprintf("%s %.80q", filepath.Dir(file), command))
		}
	}
	return found
}

// TestBrowsersRuleOfSubprotocols opens sockets without the SDK: a browser connects when
// it gets back the one subprotocol that it offered, and to nothing else.
func TestBrowsersRuleOfSubprotocols(t *testing.T) {
	r := startChatRoom(t, inChromium, fields{})
	open := func(protocols ...string) (opened struct{ Protocol, Extensions string }, err *chatError) {
		s := &session{name: "a page", driver: r.driver}
		args := fields{"url": r.srv.chatURL(), "protocols": protocols}
		err = s.call(t, "open", args, &opened)
		return opened, err
	}
	token := createToken(t, r.admin, r.ARN, "ana")
	if got, err := open(token); err != nil || got.Protocol != token || got.Extensions != "" {
		t.Errorf("with the token: %+v, %+v, want it as the protocol and no extensions", got, err)
	}
	for name, protocols := range map[string][]string{
		"the used token":   {token},
		"no token":         {},
		"garbage":          {"garbage"},
		"token and others": {createToken(t, r.admin, r.ARN, "ana"), "chat"},
	} {
		if got, err := open(protocols...); err == nil || err.ErrorCode != 1006 {
			t.Errorf("with %s: %+v, %+v, want a failure, which pages see as 1006", name, got, err)
		}
	}
	// The rule itself, which some other clients do not have.
	for _, test := range []struct {
		line string
		code int // 0 when connected
	}{
		{protocol(token) + "\r\n", 0},
		{"", 1006},
		{protocol("chat") + "\r\n", 1006},
	} {
		args := fields{"url": answerUpgrades(t, test.line), "protocols": []string{token}}
		s := &session{name: "a page", driver: r.driver}
		err := s.call(t, "open", args, nil)
		if (err == nil) != (test.code == 0) || err != nil && err.ErrorCode != test.code {
			t.Errorf("a server that answers %.40q: %+v, want code %d", test.line, err, test.code)
		}
	}
}

// answerUpgrades starts a server that upgrades every connection with a further header
// line, and returns its address.
func answerUpgrades(t *testing.T, line string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + webSocketGUID))
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"+
			"Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
			base64.StdEncoding.EncodeToString(sum[:]), line)
		_, _ = io.Copy(io.Discard, conn) // until the browser has had enough
	}))
	t.Cleanup(s.Close)
	return "ws" + strings.TrimPrefix(s.URL, "http")
}

// webSocketGUID goes into Sec-WebSocket-Accept. Source: RFC 6455, section 1.3.
const webSocketGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
