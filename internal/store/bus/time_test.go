package bus

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// inSim runs a test with nodes on a simulated network, whose clock jumps.
func inSim(t *testing.T, nodes, quorum int, test func(t *testing.T, n *simNet, b []*Bus)) {
	synctest.Test(t, func(t *testing.T) {
		n := newSimNet(t, 1)
		defer n.close()
		var buses []*Bus
		for i := range nodes {
			b := n.open(fmt.Sprint("n", i), quorum)
			defer b.Close()
			buses = append(buses, b)
		}
		<-time.After(time.Second) // all have heard that they are heard
		test(t, n, buses)
	})
}

// soon is time enough for what needs no time.
const soon = time.Nanosecond

// needsLongSim skips a test that would end the process under the race detector.
func needsLongSim(t *testing.T) {
	t.Helper()
	if simScale > 1 {
		t.Skip("the race detector does not survive so many timers: see simScale")
	}
}

// arrival is an event at a node.
type arrival struct {
	event string
	at    time.Time
}

// ear collects what a node gets in a room.
type ear struct {
	got  chan arrival
	lost chan time.Time
	stop func()
}

func hear(t *testing.T, b *Bus, key string) *ear {
	t.Helper()
	e := &ear{got: make(chan arrival, 10000), lost: make(chan time.Time, 100)}
	var err error
	e.stop, err = b.Subscribe(t.Context(), key,
		func(event []byte) { e.got <- arrival{string(event), time.Now()} },
		func() { e.lost <- time.Now() })
	if err != nil {
		t.Fatalf("Subscribe(%s) = %v, want nil", key, err)
	}
	return e
}

// next returns when the wanted event arrives, which must be the next one, within a time.
func (e *ear) next(t *testing.T, want string, within time.Duration) time.Time {
	t.Helper()
	select {
	case got := <-e.got:
		if got.event != want {
			t.Fatalf("received %q, want %q", got.event, want)
		}
		return got.at
	case <-time.After(within):
		t.Fatalf("received nothing within %s, want %q", within, want)
	}
	return time.Time{}
}

// say publishes an event, and returns when it has left the node.
func say(t *testing.T, b *Bus, key, event string) {
	t.Helper()
	if err := b.Publish(t.Context(), key, []byte(event)); err != nil {
		t.Fatalf("Publish(%s, %s) = %v, want nil", key, event, err)
	}
	synctest.Wait()
}

func TestEchoComesLast(t *testing.T) {
	inSim(t, 3, 0, func(t *testing.T, _ *simNet, b []*Bus) {
		own, first, second := hear(t, b[0], "r"), hear(t, b[1], "r"), hear(t, b[2], "r")
		hear(t, b[0], "alone")
		for i := range 10 {
			event := fmt.Sprint(i)
			start := time.Now()
			say(t, b[0], "r", event)
			echo := own.next(t, event, time.Second)
			for _, e := range []*ear{first, second} {
				if at := e.next(t, event, soon); !at.Before(echo) {
					t.Errorf("a node has the event at %s, the echo is at %s, want it later",
						at.Sub(start), echo.Sub(start))
				}
			}
			if d := echo.Sub(start); d != 2*simDelay {
				t.Errorf("the echo takes %s, want %s: there and back", d, 2*simDelay)
			}
		}
	})
}

func TestEchoWaitsForNobodyElse(t *testing.T) {
	inSim(t, 2, 0, func(t *testing.T, n *simNet, b []*Bus) {
		own, other := hear(t, b[0], "r"), hear(t, b[1], "other")
		start := time.Now()
		say(t, b[0], "r", "x")
		if d := own.next(t, "x", time.Second).Sub(start); d != 0 {
			t.Errorf("the echo takes %s though nobody else listens, want no time", d)
		}
		if n.count("room") != 0 {
			t.Errorf("%d events left the node though nobody else listens, want none",
				n.count("room"))
		}
		say(t, b[0], "other", "y")
		other.next(t, "y", time.Second)
	})
}

