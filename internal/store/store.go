// Package store keeps rooms, logging configurations, secrets and the marks of used
// tokens, and carries room events between nodes. It and the packages below it are the
// only ones that know NATS: key-value buckets hold what is kept, core subjects carry
// what is not. Where NATS is, in this process, in a cluster of such processes or
// elsewhere, is the affair of package engine.
//
// What the store says is saved has reached the disk, and the logging configurations
// that a room names exist. What the settings of a room or a configuration mean, who
// may change them, and what is in an event or a secret is left to others.
package store

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store/bucket"
	"github.com/parley-chat/parley/internal/store/bus"
	"github.com/parley-chat/parley/internal/store/engine"
	"github.com/parley-chat/parley/internal/store/marks"
)

// The buckets, besides those of used tokens. Their names are part of what is on
// disk.
const (
	roomsBucket          = "rooms"
	configurationsBucket = "logging-configurations"
	secretsBucket        = "secrets"
)

// writeTimeout bounds one write. It leaves a disk that stalls time to come back.
const writeTimeout = 5 * time.Second

const checkTimeout = 2 * time.Second

// electionTime is how long the buckets may be without a leader in the course of things,
// which is 4 to 9 seconds, and some for a busy machine.
const electionTime = 15 * time.Second

// Config says where a Store keeps things, and whether it shares them with other nodes.
type Config = engine.Config

// Store keeps what outlives a request. Its methods may be called from any
// goroutine; Open makes one and Close ends it.
type Store struct {
	log     *slog.Logger
	engine  *engine.Engine
	conn    *nats.Conn // for everything but receiving events, which has its own
	js      jetstream.JetStream
	secrets jetstream.KeyValue
	bus     *bus.Bus
	health  *health
	marks   *marks.Marks // lost while the engine is being repaired
	// answered is when Check last had an answer, in nanoseconds since 1970.
	answered atomic.Int64

	rooms          *collection[parley.Room]
	configurations *collection[parley.LoggingConfiguration]
	references     *references // of rooms to configurations; unless other nodes write, too

	stop    context.CancelFunc // ends what running waits for
	running sync.WaitGroup
	once    sync.Once // Close
}

// Open starts the engine and returns when all resources are loaded; a node of a cluster
// has by then taken in what the others have. ctx bounds the start alone. When it
// returns an error nothing is left running, and the error says in one sentence what is
// wrong with the folder, with what is in it, or with the other nodes.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (_ *Store, err error) {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &Store{log: log, health: newHealth(), stop: stop}
	s.rooms, s.configurations = newRooms(s), newConfigurations(s)
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	if s.engine, err = engine.Start(ctx, cfg, log); err != nil {
		return nil, err
	}
	if err := s.connect(ctx); err != nil {
		return nil, fmt.Errorf("connect to the engine: %w", err)
	}
	if err := s.engine.Await(ctx, "the buckets", s.openBuckets); err != nil {
		return nil, fmt.Errorf("open buckets: %w", err)
	}
	if err := s.engine.Current(ctx); err != nil {
		return nil, err
	}
	s.keepReferences(run)
	if err := s.configurations.start(ctx, run, &s.running); err != nil {
		return nil, err
	}
	if err := s.rooms.start(ctx, run, &s.running); err != nil {
		return nil, err
	}
	if cfg.Dir != "" && !s.engine.Shared() {
		s.running.Go(func() { s.repairWhenBroken(run) })
	}
	s.running.Go(func() { s.engine.Balance(run, marks.BucketNames()) })
	if s.engine.Quorum() > 0 {
		s.running.Go(func() { s.marks.Watch(run) })
	}
	return s, nil
}

// keepReferences keeps rooms from naming logging configurations that do not exist.
func (s *Store) keepReferences(run context.Context) {
	if s.engine.Shared() {
		a := &announcements{rooms: s.rooms, configurations: s.configurations, log: s.log}
		s.rooms.saving, s.configurations.deleting = a.saveRoom, a.deleteConfiguration
		s.running.Go(func() { a.mend(run) })
		return
	}
	s.references = newReferences(s.rooms, s.configurations)
	s.rooms.saving = s.references.saveRoom
	s.configurations.deleting = s.references.deleteConfiguration
}

