package app_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/parleytest"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/token"
)

// keysOf returns the keys that a node knows.
func keysOf(t *testing.T, a *app.App) app.KeyReport {
	t.Helper()
	return keyReport(t, a, http.MethodGet, "/keys", "")
}

// rotated rotates the keys and returns them.
func rotated(t *testing.T, a *app.App, token string) app.KeyReport {
	t.Helper()
	return keyReport(t, a, http.MethodPost, "/keys/rotate", token)
}

func keyReport(t *testing.T, a *app.App, method, path, token string) app.KeyReport {
	t.Helper()
	status, text := ask(t, a, method, path, token)
	var report app.KeyReport
	if err := json.Unmarshal([]byte(text), &report); err != nil || status != http.StatusOK {
		t.Fatalf("%s %s: %d %s", method, path, status, text)
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

// plant puts keys into a data folder.
func plant(t *testing.T, data string, keys *token.Keys) {
	t.Helper()
	_ = start(t, data).Close() // makes the master key
	master, err := hex.DecodeString(strings.TrimSpace(readFile(t, data, "master.key")))
	if err != nil {
		t.Fatal(err)
	}
	stored, err := keys.Encrypt(master)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), store.Config{Dir: filepath.Join(data, "store")},
		slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	have, err := s.Secret(t.Context(), "token-keys", func() ([]byte, error) { return nil, errors.New("none") })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.ReplaceSecret(t.Context(), "token-keys", have.Revision, stored); err != nil {
		t.Fatal(err)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func TestOldKeysAreRotatedOnSchedule(t *testing.T) {
	old := must(token.NewKeys(time.Now().Add(-31 * 24 * time.Hour)))
	for name, test := range map[string]struct {
		every  time.Duration
		rotate bool
	}{"by default": {app.DefaultConfig().KeyRotation, true}, "never": {0, false},
		"later": {32 * 24 * time.Hour, false}} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			plant(t, data, old)
			a := start(t, data, func(cfg *app.Config) { cfg.KeyRotation = test.every })
			if test.rotate {
				until(t, "a rotation", func() bool {
					return seals(keysOf(t, a)) != old.List()[0].ID.String()
				})
			}
			report := keysOf(t, a)
			if rotated := seals(report) != old.List()[0].ID.String(); rotated != test.rotate {
				t.Errorf("keys of a server with an old one: %+v", report)
			}
			if (report.Next == nil) != (test.every == 0) {
				t.Errorf("the next rotation is due %v", report.Next)
			}
		})
	}
}

