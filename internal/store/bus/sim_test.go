package bus

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// simNet is a network of nodes that a test can break in any way: messages are lost,
// late, overtaken. It runs on the clock of a synctest bubble.
type simNet struct {
	t  *testing.T
	mu sync.Mutex // guards all of the network

	rand  *rand.Rand
	nodes []*simNode
	links map[[2]*simNode]*simLink
	loss  float64 // of all messages
	swap  float64 // share of messages that are overtaken by the next
	sent  map[string]int
}

// simNode is a node's connection to a simNet.
type simNode struct {
	net  *simNet
	bus  *Bus
	subs map[string]int
	down bool // its connection is away
}

// simLink carries what one node sends to another.
type simLink struct {
	net      *simNet
	to       *simNode
	interest map[string]bool // of to, as far as it is known here
	queue    []simItem
	stuck    bool // what is sent waits
	cut      bool // what is sent is lost
	wake     chan struct{}
	end      chan struct{}
}

// simItem is a message, or the news that the sender listens to a subject, or not.
type simItem struct {
	subject string
	data    []byte // nil: news
	listens bool
	at      time.Time
}

const simDelay = 500 * time.Microsecond

func newSimNet(t *testing.T, seed uint64) *simNet {
	return &simNet{t: t, rand: rand.New(rand.NewPCG(seed, 0)),
		links: map[[2]*simNode]*simLink{}, sent: map[string]int{}}
}

// open starts a bus on the network.
func (n *simNet) open(name string, quorum int) *Bus {
	b := newBus(Config{Prefix: "p", Node: name, Quorum: quorum,
		Log: slog.New(slog.DiscardHandler)})
	node := &simNode{net: n, bus: b, subs: map[string]int{}}
	n.mu.Lock()
	for _, other := range n.nodes {
		n.linkLocked(node, other)
		n.linkLocked(other, node)
	}
	n.nodes = append(n.nodes, node)
	n.mu.Unlock()
	if err := b.join(context.Background(), node); err != nil {
		n.t.Error(err)
	}
	return b
}

func (n *simNet) linkLocked(from, to *simNode) {
	l := &simLink{net: n, to: to, interest: map[string]bool{},
		wake: make(chan struct{}, 1), end: make(chan struct{})}
	for subject := range to.subs {
		l.interest[subject] = true
	}
	n.links[[2]*simNode{from, to}] = l
	go l.run(from)
}

// close ends the network, after its nodes.
func (n *simNet) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, l := range n.links {
		close(l.end)
	}
}

func (s *simNode) Publish(subject string, data []byte) error {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	if s.down {
		return errors.New("away")
	}
	s.net.sent[strings.SplitN(subject, ".", 3)[1]]++
	for _, other := range s.net.nodes {
		l := s.net.links[[2]*simNode{s, other}]
		if l == nil || !l.interest[subject] || s.net.rand.Float64() < s.net.loss {
			continue
		}
		l.pushLocked(simItem{subject: subject, data: data})
		if n := len(l.queue); n > 1 && s.net.rand.Float64() < s.net.swap {
			l.queue[n-1].data, l.queue[n-2].data = l.queue[n-2].data, l.queue[n-1].data
			l.queue[n-1].subject, l.queue[n-2].subject = l.queue[n-2].subject, l.queue[n-1].subject
			l.queue[n-1].listens, l.queue[n-2].listens = l.queue[n-2].listens, l.queue[n-1].listens
		}
	}
	return nil
}

func (s *simNode) Subscribe(subject string) (func(), error) {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	s.subs[subject]++
	s.tellLocked(subject)
	return sync.OnceFunc(func() {
		s.net.mu.Lock()
		defer s.net.mu.Unlock()
		if s.subs[subject]--; s.subs[subject] == 0 {
			delete(s.subs, subject)
		}
		s.tellLocked(subject)
	}), nil
}

// tellLocked has the others learn whether the node listens to a subject.
func (s *simNode) tellLocked(subject string) {
	for _, other := range s.net.nodes {
		if l := s.net.links[[2]*simNode{s, other}]; l != nil {
			l.pushLocked(simItem{subject: subject, listens: s.subs[subject] > 0})
		}
	}
}

func (s *simNode) Flush(context.Context) error { return nil }
func (s *simNode) Close()                      {}

func (s *simNode) Connected() bool {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	return !s.down
}

func (l *simLink) pushLocked(i simItem) {
	if l.cut {
		return
	}
	i.at = time.Now().Add(simDelay)
	l.queue = append(l.queue, i)
	signal(l.wake)
}

func (l *simLink) run(from *simNode) {
	for {
		select {
		case <-l.end:
			return
		case <-l.wake:
		}
		for {
			i, ok := l.pop()
			if !ok {
				break
			}
			// A timer whose time has come already can end the process under the race
			// detector.
			if wait := time.Until(i.at); wait > 0 {
				select {
				case <-l.end:
					return
				case <-time.After(wait):
				}
			}
			l.arrive(i, from)
		}
	}
}

func (l *simLink) pop() (simItem, bool) {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	if len(l.queue) == 0 || l.stuck {
		return simItem{}, false
	}
	i := l.queue[0]
	l.queue = l.queue[1:]
	return i, true
}

func (l *simLink) arrive(i simItem, from *simNode) {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	switch {
	case l.cut:
	case i.data == nil:
		l.net.links[[2]*simNode{l.to, from}].interest[i.subject] = i.listens
	case l.to.subs[i.subject] > 0:
		for range l.to.subs[i.subject] {
			select {
			case l.to.bus.arrivals <- &nats.Msg{Subject: i.subject, Data: i.data}:
			default:
			}
		}
	}
}

// count returns how many messages of a kind were sent.
func (n *simNet) count(kind string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sent[kind]
}

// kill cuts a node off for ever.
func (n *simNet) kill(b *Bus) {
	node := b.net.(*simNode)
	for _, other := range n.nodes {
		if other != node {
			n.set(node, other, true, false)
			n.set(other, node, true, false)
		}
	}
}

// set breaks or mends the link from one node to another. What is on the way is lost when
// it is cut; when it is mended both know each other's subscriptions again.
func (n *simNet) set(from, to *simNode, cut, stuck bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.links[[2]*simNode{from, to}]
	if cut {
		l.queue = nil
	}
	if l.cut && !cut {
		l.interest = map[string]bool{}
		for subject := range to.subs {
			l.interest[subject] = true
		}
	}
	l.cut, l.stuck = cut, stuck
	signal(l.wake)
}