// TestStuckNodeDelaysOnce has a node whose acknowledgements do not come.
func TestStuckNodeDelaysOnce(t *testing.T) {
	inSim(t, 3, 0, func(t *testing.T, n *simNet, b []*Bus) {
		own := hear(t, b[0], "r")
		hear(t, b[1], "r")
		hear(t, b[2], "r")
		n.set(n.nodes[2], n.nodes[0], false, true)
		for i, want := range []time.Duration{holdTime, 2 * simDelay, 2 * simDelay} {
			start := time.Now()
			say(t, b[0], "r", fmt.Sprint(i))
			if d := own.next(t, fmt.Sprint(i), time.Second).Sub(start); d != want {
				t.Errorf("echo %d takes %s, want %s", i, d, want)
			}
		}
		n.set(n.nodes[2], n.nodes[0], false, false)
		<-time.After(2*beatEvery + 10*time.Millisecond)
		for _, node := range b[0].Nodes() {
			if node.Lagging {
				t.Errorf("%s lags still, after two beats", node.Name)
			}
		}
		if s := b[0].Stats(); s.Lags != 1 {
			t.Errorf("%d times a node was late, want 1", s.Lags)
		}
	})
}

// TestStuckRoomLeavesOthersAlone: events of other rooms do not wait behind one.
func TestStuckRoomLeavesOthersAlone(t *testing.T) {
	inSim(t, 3, 0, func(t *testing.T, n *simNet, b []*Bus) {
		slow, quick := hear(t, b[0], "slow"), hear(t, b[0], "quick")
		hear(t, b[2], "slow")
		hear(t, b[1], "quick")
		n.set(n.nodes[2], n.nodes[0], false, true)
		start := time.Now()
		say(t, b[0], "slow", "1")
		say(t, b[0], "quick", "2")
		if d := quick.next(t, "2", time.Second).Sub(start); d != 2*simDelay {
			t.Errorf("the quick room's echo takes %s, want %s", d, 2*simDelay)
		}
		if d := slow.next(t, "1", time.Second).Sub(start); d != holdTime {
			t.Errorf("the slow room's echo takes %s, want %s", d, holdTime)
		}
	})
}

func TestEchoWaitsNotForThoseWhoLeft(t *testing.T) {
	inSim(t, 2, 0, func(t *testing.T, n *simNet, b []*Bus) {
		own, other := hear(t, b[0], "r"), hear(t, b[1], "r")
		say(t, b[0], "r", "1")
		other.stop()
		start := time.Now()
		own.next(t, "1", time.Second)
		if d := time.Since(start); d > 20*time.Millisecond {
			t.Errorf("the echo takes %s after the listener left, want less than 20 ms", d)
		}
		<-time.After(20 * time.Millisecond)
		say(t, b[0], "r", "2")
		own.next(t, "2", soon)
	})
}

func TestPublishConfirmed(t *testing.T) {
	inSim(t, 3, 0, func(t *testing.T, n *simNet, b []*Bus) {
		confirmed := func(ctx context.Context, event string) (time.Duration, error) {
			start := time.Now()
			err := b[0].PublishConfirmed(ctx, "r", []byte(event))
			return time.Since(start), err
		}
		if d, err := confirmed(t.Context(), "0"); d != 0 || err != nil {
			t.Errorf("nobody listens: %s, %v, want at once, nil", d, err)
		}
		<-time.After(time.Second)
		first, second := hear(t, b[1], "r"), hear(t, b[2], "r")
		if d, err := confirmed(t.Context(), "1"); d != 2*simDelay || err != nil {
			t.Errorf("two listen: %s, %v, want %s, nil", d, err, 2*simDelay)
		}
		first.next(t, "1", soon)
		second.next(t, "1", soon)
		n.set(n.nodes[2], n.nodes[0], false, true)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if d, err := confirmed(ctx, "2"); d != 10*time.Millisecond ||
			!errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("one does not answer: %s, %v, want 10 ms, the context's error", d, err)
		}
		if d, err := confirmed(t.Context(), "3"); d > holdTime || err != nil {
			t.Errorf("one does not answer: %s, %v, want %s, nil", d, err, holdTime)
		}
		if d, err := confirmed(ctx, "4"); err == nil {
			t.Errorf("published with an ended context: %s, nil, want an error", d)
		}
	})
}

