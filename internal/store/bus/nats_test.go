package bus_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/parley-chat/parley/internal/store/bus"
)

// openKept opens one bus on each server, and returns their connections, too.
func openKept(t testing.TB, servers ...*server.Server) ([]*bus.Bus, []*nats.Conn) {
	t.Helper()
	conns := make([]*nats.Conn, len(servers))
	configs := make([]bus.Config, len(servers))
	for i, s := range servers {
		configs[i] = bus.Config{Node: fmt.Sprint("n", i),
			Connect: func(name string, opts ...nats.Option) (conn *nats.Conn, err error) {
				conns[i], err = connector(s)(name, opts...)
				return conns[i], err
			}}
	}
	return openEach(t, configs...), conns
}

// TestReconnects has nodes lose their connections to NATS while events flow.
func TestReconnects(t *testing.T) {
	s := startServer(t, "s")
	nodes, conns := openKept(t, s, s, s)
	f := startFlow(t, nodes, 3, time.Millisecond)
	for i := range 20 {
		<-time.After(20 * time.Millisecond)
		if err := conns[i%3].ForceReconnect(); err != nil {
			t.Fatal(err)
		}
	}
	f.finish()
	if n := sum(nodes, recovered); n == 0 {
		t.Error("no event was recovered: the test broke nothing")
	}
}

// TestKilledNode has a node's server end without a goodbye while others publish.
func TestKilledNode(t *testing.T) {
	servers := startCluster(t, 3)
	nodes := openAll(t, servers...)
	first, second := subscribe(t, nodes[0], room), subscribe(t, nodes[1], room)
	subscribe(t, nodes[2], room)
	publish(t, nodes[0], room, "before")
	first.want(t, "before")
	second.want(t, "before")
	servers[2].Shutdown()
	for i := range 50 {
		event := fmt.Sprint("after ", i)
		publish(t, nodes[0], room, event)
		first.want(t, event)
		second.want(t, event)
	}
	if n := nodes[0].Stats().Lags; n == 0 {
		t.Error("the echoes waited until the node was not live, want them not to wait so long")
	}
	eventually(t, "the node is not live any more", func() bool {
		return nodes[0].Stats().Live == 2 && nodes[1].Stats().Live == 2
	})
	subscribe(t, nodes[0], "another.room")
	if err := nodes[2].Publish(t.Context(), room, nil); !errors.Is(err, bus.ErrAway) {
		t.Errorf("Publish of the node without a server = %v, want %v", err, bus.ErrAway)
	}
}

