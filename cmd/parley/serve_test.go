package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// TestFlagsWinOverTheFile sets to nothing what the file has set.
func TestFlagsWinOverTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "parley.yaml")
	text := "drain_seconds: 300\nproxy_protocol: true\ntrusted_proxies: [127.0.0.1]\n" +
		"max_sessions: 7\nkey_rotation: 1h\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PARLEY_DRAIN_SECONDS", "0")
	var server serveCmd
	parser, err := kong.New(&server)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"--config=" + file, "--proxy-protocol=false",
		"--max-sessions=0", "--key-rotation=0s"}); err != nil {
		t.Fatal(err)
	}
	cfg, err := server.config()
	if err != nil {
		t.Fatal(err)
	}
	if cfg.DrainSeconds != 0 || cfg.ProxyProtocol || cfg.MaxSessions != 0 || cfg.KeyRotation != 0 {
		t.Errorf("drain_seconds %d, proxy_protocol %t, max_sessions %d, key_rotation %s; want none",
			cfg.DrainSeconds, cfg.ProxyProtocol, cfg.MaxSessions, cfg.KeyRotation)
	}
}

// TestAdminTokenIsForWhatDemandsIt has somebody listen who is not the server.
func TestAdminTokenIsForWhatDemandsIt(t *testing.T) {
	const token = "0123456789abcdef"
	got := make(chan string, 1)
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- r.Header.Get("Authorization")
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte("{}"))
	}))
	defer listener.Close()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := adminFlags{Admin: listener.URL, AdminTokenFile: file}
	var report struct{}
	for _, tt := range []struct {
		name string
		ask  func() error
		want string
	}{
		{"a look", func() error { return f.look("/keys", &report) }, ""},
		{"a change", func() error { return f.change("/keys/rotate", &report) }, "Bearer " + token},
	} {
		if err := tt.ask(); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		select {
		case header := <-got:
			if header != tt.want {
				t.Errorf("%s has the Authorization %q, want %q", tt.name, header, tt.want)
			}
		case <-time.After(time.Second):
			t.Errorf("%s: nothing was asked", tt.name)
		}
	}
}
