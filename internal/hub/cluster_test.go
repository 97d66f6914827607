package hub_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/trace"
)

// TestRatesOfAllNodes has a user of each node send as much as it can. All together are
// accepted at most as many as the nodes' rates allow, as rate.go says, and no fewer than
// one node alone would accept.
func TestRatesOfAllNodes(t *testing.T) {
	const nodes, rate, seconds, delay = 3, 20, 20, 250 * time.Millisecond
	hundred := 100
	for _, tt := range []struct {
		name    string
		quotas  parley.Quotas
		request string
	}{
		{"room", parley.Quotas{parley.QuotaRoomMessages: rate}, `{"Action":"SEND_MESSAGE","Content":"x"}`},
		{"account", parley.Quotas{parley.QuotaMessages: rate}, `{"Action":"SEND_MESSAGE","Content":"x"}`},
		{"deletes", parley.Quotas{parley.QuotaDeletes: rate}, `{"Action":"DELETE_MESSAGE","Id":"ABCdef123456"}`},
		{"disconnects", parley.Quotas{parley.QuotaDisconnects: rate}, `{"Action":"DISCONNECT_USER","UserId":"nobody"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, servers := newMesh(t, nodes, tt.quotas, parley.RoomChange{MaxMessageRatePerSecond: &hundred})
				var users []*user
				for i, s := range servers {
					users = append(users, s.join(fmt.Sprint("user ", i), all))
				}
				total := 0
				for i, accepted := range m.flood(t, users, tt.request, seconds, delay) {
					total += accepted
					most := rate * (float64(i+1) + nodes + (nodes-1)*delay.Seconds())
					if float64(total) > most || total < rate*i {
						t.Errorf("%d accepted in %d seconds, want %d to %g", total, i+1, rate*i, most)
					}
				}
			})
		})
	}
}

// TestNobodyGetsMoreByComingBack leaves and enters again a room that is full of life on
// another node.
func TestNobodyGetsMoreByComingBack(t *testing.T) {
	five := 5
	synctest.Test(t, func(t *testing.T) {
		m, servers := newMesh(t, 2, parley.Quotas{parley.QuotaRoomMessages: 100},
			parley.RoomChange{MaxMessageRatePerSecond: &five})
		viewer := servers[0].join("viewer", 0)
		for range 10 {
			ana := servers[1].join("ana", all)
			for range five {
				ana.say("hi")
			}
			m.carryAll()
			ana.leave()
			synctest.Wait()
		}
		for range five {
			viewer.wantMessage("hi")
		}
		m.wantNone(viewer)
	})
}

// TestConnectionQuotaOfAllNodes comes to the limit on several nodes.
func TestConnectionQuotaOfAllNodes(t *testing.T) {
	const nodes, limit = 3, 4
	synctest.Test(t, func(t *testing.T) {
		m, servers := newMesh(t, nodes, parley.Quotas{parley.QuotaConnections: limit}, parley.RoomChange{})
		refused := func(s *server) bool {
			session, err := s.Join(t.Context(), s.token("ana", 0), client)
			if err == nil {
				session.Leave()
			} else if parley.CodeOf(err) != parley.Throttled {
				t.Errorf("join over the limit: %v, want throttled", err)
			}
			return err != nil
		}
		for i := range limit {
			servers[i%2].join(fmt.Sprint("user ", i), 0)
			m.exchange()
		}
		world := servers[0].room.World()
		for i, s := range servers {
			if !refused(s) {
				t.Errorf("node %d: one more than the limit is let in", i)
			}
			if got := s.Connections(world); got != limit {
				t.Errorf("node %d: %d connections, want %d", i, got, limit)
			}
			if got, want := s.ConnectionsHere(world), []int{2, 2, 0}[i]; got != want {
				t.Errorf("node %d: %d connections of its own, want %d", i, got, want)
			}
		}
		m.nodes[2].gone(0)
		if got := servers[2].Connections(world); got != 2 {
			t.Errorf("after a node has left: %d connections, want 2", got)
		}
		if refused(servers[2]) {
			t.Error("after a node has left, its connections count")
		}
	})
}

// TestConnectionsThatAreNotYetHeard has all nodes let in what is left at one moment.
func TestConnectionsThatAreNotYetHeard(t *testing.T) {
	const nodes, limit = 3, 4
	synctest.Test(t, func(t *testing.T) {
		m, servers := newMesh(t, nodes, parley.Quotas{parley.QuotaConnections: limit}, parley.RoomChange{})
		servers[0].join("first", 0)
		m.exchange()
		for i, s := range servers {
			for n := range limit - 1 {
				s.join(fmt.Sprint("user ", i, n), 0)
			}
			if _, err := s.Join(t.Context(), s.token("ana", 0), client); err == nil {
				t.Errorf("node %d lets in more than was left", i)
			}
		}
	})
}

// TestLateMessageOfADisconnectedUser disconnects a user of one node from another, while
// a message of the user is on its way to a third.
func TestLateMessageOfADisconnectedUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, servers := newMesh(t, 3, nil, parley.RoomChange{})
		eve := servers[0].join("eve", all)
		mod := servers[1].join("mod", all)
		viewer := servers[2].join("viewer", 0)
		m.carryAll()
		time.Sleep(time.Millisecond)
		eve.say("late")
		mod.send(`{"Action":"DISCONNECT_USER","UserId":"eve"}`)
		m.carry(0, 1)
		mod.wantMessage("late") // which it may see before
		m.carry(1, 2)
		if got := viewer.next(); got["EventName"] != "aws:DISCONNECT_USER" {
			t.Fatalf("the viewer got %v, want the disconnection", got)
		}
		m.carry(0, 2)
		m.wantNone(viewer)
		if got := eve.next(); got["EventName"] != "aws:DISCONNECT_USER" && got["Content"] != "late" {
			t.Errorf("eve got %v, want the echo or the disconnection", got)
		}
		time.Sleep(time.Millisecond)
		again := servers[0].join("eve", all)
		again.say("back")
		m.carryAll()
		viewer.wantMessage("back")
	})
}

// TestKickByAModeratorWhoWasKicked has moderators of two nodes kick each other at once,
// and one of them somebody else before.
func TestKickByAModeratorWhoWasKicked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, servers := newMesh(t, 2, nil, parley.RoomChange{})
		one, troll := servers[0].join("one", all), servers[0].join("troll", all)
		two := servers[1].join("two", all)
		m.carryAll()
		time.Sleep(time.Millisecond)
		two.send(`{"Action":"DISCONNECT_USER","UserId":"troll"}`)
		two.send(`{"Action":"DISCONNECT_USER","UserId":"one"}`)
		m.carry(1, 1)
		for _, user := range []string{"troll", "one"} {
			if got := two.next()["Attributes"]; !cmp.Equal(got, any(map[string]any{"UserId": user})) {
				t.Fatalf("the echo has %v, want the disconnection of %s", got, user)
			}
		}
		one.send(`{"Action":"DISCONNECT_USER","UserId":"two"}`)
		m.carry(0, 0)
		m.carryAll()
		synctest.Wait()
		for _, u := range []*user{one, two, troll} {
			for len(u.frames) > 1 {
				u.next()
			}
			u.wantClose(1000, "")
		}
	})
}

// TestNodeWithoutTheRoomHearsOfDisconnections has a user come back on a node that had no
// session of the room, and whose clock is behind.
func TestNodeWithoutTheRoomHearsOfDisconnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, servers := newMesh(t, 2, nil, parley.RoomChange{})
		mod := servers[0].join("mod", all)
		mod.send(`{"Action":"DISCONNECT_USER","UserId":"eve"}`)
		m.carryAll()
		m.exchange()
		// In a bubble, no time has passed.
		eve := servers[1].join("eve", all)
		eve.say("back")
		m.carryAll()
		mod.next()
		mod.wantMessage("back")
	})
}

// TestMessageAfterItsDeletion has a deletion overtake its message.
func TestMessageAfterItsDeletion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, servers := newMesh(t, 3, nil, parley.RoomChange{})
		ana, anna := servers[0].join("ana", all), servers[0].join("anna", all)
		mod := servers[1].join("mod", all)
		viewer := servers[2].join("viewer", 0)
		ana.say("hi")
		m.carry(0, 1)
		mod.send(fmt.Sprintf(`{"Action":"DELETE_MESSAGE","Id":%q}`, mod.next()["Id"]))
		m.carry(1, 2)
		m.carry(1, 0)
		for _, u := range []*user{ana, anna, viewer} {
			if got := u.next(); got["EventName"] != "aws:DELETE_MESSAGE" {
				t.Fatalf("received %v, want the deletion", got)
			}
		}
		m.wantNone(anna, viewer)
		ana.wantMessage("hi") // which answers the request
		ana.say("another")
		m.carryAll()
		for _, u := range []*user{ana, anna, viewer} {
			u.wantMessage("another")
		}
	})
}

// TestLostEventsDropTheRoom has a node miss events of a room.
func TestLostEventsDropTheRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, servers := newMesh(t, 2, nil, parley.RoomChange{})
		s := servers[0]
		ana := s.join("ana", all)
		joining, err := s.Join(t.Context(), s.token("ben", 0), client)
		if err != nil {
			t.Fatal(err)
		}
		ana.say("before")
		m.carry(0, 0)
		ana.say("on its way")
		synctest.Wait()
		m.nodes[0].rooms[s.room].lost()
		ana.wantMessage("before")
		<-ana.gone
		if frame, ok := <-ana.frames; ok {
			t.Errorf("received %+v, want the end of the connection and no Close frame", frame.Header)
		}
		if got := s.Pending(); got != 0 {
			t.Errorf("%d requests are on their way, want none to be waited for", got)
		}
		ben := s.start(joining)
		ben.wantMessage("before")
		if frame, ok := <-ben.frames; ok {
			t.Errorf("a session that was being opened received %+v, want its end", frame.Header)
		}
		<-ben.gone
		m.carryAll() // what was on its way finds nobody
		back := s.join("ana", all)
		back.say("after")
		m.carryAll()
		back.wantMessage("after")
	})
}

// TestPendingAfterLoss has events arrive that were given up, among newer ones.
func TestPendingAfterLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, servers := newMesh(t, 1, nil, parley.RoomChange{})
		s := servers[0]
		s.join("ana", all).say("given up")
		ben := s.join("ben", all)
		synctest.Wait()
		given := m.nodes[0].sent[0]
		m.nodes[0].sent[0] = nil
		m.nodes[0].rooms[s.room].lost()
		cyd := s.join("cyd", all)
		<-ben.gone
		cyd.say("new")
		synctest.Wait()
		m.nodes[0].rooms[s.room].deliver(given[0].event)
		if got := s.Pending(); got != 1 {
			t.Errorf("%d requests are on their way, want the new one", got)
		}
		m.carryAll()
		if got := s.Pending(); got != 0 {
			t.Errorf("%d requests are on their way, want none", got)
		}
	})
}

// TestAPICallsWaitForOtherNodes checks that the answer to an API call comes when the
// other nodes have its event.
func TestAPICallsWaitForOtherNodes(t *testing.T) {
	s := newServer(t, nil, parley.RoomChange{})
	_, sent := s.SendEvent(t.Context(), s.room, "event", nil)
	_, deleted := s.DeleteMessage(t.Context(), s.room, "ABCdef123456", "")
	for _, err := range []error{sent, deleted, s.DisconnectUser(t.Context(), s.room, "ana", "")} {
		if err != nil {
			t.Error(err)
		}
	}
	if got := s.bus.confirmed.Load(); got != 3 {
		t.Errorf("%d of 3 events were confirmed", got)
	}
}

// TestSessionsOnOtherNodesHaveTime checks that a handshake leaves other nodes the time
// to write what the client may not hear from here, and only when there are others.
func TestSessionsOnOtherNodesHaveTime(t *testing.T) {
	for nodes, want := range map[int]time.Duration{1: 0, 2: 50 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			_, servers := newMesh(t, nodes, nil, parley.RoomChange{})
			session, err := servers[0].Join(t.Context(), servers[0].token("ana", 0), client)
			if err != nil {
				t.Fatal(err)
			}
			defer session.Leave()
			begin := time.Now()
			session.OlderWritten()(t.Context())
			if took := time.Since(begin); took != want {
				t.Errorf("with %d nodes, the handshake waited %s, want %s", nodes, took, want)
			}
		})
	}
}

// TestDeliveriesOfAllNodesAreInOneTrace traces a message to two nodes.
func TestDeliveriesOfAllNodesAreInOneTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, servers := newMesh(t, 2, nil, parley.RoomChange{})
		spans := make(chan *trace.Span, 10)
		for _, s := range servers {
			s.config.Tracer = trace.New(1, func(span *trace.Span) { spans <- span })
			s.Hub = newHub(s)
		}
		ana, ben := servers[0].join("ana", all), servers[1].join("ben", 0)
		ana.say("hi")
		m.carryAll()
		ana.wantMessage("hi")
		ben.wantMessage("hi")
		synctest.Wait()
		names := map[string]int{}
		traces := map[[16]byte]bool{}
		for len(spans) > 0 {
			span := <-spans
			names[span.Name]++
			traces[span.Context.TraceID] = true
		}
		if names["deliver"] != 2 || len(traces) != 1 {
			t.Errorf("spans %v in %d traces, want two deliveries in one", names, len(traces))
		}
	})
}
