package control

import (
	"context"
	"fmt"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/notice"
	"github.com/parley-chat/parley/internal/wire"
)

// roomSummary is a room inside the answer of ListRooms.
type roomSummary struct {
	ARN                   string            `json:"arn"`
	ID                    string            `json:"id"`
	Name                  string            `json:"name"`
	CreateTime            string            `json:"createTime"`
	UpdateTime            string            `json:"updateTime"`
	Tags                  map[string]string `json:"tags"`
	ReviewHandler         *reviewHandler    `json:"messageReviewHandler,omitempty"`
	LoggingConfigurations []string          `json:"loggingConfigurationIdentifiers,omitempty"`
}

// room is the answer of the operations on one room.
type room struct {
	roomSummary
	MaximumMessageLength        int `json:"maximumMessageLength"`
	MaximumMessageRatePerSecond int `json:"maximumMessageRatePerSecond"`
}

type reviewHandler struct {
	URI            string          `json:"uri"`
	FallbackResult parley.Fallback `json:"fallbackResult"`
}

// roomList is the answer of ListRooms.
type roomList struct {
	Rooms     []roomSummary `json:"rooms"`
	NextToken string        `json:"nextToken,omitempty"`
}

func (h *Handler) createRoom(ctx context.Context, c *call) (any, error) {
	change := h.roomChange(c)
	tags, _ := c.body.StringMap("tags")
	parley.CheckTags(c.body.Check(), tags)
	if err := c.body.Err(); err != nil {
		return nil, err
	}
	created := parley.NewRoom(c.world, change, tags, c.now)
	if err := h.rooms.CreateRoom(ctx, created, h.quotas[parley.QuotaRooms]); err != nil {
		return nil, fmt.Errorf("create room %s: %w", created.ARN, err)
	}
	h.tell(notice.RoomCreated, created.ARN, created.Name)
	return details(created), nil
}

func (h *Handler) getRoom(ctx context.Context, c *call) (any, error) {
	arn := c.requiredARN("identifier", parley.KindRoom)
	if err := c.body.Err(); err != nil {
		return nil, err
	}
	found, err := h.room(ctx, c, arn)
	if err != nil {
		return nil, err
	}
	return details(found), nil
}

func (h *Handler) updateRoom(ctx context.Context, c *call) (any, error) {
	arn := c.requiredARN("identifier", parley.KindRoom)
	change := h.roomChange(c)
	if err := c.body.Err(); err != nil {
		return nil, err
	}
	if err := c.own(arn); err != nil {
		return nil, err
	}
	updated, err := h.rooms.UpdateRoom(ctx, arn, func(r parley.Room) (parley.Room, error) {
		return r.With(change, time.Now()), nil
	})
	if err != nil {
		return nil, fmt.Errorf("update room %s: %w", arn, err)
	}
	h.tell(notice.RoomUpdated, updated.ARN, updated.Name)
	return details(updated), nil
}

func (h *Handler) deleteRoom(ctx context.Context, c *call) (any, error) {
	arn := c.requiredARN("identifier", parley.KindRoom)
	if err := c.body.Err(); err != nil {
		return nil, err
	}
	if err := c.own(arn); err != nil {
		return nil, err
	}
	if err := h.rooms.DeleteRoom(ctx, arn); err != nil {
		return nil, fmt.Errorf("delete room %s: %w", arn, err)
	}
	h.tell(notice.RoomDeleted, arn, "")
	return nil, nil
}

func (h *Handler) listRooms(ctx context.Context, c *call) (any, error) {
	query := c.roomQuery()
	if err := c.body.Err(); err != nil {
		return nil, err
	}
	if arn := query.loggingConfiguration; arn != (parley.ARN{}) {
		if _, err := h.loggingConfiguration(ctx, c, arn); err != nil {
			return nil, err
		}
	}
	return newRoomList(h.rooms.ListRooms(ctx, c.world, query.after, query.limit, query.match)), nil
}

