package hub

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/notice"
	"github.com/parley-chat/parley/internal/trace"
	"github.com/parley-chat/parley/internal/wire"
)

// event is what travels on the bus: a frame for every session of a room, with
// what the nodes must know besides.
type event struct {
	action wire.Action // that led to it: one of eventActions
	node   uint64      // that published it
	room   uint64      // serial of the publishing node's room, which counts it as pending
	sender uint64      // serial of the publishing session, by the node's clock
	kick   uint64      // serial of a disconnection, by the publishing node's clock
	from   string      // the publishing session's user
	user   string      // to be disconnected after the frame is delivered; empty: nobody
	reason string      // for the disconnected user's Close frame

	message string         // the id of the message that it is, or that it deletes
	span    *trace.Context // that its delivery is a part of; nil: it is not traced
	frame   []byte

	// These stay on the node that publishes the event.
	logged logged
	at     time.Time      // when the service received the request, if it is logged
	notice *notice.Notice // to be put once the event is published; nil: none
}

// eventActions are the actions that lead to events; on the bus, an event has its
// action's place in this list.
var eventActions = [...]wire.Action{
	wire.SendMessage, wire.DeleteMessage, wire.DisconnectUser, sendEvent,
}

// eventVersion is the first byte of an encoded event.
const eventVersion = 3

// errEvent is what decodeEvent returns for bytes that encode did not make.
var errEvent = errors.New("malformed room event")

// encode returns version, action, node, room, sender, kick, the lengths and bytes of from,
// user, reason, message and span, and the frame.
func (e event) encode() []byte {
	var span string
	if e.span != nil {
		span = e.span.Encode()
	}
	b := make([]byte, 0, 2+9*binary.MaxVarintLen64+len(e.from)+len(e.user)+len(e.reason)+
		len(e.message)+len(span)+len(e.frame))
	b = append(b, eventVersion, byte(slices.Index(eventActions[:], e.action)))
	b = binary.BigEndian.AppendUint64(b, e.node)
	b = binary.AppendUvarint(b, e.room)
	b = binary.AppendUvarint(b, e.sender)
	b = binary.AppendUvarint(b, e.kick)
	b = appendString(b, e.from)
	b = appendString(b, e.user)
	b = appendString(b, e.reason)
	b = appendString(b, e.message)
	b = appendString(b, span)
	return append(b, e.frame...)
}

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// decodeEvent undoes encode. The frame shares b's memory.
func decodeEvent(b []byte) (event, error) {
	if len(b) < 10 || b[0] != eventVersion || int(b[1]) >= len(eventActions) {
		return event{}, errEvent
	}
	e := event{action: eventActions[b[1]], node: binary.BigEndian.Uint64(b[2:])}
	b, ok := b[10:], true
	e.room, b, ok = cutNumber(b, ok)
	e.sender, b, ok = cutNumber(b, ok)
	e.kick, b, ok = cutNumber(b, ok)
	e.from, b, ok = cutString(b, ok)
	e.user, b, ok = cutString(b, ok)
	e.reason, b, ok = cutString(b, ok)
	e.message, b, ok = cutString(b, ok)
	span, b, ok := cutString(b, ok)
	if !ok {
		return event{}, errEvent
	}
	if parent := trace.DecodeContext(span); !parent.IsZero() {
		e.span = &parent
	}
	e.frame = b
	return e, nil
}

// cutNumber takes a number off the front of b; ok says whether there was one, and
// stays false once it is.
func cutNumber(b []byte, ok bool) (number uint64, rest []byte, _ bool) {
	number, n := binary.Uvarint(b)
	if !ok || n <= 0 {
		return 0, nil, false
	}
	return number, b[n:], true
}

// cutString is cutNumber for a string.
func cutString(b []byte, ok bool) (s string, rest []byte, _ bool) {
	size, b, ok := cutNumber(b, ok)
	if !ok || size > uint64(len(b)) {
		return "", nil, false
	}
	return string(b[:size]), b[size:], true
}
