package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store/backup"
)

const (
	// snapshotTries is how often rooms are read again whose logging configurations were
	// deleted while the snapshot was taken.
	snapshotTries = 10

	// restoreWriters is how many resources are written at a time: the engine waits for
	// the disk with each, and takes several meanwhile.
	restoreWriters = 64

	// minBatches is how many rooms are saved in batches at least.
	minBatches = 100

	// maxConflicts is how many resources with other content a report names.
	maxConflicts = 20
)

// Snapshot is all rooms and logging configurations. Each is as it was at some moment
// while the snapshot was taken, the configurations that a room names are there, and
// what was saved before, by any node, and not changed since is there.
type Snapshot struct {
	configurations []parley.LoggingConfiguration
	rooms          []parley.Room
}

// Snapshot returns what is there now. The error has code Unavailable when this node
// cannot find out what others have saved.
func (s *Store) Snapshot(ctx context.Context) (*Snapshot, error) {
	rooms, err := everything(ctx, s.rooms)
	if err != nil {
		return nil, err
	}
	// Those that these rooms name have existed before.
	configurations, err := everything(ctx, s.configurations)
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
	return nil, unavailable(fmt.Errorf(
		"logging configurations were deleted %d times while a snapshot was taken", snapshotTries))
}

// everything returns all resources of a kind: world by world, the one that was changed
// last at the end.
func everything[T any](ctx context.Context, c *collection[T]) ([]T, error) {
	if err := c.insist(ctx, c.catchUp); err != nil {
		return nil, unavailable(err)
	}
	c.copy.mu.RLock()
	defer c.copy.mu.RUnlock()
	worlds := make([]parley.World, 0, len(c.copy.lists))
	for w := range c.copy.lists {
		worlds = append(worlds, w)
	}
	slices.SortFunc(worlds, func(a, b parley.World) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region))
	})
	all := make([]T, 0, len(c.copy.resources))
	for _, w := range worlds {
		for _, r := range c.copy.lists[w] {
			all = append(all, r.resource)
		}
	}
	return all, nil
}

// catchUp takes in what any node saved before the call.
func (s *Store) catchUp(ctx context.Context) error {
	err := s.rooms.insist(ctx, s.rooms.catchUp)
	if err == nil {
		err = s.configurations.insist(ctx, s.configurations.catchUp)
	}
	if err != nil {
		return unavailable(err)
	}
	return nil
}

// complete reads rooms again that name configurations which the snapshot lacks: those
// were deleted after the rooms were read, so the rooms have changed since. It reports
// whether there were none.
func (p *Snapshot) complete(ctx context.Context, s *Store) (done bool, err error) {
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
	if err := s.catchUp(ctx); err != nil {
		return false, err
	}
	kept := p.rooms[:0]
	for _, room := range p.rooms {
		if slices.ContainsFunc(room.LoggingConfigurations, lacks) {
			now := s.rooms.copy.get(room.ARN)
			if now == nil {
				continue // it was deleted, too
			}
			room = now.resource
			p.addConfigurations(s, room, has)
		}
		kept = append(kept, room)
	}
	p.rooms = kept
	return false, nil
}

