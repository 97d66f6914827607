package chatui

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"github.com/parley-chat/parley/client"
)

// maxWaiting is how many requests may wait for those before them. The next one is
// refused, and what was typed stays where it is.
const maxWaiting = 16

// screen is the model of the full screen. The program's loop owns it.
type screen struct {
	cfg           Config
	width, height int
	log           *scrollback
	outgoing      []*entry     // messages on their way, at most maxWaiting + 1
	requests      chan request // to the one that makes them, in order; cap maxWaiting

	input    input
	prompt   *prompt // nil when no reason is being asked for
	inList   bool    // the keys go to the list of messages
	selected int     // the number of an entry, or none
	flash    string  // shown in place of the keys until the next one
	escaped  bool    // the last key was Esc, with nothing to leave but the room

	ownName string // as others see it, once a message has come back
	state   string // of the connection
	latency time.Duration
	kicked  string // what was said about the end of this user's sessions
	ended   error  // why the connection is gone for good

	panicked string // what a goroutine of ours panicked with, and where
}

// none is no entry's number.
const none = -1

// What the program's loop hears from our goroutines.
type (
	receivedMsg struct{ client.Received }
	outcomeMsg  outcome
	endedMsg    struct{ err error }
	panicMsg    struct{ text string }
)

// runScreen runs the full screen until it is left.
func runScreen(ctx context.Context, cfg Config) error {
	running, cancel := context.WithCancel(ctx)
	s := newScreen(cfg)
	p := tea.NewProgram(s, s.options()...)
	stop := context.AfterFunc(ctx, p.Quit)
	var group sync.WaitGroup
	send := func(msg any) { p.Send(msg) }
	group.Go(guard(p, func() { receive(running, cfg.Room, send) }))
	group.Go(guard(p, func() { carry(running, cfg.Room, s.requests, p.Send) }))
	_, err := p.Run()
	stop()
	cancel()
	group.Wait()
	switch {
	case err != nil:
		return fmt.Errorf("terminal: %w", err)
	case s.panicked != "":
		return fmt.Errorf("panic: %s", s.panicked)
	}
	return s.ended
}

func (s *screen) options() []tea.ProgramOption {
	options := []tea.ProgramOption{
		tea.WithInput(s.cfg.In),
		tea.WithOutput(s.cfg.Out),
		tea.WithEnvironment(s.cfg.Environ),
		tea.WithoutSignalHandler(), // the context of Run ends with those
	}
	if s.cfg.getenv("NO_COLOR") != "" {
		options = append(options, tea.WithColorProfile(colorprofile.ASCII))
	}
	return options
}

// guard returns f with its panics carried to the program, which gives the terminal back
// before Run returns them.
func guard(p *tea.Program, f func()) func() {
	return func() {
		defer func() {
			if r := recover(); r != nil {
				p.Send(panicMsg{fmt.Sprintf("%v\n\n%s", r, debug.Stack())})
			}
		}()
		f()
	}
}

// receive hands to send what the room receives, and at last why it ended, unless that is
// ctx. Of the connection's states, it leaves out the one that was known, and the last.
func receive(ctx context.Context, room Room, send func(any)) {
	var end error
	state := room.State()
	for r, err := range room.Receive(ctx) {
		change, ok := r.(*client.StateChange)
		switch {
		case err != nil:
			end = err
		case ok && change.State == client.Disconnected:
			end = change.Err
		case ok && change.State == client.Connected && state == client.Connected:
		default:
			send(receivedMsg{r})
		}
		if ok {
			state = change.State
		}
	}
	if ctx.Err() == nil {
		send(endedMsg{end})
	}
}

// carry makes requests one after the other, so that messages stay in order.
func carry(ctx context.Context, room Room, requests <-chan request, send func(tea.Msg)) {
	for {
		select {
		case <-ctx.Done():
			return
		case req := <-requests:
			send(outcomeMsg(perform(ctx, room, req)))
		}
	}
}
