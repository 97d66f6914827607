package test

// What holds between the nodes of a cluster, and how far. The other tests of this package
// run against clusters, too: see TestMain.

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/parleytest"
)

// clusterNodes is how many nodes the clusters of these tests have.
const clusterNodes = 3

// limits is limit for several quotas.
func limits(of map[parley.Quota]int) func(*app.Config) {
	return func(cfg *app.Config) {
		cfg.Limits = map[string]int{}
		for quota, n := range of {
			cfg.Limits[string(quota)] = n
		}
	}
}

// TestCluster tries what nodes of one cluster do together.
func TestCluster(t *testing.T) {
	c := parleytest.StartCluster(t, clusterNodes, noQuotas)
	for _, tt := range []struct {
		name string
		try  func(t *testing.T, c *parleytest.Cluster)
	}{
		{"all nodes hear each publisher in order", tryOrderOfPublishers},
		{"events of any node reach all", tryEventsOfAnyNode},
		{"a kick from any node ends the sessions on all", tryKicksFromAnyNode},
		{"a token is used once", tryTokenOnAllNodes},
		{"what one node wrote the others read", tryReadsAfterWrites},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.try(t, c) })
	}
}

// joinAll has a user of each node join a room, with a name that begins as given.
func joinAll(t *testing.T, c *parleytest.Cluster, room, name string) []*parleytest.User {
	t.Helper()
	users := make([]*parleytest.User, len(c.Nodes))
	for i, n := range c.Nodes {
		users[i] = n.Join(t, room, fmt.Sprint(name, i), allCapabilities...)
	}
	return users
}

// tryOrderOfPublishers has two sessions on each node talk at once. All sessions hear all of
// it, and of each other session in the order in which it spoke.
func tryOrderOfPublishers(t *testing.T, c *parleytest.Cluster) {
	const each = 200
	room := c.CreateRoom(t, nil)
	users := slices.Concat(joinAll(t, c, room, "ana-"), joinAll(t, c, room, "ben-"))
	heard := make([][]string, len(users))
	var all sync.WaitGroup
	for i, u := range users {
		all.Go(func() { heard[i] = readContents(t, u, len(users)*each) })
		all.Go(func() {
			for n := range each {
				trySend(t, u, fmt.Sprintf(`{"Action":"SEND_MESSAGE","Content":"%s %d"}`, u.ID, n))
			}
		})
	}
	all.Wait()
	for i, contents := range heard {
		next := map[string]int{}
		for _, content := range contents {
			user, _, _ := strings.Cut(content, " ")
			if want := fmt.Sprint(user, " ", next[user]); content != want {
				t.Errorf("%s heard %q, want %q", users[i].ID, content, want)
				break
			}
			next[user]++
		}
	}
}

// tryEventsOfAnyNode has each node tell the room something, by either plane.
func tryEventsOfAnyNode(t *testing.T, c *parleytest.Cluster) {
	room := c.CreateRoom(t, nil)
	users := joinAll(t, c, room, "user-")
	hear := func(origin int, want string) {
		t.Helper()
		id := ""
		for i, u := range users {
			got := nextRaw(t, u)
			if got.what() != want {
				t.Fatalf("from node %d, node %d got %s, want %s", origin, i, got.text, want)
			}
			if id == "" {
				id = got.get("Id")
			}
			if got.get("Id") != id {
				t.Errorf("from node %d, node %d got the id %s, others %s", origin, i, got.get("Id"), id)
			}
		}
	}
	for i, n := range c.Nodes {
		n.Call(t, "SendEvent", map[string]any{"roomIdentifier": room, "eventName": "poll"})
		hear(i, "EVENT poll")
		n.Call(t, "DeleteMessage", map[string]any{"roomIdentifier": room, "id": someMessage})
		hear(i, "EVENT aws:DELETE_MESSAGE")
		users[i].Send(t, fmt.Sprintf(`{"Action":"DELETE_MESSAGE","Id":%q}`, someMessage))
		hear(i, "EVENT aws:DELETE_MESSAGE")
		users[i].Say(t, "hi")
		hear(i, "MESSAGE")
	}
}

