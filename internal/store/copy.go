package store

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/parley-chat/parley"
)

// stored is a resource as it was saved under a revision. It is never changed.
type stored[T any] struct {
	parley.Cursor // its place in lists
	resource      T
	names         []parley.ARN // the resources of the other kind that it names
	revision      uint64       // of the bucket; a later write has a greater one
}

// localCopy is this node's copy of all resources of one kind. The watch of the
// bucket feeds it, and what this node writes is put into it at once, so that
// callers read their own writes. The two meet in any order: a revision decides
// which is newer.
type localCopy[T any] struct {
	mu        sync.RWMutex // guards what follows
	resources map[parley.ARN]*stored[T]
	// lists holds the resources of each world in the order of compareStored, the
	// one that lists show first at the end: new resources are appended.
	lists map[parley.World][]*stored[T]
	// naming holds, for each resource of the other kind, those here that name it.
	naming map[parley.ARN]map[*stored[T]]struct{}
	// creating holds the resources that are being saved; they count for the quota.
	creating map[parley.World]map[parley.ARN]struct{}
	// deleted holds the last revision of resources that this node deleted, until the
	// watch has come to the deletion: what it shows until then is older.
	deleted map[parley.ARN]uint64
}

func newLocalCopy[T any]() *localCopy[T] {
	return &localCopy[T]{
		resources: map[parley.ARN]*stored[T]{},
		lists:     map[parley.World][]*stored[T]{},
		naming:    map[parley.ARN]map[*stored[T]]struct{}{},
		creating:  map[parley.World]map[parley.ARN]struct{}{},
		deleted:   map[parley.ARN]uint64{},
	}
}

// get returns a resource, or nil when there is none.
func (c *localCopy[T]) get(arn parley.ARN) *stored[T] {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.resources[arn]
}

// reserve counts a resource that is about to be saved. It reports false when its
// world has limit of them already; 0 is no limit.
func (c *localCopy[T]) reserve(arn parley.ARN, limit int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := arn.World()
	if limit > 0 && len(c.lists[w])+len(c.creating[w]) >= limit {
		return false
	}
	if c.creating[w] == nil {
		c.creating[w] = map[parley.ARN]struct{}{}
	}
	c.creating[w][arn] = struct{}{}
	return true
}

// release undoes reserve. For a resource that was put it does nothing.
func (c *localCopy[T]) release(arn parley.ARN) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.releaseLocked(arn)
}

func (c *localCopy[T]) releaseLocked(arn parley.ARN) {
	w := arn.World()
	delete(c.creating[w], arn)
	if len(c.creating[w]) == 0 {
		delete(c.creating, w)
	}
}

// put takes in a resource, unless what is known of it is as new or newer.
func (c *localCopy[T]) put(r *stored[T]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.deleted[r.ARN] >= r.revision {
		return
	}
	if have := c.resources[r.ARN]; have != nil {
		if have.revision >= r.revision {
			return
		}
		c.unlistLocked(have)
	}
	c.releaseLocked(r.ARN)
	c.resources[r.ARN] = r
	c.listLocked(r)
}

// remove takes out a resource that this node deleted; revision was its last.
func (c *localCopy[T]) remove(arn parley.ARN, revision uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	have := c.resources[arn]
	if have == nil {
		return // the watch came first, so it shows nothing older any more
	}
	if have.revision <= revision {
		c.removeLocked(have)
		c.deleted[arn] = revision
	}
}

// removed takes out a resource that the watch says was deleted by the write with
// the given revision.
func (c *localCopy[T]) removed(arn parley.ARN, revision uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.deleted[arn] < revision {
		delete(c.deleted, arn)
	}
	if have := c.resources[arn]; have != nil && have.revision < revision {
		c.removeLocked(have)
	}
}

func (c *localCopy[T]) removeLocked(r *stored[T]) {
	delete(c.resources, r.ARN)
	c.unlistLocked(r)
}

func (c *localCopy[T]) listLocked(r *stored[T]) {
	list := c.lists[r.ARN.World()]
	at, _ := slices.BinarySearchFunc(list, r.Cursor, compareStored[T])
	c.lists[r.ARN.World()] = slices.Insert(list, at, r)
	for _, named := range r.names {
		if c.naming[named] == nil {
			c.naming[named] = map[*stored[T]]struct{}{}
		}
		c.naming[named][r] = struct{}{}
	}
}

func (c *localCopy[T]) unlistLocked(r *stored[T]) {
	w := r.ARN.World()
	at, _ := slices.BinarySearchFunc(c.lists[w], r.Cursor, compareStored[T])
	c.lists[w] = slices.Delete(c.lists[w], at, at+1)
	if len(c.lists[w]) == 0 {
		delete(c.lists, w)
	}
	for _, named := range r.names {
		delete(c.naming[named], r)
		if len(c.naming[named]) == 0 {
			delete(c.naming, named)
		}
	}
}

// list returns the first limit resources after a place that match, and whether
// there are more of them.
func (c *localCopy[T]) list(w parley.World, after parley.Cursor, limit int,
	match func(T) bool) (resources []T, more bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	list := c.lists[w]
	if !after.UpdateTime.IsZero() {
		at, _ := slices.BinarySearchFunc(list, after, compareStored[T])
		list = list[:at]
	}
	for _, r := range slices.Backward(list) {
		if !match(r.resource) {
			continue
		}
		if len(resources) == limit {
			return resources, true
		}
		resources = append(resources, r.resource)
	}
	return resources, false
}

func (c *localCopy[T]) count(w parley.World) int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.lists[w])
}

// arns returns those of all resources.
func (c *localCopy[T]) arns() []parley.ARN {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.Collect(maps.Keys(c.resources))
}

// named returns the resources of the other kind that one here names, or several.
func (c *localCopy[T]) named() []parley.ARN {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.Collect(maps.Keys(c.naming))
}

// allNaming returns the resources here that name a resource.
func (c *localCopy[T]) allNaming(arn parley.ARN) []*stored[T] {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.Collect(maps.Keys(c.naming[arn]))
}

// oneNaming returns any one of the resources here that name a resource, and
// whether there is one.
func (c *localCopy[T]) oneNaming(arn parley.ARN) (one parley.ARN, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for r := range c.naming[arn] {
		return r.ARN, true
	}
	return parley.ARN{}, false
}

// compareStored orders resources of one world by ascending UpdateTime, and by
// descending ARN where those are equal: lists backwards. Their ARNs differ in the
// id only.
func compareStored[T any](r *stored[T], place parley.Cursor) int {
	return cmp.Or(
		r.UpdateTime.Compare(place.UpdateTime),
		strings.Compare(place.ARN.ID, r.ARN.ID),
	)
}
