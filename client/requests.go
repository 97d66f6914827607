package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gobwas/ws"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/wire"
)

const (
	// maxPending is how many requests of a room may wait for their answers. The service
	// takes ten a second.
	maxPending = 64
	// graceTime is how long the answer to a request whose session ended may take to come
	// over the next one, which is open already.
	graceTime = 2 * time.Second
)

// errCrowded is why answers are not waited for any longer: see Room.hasSpaceLocked.
var errCrowded = errors.New("too much was received before the answer, and is not taken")

// Send sends a message to the room and returns it as everyone in the room receives it,
// which Receive yields, too. The token must have the capability SEND_MESSAGE.
//
// While there is no connection, requests wait for the next one; they also wait while 64
// others have no answer yet. When the error is ctx.Err() and not ErrOutcomeUnknown,
// nothing was sent. A *RequestError is the server's refusal.
func (r *Room) Send(
	ctx context.Context, content string, attributes map[string]string,
) (*Message, error) {
	what := wire.SendMessageRequest{Content: content, Attributes: attributes}
	return ask[*Message](ctx, r, what)
}

// DeleteMessage tells everyone in the room to show a message no longer, and returns what
// they are told. The reason may be empty. The token must have the capability
// DELETE_MESSAGE. Errors are those of Send.
func (r *Room) DeleteMessage(
	ctx context.Context, messageID, reason string,
) (*MessageDeleted, error) {
	what := wire.DeleteMessageRequest{ID: messageID, Reason: reason}
	return ask[*MessageDeleted](ctx, r, what)
}

// DisconnectUser ends all connections of a user to the room, and returns what everyone
// in the room is told. The user need not be there, and can come back. The reason may be
// empty. The token must have the capability DISCONNECT_USER. Errors are those of Send.
func (r *Room) DisconnectUser(
	ctx context.Context, userID, reason string,
) (*UserDisconnected, error) {
	what := wire.DisconnectUserRequest{UserID: userID, Reason: reason}
	return ask[*UserDisconnected](ctx, r, what)
}

// encoder is a request of the messaging plane.
type encoder interface{ Encode(requestID string) []byte }

// ask makes a request and returns its echo.
func ask[T Received](ctx context.Context, r *Room, what encoder) (echo T, err error) {
	received, err := r.request(ctx, what)
	if err != nil {
		return echo, err
	}
	echo, ok := received.(T)
	if !ok {
		return echo, fmt.Errorf("%w: the server answered with %T, not %T",
			ErrOutcomeUnknown, received, echo)
	}
	return echo, nil
}

// request is one that waits for its answer.
type request struct {
	over *session // that it was sent over
	// answered gets one answer, from whoever takes the request out of Room.pending.
	answered chan answer
	// lost gets why the session ended, when the answer may still come over another.
	lost chan error
}

type answer struct {
	echo Received
	err  error
}

// request makes a request and waits for what answers it.
func (r *Room) request(ctx context.Context, what encoder) (Received, error) {
	id := parley.NewRequestID()
	text := what.Encode(id)
	if len(text) > parley.MaxRequestBytes { // the server could end the connection for it
		return nil, &RequestError{Code: 413, RequestID: id, Message: "The request is too large."}
	}
	stop := context.AfterFunc(ctx, r.wake)
	defer stop()
	req, err := r.sendRequest(ctx, id, text)
	if err != nil {
		return nil, err
	}
	defer r.forget(id)
	return req.wait(ctx)
}

// sendRequest sends a request as soon as that is possible.
func (r *Room) sendRequest(ctx context.Context, id string, text []byte) (*request, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		over := r.reachableLocked()
		switch {
		case r.err != nil:
			return nil, r.err
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case over != nil && len(r.pending) < maxPending:
			req := &request{over: over, answered: make(chan answer, 1), lost: make(chan error, 1)}
			r.pending[id] = req
			over.place.requests++
			over.write(ws.OpText, text)
			r.changed.Broadcast() // who reads must not wait for space now
			return req, nil
		}
		r.changed.Wait()
	}
}

// reachableLocked returns the session that requests go over, or nil: the newest.
func (r *Room) reachableLocked() *session {
	for _, s := range []*session{r.next, r.source} {
		if s != nil && !s.place.leaving && !s.place.ended {
			return s
		}
	}
	return nil
}

// wait returns the answer, or why there will be none.
func (req *request) wait(ctx context.Context) (Received, error) {
	var late <-chan time.Time
	var cause error
	for {
		select {
		case a := <-req.answered:
			return a.echo, a.err
		case <-ctx.Done():
			return nil, unknown(ctx.Err())
		case cause = <-req.lost:
			timer := time.NewTimer(graceTime)
			defer timer.Stop()
			late = timer.C
		case <-late:
			return nil, unknown(cause)
		}
	}
}

func unknown(cause error) error { return fmt.Errorf("%w: %w", ErrOutcomeUnknown, cause) }

// forget ends the wait for an answer.
func (r *Room) forget(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.takePendingLocked(id)
}

// takePendingLocked removes and returns the request with an id, or nil.
func (r *Room) takePendingLocked(id string) *request {
	req := r.pending[id]
	if req == nil {
		return nil
	}
	delete(r.pending, id)
	if req.over.place.requests--; req.over.place.requests == 0 && req.over.place.idle != nil {
		close(req.over.place.idle)
		req.over.place.idle = nil
	}
	r.changed.Broadcast()
	return req
}

// answerLocked hands an answer to who waits for it, if anyone does.
func (r *Room) answerLocked(id string, a answer) {
	if req := r.takePendingLocked(id); req != nil {
		req.answered <- a
	}
}

// giveUpLocked answers all requests that it is unknown whether they were done.
func (r *Room) giveUpLocked(cause error) {
	for id := range r.pending {
		r.answerLocked(id, answer{err: unknown(cause)})
	}
}

// loseLocked deals with the requests whose session has ended.
func (r *Room) loseLocked(s *session) {
	if r.reachableLocked() == nil {
		r.giveUpLocked(s.place.cause)
		return
	}
	for _, req := range r.pending {
		if req.over == s {
			req.lost <- s.place.cause
		}
	}
}
