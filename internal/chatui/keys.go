package chatui

import (
	"fmt"

	tea "charm.land/bubbletea/v2"

	"github.com/parley-chat/parley"
)

// prompt asks for the reason of a request.
type prompt struct {
	label   string
	input   input
	request request // without the reason
}

// Keys that mean the same everywhere, in the line of input, and in the list.
var (
	keys = map[string]func(*screen) tea.Cmd{
		"ctrl+c":     func(*screen) tea.Cmd { return tea.Quit },
		"pgup":       do(func(s *screen) { s.log.scroll(-max(s.log.height-1, 1)) }),
		"pgdown":     do(func(s *screen) { s.log.scroll(max(s.log.height-1, 1)) }),
		"shift+up":   do(func(s *screen) { s.log.scroll(-1) }),
		"shift+down": do(func(s *screen) { s.log.scroll(1) }),
		"ctrl+end":   do(func(s *screen) { s.log.follow() }),
	}
	typingKeys = map[string]func(*screen) tea.Cmd{
		"enter":     (*screen).submit,
		"esc":       (*screen).escape,
		"up":        do(func(s *screen) { s.input.older() }),
		"down":      do(func(s *screen) { s.input.newer() }),
		"tab":       do((*screen).enterList),
		"ctrl+up":   do((*screen).enterList),
		"ctrl+down": do((*screen).enterList),
	}
	listKeys = map[string]func(*screen) tea.Cmd{
		"up":        do(func(s *screen) { s.choose(-1) }),
		"ctrl+up":   do(func(s *screen) { s.choose(-1) }),
		"down":      do(func(s *screen) { s.choose(1) }),
		"ctrl+down": do(func(s *screen) { s.choose(1) }),
		"d":         do((*screen).askDelete),
		"k":         do((*screen).askKick),
		"tab":       do((*screen).leaveList),
		"/":         do(func(s *screen) { s.leaveList(); s.input.insert("/") }),
		"esc":       do((*screen).unselect),
		"end":       do((*screen).unselect),
	}
	endedKeys = map[string]func(*screen) tea.Cmd{
		"enter": func(*screen) tea.Cmd { return tea.Quit },
		"esc":   func(*screen) tea.Cmd { return tea.Quit },
		"q":     func(*screen) tea.Cmd { return tea.Quit },
		"end":   do(func(s *screen) { s.log.follow() }),
	}
)

// do returns what calls f and has nothing for the program to do.
func do(f func(*screen)) func(*screen) tea.Cmd {
	return func(s *screen) tea.Cmd {
		f(s)
		return nil
	}
}

// press does what a key means; text is what it types.
func (s *screen) press(key, text string) tea.Cmd {
	s.flash = ""
	again := s.escaped
	s.escaped = false
	if f, ok := keys[key]; ok {
		return f(s)
	}
	switch {
	case s.ended != nil:
		return s.pressIn(endedKeys, key)
	case s.prompt != nil:
		s.pressPrompt(key, text)
		return nil
	case s.inList:
		return s.pressIn(listKeys, key)
	case key == "esc" && again, key == "ctrl+d" && s.input.text == "":
		return tea.Quit
	case key == "end" && !s.log.following:
		s.log.follow()
		return nil
	}
	if f, ok := typingKeys[key]; ok {
		return f(s)
	}
	if !s.input.press(key, text) {
		s.warn(fmt.Sprintf("at most %d characters", s.input.limitOf(s.input.text)))
	}
	return nil
}

func (s *screen) pressIn(table map[string]func(*screen) tea.Cmd, key string) tea.Cmd {
	if f, ok := table[key]; ok {
		return f(s)
	}
	return nil
}

func (s *screen) pressPrompt(key, text string) {
	switch p := s.prompt; key {
	case "esc":
		s.prompt = nil
	case "enter":
		s.prompt = nil
		p.request.text = p.input.text
		s.ask(p.request)
	default:
		p.input.press(key, text)
	}
}

