package marks

import (
	"cmp"
	"context"
	"hash/crc32"
	"slices"
	"time"

	"github.com/parley-chat/parley"
)

const (
	// reachEvery is how often a node looks which leaders of marks it can reach.
	reachEvery = 100 * time.Millisecond
	// leadersEvery is how often it asks its replicas who leads them, while it notices
	// no change: elections take seconds.
	leadersEvery = time.Second
	// maxDraws bounds the search for an id of a good bucket. With one in 32 it fails once
	// in 600 million times.
	maxDraws = 640
)

// BucketOf returns the place, among BucketNames, of the bucket in which the use of a token
// is marked.
func BucketOf(id parley.TokenID) int { return int(crc32.ChecksumIEEE(id[:]) % buckets) }

// reach is what a node of a cluster knows of the nodes that lead marks.
type reach struct {
	leaders     map[string]string // of buckets
	asked       time.Time         // when they were so
	connections int
	good        uint32 // a bit for each bucket that new tokens should use; 0: any
}

// NewTokenID returns a random id for a token. In a cluster it is one whose use is marked
// by this node, or else by one that is there as far as this node knows: what a dead node
// led can be marked again only after an election, for which the token's holder would have
// to wait. Clients of a node that was killed come for new tokens before others know.
func (m *Marks) NewTokenID() parley.TokenID {
	known := m.reach.Load()
	if known == nil { // alone, or with servers elsewhere
		return parley.NewTokenID()
	}
	if m.engine.Connections() != known.connections {
		known = m.look(known, true)
	}
	return newTokenID(func(bucket int) bool {
		if known.good>>bucket&1 == 0 {
			return false
		}
		name := bucketName(bucket)
		if known.leaders[name] != m.engine.Node() || m.engine.Leads(name) {
			return true
		}
		known = m.look(known, true) // it has handed that over since
		return false
	})
}

// newTokenID returns a random id of a good bucket, if there is any.
func newTokenID(good func(bucket int) bool) parley.TokenID {
	for range maxDraws {
		if id := parley.NewTokenID(); good(BucketOf(id)) {
			return id
		}
	}
	return parley.NewTokenID() // there is no good one: any has to wait
}

// Watch keeps up to date, until run ends, which buckets new tokens should use. It is for
// nodes of a cluster.
func (m *Marks) Watch(run context.Context) {
	tick := time.NewTicker(reachEvery)
	defer tick.Stop()
	for {
		m.look(m.reach.Load(), false)
		select {
		case <-run.Done():
			return
		case <-tick.C:
		}
	}
}

// look finds out which leaders can be reached now, unless that was done since it was known
// as the caller says. It asks who leads if the caller wants that, or has not for long.
func (m *Marks) look(known *reach, ask bool) *reach {
	m.looking.Lock()
	defer m.looking.Unlock()
	if newer := m.reach.Load(); newer != known {
		return newer
	}
	// Before the rest: a change meanwhile is noticed later.
	found := &reach{connections: m.engine.Connections()}
	if now := time.Now(); ask || known == nil || now.Sub(known.asked) >= leadersEvery {
		found.leaders, found.asked = m.engine.Leaders(), now
	} else {
		found.leaders, found.asked = known.leaders, known.asked
	}
	found.good = goodBuckets(found.leaders, m.engine.Node(), m.engine.Connected(), m.live())
	m.reach.Store(found)
	return found
}

// goodBuckets returns a bit for each bucket of marks that a node leads itself. When it
// leads none, which is so after its start, they are those whose leaders are both
// connected and heard on the bus.
func goodBuckets(leaders map[string]string, self string, connected map[string]bool,
	live []string) uint32 {
	var own, others uint32
	for i, bucket := range BucketNames() {
		switch leader := leaders[bucket]; {
		case leader == self:
			own |= 1 << i
		case connected[leader] && slices.Contains(live, leader):
			others |= 1 << i
		}
	}
	return cmp.Or(own, others)
}
