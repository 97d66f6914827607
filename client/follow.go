package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// Times of a refresh, during which two sessions are open.
const (
	// overlapTime is how long both are read, at least. A server may take a while until it
	// sends a new session all that it sends the others.
	overlapTime = time.Second
	// settleTime is how long answers to requests are waited for before a session is closed.
	settleTime = 5 * time.Second
	// drainTime is how long a server may take to answer a Close frame.
	drainTime = 5 * time.Second
	// repeatTime is how far behind a new session may be with what the last one delivered.
	repeatTime = 30 * time.Second
	// leastLife is how old a session gets before it is refreshed, whatever the clock says.
	leastLife = time.Second
)

// stableTime is how old a session must get to count as success: a server that accepts
// connections and drops them is not asked again at once, for ever.
const stableTime = 10 * time.Second

// run has one session follow the other until the room ends.
func (r *Room) run(ctx context.Context, s *session) {
	for s != nil {
		s = r.follow(ctx, s)
	}
	r.logEnd()
}

// follow returns the session that takes the place of s, or nil when the room has ended.
func (r *Room) follow(ctx context.Context, s *session) *session {
	if next := r.refresh(ctx, s); next != nil || ctx.Err() != nil {
		return next
	}
	return r.reconnect(ctx, s)
}

// refresh waits until it is time to refresh s, and returns its successor when that has
// taken over. It returns nil when s was lost before that, or the room has ended.
func (r *Room) refresh(ctx context.Context, s *session) *session {
	pause := r.options.refreshIn(s.expires, time.Now())
	if pause < 0 && !s.expires.IsZero() && r.options.RefreshBefore >= 0 {
		r.options.Log.Warn("the session's end is in the past: is the clock wrong?")
	}
	for failures := 0; wait(ctx, s.place.done, pause); failures++ {
		next, err := r.attempt(ctx, 0)
		if next != nil {
			if err = r.handOver(ctx, s, next); err == nil {
				return next
			}
		}
		if ctx.Err() != nil || r.endFor(err) {
			return nil
		}
		r.options.Log.Warn("refresh", "err", err)
		r.mu.Lock()
		pause = r.backoffLocked(failures)
		r.mu.Unlock()
	}
	return nil
}

// reconnect returns a session after s, which was lost, or nil when the room has ended.
func (r *Room) reconnect(ctx context.Context, s *session) *session {
	pause := s.place.retryIn
	for failures := s.place.failures; wait(ctx, nil, pause); failures++ {
		next, err := r.attempt(ctx, failures+1)
		if next != nil {
			return next
		}
		if ctx.Err() != nil || r.endFor(err) {
			return nil
		}
		r.mu.Lock()
		pause = r.retryLocked(failures+1, err)
		r.mu.Unlock()
	}
	return nil
}

// retryLocked tells receivers that there will be another attempt after so many failures,
// the last of which had a cause, and returns in what time; or it ends the room when there
// will be none.
func (r *Room) retryLocked(failures int, cause error) time.Duration {
	if limit := r.options.MaxAttempts; limit > 0 && failures >= limit {
		r.endLocked(&DisconnectedError{Reason: AttemptsUsedUp, Err: cause})
		return 0
	}
	pause := r.backoffLocked(failures)
	r.changeLocked(&StateChange{
		State: Connecting, Err: cause, Attempt: failures + 1, RetryIn: pause})
	return pause
}

// attempt opens a session with a new token and takes it into the room, unless that has
// ended. attempts is how many this makes since the last session was lost.
func (r *Room) attempt(ctx context.Context, attempts int) (*session, error) {
	s, err := r.open(ctx)
	if refused := (*HandshakeError)(nil); errors.As(err, &refused) {
		r.mu.Lock()
		r.busyUntil = time.Now().Add(refused.RetryAfter)
		r.mu.Unlock()
	}
	if err != nil {
		return nil, err
	}
	if !r.adopt(s, attempts) {
		s.abort()
		return nil, ErrClosed
	}
	r.options.Log.Info("connected")
	return s, nil
}

// open opens a session with a new token.
func (r *Room) open(ctx context.Context) (*session, error) {
	token, err := r.tokens(ctx)
	if err != nil {
		return nil, fmt.Errorf("get a token: %w", err)
	}
	r.mu.Lock()
	r.repeatsUntil = time.Now().Add(r.options.HandshakeTimeout + repeatTime)
	r.mu.Unlock()
	return connect(ctx, r.url, token, r.options)
}

// endFor ends the room if an attempt failed for good, and reports whether it did.
func (r *Room) endFor(err error) bool {
	var permanent permanentError
	var refused *HandshakeError
	switch {
	case errors.As(err, &permanent):
		r.end(&DisconnectedError{Reason: TokenFailure, Err: permanent.err})
	case errors.As(err, &refused) && refused.Status == http.StatusNotFound:
		r.end(&DisconnectedError{Reason: RoomGone, Err: err})
	default:
		return false
	}
	return true
}

