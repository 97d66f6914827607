package hub

import (
	"time"

	"github.com/parley-chat/parley/internal/wire"
)

// late knows the events that come too late in a room, because another event that ought to
// be after them has come before. Events of one node keep their order, but those of two may
// come in either, also when the one led to the other; and whoever reviews a message may
// delete it before it is sent.
//
//   - Once a user is disconnected, nothing comes from the sessions that the user had by
//     then, on any node, except the disconnections of others. What such a session sent at
//     about that moment may be seen before the disconnection on some nodes and not at all
//     on others. Sessions are told from those that the user opens afterwards by the nodes'
//     clocks: of a session that is younger than the clocks differ, something may still come.
//   - Once a message is deleted, it does not come, except that its sender gets the echo.
//     So a deletion may come without its message.
type late struct {
	kicks     recent // the users that were disconnected, with the disconnections' numbers
	deletions recent // the ids of the messages that were deleted
}

// add remembers an event that was laid.
func (l *late) add(e event, now time.Time) {
	switch {
	case e.user != "":
		l.kicks.add(now, e.user, e.kick)
	case e.action == wire.DeleteMessage:
		l.deletions.add(now, e.message, 1)
	}
}

// disconnected reports whether an event of another node comes from a session that was
// disconnected.
func (l *late) disconnected(e event) bool { return e.sender < l.kicks.number(e.from) }

// deleted reports whether an event is a message that was deleted.
func (l *late) deleted(e event) bool {
	return e.action == wire.SendMessage && l.deletions.number(e.message) > 0
}
