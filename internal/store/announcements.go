package store

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/parley-chat/parley"
)

const (
	// announcedPatience is how long a room's writer waits for the end of a deletion that
	// has been announced.
	announcedPatience = 2 * time.Second
	announcedPause    = 10 * time.Millisecond // between two looks

	// undoTimeout bounds what has to be looked at and undone after a write, even when
	// its caller is gone.
	undoTimeout = 5 * time.Second

	mendEvery = 10 * time.Second
	// mendAfter is how long something must have looked broken to be mended: longer than
	// whoever is at it may take.
	mendAfter = 30 * time.Second
)

// announcements keep rooms from naming logging configurations that do not exist,
// where several nodes write. Whoever saves a room that names more configurations than
// before looks for these after it, and undoes it when one is missing or about to be
// deleted. Whoever deletes a configuration announces that by saving it as one that is
// about to be deleted, and then looks for rooms that name it; if there is one, it
// takes the announcement back. Both look at what is stored by then anywhere. So of
// two that meet, the one that writes later sees what the other wrote. What a node that
// died leaves half done, others mend.
type announcements struct {
	rooms          *collection[parley.Room]
	configurations *collection[parley.LoggingConfiguration]
	log            *slog.Logger
}

// saveRoom runs save, and undoes it when a configuration that the room did not name
// before is missing.
func (a *announcements) saveRoom(ctx context.Context, before *stored[parley.Room],
	room parley.Room, save func() (uint64, error)) error {
	more := added(before, room)
	if len(more) == 0 {
		_, err := save()
		return err
	}
	// Most mistakes are found here, before anybody sees the room.
	if _, err := a.missing(ctx, room, more); err != nil {
		return err
	}
	revision, err := save()
	if err != nil {
		return err // when it was saved after all, mend looks at it
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	missing, refused := a.missing(ctx, room, more)
	if refused == nil {
		return nil
	}
	if len(missing) == 0 {
		missing = more // nobody can say
	}
	if err := a.undo(ctx, before, room, revision, missing); err != nil {
		a.log.Warn("a room may name a logging configuration that is missing, for a while",
			"room", room.ARN.String(), "err", err)
		return Unavailable(err)
	}
	return refused
}

// added returns what a room names that it did not name before.
func added(before *stored[parley.Room], room parley.Room) []parley.ARN {
	if before == nil {
		return room.LoggingConfigurations
	}
	return without(room.LoggingConfigurations, before.resource.LoggingConfigurations)
}

func without(all, some []parley.ARN) []parley.ARN {
	return slices.DeleteFunc(slices.Clone(all), func(arn parley.ARN) bool {
		return slices.Contains(some, arn)
	})
}

// missing returns those of the configurations that the room may not name, and the
// error for the first. It waits for a deletion under way, since most are over at once.
// The error has code Unavailable when it is not known which are missing.
func (a *announcements) missing(ctx context.Context, room parley.Room, named []parley.ARN) (
	missing []parley.ARN, err error) {
	for deadline := time.Now().Add(announcedPatience); ; {
		if err := a.configurations.insist(ctx, a.configurations.catchUp); err != nil {
			return nil, Unavailable(err)
		}
		missing = nil
		waiting := false
		for _, arn := range named {
			l := a.configurations.copy.get(arn)
			deleting := l != nil && l.resource.State == parley.LoggingDeleting
			if l == nil || deleting || arn.World() != room.ARN.World() {
				missing = append(missing, arn)
				waiting = waiting || deleting
			}
		}
		if len(missing) == 0 {
			return nil, nil
		}
		if !waiting || time.Now().After(deadline) || !pause(ctx, announcedPause) {
			return missing, missing[0].NotFound()
		}
	}
}

// undo has a room that was saved under a revision be what it was before, unless others
// have changed it meanwhile: then it loses the missing configurations alone.
func (a *announcements) undo(ctx context.Context, before *stored[parley.Room], room parley.Room,
	revision uint64, missing []parley.ARN) error {
	err := a.rooms.persist(ctx, room.ARN, func(ctx context.Context, have *stored[parley.Room]) error {
		switch {
		case before == nil:
			return a.rooms.purge(ctx, room.ARN, have.revision)
		case have.revision == revision:
			_, err := a.rooms.rewrite(ctx, have, before.resource)
			return err
		}
		return a.strip(ctx, have, missing)
	})
	if err == nil && before != nil {
		err = a.nameAgain(ctx, room, without(before.resource.LoggingConfigurations,
			room.LoggingConfigurations))
	}
	if parley.CodeOf(err) == parley.NotFound {
		return nil // somebody has deleted it
	}
	return err
}

// nameAgain has a room name of some configurations only what is there. It was saved
// without them for a moment, in which they could be deleted.
func (a *announcements) nameAgain(ctx context.Context, room parley.Room, some []parley.ARN) error {
	if len(some) == 0 {
		return nil
	}
	missing, err := a.missing(ctx, room, some)
	if len(missing) == 0 {
		return err
	}
	return a.rooms.persist(ctx, room.ARN, func(ctx context.Context, have *stored[parley.Room]) error {
		return a.strip(ctx, have, missing)
	})
}

// strip has a room name some configurations no longer.
func (a *announcements) strip(ctx context.Context, have *stored[parley.Room],
	missing []parley.ARN) error {
	room := have.resource
	room.LoggingConfigurations = without(room.LoggingConfigurations, missing)
	if len(room.LoggingConfigurations) == len(have.resource.LoggingConfigurations) {
		return nil
	}
	_, err := a.rooms.rewrite(ctx, have, room)
	return err
}

// deleteConfiguration runs remove unless a room names the configuration.
func (a *announcements) deleteConfiguration(ctx context.Context,
	l *stored[parley.LoggingConfiguration], remove func(revision uint64) error) error {
	revision, announced := l.revision, l.resource.State == parley.LoggingDeleting
	// A deletion that is refused here has not kept the configuration from logging.
	err := a.unused(ctx, l.ARN)
	if err == nil && !announced {
		if revision, err = a.setState(ctx, l, parley.LoggingDeleting); err != nil {
			return err
		}
		announced = true
		err = a.unused(ctx, l.ARN)
	}
	switch {
	case parley.CodeOf(err) == parley.Conflict && announced:
		return a.takeBack(ctx, l.ARN, err)
	case err != nil:
		return err
	}
	// This fails when the announcement was taken back meanwhile.
	return remove(revision)
}

// unused returns nil when no room names the configuration.
func (a *announcements) unused(ctx context.Context, arn parley.ARN) error {
	if err := a.rooms.insist(ctx, a.rooms.catchUp); err != nil {
		return Unavailable(err)
	}
	if room, ok := a.rooms.copy.oneNaming(arn); ok {
		return inUse(arn, room)
	}
	return nil
}

func (a *announcements) setState(ctx context.Context, l *stored[parley.LoggingConfiguration],
	state parley.LoggingState) (revision uint64, err error) {
	resource := l.resource
	resource.State = state
	return a.configurations.rewrite(ctx, l, resource)
}

// takeBack has a configuration log again that is not deleted because of refused, which
// it returns.
func (a *announcements) takeBack(ctx context.Context, arn parley.ARN, refused error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	err := a.configurations.persist(ctx, arn,
		func(ctx context.Context, have *stored[parley.LoggingConfiguration]) error {
			if have.resource.State != parley.LoggingDeleting {
				return nil
			}
			_, err := a.setState(ctx, have, parley.LoggingActive)
			return err
		})
	if err != nil {
		return err
	}
	return refused
}

// mend ends what others have left half done, until run ends: deletions that were
// announced, and rooms that were saved and name what is missing.
func (a *announcements) mend(run context.Context) {
	tick := time.NewTicker(mendEvery)
	defer tick.Stop()
	var suspects map[suspect]time.Time
	for {
		select {
		case <-run.Done():
			return
		case now := <-tick.C:
			suspects = a.look(suspects, now)
			for s, since := range suspects {
				if now.Sub(since) >= mendAfter {
					a.mendOne(run, s)
				}
			}
		}
	}
}

// suspect is a room or configuration that looks broken, as it was stored then: who is
// at it stores it anew.
type suspect struct {
	arn      parley.ARN
	revision uint64
}

// look returns what looks broken to this node, and since when.
func (a *announcements) look(before map[suspect]time.Time, now time.Time) map[suspect]time.Time {
	suspects := map[suspect]time.Time{}
	add := func(arn parley.ARN, revision uint64) {
		s := suspect{arn, revision}
		suspects[s] = now
		if since, ok := before[s]; ok {
			suspects[s] = since
		}
	}
	for _, named := range a.rooms.copy.named() {
		if a.configurations.copy.get(named) != nil {
			continue
		}
		for _, room := range a.rooms.copy.allNaming(named) {
			add(room.ARN, room.revision)
		}
	}
	for _, arn := range a.configurations.copy.arns() {
		l := a.configurations.copy.get(arn)
		if l != nil && l.resource.State == parley.LoggingDeleting {
			add(arn, l.revision)
		}
	}
	return suspects
}

// mendOne mends a room or configuration, after a look at what is stored anywhere.
func (a *announcements) mendOne(ctx context.Context, s suspect) {
	end := a.mendRoom
	if s.arn.Kind == parley.KindLoggingConfiguration {
		end = a.configurations.delete
	}
	err := end(ctx, s.arn)
	switch code := parley.CodeOf(err); {
	case err == nil, code == parley.NotFound, code == parley.Conflict: // that is in use and logs again
		a.log.Info("ended what another node began", "resource", s.arn.String())
	default:
		a.log.Warn("cannot end what another node began", "resource", s.arn.String(), "err", err)
	}
}

// mendRoom has a room name no configuration that is missing.
func (a *announcements) mendRoom(ctx context.Context, arn parley.ARN) error {
	return a.rooms.replace(ctx, arn, func(ctx context.Context, have *stored[parley.Room]) error {
		if err := a.configurations.insist(ctx, a.configurations.catchUp); err != nil {
			return Unavailable(err)
		}
		gone := func(arn parley.ARN) bool { return a.configurations.copy.get(arn) != nil }
		return a.strip(ctx, have,
			slices.DeleteFunc(slices.Clone(have.resource.LoggingConfigurations), gone))
	})
}
