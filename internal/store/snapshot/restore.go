package snapshot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/backup"
)

const (
	// restoreWriters is how many resources are written at a time: the engine waits for
	// the disk with each, and takes several meanwhile.
	restoreWriters = 64

	// minBatches is how many rooms are saved in batches at least.
	minBatches = 100

	// maxConflicts is how many resources with other content a report names.
	maxConflicts = 20
)

// Options say what Restore may do.
type Options struct {
	Overwrite bool // resources that are there with other content are replaced
	DryRun    bool // nothing is written
}

// Report says what Restore did, or would do.
type Report struct {
	Created     backup.Counts `json:"created"`
	Overwritten backup.Counts `json:"overwritten"`
	Unchanged   backup.Counts `json:"unchanged"` // they were there already, the same
	Conflicting backup.Counts `json:"conflicting"`
	// Conflicts are the ARNs of the first of those.
	Conflicts []string `json:"conflicts,omitempty"`
}

// Sum returns how many resources the report is about.
func (r Report) Sum() int {
	return r.Created.Sum() + r.Overwritten.Sum() + r.Unchanged.Sum() + r.Conflicting.Sum()
}

// Restore saves what the file of a backup has: logging configurations first, then the
// rooms that name them, without regard to quotas. What is there already and the same stays, and
// what the backup does not have stays as well, so that a restore can be done again
// after it was interrupted. It reads the backup to its end before it writes anything.
// The error has code Invalid when the backup is damaged, Conflict when resources are
// there with other content, unless options allow to overwrite them; then nothing was
// written. With any other error, the report says what was.
func Restore(ctx context.Context, s *store.Store, file io.ReadSeeker, options Options,
) (Report, error) {
	r := &restore{store: s, rooms: roomsOf(s), configurations: configurationsOf(s),
		options: options, named: map[parley.ARN]bool{}}
	err := r.plan(ctx, file)
	switch conflict := parley.CodeOf(err) == parley.Conflict; {
	case err != nil && !conflict:
		return Report{}, err
	case conflict, options.DryRun:
		return r.report, err
	}
	created := r.report.Created.Rooms
	r.report = Report{}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return r.report, err
	}
	err = r.apply(ctx, file, created)
	return r.report, err
}

// restore is one run of Restore.
type restore struct {
	store          *store.Store
	rooms          kind[parley.Room]
	configurations kind[parley.LoggingConfiguration]
	options        Options
	named          map[parley.ARN]bool // configurations that rooms may name
	next           batch               // rooms to be saved

	mu     sync.Mutex // guards report
	report Report
}

// plan reads a backup, and finds out what would be done.
func (r *restore) plan(ctx context.Context, file io.Reader) error {
	if err := r.store.CatchUp(ctx); err != nil {
		return err
	}
	_, err := backup.Read(file, func(l parley.LoggingConfiguration) error {
		r.named[l.ARN] = true
		plan(r, r.configurations, l, l.ARN)
		return nil
	}, func(room parley.Room) error {
		for _, arn := range room.LoggingConfigurations {
			if !r.named[arn] && !r.configurations.has(arn) {
				return backup.Damage(fmt.Sprintf("names %s, which is neither in the backup nor here", arn))
			}
		}
		plan(r, r.rooms, room, room.ARN)
		return nil
	})
	if err == nil && r.report.Conflicting.Sum() > 0 {
		err = &parley.Error{Code: parley.Conflict, Message: fmt.Sprintf(
			"%d resources are there with other content", r.report.Conflicting.Sum())}
	}
	return err
}

// plan counts what would become of a resource.
func plan[T any](r *restore, k kind[T], resource T, arn parley.ARN) {
	have, err := k.known(arn)
	switch {
	case err != nil:
		r.report.Created.Add(arn.Kind)
	case k.same(have, resource):
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

// apply reads a backup again, and saves what it has.
func (r *restore) apply(ctx context.Context, file io.Reader, rooms int) error {
	p := newPool(ctx, restoreWriters)
	defer p.close()
	batches := rooms >= minBatches && r.store.AllowBatches(ctx) == nil
	configured := sync.OnceFunc(p.drain) // what rooms name is there then
	_, err := backup.Read(file, func(l parley.LoggingConfiguration) error {
		return p.run(func(ctx context.Context) error {
			return put(ctx, r, r.configurations, l, l.ARN)
		})
	}, func(room parley.Room) error {
		configured()
		if batches && !r.rooms.has(room.ARN) {
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
	value, err := r.rooms.encode(room)
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
	err := r.store.CreateRooms(p.ctx, rooms)
	if errors.Is(err, store.ErrNoBatch) {
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
	return p.run(func(ctx context.Context) error { return put(ctx, r, r.rooms, room, room.ARN) })
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
func put[T any](ctx context.Context, r *restore, k kind[T], resource T,
	arn parley.ARN) error {
	for range putTries {
		have, missing := k.known(arn)
		switch {
		case missing != nil:
			err := k.create(ctx, resource, 0)
			if parley.CodeOf(err) != parley.Conflict {
				return r.count(&r.report.Created, arn, err)
			}
			// Another was faster.
			if _, err := k.current(ctx, arn); err != nil && parley.CodeOf(err) != parley.NotFound {
				return err
			}
		case k.same(have, resource):
			return r.count(&r.report.Unchanged, arn, nil)
		case !r.options.Overwrite:
			return parley.Errorf(parley.Conflict, "%s was saved with other content meanwhile", arn)
		default:
			_, err := k.update(ctx, arn, func(T) (T, error) { return resource, nil })
			if parley.CodeOf(err) != parley.NotFound || k.has(arn) {
				return r.count(&r.report.Overwritten, arn, err)
			}
		}
	}
	return store.Unavailable(fmt.Errorf("%s was saved and deleted by others meanwhile", arn))
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
