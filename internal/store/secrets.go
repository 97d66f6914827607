package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store/bucket"
)

// Secret is a value that nobody should read, as it is stored: it should be encrypted
// already.
type Secret struct {
	Value    []byte
	Revision uint64    // of the bucket; a later value has a greater one
	Saved    time.Time // by the clock of the engine
}

// errNoSecret says that nothing is stored under a name.
var errNoSecret = errors.New("there is no such secret")

// Secret returns the value stored under a name of letters, digits and hyphens, which
// no node has changed when Secret was called. If there is none, the one that create
// returns is stored; when several callers or nodes do this at once, all get the value
// of the first.
func (s *Store) Secret(ctx context.Context, name string,
	create func() ([]byte, error)) (Secret, error) {
	if !plain(name) {
		return Secret{}, fmt.Errorf("secret %q: not a name", name)
	}
	secret, err := s.secret(ctx, name)
	if !errors.Is(err, errNoSecret) {
		return secret, err
	}
	value, err := create()
	if err != nil {
		return Secret{}, fmt.Errorf("create secret %s: %w", name, err)
	}
	err = s.write(ctx, func(ctx context.Context) error {
		_, err := s.secrets.Create(ctx, name, value)
		return err
	})
	if err != nil && !bucket.Exists(err) {
		return Secret{}, fmt.Errorf("save secret %s: %w", name, err)
	}
	return s.settled(ctx, name)
}

// settled reads a secret that is there or about to be: the leader refuses a second value
// as soon as it has taken the first, and shows that when most replicas have it.
func (s *Store) settled(ctx context.Context, name string) (Secret, error) {
	ctx, cancel := context.WithTimeout(ctx, secretTimeout)
	defer cancel()
	for {
		secret, err := s.secret(ctx, name)
		if !errors.Is(err, errNoSecret) || !pause(ctx, secretPause) {
			return secret, err
		}
	}
}

// ReplaceSecret stores another value under a name, over the one with a revision. The
// error has code Conflict when the newest value has another revision.
func (s *Store) ReplaceSecret(ctx context.Context, name string, revision uint64,
	value []byte) (Secret, error) {
	err := s.write(ctx, func(ctx context.Context) error {
		_, err := s.secrets.Update(ctx, name, value, revision)
		return err
	})
	if err != nil && !bucket.Changed(err) {
		return Secret{}, fmt.Errorf("save secret %s: %w", name, err)
	}
	// A write that was tried again may have met itself.
	now, err := s.secret(ctx, name)
	if err == nil && !bytes.Equal(now.Value, value) {
		return Secret{}, &parley.Error{Code: parley.Conflict, Message: "The secret has changed."}
	}
	return now, err
}

const (
	// secretTimeout bounds a read in all. Nodes that share a store may have to wait for
	// another leader.
	secretTimeout = 12 * time.Second
	secretPause   = 250 * time.Millisecond // between two attempts
)

// secret reads a secret from the leader of its bucket.
func (s *Store) secret(ctx context.Context, name string) (Secret, error) {
	ctx, cancel := context.WithTimeout(ctx, secretTimeout)
	defer cancel()
	for {
		entry, err := bucket.Leader{Conn: s.conn, Bucket: s.secrets.Bucket()}.Last(ctx, name)
		switch {
		case err == nil && entry.Revision == 0:
			return Secret{}, errNoSecret
		case err == nil:
			return Secret{entry.Value, entry.Revision, entry.Saved}, nil
		case !s.Shared() || !pause(ctx, secretPause):
			return Secret{}, Unavailable(fmt.Errorf("read secret %s: %w", name, err))
		}
	}
}
