package store

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/parley-chat/parley"
)

// storedRoom is a room as it was saved under a revision. It is never changed.
type storedRoom struct {
	parley.Room
	revision uint64 // of the bucket; a later write has a greater one
}

// roomCopy is this node's copy of all rooms. The watch of the bucket feeds it, and
// what this node writes is put into it at once, so that callers read their own
// writes. The two meet in any order: a revision decides which is newer.
type roomCopy struct {
	mu    sync.RWMutex // guards what follows
	rooms map[parley.ARN]*storedRoom
	// lists holds the rooms of each world in the order of compareRooms, the one
	// that ListRooms shows first at the end: new rooms are appended.
	lists map[parley.World][]*storedRoom
	// creating holds the rooms that are being saved; they count for the quota.
	creating map[parley.World]map[parley.ARN]struct{}
	// deleted holds the last revision of rooms that this node deleted, until the
	// watch has come to the deletion: what it shows until then is older.
	deleted map[parley.ARN]uint64
}

func newRoomCopy() *roomCopy {
	return &roomCopy{
		rooms:    map[parley.ARN]*storedRoom{},
		lists:    map[parley.World][]*storedRoom{},
		creating: map[parley.World]map[parley.ARN]struct{}{},
		deleted:  map[parley.ARN]uint64{},
	}
}

func (c *roomCopy) get(arn parley.ARN) (*storedRoom, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if r := c.rooms[arn]; r != nil {
		return r, nil
	}
	return nil, arn.NotFound()
}

// reserve counts a room that is about to be saved. The error has code
// QuotaExceeded when its world has limit rooms already; 0 is no limit.
func (c *roomCopy) reserve(arn parley.ARN, limit int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := arn.World()
	if limit > 0 && len(c.lists[w])+len(c.creating[w]) >= limit {
		return &parley.Error{
			Code:     parley.QuotaExceeded,
			Message:  "The account has as many rooms as its quota allows.",
			Resource: parley.Resource{Type: parley.ResourceRoom, ID: w.Account},
			Limit:    limit,
		}
	}
	if c.creating[w] == nil {
		c.creating[w] = map[parley.ARN]struct{}{}
	}
	c.creating[w][arn] = struct{}{}
	return nil
}

// release undoes reserve. For a room that was put it does nothing.
func (c *roomCopy) release(arn parley.ARN) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.releaseLocked(arn)
}

func (c *roomCopy) releaseLocked(arn parley.ARN) {
	w := arn.World()
	delete(c.creating[w], arn)
	if len(c.creating[w]) == 0 {
		delete(c.creating, w)
	}
}

// put takes in a room, unless what is known of it is as new or newer.
func (c *roomCopy) put(r *storedRoom) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.deleted[r.ARN] >= r.revision {
		return
	}
	if have := c.rooms[r.ARN]; have != nil {
		if have.revision >= r.revision {
			return
		}
		c.unlistLocked(have)
	}
	c.releaseLocked(r.ARN)
	c.rooms[r.ARN] = r
	list := c.lists[r.ARN.World()]
	at, _ := slices.BinarySearchFunc(list, r.cursor(), compareRoom)
	c.lists[r.ARN.World()] = slices.Insert(list, at, r)
}

// remove takes out a room that this node deleted; revision was its last.
func (c *roomCopy) remove(arn parley.ARN, revision uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	have := c.rooms[arn]
	if have == nil {
		return // the watch came first, so it shows nothing older any more
	}
	if have.revision <= revision {
		c.removeLocked(have)
		c.deleted[arn] = revision
	}
}

// removed takes out a room that the watch says was deleted by the write with the
// given revision.
func (c *roomCopy) removed(arn parley.ARN, revision uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.deleted[arn] < revision {
		delete(c.deleted, arn)
	}
	if have := c.rooms[arn]; have != nil && have.revision < revision {
		c.removeLocked(have)
	}
}

func (c *roomCopy) removeLocked(r *storedRoom) {
	delete(c.rooms, r.ARN)
	c.unlistLocked(r)
}

func (c *roomCopy) unlistLocked(r *storedRoom) {
	w := r.ARN.World()
	at, _ := slices.BinarySearchFunc(c.lists[w], r.cursor(), compareRoom)
	c.lists[w] = slices.Delete(c.lists[w], at, at+1)
	if len(c.lists[w]) == 0 {
		delete(c.lists, w)
	}
}

// list returns the first limit rooms after a place that match, and whether there
// are more of them.
func (c *roomCopy) list(w parley.World, after parley.RoomCursor, limit int,
	match func(parley.Room) bool) (rooms []parley.Room, more bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	list := c.lists[w]
	if !after.UpdateTime.IsZero() {
		at, _ := slices.BinarySearchFunc(list, after, compareRoom)
		list = list[:at]
	}
	for _, r := range slices.Backward(list) {
		if !match(r.Room) {
			continue
		}
		if len(rooms) == limit {
			return rooms, true
		}
		rooms = append(rooms, r.Room)
	}
	return rooms, false
}

func (r *storedRoom) cursor() parley.RoomCursor {
	return parley.RoomCursor{UpdateTime: r.UpdateTime, ARN: r.ARN}
}

// compareRoom orders rooms of one world by ascending UpdateTime, and by descending
// ARN where those are equal: ListRooms backwards. Their ARNs differ in the id only.
func compareRoom(r *storedRoom, place parley.RoomCursor) int {
	return cmp.Or(
		r.UpdateTime.Compare(place.UpdateTime),
		strings.Compare(place.ARN.ID, r.ARN.ID),
	)
}
