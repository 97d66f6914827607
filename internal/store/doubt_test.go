package store

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-chat/parley"
)

var errNoAnswer = errors.New("no answer")

// mute is a bucket that takes writes and does not answer them.
type mute struct{ jetstream.KeyValue }

func (m mute) Create(ctx context.Context, key string, value []byte,
	opts ...jetstream.KVCreateOpt) (uint64, error) {
	_, err := m.KeyValue.Create(ctx, key, value, opts...)
	return 0, errors.Join(err, errNoAnswer)
}

func (m mute) Update(ctx context.Context, key string, value []byte, last uint64) (uint64, error) {
	_, err := m.KeyValue.Update(ctx, key, value, last)
	return 0, errors.Join(err, errNoAnswer)
}

func (m mute) Purge(ctx context.Context, key string, opts ...jetstream.KVDeleteOpt) error {
	return errors.Join(m.KeyValue.Purge(ctx, key, opts...), errNoAnswer)
}

// lossy is a bucket that loses writes.
type lossy struct{ jetstream.KeyValue }

func (lossy) Create(context.Context, string, []byte, ...jetstream.KVCreateOpt) (uint64, error) {
	return 0, errNoAnswer
}

func (lossy) Update(context.Context, string, []byte, uint64) (uint64, error) {
	return 0, errNoAnswer
}

func (lossy) Purge(context.Context, string, ...jetstream.KVDeleteOpt) error { return errNoAnswer }

// slow is a bucket whose writes are still on their way when the caller gives up.
type slow struct {
	jetstream.KeyValue
	conn *nats.Conn
}

func (s slow) Create(_ context.Context, key string, value []byte,
	_ ...jetstream.KVCreateOpt) (uint64, error) {
	const ahead = 5_000
	for range ahead {
		if err := s.conn.Publish("$KV."+s.Bucket()+".filler", value); err != nil {
			return 0, err
		}
	}
	return 0, errors.Join(s.conn.Publish("$KV."+s.Bucket()+"."+key, value), errNoAnswer)
}

// openBlind opens a store that sees nothing but what its own calls tell it.
func openBlind(t *testing.T) *Store {
	t.Helper()
	s, _ := openInMemory(t)
	s.stop()
	s.running.Wait()
	return s
}

// during replaces a bucket while do runs, which must fail without an outcome.
func during(t *testing.T, kv *jetstream.KeyValue, other jetstream.KeyValue, do func() error) {
	t.Helper()
	was := *kv
	*kv = other
	defer func() { *kv = was }()
	if err := do(); parley.CodeOf(err) != parley.Unavailable || !errors.Is(err, errNoAnswer) {
		t.Fatalf("a write without an answer returns %v, want code %v", err, parley.Unavailable)
	}
}

func attach(t *testing.T, s *Store, room, l parley.ARN) error {
	t.Helper()
	_, err := s.UpdateRoom(t.Context(), room, func(r parley.Room) (parley.Room, error) {
		return r.With(naming(l), time.Now()), nil
	})
	return err
}

func wantDoubts(t *testing.T, s *Store, want int) {
	t.Helper()
	if got := len(s.references.doubts); got != want {
		t.Errorf("%d writes are in doubt, want %d", got, want)
	}
}

