package keyring_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/app/keyring"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const month = 30 * 24 * time.Hour

var master = []byte(strings.Repeat("k", token.MasterKeyLen))

// openStore opens a store that has the given keys, or none.
func openStore(t *testing.T, keys *token.Keys) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if keys == nil {
		return s
	}
	_, err = s.Secret(t.Context(), "token-keys", func() ([]byte, error) { return keys.Encrypt(master) })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// loadKeys returns a keyring that does nothing by itself.
func loadKeys(t *testing.T, s *store.Store, every time.Duration) *keyring.Keyring {
	t.Helper()
	return must(keyring.Load(t.Context(), s, master, every, slog.New(slog.DiscardHandler)))
}

// startKeys returns a keyring that is kept up to date.
func startKeys(t *testing.T, s *store.Store) *keyring.Keyring {
	t.Helper()
	k := loadKeys(t, s, month)
	if err := k.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// seals returns the key that seals.
func seals(k *keyring.Keyring) token.KeyID {
	for _, key := range k.Keys() {
		if key.State() == token.KeySeals {
			return key.ID
		}
	}
	return 0
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

// sealed returns a token that is good for a minute.
func sealed(t *testing.T, k *keyring.Keyring) string {
	t.Helper()
	text, err := k.Seal(parley.Token{UserID: "ana", ExpiresAt: time.Now().Add(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// wantOpen checks that a keyring opens what sealed returned.
func wantOpen(t *testing.T, what string, k *keyring.Keyring, text string) {
	t.Helper()
	if got, err := k.Open(text, time.Now()); err != nil || got.UserID != "ana" {
		t.Errorf("%s opens as %+v, %v; want that of ana", what, got, err)
	}
}

func TestRotationKeepsTokens(t *testing.T) {
	k := startKeys(t, openStore(t, nil))
	first, before := seals(k), sealed(t, k)
	if err := k.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(k.Keys()) != 2 || seals(k) == first || k.Keys()[0].State() != token.KeyRetired {
		t.Errorf("keys after a rotation: %+v", k.Keys())
	}
	wantOpen(t, "a token from before the rotation", k, before)
	wantOpen(t, "a token from after it", k, sealed(t, k))
}

func TestRotationHasALimit(t *testing.T) {
	k := startKeys(t, openStore(t, nil))
	for range token.MaxKeys - 1 {
		if err := k.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	before := seals(k)
	err := k.Rotate(t.Context())
	if err == nil || !strings.Contains(err.Error(), "there are 8 token keys") {
		t.Errorf("a rotation too many: %v", err)
	}
	if seals(k) != before || len(k.Keys()) != token.MaxKeys {
		t.Errorf("it changed the keys to %+v", k.Keys())
	}
}

func TestWhenRotationsAreDue(t *testing.T) {
	now := time.Now()
	s := openStore(t, must(token.NewKeys(now)))
	for _, test := range []struct {
		name       string
		age, every time.Duration
		want       bool
	}{
		{"a fresh key", 0, month, false},
		{"just before the time", month - time.Second, month, false},
		{"at the time", month, month, true},
		{"for ever", 100 * month, 0, false},
	} {
		k := loadKeys(t, s, test.every)
		if got := keyring.Due(k, k.Keys()[0].Sealing.Add(test.age)); got != test.want {
			t.Errorf("%s: a rotation is due: %t, want %t", test.name, got, test.want)
		}
	}
}

func TestOldKeysAreRotated(t *testing.T) {
	old := must(token.NewKeys(time.Now().Add(-month - 24*time.Hour)))
	k := startKeys(t, openStore(t, old))
	until(t, "a rotation", func() bool { return seals(k) != old.List()[0].ID })
}

// TestAbandonedRotationGoesOn starts with what is left of a rotation by a process that died.
func TestAbandonedRotationGoesOn(t *testing.T) {
	keys := must(token.NewKeys(time.Now().Add(-time.Hour)))
	keys, id, err := keys.Add(time.Now().Add(-2 * time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	k := startKeys(t, openStore(t, keys))
	until(t, "the new key to seal", func() bool { return seals(k) == id })
	if len(k.Keys()) != 2 {
		t.Errorf("keys after the rotation went on: %+v", k.Keys())
	}
}

func TestKeysThatOpenNothingGo(t *testing.T) {
	now := time.Now()
	keys := must(token.NewKeys(now.Add(-3 * time.Hour)))
	keys, id, err := keys.Add(now.Add(-2 * time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	k := startKeys(t, openStore(t, must(keys.Promote(id, now.Add(-2*time.Hour)))))
	until(t, "the retired key to go", func() bool { return len(k.Keys()) == 1 })
	if seals(k) != id {
		t.Errorf("keys without the retired one: %+v", k.Keys())
	}
}

func TestOtherMasterKeyOpensNothing(t *testing.T) {
	s := openStore(t, must(token.NewKeys(time.Now())))
	other := []byte(strings.Repeat("o", token.MasterKeyLen))
	_, err := keyring.Load(t.Context(), s, other, month, slog.New(slog.DiscardHandler))
	const want = "open token keys: the master key does not open the stored token keys"
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("Load with another master key: %v, want %q", err, want)
	}
}

// TestCloseWithoutStart closes what was not opened or not started, as a start that fails does.
func TestCloseWithoutStart(t *testing.T) {
	var none *keyring.Keyring
	none.Close()
	k := loadKeys(t, openStore(t, nil), month)
	k.Close()
	wantOpen(t, "a token after Close", k, sealed(t, k))
}
