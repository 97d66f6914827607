package app_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/app/config"
	"github.com/parley-chat/parley/internal/parleytest"
	"github.com/parley-chat/parley/internal/token"
)

// keysOf returns the keys that a node knows.
func keysOf(t *testing.T, a *app.App) app.KeyReport {
	t.Helper()
	return keyReport(t, a, http.MethodGet, "/keys", "")
}

// rotated rotates the keys and returns them. A rotation that nodes are too busy for leaves
// the keys as they were: then it tries again.
func rotated(t *testing.T, a *app.App, token string) app.KeyReport {
	t.Helper()
	const tries = 3
	for range tries - 1 {
		if status, text := ask(t, a, http.MethodPost, "/keys/rotate", token); status == http.StatusOK {
			return readKeys(t, text)
		}
	}
	return keyReport(t, a, http.MethodPost, "/keys/rotate", token)
}

func keyReport(t *testing.T, a *app.App, method, path, token string) app.KeyReport {
	t.Helper()
	status, text := ask(t, a, method, path, token)
	if status != http.StatusOK {
		t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	return readKeys(t, text)
}

func readKeys(t *testing.T, text string) (report app.KeyReport) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		t.Fatalf("keys %s: %v", text, err)
	}
	return report
}

// seals returns the id of the key that seals.
func seals(report app.KeyReport) string {
	for _, key := range report.Keys {
		if key.State == token.KeySeals {
			return key.ID
		}
	}
	return ""
}

// until waits for something that comes by itself.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for range 1500 {
		if done() {
			return
		}
		<-ticker.C
	}
	t.Fatalf("waited in vain: %s", what)
}

func TestRotationKeepsTokens(t *testing.T) {
	srv := parleytest.StartOne(t)
	room := srv.CreateRoom(t, nil)
	before := keysOf(t, srv.App)
	if len(before.Keys) != 1 || before.Keys[0].State != token.KeySeals || before.Next == nil ||
		before.RotationSeconds != 30*24*3600 {
		t.Errorf("keys of a new server: %+v", before)
	}
	minted := srv.Token(t, room, "ana")
	after := rotated(t, srv.App, "")
	if len(after.Keys) != 2 || seals(after) == seals(before) || after.Keys[0].State != token.KeyRetired ||
		after.Keys[0].Goes == nil {
		t.Errorf("keys after a rotation: %+v", after)
	}
	if _, err := srv.Dial(t, minted); err != nil {
		t.Errorf("a token from before the rotation: %v", err)
	}
	if _, err := srv.Dial(t, srv.Token(t, room, "ben")); err != nil {
		t.Errorf("a token from after it: %v", err)
	}
}

func TestRotationHasALimit(t *testing.T) {
	a := start(t, "", func(cfg *app.Config) { cfg.Dev = true })
	for range token.MaxKeys - 1 {
		rotated(t, a, "")
	}
	before := keysOf(t, a)
	status, text := ask(t, a, http.MethodPost, "/keys/rotate", "")
	if status != http.StatusServiceUnavailable || !strings.Contains(text, "there are 8 token keys") {
		t.Errorf("a rotation too many: %d %s", status, text)
	}
	if after := keysOf(t, a); seals(after) != seals(before) || len(after.Keys) != token.MaxKeys {
		t.Errorf("it changed the keys to %+v", after)
	}
}

func TestKeyThatSealsForEver(t *testing.T) {
	a := start(t, "", func(cfg *app.Config) { cfg.Dev, cfg.KeyRotation = true, 0 })
	if report := keysOf(t, a); report.Next != nil || report.RotationSeconds != 0 {
		t.Errorf("without rotations: %+v", report)
	}
}

func TestWrongMasterKeyIsExplained(t *testing.T) {
	data := t.TempDir()
	_ = start(t, data).Close()
	other := filepath.Join(t.TempDir(), "other.key")
	if err := os.WriteFile(other, []byte(strings.Repeat("ab", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.Listen, cfg.AdminListen, cfg.Data = "127.0.0.1:0", "127.0.0.1:0", data
	fail := func(want string) {
		t.Helper()
		a, err := app.Start(t.Context(), cfg, slog.New(slog.DiscardHandler))
		if err == nil {
			_ = a.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Start: %v, want %q", err, want)
		}
	}
	cfg.MasterKeyFile = other
	fail("the master key does not open the stored token keys: it is not the one they were " +
		"encrypted under, or they were altered")
	fail("(the master key is from " + other + ")")
	t.Setenv("PARLEY_MASTER_KEY", strings.Repeat("cd", 32))
	fail("the master key is set twice: by master_key_file and by PARLEY_MASTER_KEY")
	cfg.MasterKeyFile = ""
	fail("(the master key is from PARLEY_MASTER_KEY)")
	t.Setenv("PARLEY_MASTER_KEY", "cd")
	fail("master key PARLEY_MASTER_KEY: want 64 hexadecimal digits")
	t.Setenv("PARLEY_MASTER_KEY", strings.TrimSpace(readFile(t, data, "master.key")))
	if err := start(t, data).Close(); err != nil {
		t.Errorf("with the right key in the variable: %v", err)
	}
}

// startCluster starts three nodes, and returns the admin token of each.
func startCluster(t *testing.T) (*parleytest.Cluster, []string) {
	t.Helper()
	var folders, tokens []string
	c := parleytest.StartCluster(t, 3, func(cfg *app.Config) {
		cfg.Quotas = parley.NoQuotas
		folders = append(folders, cfg.Data)
	})
	for _, data := range folders {
		tokens = append(tokens, strings.TrimSpace(readFile(t, data, "admin-token")))
	}
	return c, tokens
}

// TestRotationAmongNodes rotates the keys, on one node after the other, while all mint
// tokens and redeem those of the others. None is refused.
func TestRotationAmongNodes(t *testing.T) {
	c, tokens := startCluster(t)
	room := c.Nodes[0].CreateRoom(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var redeemed atomic.Int64
	var users sync.WaitGroup
	for range 6 {
		users.Go(func() {
			for ctx.Err() == nil {
				minter, other := rand.IntN(3), rand.IntN(3)
				minted := c.Nodes[minter].Token(t, room, "ana")
				u, err := c.Nodes[other].Dial(t, minted)
				if err != nil {
					t.Errorf("a token of node %d is refused by node %d: %v", minter, other, err)
					return
				}
				_ = u.Conn.Close()
				redeemed.Add(1)
			}
		})
	}
	last := seals(keysOf(t, c.Nodes[0].App))
	for i := range token.MaxKeys - 1 {
		from := redeemed.Load()
		report := rotated(t, c.Nodes[i%3].App, tokens[i%3])
		if seals(report) == last {
			t.Errorf("rotation %d changed nothing", i)
		}
		last = seals(report)
		until(t, "tokens", func() bool { return redeemed.Load() >= from+30 || t.Failed() })
	}
	cancel()
	users.Wait()
	t.Logf("%d tokens were redeemed meanwhile", redeemed.Load())
	for i, n := range c.Nodes {
		if got := seals(keysOf(t, n.App)); got != last {
			t.Errorf("on node %d the key %s seals, want %s", i, got, last)
		}
	}
}
