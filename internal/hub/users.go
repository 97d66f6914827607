package hub

import (
	"context"
	"iter"
	"time"
)

// users holds the sessions of a room by user: each user's newest session, which is
// linked to those before it. So a user's are found without a look at the others',
// and a user with thousands of them, such as one that all guests share, costs no more
// than any other.
type users map[string]*Session

func (u users) add(s *Session) {
	if s.older = u[s.userID]; s.older != nil {
		s.older.newer = s
	}
	u[s.userID] = s
}

// remove may be called twice.
func (u users) remove(s *Session) {
	switch {
	case s.newer != nil:
		s.newer.older = s.older
	case u[s.userID] != s:
		return
	case s.older == nil:
		delete(u, s.userID)
	default:
		u[s.userID] = s.older
	}
	if s.older != nil {
		s.older.newer = s.newer
	}
	s.newer, s.older = nil, nil
}

// of returns the sessions of a user, the newest first.
func (u users) of(user string) iter.Seq[*Session] {
	return func(yield func(*Session) bool) {
		for s := u[user]; s != nil && yield(s); s = s.older {
		}
	}
}

const (
	// maxOlder is how many of a user's older sessions are waited for.
	maxOlder = 4
	// olderTimeout bounds that wait: a session whose client does not read is not waited
	// for any longer.
	olderTimeout = time.Second
	// nodesApart is how far nodes may be apart in what they have laid, for a session that
	// goes on from one on another node to miss nothing.
	nodesApart = 50 * time.Millisecond
)

// OlderWritten returns a function that waits until what is older than the session is
// written to the user's other sessions of the room on this node, as far as their
// clients take it. Official clients open a second session every half minute, and
// listen to the first no more as soon as the handshake is answered: what they do not
// have from the first by then must come from the second.
//
// What other nodes have written is not known here. When there are any, the function
// waits until the session is nodesApart old: so the client misses nothing either, unless
// the other node is later than that with what this one had laid before, because it is
// overloaded or cut off, or because one that has failed is still waited for.
func (s *Session) OlderWritten() (await func(ctx context.Context)) {
	var marks []<-chan struct{}
	for _, older := range s.room.olderThan(s) {
		if marked := older.written(); marked != nil {
			marks = append(marks, marked)
		}
	}
	joined := time.Now()
	return func(ctx context.Context) {
		if s.hub.clustered.Load() {
			wait(ctx, time.Until(joined.Add(nodesApart)))
		}
		if len(marks) == 0 {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, olderTimeout)
		defer cancel()
		for _, marked := range marks {
			select {
			case <-marked:
			case <-ctx.Done():
				return
			}
		}
	}
}

// olderThan returns the newest of the user's sessions that are older than s.
func (r *room) olderThan(s *Session) (sessions []*Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for older := s.older; older != nil && len(sessions) < maxOlder; older = older.older {
		sessions = append(sessions, older)
	}
	return sessions
}

// written returns what fanout.Session.Written does, or nil when the session was not
// started yet: its own client awaits it.
func (s *Session) written() <-chan struct{} {
	s.mu.Lock()
	started := s.started
	s.mu.Unlock()
	if !started {
		return nil
	}
	return s.out.Written()
}