// escape leaves what there is to leave: the selection, old messages, and when pressed
// again, the room.
func (s *screen) escape() tea.Cmd {
	switch {
	case s.selected != none:
		s.selected = none
	case !s.log.following:
		s.log.follow()
	default:
		s.escaped = true
		s.warn("Esc again to leave")
	}
	return nil
}

// enterList gives the keys to the list, with the newest message selected unless one is
// already. The list stands still until it is left.
func (s *screen) enterList() {
	if s.selection() == nil {
		s.choose(-1)
	}
	if s.selection() == nil {
		s.warn("there is no message to select")
		return
	}
	s.inList, s.log.held = true, true
	s.log.reveal(s.selected)
}

// leaveList gives the keys to the input. The selection stays, for commands.
func (s *screen) leaveList() { s.inList, s.log.held = false, false }

// unselect leaves the list for the newest messages, with none selected.
func (s *screen) unselect() {
	s.leaveList()
	s.selected = none
	s.log.follow()
}

// choose selects the next message in a direction, 1 or -1, where there is one. When
// none is selected, that is the newest.
func (s *screen) choose(direction int) {
	from := s.selected
	if s.selection() == nil {
		from, direction = s.log.end(), -1
	}
	for n := from + direction; s.log.at(n) != nil; n += direction {
		if k := s.log.at(n).kind; k == said || k == deleted {
			s.selected = n
			s.log.reveal(n)
			return
		}
	}
}

// selection returns the selected message, or nil.
func (s *screen) selection() *entry { return s.log.at(s.selected) }

func (s *screen) askDelete() {
	if e := s.deletable(); e != nil {
		s.askReason("delete: why? ", request{verb: deleteMessage, target: e.id})
	}
}

// deletable returns the selected message if it can be deleted; else nil, and says why.
func (s *screen) deletable() *entry {
	e := s.selection()
	switch {
	case !s.may(deleteMessage):
		return nil
	case e == nil:
		s.warn("select a message first: Tab")
		return nil
	case e.kind == deleted:
		s.warn("this message is deleted already")
		return nil
	}
	return e
}

func (s *screen) askKick() {
	if e := s.selection(); e != nil && s.may(disconnectUser) {
		label := "kick " + cleanName(e.userID) + ": why? "
		s.askReason(label, request{verb: disconnectUser, target: e.userID})
	}
}

// askReason asks for the reason of a request, and then makes it.
func (s *screen) askReason(label string, req request) {
	s.prompt = &prompt{label: label, input: input{limit: parley.MaxReasonLen}, request: req}
}

// submit does what was typed. What cannot be done stays in the input.
func (s *screen) submit() tea.Cmd {
	typed := s.input.text
	c := parseCommand(typed)
	ok := true
	switch c.verb {
	case say:
		ok = s.may(say) && s.send(c.text)
	case deleteMessage:
		e := s.deletable()
		ok = e != nil && s.ask(request{verb: deleteMessage, target: e.id, text: c.text})
	case disconnectUser:
		ok = s.kick(c.request())
	case help:
		s.tell(told, helpLines...)
		s.log.follow()
	case quit:
		return tea.Quit
	case invalid:
		s.warn(c.text)
		ok = false
	}
	if ok && c.verb != nothing {
		s.input.take()
		s.input.remember(typed)
	}
	return nil
}

// kick disconnects a user that was typed.
func (s *screen) kick(req request) bool {
	if !s.may(disconnectUser) {
		return false
	}
	if req.target == "" {
		s.warn("whom? /kick USER [reason]")
		return false
	}
	return s.ask(req)
}

var helpLines = []string{
	"Enter sends; Up and Down bring back what was sent",
	"PgUp, PgDn and the mouse wheel scroll; End goes to the newest",
	"Tab or Ctrl-Up selects a message; d deletes it, k kicks its sender",
	"/delete [reason]  deletes the selected message",
	"/kick USER [reason]  disconnects a user, by user id",
	"/quit, Ctrl-C or Esc twice leaves; //text sends /text",
	"Shift and the mouse selects text, in most terminals",
}
