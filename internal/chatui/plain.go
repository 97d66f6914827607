package chatui

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/client"
)

const (
	// maxTries is how often plain sends a message that is too fast for the room. The
	// pauses between, from firstPause and doubled each time, are 6.3 seconds together.
	maxTries   = 7
	firstPause = 100 * time.Millisecond

	// echoTimeout is how long plain waits, after the end of input, until the last thing
	// that the room confirmed is printed.
	echoTimeout = 5 * time.Second

	// maxRecent is how many printed ids plain remembers, to know that one.
	maxRecent = 64
)

// transcript is a chat without a screen. The goroutine of run owns it.
type transcript struct {
	cfg    Config
	kicked string   // what was said about the end of this user's sessions
	recent []string // the ids of what was printed last, at most maxRecent
	last   string   // the id of what this session sent last, while it is not printed
	lines  int      // typed
	failed int      // of those
}

// deed is a typed line and what became of it.
type deed struct {
	command command
	outcome outcome
	wrong   string // why nothing was asked of the room
}

// runPlain runs a transcript until it is left.
func runPlain(ctx context.Context, cfg Config) error {
	ctx, cancel := context.WithCancel(ctx)
	received, deeds := make(chan any), make(chan deed)
	var running sync.WaitGroup
	running.Go(func() {
		receive(ctx, cfg.Room, func(msg any) { pass(ctx, received, msg) })
	})
	running.Go(func() { obey(ctx, cfg, deeds) })
	t := &transcript{cfg: cfg}
	err := t.run(ctx, received, deeds)
	cancel()
	running.Wait()
	return err
}

// pass sends v on c, unless ctx ends before.
func pass[T any](ctx context.Context, c chan<- T, v T) {
	select {
	case c <- v:
	case <-ctx.Done():
	}
}

func (t *transcript) run(ctx context.Context, received <-chan any, deeds <-chan deed) error {
	t.report("%s to %s as %s", t.cfg.Room.State(), clean(t.cfg.Title), cleanName(t.cfg.UserID))
	var patience <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-patience:
			return t.summary()
		case d, more := <-deeds:
			if !more {
				deeds, patience = nil, time.After(echoTimeout)
				break
			}
			t.note(d)
		case msg := <-received:
			if end, ok := msg.(endedMsg); ok {
				return newEndError(end.err, t.kicked)
			}
			if err := t.print(msg.(receivedMsg).Received); err != nil {
				return err
			}
		}
		if deeds == nil && t.last == "" {
			return t.summary()
		}
	}
}

// report writes a line to Config.Err.
func (t *transcript) report(format string, args ...any) {
	_, _ = fmt.Fprintf(t.cfg.Err, format+"\n", args...) // there is nowhere else to tell
}

// summary returns an error when a script's lines were not all sent. A person has seen
// so.
func (t *transcript) summary() error {
	if t.failed == 0 || isTerminal(t.cfg.In) {
		return nil
	}
	return fmt.Errorf("%d of %d lines failed", t.failed, t.lines)
}

// note takes in what became of a line.
func (t *transcript) note(d deed) {
	t.lines++
	switch o := d.outcome; {
	case d.command.verb == help:
		t.report("%s", strings.Join(plainHelp, "\n"))
	case d.wrong != "":
		t.failed++
		t.report("%s", d.wrong)
	case o.err != nil && o.verb == say:
		t.failed++
		t.report("not sent (%s): %s", explain(o.err), clean(o.text))
	case o.err != nil:
		t.failed++
		t.report("%s%s", failures[o.verb], explain(o.err))
	case !slices.Contains(t.recent, o.id):
		t.last = o.id
	}
}

