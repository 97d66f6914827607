// Package snapshot reads all rooms and logging configurations of a store, for backups, and
// saves what backups have. The form of backups is left to package backup.
package snapshot

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/backup"
)

// snapshotTries is how often rooms are read again whose logging configurations were
// deleted while the snapshot was taken.
const snapshotTries = 10

// Snapshot is all rooms and logging configurations. Each is as it was at some moment
// while the snapshot was taken, the configurations that a room names are there, and
// what was saved before, by any node, and not changed since is there.
type Snapshot struct {
	configurations []parley.LoggingConfiguration
	rooms          []parley.Room
}

// Take returns what is there now. The error has code Unavailable when this node cannot
// find out what others have saved.
func Take(ctx context.Context, s *store.Store) (*Snapshot, error) {
	rooms, err := s.AllRooms(ctx)
	if err != nil {
		return nil, err
	}
	// Those that these rooms name have existed before.
	configurations, err := s.AllLoggingConfigurations(ctx)
	if err != nil {
		return nil, err
	}
	snapshot := &Snapshot{configurations, rooms}
	for range snapshotTries {
		done, err := snapshot.complete(ctx, s)
		if done || err != nil {
			return snapshot, err
		}
	}
	return nil, store.Unavailable(fmt.Errorf(
		"logging configurations were deleted %d times while a snapshot was taken", snapshotTries))
}

// complete reads rooms again that name configurations which the snapshot lacks: those
// were deleted after the rooms were read, so the rooms have changed since. It reports
// whether there were none.
func (p *Snapshot) complete(ctx context.Context, s *store.Store) (done bool, err error) {
	has := map[parley.ARN]bool{}
	for _, l := range p.configurations {
		has[l.ARN] = true
	}
	lacks := func(arn parley.ARN) bool { return !has[arn] }
	changed := slices.IndexFunc(p.rooms, func(r parley.Room) bool {
		return slices.ContainsFunc(r.LoggingConfigurations, lacks)
	})
	if changed < 0 {
		return true, nil
	}
	if err := s.CatchUp(ctx); err != nil {
		return false, err
	}
	kept := p.rooms[:0]
	for _, room := range p.rooms {
		if slices.ContainsFunc(room.LoggingConfigurations, lacks) {
			if room, err = s.Room(room.ARN); err != nil {
				continue // it was deleted, too
			}
			p.addConfigurations(s, room, has)
		}
		kept = append(kept, room)
	}
	p.rooms = kept
	return false, nil
}

// addConfigurations adds those that a room names and that the snapshot has not.
func (p *Snapshot) addConfigurations(s *store.Store, room parley.Room, has map[parley.ARN]bool) {
	for _, arn := range room.LoggingConfigurations {
		if l, err := s.LoggingConfiguration(arn); err == nil && !has[arn] {
			has[arn] = true
			p.configurations = append(p.configurations, l)
		}
	}
}

// Write writes the snapshot in the form that Restore reads, and says by what it was
// made. It returns what it has.
func (p *Snapshot) Write(w io.Writer, server string, now time.Time) (backup.Counts, error) {
	out := backup.NewWriter(w)
	err := out.Header(server, now)
	for _, l := range p.configurations {
		err = cmp.Or(err, out.LoggingConfiguration(l))
	}
	for _, r := range p.rooms {
		err = cmp.Or(err, out.Room(r))
	}
	counts, last := out.Trailer()
	return counts, cmp.Or(err, last)
}
