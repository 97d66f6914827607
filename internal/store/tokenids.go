package store

import (
	"context"
	"hash/crc32"
	"time"

	"github.com/parley-chat/parley"
)

const (
	// reachEvery is how often a node looks which buckets of marks it can reach.
	reachEvery = 100 * time.Millisecond
	// leadersEvery is how often it asks its replicas who leads them: elections take
	// seconds.
	leadersEvery = time.Second
	// maxDraws bounds the search for an id whose bucket can be reached. With one in 32
	// left, it fails once in 400 million times.
	maxDraws = 640
)

// markBucketOf returns the bucket in which the use of a token is marked.
func markBucketOf(id parley.TokenID) int { return int(crc32.ChecksumIEEE(id[:]) % markBuckets) }

// reach is what a node knows of the nodes that keep marks.
type reach struct {
	leaders     map[string]string // of buckets
	connections int
	away        uint32 // a bit for each bucket whose leader is not there
}

// NewTokenID returns a random id for a token. In a cluster it is one whose use is marked
// by a node that is alive, as far as this node knows: the marks that a dead node led can
// be made again only after an election, for which the token's holder would have to wait.
func (s *Store) NewTokenID() parley.TokenID {
	known := s.reach.Load()
	if known == nil { // alone, or with servers elsewhere
		return parley.NewTokenID()
	}
	if s.engine.Connections() != known.connections {
		// Clients of a node that was killed are here in the same moment.
		known = s.look(known.leaders)
	}
	return newTokenID(known.away)
}

func newTokenID(away uint32) parley.TokenID {
	for range maxDraws {
		if id := parley.NewTokenID(); away>>markBucketOf(id)&1 == 0 {
			return id
		}
	}
	return parley.NewTokenID() // none can be reached: any has to wait
}

// watchReach keeps reach up to date until run ends.
func (s *Store) watchReach(run context.Context) {
	tick := time.NewTicker(reachEvery)
	defer tick.Stop()
	var leaders map[string]string
	var asked time.Time
	for {
		if now := time.Now(); now.Sub(asked) >= leadersEvery {
			leaders, asked = s.engine.Leaders(), now
		}
		s.look(leaders)
		select {
		case <-run.Done():
			return
		case <-tick.C:
		}
	}
}

// look finds out which leaders can be reached now.
func (s *Store) look(leaders map[string]string) *reach {
	connections := s.engine.Connections() // before: a change meanwhile is noticed later
	known := &reach{leaders, connections, awayBuckets(leaders, s.engine.Connected(), s.Live())}
	s.reach.Store(known)
	return known
}

// awayBuckets returns a bit for each bucket of marks whose leader is not both connected
// and heard on the bus, or that has none.
func awayBuckets(leaders map[string]string, connected map[string]bool, live []string) uint32 {
	reached := map[string]bool{}
	for _, name := range live {
		reached[name] = connected[name]
	}
	var away uint32
	for i, bucket := range markBucketNames() {
		if !reached[leaders[bucket]] {
			away |= 1 << i
		}
	}
	return away
}
