package store

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-chat/parley"
)

const (
	// markBuckets spreads the marks over the nodes of a cluster, so that the loss
	// of one node stops a share of all redemptions only.
	markBuckets = 32

	// markLife is how long a used token stays marked. Nobody opens it any more
	// when the mark goes, even where a clock is a minute behind.
	markLife = parley.TokenLife + time.Minute

	redeemTimeout = 10 * time.Second // in all
	redeemAttempt = 2 * time.Second  // of one attempt
	redeemPause   = 100 * time.Millisecond
)

// errRefused is the answer for every token that does not open a session. It does
// not say why, so that an outsider learns nothing from trying.
var errRefused = parley.Errorf(parley.Unauthenticated, "The chat token is invalid or has expired")

// errMarksLost says that the marks were lost while one was made.
var errMarksLost = errors.New("the marks of used tokens were lost")

// marks are the buckets in which used tokens are marked. They are in memory: when
// they are lost, the new ones refuse every token that the old ones may have held.
type marks [markBuckets]markBucket

type markBucket struct {
	kv    jetstream.KeyValue
	since time.Time // tokens used from then on are marked
}

// openMarks makes the buckets of used tokens where they are missing.
func (s *Store) openMarks(ctx context.Context) error {
	var opened marks
	for i := range opened {
		var err error
		if opened[i], err = s.openMarkBucket(ctx, fmt.Sprintf("redeemed-%02d", i)); err != nil {
			return fmt.Errorf("bucket of used tokens %d: %w", i, err)
		}
	}
	s.marks.Store(&opened)
	return nil
}

func (s *Store) openMarkBucket(ctx context.Context, name string) (markBucket, error) {
	kv, err := s.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: name, Storage: jetstream.MemoryStorage, TTL: markLife,
	})
	if err != nil {
		return markBucket{}, err
	}
	status, err := kv.Status(ctx)
	if err != nil {
		return markBucket{}, err
	}
	created := status.(*jetstream.KeyValueBucketStatus).StreamInfo().Created
	// Sealed tokens carry microseconds.
	return markBucket{kv: kv, since: created.Truncate(time.Microsecond)}, nil
}

// Redeem marks a token as used by a connection, whose name no other connection
// ever has. It returns nil for one connection only, however often it is called:
// all others, and tokens that have expired or may have been used before the marks
// began, get an error with code Unauthenticated. When the engine does not answer
// it tries again until ctx ends, for 10 seconds at most; then the error has code
// Unavailable, and the token may count as used.
func (s *Store) Redeem(ctx context.Context, token parley.Token, connection string) error {
	if connection == "" {
		return errors.New("redeem a token: the connection has no name")
	}
	ctx, cancel := context.WithTimeout(ctx, redeemTimeout)
	defer cancel()
	for {
		err := s.redeemOnce(ctx, s.marks.Load(), token, connection)
		if err == nil || errors.Is(err, errRefused) {
			return err
		}
		if errors.Is(err, nats.ErrConnectionClosed) || !pause(ctx, redeemPause) {
			return unavailable(fmt.Errorf("redeem a token: %w", err))
		}
	}
}

func (s *Store) redeemOnce(ctx context.Context, marks *marks, token parley.Token,
	connection string) error {
	if marks == nil {
		return errMarksLost
	}
	bucket := marks[crc32.ChecksumIEEE(token.ID[:])%markBuckets]
	if token.IssuedAt.Before(bucket.since) || !time.Now().Before(token.ExpiresAt) {
		return errRefused
	}
	if err := bucket.mark(ctx, token.ID.String(), connection); err != nil {
		return err
	}
	if s.marks.Load() != marks {
		// The mark may be in a new bucket, which does not know what the old one did.
		return errMarksLost
	}
	return nil
}

// mark makes the mark of a token, or finds that the same connection made it.
func (b markBucket) mark(ctx context.Context, token, connection string) error {
	ctx, cancel := context.WithTimeout(ctx, redeemAttempt)
	defer cancel()
	_, err := b.kv.Create(ctx, token, []byte(connection))
	if !exists(err) {
		return err
	}
	mark, err := b.kv.Get(ctx, token)
	if err == nil && string(mark.Value()) != connection {
		return errRefused
	}
	return err
}