func TestCutOff(t *testing.T) {
	inSim(t, 3, 2, func(t *testing.T, n *simNet, b []*Bus) {
		set := func(cut bool) {
			for _, i := range []int{0, 1} {
				n.set(n.nodes[i], n.nodes[2], cut, false)
				n.set(n.nodes[2], n.nodes[i], cut, false)
			}
		}
		own := hear(t, b[2], "r")
		set(true)
		<-time.After(suspectAfter + 2*beatEvery)
		if err := b[2].Publish(t.Context(), "r", nil); !errors.Is(err, ErrCutOff) {
			t.Errorf("Publish of a node that is cut off = %v, want %v", err, ErrCutOff)
		}
		if err := b[2].Check(t.Context()); !errors.Is(err, ErrCutOff) {
			t.Errorf("Check of a node that is cut off = %v, want %v", err, ErrCutOff)
		}
		say(t, b[0], "r", "from the others")
		set(false)
		own.next(t, "from the others", time.Second)
		say(t, b[2], "r", "back")
		own.next(t, "back", time.Second)
		if err := b[2].Check(t.Context()); err != nil {
			t.Errorf("Check of a node that is back = %v, want nil", err)
		}
	})
}

// TestAloneAtFirst: a node with a quorum publishes nothing before it hears others.
func TestAloneAtFirst(t *testing.T) {
	inSim(t, 1, 2, func(t *testing.T, n *simNet, b []*Bus) {
		if err := b[0].Publish(t.Context(), "r", nil); !errors.Is(err, ErrCutOff) {
			t.Errorf("Publish of the first node = %v, want %v", err, ErrCutOff)
		}
		other := n.open("other", 2)
		defer other.Close()
		say(t, b[0], "r", "x")
		say(t, other, "r", "x")
	})
}

func TestAway(t *testing.T) {
	inSim(t, 2, 0, func(t *testing.T, n *simNet, b []*Bus) {
		n.mu.Lock()
		n.nodes[0].down = true
		n.mu.Unlock()
		if err := b[0].Publish(t.Context(), "r", nil); !errors.Is(err, ErrAway) {
			t.Errorf("Publish without a connection = %v, want %v", err, ErrAway)
		}
		if err := b[0].Check(t.Context()); !errors.Is(err, ErrAway) {
			t.Errorf("Check without a connection = %v, want %v", err, ErrAway)
		}
		if _, err := b[0].Subscribe(t.Context(), "r", nil, nil); !errors.Is(err, ErrAway) {
			t.Errorf("Subscribe without a connection = %v, want %v", err, ErrAway)
		}
		n.mu.Lock()
		n.nodes[0].down = false
		n.mu.Unlock()
	})
}

// talk has nodes exchange reports, and notes what the first hears.
func talk(b []*Bus) (heard chan string, gone chan uint64) {
	heard, gone = make(chan string, 10000), make(chan uint64, 100)
	for i, bus := range b {
		report := fmt.Append(nil, "report ", i)
		if i == 0 {
			bus.Exchange(func() []byte { return nil },
				func(_ uint64, report []byte) { heard <- string(report) },
				func(node uint64) { gone <- node })
			continue
		}
		bus.Exchange(func() []byte { return report },
			func(uint64, []byte) {}, func(uint64) {})
	}
	return heard, gone
}

