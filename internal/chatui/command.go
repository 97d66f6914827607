package chatui

import (
	"strings"

	"github.com/parley-chat/parley"
)

// verb is what a typed line asks for.
type verb int

const (
	nothing verb = iota
	say
	deleteMessage
	disconnectUser
	help
	quit
	invalid
)

var verbs = map[string]verb{
	"/delete": deleteMessage,
	"/kick":   disconnectUser,
	"/help":   help,
	"/quit":   quit,
}

// maxCommandLen is the length, in code points, of the longest command that can be done.
const maxCommandLen = len(`/delete "" `) + parley.MaxUserIDLen + parley.MaxReasonLen

// command is a typed line, understood.
type command struct {
	verb verb
	text string // say: the message; invalid: what is wrong; else all behind the name
}

// parseCommand understands a typed line.
func parseCommand(line string) command {
	trimmed := strings.TrimSpace(line)
	if trimmed == "" {
		return command{verb: nothing}
	}
	rest, slash := strings.CutPrefix(line, "/")
	if !slash {
		return command{verb: say, text: line}
	}
	if strings.HasPrefix(rest, "/") {
		return command{verb: say, text: rest}
	}
	name, rest, _ := strings.Cut(trimmed, " ")
	if v, ok := verbs[name]; ok {
		return command{verb: v, text: strings.TrimSpace(rest)}
	}
	return command{verb: invalid, text: "there is no " + clean(name) + "; see /help"}
}

// request returns what a command asks of the room. The target is empty when it was not
// named.
func (c command) request() request {
	if c.verb == say {
		return request{verb: say, text: c.text}
	}
	target, reason := splitTarget(c.text)
	return request{verb: c.verb, target: target, text: reason}
}

// splitTarget splits what follows a command into whom or what it is about, which may
// stand in quotes, and the reason.
func splitTarget(s string) (target, reason string) {
	if quoted, ok := strings.CutPrefix(s, `"`); ok {
		if target, reason, ok = strings.Cut(quoted, `"`); ok {
			return target, strings.TrimSpace(reason)
		}
	}
	target, reason, _ = strings.Cut(s, " ")
	return target, strings.TrimSpace(reason)
}

// rights says what requests need, and what they are.
var rights = map[verb]struct {
	needs parley.Capabilities
	what  string
}{
	say:            {parley.SendMessage, "send messages"},
	deleteMessage:  {parley.DeleteMessage, "delete messages"},
	disconnectUser: {parley.DisconnectUser, "disconnect users"},
}

// lacks says that the session has no right to do something, or "" when it has.
func (c *Config) lacks(v verb) string {
	if c.Capabilities.Has(rights[v].needs) {
		return ""
	}
	return "this session may not " + rights[v].what
}