func (s *Store) connect(ctx context.Context) error {
	var err error
	if s.conn, err = s.engine.Connect("store", nats.ErrorHandler(s.asyncError)); err != nil {
		return err
	}
	if s.js, err = jetstream.New(s.conn); err != nil {
		return err
	}
	s.marks = marks.New(s.engine, s.conn, s.js, s.Live)
	return s.openBus(ctx)
}

// asyncError hears of what goes wrong outside of any call, which the client
// library mends by itself: a watch of a bucket that stopped, for the most part.
func (s *Store) asyncError(_ *nats.Conn, _ *nats.Subscription, err error) {
	s.log.Warn("the store has trouble with its engine", "err", err)
}

// openBuckets makes the buckets where they are missing.
func (s *Store) openBuckets(ctx context.Context) error {
	if err := s.rooms.open(ctx, s); err != nil {
		return err
	}
	if err := s.configurations.open(ctx, s); err != nil {
		return err
	}
	var err error
	s.secrets, err = bucket.Open(ctx, s.js, s.engine, jetstream.KeyValueConfig{
		Bucket: secretsBucket, Storage: s.engine.Storage(),
	})
	if err != nil {
		return err
	}
	return s.marks.Open(ctx)
}

// Close ends the store. Calls in progress fail with code Unavailable. It may be
// called twice, and returns when no goroutine, file or connection of the store
// is left.
func (s *Store) Close() error {
	s.once.Do(func() {
		s.stop()
		s.running.Wait()
		if s.bus != nil {
			s.bus.Close()
		}
		if s.conn != nil {
			s.conn.Close()
		}
		if s.engine != nil {
			s.engine.Stop()
		}
	})
	return nil
}

// Check returns nil when the engine answers: events travel, and tokens can be
// redeemed. Alone, a full disk is no reason to say otherwise: then only changes of
// resources are refused, and logged. In a cluster the other nodes can do more.
func (s *Store) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if err := s.bus.Check(ctx); err != nil {
		return fmt.Errorf("check the bus: %w", err)
	}
	if s.engine.Shared() {
		if err := s.engine.Fault(); err != nil {
			return err
		}
	}
	_, err := s.js.AccountInfo(ctx)
	switch {
	case err == nil:
		s.answered.Store(time.Now().UnixNano())
	case !s.electing():
		return fmt.Errorf("check the buckets: %w", err)
	}
	return nil
}

// electing reports whether the buckets, which do not answer, may have lost their leader
// and get another soon. All nodes see that at once, and if none were ready for it, none
// would be there for clients.
func (s *Store) electing() bool {
	answered := time.Unix(0, s.answered.Load())
	return s.engine.Shared() && time.Since(answered) < electionTime
}

// write runs do, which saves something and returns when it is on disk. Errors
// that say what is stored already are returned as they are. All others have code
// Unavailable, and do not tell whether it was saved or not.
func (s *Store) write(ctx context.Context, do func(ctx context.Context) error) error {
	broken, fault := s.health.state()
	if fault != nil {
		return Unavailable(fault)
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- do(ctx) }()
	var err error
	select {
	case err = <-done:
	case <-broken: // the engine will not answer any more
		cancel()
		if err = <-done; err != nil {
			err = fmt.Errorf("the engine broke down meanwhile: %w", err)
		}
	}
	switch {
	case err == nil, bucket.Exists(err), bucket.Changed(err):
		return err
	}
	s.engine.Ask()
	return Unavailable(err)
}

// Unavailable returns the answer to a caller who should try again later, with its cause.
func Unavailable(cause error) error {
	return &parley.Error{
		Code:    parley.Unavailable,
		Message: "The service cannot answer this right now. Try again later.",
		Err:     cause,
	}
}

// pause waits for d, or less when ctx ends. It reports whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
