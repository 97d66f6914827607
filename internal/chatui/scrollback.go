package chatui

// maxEntries is how many entries can be scrolled back to. Older ones are forgotten.
const maxEntries = 5000

// scrollback holds what was received and told, and the part of it that is on the
// screen. Entries are numbered from 0 as they come and keep their numbers. An entry is
// drawn when it comes into view, and again only when it or the canvas has changed:
// neither a frame nor a new width has a cost that grows with the number of entries.
type scrollback struct {
	canvas  canvas
	height  int // lines on the screen; may be 0
	entries []*entry
	first   int               // the number of entries[0]
	byID    map[string]*entry // the messages among entries

	following bool  // the newest line is on the screen
	held      bool  // do not begin to follow by getting there
	bottom    place // the last line on the screen, unless following
	unread    int   // messages since following ended
}

// place is a line of an entry.
type place struct {
	entry int // number
	line  int
}

func newScrollback(c canvas) *scrollback {
	return &scrollback{canvas: c, byID: map[string]*entry{}, following: true}
}

// add puts an entry at the end, and forgets the oldest when there are too many. A
// message that is there already is not added again.
func (s *scrollback) add(e *entry) {
	if e.id != "" {
		if s.byID[e.id] != nil {
			return
		}
		s.byID[e.id] = e
	}
	s.entries = append(s.entries, e)
	if len(s.entries) > maxEntries {
		delete(s.byID, s.entries[0].id)
		s.entries[0] = nil
		s.entries = s.entries[1:]
		s.first++
	}
	if !s.following && e.kind == said {
		s.unread++
	}
}

// delete shows a message as deleted. It reports whether the message is there.
func (s *scrollback) delete(id, note string) bool {
	e := s.byID[id]
	if e == nil {
		return false
	}
	e.kind, e.text, e.note, e.lines = deleted, "", note, nil
	return true
}

// at returns the entry with a number, or nil when it was forgotten or never was.
func (s *scrollback) at(number int) *entry {
	if i := number - s.first; i >= 0 && i < len(s.entries) {
		return s.entries[i]
	}
	return nil
}

// end returns the number of the entry that comes next.
func (s *scrollback) end() int { return s.first + len(s.entries) }

func (s *scrollback) lines(number int) []string { return s.canvas.draw(s.at(number)) }

// last returns the last line of all. There must be an entry.
func (s *scrollback) last() place {
	n := s.end() - 1
	return place{n, len(s.lines(n)) - 1}
}

// up returns the place n lines above p, or the first line of all, and how many lines
// that is.
func (s *scrollback) up(p place, n int) (place, int) {
	moved := 0
	for moved < n {
		switch step := n - moved; {
		case step <= p.line:
			return place{p.entry, p.line - step}, n
		case p.entry == s.first:
			return place{p.entry, 0}, moved + p.line
		default:
			moved += p.line + 1
			p.entry--
			p.line = len(s.lines(p.entry)) - 1
		}
	}
	return p, moved
}

// down returns the place n lines below p, or the last line of all.
func (s *scrollback) down(p place, n int) place {
	for {
		left := len(s.lines(p.entry)) - 1 - p.line
		switch {
		case n <= left:
			return place{p.entry, p.line + n}
		case p.entry == s.end()-1:
			return place{p.entry, p.line + left}
		}
		n -= left + 1
		p = place{p.entry + 1, 0}
	}
}

// settle moves the screen to lines that exist: not past the first, nor at an entry
// that was forgotten or has become shorter. At the last line it follows again, unless
// it is held.
func (s *scrollback) settle() {
	if s.following || len(s.entries) == 0 {
		return
	}
	if s.bottom.entry < s.first {
		s.bottom = place{s.first, 0}
	}
	s.bottom.line = min(s.bottom.line, len(s.lines(s.bottom.entry))-1)
	if _, above := s.up(s.bottom, s.height-1); above < s.height-1 {
		s.bottom = s.down(s.bottom, s.height-1-above)
	}
	if s.bottom == s.last() && !s.held {
		s.follow()
	}
}

// follow moves to the newest line and stays there.
func (s *scrollback) follow() { s.following, s.unread = true, 0 }

// leave returns the last line on the screen and ends following.
func (s *scrollback) leave() place {
	if s.following {
		s.bottom, s.following = s.last(), false
	}
	return s.bottom
}

// scroll moves the screen by lines, up when negative.
func (s *scrollback) scroll(by int) {
	if len(s.entries) == 0 {
		return
	}
	s.settle()
	if bottom := s.leave(); by < 0 {
		s.bottom, _ = s.up(bottom, -by)
	} else {
		s.bottom = s.down(bottom, by)
	}
	s.settle()
}

// reveal moves the screen so that it shows an entry.
func (s *scrollback) reveal(number int) {
	s.settle()
	bottom := s.leave()
	top, _ := s.up(bottom, s.height-1)
	switch end := (place{number, len(s.lines(number)) - 1}); {
	case number <= top.entry:
		s.bottom = s.down(place{number, 0}, s.height-1)
	case number >= bottom.entry:
		s.bottom = end
	}
	s.settle()
}

// visible is a line on the screen.
type visible struct {
	text  string
	entry int // number
}

// view returns the lines on the screen, at most height.
func (s *scrollback) view() []visible {
	s.settle()
	if len(s.entries) == 0 || s.height < 1 {
		return nil
	}
	bottom := s.bottom
	if s.following {
		bottom = s.last()
	}
	top, above := s.up(bottom, s.height-1)
	view := make([]visible, 0, above+1)
	for p := top; len(view) <= above; {
		lines := s.lines(p.entry)
		for ; p.line < len(lines) && len(view) <= above; p.line++ {
			view = append(view, visible{lines[p.line], p.entry})
		}
		p = place{p.entry + 1, 0}
	}
	return view
}
