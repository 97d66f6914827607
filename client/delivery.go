package client

import (
	"errors"
	"time"

	"github.com/parley-chat/parley/internal/wire"
)

// errExpired is why a session ended that the server told so: its time is up.
var errExpired = errors.New("the session has expired")

// codeExpired is the ERROR code for that.
const codeExpired = 401

// take takes one frame that a session received. It waits while there is no space for
// it, and so does the session. The error ends the session.
func (r *Room) take(s *session, text []byte) error {
	frame, err := wire.ParseFrame(text)
	if err != nil {
		r.options.Log.Debug("frame ignored", "err", err)
		return nil
	}
	switch f := frame.(type) {
	case wire.ErrorFrame:
		return r.takeError(f)
	case wire.MessageFrame:
		r.put(s, &Message{f.Message, f.Sender})
	case wire.EventFrame:
		received, ok := receivedFrom(f.Event)
		if !ok {
			r.options.Log.Debug("event ignored", "name", f.Name)
			return nil
		}
		r.put(s, received)
	}
	return nil
}

func (r *Room) takeError(f wire.ErrorFrame) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answerLocked(f.RequestID, answer{err: &RequestError{
		Code: f.Code, ID: f.ID, RequestID: f.RequestID, Message: f.Message}})
	if f.Code == codeExpired {
		return errExpired
	}
	return nil
}

// put puts what a session received where it belongs: into the queue when the session
// is the source, and otherwise aside until it is. Before that, it is matched with the
// requests that wait, so that a request is answered even when the queue is full.
func (r *Room) put(s *session, received Received) {
	_, requestID := received.origin()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answerLocked(requestID, answer{echo: received})
	for r.err == nil && !r.hasSpaceLocked(s) {
		r.changed.Wait()
	}
	switch {
	case r.err != nil: // the state that was told of last is the last
	case s != r.source:
		s.place.held = append(s.place.held, received)
	default:
		r.deliverLocked(received)
	}
}

// deliverLocked puts what was received into the queue, unless it was there before.
func (r *Room) deliverLocked(received Received) {
	if id, _ := received.origin(); r.seen.add(id, r.repeatsLocked()) {
		r.pushLocked(received)
	}
}

// hasSpaceLocked reports whether there is space for one more frame of a session. While
// requests wait for their answers, there is twice as much: who makes a request in a loop
// over Receive takes nothing out of the queue meanwhile, so that the answer would never
// be read. When that is full, too, the requests are given up.
func (r *Room) hasSpaceLocked(s *session) bool {
	used := len(s.place.held)
	if s == r.source {
		used = len(r.queue)
		if !r.receiving { // the oldest is dropped for it
			return true
		}
	}
	if len(r.pending) > 0 {
		if used < 2*r.options.QueueLen {
			return true
		}
		r.giveUpLocked(errCrowded)
	}
	return used < r.options.QueueLen
}

// pushLocked adds to the queue. As long as nobody has asked for what is in it, the oldest
// goes when it is full.
func (r *Room) pushLocked(received Received) {
	if !r.receiving && len(r.queue) >= r.options.QueueLen {
		r.popLocked()
	}
	r.queue = append(r.queue, received)
	r.changed.Broadcast()
}

// popLocked takes the oldest out of the queue.
func (r *Room) popLocked() Received {
	oldest := r.queue[0]
	r.queue[0] = nil // the garbage collector would keep it
	r.queue = r.queue[1:]
	return oldest
}

// changeLocked tells receivers of a change of state. In a queue that is full, it takes
// the place of one just before it: there is no end to these.
func (r *Room) changeLocked(c *StateChange) {
	r.state = c.State
	if last := len(r.queue) - 1; last >= r.options.QueueLen-1 {
		if _, ok := r.queue[last].(*StateChange); ok {
			r.queue[last] = c
			r.changed.Broadcast()
			return
		}
	}
	r.pushLocked(c)
}

// repeatsLocked reports whether what was received may come again, over another session:
// one is being opened, or is open, or has just taken over.
func (r *Room) repeatsLocked() bool {
	return r.next != nil || time.Now().Before(r.repeatsUntil)
}

// manySeen and fewSeen are how many ids a room remembers, at least, while two sessions
// receive the same, and otherwise. The first is what a room with 5,000 messages a second
// receives in the longest refresh, of 11 seconds. The second is for a server that sends
// something twice over one session, which it should not.
const (
	manySeen = 1 << 16
	fewSeen  = 1 << 8
)

// seen remembers the ids of what was delivered. It holds two generations, so that the
// oldest ids can be forgotten all at once.
type seen struct {
	recent, older map[string]struct{}
}

// add adds an id and reports whether it is new.
func (s *seen) add(id string, many bool) bool {
	_, again := s.recent[id]
	if _, before := s.older[id]; again || before {
		return false
	}
	limit := fewSeen
	if many {
		limit = manySeen
	}
	if len(s.recent) >= limit || s.recent == nil {
		s.recent, s.older = map[string]struct{}{}, s.recent
	}
	s.recent[id] = struct{}{}
	return true
}
