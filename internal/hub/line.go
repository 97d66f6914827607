package hub

import "sync"

// maxLine is how many requests of a session may wait in line. More are refused like
// those over a rate.
const maxLine = 256

// line keeps a session's requests in order while messages of it are under review: what
// comes after one of those waits for it. Reviews of one session go on side by side, so
// a message waits no longer than the slowest review that began before its own.
type line struct {
	session *Session

	mu      sync.Mutex // guards what follows; held while requests are handed on
	waiting []*place   // the oldest first
	reviews int        // how many of them are under review
	left    bool       // the session has ended, and leaves its room after the last one
}

// place is a request in a line.
type place struct {
	request request
	decided bool // whether the verdict is known
	verdict verdict
}

// openLine returns the session's line, which it has from its first review on.
// Only Request calls it.
func (s *Session) openLine() *line {
	l := s.line.Load()
	if l == nil {
		l = &line{session: s}
		s.line.Store(l)
	}
	return l
}

// join puts a request at the end of the line, and returns how many are under review
// now. It fails when the line is too long.
func (l *line) join(p *place) (reviews int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) >= maxLine {
		return l.reviews, false
	}
	l.waiting = append(l.waiting, p)
	if !p.decided {
		l.reviews++
	}
	l.advanceLocked()
	return l.reviews, true
}

// decide ends a review, and the session's stay in its room if it was only waiting for
// that.
func (l *line) decide(p *place, v verdict) {
	l.mu.Lock()
	p.verdict, p.decided = v, true
	l.reviews--
	l.advanceLocked()
	last := l.left && len(l.waiting) == 0
	l.mu.Unlock()
	if last {
		l.session.exit()
	}
}

// advanceLocked hands on the requests at the front that wait for nothing.
func (l *line) advanceLocked() {
	for len(l.waiting) > 0 && l.waiting[0].decided {
		l.waiting[0].handOn()
		l.waiting[0] = nil
		l.waiting = l.waiting[1:]
	}
	if len(l.waiting) == 0 {
		l.waiting = nil // frees what a burst has needed
	}
}

// handOn publishes the request's event, or answers with its error.
func (p *place) handOn() {
	s := p.request.session
	if p.verdict.err == nil {
		s.room.send(p.request, p.verdict.event)
		return
	}
	p.request.span.End(p.verdict.err)
	s.refuse(p.request.id, p.request.requestID, p.verdict.err)
	s.hub.cfg.Metrics.Request(string(p.request.action)) // it was processed
	s.hub.pending.Add(-1)                               // after the answer, for which a drain waits
}

// leave reports whether the session stays in its room for its line's sake.
func (l *line) leave() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left = len(l.waiting) > 0
	return l.left
}

func (l *line) empty() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting) == 0
}
