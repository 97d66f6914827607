package control_test

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/parley-chat/parley"
)

// memory keeps rooms and logging configurations in maps. With before set, every
// method but the lists returns the error of calling it, unless that is nil.
type memory struct {
	before func(context.Context) error

	barriers atomic.Int32 // how often ListRooms was called

	mu             sync.Mutex // guards the maps
	rooms          map[parley.ARN]parley.Room
	configurations map[parley.ARN]parley.LoggingConfiguration
}

func newMemory(rooms ...parley.Room) *memory {
	m := &memory{
		rooms:          map[parley.ARN]parley.Room{},
		configurations: map[parley.ARN]parley.LoggingConfiguration{},
	}
	for _, r := range rooms {
		m.rooms[r.ARN] = r
	}
	return m
}

func (m *memory) fail(ctx context.Context) error {
	if m.before == nil {
		return nil
	}
	return m.before(ctx)
}

func (m *memory) CreateRoom(ctx context.Context, r parley.Room, limit int) error {
	if err := m.fail(ctx); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.namedLocked(r); err != nil {
		return err
	}
	return create(m.rooms, r.ARN, r, limit)
}

func (m *memory) FindRoom(ctx context.Context, arn parley.ARN) (parley.Room, error) {
	return m.CurrentRoom(ctx, arn)
}

