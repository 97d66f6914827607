package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store"
)

func newToken() parley.Token {
	return parley.NewToken(parley.TokenRequest{
		Room: world.NewRoomARN(), UserID: "ana", SessionMinutes: 60,
	}, time.Now())
}

func TestTokenIsUsedOnce(t *testing.T) {
	inBothModes(t, func(t *testing.T, s *store.Store) {
		token := newToken()
		if err := s.Redeem(t.Context(), token, "first"); err != nil {
			t.Fatalf("Redeem() = %v, want nil", err)
		}
		if err := s.Redeem(t.Context(), token, "first"); err != nil {
			t.Errorf("Redeem() by the same connection = %v, want nil", err)
		}
		for range 2 {
			err := s.Redeem(t.Context(), token, "second")
			wantCode(t, "Redeem by another", err, parley.Unauthenticated)
		}
		if err := s.Redeem(t.Context(), newToken(), "second"); err != nil {
			t.Errorf("Redeem() of another token = %v, want nil", err)
		}
		if err := s.Redeem(t.Context(), newToken(), ""); err == nil {
			t.Error("Redeem() without a connection = nil, want an error")
		}
	})
}

func TestRedemptionRaceHasOneWinner(t *testing.T) {
	inBothModes(t, func(t *testing.T, s *store.Store) {
		for range 20 {
			token := newToken()
			winners := 0
			for _, err := range inParallel(50, func(i int) error {
				return s.Redeem(t.Context(), token, fmt.Sprint(i))
			}) {
				if err == nil {
					winners++
					continue
				}
				wantCode(t, "a loser", err, parley.Unauthenticated)
			}
			if winners != 1 {
				t.Errorf("%d of 50 redemptions of one token succeeded, want 1", winners)
			}
		}
	})
}

func TestManyTokens(t *testing.T) {
	s := open(t, "")
	for _, err := range inParallel(500, func(int) error {
		return s.Redeem(t.Context(), newToken(), "a")
	}) {
		if err != nil {
			t.Errorf("Redeem() = %v, want nil", err)
		}
	}
}

func TestTokensFromBeforeTheStartAreRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	used, unused := newToken(), newToken()
	if err := s.Redeem(t.Context(), used, "a"); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	s = open(t, dir)
	for what, err := range map[string]error{
		"a used token":             s.Redeem(t.Context(), used, "b"),
		"a used token by the same": s.Redeem(t.Context(), used, "a"),
		"an unused token":          s.Redeem(t.Context(), unused, "a"),
	} {
		wantCode(t, "Redeem of "+what, err, parley.Unauthenticated)
	}
	if err := s.Redeem(t.Context(), newToken(), "a"); err != nil {
		t.Errorf("Redeem() of a new token = %v, want nil", err)
	}
}

func TestExpiredTokenIsRefused(t *testing.T) {
	s := open(t, "")
	token := newToken()
	token.ExpiresAt = time.Now()
	wantCode(t, "Redeem", s.Redeem(t.Context(), token, "a"), parley.Unauthenticated)
}

func TestRedeemEndsWithItsContext(t *testing.T) {
	s := open(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantCode(t, "Redeem", s.Redeem(ctx, newToken(), "a"), parley.Unavailable)
}

func TestSecret(t *testing.T) {
	want := []byte("made")
	fail := func() ([]byte, error) { return nil, errors.New("no") }
	inBothModes(t, func(t *testing.T, s *store.Store) {
		if value, err := s.Secret(t.Context(), "keys", fail); err == nil {
			t.Errorf("Secret() with a failing create = %q, nil; want its error", value)
		}
		for range 2 {
			got, err := s.Secret(t.Context(), "keys", func() ([]byte, error) { return want, nil })
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("Secret() = %q, %v; want %q", got, err, want)
			}
		}
		if got, err := s.Secret(t.Context(), "keys", fail); err != nil || !bytes.Equal(got, want) {
			t.Errorf("Secret() of a stored one = %q, %v; want %q", got, err, want)
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
		errs := inParallel(len(values), func(i int) (err error) {
			values[i], err = s.Secret(t.Context(), "keys", func() ([]byte, error) {
				return []byte{byte(i)}, nil
			})
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
		if err != nil || !bytes.Equal(got, []byte{0}) {
			t.Errorf("Secret() after %d reopenings = %v, %v; want the first value", i, got, err)
		}
		closeStore(t, s)
	}
}