// tryKicksFromAnyNode has a user with a session on each node disconnected by each node, in
// turn by either plane. All others are told, and the user may come back.
func tryKicksFromAnyNode(t *testing.T, c *parleytest.Cluster) {
	room := c.CreateRoom(t, nil)
	mods := joinAll(t, c, room, "mod-")
	for round := range 2 * len(c.Nodes) {
		var eves []*parleytest.User
		for _, n := range c.Nodes {
			eves = append(eves, n.Join(t, room, "eve", "SEND_MESSAGE"))
		}
		origin := round % len(c.Nodes)
		if round < len(c.Nodes) {
			mods[origin].Send(t, disconnection("eve", "spam"))
		} else {
			c.Nodes[origin].Call(t, "DisconnectUser",
				map[string]any{"roomIdentifier": room, "userId": "eve", "reason": "spam"})
		}
		for _, u := range slices.Concat(mods, eves) {
			if got := nextRaw(t, u); got.what() != "EVENT aws:DISCONNECT_USER" {
				t.Fatalf("%s got %s, want the disconnection by node %d", u.ID, got.text, origin)
			}
		}
		for _, eve := range eves {
			if code, reason := nextClose(t, eve); code != ws.StatusNormalClosure || reason != "spam" {
				t.Errorf("eve was closed with %d %q, want 1000 spam", code, reason)
			}
			_ = eve.Conn.Close()
		}
		again := c.Nodes[origin].Join(t, room, "eve", "SEND_MESSAGE")
		again.Say(t, "back")
		for _, u := range append(mods, again) {
			if got := u.Next(t); got.Content != "back" {
				t.Errorf("%s got %+v, want eve to be back", u.ID, got)
			}
		}
		_ = again.Conn.Close()
	}
}

// tryTokenOnAllNodes has a token used on all nodes at the same moment, twice on each.
func tryTokenOnAllNodes(t *testing.T, c *parleytest.Cluster) {
	room := c.CreateRoom(t, nil)
	for range 50 {
		token := c.Token(t, room, "ana")
		var opened atomic.Int32
		var all sync.WaitGroup
		begin := make(chan struct{})
		for _, n := range slices.Concat(c.Nodes, c.Nodes) {
			all.Go(func() {
				<-begin
				switch res, body := handshake(t, n, "GET", "/", upgrade(token)); res.StatusCode {
				case http.StatusSwitchingProtocols:
					opened.Add(1)
				case http.StatusUnauthorized:
				default:
					t.Errorf("answered %s %s, want 101 or 401", res.Status, body)
				}
			})
		}
		close(begin)
		all.Wait()
		if opened.Load() != 1 {
			t.Errorf("a token opened %d sessions, want 1", opened.Load())
		}
	}
}

// tryReadsAfterWrites makes 1,000 rooms on one node, each of which is asked for, used and
// changed on the others as soon as the call has returned. That there is a room, all nodes
// know or ask for. That it was changed or deleted, they may not know while the leader of
// what is stored takes more than a second to answer.
func tryReadsAfterWrites(t *testing.T, c *parleytest.Cluster) {
	const writers, each = 10, 100
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				n := (w + i) % len(c.Nodes)
				err := readAfterWrite(c.Nodes[n], c.Nodes[(n+1)%3], c.Nodes[(n+2)%3])
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// readAfterWrite goes through the life of a room, each step on another node.
func readAfterWrite(a, b, c *parleytest.Server) error {
	made, err := a.TryCall("CreateRoom", map[string]any{"name": "first"})
	if err != nil || made.Status != 200 {
		return fmt.Errorf("CreateRoom: %+v %w", made, err)
	}
	room := made.Body["arn"]
	for _, step := range []struct {
		on        *parleytest.Server
		operation string
		in        map[string]any
		status    int
		name      any // in the answer
		tries     int
	}{
		{b, "GetRoom", map[string]any{"identifier": room}, 200, "first", 1},
		{c, "CreateChatToken", map[string]any{"roomIdentifier": room, "userId": "ana"}, 200, nil, 1},
		{c, "UpdateRoom", map[string]any{"identifier": room, "name": "second"}, 200, "second", 1},
		{a, "GetRoom", map[string]any{"identifier": room}, 200, "second", 10},
		{b, "DeleteRoom", map[string]any{"identifier": room}, 204, nil, 1},
		{a, "GetRoom", map[string]any{"identifier": room}, 404, nil, 10},
	} {
		var got parleytest.Answer
		for range step.tries {
			got, err = step.on.TryCall(step.operation, step.in)
			if err != nil || got.Status == step.status && got.Body["name"] == step.name {
				break
			}
		}
		if err != nil || got.Status != step.status || got.Body["name"] != step.name {
			return fmt.Errorf("%s right after the call before: %+v %v, want %d with the name %v",
				step.operation, got, err, step.status, step.name)
		}
	}
	return nil
}

// TestRatesOfACluster has a user of each node send as much as it can for some seconds. In
// any t seconds, n nodes let through at most t + n + (n-1)·d seconds' worth, where d is how
// long they take to hear of each other; and they keep the rate up, if the users can.
func TestRatesOfACluster(t *testing.T) {
	const rate, seconds, heard = 10, 8, 2 // who is not heard for longer does not count
	c := parleytest.StartCluster(t, clusterNodes, limits(map[parley.Quota]int{
		parley.QuotaConnectionRequests: 0, parley.QuotaMessages: 3 * rate,
		parley.QuotaDeletes: rate}))
	const message = `{"Action":"SEND_MESSAGE","Content":"hi"}`
	deletion := fmt.Sprintf(`{"Action":"DELETE_MESSAGE","Id":%q}`, someMessage)
	one := c.CreateRoom(t, map[string]any{"maximumMessageRatePerSecond": rate})
	wide := map[string]any{"maximumMessageRatePerSecond": 100}
	for _, tt := range []struct {
		name    string
		rate    int
		request string
		rooms   []string
	}{
		{"room", rate, message, []string{one, one, one}},
		{"account", 3 * rate, message,
			[]string{c.CreateRoom(t, wide), c.CreateRoom(t, wide), c.CreateRoom(t, wide)}},
		{"deletes", rate, deletion, []string{one, one, one}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var tried, accepted atomic.Int64
			var all sync.WaitGroup
			begin := time.Now()
			for i, n := range c.Nodes {
				u := n.Join(t, tt.rooms[i], fmt.Sprint("user-", i), allCapabilities...)
				all.Go(func() {
					n, good := insist(t, u, tt.request, seconds*time.Second)
					tried.Add(n)
					accepted.Add(good)
				})
			}
			all.Wait()
			took := time.Since(begin).Seconds()
			most := float64(tt.rate) * (took + clusterNodes + (clusterNodes-1)*heard)
			least := int64(tt.rate * (seconds - 1))
			if tried.Load() < 4*least { // on a busy machine
				least = 1
			}
			if got := accepted.Load(); float64(got) > most || got < least {
				t.Errorf("%d of %d accepted in %.1f s, want %d to %.0f",
					got, tried.Load(), took, least, most)
			}
		})
	}
}