// addConfigurations adds those that a room names and that the snapshot has not.
func (p *Snapshot) addConfigurations(s *Store, room parley.Room, has map[parley.ARN]bool) {
	for _, arn := range room.LoggingConfigurations {
		if l := s.configurations.copy.get(arn); l != nil && !has[arn] {
			has[arn] = true
			p.configurations = append(p.configurations, l.resource)
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

// RestoreOptions say what Restore may do.
type RestoreOptions struct {
	Overwrite bool // resources that are there with other content are replaced
	DryRun    bool // nothing is written
}

// RestoreReport says what Restore did, or would do.
type RestoreReport struct {
	Created     backup.Counts `json:"created"`
	Overwritten backup.Counts `json:"overwritten"`
	Unchanged   backup.Counts `json:"unchanged"` // they were there already, the same
	Conflicting backup.Counts `json:"conflicting"`
	// Conflicts are the ARNs of the first of those.
	Conflicts []string `json:"conflicts,omitempty"`
}

// Sum returns how many resources the report is about.
func (r RestoreReport) Sum() int {
	return r.Created.Sum() + r.Overwritten.Sum() + r.Unchanged.Sum() + r.Conflicting.Sum()
}

// Restore saves what the file of a backup has: logging configurations first, then the rooms that
// name them, without regard to quotas. What is there already and the same stays, and
// what the backup does not have stays as well, so that a restore can be done again
// after it was interrupted. It reads the backup to its end before it writes anything.
// The error has code Invalid when the backup is damaged, Conflict when resources are
// there with other content, unless options allow to overwrite them; then nothing was
// written. With any other error, the report says what was.
func (s *Store) Restore(ctx context.Context, file io.ReadSeeker, options RestoreOptions,
) (RestoreReport, error) {
	r := &restore{store: s, options: options, named: map[parley.ARN]bool{}}
	err := r.plan(ctx, file)
	switch conflict := parley.CodeOf(err) == parley.Conflict; {
	case err != nil && !conflict:
		return RestoreReport{}, err
	case conflict, options.DryRun:
		return r.report, err
	}
	created := r.report.Created.Rooms
	r.report = RestoreReport{}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return r.report, err
	}
	err = r.apply(ctx, file, created)
	return r.report, err
}

// restore is one run of Restore.
type restore struct {
	store   *Store
	options RestoreOptions
	named   map[parley.ARN]bool // configurations that rooms may name
	next    batch               // rooms to be saved

	mu     sync.Mutex // guards report
	report RestoreReport
}

// plan reads a backup, and finds out what would be done.
func (r *restore) plan(ctx context.Context, file io.Reader) error {
	s := r.store
	if err := s.catchUp(ctx); err != nil {
		return err
	}
	_, err := backup.Read(file, func(l parley.LoggingConfiguration) error {
		r.named[l.ARN] = true
		plan(r, s.configurations, l, l.ARN)
		return nil
	}, func(room parley.Room) error {
		for _, arn := range room.LoggingConfigurations {
			if !r.named[arn] && s.configurations.copy.get(arn) == nil {
				return backup.Damage(fmt.Sprintf("names %s, which is neither in the backup nor here", arn))
			}
		}
		plan(r, s.rooms, room, room.ARN)
		return nil
	})
	if err == nil && r.report.Conflicting.Sum() > 0 {
		err = &parley.Error{Code: parley.Conflict, Message: fmt.Sprintf(
			"%d resources are there with other content", r.report.Conflicting.Sum())}
	}
	return err
}

// plan counts what would become of a resource.
func plan[T any](r *restore, c *collection[T], resource T, arn parley.ARN) {
	have := c.copy.get(arn)
	switch {
	case have == nil:
		r.report.Created.Add(arn.Kind)
	case same(c, have.resource, resource):
		r.report.Unchanged.Add(arn.Kind)
	case r.options.Overwrite:
		r.report.Overwritten.Add(arn.Kind)
	default:
		r.report.Conflicting.Add(arn.Kind)
		if len(r.report.Conflicts) < maxConflicts {
			r.report.Conflicts = append(r.report.Conflicts, arn.String())
		}
	}
}

// same reports whether two resources are stored in the same form.
func same[T any](c *collection[T], a, b T) bool {
	x, errX := c.encode(a)
	y, errY := c.encode(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// apply reads a backup again, and saves what it has.
func (r *restore) apply(ctx context.Context, file io.Reader, rooms int) error {
	p := newPool(ctx, restoreWriters)
	defer p.close()
	batches := rooms >= minBatches && r.store.allowBatches(ctx) == nil
	configured := sync.OnceFunc(p.drain) // what rooms name is there then
	_, err := backup.Read(file, func(l parley.LoggingConfiguration) error {
		return p.run(func(ctx context.Context) error {
			return put(ctx, r, r.store.configurations, l, l.ARN)
		})
	}, func(room parley.Room) error {
		configured()
		if batches && r.store.rooms.copy.get(room.ARN) == nil {
			return r.collect(p, room)
		}
		return r.putRoom(p, room)
	})
	if err == nil {
		err = r.flush(p)
	}
	p.drain()
	return cmp.Or(p.err(), err)
}

// collect adds a new room to the next batch.
func (r *restore) collect(p *pool, room parley.Room) error {
	value, err := encodeRoom(room)
	if err != nil {
		return err
	}
	if !r.next.takes(room, len(value)) {
		if err := r.flush(p); err != nil {
			return err
		}
	}
	r.next.add(room, len(value))
	return nil
}

// flush saves the rooms of the next batch, one by one when the batch is refused: then
// others may have saved some of them meanwhile.
func (r *restore) flush(p *pool) error {
	rooms := r.next.empty()
	if len(rooms) == 0 {
		return nil
	}
	err := r.store.createRooms(p.ctx, rooms)
	if errors.Is(err, errNoBatch) {
		for _, room := range rooms {
			if err := r.putRoom(p, room); err != nil {
				return err
			}
		}
		return nil
	}
	for _, room := range rooms {
		if err := r.count(&r.report.Created, room.ARN, err); err != nil {
			return err
		}
	}
	return nil
}

func (r *restore) putRoom(p *pool, room parley.Room) error {
	return p.run(func(ctx context.Context) error { return put(ctx, r, r.store.rooms, room, room.ARN) })
}

// pool runs functions, several at a time, until one of them fails.
type pool struct {
	ctx     context.Context // of the functions; ends with the first failure
	cancel  context.CancelCauseFunc
	places  chan struct{} // holds a value for each function that runs
	running sync.WaitGroup
}

func newPool(ctx context.Context, places int) *pool {
	p := &pool{places: make(chan struct{}, places)}
	p.ctx, p.cancel = context.WithCancelCause(ctx)
	return p
}

// run runs a function as soon as there is a place. It returns the first failure.
func (p *pool) run(do func(ctx context.Context) error) error {
	select {
	case p.places <- struct{}{}:
	case <-p.ctx.Done():
		return p.err()
	}
	p.running.Go(func() {
		defer func() { <-p.places }()
		if err := do(p.ctx); err != nil {
			p.cancel(err)
		}
	})
	return nil
}

// drain waits for the functions that run.
func (p *pool) drain() { p.running.Wait() }

// err returns the first failure, or that of the context.
func (p *pool) err() error { return context.Cause(p.ctx) }

func (p *pool) close() {
	p.drain()
	p.cancel(nil)
}

// putTries is how often a resource is looked at again that others save and delete at
// the same time.
const putTries = 3

// put saves a resource, and counts what it did.
func put[T any](ctx context.Context, r *restore, c *collection[T], resource T,
	arn parley.ARN) error {
	for range putTries {
		have := c.copy.get(arn)
		switch {
		case have == nil:
			err := c.create(ctx, resource, 0)
			if parley.CodeOf(err) != parley.Conflict {
				return r.count(&r.report.Created, arn, err)
			}
			// Another was faster.
			if _, err := c.current(ctx, arn); err != nil && parley.CodeOf(err) != parley.NotFound {
				return err
			}
		case same(c, have.resource, resource):
			return r.count(&r.report.Unchanged, arn, nil)
		case !r.options.Overwrite:
			return parley.Errorf(parley.Conflict, "%s was saved with other content meanwhile", arn)
		default:
			_, err := c.update(ctx, arn, func(T) (T, error) { return resource, nil })
			if parley.CodeOf(err) != parley.NotFound || c.copy.get(arn) != nil {
				return r.count(&r.report.Overwritten, arn, err)
			}
		}
	}
	return unavailable(fmt.Errorf("%s was saved and deleted by others meanwhile", arn))
}

// count counts what was done without an error.
func (r *restore) count(done *backup.Counts, arn parley.ARN, err error) error {
	if err != nil {
		return fmt.Errorf("restore %s: %w", arn, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	done.Add(arn.Kind)
	return nil
}
