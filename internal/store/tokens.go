package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
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

	// maxClockLag is how far a node's clock may be behind those of others.
	maxClockLag = 10 * time.Second

	redeemTimeout = 10 * time.Second // in all
	redeemAttempt = 2 * time.Second  // of one attempt
	redeemPause   = 100 * time.Millisecond
)

// errRefused is the answer for every token that does not open a session. It does
// not say why, so that an outsider learns nothing from trying.
var errRefused = parley.Errorf(parley.Unauthenticated, "The chat token is invalid or has expired")

// errMarksLost says that the marks were lost while one was made.
var errMarksLost = errors.New("the marks of used tokens were lost")

// errMarkUnderWay says that a mark is being made, and nobody can tell yet whose.
var errMarkUnderWay = errors.New("the mark of the token is not saved yet")

// marks are the buckets in which used tokens are marked. When they are lost, which
// those in memory are at every start, the new ones refuse every token that the old
// ones may have held.
type marks [markBuckets]markBucket

type markBucket struct {
	kv     jetstream.KeyValue
	leader leader
	// since is when the bucket was made: tokens used from then on are marked. It stays
	// the same for as long as any node holds the marks. In a cluster it is maxClockLag
	// earlier: the node that mints a token may have another clock than the one that made
	// the bucket.
	since time.Time
}

// openMarks makes the buckets of used tokens where they are missing.
func (s *Store) openMarks(ctx context.Context) error {
	var opened marks
	var errs [markBuckets]error
	var opening sync.WaitGroup
	for i := range opened {
		opening.Go(func() { opened[i], errs[i] = s.openMarkBucket(ctx, markBucketName(i)) })
	}
	opening.Wait()
	if err := cmp.Or(errs[:]...); err != nil {
		return err
	}
	s.marks.Store(&opened)
	return nil
}

func markBucketName(i int) string { return fmt.Sprintf("redeemed-%02d", i) }

// markBucketNames returns the names of all buckets of marks.
func markBucketNames() []string {
	names := make([]string, markBuckets)
	for i := range names {
		names[i] = markBucketName(i)
	}
	return names
}

func (s *Store) openMarkBucket(ctx context.Context, name string) (markBucket, error) {
	// Alone, the marks are in memory: a loss of them refuses a few tokens. Replicas in
	// memory could lose them unnoticed, when nodes restart one after the other.
	storage := jetstream.MemoryStorage
	if s.engine.Shared() {
		storage = s.engine.Storage()
	}
	kv, err := s.bucket(ctx, jetstream.KeyValueConfig{Bucket: name, Storage: storage, TTL: markLife})
	if err != nil {
		return markBucket{}, err
	}
	status, err := kv.Status(ctx)
	if err != nil {
		return markBucket{}, err
	}
	created := status.(*jetstream.KeyValueBucketStatus).StreamInfo().Created
	if s.engine.Shared() {
		created = created.Add(-maxClockLag)
	}
	// Sealed tokens carry microseconds.
	return markBucket{kv: kv, leader: leader{s.conn, kv.Bucket()},
		since: created.Truncate(time.Microsecond)}, nil
}

// Redeem marks a token as used by a connection, whose name no other connection
// ever has. It returns nil for one connection only, however often it is called:
// all others, and tokens that have expired or may have been used before the marks
// began, get an error with code Unauthenticated.
//
// When the engine does not answer, or the token's marks have lost their leader, it
// tries again until ctx ends, for 10 seconds at most; then the error has code
// Unavailable, and the token may count as used. A leader that dies is followed by
// another after 4 to 9 seconds, so a client that waits as long comes in. The marks are
// spread over 32 leaders: one node's death holds up its share of all tokens.
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
	bucket := marks[markBucketOf(token.ID)]
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
	mark, err := b.leader.last(ctx, token)
	switch {
	case err != nil:
		return err
	case mark.revision == 0 || mark.deleted:
		return errMarkUnderWay
	case string(mark.value) != connection:
		return errRefused
	}
	return nil
}