func (m *memory) CurrentRoom(ctx context.Context, arn parley.ARN) (parley.Room, error) {
	if err := m.fail(ctx); err != nil {
		return parley.Room{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return find(m.rooms, arn)
}

func (m *memory) UpdateRoom(ctx context.Context, arn parley.ARN,
	change func(parley.Room) (parley.Room, error)) (parley.Room, error) {
	if err := m.fail(ctx); err != nil {
		return parley.Room{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := find(m.rooms, arn)
	if err != nil {
		return r, err
	}
	if r, err = change(r); err != nil {
		return r, err
	}
	if err := m.namedLocked(r); err != nil {
		return r, err
	}
	m.rooms[arn] = r
	return r, nil
}

// namedLocked returns the error for the first logging configuration that a room
// names and that its world lacks.
func (m *memory) namedLocked(r parley.Room) error {
	for _, arn := range r.LoggingConfigurations {
		if _, err := find(m.configurations, arn); err != nil || arn.World() != r.ARN.World() {
			return arn.NotFound()
		}
	}
	return nil
}

func (m *memory) DeleteRoom(ctx context.Context, arn parley.ARN) error {
	if err := m.fail(ctx); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, err := find(m.rooms, arn)
	delete(m.rooms, arn)
	return err
}

func (m *memory) ListRooms(_ context.Context, w parley.World, after parley.Cursor, limit int,
	match func(parley.Room) bool) ([]parley.Room, bool) {
	m.barriers.Add(1)
	return m.KnownRooms(w, after, limit, match)
}

func (m *memory) KnownRooms(w parley.World, after parley.Cursor, limit int,
	match func(parley.Room) bool) ([]parley.Room, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return list(m.rooms, func(r parley.Room) parley.Cursor {
		return parley.Cursor{UpdateTime: r.UpdateTime, ARN: r.ARN}
	}, w, after, limit, match)
}

func (m *memory) CreateLoggingConfiguration(
	ctx context.Context, l parley.LoggingConfiguration, limit int) error {
	if err := m.fail(ctx); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return create(m.configurations, l.ARN, l, limit)
}

func (m *memory) CurrentLoggingConfiguration(ctx context.Context, arn parley.ARN) (
	parley.LoggingConfiguration, error) {
	if err := m.fail(ctx); err != nil {
		return parley.LoggingConfiguration{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return find(m.configurations, arn)
}

func (m *memory) UpdateLoggingConfiguration(ctx context.Context, arn parley.ARN,
	change func(parley.LoggingConfiguration) (parley.LoggingConfiguration, error),
) (parley.LoggingConfiguration, error) {
	if err := m.fail(ctx); err != nil {
		return parley.LoggingConfiguration{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	l, err := find(m.configurations, arn)
	if err != nil {
		return l, err
	}
	if l, err = change(l); err == nil {
		m.configurations[arn] = l
	}
	return l, err
}

func (m *memory) DeleteLoggingConfiguration(ctx context.Context, arn parley.ARN) error {
	if err := m.fail(ctx); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.rooms {
		if slices.Contains(r.LoggingConfigurations, arn) {
			return &parley.Error{
				Code: parley.Conflict, Message: "A room names it.", Resource: arn.Resource()}
		}
	}
	_, err := find(m.configurations, arn)
	delete(m.configurations, arn)
	return err
}

func (m *memory) ListLoggingConfigurations(_ context.Context, w parley.World,
	after parley.Cursor, limit int) ([]parley.LoggingConfiguration, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return list(m.configurations, func(l parley.LoggingConfiguration) parley.Cursor {
		return parley.Cursor{UpdateTime: l.UpdateTime, ARN: l.ARN}
	}, w, after, limit, func(parley.LoggingConfiguration) bool { return true })
}

// create saves a new resource, of which a world can have limit.
func create[T any](all map[parley.ARN]T, arn parley.ARN, resource T, limit int) error {
	n := 0
	for other := range all {
		if other.World() == arn.World() {
			n++
		}
	}
	if limit > 0 && n >= limit {
		err := &parley.Error{Code: parley.QuotaExceeded, Message: "Too many.", Limit: limit,
			Resource: arn.Resource()}
		err.Resource.ID = arn.Account
		return err
	}
	all[arn] = resource
	return nil
}

func find[T any](all map[parley.ARN]T, arn parley.ARN) (T, error) {
	resource, ok := all[arn]
	if !ok {
		return resource, arn.NotFound()
	}
	return resource, nil
}

// list returns a page of the resources of a world; at is the place of each.
func list[T any](all map[parley.ARN]T, at func(T) parley.Cursor, w parley.World,
	after parley.Cursor, limit int, match func(T) bool) (page []T, more bool) {
	sorted := slices.SortedFunc(maps.Values(all), func(a, b T) int {
		return listOrder(at(a), at(b))
	})
	for _, resource := range sorted {
		place := at(resource)
		if place.ARN.World() != w || !match(resource) ||
			after != (parley.Cursor{}) && listOrder(place, after) <= 0 {
			continue
		}
		if len(page) == limit {
			return page, true
		}
		page = append(page, resource)
	}
	return page, false
}

func listOrder(a, b parley.Cursor) int {
	return cmp.Or(
		b.UpdateTime.Compare(a.UpdateTime), strings.Compare(a.ARN.String(), b.ARN.String()))
}

// sentID is what a hub calls everything that it sends.
const sentID = "aK2vP9sYw4Hc"

// deed is something that a hub was asked to do.
type deed struct {
	what       string // the method
	room       parley.ARN
	who        string // the name of the event, the id of the message, or the user id
	attributes map[string]string
	reason     string
}

// hub remembers what it was asked to do in rooms that exist. With err set, that is
// what it returns.
type hub struct {
	store *memory
	done  []deed
	err   error
}

func (h *hub) do(d deed) error {
	if _, err := h.store.FindRoom(context.Background(), d.room); err != nil {
		return err
	}
	h.done = append(h.done, d)
	return h.err
}

func (h *hub) SendEvent(_ context.Context, room parley.ARN, name string,
	attributes map[string]string) (string, error) {
	return sentID, h.do(deed{what: "SendEvent", room: room, who: name, attributes: attributes})
}

func (h *hub) DeleteMessage(_ context.Context, room parley.ARN, messageID, reason string) (
	string, error) {
	return sentID, h.do(deed{what: "DeleteMessage", room: room, who: messageID, reason: reason})
}

func (h *hub) DisconnectUser(_ context.Context, room parley.ARN, userID, reason string) error {
	return h.do(deed{what: "DisconnectUser", room: room, who: userID, reason: reason})
}
