package test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/parleytest"
)

// TestNodesRestart stops and starts the nodes of a cluster one after the other, while
// rooms of the client library talk, and a backend calls the API, by way of a balancer.
// The balancer knows before a node stops. No call is refused, and no room misses anything
// but what is said while it is not connected.
func TestNodesRestart(t *testing.T) {
	const rooms, pace = 6, 20 * time.Millisecond
	b := &balancedCluster{Cluster: parleytest.StartCluster(t, clusterNodes, noQuotas)}
	b.away = noNode
	room := b.CreateRoom(t, nil)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var work sync.WaitGroup
	work.Go(func() { b.callUntil(ctx, t, room) })
	conversation := &conversation{}
	for i := range rooms {
		user := fmt.Sprint("user-", i)
		r, err := client.Dial(t.Context(), b.URL, b.tokens(room, user), client.Options{
			NetDial: b.dial, MinBackoff: 10 * time.Millisecond, MaxBackoff: 100 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		work.Go(func() { conversation.hear(ctx, t, user, r) })
		work.Go(func() { conversation.talk(ctx, t, user, r, pace) })
	}
	for i := range clusterNodes {
		b.spare(i)
		b.Stop(t, i)
		b.Restart(t, i)
		b.spare(noNode)
		conversation.goOn(t)
	}
	stop()
	work.Wait()
	conversation.check(t)
}

// balancedCluster is a cluster behind a balancer.
type balancedCluster struct {
	*parleytest.Cluster
	turn atomic.Int32

	mu   sync.RWMutex // guards away; held for reading while a node is called
	away int          // the node that gets nothing now, or noNode
}

const noNode = -1

// spare has a node get nothing from now on, and returns when it has answered all calls.
func (b *balancedCluster) spare(node int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = node
}

// nextLocked returns the node that comes next.
func (b *balancedCluster) nextLocked() *parleytest.Server {
	for {
		if i := int(b.turn.Add(1)) % len(b.Nodes); i != b.away {
			return b.Nodes[i]
		}
	}
}

// call makes a call on the node that comes next.
func (b *balancedCluster) call(operation string, in any) (parleytest.Answer, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.nextLocked().TryCall(operation, in)
}

// dial opens a connection to the node that comes next, whatever the address.
func (b *balancedCluster) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	var d net.Dialer
	return d.DialContext(ctx, network, b.nextLocked().NextHost())
}

func (b *balancedCluster) tokens(room, user string) client.TokenProvider {
	return func(context.Context) (client.Token, error) {
		a, err := b.call("CreateChatToken", map[string]any{
			"roomIdentifier": room, "userId": user, "capabilities": []string{"SEND_MESSAGE"}})
		if err != nil || a.Status != 200 {
			return client.Token{}, fmt.Errorf("CreateChatToken: %+v: %w", a, err)
		}
		return client.Token{Token: a.Body["token"].(string)}, nil
	}
}

// callUntil makes calls of every kind until ctx is done. None may fail.
func (b *balancedCluster) callUntil(ctx context.Context, t *testing.T, room string) {
	for calls := 0; ; {
		made, err := b.call("CreateRoom", nil)
		for _, call := range []struct {
			operation string
			in        map[string]any
		}{
			{"GetRoom", map[string]any{"identifier": made.Body["arn"]}},
			{"CreateChatToken", map[string]any{"roomIdentifier": made.Body["arn"], "userId": "ana"}},
			{"SendEvent", map[string]any{"roomIdentifier": room, "eventName": "poll"}},
			{"DeleteRoom", map[string]any{"identifier": made.Body["arn"]}},
		} {
			if err != nil || made.Error != "" {
				t.Errorf("after %d calls: %+v %v", calls, made, err)
				return
			}
			calls++
			var a parleytest.Answer
			if a, err = b.call(call.operation, call.in); a.Error != "" {
				t.Errorf("%s, after %d calls: %+v", call.operation, calls, a)
				return
			}
		}
		if ctx.Err() != nil {
			t.Logf("%d calls were answered", calls)
			return
		}
	}
}

// conversation is what the rooms have said and heard.
type conversation struct {
	mu      sync.Mutex // guards what follows
	unsure  map[string]bool
	gaps    []gap
	heard   int
	dropped int // connections that were lost
}

// gap is what a room has not heard.
type gap struct {
	by, of string
	from   int // the first
	to     int // the last
}

// talk sends numbered messages until ctx is done.
func (c *conversation) talk(
	ctx context.Context, t *testing.T, user string, r *client.Room, pace time.Duration,
) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for n := 1; ctx.Err() == nil; n++ {
		content := fmt.Sprint(user, " ", n)
		if _, err := r.Send(ctx, content, nil); err != nil {
			c.mu.Lock()
			if c.unsure == nil {
				c.unsure = map[string]bool{}
			}
			c.unsure[content] = true
			c.mu.Unlock()
			if !errors.Is(err, client.ErrOutcomeUnknown) && ctx.Err() == nil {
				t.Errorf("%s: %v", content, err)
			}
		}
		<-tick.C
	}
}

// hear receives until ctx is done: from each user in order, without gaps but where the
// connection was lost.
func (c *conversation) hear(ctx context.Context, t *testing.T, by string, r *client.Room) {
	last := map[string]int{} // by user; 0: from wherever it goes on
	for received, err := range r.Receive(ctx) {
		if err != nil {
			if ctx.Err() == nil {
				t.Errorf("%s: %v", by, err)
			}
			return
		}
		switch received := received.(type) {
		case *client.StateChange:
			if received.State == client.Connecting {
				clear(last)
			}
			c.count(received.State == client.Connecting)
		case *client.Message:
			user, number, _ := strings.Cut(received.Content, " ")
			n := 0
			if _, err := fmt.Sscan(number, &n); err != nil {
				t.Errorf("%s heard %q: %v", by, received.Content, err)
			}
			switch before := last[user]; {
			case before == 0 || n == before+1:
			case n <= before:
				t.Errorf("%s heard %q after number %d", by, received.Content, before)
			default:
				c.miss(gap{by, user, before + 1, n - 1})
			}
			last[user] = n
			c.count(false)
		}
	}
}

func (c *conversation) count(dropped bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heard++
	if dropped {
		c.dropped++
	}
}

func (c *conversation) miss(g gap) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gaps = append(c.gaps, g)
}

// goOn waits until more has been heard.
func (c *conversation) goOn(t *testing.T) {
	t.Helper()
	now := func() int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.heard
	}
	before := now()
	waitAtMost(t, patience, "the rooms to talk on", func() bool { return now() > before+1000 })
}

// check fails for gaps in which something was surely said.
func (c *conversation) check(t *testing.T) {
	t.Logf("%d messages were heard, %d connections lost, and of %d messages it is not known "+
		"whether they were sent", c.heard, c.dropped, len(c.unsure))
	for _, g := range c.gaps {
		for n := g.from; n <= g.to; n++ {
			if !c.unsure[fmt.Sprint(g.of, " ", n)] {
				t.Errorf("%s has not heard %s say number %d", g.by, g.of, n)
			}
		}
	}
	if c.dropped < clusterNodes {
		t.Errorf("%d connections were lost, want at least one on each node", c.dropped)
	}
}
