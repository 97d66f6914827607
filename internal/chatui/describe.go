package chatui

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/client"
)

// nameOf returns the name that a sender goes by.
func nameOf(s parley.Sender) string {
	for _, key := range []string{"displayName", "username", "name"} {
		if name := cleanName(s.Attributes[key]); name != "" {
			return name
		}
	}
	return cleanName(s.UserID)
}

// because returns a reason as it stands behind what happened, or "".
func because(reason string) string {
	if reason = clean(reason); reason != "" {
		return " (" + reason + ")"
	}
	return ""
}

// describeEvent returns a custom event as its name and its attributes, sorted.
func describeEvent(e *client.Event) string {
	out := clean(e.Name)
	for _, key := range slices.Sorted(maps.Keys(e.Attributes)) {
		out += " " + quote(clean(key)) + "=" + quote(clean(e.Attributes[key]))
	}
	return out
}

// quote puts s into quotes where it would not be read as one word.
func quote(s string) string {
	if s == "" || strings.ContainsAny(s, ` "=\`) {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
	}
	return s
}

// describeDisconnect says who was disconnected.
func describeDisconnect(e *client.UserDisconnected, own string) string {
	if e.UserID == own {
		return "you were disconnected by a moderator" + because(e.Reason)
	}
	return cleanName(e.UserID) + " was disconnected" + because(e.Reason)
}

// describeState says how the connection is, as one word or with why it is gone.
func describeState(s *client.StateChange) string {
	word := s.State.String()
	if s.State == client.Connecting {
		word = "reconnecting"
		if s.Attempt > 1 {
			word += fmt.Sprintf(", attempt %d", s.Attempt)
		}
	}
	if s.Err != nil {
		word += because(s.Err.Error())
	}
	return word
}

// endError says why the connection ended for good, in clean text.
type endError struct {
	text string
	err  error // of the room; may be nil
}

func (e *endError) Error() string { return e.text }
func (e *endError) Unwrap() error { return e.err }

// newEndError returns the error for a room that ended with err; kicked is what
// describeDisconnect said of this session's own user, if it said anything.
func newEndError(err error, kicked string) error {
	switch {
	case kicked != "":
		return &endError{kicked, err}
	case err != nil:
		return &endError{clean(err.Error()), err}
	}
	return &endError{"the connection was closed", nil}
}
