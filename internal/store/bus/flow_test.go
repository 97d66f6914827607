package bus_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/store/bus"
)

const room = "us-east-1.123456789012.abcdefghijkl"

// flow has nodes publish numbered events in rooms, and listen to all.
type flow struct {
	t     testing.TB
	nodes []*bus.Bus
	rooms int
	end   chan struct{}
	ended sync.WaitGroup

	published [][]atomic.Int64 // by node and room
	got       [][]atomic.Int64 // by publisher and room, at each node in a row
	lost      atomic.Int64
}

// startFlow starts a flow with a pause after each event of a node.
func startFlow(t testing.TB, nodes []*bus.Bus, rooms int, pause time.Duration) *flow {
	t.Helper()
	f := &flow{t: t, nodes: nodes, rooms: rooms, end: make(chan struct{})}
	for range nodes {
		f.published = append(f.published, make([]atomic.Int64, rooms))
		f.got = append(f.got, make([]atomic.Int64, rooms*len(nodes)))
	}
	for i := range nodes {
		for r := range rooms {
			f.listen(i, r)
		}
	}
	for i := range nodes {
		f.ended.Go(func() { f.publish(i, pause) })
	}
	return f
}

func (f *flow) listen(node, r int) {
	f.t.Helper()
	stop, err := f.nodes[node].Subscribe(context.Background(), fmt.Sprint("r.", r),
		func(event []byte) {
			var from int
			var i int64
			_, _ = fmt.Sscan(string(event), &from, &i)
			next := &f.got[from][node*f.rooms+r]
			if want := next.Add(1) - 1; i != want {
				f.t.Errorf("node %d got event %d of node %d in room %d, want %d",
					node, i, from, r, want)
				next.Store(i + 1)
			}
		}, func() { f.lost.Add(1) })
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(stop)
}

func (f *flow) publish(node int, pause time.Duration) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-f.end:
			return
		case <-tick.C:
		}
		r := i % f.rooms
		n := &f.published[node][r]
		event := fmt.Appendf(nil, "%d %d", node, n.Load())
		if f.nodes[node].Publish(context.Background(), fmt.Sprint("r.", r), event) == nil {
			n.Add(1)
		}
	}
}

// awaitMore waits until every node has published more in every room.
func (f *flow) awaitMore() {
	f.t.Helper()
	for node := range f.published {
		for r := range f.published[node] {
			n := &f.published[node][r]
			before := n.Load()
			eventually(f.t, "more is published", func() bool { return n.Load() > before+10 })
		}
	}
}

// finish ends the flow, and waits until everything that was published is everywhere.
func (f *flow) finish() {
	f.t.Helper()
	close(f.end)
	f.ended.Wait()
	eventually(f.t, "every node has everything", func() bool {
		for from := range f.nodes {
			for i := range f.got[from] {
				if f.got[from][i].Load() != f.published[from][i%f.rooms].Load() {
					return false
				}
			}
		}
		return true
	})
	if n := f.lost.Load(); n > 0 {
		f.t.Errorf("lost was called %d times, want none", n)
	}
}

// sum adds up one of the counters of all nodes.
func sum(nodes []*bus.Bus, counter func(bus.Stats) uint64) (n uint64) {
	for _, b := range nodes {
		n += counter(b.Stats())
	}
	return n
}

func recovered(s bus.Stats) uint64 { return s.Recovered }

func TestBrokenRoutes(t *testing.T) {
	tests := []struct {
		name        string
		down        bool
		to, from    bool
		time        time.Duration
		wantRecover bool
	}{
		{"cut for a moment", true, false, false, 10 * time.Millisecond, true},
		{"cut", true, false, false, 2500 * time.Millisecond, true},
		{"one way for a moment", false, true, false, 300 * time.Millisecond, false},
		{"one way, torn down", false, false, true, 2500 * time.Millisecond, true},
		{"both ways", false, true, true, 2500 * time.Millisecond, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			servers, relays := startRelayed(t, 3, true)
			nodes := openAll(t, servers...)
			f := startFlow(t, nodes, 3, time.Millisecond)
			f.awaitMore()
			relays[1][0].set(test.down, test.to, test.from)
			if test.wantRecover {
				eventually(t, "a route is lost", func() bool { return !connected(servers) })
				f.awaitMore()
			}
			<-time.After(test.time)
			relays[1][0].set(false, false, false)
			eventually(t, "the routes are back", func() bool { return connected(servers) })
			f.finish()
			if n := sum(nodes, recovered); test.wantRecover && n == 0 {
				t.Error("no event was recovered: the test broke nothing")
			}
		})
	}
}

// TestLonelyNode has a node lose all its routes, again and again.
func TestLonelyNode(t *testing.T) {
	servers, relays := startRelayed(t, 3, true)
	nodes := openAll(t, servers...)
	f := startFlow(t, nodes, 3, time.Millisecond)
	for range 5 {
		for _, r := range relays[2] {
			r.set(true, false, false)
		}
		<-time.After(50 * time.Millisecond)
		for _, r := range relays[2] {
			r.set(false, false, false)
		}
		eventually(t, "the routes are back", func() bool { return connected(servers) })
	}
	f.finish()
}

// TestSubscribeMissesNothing listens and leaves again, thousands of times on an idle
// machine, while another node publishes at full speed.
func TestSubscribeMissesNothing(t *testing.T) {
	const most, long = 3000, 15 * time.Second
	nodes := openAll(t, startCluster(t, 3)...)
	var started atomic.Int64
	stopped := make(chan struct{})
	var publishing sync.WaitGroup
	publishing.Go(func() { publishFast(t, nodes[0], nodes[2], &started, stopped) })
	defer publishing.Wait()
	defer close(stopped)
	joins := 0
	for start := time.Now(); joins < most && time.Since(start) < long && !t.Failed(); joins++ {
		joinOnce(t, nodes[1], &started)
	}
	t.Logf("%d joins while %d events were published", joins, started.Load())
}

// publishFast publishes numbers as fast as another node gets them, with some hundreds on
// their way.
func publishFast(t *testing.T, b, other *bus.Bus, started *atomic.Int64,
	stopped <-chan struct{}) {
	onTheirWay := make(chan struct{}, 300)
	stop, err := other.Subscribe(context.Background(), room, func([]byte) { <-onTheirWay }, nil)
	if err != nil {
		t.Error(err)
		return
	}
	defer stop()
	for {
		select {
		case <-stopped:
			return
		case onTheirWay <- struct{}{}:
		}
		event := fmt.Append(nil, started.Add(1))
		for b.Publish(context.Background(), room, event) != nil { // too fast
			<-time.After(time.Millisecond)
		}
	}
}

// joinOnce checks that a subscription gets all from the first event on that is published
// after Subscribe has returned.
func joinOnce(t *testing.T, b *bus.Bus, started *atomic.Int64) {
	t.Helper()
	var next atomic.Int64
	arrived := make(chan int64, 1)
	stop, err := b.Subscribe(context.Background(), room, func(event []byte) {
		var n int64
		_, _ = fmt.Sscan(string(event), &n)
		switch want := next.Swap(n + 1); {
		case want == 0:
			arrived <- n
		case n != want:
			t.Errorf("got event %d, want %d", n, want)
		}
	}, func() { t.Error("lost was called") })
	after := started.Load()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	select {
	case first := <-arrived:
		if first > after+1 {
			t.Errorf("the first event is %d; %d is the first after Subscribe returned",
				first, after+1)
		}
	case <-time.After(patience):
		t.Errorf("nothing arrives")
	}
}
