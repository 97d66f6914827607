package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Secret returns the value stored under a name of letters, digits and hyphens. If
// there is none, the one that create returns is stored; when several callers or
// nodes do this at once, all get the value of the first. The value is stored as it
// is: it should be encrypted already.
func (s *Store) Secret(ctx context.Context, name string,
	create func() ([]byte, error)) ([]byte, error) {
	if !plain(name) {
		return nil, fmt.Errorf("secret %q: not a name", name)
	}
	value, err := s.secret(ctx, name)
	if !errors.Is(err, jetstream.ErrKeyNotFound) {
		return value, err
	}
	if value, err = create(); err != nil {
		return nil, fmt.Errorf("create secret %s: %w", name, err)
	}
	err = s.write(ctx, func(ctx context.Context) error {
		_, err := s.secrets.Create(ctx, name, value)
		return err
	})
	if exists(err) {
		return s.secret(ctx, name)
	}
	if err != nil {
		return nil, fmt.Errorf("save secret %s: %w", name, err)
	}
	return value, nil
}

func (s *Store) secret(ctx context.Context, name string) ([]byte, error) {
	entry, err := s.secrets.Get(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("read secret %s: %w", name, err)
	}
	return entry.Value(), nil
}
