package hub

import (
	"context"
	"time"
)

// Times of a drain.
const (
	// drainStep is how often sessions are ended while they are ended little by little.
	drainStep = 100 * time.Millisecond
	// settleTimeout is how long requests that were accepted may take to be answered
	// before their sessions end.
	settleTimeout = time.Second
	// finishTimeout is how long sessions may take to write what they have left.
	finishTimeout = 2 * time.Second
)

// Drain refuses new sessions and ends all there are, evenly over a time, so that
// their clients do not come back all at once. A session's requests are answered,
// and what it has yet to receive is written; then its connection is dropped without
// a Close frame, since after one official clients would stay away. When ctx is done,
// what is left is dropped at once. It returns when all sessions have left and nothing
// is under review.
func (h *Hub) Drain(ctx context.Context, over time.Duration) {
	h.mu.Lock()
	h.draining = true
	h.mu.Unlock()
	sessions := h.list()
	begin := time.Now()
	for done := 0; done < len(sessions) && ctx.Err() == nil; {
		due := len(sessions)
		if elapsed := time.Since(begin) + drainStep; elapsed < over {
			due = int(float64(due) * elapsed.Seconds() / over.Seconds())
		}
		h.finish(ctx, sessions[done:due], due == len(sessions))
		if done = due; done < len(sessions) {
			wait(ctx, drainStep)
		}
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		h.sessions.Wait()
	}()
	patience, cancel := context.WithTimeout(ctx, finishTimeout)
	defer cancel()
	select {
	case <-gone:
	case <-patience.Done():
		for _, s := range h.list() {
			s.drop()
		}
		<-gone
	}
	h.reviewing.Wait()
	h.publisher.wait()
}

// finish ends sessions when the requests that they have made are answered. While there
// are others left, whose requests never end, it waits for no more than a moment, but
// for the sessions' own reviews, which end by themselves.
func (h *Hub) finish(ctx context.Context, sessions []*Session, last bool) {
	for _, s := range sessions {
		s.end(endDropped)
	}
	for _, s := range sessions {
		s.awaitReviews(ctx)
	}
	patience := drainStep
	if last {
		patience = settleTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for h.pending.Load() > 0 && ctx.Err() == nil {
		wait(ctx, time.Millisecond)
	}
	for _, s := range sessions {
		s.finish()
	}
}

// awaitReviews returns when no message of the session is under review, or ctx is done.
func (s *Session) awaitReviews(ctx context.Context) {
	for l := s.line.Load(); l != nil && !l.empty() && ctx.Err() == nil; {
		wait(ctx, time.Millisecond)
	}
}

// wait returns after a time, or when ctx is done.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// list returns the sessions there are.
func (h *Hub) list() []*Session {
	h.mu.Lock()
	rooms := make([]*room, 0, len(h.rooms))
	for _, r := range h.rooms {
		rooms = append(rooms, r)
	}
	h.mu.Unlock()
	var sessions []*Session
	for _, r := range rooms {
		sessions = append(sessions, r.list()...)
	}
	return sessions
}

func (h *Hub) isDraining() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.draining
}
