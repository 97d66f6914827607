package store_test

import (
	"context"
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

func testTokenIsUsedOnce(t *testing.T, s *store.Store) {
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
}

func testRedemptionRaceHasOneWinner(t *testing.T, s *store.Store) {
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