func TestRoomInDoubtKeepsItsConfiguration(t *testing.T) {
	s := openBlind(t)
	l := createConfiguration(t, s)
	created := parley.NewRoom(world, naming(l.ARN), nil, time.Now())
	updated, _ := createRoom(t, s)
	tests := []struct {
		name  string
		other jetstream.KeyValue
		room  parley.ARN
		write func() error
	}{
		{"created", mute{s.rooms.kv}, created.ARN,
			func() error { return s.CreateRoom(t.Context(), created, 0) }},
		{"updated", mute{s.rooms.kv}, updated.ARN,
			func() error { return attach(t, s, updated.ARN, l.ARN) }},
		{"created later", slow{s.rooms.kv, s.conn}, created.ARN,
			func() error { return s.CreateRoom(t.Context(), created, 0) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			during(t, &s.rooms.kv, test.other, test.write)
			wantDoubts(t, s, 1)
			err := s.DeleteLoggingConfiguration(t.Context(), l.ARN)
			if parley.CodeOf(err) != parley.Conflict {
				t.Fatalf("delete a configuration that a room names = %v, want code %v",
					err, parley.Conflict)
			}
			wantDoubts(t, s, 0)
			if err := s.DeleteRoom(t.Context(), test.room); err != nil {
				t.Fatal(err)
			}
		})
	}
	if err := s.DeleteLoggingConfiguration(t.Context(), l.ARN); err != nil {
		t.Errorf("delete a configuration that no room names any more = %v, want nil", err)
	}
}

func TestRoomThatWasNotSavedKeepsNothing(t *testing.T) {
	s := openBlind(t)
	l := createConfiguration(t, s)
	created := parley.NewRoom(world, naming(l.ARN), nil, time.Now())
	updated, _ := createRoom(t, s)
	during(t, &s.rooms.kv, lossy{s.rooms.kv},
		func() error { return s.CreateRoom(t.Context(), created, 0) })
	during(t, &s.rooms.kv, lossy{s.rooms.kv},
		func() error { return attach(t, s, updated.ARN, l.ARN) })
	if err := s.DeleteLoggingConfiguration(t.Context(), l.ARN); err != nil {
		t.Errorf("delete a configuration that no room names = %v, want nil", err)
	}
	wantDoubts(t, s, 0)
	if got, err := s.Room(updated.ARN); err != nil || len(got.LoggingConfigurations) > 0 {
		t.Errorf("Room() = %+v, %v; want it as it was", got, err)
	}
}

func TestConfigurationInDoubtCannotBeNamed(t *testing.T) {
	s := openBlind(t)
	room, _ := createRoom(t, s)
	tests := []struct {
		name  string
		other jetstream.KeyValue
		want  parley.Code
	}{
		{"deleted", mute{s.configurations.kv}, parley.NotFound},
		{"not deleted", lossy{s.configurations.kv}, parley.Internal},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := createConfiguration(t, s)
			during(t, &s.configurations.kv, test.other,
				func() error { return s.DeleteLoggingConfiguration(t.Context(), l.ARN) })
			wantDoubts(t, s, 1)
			err := attach(t, s, room.ARN, l.ARN)
			if parley.CodeOf(err) != test.want || (err == nil) != (test.want == parley.Internal) {
				t.Errorf("UpdateRoom() = %v, want code %v", err, test.want)
			}
			wantDoubts(t, s, 0)
		})
	}
}

// While it is not known what is stored, nothing is written that depends on it.
func TestDoubtThatCannotBeSettledRefuses(t *testing.T) {
	s := openBlind(t)
	l, other := createConfiguration(t, s), createConfiguration(t, s)
	room := parley.NewRoom(world, naming(l.ARN), nil, time.Now())
	during(t, &s.rooms.kv, mute{s.rooms.kv},
		func() error { return s.CreateRoom(t.Context(), room, 0) })
	s.health.failed(errNoAnswer)
	err := s.DeleteLoggingConfiguration(t.Context(), other.ARN)
	if parley.CodeOf(err) != parley.Unavailable {
		t.Errorf("DeleteLoggingConfiguration() = %v, want code %v", err, parley.Unavailable)
	}
	wantDoubts(t, s, 1)
	s.health.recovered()
	if err := s.DeleteLoggingConfiguration(t.Context(), other.ARN); err != nil {
		t.Errorf("DeleteLoggingConfiguration() = %v, want nil", err)
	}
	if _, err := s.Room(room.ARN); err != nil {
		t.Errorf("the room in doubt was saved, but: %v", err)
	}
}
