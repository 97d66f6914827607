// Package store keeps rooms, logging configurations, secrets and the marks of used
// tokens, and carries room events between nodes. It is the only package that knows
// NATS: key-value buckets hold what is kept, core subjects carry what is not. The
// server runs inside this process and opens no port, yet everything but starting,
// watching and repairing it goes through the client library, so that a server
// elsewhere, or a cluster of them, can take its place.
//
// What the store says is saved has reached the disk, and the logging configurations
// that a room names exist. What the settings of a room or a configuration mean, who
// may change them, and what is in an event or a secret is left to others.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-chat/parley"
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

// Config says where a Store keeps things.
type Config struct {
	// Dir is the folder for the store's files, made when it is missing. No other
	// process may use it at the same time. Empty, the default, keeps everything in
	// memory and leaves nothing on disk.
	Dir string
}

// Store keeps what outlives a request. Its methods may be called from any
// goroutine; Open makes one and Close ends it.
type Store struct {
	log     *slog.Logger
	engine  *engine
	conn    *nats.Conn // for everything but receiving events, which has its own
	js      jetstream.JetStream
	secrets jetstream.KeyValue
	bus     *bus
	health  *health
	marks   atomic.Pointer[marks] // nil while the engine is being repaired

	rooms          *collection[parley.Room]
	configurations *collection[parley.LoggingConfiguration]
	references     *references // of rooms to configurations

	stop    context.CancelFunc // ends what running waits for
	running sync.WaitGroup
	once    sync.Once // Close
}

// Open starts the engine and returns when all resources are loaded. ctx bounds the
// start alone. When it returns an error nothing is left running, and the error
// says in one sentence what is wrong with the folder or with what is in it.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (_ *Store, err error) {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &Store{log: log, health: newHealth(), stop: stop}
	s.rooms, s.configurations = newRooms(s), newConfigurations(s)
	s.references = newReferences(s.rooms, s.configurations)
	s.rooms.saving = s.references.saveRoom
	s.configurations.deleting = s.references.deleteConfiguration
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	if s.engine, err = startEngine(cfg.Dir, log); err != nil {
		return nil, err
	}
	if err := s.connect(); err != nil {
		return nil, fmt.Errorf("connect to the engine: %w", err)
	}
	if err := s.openBuckets(ctx); err != nil {
		return nil, fmt.Errorf("open buckets: %w", err)
	}
	if err := s.configurations.start(ctx, run, &s.running); err != nil {
		return nil, err
	}
	if err := s.rooms.start(ctx, run, &s.running); err != nil {
		return nil, err
	}
	if cfg.Dir != "" {
		s.running.Go(func() { s.repairWhenBroken(run) })
	}
	return s, nil
}

func (s *Store) connect() error {
	var err error
	if s.conn, err = s.engine.connect("parley", s.asyncError); err != nil {
		return err
	}
	if s.js, err = jetstream.New(s.conn); err != nil {
		return err
	}
	s.bus, err = openBus(s.engine, s.log)
	return err
}

// asyncError hears of what goes wrong outside of any call, which the client
// library mends by itself: a watch of a bucket that stopped, for the most part.
func (s *Store) asyncError(_ *nats.Conn, _ *nats.Subscription, err error) {
	s.log.Warn("the store has trouble with its engine", "err", err)
}

func (s *Store) openBuckets(ctx context.Context) error {
	storage := s.engine.storage()
	if err := s.rooms.open(ctx, s.js, storage); err != nil {
		return err
	}
	if err := s.configurations.open(ctx, s.js, storage); err != nil {
		return err
	}
	var err error
	s.secrets, err = s.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: secretsBucket, Storage: storage,
	})
	if err != nil {
		return fmt.Errorf("bucket %s: %w", secretsBucket, err)
	}
	return s.openMarks(ctx)
}

// Close ends the store. Calls in progress fail with code Unavailable. It may be
// called twice, and returns when no goroutine, file or connection of the store
// is left.
func (s *Store) Close() error {
	s.once.Do(func() {
		s.stop()
		s.running.Wait()
		if s.bus != nil {
			s.bus.close()
		}
		if s.conn != nil {
			s.conn.Close()
		}
		if s.engine != nil {
			s.engine.stop()
		}
	})
	return nil
}

// Check returns nil when the engine answers: events travel, and tokens can be
// redeemed. A full disk is no reason to say otherwise: then only changes of
// resources are refused, and logged.
func (s *Store) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if err := s.bus.check(ctx); err != nil {
		return fmt.Errorf("check the bus: %w", err)
	}
	if _, err := s.js.AccountInfo(ctx); err != nil {
		return fmt.Errorf("check the buckets: %w", err)
	}
	return nil
}

// write runs do, which saves something and returns when it is on disk. Errors
// that say what is stored already are returned as they are. All others have code
// Unavailable, and do not tell whether it was saved or not.
func (s *Store) write(ctx context.Context, do func(ctx context.Context) error) error {
	broken, fault := s.health.state()
	if fault != nil {
		return unavailable(fault)
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
	case err == nil, exists(err), changed(err):
		return err
	}
	s.engine.log.ask()
	return unavailable(err)
}

// exists reports whether a write failed because the key is there already.
func exists(err error) bool { return errors.Is(err, jetstream.ErrKeyExists) }

// changed reports whether a write failed because the key has another revision.
func changed(err error) bool { return errors.Is(err, jetstream.ErrKeyRevisionMismatch) }

func unavailable(cause error) error {
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
