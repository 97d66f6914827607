package chatui

import (
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// kind is what an entry shows.
type kind int

const (
	said     kind = iota // a message of the room
	deleted              // a message that was deleted; note is why
	happened             // an event, or a change of the connection
	told                 // what this program has to say
	alarm                // the same, but bad news
	sending              // a message on its way
	failed               // a message that was not sent; note is why
)

// entry is one thing on the screen. Its texts are clean.
type entry struct {
	kind   kind
	id     string // of a message
	userID string
	name   string
	colour string // that the user wants for the name
	own    bool
	at     time.Time // may be zero
	text   string
	note   string

	lines []string // as drawn; nil when they have to be
	drawn int      // the canvas' generation that lines are for
}

// canvas is what entries are drawn for.
type canvas struct {
	generation int // changes with the rest
	width      int // columns, at least minWidth
	ruler      ruler
	theme      theme
	location   *time.Location
}

const (
	minWidth     = 10 // in a narrower terminal, the ends of lines are not seen
	withTime     = 40 // the least width at which entries show their time
	minNameWidth = 6
	maxNameWidth = 24
)

var (
	bold    = ansi.NewStyle().Bold()
	faint   = ansi.NewStyle().Faint()
	reverse = ansi.NewStyle().Reverse(true)
)

// draw returns the lines of an entry, none wider than the canvas.
func (c *canvas) draw(e *entry) []string {
	if e.lines == nil || e.drawn != c.generation {
		e.lines, e.drawn = c.lines(e), c.generation
	}
	return e.lines
}

func (c *canvas) lines(e *entry) []string {
	switch e.kind {
	case happened:
		return c.paragraph(paragraph{at: e.at, lead: "-- ", style: faint, text: e.text})
	case told:
		return c.paragraph(paragraph{at: e.at, lead: "-- ", text: e.text})
	case alarm:
		return c.paragraph(paragraph{at: e.at, mark: "!", lead: "-- ", text: e.text})
	}
	name := c.ruler.cut(c.ruler.fit(e.name), c.nameWidth())
	p := paragraph{at: e.at, lead: name + ": ", leadStyle: c.nameStyle(e), text: e.text}
	switch e.kind {
	case deleted:
		p.style, p.text = faint, "message deleted"+e.note
	case sending, failed:
		p.style = faint
	}
	if e.own {
		p.mark = "*"
	}
	lines := c.paragraph(p)
	if e.kind == failed {
		lines = append(lines, c.paragraph(paragraph{mark: "!", text: "not sent: " + e.note})...)
	}
	return lines
}

func (c *canvas) nameWidth() int {
	return min(max(c.width/3, minNameWidth), maxNameWidth)
}

func (c *canvas) nameStyle(e *entry) ansi.Style {
	style := ansi.NewStyle().Bold()
	if colour := c.theme.nameColour(e.userID, e.colour); colour != nil {
		style = style.ForegroundColor(colour)
	}
	return style
}

// paragraph is text with what stands before it.
type paragraph struct {
	mark      string // one column: * for this user's messages, ! for what went wrong
	at        time.Time
	lead      string // who or what the text is from
	leadStyle ansi.Style
	text      string
	style     ansi.Style
}

// paragraph returns the lines of p. All but the first are indented.
func (c *canvas) paragraph(p paragraph) []string {
	clock, indent := c.clock(p.at), 2
	if clock != "" {
		indent = 1 + len(clock)
	}
	used := 1 + len(clock) + c.ruler.width(p.lead)
	lines := c.ruler.wrap(c.ruler.fit(p.text), c.width-used, c.width-indent)
	for i, line := range lines {
		lines[i] = strings.Repeat(" ", indent) + paint(p.style, line)
	}
	lines[0] = c.ruler.pad(p.mark, 1) + paint(faint, clock) +
		paint(p.leadStyle, p.lead) + strings.TrimLeft(lines[0], " ")
	return lines
}

// clock returns a time of day and a space, or as many spaces for the zero time, or
// nothing where the canvas is too narrow.
func (c *canvas) clock(at time.Time) string {
	const layout = "15:04 "
	switch {
	case c.width < withTime:
		return ""
	case at.IsZero():
		return strings.Repeat(" ", len(layout))
	}
	return at.In(c.location).Format(layout)
}

// paint gives text a style. None is written for what cannot be seen.
func paint(s ansi.Style, text string) string {
	if strings.Trim(text, " ") == "" {
		return text
	}
	return s.Styled(text)
}
