package test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/parley-chat/parley/internal/parleytest"
)

const (
	// oddSessions is how many sessions are in each of the odd states, and fullSessions in
	// that which costs the kernel megabytes.
	oddSessions, fullSessions = 80, 20
	// oddTime is how long the processor time of a server with odd sessions is measured, and
	// oddShare the part of one processor that it may use.
	oddTime  = 3 * time.Second
	oddShare = 0.05
	// fullTime is how long a socket may take nothing.
	fullTime = 10 * time.Second
	// ticksPerSecond is the unit of processor times in /proc.
	ticksPerSecond = 100
)

// odd is a server with sessions in odd states.
type odd struct {
	node
	full  []*parleytest.User
	since time.Time // before their sockets were full
}

// TestOddSessionsCostNothing has hundreds of sessions in states in which a client can
// leave them: half closed, closing, in the midst of a frame, silent, full. The server
// waits for them without work, and ends those that have to end.
func TestOddSessionsCostNothing(t *testing.T) {
	t.Parallel() // with others that wait
	servers := make([]*odd, len(planes))
	for i, pl := range planes {
		servers[i] = &odd{node: pl.serve(t)}
		servers[i].fill(t)
	}
	used := make([]time.Duration, len(servers))
	for i, o := range servers {
		used[i] = -o.processorTime()
	}
	<-time.After(oddTime)
	for i, o := range servers {
		used[i] += o.processorTime()
		if share := used[i].Seconds() / oddTime.Seconds(); share > oddShare {
			t.Errorf("%s: the server used %.1f %% of a processor for odd sessions, want under %.0f %%",
				planes[i].name, share*100, oddShare*100)
		}
	}
	t.Logf("processor time in %s: %s over ws, %s over wss", oddTime, used[0], used[1])
	for i, o := range servers {
		o.wantEnds(t, planes[i].name)
		o.stop()
	}
}

// fill brings sessions into odd states.
func (o *odd) fill(t *testing.T) {
	t.Helper()
	room := o.CreateRoom(t, nil)
	for _, state := range []struct {
		name  string
		enter func(u *parleytest.User) error
	}{
		{"silent", func(*parleytest.User) error { return nil }},
		{"half closed", func(u *parleytest.User) error { return tcpOf(u).CloseWrite() }},
		{"closed", func(u *parleytest.User) error {
			return ws.WriteFrame(u.Conn, ws.MaskFrame(ws.NewCloseFrame(nil)))
		}},
		{"violated", func(u *parleytest.User) error {
			_, err := u.Conn.Write([]byte{0xff, 0xff})
			return err
		}},
		{"unfinished", func(u *parleytest.User) error {
			_, err := u.Conn.Write(append(one(fragment(ws.OpText, "x")), 0x80)) // and half a header
			return err
		}},
		{"kicked", func(*parleytest.User) error { return nil }},
	} {
		for _, u := range joinMany(t, o.Client, room, state.name, oddSessions) {
			if err := state.enter(u); err != nil {
				t.Fatalf("%s session: %v", state.name, err)
			}
		}
	}
	a := o.Call(t, "DisconnectUser", map[string]string{"roomIdentifier": room, "userId": "kicked"})
	if a.Status != http.StatusOK {
		t.Fatalf("DisconnectUser: %+v", a)
	}
	room = o.CreateRoom(t, nil)
	o.full = joinMany(t, o.Dialing(dialSmall), room, "full", fullSessions)
	o.since = time.Now()
	unsent := -1
	o.overrun(t, room, func() bool {
		before := unsent
		unsent = o.settledBytes()
		return unsent == before // the kernel takes no more
	})
}

// settledBytes returns what the kernel holds for sending once that stays the same: on a
// busy machine, the server may not have written yet what it could.
func (o *odd) settledBytes() int {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	unsent := o.unsentBytes()
	for same := 0; same < 5; same++ {
		<-tick.C
		if now := o.unsentBytes(); now != unsent {
			unsent, same = now, -1
		}
	}
	return unsent
}

// joinMany opens sessions of a user, several at a time.
func joinMany(
	t *testing.T, c *parleytest.Client, room, userID string, n int,
) []*parleytest.User {
	t.Helper()
	users := make([]*parleytest.User, n)
	tokens := mintMany(t, c, room, userID, n)
	var all sync.WaitGroup
	const clients = 8
	for client := range clients {
		all.Go(func() {
			for i := client; i < n; i += clients {
				var err error
				if users[i], err = c.Dial(t, tokens[i]); err != nil {
					t.Errorf("join as %s: %v", userID, err)
					return
				}
			}
		})
	}
	if all.Wait(); t.Failed() {
		t.FailNow()
	}
	return users
}

// wantEnds waits until all sessions have ended that must.
func (o *odd) wantEnds(t *testing.T, plane string) {
	t.Helper()
	ended := func(reason string) int {
		return o.metric(fmt.Sprintf("parley_sessions_ended_total{reason=%q}", reason))
	}
	waitAtMost(t, fullTime+patience, "full sessions to be dropped", func() bool {
		return ended("slow") == fullSessions
	})
	if took := time.Since(o.since); took < fullTime {
		t.Errorf("%s: sessions whose sockets are full were dropped after %s, want %s",
			plane, took, fullTime)
	}
	for reason, want := range map[string]int{
		"peer":     2*oddSessions + 1, // half closed, closed, and the one that spoke
		"protocol": oddSessions, "disconnected": oddSessions,
	} {
		if got := ended(reason); got != want {
			t.Errorf("%s: %d sessions have ended with the reason %s, want %d", plane, got, reason, want)
		}
	}
	if got, want := o.metric(openSessions), 2*oddSessions; got != want {
		t.Errorf("%s: %d sessions are open, want the %d that are silent or unfinished", plane, got, want)
	}
	for i, u := range o.full {
		wantDropped(t, fmt.Sprintf("%s: full session %d", plane, i), u)
	}
}

// processorTime returns what the process has used of all processors.
func (p *process) processorTime() time.Duration {
	p.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(text, []byte(") ")) // after the command's name
	fields := bytes.Fields(rest)
	var ticks int
	for _, field := range fields[11:13] { // user and system
		n, err := strconv.Atoi(string(field))
		if err != nil {
			p.t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond
}
