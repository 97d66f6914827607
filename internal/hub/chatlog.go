package hub

import (
	"time"

	"github.com/parley-chat/parley"
)

// ChatLog keeps what is sent to rooms that are logged. chatlog.Logger implements it.
type ChatLog interface {
	// Append takes records before anybody receives what they are about. It must not
	// wait long, and must not keep their memory.
	Append(records []Record)
}

// Record is something that is sent to a room that is logged.
type Record struct {
	Room           parley.ARN
	Configurations []parley.ARN // that the room names
	Event          bool         // it is an EVENT; otherwise a MESSAGE
	At             time.Time    // when the service received the request
	Frame          []byte       // as sessions receive it
}

// logged says whether an event belongs into chat logs, and as what. Events that the
// original does not log, such as disconnections, have the zero value.
type logged uint8

const (
	notLogged logged = iota
	loggedAsMessage
	loggedAsEvent
)

// logAll has the chat log take what is about to be published: so whoever receives it
// knows that it is logged. It returns the memory of records, for the next time.
func logAll(batch []outgoing, records []Record) []Record {
	h := batch[0].request.session.hub
	if h.cfg.ChatLog == nil {
		return nil
	}
	var of *room // whose configurations follow, so that a burst in a room looks once
	var configurations []parley.ARN
	for _, o := range batch {
		r := o.request.session.room
		if o.source.logged == notLogged {
			continue
		}
		if r != of {
			of, configurations = r, h.configurations(r.arn)
		}
		if len(configurations) > 0 {
			records = append(records, o.source.record(r.arn, configurations))
		}
	}
	if len(records) > 0 {
		h.cfg.ChatLog.Append(records)
	}
	clear(records)
	return records[:0]
}

// log has the chat log take one event that is about to be published.
func (h *Hub) log(room parley.ARN, e event) {
	if h.cfg.ChatLog == nil || e.logged == notLogged {
		return
	}
	if configurations := h.configurations(room); len(configurations) > 0 {
		h.cfg.ChatLog.Append([]Record{e.record(room, configurations)})
	}
}

// configurations returns the logging configurations that a room names now.
func (h *Hub) configurations(arn parley.ARN) []parley.ARN {
	room, err := h.cfg.Rooms.Room(arn)
	if err != nil {
		return nil // it was deleted
	}
	return room.LoggingConfigurations
}

func (e event) record(room parley.ARN, configurations []parley.ARN) Record {
	return Record{Room: room, Configurations: configurations,
		Event: e.logged == loggedAsEvent, At: e.at, Frame: e.frame}
}