// print writes the line of something received.
func (t *transcript) print(r client.Received) error {
	id, line := "", ""
	switch r := r.(type) {
	case *client.Message:
		id, line = r.ID, t.messageLine(r)
	case *client.Event:
		id, line = r.ID, otherLine(r.SendTime, describeEvent(r))
	case *client.MessageDeleted:
		text := "message " + clean(r.MessageID) + " was deleted" + because(r.Reason)
		id, line = r.ID, otherLine(r.SendTime, text)
	case *client.UserDisconnected:
		text := describeDisconnect(r, t.cfg.UserID)
		if r.UserID == t.cfg.UserID {
			t.kicked = text
		}
		id, line = r.ID, otherLine(r.SendTime, text)
	case *client.StateChange:
		t.report("%s", describeState(r))
		return nil
	}
	if t.recent = append(t.recent, id); len(t.recent) > maxRecent {
		t.recent = slices.Delete(t.recent, 0, 1)
	}
	if id == t.last {
		t.last = ""
	}
	_, err := io.WriteString(t.cfg.Out, line+"\n")
	return err
}

// timeLayout is of times in UTC.
const timeLayout = "2006-01-02T15:04:05Z"

func (t *transcript) messageLine(m *client.Message) string {
	from := nameOf(m.Sender)
	if t.cfg.IDs {
		from = clean(m.ID) + "  " + from + " <" + cleanName(m.Sender.UserID) + ">"
	}
	return m.SendTime.UTC().Format(timeLayout) + "  " + from + ": " + clean(m.Content)
}

func otherLine(at time.Time, text string) string {
	return at.UTC().Format(timeLayout) + " * " + text
}

// obey does what typed lines ask for, one after the other, and passes on what became
// of each. It closes deeds after /quit, and at the end of input unless it is to follow.
func obey(ctx context.Context, cfg Config, deeds chan<- deed) {
	commands := make(chan command)
	if cfg.In != nil {
		go readCommands(ctx, cfg.In, commands) // a read cannot be stopped: see Run
	}
	for {
		select {
		case <-ctx.Done():
			return
		case c, more := <-commands:
			if !more && cfg.Follow {
				return
			}
			if !more || c.verb == quit {
				close(deeds)
				return
			}
			pass(ctx, deeds, cfg.do(ctx, c))
		}
	}
}

// do does what a command asks for.
func (c *Config) do(ctx context.Context, cmd command) deed {
	d := deed{command: cmd}
	switch cmd.verb {
	case help:
		return d
	case invalid:
		d.wrong = cmd.text
		return d
	}
	req := cmd.request()
	d.wrong = c.lacks(cmd.verb)
	if d.wrong == "" && cmd.verb != say && req.target == "" {
		d.wrong = plainUsage[cmd.verb]
	}
	if d.wrong == "" {
		d.outcome = persist(ctx, c.Room, req)
	}
	return d
}

// persist makes a request again while the room finds it too fast, up to maxTries times.
func persist(ctx context.Context, room Room, req request) outcome {
	pause := firstPause
	for try := 1; ; try++ {
		o := perform(ctx, room, req)
		if try == maxTries || !isTooFast(o.err) {
			return o
		}
		select {
		case <-ctx.Done():
			return o
		case <-time.After(pause):
		}
		pause *= 2
	}
}

// readCommands passes on the lines of in that ask for something, and closes commands at
// their end.
func readCommands(ctx context.Context, in io.Reader, commands chan<- command) {
	defer close(commands)
	r := bufio.NewReaderSize(in, parley.MaxRequestBytes)
	for ctx.Err() == nil {
		line, err := r.ReadSlice('\n')
		c := parseCommand(strings.TrimRight(string(line), "\r\n"))
		if errors.Is(err, bufio.ErrBufferFull) {
			c = command{invalid, fmt.Sprintf("a line of over %d bytes was left out", r.Size())}
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = r.ReadSlice('\n')
			}
		}
		if c.verb != nothing {
			pass(ctx, commands, c)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			pass(ctx, commands, command{invalid, "read input: " + clean(err.Error())})
		}
		if err != nil {
			return
		}
	}
}

var plainUsage = map[verb]string{
	deleteMessage:  "which? /delete ID [reason]",
	disconnectUser: "whom? /kick USER [reason]",
}

var plainHelp = []string{
	"/delete ID [reason]  deletes a message",
	"/kick USER [reason]  disconnects a user, by user id",
	"/quit  leaves",
	"//text  sends /text",
}
