package store

import (
	"context"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store/record"
)

func newConfigurations(s *Store) *collection[parley.LoggingConfiguration] {
	return newCollection(kind[parley.LoggingConfiguration]{
		arnKind: parley.KindLoggingConfiguration, bucket: configurationsBucket,
		encode: record.EncodeConfiguration, decode: record.DecodeConfiguration,
		place: func(l parley.LoggingConfiguration) parley.Cursor {
			return parley.Cursor{UpdateTime: l.UpdateTime, ARN: l.ARN}
		},
		names: func(parley.LoggingConfiguration) []parley.ARN { return nil },
	}, s)
}

// CreateLoggingConfiguration saves a new configuration. The error has code
// QuotaExceeded when its world has limit of them already, where 0 is no limit, and
// Conflict when it exists. Here and below, what the same call for rooms says of other
// nodes holds.
func (s *Store) CreateLoggingConfiguration(ctx context.Context, l parley.LoggingConfiguration,
	limit int) error {
	return s.configurations.create(ctx, l, limit)
}

// LoggingConfiguration returns a configuration as this node knows it, at once. The
// error has code NotFound when this node knows of none.
func (s *Store) LoggingConfiguration(arn parley.ARN) (parley.LoggingConfiguration, error) {
	return s.configurations.get(arn)
}

// CurrentLoggingConfiguration is CurrentRoom for configurations.
func (s *Store) CurrentLoggingConfiguration(ctx context.Context, arn parley.ARN) (
	parley.LoggingConfiguration, error) {
	return s.configurations.current(ctx, arn)
}

// UpdateLoggingConfiguration replaces a configuration by what change makes of it,
// and returns that. The error has code NotFound when there is none. For change, the
// rules of UpdateRoom hold.
func (s *Store) UpdateLoggingConfiguration(ctx context.Context, arn parley.ARN,
	change func(parley.LoggingConfiguration) (parley.LoggingConfiguration, error),
) (parley.LoggingConfiguration, error) {
	return s.configurations.update(ctx, arn, change)
}

// DeleteLoggingConfiguration removes a configuration. The error has code NotFound
// when there is none, and Conflict while a room names it; the message says which
// room, or one of them. Where several nodes write, the configuration has the state
// DELETING meanwhile, and when the outcome is unknown for half a minute at most; then
// it is gone, or active again since a room names it.
func (s *Store) DeleteLoggingConfiguration(ctx context.Context, arn parley.ARN) error {
	return s.configurations.delete(ctx, arn)
}

// ListLoggingConfigurations returns the first limit configurations of w after a
// place, by descending UpdateTime, and whether there are more of them.
func (s *Store) ListLoggingConfigurations(ctx context.Context, w parley.World,
	after parley.Cursor, limit int) (list []parley.LoggingConfiguration, more bool) {
	return s.configurations.list(ctx, w, after, limit,
		func(parley.LoggingConfiguration) bool { return true })
}

// CountLoggingConfigurations returns how many configurations of w this node knows.
func (s *Store) CountLoggingConfigurations(w parley.World) int {
	return s.configurations.copy.count(w)
}