// TestAbandonedRotationGoesOn starts a server whose predecessor died in a rotation.
func TestAbandonedRotationGoesOn(t *testing.T) {
	keys := must(token.NewKeys(time.Now().Add(-time.Hour)))
	keys, id, err := keys.Add(time.Now().Add(-2 * time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	plant(t, data, keys)
	a := start(t, data)
	until(t, "the new key to seal", func() bool { return seals(keysOf(t, a)) == id.String() })
	if report := keysOf(t, a); len(report.Keys) != 2 {
		t.Errorf("keys after the rotation went on: %+v", report)
	}
}

func TestKeysThatOpenNothingGo(t *testing.T) {
	now := time.Now()
	keys := must(token.NewKeys(now.Add(-3 * time.Hour)))
	keys, id, err := keys.Add(now.Add(-2 * time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	plant(t, data, must(keys.Promote(id, now.Add(-2*time.Hour))))
	a := start(t, data)
	until(t, "the retired key to go", func() bool { return len(keysOf(t, a).Keys) == 1 })
	if report := keysOf(t, a); seals(report) != id.String() {
		t.Errorf("keys without the retired one: %+v", report)
	}
}

func TestWrongMasterKeyIsExplained(t *testing.T) {
	data := t.TempDir()
	_ = start(t, data).Close()
	other := filepath.Join(t.TempDir(), "other.key")
	if err := os.WriteFile(other, []byte(strings.Repeat("ab", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := app.DefaultConfig()
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

// TestRotationOfThreeNodes is about rotations that do not go as they usually do. Its
// parts share a cluster, since it takes seconds to start.
func TestRotationOfThreeNodes(t *testing.T) {
	c, tokens := startCluster(t)
	room := c.Nodes[0].CreateRoom(t, nil)
	t.Run("by all at once", func(t *testing.T) { rotateTogether(t, c, tokens) })
	app.Deafen(c.Nodes[2].App)
	t.Run("that one has not heard of", func(t *testing.T) { rotateUnheard(t, c, room) })
	t.Run("that one does not answer", func(t *testing.T) { rotateUnanswered(t, c, tokens[0], room) })
}

// rotateTogether has all nodes rotate at once: they help each other.
func rotateTogether(t *testing.T, c *parleytest.Cluster, tokens []string) {
	reports := make([]app.KeyReport, len(c.Nodes))
	var all sync.WaitGroup
	for i, n := range c.Nodes {
		all.Go(func() { reports[i] = rotated(t, n.App, tokens[i]) })
	}
	all.Wait()
	newest := keysOf(t, c.Nodes[0].App)
	if n := len(newest.Keys); n < 2 || n > 4 {
		t.Errorf("three rotations at once left %d keys: %+v", n, newest)
	}
	for i, report := range reports {
		if !slices.ContainsFunc(newest.Keys, func(k app.KeyInfo) bool { return k.ID == seals(report) }) {
			t.Errorf("node %d said that %s seals, which is not among %+v", i, seals(report), newest)
		}
	}
}

// rotateUnheard has node 2, which is deaf, be offered tokens of a key that it does not
// know.
func rotateUnheard(t *testing.T, c *parleytest.Cluster, room string) {
	if err := app.RotateAlone(t.Context(), c.Nodes[0].App); err != nil {
		t.Fatal(err)
	}
	if a, b := keysOf(t, c.Nodes[2].App), keysOf(t, c.Nodes[0].App); seals(a) == seals(b) {
		t.Fatalf("the node that should be deaf has heard of %s", seals(b))
	}
	for range 3 {
		if _, err := c.Nodes[2].Dial(t, c.Nodes[0].Token(t, room, "ana")); err != nil {
			t.Errorf("a token of a key that the node has not heard of: %v", err)
		}
	}
	forged := "AQ" + strings.Repeat("A", 100) // of the key 00000000
	start := time.Now()
	for range 5 {
		if _, err := c.Nodes[2].Dial(t, forged); err == nil {
			t.Fatal("a forged token was accepted")
		}
	}
	if took := time.Since(start); took < time.Second {
		t.Errorf("5 reads for keys that do not exist took %s: they are not spaced", took)
	}
}

// rotateUnanswered has node 2 be alive, and not answer.
func rotateUnanswered(t *testing.T, c *parleytest.Cluster, token, room string) {
	before := keysOf(t, c.Nodes[0].App)
	status, text := ask(t, c.Nodes[0].App, http.MethodPost, "/keys/rotate", token)
	const want = "the new token key was withdrawn: it did not reach node-2 within 10s"
	if status != http.StatusServiceUnavailable || strings.TrimSpace(text) != want {
		t.Errorf("a rotation that a node does not answer: %d %q, want 503 %q", status, text, want)
	}
	if after := keysOf(t, c.Nodes[0].App); seals(after) != seals(before) ||
		len(after.Keys) != len(before.Keys) {
		t.Errorf("it changed the keys from %+v to %+v", before, after)
	}
	// A node that is dead is not waited for.
	c.Stop(t, 2)
	if after := rotated(t, c.Nodes[0].App, token); seals(after) == seals(before) {
		t.Errorf("a rotation without the node changed nothing: %+v", after)
	}
	c.Restart(t, 2)
	if _, err := c.Nodes[2].Dial(t, c.Nodes[0].Token(t, room, "ana")); err != nil {
		t.Errorf("after its return, the node refuses a token of the new key: %v", err)
	}
}
