package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store/marks"
)

// Redeem marks a token as used by a connection, whose name no other connection
// ever has. It returns nil for one connection only, however often it is called:
// all others, and tokens that have expired, may have been used before the marks began, or
// come from more than 10 seconds ahead, get an error with code Unauthenticated.
//
// When the engine does not answer, or the token's marks have lost their leader, it
// tries again until ctx ends, for 10 seconds at most; then the error has code
// Unavailable, and the token may count as used.
func (s *Store) Redeem(ctx context.Context, token parley.Token, connection string) error {
	if connection == "" {
		return errors.New("redeem a token: the connection has no name")
	}
	err := s.marks.Redeem(ctx, token, connection)
	if err == nil || errors.Is(err, marks.ErrRefused) {
		return err
	}
	return Unavailable(fmt.Errorf("redeem a token: %w", err))
}

// NewTokenID returns a random id for a token. In a cluster it is one whose use can be
// marked at once, as far as this node knows.
func (s *Store) NewTokenID() parley.TokenID { return s.marks.NewTokenID() }
