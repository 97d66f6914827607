package app_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/app/config"
)

// start starts a server that keeps its data in a folder.
func start(t *testing.T, data string, options ...func(*app.Config)) *app.App {
	t.Helper()
	cfg := config.Default()
	cfg.Listen, cfg.AdminListen, cfg.Data = "127.0.0.1:0", "127.0.0.1:0", data
	for _, option := range options {
		option(&cfg)
	}
	a, err := app.Start(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

func TestFindLocal(t *testing.T) {
	data := t.TempDir()
	if found, ok := app.FindLocal(data); ok {
		t.Fatalf("before any server: found %+v", found)
	}
	a := start(t, data)
	found, ok := app.FindLocal(data)
	want := app.Local{URL: a.ClientURL(), Region: "us-east-1",
		Credentials: filepath.Join(data, "credentials")}
	if !ok || found != want {
		t.Errorf("found %+v, %t; want %+v", found, ok, want)
	}
	told, err := os.ReadFile(filepath.Join(data, "server.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	if found, ok := app.FindLocal(data); ok {
		t.Errorf("after the server stopped: found %+v", found)
	}
	// A server that is killed leaves its file.
	if err := os.WriteFile(filepath.Join(data, "server.json"), told, 0o600); err != nil {
		t.Fatal(err)
	}
	if found, ok := app.FindLocal(data); ok {
		t.Errorf("after the server was killed: found %+v", found)
	}
}

// TestFindLocalWithAccounts checks that no key is used that the server does not take.
func TestFindLocalWithAccounts(t *testing.T) {
	data := t.TempDir()
	_ = start(t, data).Close() // leaves a root key
	start(t, data, func(cfg *app.Config) {
		cfg.Accounts = []config.AccountConfig{{ID: "123456789012"}}
	})
	if found, ok := app.FindLocal(data); ok {
		t.Errorf("found %+v, whose root key is not in force", found)
	}
}
