package chatui

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/parley-chat/parley/client"
)

// Heights from which on there is a footer, and a header.
const (
	withFooter = 3
	withHeader = 5
)

// nearLimit is how many more code points a message may have when their number begins
// to be shown.
const nearLimit = 50

// logHeight returns how many lines the messages have.
func (s *screen) logHeight() int {
	height := s.height - 1 // the input
	if s.height >= withFooter {
		height--
	}
	if s.height >= withHeader {
		height--
	}
	return max(height, 0)
}

// View returns the screen: header, messages, input, footer.
func (s *screen) View() tea.View {
	v := tea.NewView("")
	v.AltScreen, v.MouseMode = true, tea.MouseModeCellMotion
	if s.width == 0 || s.height == 0 {
		return v // the size is not known yet
	}
	var lines []string
	if s.height >= withHeader {
		lines = append(lines, s.header())
	}
	lines = append(lines, s.messages()...)
	typed, column := s.inputLine()
	if column >= 0 {
		v.Cursor = tea.NewCursor(column, len(lines))
	}
	lines = append(lines, typed)
	if s.height >= withFooter {
		lines = append(lines, s.footer())
	}
	v.SetContent(strings.Join(lines, "\n"))
	return v
}

// messages returns the lines of the log, with blank ones above where there are too
// few. What is on its way comes last, in at most half of them.
func (s *screen) messages() []string {
	height := s.logHeight()
	var waiting []string
	if s.log.following {
		for _, e := range s.outgoing {
			waiting = append(waiting, s.log.canvas.draw(e)...)
		}
		waiting = waiting[max(0, len(waiting)-height/2):]
	}
	view := s.log.view()
	view = view[max(0, len(view)-(height-len(waiting))):]
	lines := make([]string, height-len(view)-len(waiting), height)
	for _, line := range view {
		if line.entry == s.selected {
			line.text = s.highlight(line.text)
		}
		lines = append(lines, line.text)
	}
	return append(lines, waiting...)
}

// highlight returns a line of the selected message.
func (s *screen) highlight(line string) string {
	text := []rune(ansi.Strip(line))
	text[0] = '>' // the first column is for marks, of one character
	return reverse.Styled(s.log.canvas.ruler.pad(string(text), s.log.canvas.width))
}

// part is a piece of the header. Where there is too little place, those with the highest
// rank are left out.
type part struct {
	text string
	rank int
}

// header says where this is, as whom, and how the connection does.
func (s *screen) header() string {
	r, width := s.log.canvas.ruler, s.log.canvas.width
	stateRank := 4
	if s.state != client.Connected.String() {
		stateRank = 1
	}
	parts := []part{
		{r.cut(r.fit(clean(s.cfg.Title)), max(width/3, minNameWidth)), 2},
		{r.cut(r.fit(cleanName(s.cfg.UserID)), s.log.canvas.nameWidth()), 5},
		{r.fit(s.state), stateRank},
		{describeLatency(s.latency), 3},
		{s.describeUnread(), 0},
	}
	line := joinParts(r, parts, width-2)
	return reverse.Styled(" " + r.pad(r.cut(line, width-2), width-1))
}

// joinParts puts parts side by side, without those that have no place.
func joinParts(r ruler, parts []part, width int) string {
	parts = slices.DeleteFunc(parts, func(p part) bool { return p.text == "" })
	for {
		texts := make([]string, len(parts))
		last := 0
		for i, p := range parts {
			texts[i] = p.text
			if p.rank > parts[last].rank {
				last = i
			}
		}
		line := strings.Join(texts, "  ")
		if r.width(line) <= width || len(parts) <= 1 {
			return line
		}
		parts = slices.Delete(parts, last, last+1)
	}
}

func (s *screen) describeUnread() string {
	if s.log.unread == 0 {
		return ""
	}
	return fmt.Sprintf("%d new", s.log.unread)
}

// describeLatency returns how long the last message was on its way, or "" for 0.
func describeLatency(d time.Duration) string {
	switch {
	case d == 0:
		return ""
	case d < time.Millisecond:
		return "<1 ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// inputLine returns the line that is typed into, and the column of the cursor, or -1
// for none.
func (s *screen) inputLine() (line string, column int) {
	if s.ended != nil {
		return "", -1
	}
	r, in, label := s.log.canvas.ruler, s.line(), "> "
	if s.prompt != nil {
		label = r.cut(r.fit(s.prompt.label), s.width/2)
	}
	counter := s.counter(in)
	place := max(s.width-r.width(label)-len(counter), 1)
	shown, at := in.view(r, place)
	line, column = label+r.pad(shown, place)+counter, r.width(label)+at
	if in.text == "" && s.prompt == nil && s.cfg.lacks(say) != "" {
		line = label + paint(faint, "view only")
	}
	if s.inList && s.prompt == nil {
		column = -1
	}
	return line, column
}

// counter returns how long a line is, when that is near its limit.
func (s *screen) counter(in *input) string {
	used, limit := utf8.RuneCountInString(in.text), in.limitOf(in.text)
	switch left := limit - used; {
	case left > min(nearLimit, limit/2):
		return ""
	case s.width < withTime:
		return fmt.Sprintf(" %d", left)
	default:
		return fmt.Sprintf(" %d/%d", used, limit)
	}
}

// footer says what just went wrong, or which keys there are.
func (s *screen) footer() string {
	r, width := s.log.canvas.ruler, s.log.canvas.width-1
	if s.flash != "" {
		return " " + bold.Styled(r.cut(r.fit(s.flash), width))
	}
	line := ""
	for _, hint := range s.hints() {
		if line != "" {
			hint = "  " + hint
		}
		if r.width(line+hint) > width {
			break
		}
		line += hint
	}
	return " " + paint(faint, line)
}

// hints returns what the keys do now, the most useful first.
func (s *screen) hints() []string {
	switch {
	case s.ended != nil:
		return []string{"Enter leaves", "PgUp scrolls"}
	case s.prompt != nil:
		return []string{"Enter does it", "Esc does not", "the reason may be empty"}
	case s.inList:
		return s.listHints()
	case !s.log.following:
		return []string{"End: newest", "PgUp/PgDn scroll", "Tab select", "/help"}
	}
	hints := []string{"Enter send", "/help", "Tab select", "PgUp scroll", "Ctrl-C leave"}
	if s.cfg.lacks(say) != "" {
		return hints[1:]
	}
	return hints
}

func (s *screen) listHints() []string {
	var hints []string
	if s.cfg.lacks(deleteMessage) == "" {
		hints = append(hints, "d delete")
	}
	if s.cfg.lacks(disconnectUser) == "" {
		hints = append(hints, "k kick")
	}
	hints = append(hints, "Up/Down", "Esc back")
	if e := s.selection(); e != nil {
		user := s.log.canvas.ruler.fit(cleanName(e.userID))
		hints = append(hints, "from "+user, "id "+clean(e.id))
	}
	return hints
}
