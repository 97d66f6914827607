package app_test

import (
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/app/config"
)

// ask makes a request to the admin listener. Headers are names and values in turn.
func ask(t *testing.T, a *app.App, method, path, token string, headers ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, a.AdminURL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// private is what takes the admin token, and how it answers with it.
var private = []struct {
	method, path string
	status       int
}{
	{http.MethodGet, "/backup", http.StatusOK},
	{http.MethodPost, "/restore", http.StatusBadRequest}, // of nothing
	{http.MethodPost, "/keys/rotate", http.StatusOK},
	{http.MethodPost, "/cluster/remove?node=x", http.StatusConflict}, // there is no cluster
}

func readFile(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// wantDemanded checks that the token, and no other, opens what is private.
func wantDemanded(t *testing.T, a *app.App, token string) {
	t.Helper()
	for _, test := range private {
		for _, wrong := range []string{"", "x", token + "x", token[1:], strings.ToLower(token) + "Z"} {
			status, text := ask(t, a, test.method, test.path, wrong)
			if status != http.StatusUnauthorized || text != "this takes the admin token of the server\n" {
				t.Errorf("%s %s with the token %q: %d %s", test.method, test.path, wrong, status, text)
			}
		}
		if status, text := ask(t, a, test.method, test.path, token); status != test.status {
			t.Errorf("%s %s with the token: %d %s, want %d", test.method, test.path, status, text, test.status)
		}
	}
}

func TestAdminTokenIsMadeAndKept(t *testing.T) {
	data := t.TempDir()
	a := start(t, data)
	info, err := os.Stat(filepath.Join(data, "admin-token"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the token's file: %v, %v; want mode 0600", info, err)
	}
	token := strings.TrimSpace(readFile(t, data, "admin-token"))
	wantDemanded(t, a, token)
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/quotas", "/logs", "/rooms",
		"/keys", "/cluster", "/debug/pprof/cmdline"} {
		if status, text := ask(t, a, http.MethodGet, path, ""); status != http.StatusOK {
			t.Errorf("GET %s without a token: %d %s", path, status, text)
		}
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	wantDemanded(t, start(t, data), token)
}

func TestAdminTokenIsReadAnew(t *testing.T) {
	data := t.TempDir()
	a := start(t, data)
	const changed = "another-token-of-enough-bytes"
	if err := os.WriteFile(filepath.Join(data, "admin-token"), []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.Data = data
	if err := a.Reload(cfg); err != nil {
		t.Fatalf("Reload: %v", err)
	}
	wantDemanded(t, a, changed)
	if err := os.WriteFile(filepath.Join(data, "admin-token"), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := a.Reload(cfg); err == nil {
		t.Error("a token of five characters was taken")
	}
	wantDemanded(t, a, changed)
}

func TestAdminTokenFromSettings(t *testing.T) {
	const token = "sixteen-or-more-"
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dev := func(cfg *app.Config) { cfg.Dev = true }
	t.Run("file", func(t *testing.T) {
		a := start(t, "", dev, func(cfg *app.Config) { cfg.AdminTokenFile = file })
		wantDemanded(t, a, token)
	})
	t.Run("variable", func(t *testing.T) {
		t.Setenv("PARLEY_ADMIN_TOKEN", token)
		data := t.TempDir()
		wantDemanded(t, start(t, data), token)
		if _, err := os.Stat(filepath.Join(data, "admin-token")); err == nil {
			t.Error("a token was made though one is set")
		}
	})
	t.Run("short", func(t *testing.T) {
		t.Setenv("PARLEY_ADMIN_TOKEN", token[1:])
		cfg := config.Default()
		cfg.Listen, cfg.AdminListen, cfg.Dev = "127.0.0.1:0", "127.0.0.1:0", true
		_, err := app.Start(t.Context(), cfg, slog.New(slog.DiscardHandler))
		const want = "admin token: PARLEY_ADMIN_TOKEN holds 15 characters, at least 16 are demanded"
		if err == nil || err.Error() != want {
			t.Errorf("Start with a short token: %v, want %q", err, want)
		}
	})
}

// TestDevelopmentDemandsNoToken checks that it does not, but that no web page that a
// browser shows can use that.
func TestDevelopmentDemandsNoToken(t *testing.T) {
	a := start(t, "", func(cfg *app.Config) { cfg.Dev = true })
	for _, test := range private {
		if status, text := ask(t, a, test.method, test.path, ""); status != test.status {
			t.Errorf("%s %s: %d %s, want %d", test.method, test.path, status, text, test.status)
		}
		if test.method == http.MethodGet {
			continue // browsers keep answers from pages of other origins
		}
		status, _ := ask(t, a, test.method, test.path, "", "Origin", "https://evil.example")
		if status != http.StatusForbidden {
			t.Errorf("%s %s from a web page: %d, want 403", test.method, test.path, status)
		}
	}
}

func TestFindLocalAdmin(t *testing.T) {
	data := t.TempDir()
	if found, ok := app.FindLocalAdmin(data); ok {
		t.Fatalf("before any server: found %+v", found)
	}
	a := start(t, data, func(cfg *app.Config) {
		cfg.Accounts = []config.AccountConfig{{ID: "123456789012"}} // no root key is needed
	})
	found, ok := app.FindLocalAdmin(data)
	want := app.LocalAdmin{URL: a.AdminURL(), TokenFile: filepath.Join(data, "admin-token")}
	if !ok || found != want {
		t.Errorf("found %+v, %t; want %+v", found, ok, want)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if found, ok := app.FindLocalAdmin(data); ok {
		t.Errorf("after the server stopped: found %+v", found)
	}
}
