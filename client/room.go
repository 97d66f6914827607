package client

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"
)

var errNoProvider = errors.New("the token provider is missing")

// closePatience is how long the server may take to answer when a room ends.
const closePatience = time.Second

// Room is a user's place in a chat room. It stays connected until Close, or until it
// ends with a *DisconnectedError. Its methods may be called by many goroutines.
type Room struct {
	// One goroutine, run, decides which sessions there are, and each of them has one that
	// reads. Usually that is one session. In a refresh there are two: the source, whose
	// frames are delivered, and the next, whose frames are held until it is the source.

	url     string
	tokens  TokenProvider
	options Options

	stop context.CancelFunc // ends run
	work sync.WaitGroup     // all goroutines

	mu           sync.Mutex // guards what follows, and the place of each session
	changed      sync.Cond  // broadcast when any of it has changed
	state        State
	err          error               // why the room ended; nil until then
	source, next *session            // next only with a source
	queue        []Received          // waits for Receive, the oldest first
	receiving    bool                // Receive was called
	pending      map[string]*request // by their ids
	seen         seen                // the ids of what was put into the queue
	repeatsUntil time.Time           // what is received may come again over another session
	busyUntil    time.Time           // the server wants no connections before this
}

// Dial connects to the room that the provider's tokens are for, at an address that
// begins with ws, wss, http or https. It makes one attempt, which ctx limits. Then the
// room stays connected by itself, for as long as it can. The error may be a
// *HandshakeError.
func Dial(ctx context.Context, url string, tokens TokenProvider, options Options) (*Room, error) {
	options, wrong := options.withDefaults()
	if tokens == nil {
		wrong = errors.Join(wrong, errNoProvider)
	}
	url, err := parseURL(url)
	if err := errors.Join(wrong, err); err != nil {
		return nil, err
	}
	r := &Room{url: url, tokens: tokens, options: options, pending: map[string]*request{}}
	r.changed.L = &r.mu
	first, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	r.adopt(first, 0)
	r.options.Log.Info("connected")
	r.work.Go(func() { r.run(ctx, first) })
	return r, nil
}

// State says whether the room can be reached.
func (r *Room) State() State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state
}

// Receive returns what waits in the queue and what the room receives from now on, in the
// order in which the server sent it, also what the room's own user sends. The first of
// all is the change of state to Connected. What one loop takes no other gets.
//
// After Close, the loop ends. Otherwise its last pair has an error, and no more than
// that: ctx.Err(), or a *DisconnectedError when everything before the room's end was
// received.
func (r *Room) Receive(ctx context.Context) iter.Seq2[Received, error] {
	r.mu.Lock()
	r.receiving = true
	r.mu.Unlock()
	return func(yield func(Received, error) bool) {
		stop := context.AfterFunc(ctx, r.wake)
		defer stop()
		for {
			received, err := r.receive(ctx)
			if received == nil && err == nil { // the room was closed
				return
			}
			if !yield(received, err) || err != nil {
				return
			}
		}
	}
}

// receive waits for the next in the queue. It returns nothing, and no error, after Close.
func (r *Room) receive(ctx context.Context) (Received, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		switch {
		case r.err == ErrClosed:
			return nil, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case len(r.queue) > 0:
			r.changed.Broadcast() // there is space
			return r.popLocked(), nil
		case r.err != nil:
			return nil, r.err
		}
		r.changed.Wait()
	}
}

// Handle calls handlers with what the room receives, one at a time, until the room ends
// or ctx is done. It returns nil after Close, and else what ends a loop over Receive.
func (r *Room) Handle(ctx context.Context, handlers Handlers) error {
	for received, err := range r.Receive(ctx) {
		if err != nil {
			return err
		}
		handlers.handle(received)
	}
	return nil
}

// wake has all who wait look whether their context is done.
func (r *Room) wake() {
	r.mu.Lock() // or it could come between a look and the wait
	defer r.mu.Unlock()
	r.changed.Broadcast()
}

// Close leaves the room. What waits in its queue is dropped, and requests without an
// answer fail with an error that is ErrOutcomeUnknown and ErrClosed. It returns nil, when
// nothing of the room runs any more: after a second or two at most, unless the token
// provider goes on. It may be called twice, and has to be called once.
func (r *Room) Close() error {
	r.mu.Lock()
	r.endLocked(ErrClosed)
	r.err, r.queue = ErrClosed, nil // also when it had ended before
	r.changed.Broadcast()
	r.mu.Unlock()
	r.work.Wait()
	return nil
}

// end ends the room for a reason, unless it has ended before.
func (r *Room) end(why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.endLocked(why)
}

func (r *Room) endLocked(why error) {
	if r.err != nil {
		return
	}
	r.err = why
	r.changeLocked(&StateChange{State: Disconnected, Err: why})
	r.giveUpLocked(why)
	for _, s := range []*session{r.source, r.next} {
		if s != nil {
			s.finish(closePatience)
		}
	}
	r.stop()
	r.changed.Broadcast()
}

// logEnd leaves out what the server gave as a reason: somebody said it.
func (r *Room) logEnd() {
	r.mu.Lock()
	why := r.err
	r.mu.Unlock()
	if d := (*DisconnectedError)(nil); errors.As(why, &d) && d.Reason == ServerDisconnect {
		r.options.Log.Info("disconnected by the server", "code", d.Code)
		return
	}
	r.options.Log.Info("disconnected", "err", why)
}
