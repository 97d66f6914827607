package fanout

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Engine runs sessions. Where it can (plain TCP on Linux) it spreads them over
// shards, each one goroutine with many sessions; a session of any other kind has
// goroutines of its own. What sessions do is the same.
type Engine struct {
	epoch  time.Time
	shards []*shard
	turn   atomic.Uint32 // whose the next session is
	pumps  sync.WaitGroup

	backlog backlog
}

// backlog is what blocked sessions have yet to take: those whose sockets are full.
type backlog struct {
	sessions, bytes atomic.Int64
}

// Backlog returns how many sessions have sockets that are full, and how many bytes of
// theirs wait for that, as of the last time that the engine looked at them.
func (e *Engine) Backlog() (sessions int, bytes int64) {
	return int(e.backlog.sessions.Load()), e.backlog.bytes.Load()
}

// owes replaces what a blocked session owed before by what it owes now; 0 is nothing.
func (b *backlog) owes(before, now int64) {
	switch {
	case before == 0 && now != 0:
		b.sessions.Add(1)
	case before != 0 && now == 0:
		b.sessions.Add(-1)
	}
	b.bytes.Add(now - before)
}

// NewEngine returns an engine with a number of shards, of which one for each CPU is
// right. With none, and on systems other than Linux, all sessions have goroutines of
// their own. The error is that of the system, which has no more files to give.
func NewEngine(shards int) (*Engine, error) {
	e := &Engine{epoch: time.Now()}
	for range shards {
		sh, err := newShard(e)
		if errors.Is(err, errors.ErrUnsupported) {
			break
		}
		if err != nil {
			e.Close()
			return nil, fmt.Errorf("make shard: %w", err)
		}
		e.shards = append(e.shards, sh)
	}
	return e, nil
}

// Start begins to serve a session that has joined a tape: to write to conn, first
// what the tape has got since, and to read from it, first what has been read
// already. The receiver is told when the session has lived for the given time. The
// engine owns conn from here on.
func (e *Engine) Start(s *Session, conn net.Conn, early []byte, r Receiver, life time.Duration) {
	if tcp, ok := conn.(*net.TCPConn); ok && len(e.shards) > 0 {
		sh := e.shards[int(e.turn.Add(1))%len(e.shards)]
		if sh.start(s, tcp, early, r, life) == nil {
			return
		}
	}
	newPump(e, s, conn).start(early, r, life)
}

// Lag returns how long the slowest shard took, of late, to write what a tape got to
// all its sessions there. It is 0 when all shards are idle.
func (e *Engine) Lag() time.Duration {
	var lag time.Duration
	for _, sh := range e.shards {
		lag = max(lag, sh.lag())
	}
	return lag
}

// Close ends the engine. All its sessions must be about to end: it waits for them.
func (e *Engine) Close() {
	for _, sh := range e.shards {
		sh.stop()
	}
	e.pumps.Wait()
}

// now returns the present as sessions count it.
func (e *Engine) now() instant { return instant(time.Since(e.epoch)) + 1 }