func TestExchange(t *testing.T) {
	inSim(t, 2, 0, func(t *testing.T, n *simNet, b []*Bus) {
		heard, gone := talk(b)
		wait := func(want string) {
			t.Helper()
			select {
			case got := <-heard:
				if got != want {
					t.Errorf("heard %q, want %q", got, want)
				}
			case <-time.After(2 * beatEvery):
				t.Errorf("heard nothing, want %q", want)
			}
		}
		wait("report 1")
		n.set(n.nodes[1], n.nodes[0], true, false)
		start := time.Now()
		if node := <-gone; node != b[1].id {
			t.Errorf("node %x is gone, want %x", node, b[1].id)
		}
		if d := time.Since(start); d < suspectAfter-beatEvery || d > suspectAfter+2*beatEvery {
			t.Errorf("gone after %s, want about %s", d, suspectAfter)
		}
		for len(heard) > 0 {
			<-heard
		}
		n.set(n.nodes[1], n.nodes[0], false, false)
		wait("report 1")
	})
}

func TestGoodbye(t *testing.T) {
	inSim(t, 2, 0, func(t *testing.T, n *simNet, b []*Bus) {
		_, gone := talk(b)
		own := hear(t, b[0], "r")
		hear(t, b[1], "r")
		say(t, b[0], "r", "1")
		own.next(t, "1", time.Second)
		start := time.Now()
		b[1].Close()
		<-gone
		if d := time.Since(start); d > 10*time.Millisecond {
			t.Errorf("a node that left is gone after %s, want at once", d)
		}
		if nodes := b[0].Nodes(); len(nodes) != 1 || !nodes[0].Self {
			t.Errorf("the nodes are %+v, want one", nodes)
		}
		sent := n.count("room")
		say(t, b[0], "r", "2")
		own.next(t, "2", soon)
		if n.count("room") != sent {
			t.Error("an event is sent though the only other node has left")
		}
		<-time.After(2 * suspectAfter)
		if len(gone) > 0 {
			t.Error("a node is gone twice")
		}
		if err := b[1].Publish(t.Context(), "r", nil); !errors.Is(err, ErrClosed) {
			t.Errorf("Publish of a closed bus = %v, want %v", err, ErrClosed)
		}
		if _, err := b[1].Subscribe(t.Context(), "r", nil, nil); !errors.Is(err, ErrClosed) {
			t.Errorf("Subscribe of a closed bus = %v, want %v", err, ErrClosed)
		}
	})
}

// TestGoodbyeAfterARestart: with a node that leaves goes what it was before it was killed.
func TestGoodbyeAfterARestart(t *testing.T) {
	inSim(t, 2, 0, func(t *testing.T, n *simNet, b []*Bus) {
		part(n, 0, 1, true) // it is as if it was killed
		<-time.After(suspectAfter + 2*beatEvery)
		again := n.open("n1", 0)
		<-time.After(time.Second)
		if nodes := b[0].Nodes(); len(nodes) != 3 {
			t.Errorf("the nodes are %+v, want three", nodes)
		}
		again.Close()
		<-time.After(time.Second)
		if nodes := b[0].Nodes(); len(nodes) != 1 || !nodes[0].Self {
			t.Errorf("the nodes are %+v, want one", nodes)
		}
	})
}

// TestCloseWaitsForOthers: what was published before Close has arrived when it returns.
func TestCloseWaitsForOthers(t *testing.T) {
	inSim(t, 2, 0, func(t *testing.T, n *simNet, b []*Bus) {
		other := hear(t, b[1], "r")
		say(t, b[0], "r", "last")
		b[0].Close()
		other.next(t, "last", soon)
	})
}

// part breaks or mends the way between two nodes.
func part(n *simNet, a, b int, cut bool) {
	n.set(n.nodes[a], n.nodes[b], cut, false)
	n.set(n.nodes[b], n.nodes[a], cut, false)
}

