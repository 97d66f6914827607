package chatui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/parley-chat/parley/client"
)

// What a terminal hears at the beginning and the end of a full screen.
const (
	enterFullScreen = "\x1b[?1049h"
	leaveFullScreen = "\x1b[?1049l"
)

// terminal is a pseudo-terminal with a chat in it.
type terminal struct {
	t      *testing.T
	room   *fakeRoom
	keys   *os.File // our side of it
	tty    *os.File // the chat's
	before *term.State
	screen buffer
	wrote  chan struct{} // one token when screen has grown; capacity 1
	stop   context.CancelFunc
	done   chan error
}

// startTerminal starts a chat of user ana in a new pseudo-terminal.
func startTerminal(t *testing.T, environ []string, change func(*fakeRoom)) *terminal {
	t.Helper()
	c := &terminal{t: t, room: newFakeRoom(),
		wrote: make(chan struct{}, 1), done: make(chan error, 1)}
	c.open()
	if change != nil {
		change(c.room)
	}
	ctx, stop := context.WithCancel(t.Context())
	c.stop = stop
	cfg := Config{Room: c.room, Title: "lobby", UserID: "ana", Capabilities: allRights,
		In: c.tty, Out: c.tty, Err: c.tty, Environ: environ, Location: time.UTC}
	var running, reading sync.WaitGroup
	running.Go(func() { c.done <- Run(ctx, cfg) })
	reading.Go(c.read)
	t.Cleanup(func() {
		stop()
		running.Wait()
		_ = c.keys.Close() // not tty: after a panic, it may be read for a moment longer
		reading.Wait()
	})
	return c
}

// open opens both sides, in a size of 60 by 12.
func (c *terminal) open() {
	c.t.Helper()
	var err error
	if c.keys, err = os.OpenFile("/dev/ptmx", os.O_RDWR, 0); err != nil {
		c.t.Skipf("this machine has no pseudo-terminals: %v", err)
	}
	fd := int(c.keys.Fd())
	must(c.t, unix.SetNonblock(fd, true)) // so that Close ends a read
	must(c.t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	must(c.t, err)
	c.tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	must(c.t, err)
	must(c.t, unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 12, Col: 60}))
	c.before, err = term.GetState(int(c.tty.Fd()))
	must(c.t, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (c *terminal) read() {
	chunk := make([]byte, 4096)
	for {
		n, err := c.keys.Read(chunk)
		_, _ = c.screen.Write(chunk[:n])
		select {
		case c.wrote <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (c *terminal) press(keys string) {
	c.t.Helper()
	_, err := c.keys.WriteString(keys)
	must(c.t, err)
}

// waitFor waits until the terminal was sent some text.
func (c *terminal) waitFor(text string) {
	c.t.Helper()
	deadline := time.After(10 * time.Second)
	for !strings.Contains(c.screen.String(), text) {
		select {
		case <-c.wrote:
		case <-deadline:
			c.t.Fatalf("the terminal was not sent %q, but %q", text, c.screen.String())
		}
	}
}

// wantRestored waits for Run to return, and checks that the terminal is as it was.
func (c *terminal) wantRestored() error {
	c.t.Helper()
	var err error
	select {
	case err = <-c.done:
	case <-time.After(10 * time.Second):
		c.t.Fatal("Run does not return")
	}
	c.waitFor(leaveFullScreen)
	after, stateErr := term.GetState(int(c.tty.Fd()))
	must(c.t, stateErr)
	if *after != *c.before {
		c.t.Errorf("the terminal's modes are %+v, and were %+v", after, c.before)
	}
	return err
}

var xterm = []string{"TERM=xterm-256color", "COLORTERM=truecolor"}

func TestTerminal(t *testing.T) {
	c := startTerminal(t, xterm, nil)
	c.waitFor("lobby")
	c.room.received <- message(1, "bo", "good morning")
	c.waitFor("good morning")
	c.press("hello\r")
	c.waitFor("ana: ")
	c.press("\x03")
	if err := c.wantRestored(); err != nil {
		t.Errorf("Run returned %v after Ctrl-C", err)
	}
	if asked := c.room.asked(); len(asked) != 1 || asked[0] != (request{say, "", "hello"}) {
		t.Errorf("asked of the room: %+v, want a message", asked)
	}
	for _, want := range []string{enterFullScreen, "38;5;"} { // and a colour
		if got := c.screen.String(); !strings.Contains(got, want) {
			t.Errorf("the terminal was not sent %q: %q", want, got)
		}
	}
}

func TestTerminalWithoutColour(t *testing.T) {
	for _, value := range []string{"1", "yes"} {
		c := startTerminal(t, append(xterm, "NO_COLOR="+value), nil)
		c.room.received <- message(1, "bo", "good morning")
		c.waitFor("good morning")
		c.press("/quit\r")
		if err := c.wantRestored(); err != nil {
			t.Errorf("Run returned %v after /quit", err)
		}
		for _, colour := range []string{"38;2;", "38;5;", "[31m", "[91m"} {
			if strings.Contains(c.screen.String(), colour) {
				t.Errorf("with NO_COLOR=%s, the terminal was sent a colour: %q",
					value, c.screen.String())
			}
		}
	}
}

func TestTerminalAfterAPanic(t *testing.T) {
	c := startTerminal(t, xterm, func(room *fakeRoom) {
		room.receive = func(func(client.Received, error) bool) {
			<-room.received
			panic("on purpose, by a test")
		}
	})
	c.waitFor("lobby")
	c.room.received <- nil
	if err := c.wantRestored(); err == nil {
		t.Error("Run returned nil after a panic")
	}
}

func TestTerminalAfterTheEnd(t *testing.T) {
	c := startTerminal(t, xterm, nil)
	c.waitFor("lobby")
	gone := errors.New("all attempts failed")
	c.room.ended <- gone
	c.waitFor("leaves  PgUp")
	c.press("\r")
	if err := c.wantRestored(); !errors.Is(err, gone) {
		t.Errorf("Run returned %v, want %v", err, gone)
	}
}

func TestTerminalWhenStopped(t *testing.T) {
	c := startTerminal(t, xterm, nil)
	c.waitFor("lobby")
	c.stop()
	if err := c.wantRestored(); err != nil {
		t.Errorf("Run returned %v when its context ended", err)
	}
}

func TestDumbTerminal(t *testing.T) {
	for _, environ := range [][]string{{"TERM=dumb"}, {}} {
		c := startTerminal(t, environ, nil)
		c.room.received <- message(1, "bo", "good morning")
		c.waitFor("2026-01-02T12:00:05Z  bo: good morning\r\n")
		c.press("/nonsense\n")
		c.waitFor("there is no /nonsense; see /help")
		c.press("\x04") // the end of input
		if err := <-c.done; err != nil {
			t.Errorf("Run returned %v; a line that failed was seen by a person", err)
		}
		if strings.Contains(c.screen.String(), "\x1b") {
			t.Errorf("a dumb terminal was sent an escape sequence: %q", c.screen.String())
		}
	}
}
