// Package fanout writes one stream of frames to many sockets, and reads them. A
// Tape holds the frames that all sessions of a room receive, each encoded and
// framed once; a Session is a place on the tape and a socket; an Engine runs
// sessions. It owns the sockets and their deadlines and knows nothing of chat:
// what the frames say, and what clients send, is left to others.
package fanout

import (
	"sync"
	"sync/atomic"
	"time"
)

// Sizes of a tape's pieces. A room that says little has small ones, since every
// room keeps its last piece; under load they grow, so that one write to a socket
// can carry many frames.
const (
	minChunkBytes = 1 << 10
	maxChunkBytes = 64 << 10
	// quickFill is how soon a piece must be full for the next one to be larger.
	quickFill = time.Second
)

// Tape is an append-only list of server WebSocket frames. Sessions read it
// without a lock, each from where it stands; pieces that all sessions have passed
// are garbage. The zero value is an empty tape.
type Tape struct {
	end   atomic.Int64          // bytes appended so far; grows under mu
	watch atomic.Pointer[watch] // set under mu; nil when nobody wants to know

	mu       sync.Mutex // guards what follows; held while appending
	last     *chunk
	sessions int                // that have joined and not left
	walks    []*walk            // of the shards that have sessions on this tape
	pumps    map[*pump]struct{} // of the sessions that have goroutines of their own
}

// chunk is a piece of a tape. It holds whole frames: none spans two chunks.
type chunk struct {
	bytes []byte                // of fixed length; written up to n
	n     atomic.Int64          // what is written is never written again
	next  atomic.Pointer[chunk] // set once n is final
	made  time.Time
}

// position is a place on a tape: of a session whose last write was complete, a
// place between two frames.
type position struct {
	chunk  *chunk
	offset int64 // in chunk
	total  int64 // bytes of the tape before this place
}

// watch waits until the first session has been written a frame.
type watch struct {
	end      int64 // of the frame, in bytes of the tape
	sessions int
	written  func(sessions int)
}

// Append puts one text frame with the given payload at the end of the tape, wakes
// the sessions, and returns how many there are. It copies payload. It never waits
// for a socket: a session that has fallen too far behind is dropped.
func (t *Tape) Append(payload []byte) (sessions int) { return t.append(payload, nil) }

// AppendWatched is Append, and has the goroutine that first wrote the whole frame to a
// socket call written, which gets the number of sessions and must not wait. It is not
// called when there are no sessions, or while the tape waits for an earlier frame's
// first write.
func (t *Tape) AppendWatched(payload []byte, written func(sessions int)) (sessions int) {
	return t.append(payload, written)
}

func (t *Tape) append(payload []byte, written func(int)) (sessions int) {
	var late []*pump
	t.mu.Lock()
	if written != nil && t.sessions > 0 && t.watch.Load() == nil {
		end := t.end.Load() + int64(frameSize(len(payload)))
		t.watch.Store(&watch{end, t.sessions, written}) // before anybody can write the frame
	}
	t.writeLocked(payload)
	for _, w := range t.walks {
		w.wake()
	}
	for p := range t.pumps {
		if !p.grown() {
			late = append(late, p)
		}
	}
	sessions = t.sessions
	t.mu.Unlock()
	for _, p := range late {
		p.hangUp()
	}
	return sessions
}

// writeLocked appends a text frame; t.mu is held.
func (t *Tape) writeLocked(payload []byte) {
	size := frameSize(len(payload))
	last := t.lastLocked()
	n := last.n.Load()
	if int(n)+size > len(last.bytes) {
		next := newChunk(max(last.successorBytes(), size))
		putFrame(next.bytes, opText, payload)
		next.n.Store(int64(size))
		last.next.Store(next)
		t.last = next
	} else {
		putFrame(last.bytes[n:], opText, payload)
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

func newChunk(size int) *chunk { return &chunk{bytes: make([]byte, size), made: time.Now()} }

// successorBytes returns how large the chunk after c should be.
func (c *chunk) successorBytes() int {
	if time.Since(c.made) > quickFill {
		return minChunkBytes
	}
	return min(max(2*len(c.bytes), minChunkBytes), maxChunkBytes)
}

// Join adds a session that stands at the end of the tape: it will receive all
// that is appended from now on, once an engine has started it.
func (t *Tape) Join() *Session {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sessions++
	last := t.lastLocked()
	return &Session{
		tape: t,
		at:   position{chunk: last, offset: last.n.Load(), total: t.end.Load()},
	}
}

func (t *Tape) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sessions--
}

// reached says that a session has been written the tape up to a place.
func (t *Tape) reached(place int64) {
	if w := t.watch.Load(); w != nil && place >= w.end && t.watch.CompareAndSwap(w, nil) {
		w.written(w.sessions)
	}
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

// advance moves p over n bytes, which may lie in several chunks.
func (p *position) advance(n int64) {
	p.total += n
	for {
		left := p.chunk.n.Load() - p.offset
		if n <= left {
			p.offset += n
			return
		}
		n -= left
		p.chunk, p.offset = p.chunk.next.Load(), 0
	}
}