// TestLongPartition: what is in the ring comes, and lost tells of the rest.
func TestLongPartition(t *testing.T) {
	for _, away := range []time.Duration{50 * time.Second, 3 * time.Minute, 11 * time.Minute} {
		t.Run(away.String(), func(t *testing.T) {
			if away > forgetAfter {
				needsLongSim(t)
			}
			inSim(t, 2, 0, func(t *testing.T, n *simNet, b []*Bus) {
				other, quiet := hear(t, b[1], "r"), hear(t, b[1], "quiet")
				say(t, b[0], "quiet", "hello")
				quiet.next(t, "hello", time.Second)
				part(n, 0, 1, true)
				start := time.Now()
				for i := 0; time.Since(start) < away; i++ {
					say(t, b[0], "r", fmt.Sprint(i))
					<-time.After(time.Second)
				}
				part(n, 0, 1, false)
				<-time.After(time.Second)
				kept := min(int(away/time.Second), int(ringAge/time.Second))
				if got := len(other.got); got < kept-2 || got > kept {
					t.Errorf("%d events came again, want about %d", got, kept)
				}
				wantLost := 0
				if away > ringAge {
					wantLost = 1
				}
				if len(other.lost) != wantLost {
					t.Errorf("lost was called %d times, want %d", len(other.lost), wantLost)
				}
				if away < historyAge && len(quiet.lost) > 0 {
					t.Error("lost was called for a room that had no events")
				}
			})
		})
	}
}

// TestForgottenListener has a node not heard for so long that it is forgotten, while it
// hears all.
func TestForgottenListener(t *testing.T) {
	needsLongSim(t)
	inSim(t, 2, 0, func(t *testing.T, n *simNet, b []*Bus) {
		other := hear(t, b[1], "r")
		n.set(n.nodes[1], n.nodes[0], true, false)
		<-time.After(forgetAfter + 5*time.Second)
		if nodes := b[0].Nodes(); len(nodes) != 1 {
			t.Errorf("%d nodes are known, want 1: the other one was forgotten", len(nodes))
		}
		say(t, b[0], "r", "unsent")
		n.set(n.nodes[1], n.nodes[0], false, false)
		other.next(t, "unsent", 2*time.Second)
		say(t, b[0], "r", "sent")
		other.next(t, "sent", 2*simDelay)
		if s := b[1].Stats(); s.Forgotten != 1 || s.Losses != 0 {
			t.Errorf("forgotten %d times, %d losses, want 1, 0", s.Forgotten, s.Losses)
		}
	})
}

// TestForgottenSpeaker has a node hear nothing of another for so long that it forgets it,
// while the other hears all, and knows still what it was asked.
func TestForgottenSpeaker(t *testing.T) {
	needsLongSim(t)
	inSim(t, 2, 0, func(t *testing.T, n *simNet, b []*Bus) {
		other := hear(t, b[1], "r")
		for range 3 {
			hear(t, b[1], "other").stop() // so that some asks were made
			<-time.After(10 * time.Millisecond)
		}
		n.set(n.nodes[0], n.nodes[1], true, false)
		<-time.After(forgetAfter + 5*time.Second)
		if nodes := b[1].Nodes(); len(nodes) != 1 {
			t.Errorf("%d nodes are known, want 1: the other one was forgotten", len(nodes))
		}
		say(t, b[0], "r", "unheard")
		n.set(n.nodes[0], n.nodes[1], false, false)
		other.next(t, "unheard", time.Second)
		say(t, b[0], "r", "heard")
		other.next(t, "heard", 2*simDelay)
	})
}

// TestLossOfTheSilent: what is known to be missing of a node that does not come back is
// lost, at once if it said goodbye.
func TestLossOfTheSilent(t *testing.T) {
	for _, bye := range []bool{false, true} {
		t.Run(fmt.Sprint("goodbye=", bye), func(t *testing.T) {
			inSim(t, 2, 0, func(t *testing.T, n *simNet, b []*Bus) {
				other, fine := hear(t, b[1], "r"), hear(t, b[1], "fine")
				n.set(n.nodes[1], n.nodes[0], false, true) // no ask arrives
				n.set(n.nodes[0], n.nodes[1], true, false)
				say(t, b[0], "r", "missing")
				n.set(n.nodes[0], n.nodes[1], false, false)
				<-time.After(2 * beatEvery)
				if len(other.lost) > 0 {
					t.Error("lost is called while the event can still be sent again")
				}
				start := time.Now()
				want := giveUpAfter
				if bye {
					b[0].Close()
					want = 0
				} else {
					n.set(n.nodes[0], n.nodes[1], true, false)
				}
				var lost time.Time
				select {
				case lost = <-other.lost:
				case <-time.After(2 * giveUpAfter):
					t.Fatal("lost is not called")
				}
				if d := lost.Sub(start); d < want-beatEvery || d > want+2*beatEvery {
					t.Errorf("lost is called after %s, want about %s", d, want)
				}
				if len(fine.lost) > 0 {
					t.Error("lost is called for a room that misses nothing")
				}
			})
		})
	}
}