// TestBlockedNode has a node that delivers nothing for longer than others wait, and then
// goes on.
func TestBlockedNode(t *testing.T) {
	nodes := openAll(t, startCluster(t, 3)...)
	f := startFlow(t, nodes, 3, time.Millisecond)
	blocked := make(chan struct{})
	entered := make(chan struct{})
	stop, err := nodes[2].Subscribe(context.Background(), room,
		func([]byte) { close(entered); <-blocked }, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	publish(t, nodes[2], room, "block")
	<-entered
	subscribe(t, nodes[0], "new.room") // which does not wait for the blocked node
	<-time.After(2500 * time.Millisecond)
	close(blocked)
	f.finish()
	for _, n := range nodes {
		eventually(t, "all nodes are live", func() bool { return n.Stats().Live == 3 })
	}
}

// TestFullRing publishes more than the ring holds to a node that is away.
func TestFullRing(t *testing.T) {
	servers, relays := startRelayed(t, 2, true)
	nodes := openAll(t, servers...)
	l, quiet := subscribe(t, nodes[1], room), subscribe(t, nodes[1], "quiet.room")
	relays[1][0].set(true, false, false)
	eventually(t, "the route is closed", func() bool { return servers[0].NumRoutes() == 0 })
	event := make([]byte, bus.MaxEventBytes)
	for range 80 {
		for nodes[0].Publish(t.Context(), room, event) != nil { // too fast
			<-time.After(time.Millisecond)
		}
	}
	relays[1][0].set(false, false, false)
	select {
	case <-l.lost:
	case <-time.After(patience):
		t.Fatal("lost is not called")
	}
	if len(quiet.lost) > 0 {
		t.Error("lost is called for a room that missed nothing")
	}
	publish(t, nodes[0], room, "after")
	again := 0
	for ; len(<-l.events) == len(event); again++ { // the test times out if "after" stays away
	}
	if again < 50 || again >= 80 {
		t.Errorf("%d events of 80 came again, want those in the ring", again)
	}
}

// TestArrivalsOverflow has a node get more than fits while it delivers nothing.
func TestArrivalsOverflow(t *testing.T) {
	const events = 64<<10 + 5000
	s := startServer(t, "s")
	nodes := openAll(t, s, s)
	blocked := make(chan struct{})
	var next atomic.Int64
	stop, err := nodes[1].Subscribe(context.Background(), room, func(event []byte) {
		<-blocked
		if want := fmt.Sprint(next.Add(1) - 1); string(event) != want {
			t.Errorf("received %q, want %s", event, want)
		}
	}, func() { t.Error("lost was called") })
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	for i := range events {
		for nodes[0].Publish(t.Context(), room, fmt.Append(nil, i)) != nil { // too fast
			<-time.After(time.Millisecond)
		}
	}
	eventually(t, "arrivals overflow", func() bool { return nodes[1].Stats().Overflows > 0 })
	close(blocked)
	eventually(t, "everything is delivered", func() bool { return next.Load() == events })
}

// TestTrafficGoesWhereItIsWanted counts messages at NATS.
func TestTrafficGoesWhereItIsWanted(t *testing.T) {
	nodes, conns := openKept(t, startCluster(t, 3)...)
	own, l := subscribe(t, nodes[0], room), subscribe(t, nodes[1], room)
	const events = 3000
	before := conns[2].Stats().InMsgs
	sent := nodes[0].Stats().Messages
	start := time.Now()
	for i := range events {
		publish(t, nodes[0], room, fmt.Sprint(i))
	}
	for i := range events {
		own.want(t, fmt.Sprint(i))
		l.want(t, fmt.Sprint(i))
	}
	beats := uint64(4*time.Since(start).Seconds()) + 2
	if n := conns[2].Stats().InMsgs - before; n > 3*beats {
		t.Errorf("a node that does not listen got %d messages, want only about %d beats",
			n, 2*beats)
	}
	if n := nodes[0].Stats().Messages - sent; n < events || n > events+3*beats+10 {
		t.Errorf("the publisher sent %d messages for %d events, want one for each", n, events)
	}
	publish(t, nodes[2], "nobodys.room", "x")
	if n := nodes[2].Stats().Sent; n != 0 {
		t.Errorf("%d events left a node though nobody listens, want none", n)
	}
}

// TestJoinsAreBatched has rooms come and go, as many as on a busy node.
func TestJoinsAreBatched(t *testing.T) {
	const joins, workers = 1000, 50
	nodes := openAll(t, startCluster(t, 3)...)
	before := messages(nodes)
	start := time.Now()
	var done sync.WaitGroup
	for w := range workers {
		done.Go(func() {
			for i := range joins / workers {
				stop, err := nodes[0].Subscribe(context.Background(),
					fmt.Sprintf("r.%d.%d", w, i), func([]byte) {}, nil)
				if err != nil {
					t.Error(err)
					return
				}
				stop()
			}
		})
	}
	done.Wait()
	eventually(t, "the others know that all was left", func() bool {
		for _, n := range append(nodes[1].Nodes(), nodes[2].Nodes()...) {
			if n.Name == "n0" && n.Rooms > 0 {
				return false
			}
		}
		return true
	})
	perJoin := float64(messages(nodes)-before) / joins
	t.Logf("%d joins and leaves in %s, %.2f messages each", joins, time.Since(start), perJoin)
	if perJoin > 1 {
		t.Errorf("%.2f messages for a join and leave with two other nodes, want at most 1",
			perJoin)
	}
}
