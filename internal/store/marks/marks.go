// Package marks remembers which tokens are used, so that each opens one session: a mark is
// a key that can be made once, in one of many buckets with different leaders. It also
// makes the ids of tokens, which choose the bucket. What is in a token, and who may have
// one, is left to others.
package marks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store/bucket"
	"github.com/parley-chat/parley/internal/store/engine"
)

const (
	// buckets spreads the marks over the nodes of a cluster, so that the loss
	// of one node stops a share of all redemptions only.
	buckets = 32

	// life is how long a used token stays marked. Nobody opens it any more
	// when the mark goes, even where a clock is a minute behind.
	life = parley.TokenLife + time.Minute

	// maxClockLag is how far a node's clock may be behind those of others.
	maxClockLag = 10 * time.Second

	redeemTimeout = 10 * time.Second // in all
	redeemAttempt = 2 * time.Second  // of one attempt
	redeemPause   = 100 * time.Millisecond
)

// ErrRefused is the answer for every token that does not open a session. It does
// not say why, so that an outsider learns nothing from trying.
var ErrRefused = parley.Errorf(parley.Unauthenticated, "The chat token is invalid or has expired")

// errLost says that the marks were lost while one was made.
var errLost = errors.New("the marks of used tokens were lost")

// errUnderWay says that a mark is being made, and nobody can tell yet whose.
var errUnderWay = errors.New("the mark of the token is not saved yet")

// Marks are the buckets in which used tokens are marked. When they are lost, which
// those in memory are at every start, the new ones refuse every token that the old
// ones may have held. Methods may be called from any goroutine; New makes one.
type Marks struct {
	engine *engine.Engine
	conn   *nats.Conn
	js     jetstream.JetStream
	live   func() []string // the names of the nodes that are alive

	held atomic.Pointer[held] // nil while there are none

	looking sync.Mutex            // held while reach is renewed
	reach   atomic.Pointer[reach] // nil unless nodes of a cluster keep the marks
}

// held are the buckets as they were opened together.
type held [buckets]markBucket

type markBucket struct {
	kv     jetstream.KeyValue
	leader bucket.Leader
	// since is when the bucket was made: tokens used from then on are marked. It stays
	// the same for as long as any node holds the marks. In a cluster it is maxClockLag
	// earlier: the node that mints a token may have another clock than the one that made
	// the bucket.
	since time.Time
}

// New returns marks without buckets, which Open opens. conn and js are of the engine, and
// live returns the names of the nodes that are alive.
func New(e *engine.Engine, conn *nats.Conn, js jetstream.JetStream, live func() []string) *Marks {
	return &Marks{engine: e, conn: conn, js: js, live: live}
}

// Open opens the buckets, and makes them where they are missing.
func (m *Marks) Open(ctx context.Context) error {
	var opened held
	var errs [buckets]error
	var opening sync.WaitGroup
	for i := range opened {
		opening.Go(func() { opened[i], errs[i] = m.open(ctx, bucketName(i)) })
	}
	opening.Wait()
	if err := cmp.Or(errs[:]...); err != nil {
		return err
	}
	m.held.Store(&opened)
	return nil
}

// Lose has no token redeemed until the buckets are opened anew.
func (m *Marks) Lose() { m.held.Store(nil) }

func bucketName(i int) string { return fmt.Sprintf("redeemed-%02d", i) }

// BucketNames returns the names of all buckets.
func BucketNames() []string {
	names := make([]string, buckets)
	for i := range names {
		names[i] = bucketName(i)
	}
	return names
}

func (m *Marks) open(ctx context.Context, name string) (markBucket, error) {
	// Alone, the marks are in memory: a loss of them refuses a few tokens. Replicas in
	// memory could lose them unnoticed, when nodes restart one after the other.
	storage := jetstream.MemoryStorage
	if m.engine.Shared() {
		storage = m.engine.Storage()
	}
	kv, err := bucket.Open(ctx, m.js, m.engine,
		jetstream.KeyValueConfig{Bucket: name, Storage: storage, TTL: life})
	if err != nil {
		return markBucket{}, err
	}
	status, err := kv.Status(ctx)
	if err != nil {
		return markBucket{}, err
	}
	created := status.(*jetstream.KeyValueBucketStatus).StreamInfo().Created
	if m.engine.Shared() {
		created = created.Add(-maxClockLag)
	}
	// Sealed tokens carry microseconds.
	return markBucket{kv: kv, leader: bucket.Leader{Conn: m.conn, Bucket: kv.Bucket()},
		since: created.Truncate(time.Microsecond)}, nil
}

// Redeem marks a token as used by a connection, whose name no other connection
// ever has. It returns nil for one connection only, however often it is called:
// all others, and tokens that have expired, may have been used before the marks began, or
// come from more than 10 seconds ahead, get ErrRefused.
//
// When the engine does not answer, or the token's marks have lost their leader, it
// tries again until ctx ends, for 10 seconds at most; then it returns another error,
// and the token may count as used. A leader that dies is followed by another after 4
// to 9 seconds, so a client that waits as long comes in. The marks are spread over 32
// leaders: one node's death holds up its share of all tokens.
func (m *Marks) Redeem(ctx context.Context, token parley.Token, connection string) error {
	ctx, cancel := context.WithTimeout(ctx, redeemTimeout)
	defer cancel()
	for {
		err := m.redeemOnce(ctx, m.held.Load(), token, connection)
		if err == nil || errors.Is(err, ErrRefused) || errors.Is(err, nats.ErrConnectionClosed) {
			return err
		}
		select {
		case <-time.After(redeemPause):
		case <-ctx.Done():
			return err
		}
	}
}

func (m *Marks) redeemOnce(ctx context.Context, held *held, token parley.Token,
	connection string) error {
	if held == nil {
		return errLost
	}
	bucket := held[BucketOf(token.ID)]
	now := time.Now()
	if token.IssuedAt.Before(bucket.since) || !now.Before(token.ExpiresAt) ||
		now.Add(maxClockLag).Before(token.IssuedAt) { // its mark would go before it expires
		return ErrRefused
	}
	if err := bucket.mark(ctx, token.ID.String(), connection); err != nil {
		return err
	}
	if m.held.Load() != held {
		// The mark may be in a new bucket, which does not know what the old one did.
		return errLost
	}
	return nil
}

// mark makes the mark of a token, or finds that the same connection made it.
func (b markBucket) mark(ctx context.Context, token, connection string) error {
	ctx, cancel := context.WithTimeout(ctx, redeemAttempt)
	defer cancel()
	_, err := b.kv.Create(ctx, token, []byte(connection))
	if !bucket.Exists(err) {
		return err
	}
	mark, err := b.leader.Last(ctx, token)
	switch {
	case err != nil:
		return err
	case mark.Revision == 0 || mark.Deleted:
		return errUnderWay
	case string(mark.Value) != connection:
		return ErrRefused
	}
	return nil
}
