package control

import (
	"context"
	"iter"
	"strings"

	"github.com/parley-chat/parley"
)

// maxSearchLen is the longest text that rooms are searched for, in code points: more than
// any name or id, and enough for a tag with its value.
const maxSearchLen = parley.MaxTagKeyLen + 1 + parley.MaxTagValueLen

// searchChunk is how many rooms are looked at at once. The copy of the rooms is locked for
// as long as that takes, so it is little: messages wait for that lock.
const searchChunk = 200

// foundRooms is the answer of SearchRooms.
type foundRooms struct {
	roomList
	// Total is how many rooms match, those of all pages together.
	Total int `json:"total"`
}

// searchRooms lists the rooms that have a text in their name, their id or a tag, case
// aside, in pages like those of ListRooms. With only, they are REVIEWED or LOGGED as well.
func (h *Handler) searchRooms(ctx context.Context, c *call) (any, error) {
	search := c.search()
	page := c.page(parley.KindRoom)
	if err := c.body.Err(); err != nil {
		return nil, err
	}
	var found []parley.Room
	rooms, more := h.rooms.ListRooms(ctx, c.world, page.after, searchChunk, anyRoom)
	for room := range h.onwards(ctx, c.world, rooms, more) {
		if search.matches(room) {
			found = append(found, room)
		}
		if len(found) > page.limit {
			break
		}
	}
	total := 0
	rooms, more = h.rooms.KnownRooms(c.world, parley.Cursor{}, searchChunk, anyRoom)
	for room := range h.onwards(ctx, c.world, rooms, more) {
		if search.matches(room) {
			total++
		}
	}
	list := newRoomList(found[:min(len(found), page.limit)], len(found) > page.limit)
	return foundRooms{list, total}, ctx.Err()
}

func anyRoom(parley.Room) bool { return true }

// onwards yields rooms that were listed and, when there are more, those that come after
// them, until ctx is done.
func (h *Handler) onwards(
	ctx context.Context, w parley.World, rooms []parley.Room, more bool,
) iter.Seq[parley.Room] {
	return func(yield func(parley.Room) bool) {
		for {
			for _, room := range rooms {
				if !yield(room) {
					return
				}
			}
			if !more || ctx.Err() != nil {
				return
			}
			last := rooms[len(rooms)-1]
			after := parley.Cursor{UpdateTime: last.UpdateTime, ARN: last.ARN}
			rooms, more = h.rooms.KnownRooms(w, after, searchChunk, anyRoom)
		}
	}
}

// search is what rooms are searched for.
type search struct {
	text string // in lower case
	pair bool   // whether it may begin in a tag's key and end in its value
	only string // one of the filters; empty is any
}

// Filters of SearchRooms.
const (
	onlyReviewed = "REVIEWED" // rooms with a review handler
	onlyLogged   = "LOGGED"   // rooms with a logging configuration
)

// search reads and checks what rooms are searched for. What is wrong with it is in the Err
// of the body.
func (c *call) search() search {
	text, _ := c.body.String("text")
	c.body.Check().Length("text", text, 0, maxSearchLen)
	only, _ := c.body.String("only")
	c.body.Check().OneOf("only", only, "", onlyReviewed, onlyLogged)
	return search{strings.ToLower(text), strings.Contains(text, "="), only}
}

func (s search) matches(r parley.Room) bool {
	switch {
	case s.only == onlyReviewed && (r.ReviewHandler == nil || r.ReviewHandler.URI == ""):
		return false
	case s.only == onlyLogged && len(r.LoggingConfigurations) == 0:
		return false
	}
	return s.hasText(r)
}

func (s search) hasText(r parley.Room) bool {
	if s.in(r.Name) || s.in(r.ARN.ID) {
		return true
	}
	for key, value := range r.Tags {
		if s.in(key) || s.in(value) || s.pair && s.in(key+"="+value) {
			return true
		}
	}
	return false
}

func (s search) in(text string) bool { return strings.Contains(strings.ToLower(text), s.text) }
