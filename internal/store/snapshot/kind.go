package snapshot

import (
	"bytes"
	"context"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/record"
)

// kind is how the resources of one kind are read and saved.
type kind[T any] struct {
	known   func(parley.ARN) (T, error) // as this node knows it
	current func(context.Context, parley.ARN) (T, error)
	create  func(ctx context.Context, resource T, limit int) error
	update  func(ctx context.Context, arn parley.ARN, change func(T) (T, error)) (T, error)
	encode  func(T) ([]byte, error)
}

func roomsOf(s *store.Store) kind[parley.Room] {
	return kind[parley.Room]{s.Room, s.CurrentRoom, s.CreateRoom, s.UpdateRoom, record.EncodeRoom}
}

func configurationsOf(s *store.Store) kind[parley.LoggingConfiguration] {
	return kind[parley.LoggingConfiguration]{s.LoggingConfiguration, s.CurrentLoggingConfiguration,
		s.CreateLoggingConfiguration, s.UpdateLoggingConfiguration, record.EncodeConfiguration}
}

// has reports whether this node knows of a resource.
func (k kind[T]) has(arn parley.ARN) bool {
	_, err := k.known(arn)
	return err == nil
}

// same reports whether two resources are stored in the same form.
func (k kind[T]) same(a, b T) bool {
	x, errX := k.encode(a)
	y, errY := k.encode(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
