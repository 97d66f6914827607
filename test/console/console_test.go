// Package console tests the web console in a browser: Debian's Chromium, driven by the
// scripts in the folder console/e2e, against servers that are started here.
package console

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/app/config"
	"github.com/parley-chat/parley/internal/parleytest"
	"github.com/parley-chat/parley/internal/review"
)

// folder is where the console's source and its tests are.
const folder = "../../console"

// scriptTimeout bounds one script. They wait for what they expect, so only a failure
// takes so long.
const scriptTimeout = 15 * time.Minute

func TestConsole(t *testing.T) {
	tests := []struct {
		script  string
		options []func(*app.Config)
		serve   func(t *testing.T, server string) string // what pages are opened at
	}{
		{script: "rooms", options: development},
		{script: "live", options: development},
		{script: "token", options: development},
		{script: "integrate", options: development},
		{script: "demo", options: development},
		{script: "sdk", options: development},
		{script: "signin", options: withUsers(t)},
		{script: "secured", options: withUsers(t)},
		{script: "overview", options: append(development, reviewed)},
		{script: "logs", options: append(development, logged(t))},
		{script: "prefix", options: development, serve: behindProxy},
		{script: "paint", options: development},
	}
	command := buildCommand(t)
	for _, test := range tests {
		t.Run(test.script, func(t *testing.T) {
			browser := requireBrowser(t)
			url := parleytest.Start(t, test.options...).URL
			if test.serve != nil {
				url = test.serve(t, url)
			}
			run(t, test.script, "PARLEY_URL="+url, "PARLEY_CHROMIUM="+browser, "PARLEY_COMMAND="+command)
		})
	}
}

// development is how serve --dev sets a server up.
var development = []func(*app.Config){func(c *app.Config) { c.Quotas = parley.NoQuotas }}

// reviewed has the function moderate deny messages with a word.
func reviewed(c *app.Config) {
	c.Review.Targets = []review.TargetConfig{{ARN: "arn:aws:lambda:us-east-1:*:function:moderate",
		Rules: &review.RulesConfig{Words: []string{"darn"}}}}
}

// logged has chat logs delivered every second: to a folder, but for buckets whose names
// begin with broken, since there is a file where their folders should be.
func logged(t *testing.T) func(*app.Config) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return func(c *app.Config) {
		c.Logs.Window, c.Logs.Flush = time.Second, time.Second
		c.Logs.Destinations = []config.LogDestinationConfig{{S3: "broken*", Directory: file}}
	}
}

// withUsers returns the settings of a server with two users, whose secrets are their
// keys' ids: ADMIN may do everything with rooms, and NOBODY nothing.
func withUsers(t *testing.T) []func(*app.Config) {
	t.Helper()
	dir := t.TempDir()
	key := func(id string) []config.AccessKeyConfig {
		file := filepath.Join(dir, id)
		if err := os.WriteFile(file, []byte(id), 0o600); err != nil {
			t.Fatal(err)
		}
		return []config.AccessKeyConfig{{ID: id, SecretFile: file}}
	}
	everything := map[string]any{"Version": "2012-10-17", "Statement": map[string]any{
		"Effect": "Allow", "Action": "ivschat:*", "Resource": "*"}}
	return []func(*app.Config){func(c *app.Config) {
		c.Accounts = []config.AccountConfig{{ID: "111111111111", Users: []config.UserConfig{
			{Name: "admin", AccessKeys: key("ADMIN"), Policies: []any{everything}},
			{Name: "nobody", AccessKeys: key("NOBODY")},
		}}}
	}}
}

// buildCommand builds the program parley, for the tests that run its commands, and returns
// its path.
func buildCommand(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "parley")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../../cmd/parley")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build parley: %v\n%s", err, out)
	}
	return path
}

// behindProxy starts a proxy that serves a server below a prefix, and returns the address
// of that. It passes on the Host header, over which calls are signed.
func behindProxy(t *testing.T, server string) string {
	t.Helper()
	const prefix = "/tools/chat"
	target, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}
	s := httptest.NewServer(http.StripPrefix(prefix, proxy))
	t.Cleanup(s.Close)
	return s.URL + prefix
}

// requireBrowser returns the path of the browser, or skips the test when something that
// it needs is not on the machine. In CI, that fails it.
func requireBrowser(t *testing.T) string {
	t.Helper()
	missing := t.Skipf
	if os.Getenv("CI") != "" {
		missing = t.Fatalf
	}
	if _, err := exec.LookPath("node"); err != nil {
		missing("node is missing, so the console is not tested in a browser")
	}
	for _, name := range []string{"playwright-core", "@aws-sdk/client-ivschat", "axe-core",
		"amazon-ivs-chat-messaging", "vite"} {
		if _, err := os.Stat(filepath.Join(folder, "node_modules", name)); err != nil {
			missing("the npm package %s is missing: run npm ci --ignore-scripts in console", name)
		}
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing("chromium is missing: install Debian's package chromium")
	return ""
}

// run runs a script, and fails with what it printed.
func run(t *testing.T, script string, env ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), scriptTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "--test", "--test-reporter=spec",
		"e2e/"+script+".test.mjs")
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), env...)
	cmd.WaitDelay = 10 * time.Second // for a browser that outlives its script
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	t.Log(strings.TrimSpace(string(out)))
}
