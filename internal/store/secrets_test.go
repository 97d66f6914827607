package store_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store"
)

func TestSecret(t *testing.T) {
	want := []byte("made")
	fail := func() ([]byte, error) { return nil, errors.New("no") }
	inBothModes(t, func(t *testing.T, s *store.Store) {
		if secret, err := s.Secret(t.Context(), "keys", fail); err == nil {
			t.Errorf("Secret() with a failing create = %q, nil; want its error", secret.Value)
		}
		for range 2 {
			got, err := s.Secret(t.Context(), "keys", func() ([]byte, error) { return want, nil })
			if err != nil || !bytes.Equal(got.Value, want) {
				t.Errorf("Secret() = %q, %v; want %q", got.Value, err, want)
			}
		}
		if got, err := s.Secret(t.Context(), "keys", fail); err != nil || !bytes.Equal(got.Value, want) {
			t.Errorf("Secret() of a stored one = %q, %v; want %q", got.Value, err, want)
		}
		for _, name := range []string{"", "a.b", "*", "a b"} {
			if _, err := s.Secret(t.Context(), name, fail); err == nil {
				t.Errorf("Secret(%q) = nil, want an error", name)
			}
		}
	})
}

func TestSecretRaceHasOneValue(t *testing.T) {
	inBothModes(t, func(t *testing.T, s *store.Store) {
		values := make([][]byte, 50)
		errs := inParallel(len(values), func(i int) error {
			secret, err := s.Secret(t.Context(), "keys", func() ([]byte, error) {
				return []byte{byte(i)}, nil
			})
			values[i] = secret.Value
			return err
		})
		for i := range values {
			if errs[i] != nil || !bytes.Equal(values[i], values[0]) {
				t.Errorf("caller %d got %v, %v; the first got %v", i, values[i], errs[i], values[0])
			}
		}
	})
}

func TestSecretSurvivesReopening(t *testing.T) {
	dir := t.TempDir()
	for i := range 3 {
		s := open(t, dir)
		got, err := s.Secret(t.Context(), "keys", func() ([]byte, error) { return []byte{byte(i)}, nil })
		if err != nil || !bytes.Equal(got.Value, []byte{0}) {
			t.Errorf("Secret() after %d reopenings = %v, %v; want the first value", i, got.Value, err)
		}
		closeStore(t, s)
	}
}

func TestReplaceSecret(t *testing.T) {
	inBothModes(t, func(t *testing.T, s *store.Store) {
		made, err := s.Secret(t.Context(), "keys", func() ([]byte, error) { return []byte("1"), nil })
		if err != nil {
			t.Fatal(err)
		}
		if age := time.Since(made.Saved); age < 0 || age > time.Minute {
			t.Errorf("the secret was saved %s ago", age)
		}
		replaced, err := s.ReplaceSecret(t.Context(), "keys", made.Revision, []byte("2"))
		if err != nil || string(replaced.Value) != "2" || replaced.Revision <= made.Revision {
			t.Fatalf("ReplaceSecret() = %q at %d, %v; want 2 after %d",
				replaced.Value, replaced.Revision, err, made.Revision)
		}
		_, err = s.ReplaceSecret(t.Context(), "keys", made.Revision, []byte("3"))
		wantCode(t, "ReplaceSecret of an old one", err, parley.Conflict)
		// As after a write whose answer was lost.
		again, err := s.ReplaceSecret(t.Context(), "keys", made.Revision, []byte("2"))
		if err != nil || again.Revision != replaced.Revision {
			t.Errorf("ReplaceSecret() with what is stored = %d, %v; want %d",
				again.Revision, err, replaced.Revision)
		}
		_, err = s.ReplaceSecret(t.Context(), "none", 1, nil)
		if err == nil {
			t.Error("a secret that does not exist was replaced")
		}
	})
}

func TestAsk(t *testing.T) {
	s := open(t, "")
	stop, err := s.Answer("names", func(question []byte) []byte { return append(question, '!') })
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	err = s.Ask(t.Context(), "names", []byte("who"), func(answer []byte) bool {
		got = answer
		return true
	})
	if err != nil || string(got) != "who!" {
		t.Errorf("asked who, heard %q, %v", got, err)
	}
	stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err = s.Ask(ctx, "names", nil, func(answer []byte) bool {
		t.Errorf("after stop, heard %q", answer)
		return false
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("asked and nobody answered: %v, want the context's error", err)
	}
}

// TestAskAgain has the first answers say that they are not enough, as when a node is
// not ready yet.
func TestAskAgain(t *testing.T) {
	s := open(t, "")
	asked := 0
	stop, err := s.Answer("count", func([]byte) []byte {
		asked++
		return []byte{byte(asked)}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	err = s.Ask(t.Context(), "count", nil, func(answer []byte) bool { return answer[0] == 3 })
	if err != nil {
		t.Errorf("asked until the third answer: %v", err)
	}
}