// TestRoomsLeftUnheard: a node that leaves a room while another does not hear it listens
// no more when that does.
func TestRoomsLeftUnheard(t *testing.T) {
	for _, tt := range []struct {
		name   string
		away   time.Duration
		oneWay bool // the other hears all
		again  bool // the node comes back to the room before, and leaves once more
	}{
		{"twice", suspectAfter + 2*beatEvery, false, true},
		{"of a node that was forgotten", forgetAfter + 5*time.Second, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.away > forgetAfter {
				needsLongSim(t)
			}
			inSim(t, 2, 0, func(t *testing.T, n *simNet, b []*Bus) {
				own, other := hear(t, b[0], "r"), hear(t, b[1], "r")
				n.set(n.nodes[0], n.nodes[1], true, false)
				n.set(n.nodes[1], n.nodes[0], !tt.oneWay, false)
				<-time.After(tt.away)
				other.stop()
				if tt.again {
					hear(t, b[1], "r").stop()
				}
				part(n, 0, 1, false)
				<-time.After(time.Second)
				start := time.Now()
				say(t, b[0], "r", "x")
				if d := own.next(t, "x", time.Second).Sub(start); d != 0 {
					t.Errorf("the echo takes %s though nobody else listens, want no time", d)
				}
			})
		})
	}
}

// TestCompletedJoin: who comes to a room does not wait for what has come meanwhile.
func TestCompletedJoin(t *testing.T) {
	inSim(t, 2, 0, func(t *testing.T, _ *simNet, b []*Bus) {
		hear(t, b[0], "r")
		<-time.After(askEvery)
		b[0].mu.Lock()
		defer b[0].mu.Unlock()
		r, p := b[0].rooms["r"], b[0].peers[b[1].id]
		s := r.source(p)
		s.want = s.last + 1 // an event is missing
		s.wantLocked()
		w := b[0].awaitLocked(r)
		s.last = s.want // it comes
		b[0].askLocked(p, time.Now())
		select {
		case <-w.done:
		default:
			t.Error("Subscribe waits for a node whose events are all here")
		}
	})
}

// TestUnansweredJoin: a node that is heard but does not answer delays others once.
func TestUnansweredJoin(t *testing.T) {
	inSim(t, 3, 0, func(t *testing.T, n *simNet, b []*Bus) {
		n.set(n.nodes[2], n.nodes[0], false, true)
		n.set(n.nodes[1], n.nodes[0], false, false)
		start := time.Now()
		e := hear(t, b[0], "r")
		if d := time.Since(start); d < slowAfter || d > slowAfter+minRepeat {
			t.Errorf("Subscribe takes %s, want about %s", d, slowAfter)
		}
		start = time.Now()
		hear(t, b[0], "s")
		if d := time.Since(start); d > 2*askEvery {
			t.Errorf("the next Subscribe takes %s, want about %s", d, askEvery)
		}
		say(t, b[2], "r", "while stuck")
		n.set(n.nodes[2], n.nodes[0], false, false)
		e.next(t, "while stuck", time.Second)
	})
}

// TestLateNode: a node that comes later gets what was published since Subscribe.
func TestLateNode(t *testing.T) {
	inSim(t, 2, 0, func(t *testing.T, n *simNet, b []*Bus) {
		part(n, 0, 1, true)
		<-time.After(suspectAfter + 2*beatEvery)
		say(t, b[1], "r", "before")
		<-time.After(time.Second)
		e := hear(t, b[0], "r")
		say(t, b[1], "r", "after")
		<-time.After(10 * time.Second)
		part(n, 0, 1, false)
		e.next(t, "after", time.Second)
	})
}
