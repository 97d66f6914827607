// Package chatui shows one room in a terminal and sends what is typed there. It
// owns what is on the screen and what the keys mean; connecting, tokens and
// reconnecting are the client's.
//
// # Full screen
//
// Where input and output are terminals, [Run] takes the whole screen: a header, the
// messages, a line to type in, and a footer that names the keys. The newest 5,000
// entries can be scrolled back to; older ones are gone, for the service keeps none.
// Line breaks in a message show as ↵, so that what a stranger writes cannot look
// like the line of somebody else.
//
// # Plain
//
// Elsewhere, with Config.Plain, and on a terminal of type dumb, there is one line for
// each thing that happens, in UTC, without colour. Two spaces follow the time of a
// message, and an asterisk that of anything else:
//
//	2026-01-02T15:04:05Z  Ann: hello
//	2026-01-02T15:04:06Z * poll:opened pollId=41
//	2026-01-02T15:04:07Z * message Qx7LmZ03tRbe was deleted (off topic)
//	2026-01-02T15:04:08Z * bo was disconnected (spam)
//
// A name never holds a colon followed by a space, so the first one in a message's
// line ends the name. With Config.IDs the sender is written as
// "Qx7LmZ03tRbe  Ann <ann>: hello": the message's id, the name, the user id.
//
// Each line of input is a message or a command. Empty lines are passed over. A
// message that was too fast for the room is sent again, a few times. At the end of
// input Run waits for what was sent to come back from the room, and returns, unless
// Config.Follow is set. Changes of the connection and failures go to Config.Err.
//
// # Commands
//
// In both, a line that begins with / is a command, and // sends a line that begins
// with a slash:
//
//	/delete [reason]       deletes the selected message; plain: /delete ID [reason]
//	/kick USER [reason]    disconnects a user, by user id; "quotes" hold spaces
//	/help                  lists the commands and keys
//	/quit                  leaves
package chatui

import (
	"context"
	"io"
	"iter"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/client"
)

// Room is a session in a room. *client.Room implements it.
type Room interface {
	// Send returns when the message came back from the room.
	Send(ctx context.Context, content string,
		attributes map[string]string) (*client.Message, error)
	DeleteMessage(ctx context.Context, messageID, reason string) (*client.MessageDeleted, error)
	DisconnectUser(ctx context.Context, userID, reason string) (*client.UserDisconnected, error)
	// Receive yields all that the room sends, what this session sent included, and the
	// changes of the connection. It ends when the connection has ended for good.
	Receive(ctx context.Context) iter.Seq2[client.Received, error]
	State() client.State
}

// Config is what Run works with. Room, In, Out and Err are required.
type Config struct {
	Room  Room
	Title string // the room's name, or what else tells it from others
	// UserID is who this session is: its messages are marked.
	UserID string
	// Capabilities are the rights of the session's token. What they lack is not asked
	// of the room.
	Capabilities parley.Capabilities
	// MaxMessageLength is the room's, in code points; 0 is parley.MaxMessageLength.
	MaxMessageLength int

	In  io.Reader
	Out io.Writer
	Err io.Writer // plain: changes of the connection, and failures

	Plain  bool // one line for each thing that happens, also on terminals
	Follow bool // plain: go on reading the room after the end of In
	IDs    bool // plain: show the ids of messages and users

	Environ  []string       // NAME=value; nil is the process's. TERM and NO_COLOR matter
	Location *time.Location // of times on the full screen; nil is time.Local
}

// Run shows the room until the user leaves or ctx ends, which returns nil, or until
// the connection ends for good, which returns why. In plain it also returns an error
// when In was no terminal and some of its lines could not be sent. It does not close
// the room. A read from In that has not returned by then is left to itself.
func Run(ctx context.Context, cfg Config) error {
	if cfg.Environ == nil {
		cfg.Environ = os.Environ()
	}
	if cfg.Location == nil {
		cfg.Location = time.Local
	}
	if cfg.MaxMessageLength == 0 {
		cfg.MaxMessageLength = parley.MaxMessageLength
	}
	if cfg.isFullScreen() {
		return runScreen(ctx, cfg)
	}
	return runPlain(ctx, cfg)
}

func (c *Config) isFullScreen() bool {
	kind := c.getenv("TERM")
	return !c.Plain && kind != "" && kind != "dumb" && isTerminal(c.In) && isTerminal(c.Out)
}

// getenv returns the last value that Environ gives a variable, or "".
func (c *Config) getenv(name string) string {
	value := ""
	for _, pair := range c.Environ {
		if v, ok := strings.CutPrefix(pair, name+"="); ok {
			value = v
		}
	}
	return value
}

func isTerminal(stream any) bool {
	f, ok := stream.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(f.Fd()))
}
