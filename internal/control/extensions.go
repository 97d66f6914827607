package control

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/parley-chat/parley"
)

// maxSearchLen is the longest text that rooms are searched for, in code points: more than
// any name or id, and enough for a tag with its value.
const maxSearchLen = parley.MaxTagKeyLen + 1 + parley.MaxTagValueLen

// foundRooms is the answer of SearchRooms.
type foundRooms struct {
	roomList
	// Total is how many rooms match, these and those before included.
	Total int `json:"total"`
}

// searchRooms lists the rooms that have a text in their name, their id or a tag, case
// aside, in pages like those of ListRooms.
func (h *Handler) searchRooms(ctx context.Context, c *call) (any, error) {
	text, _ := c.body.String("text")
	c.body.Check().Length("text", text, 0, maxSearchLen)
	page := c.page(parley.KindRoom)
	if err := c.body.Err(); err != nil {
		return nil, err
	}
	search := search{text: strings.ToLower(text)}
	found := foundRooms{}
	h.rooms.ListRooms(ctx, c.world, parley.Cursor{}, 1, func(r parley.Room) bool {
		if search.matches(r) {
			found.Total++
		}
		return false
	})
	rooms, more := h.rooms.ListRooms(ctx, c.world, page.after, page.limit, search.matches)
	found.roomList = newRoomList(rooms, more)
	return found, nil
}

// search is what rooms are searched for.
type search struct {
	text string // in lower case
}

func (s search) matches(r parley.Room) bool {
	if s.in(r.Name) || s.in(r.ARN.ID) {
		return true
	}
	for key, value := range r.Tags {
		if s.in(key + "=" + value) {
			return true
		}
	}
	return false
}

func (s search) in(text string) bool { return strings.Contains(strings.ToLower(text), s.text) }

// serverMetrics is the answer of GetMetrics.
type serverMetrics struct {
	Time  string        `json:"time"` // when they were read
	Nodes []NodeMetrics `json:"nodes"`
}

func (h *Handler) getMetrics(ctx context.Context, c *call) (any, error) {
	told := serverMetrics{Time: c.now.UTC().Format(time.RFC3339Nano), Nodes: []NodeMetrics{}}
	if h.nodes == nil {
		return told, nil
	}
	var err error
	if told.Nodes, err = h.nodes.NodeMetrics(ctx); err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	return told, nil
}
