package marks

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start returns marks of a node that is started for the test; nil, after telling the
// test, when that fails.
func start(t *testing.T, cfg engine.Config) *Marks {
	e, err := engine.Start(context.Background(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Errorf("Start(%s) = %v, want a node", cfg.Node, err)
		return nil
	}
	t.Cleanup(e.Stop)
	conn, err := e.Connect("marks")
	if err != nil {
		t.Errorf("Connect() of %s = %v, want a connection", cfg.Node, err)
		return nil
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Error(err)
		return nil
	}
	return New(e, conn, js, func() []string { return []string{e.Node()} })
}

// openInMemory returns marks of a node that is alone.
func openInMemory(t *testing.T) *Marks {
	t.Helper()
	m := start(t, engine.Config{})
	if m == nil {
		t.FailNow()
	}
	if err := m.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m
}

func newToken() parley.Token {
	return parley.NewToken(parley.TokenRequest{SessionMinutes: 1}, time.Now())
}

// A connection that asks again is the one that used the token.
func TestTokenIsUsedOnce(t *testing.T) {
	m := openInMemory(t)
	expired, early, ahead := newToken(), newToken(), newToken()
	expired.ExpiresAt = time.Now()
	early.IssuedAt = time.Now().Add(-time.Minute)
	ahead.IssuedAt = time.Now().Add(time.Minute)
	token := newToken()
	for _, tt := range []struct {
		name, connection string
		token            parley.Token
		want             error
	}{
		{"a fresh token", "a", token, nil},
		{"it, by the same connection", "a", token, nil},
		{"it, by another", "b", token, ErrRefused},
		{"one that has expired", "a", expired, ErrRefused},
		{"one from before the marks", "a", early, ErrRefused},
		{"one that outlives its mark", "a", ahead, ErrRefused},
	} {
		if err := m.Redeem(t.Context(), tt.token, tt.connection); !errors.Is(err, tt.want) {
			t.Errorf("Redeem() of %s = %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestRedeemWaitsForMarks(t *testing.T) {
	m := openInMemory(t)
	token := newToken()
	held := m.held.Load()
	m.Lose()
	ctx, cancel := context.WithTimeout(t.Context(), redeemPause/2)
	defer cancel()
	if err := m.Redeem(ctx, token, "a"); !errors.Is(err, errLost) {
		t.Errorf("Redeem() without marks = %v, want %v", err, errLost)
	}
	done := make(chan error, 1)
	go func() { done <- m.Redeem(t.Context(), token, "a") }()
	m.held.Store(held)
	if err := <-done; err != nil {
		t.Errorf("Redeem() = %v, want nil", err)
	}
}

// A token that was used before the marks were lost must not be accepted by a
// redemption that began with the old marks and wrote to the new ones.
func TestTokenIsNotUsedAgainWhenMarksAreLost(t *testing.T) {
	m := openInMemory(t)
	ctx := t.Context()
	token := newToken()
	if err := m.Redeem(ctx, token, "a"); err != nil {
		t.Fatal(err)
	}
	before := m.held.Load()
	m.Lose()
	for _, name := range BucketNames() {
		if err := m.js.DeleteKeyValue(ctx, m.engine.Bucket(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Open(ctx); err != nil {
		t.Fatal(err)
	}
	if err := m.redeemOnce(ctx, before, token, "b"); !errors.Is(err, errLost) {
		t.Errorf("redeemOnce() with the old marks = %v, want %v", err, errLost)
	}
	if err := m.Redeem(ctx, token, "b"); !errors.Is(err, ErrRefused) {
		t.Errorf("Redeem() of a used token = %v, want %v", err, ErrRefused)
	}
}
