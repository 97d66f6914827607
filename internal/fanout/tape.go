// Package fanout writes one stream of frames to many sockets. A Tape holds the
// frames that all sessions of a room receive, each encoded and framed once; a
// Session is a place on the tape and a socket. It owns the sockets' writing side
// and knows nothing of chat: what the frames say, and all reading, is left to
// others.
package fanout

import (
	"sync"
	"sync/atomic"
)

// chunkBytes is the size of a tape's pieces. It bounds how much one write to a
// socket carries, and what an idle room keeps in memory.
const chunkBytes = 16 << 10

// Tape is an append-only list of server WebSocket frames. Sessions read it
// without a lock, each from where it stands; pieces that all sessions have passed
// are garbage. The zero value is an empty tape.
type Tape struct {
	end atomic.Int64 // bytes appended so far; grows under mu

	mu       sync.Mutex // guards last and sessions; held while appending
	last     *chunk
	sessions map[*Session]struct{}
}

// chunk is a piece of a tape. It holds whole frames: none spans two chunks.
type chunk struct {
	bytes []byte                // of fixed length; written up to n
	n     atomic.Int64          // what is written is never written again
	next  atomic.Pointer[chunk] // set once n is final
}

// position is a place on a tape, always between two frames.
type position struct {
	chunk  *chunk
	offset int64 // in chunk
	total  int64 // bytes of the tape before this place
}

// Append puts one text frame with the given payload at the end of the tape, wakes
// the sessions, and returns how many there are. It copies payload. It never waits
// for a socket: a session that has fallen too far behind is dropped.
func (t *Tape) Append(payload []byte) (sessions int) {
	var late []*Session
	t.mu.Lock()
	t.write(opText, payload)
	end := t.end.Load()
	for s := range t.sessions {
		if end-s.written.Load() > maxBehindBytes {
			late = append(late, s)
		}
		s.signal()
	}
	sessions = len(t.sessions)
	t.mu.Unlock()
	for _, s := range late {
		s.drop(ErrTooSlow)
	}
	return sessions
}

// write appends a frame; t.mu is held.
func (t *Tape) write(op opcode, payload []byte) {
	size := frameSize(len(payload))
	last := t.lastLocked()
	n := last.n.Load()
	if int(n)+size > len(last.bytes) {
		next := newChunk(max(chunkBytes, size))
		putFrame(next.bytes, op, payload)
		next.n.Store(int64(size))
		last.next.Store(next)
		t.last = next
	} else {
		putFrame(last.bytes[n:], op, payload)
		last.n.Store(n + int64(size))
	}
	t.end.Add(int64(size))
}

// lastLocked returns the chunk that grows. A tape nobody wrote to has one
// without room, so that an idle room costs almost nothing.
func (t *Tape) lastLocked() *chunk {
	if t.last == nil {
		t.last = newChunk(0)
	}
	return t.last
}

func newChunk(size int) *chunk { return &chunk{bytes: make([]byte, size)} }

// Join adds a session that stands at the end of the tape: it will receive all
// that is appended from now on, once it is started.
func (t *Tape) Join() *Session {
	s := &Session{
		tape:     t,
		wake:     make(chan struct{}, 1),
		answered: make(chan struct{}),
		stop:     make(chan struct{}),
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	last := t.lastLocked()
	s.at = position{chunk: last, offset: last.n.Load(), total: t.end.Load()}
	s.written.Store(s.at.total)
	if t.sessions == nil {
		t.sessions = map[*Session]struct{}{}
	}
	t.sessions[s] = struct{}{}
	return s
}

func (t *Tape) leave(s *Session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.sessions, s)
}

// unread returns the frames after p that lie in one chunk, and steps over to the
// next chunk first if p is at the end of a finished one. It returns nothing at the
// end of the tape.
func (p *position) unread() []byte {
	for {
		next := p.chunk.next.Load() // before n, which is final once next is set
		n := p.chunk.n.Load()
		if p.offset < n || next == nil {
			return p.chunk.bytes[p.offset:n]
		}
		p.chunk, p.offset = next, 0
	}
}

// advance moves p over n bytes of its chunk.
func (p *position) advance(n int) {
	p.offset += int64(n)
	p.total += int64(n)
}
