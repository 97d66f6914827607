package hub_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley"
)

// mesh connects the hubs of some nodes. What they publish waits on its way to each node,
// the publishing one included, until the test carries it there.
type mesh struct {
	mu    sync.Mutex // guards sent and rooms
	nodes []*node
}

// node is the bus of one node.
type node struct {
	*mesh
	number int
	rooms  map[parley.ARN]subscriber
	sent   [][]parcel // by receiver

	report func() []byte
	heard  func(uint64, []byte)
	gone   func(uint64)
}

type subscriber struct {
	deliver func([]byte)
	lost    func()
}

type parcel struct {
	room  parley.ARN
	event []byte
}

func (n *node) Takes() error { return nil }

func (n *node) Publish(_ context.Context, room parley.ARN, event []byte) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for to := range n.nodes {
		n.sent[to] = append(n.sent[to], parcel{room, event})
	}
	return nil
}

func (n *node) PublishConfirmed(ctx context.Context, room parley.ARN, event []byte) error {
	return n.Publish(ctx, room, event)
}

func (n *node) Subscribe(
	_ context.Context, room parley.ARN, deliver func([]byte), lost func(),
) (func(), error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.rooms[room]; ok {
		return nil, errors.New("subscribed twice")
	}
	n.rooms[room] = subscriber{deliver, lost}
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.rooms, room)
	}, nil
}

func (n *node) Exchange(report func() []byte, heard func(uint64, []byte), gone func(uint64)) {
	n.report, n.heard, n.gone = report, heard, gone
}

// newMesh returns the servers of some nodes, which have one room.
func newMesh(
	t *testing.T, nodes int, quotas parley.Quotas, change parley.RoomChange,
) (*mesh, []*server) {
	t.Helper()
	m, servers := &mesh{}, make([]*server, nodes)
	for i := range servers {
		n := &node{mesh: m, number: i, rooms: map[parley.ARN]subscriber{}, sent: make([][]parcel, nodes)}
		m.nodes = append(m.nodes, n)
		servers[i] = newServer(t, quotas, change)
		servers[i].rooms, servers[i].room = servers[0].rooms, servers[0].room
		servers[i].config.Rooms, servers[i].config.Bus = servers[0].rooms, n
		servers[i].Hub = newHub(servers[i])
	}
	m.exchange()
	return m, servers
}

// carry delivers on one node what another has published.
func (m *mesh) carry(from, to int) {
	synctest.Wait() // until what was asked for is published
	m.mu.Lock()
	parcels := m.nodes[from].sent[to]
	m.nodes[from].sent[to] = nil
	m.mu.Unlock()
	for _, p := range parcels {
		m.mu.Lock()
		s, ok := m.nodes[to].rooms[p.room]
		m.mu.Unlock()
		if ok {
			s.deliver(p.event)
		}
	}
}

// carryAll delivers everything everywhere.
func (m *mesh) carryAll() {
	for from := range m.nodes {
		for to := range m.nodes {
			m.carry(from, to)
		}
	}
}

// exchange has all nodes hear each other's reports.
func (m *mesh) exchange() {
	for from, n := range m.nodes {
		report := n.report()
		for to, other := range m.nodes {
			if to != from {
				other.heard(uint64(from), report)
			}
		}
	}
}

// wantNone carries everything, and then checks that no frame came.
func (m *mesh) wantNone(users ...*user) {
	m.carryAll()
	for _, u := range users {
		u.t.Helper()
		u.wantNothing()
	}
}

// flood has one user of each node send without pause for a time, while what is published
// is carried, and reports exchanged, after a delay. It returns how many were accepted in
// the first so many seconds, by second.
func (m *mesh) flood(t *testing.T, users []*user, request string, seconds int, delay time.Duration) []int {
	t.Helper()
	const pause = 5 * time.Millisecond
	accepted := make([]int, seconds)
	for at := time.Duration(0); at < time.Duration(seconds)*time.Second; at += pause {
		for _, u := range users {
			u.send(request)
		}
		if at%delay == 0 {
			m.carryAll()
			m.exchange()
			accepted[at/time.Second] += drained(users)
		}
		time.Sleep(pause)
	}
	m.carryAll()
	accepted[seconds-1] += drained(users)
	return accepted
}

// drained reads what the users have, and returns how many frames the first one got that
// are no errors.
func drained(users []*user) (frames int) {
	synctest.Wait()
	for i, u := range users {
		for len(u.frames) > 0 {
			if got := u.next(); i == 0 && got["Type"] != "ERROR" {
				frames++
			}
		}
	}
	return frames
}