// newRoomList returns a page of rooms, of which there may be more.
func newRoomList(rooms []parley.Room, more bool) roomList {
	list := roomList{Rooms: make([]roomSummary, len(rooms))}
	for i, r := range rooms {
		list.Rooms[i] = summary(r)
	}
	if more {
		last := rooms[len(rooms)-1]
		list.NextToken = pageToken(parley.Cursor{UpdateTime: last.UpdateTime, ARN: last.ARN})
	}
	return list
}

// room returns a room of the caller's world.
func (h *Handler) room(ctx context.Context, c *call, arn parley.ARN) (parley.Room, error) {
	if err := c.own(arn); err != nil {
		return parley.Room{}, err
	}
	found, err := h.rooms.CurrentRoom(ctx, arn)
	if err != nil {
		return parley.Room{}, fmt.Errorf("look up room %s: %w", arn, err)
	}
	return found, nil
}

// roomChange reads and checks the settings of a room in CreateRoom and
// UpdateRoom. What is wrong with them is in the Err of the body.
func (h *Handler) roomChange(c *call) parley.RoomChange {
	var change parley.RoomChange
	if name, ok := c.body.String("name"); ok {
		change.Name = &name
	}
	if n, ok := c.body.Int("maximumMessageLength"); ok {
		change.MaxMessageLength = &n
	}
	if n, ok := c.body.Int("maximumMessageRatePerSecond"); ok {
		change.MaxMessageRatePerSecond = &n
	}
	if handler, ok := c.body.Object("messageReviewHandler"); ok {
		change.ReviewHandler = readReviewHandler(handler)
	}
	if texts, ok := c.body.Strings("loggingConfigurationIdentifiers"); ok {
		arns := make([]parley.ARN, len(texts))
		if len(texts) <= parley.MaxRoomLoggingConfigurations { // else that is what is wrong
			for i, text := range texts {
				arns[i] = c.body.Check().ARN("loggingConfigurationIdentifiers", text,
					parley.KindLoggingConfiguration)
			}
		}
		change.LoggingConfigurations = &arns
	}
	change.Check(c.body.Check())
	if handler := change.ReviewHandler; handler != nil && !h.mayReview(handler.URI) {
		c.body.Check().Add("messageReviewHandler.uri", "No review target is configured for this function")
	}
	return change
}

// mayReview reports whether a room may name a function as its review handler, or none.
func (h *Handler) mayReview(function string) bool {
	return function == "" || h.functions == nil || h.functions.Has(function)
}

func readReviewHandler(o wire.Object) *parley.ReviewHandler {
	handler := &parley.ReviewHandler{Fallback: parley.FallbackAllow}
	handler.URI, _ = o.String("uri")
	if fallback, ok := o.String("fallbackResult"); ok {
		handler.Fallback = parley.Fallback(fallback)
	}
	return handler
}

// summary returns what ListRooms tells of a room.
func summary(r parley.Room) roomSummary {
	s := roomSummary{
		ARN:        r.ARN.String(),
		ID:         r.ARN.ID,
		Name:       r.Name,
		CreateTime: formatTime(r.CreateTime),
		UpdateTime: formatTime(r.UpdateTime),
		Tags:       orEmpty(r.Tags),
	}
	if r.ReviewHandler != nil {
		s.ReviewHandler = &reviewHandler{r.ReviewHandler.URI, r.ReviewHandler.Fallback}
	}
	for _, arn := range r.LoggingConfigurations {
		s.LoggingConfigurations = append(s.LoggingConfigurations, arn.String())
	}
	return s
}

// details returns what the operations on one room tell of it.
func details(r parley.Room) room {
	return room{
		roomSummary:                 summary(r),
		MaximumMessageLength:        r.MaxMessageLength,
		MaximumMessageRatePerSecond: r.MaxMessageRatePerSecond,
	}
}
