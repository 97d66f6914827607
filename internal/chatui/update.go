package chatui

import (
	"image/color"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/parley-chat/parley/client"
)

const (
	wheelLines   = 3
	maxEventText = 500 // columns of an event that are shown; it may have 4 KB
)

func newScreen(cfg Config) *screen {
	c := canvas{width: minWidth, theme: theme{background: color.Black}, location: cfg.Location}
	return &screen{
		cfg:      cfg,
		log:      newScrollback(c),
		requests: make(chan request, maxWaiting),
		input:    input{limit: cfg.MaxMessageLength, commandLimit: maxCommandLen},
		selected: none,
		ownName:  cleanName(cfg.UserID),
		state:    cfg.Room.State().String(),
	}
}

// Init asks the terminal for its background, for which colours are chosen.
func (s *screen) Init() tea.Cmd { return tea.RequestBackgroundColor }

// Update changes the screen by what happened.
func (s *screen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		return s, s.press(msg.String(), msg.Text)
	case tea.PasteMsg:
		s.paste(msg.Content)
	case tea.MouseWheelMsg:
		s.wheel(msg.Button)
	case receivedMsg:
		s.receive(msg.Received)
	case outcomeMsg:
		s.settle(outcome(msg))
	case endedMsg:
		s.end(msg.err)
	case panicMsg:
		s.panicked = msg.text
		return s, tea.Quit
	default:
		s.adapt(msg)
	}
	return s, nil
}

// adapt takes in what the terminal says about itself.
func (s *screen) adapt(msg tea.Msg) {
	c := &s.log.canvas
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		s.width, s.height = msg.Width, msg.Height
		c.width = max(msg.Width, minWidth)
		s.log.height = s.logHeight()
	case tea.BackgroundColorMsg:
		if msg.Color != nil {
			c.theme.background = msg.Color
		}
	case tea.ColorProfileMsg:
		c.theme.profile = msg.Profile
	case tea.ModeReportMsg:
		// The same answer makes the program draw clusters.
		if msg.Mode == ansi.ModeUnicodeCore {
			c.ruler.clusters = msg.Value == ansi.ModeReset || msg.Value == ansi.ModeSet ||
				msg.Value == ansi.ModePermanentlySet
		}
	default:
		return
	}
	c.generation++
}

func (s *screen) wheel(button tea.MouseButton) {
	switch button {
	case tea.MouseWheelUp:
		s.log.scroll(-wheelLines)
	case tea.MouseWheelDown:
		s.log.scroll(wheelLines)
	}
}

func (s *screen) paste(text string) {
	if s.ended != nil || s.inList && s.prompt == nil {
		return
	}
	if !s.line().insert(text) {
		s.warn("what was pasted is too long: its end is missing")
	}
}

// line returns the line that is being edited.
func (s *screen) line() *input {
	if s.prompt != nil {
		return &s.prompt.input
	}
	return &s.input
}

// receive shows what the room sent.
func (s *screen) receive(r client.Received) {
	switch r := r.(type) {
	case *client.Message:
		e := s.entryOf(r)
		if e.own {
			s.ownName = e.name
		}
		s.log.add(e)
	case *client.Event:
		text := s.log.canvas.ruler.cut(describeEvent(r), maxEventText)
		s.log.add(&entry{kind: happened, at: r.SendTime, text: text})
	case *client.MessageDeleted:
		if note := because(r.Reason); !s.log.delete(r.MessageID, note) {
			text := "a message from before was deleted" + note
			s.log.add(&entry{kind: happened, at: r.SendTime, text: text})
		}
	case *client.UserDisconnected:
		text := describeDisconnect(r, s.cfg.UserID)
		if r.UserID == s.cfg.UserID {
			s.kicked = text
		}
		s.log.add(&entry{kind: happened, at: r.SendTime, text: text})
	case *client.StateChange:
		s.changeState(r)
	}
}

func (s *screen) entryOf(m *client.Message) *entry {
	wanted := m.Sender.Attributes["color"]
	if wanted == "" {
		wanted = m.Sender.Attributes["colour"]
	}
	return &entry{
		kind:   said,
		id:     m.ID,
		userID: m.Sender.UserID,
		name:   nameOf(m.Sender),
		colour: wanted,
		own:    m.Sender.UserID == s.cfg.UserID,
		at:     m.SendTime,
		text:   clean(m.Content),
	}
}

// changeState shows a new state of the connection. Attempts to connect that fail are
// only counted, in the header.
func (s *screen) changeState(c *client.StateChange) {
	if c.State != client.Connecting || c.Attempt <= 1 {
		s.log.add(&entry{kind: happened, at: time.Now(), text: describeState(c)})
	}
	brief := *c
	brief.Err = nil
	s.state = describeState(&brief)
}

// end shows that the connection is gone for good. The user leaves when everything has
// been read.
func (s *screen) end(err error) {
	s.ended = newEndError(err, s.kicked)
	s.state = s.ended.Error()
	s.prompt = nil
	s.unselect()
	s.tell(alarm, s.ended.Error())
}

// ask hands a request to the one that makes them. It reports false when too many
// wait already.
func (s *screen) ask(req request) bool {
	select {
	case s.requests <- req:
		return true
	default:
		s.warn("too much is waiting to be sent; try again")
		return false
	}
}

// send sends a message, and shows it as on its way.
func (s *screen) send(text string) bool {
	if !s.ask(request{verb: say, text: text}) {
		return false
	}
	s.outgoing = append(s.outgoing, &entry{
		kind: sending, own: true, userID: s.cfg.UserID, name: s.ownName,
		at: time.Now(), text: clean(text),
	})
	s.log.follow()
	return true
}

// settle shows what became of a request. What failed to be sent comes back to the
// input, or to its history when something else is being typed.
func (s *screen) settle(o outcome) {
	if o.verb != say {
		if o.err != nil {
			s.tell(alarm, failures[o.verb]+explain(o.err))
		}
		return
	}
	e := s.outgoing[0] // requests are made in order
	s.outgoing = slices.Delete(s.outgoing, 0, 1)
	if o.err == nil {
		s.latency = o.latency
		return
	}
	e.kind, e.note, e.lines = failed, explain(o.err), nil
	s.log.add(e)
	if text := asTyped(o.text); s.input.text == "" {
		s.input.set(text)
	} else {
		s.input.remember(text)
		s.warn("not sent; Up brings it back")
	}
}

var failures = map[verb]string{
	deleteMessage:  "the message was not deleted: ",
	disconnectUser: "the user was not disconnected: ",
}

// asTyped returns what has to be typed to send a message.
func asTyped(text string) string {
	if strings.HasPrefix(text, "/") {
		return "/" + text
	}
	return text
}

// tell adds lines of this program.
func (s *screen) tell(k kind, lines ...string) {
	for _, line := range lines {
		s.log.add(&entry{kind: k, text: line})
	}
}

// warn says why something was not done: in the footer, or where that is too short, at
// the end of the messages.
func (s *screen) warn(text string) {
	fits := s.height >= withFooter && s.log.canvas.ruler.width(text) < s.width
	if fits || s.log.held {
		s.flash = text
		return
	}
	s.tell(alarm, text)
	s.log.follow()
}

// may reports whether the session has the right to something, and says so if not.
func (s *screen) may(v verb) bool {
	lack := s.cfg.lacks(v)
	if lack != "" {
		s.warn(lack)
	}
	return lack == ""
}
