// Package bucket makes the key-value buckets in which the store keeps things, asks their
// leaders what is in them, and says what the errors of writes mean. What is kept is left
// to others.
package bucket

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-chat/parley/internal/store/engine"
)

const (
	// openTimeout bounds one attempt to make a bucket, of which there are several when
	// the other nodes are not there yet.
	openTimeout = 2 * time.Second

	// openAloneTimeout bounds the only attempt that there is where no other node is: a
	// machine or a disk that is busy may take its time.
	openAloneTimeout = 30 * time.Second
)

// Open returns a bucket, which it makes if it is missing, as many times as the engine
// keeps things and under the name that the engine has for it.
func Open(ctx context.Context, js jetstream.JetStream, e *engine.Engine,
	cfg jetstream.KeyValueConfig) (jetstream.KeyValue, error) {
	name := cfg.Bucket
	cfg.Bucket, cfg.Replicas = e.Bucket(name), e.Replicas()
	// Several nodes that start at once would all make it, and some get no answer.
	if kv := asWanted(ctx, js, cfg); kv != nil {
		return kv, nil
	}
	timeout := openAloneTimeout
	if e.Shared() {
		timeout = openTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	kv, err := js.CreateOrUpdateKeyValue(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", name, err)
	}
	return kv, nil
}

// asWanted returns a bucket that is there and as it should be, or nil.
func asWanted(ctx context.Context, js jetstream.JetStream, want jetstream.KeyValueConfig,
) jetstream.KeyValue {
	kv, err := js.KeyValue(ctx, want.Bucket)
	if err != nil {
		return nil
	}
	status, err := kv.Status(ctx)
	if err != nil {
		return nil
	}
	have := status.Config()
	if have.Storage != want.Storage || have.Replicas != want.Replicas || have.TTL != want.TTL ||
		have.LimitMarkerTTL != want.LimitMarkerTTL {
		return nil
	}
	return kv
}

// errWriteUnderWay is the engine's code for a write to a key that another write, which
// is not saved yet, is about to change.
const errWriteUnderWay jetstream.ErrorCode = 10164

// Exists reports whether a write failed because the key is there already. The client
// library has two errors for it.
func Exists(err error) bool {
	e := (*jetstream.APIError)(nil)
	return errors.Is(err, jetstream.ErrKeyExists) ||
		errors.As(err, &e) && e.ErrorCode == errWriteUnderWay && !Changed(err)
}

// Changed reports whether a write failed because the key has another revision.
func Changed(err error) bool { return errors.Is(err, jetstream.ErrKeyRevisionMismatch) }