// adopt takes a session into the room and has it run: as the source, or as the next
// while there is a source. It reports whether the room still goes on.
func (r *Room) adopt(s *session, attempts int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.place.attempts = attempts
	switch {
	case r.err != nil:
		return false
	case r.source != nil:
		r.next = s
	default:
		r.source = s
		r.changeLocked(&StateChange{State: Connected})
	}
	r.changed.Broadcast()
	r.work.Go(func() { r.serve(s) })
	return true
}

// serve runs a session of the room.
func (r *Room) serve(s *session) {
	defer close(s.place.done)
	cause := s.run(func(text []byte) error { return r.take(s, text) })
	if expected := r.remove(s, cause); !expected {
		r.options.Log.Info("connection lost", "err", cause)
	}
}

// handOver has next take the place of s so that nothing is missed, doubled or in another
// order. Both receive the same, and what next receives is held. Requests already go over
// next; when those over s are answered, s is closed, and all that the server had sent it
// is read. Then what next holds is delivered, without what s has delivered: see remove.
// The error is why next was lost, while s goes on.
func (r *Room) handOver(ctx context.Context, s, next *session) error {
	_ = waitForBoth(ctx, s, next, nil, overlapTime) &&
		waitForBoth(ctx, s, next, r.idle(s), settleTime)
	if !r.leave(s) {
		<-next.place.done
		return next.place.cause
	}
	select {
	case <-s.place.done:
	case <-ctx.Done():
	}
	return nil
}

// waitForBoth waits for an event, but no longer than the limit. It reports whether both
// sessions and the room go on.
func waitForBoth(
	ctx context.Context, s, next *session, event <-chan struct{}, limit time.Duration,
) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-event:
		return true
	case <-timer.C:
		return true
	case <-s.place.done:
	case <-next.place.done:
	case <-ctx.Done():
	}
	return false
}

// idle returns what is closed when all requests that went over a session are answered.
func (r *Room) idle(s *session) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	idle := make(chan struct{})
	if s.place.requests == 0 {
		close(idle)
	} else {
		s.place.idle = idle
	}
	return idle
}

// leave begins to close the source in favour of the next session. It reports whether
// there is one still, or it is the source by now.
func (r *Room) leave(s *session) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.source == s {
		if r.next == nil {
			return false
		}
		s.place.leaving = true
		s.finish(drainTime)
	}
	return true
}

// remove takes a session out of the room that has ended, and reports whether that was
// expected. If it was the source, the next one is from now on, and what that holds is
// delivered.
func (r *Room) remove(s *session, cause error) (expected bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	expected = s.place.leaving || r.err != nil
	s.place.ended = true
	s.place.cause = cause
	if closed := (*closeError)(nil); errors.As(cause, &closed) && !s.place.leaving {
		s.place.cause = &DisconnectedError{
			Reason: ServerDisconnect, Code: closed.code, Text: closed.reason}
	}
	switch {
	case s == r.source:
		r.succeedLocked()
	case !r.source.place.leaving && !s.place.final():
		r.next, s.place.held = nil, nil // the source receives the same
	}
	r.loseLocked(s)
	r.changed.Broadcast()
	return expected
}

// succeedLocked has the next session be the source instead of one that has ended. If
// there is none, the room goes on with another connection, or ends.
func (r *Room) succeedLocked() {
	last := r.source
	r.source, r.next = r.next, nil
	r.repeatsUntil = time.Now().Add(repeatTime)
	if r.source != nil {
		for _, received := range r.source.place.held {
			r.deliverLocked(received)
		}
		r.source.place.held = nil
		if r.source.place.ended {
			last, r.source = r.source, nil
		}
	}
	switch {
	case r.err != nil:
	case last.place.final():
		r.endLocked(last.place.cause)
	case r.source == nil:
		if time.Since(last.opened) < stableTime {
			last.place.failures = last.place.attempts
		}
		last.place.retryIn = r.retryLocked(last.place.failures, last.place.cause)
	}
}

// refreshIn returns in what time a session that expires then is to be refreshed. It is
// negative for never.
func (o *Options) refreshIn(expires, now time.Time) time.Duration {
	left := expires.Sub(now)
	if o.RefreshBefore < 0 || expires.IsZero() || left <= 0 {
		return -1
	}
	before := min(o.RefreshBefore, left/2)
	before += rand.N(before/2 + 1)
	return max(left-before, leastLife)
}

// backoffLocked returns how long to wait after so many failures in a row. A server that
// is too busy has said how long at least.
func (r *Room) backoffLocked(failures int) time.Duration {
	limit := r.options.MinBackoff
	for ; failures > 0 && limit < r.options.MaxBackoff; failures-- {
		limit *= 2
	}
	return max(0, time.Until(r.busyUntil)) + rand.N(min(limit, r.options.MaxBackoff))
}

// wait waits for a time, or for ever when it is negative. It reports whether neither what
// is waited with nor the room has ended.
func wait(ctx context.Context, ended <-chan struct{}, pause time.Duration) bool {
	var due <-chan time.Time
	if pause >= 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-due:
	case <-ended:
		return false
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}
