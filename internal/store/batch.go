package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-chat/parley"
)

// MaxBatchRooms is how many rooms CreateRooms takes. The engine's own limit is 1,000
// entries.
const MaxBatchRooms = 500

// The headers of an entry in a batch. Source: NATS, ADR 50.
const (
	batchID     = "Nats-Batch-Id"
	batchNumber = "Nats-Batch-Sequence" // from 1
	batchCommit = "Nats-Batch-Commit"   // of the last entry
)

// ErrNoBatch says that a batch was not saved, or may not have been, and that its rooms
// should be saved one by one.
var ErrNoBatch = errors.New("the engine did not save a batch")

// AllowBatches has the engine take batches of rooms. Without, it waits for the disk with
// each of them. Servers elsewhere may be too old.
func (s *Store) AllowBatches(ctx context.Context) error {
	stream, err := s.js.Stream(ctx, "KV_"+s.rooms.kv.Bucket())
	if err != nil {
		return err
	}
	cfg := stream.CachedInfo().Config
	cfg.AllowAtomicPublish = true
	_, err = s.js.UpdateStream(ctx, cfg)
	return err
}

// CreateRooms saves new rooms of one world, all or none. What CreateRoom checks holds
// for them, quotas excepted. The error is ErrNoBatch when it may help to save them one
// by one.
func (s *Store) CreateRooms(ctx context.Context, rooms []parley.Room) error {
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	var named []parley.ARN
	for _, room := range rooms {
		named = append(named, without(room.LoggingConfigurations, named)...)
	}
	save := func() (uint64, error) {
		var first uint64
		err := s.write(ctx, func(ctx context.Context) (err error) {
			first, err = s.rooms.commit(ctx, rooms)
			return err
		})
		return first, err
	}
	if s.Shared() {
		a := &announcements{rooms: s.rooms, configurations: s.configurations, log: s.log}
		return a.saveRooms(ctx, rooms, named, save)
	}
	return s.references.saveRooms(ctx, rooms, named, save)
}

// saveRooms is saveRoom for several new rooms of one world.
func (r *references) saveRooms(ctx context.Context, rooms []parley.Room, named []parley.ARN,
	save func() (uint64, error)) error {
	r.gate.RLock()
	defer r.gate.RUnlock()
	if err := r.settle(ctx); err != nil {
		return err
	}
	for _, arn := range named {
		if r.configurations.copy.get(arn) == nil {
			return ErrNoBatch // one of the rooms has a better error
		}
	}
	_, err := save()
	for _, room := range rooms {
		_ = r.noted(room.ARN, err)
	}
	if err != nil {
		return ErrNoBatch
	}
	return nil
}

// saveRooms is saveRoom for several new rooms of one world.
func (a *announcements) saveRooms(ctx context.Context, rooms []parley.Room, named []parley.ARN,
	save func() (first uint64, err error)) error {
	if _, err := a.missing(ctx, rooms[0], named); err != nil {
		return ErrNoBatch // one of the rooms has a better error
	}
	first, err := save()
	if err != nil {
		return ErrNoBatch // when they were saved after all, mend looks at them
	}
	missing, err := a.missing(ctx, rooms[0], named)
	if err == nil {
		return nil
	}
	if len(missing) == 0 {
		missing = named // nobody can say
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	for i, room := range rooms {
		if len(without(room.LoggingConfigurations, missing)) == len(room.LoggingConfigurations) {
			continue
		}
		if err := a.undo(ctx, nil, room, first+uint64(i), missing); err != nil {
			return err
		}
	}
	return err
}

// commit saves new resources, all or none, with one wait for the disk, and takes them
// into the copy. Their revisions follow each other.
func (c *collection[T]) commit(ctx context.Context, resources []T) (first uint64, err error) {
	id := rand.Text()
	for i, resource := range resources {
		arn := c.place(resource).ARN
		key, err := resourceKey(c.arnKind, arn)
		if err != nil {
			return 0, err
		}
		asStored, value, err := c.prepare(arn, resource)
		if err != nil {
			return 0, err
		}
		resources[i] = asStored
		msg := nats.NewMsg(c.leader.Subject(key))
		msg.Data = value
		msg.Header.Set(batchID, id)
		msg.Header.Set(batchNumber, strconv.Itoa(i+1))
		msg.Header.Set(jetstream.ExpectedLastSubjSeqHeader, "0")
		if i < len(resources)-1 {
			err = c.leader.Conn.PublishMsg(msg)
		} else {
			msg.Header.Set(batchCommit, "1")
			first, err = c.committed(ctx, msg, len(resources))
		}
		if err != nil {
			return 0, err
		}
	}
	for i, resource := range resources {
		c.keep(resource, first+uint64(i))
	}
	return first, nil
}

// committed sends the last entry of a batch, and returns the revision of the first.
func (c *collection[T]) committed(ctx context.Context, last *nats.Msg, n int) (uint64, error) {
	msg, err := c.leader.Conn.RequestMsgWithContext(ctx, last)
	if err != nil {
		return 0, err
	}
	var answer struct {
		Error *jetstream.APIError `json:"error"`
		Seq   uint64              `json:"seq"` // of the last
		Count int                 `json:"count"`
	}
	switch err := json.Unmarshal(msg.Data, &answer); {
	case err != nil:
		return 0, err
	case answer.Error != nil:
		return 0, answer.Error
	case answer.Count != n || answer.Seq < uint64(n):
		return 0, fmt.Errorf("the engine saved %d of %d entries up to %d", answer.Count, n, answer.Seq)
	}
	return answer.Seq - uint64(n) + 1, nil
}