// insist makes a request again and again for a time, 100 times a second, and returns how
// often it did, and how often that was accepted. What the session is told by others does
// not count.
func insist(
	t *testing.T, u *parleytest.User, request string, length time.Duration,
) (tried, accepted int64) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for begin := time.Now(); time.Since(begin) < length; tried++ {
		id := fmt.Sprint(u.ID, " ", tried)
		trySend(t, u, strings.Replace(request, "{", fmt.Sprintf(`{"RequestId":%q,`, id), 1))
		for answered := false; !answered; {
			got, err := u.Read()
			if err != nil {
				t.Errorf("%s: %v", u.ID, err)
				return tried, accepted
			}
			if answered = got.RequestID == id; answered && got.ErrorCode == 0 {
				accepted++
			}
		}
		<-tick.C
	}
	return tried, accepted
}

// TestCountsOfACluster comes to the limits on sessions and on rooms from all nodes at once,
// and when they know of each other.
func TestCountsOfACluster(t *testing.T) {
	const sessions, rooms = 6, 5
	c := parleytest.StartCluster(t, clusterNodes, limits(map[parley.Quota]int{
		parley.QuotaConnections: sessions, parley.QuotaRooms: rooms}))
	room := c.CreateRoom(t, nil)
	open := func(n *parleytest.Server) bool {
		res, body := handshake(t, n, "GET", "/", upgrade(n.Token(t, room, "ana")))
		if res.StatusCode != 101 && res.StatusCode != 429 {
			t.Errorf("answered %s %s, want 101 or 429", res.Status, body)
		}
		return res.StatusCode == 101
	}
	for i := range sessions {
		c.Nodes[i%2].Join(t, room, fmt.Sprint("user-", i))
	}
	for i, n := range c.Nodes {
		waitAtMost(t, patience, fmt.Sprintf("node %d to count all sessions", i),
			func() bool { return !open(n) })
	}
	var made atomic.Int64
	var all sync.WaitGroup
	for _, n := range c.Nodes {
		all.Go(func() {
			for range rooms {
				a, err := n.TryCall("CreateRoom", nil)
				if err != nil || a.Status != 200 && a.Status != 402 {
					t.Errorf("CreateRoom: %+v %v, want 200 or 402", a, err)
				}
				if a.Status == 200 {
					made.Add(1)
				}
			}
		})
	}
	all.Wait()
	if got := 1 + made.Load(); got < rooms || got > rooms+clusterNodes-1 {
		t.Errorf("%d rooms, want %d, and one more of each further node at most", got, rooms)
	}
	for i, n := range c.Nodes { // one that is slow to ask the others may take one more
		waitAtMost(t, patience, fmt.Sprintf("node %d to make no more rooms", i),
			func() bool { return n.Call(t, "CreateRoom", nil).Status == 402 })
	}
}
