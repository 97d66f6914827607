package test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/parley-chat/parley/internal/parleytest"
)

// What clients may do that flood their sessions.
const (
	// floodTime is how long it goes on, at the least.
	floodTime = 300 * time.Millisecond
	// floodHeap is how much more of its heap the server may use in the midst of a flood;
	// most of it is garbage of the moment. The floods send hundreds of megabytes.
	floodHeap = 32 << 20
)

// flood is what a client sends as fast as it can.
type flood struct {
	name  string
	start []byte // sent once, before
	bytes []byte // sent over and over
	reads bool   // the client takes the answers
	ends  string // the reason for which its session ends; empty when it may go on
}

// floods come in rounds, each a number of floods at once.
var floods = []struct {
	name string
	all  []flood
}{
	{"floods whose answers nobody reads", []flood{
		{name: "pings", bytes: many(ws.NewPingFrame(make([]byte, 125))), ends: "slow"},
		{name: "bad requests", bytes: many(ws.NewTextFrame(nil)), ends: "slow"},
		{name: "binary messages", bytes: many(ws.NewBinaryFrame(nil)), ends: "slow"},
		{name: "requests over the rate", bytes: many(text(message("hi"))), ends: "slow"},
		{name: "messages of 64 KiB", bytes: many(text(blank(64 << 10)))},
	}},
	{"floods whose answers are read", []flood{
		{name: "pings", bytes: many(ws.NewPingFrame(make([]byte, 125))), reads: true},
		{name: "bad requests", bytes: many(ws.NewTextFrame(nil)), reads: true},
		{name: "requests over the rate", bytes: many(text(message("hi"))), reads: true},
		{name: "messages of 64 KiB", bytes: many(text(blank(64 << 10))), reads: true},
	}},
	{"floods that never come to an end", []flood{
		{name: "fragments of one byte", start: one(fragment(ws.OpText, " ")),
			bytes: many(fragment(ws.OpContinuation, " ")), reads: true, ends: "protocol"},
		{name: "empty fragments", start: one(fragment(ws.OpText, "")),
			bytes: many(fragment(ws.OpContinuation, ""))},
		{name: "pings amid a message", start: one(fragment(ws.OpText, "{")),
			bytes: many(ws.NewPingFrame(nil)), reads: true},
		{name: "pings after a violation", start: []byte{0xff, 0xff}, bytes: many(ws.NewPingFrame(nil))},
		{name: "pings after Close", start: one(ws.NewCloseFrame(nil)),
			bytes: many(ws.NewPingFrame(nil)), ends: "peer"},
	}},
	{"a hundred floods at once", slices.Repeat([]flood{
		{name: "bad requests", bytes: many(ws.NewTextFrame(nil)), reads: true},
	}, 100)},
}

func text(payload string) ws.Frame { return ws.NewTextFrame([]byte(payload)) }

// one returns a frame as a client sends it.
func one(frame ws.Frame) []byte {
	var masked bytes.Buffer
	_ = ws.WriteFrame(&masked, ws.MaskFrame(frame)) // a buffer takes everything
	return masked.Bytes()
}

// many returns as many copies of a frame as make some 16 KiB.
func many(frame ws.Frame) []byte {
	masked := one(frame)
	return bytes.Repeat(masked, 1+16<<10/len(masked))
}

func blank(n int) string { return strings.Repeat(" ", n) }

// pour floods a session until it ends or is told to stop. A client that reads leaves
// when the server does.
func (f flood) pour(u *parleytest.User, stop <-chan struct{}) {
	if f.reads {
		go func() {
			_, _ = io.Copy(io.Discard, u.Conn)
			_ = tcpOf(u).Close()
		}()
	}
	_, err := u.Conn.Write(f.start)
	for err == nil {
		select {
		case <-stop:
			return
		default:
			_, err = u.Conn.Write(f.bytes)
		}
	}
}

// TestFloods has sessions send as fast as they can, in a room where others chat. Those
// notice nothing, the server's memory stays bounded, and the sessions that flood end as
// the limits say.
func TestFloods(t *testing.T) {
	for _, pl := range planes {
		t.Run(pl.name, func(t *testing.T) {
			n := pl.serve(t, "--limits=connection_requests=60")
			room := n.CreateRoom(t, nil)
			before := n.holdings()
			others := gather(t, n.Client, room, 10)
			spans := make([]span, len(floods))
			for i, round := range floods {
				spans[i] = n.withstand(t, round.name, round.all, room, others, before.heap)
			}
			others.leave(t)
			for i, round := range floods {
				p99 := others.p99(t, spans[i])
				t.Logf("beside %s, 99 of 100 deliveries to others took %s", round.name, p99)
				if p99 > neighbourBound {
					t.Errorf("beside %s, 99 of 100 deliveries to others took %s, want under %s",
						round.name, p99, neighbourBound)
				}
			}
			n.wantReturned(t, before)
			n.stop()
		})
	}
}

// withstand has sessions flood a room while others chat, and returns what these said
// meanwhile.
func (n node) withstand(
	t *testing.T, name string, all []flood, room string, others *crowd, heap int,
) span {
	t.Helper()
	ended := func(reason string) int {
		return n.metric(fmt.Sprintf("parley_sessions_ended_total{reason=%q}", reason))
	}
	want := map[string]int{} // how many sessions are to have ended in all, by reason
	for _, f := range all {
		if f.ends != "" {
			want[f.ends]++
		}
	}
	for reason := range want {
		want[reason] += ended(reason)
	}
	users := make([]*parleytest.User, len(all))
	for i := range users {
		users[i] = n.Dialing(dialSmall).Join(t, room, "eve", "SEND_MESSAGE")
	}
	stop := make(chan struct{})
	var running sync.WaitGroup
	for i, f := range all {
		running.Go(func() { f.pour(users[i], stop) })
	}
	meanwhile := others.chat(t, 50, floodTime, func() bool {
		for reason, n := range want {
			if ended(reason) < n {
				return false
			}
		}
		return true
	})
	if now := n.heapBytes(); now > heap+floodHeap {
		t.Errorf("%s: the server uses %d KB of its heap, %d KB before, want at most %d KB more",
			name, now>>10, heap>>10, floodHeap>>10)
	}
	close(stop)
	for _, u := range users {
		_ = tcpOf(u).Close() // also ends a write that waits
	}
	running.Wait()
	return meanwhile
}
