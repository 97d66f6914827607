package fanout

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// nobody is a receiver that hears nothing.
type nobody struct{}

func (nobody) Receive([]byte) Progress { return Between }
func (nobody) Expire()                 {}
func (nobody) Ended(error)             {}

// direct is an owner that carries out commands at once.
type direct struct{ s *Session }

func (d direct) post(c command) {
	c.private.after = d.s.tape.end.Load()
	d.s.apply(c)
}

func startDirect(tape *Tape) *Session {
	s := tape.Join()
	s.start(direct{s}, nobody{}, 1, time.Hour)
	return s
}

// TestWritesOfAnySize plays a socket that takes any number of bytes at any time, and
// checks that what it got in the end is every frame, in the order of the calls.
func TestWritesOfAnySize(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 0))
		tape := &Tape{}
		s := startDirect(tape)
		var want, got []byte
		for i := range 300 {
			text := []byte(fmt.Sprintf("%d:%s", i, bytes.Repeat([]byte("x"), random.IntN(200))))
			switch random.IntN(4) {
			case 0:
				s.Send(text)
			default:
				tape.Append(text)
			}
			want = append(want, frame(opText, text)...)
			for range random.IntN(3) {
				run := s.next(tape.end.Load())
				n := random.IntN(len(run) + 1)
				got = append(got, run[:n]...)
				s.wrote(n, 1)
			}
		}
		for run := s.next(tape.end.Load()); len(run) > 0; run = s.next(tape.end.Load()) {
			got = append(got, run...)
			s.wrote(len(run), 1)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("seed %d: the socket got %d bytes that are not the %d written", seed, len(got), len(want))
		}
	}
}

func TestPrivateFramesAreBounded(t *testing.T) {
	const header = 4
	for _, tt := range []struct {
		name  string
		bytes int
		over  bool
	}{
		{"at the limit", maxPrivateBytes - 2*header - privateOverhead, false},
		{"one past it", maxPrivateBytes - 2*header - privateOverhead + 1, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := startDirect(&Tape{})
			s.Send(make([]byte, tt.bytes/2))
			s.Send(make([]byte, tt.bytes-tt.bytes/2))
			if s.state.over != tt.over || tt.over && s.state.cause != tooSlow {
				t.Errorf("over %v because of %v, want %v", s.state.over, s.state.cause.err(), tt.over)
			}
		})
	}
}

// TestFloodOfPongs has answers without content pile up. What they cost is bounded, too.
func TestFloodOfPongs(t *testing.T) {
	tape := &Tape{}
	s := startDirect(tape)
	pongs := 0
	for ; !s.state.over; pongs++ {
		tape.Append(nil) // so that each has a place of its own
		s.Pong(nil)
	}
	if most := maxPrivateBytes/privateOverhead + 1; pongs > most {
		t.Errorf("%d pongs waited, want at most %d", pongs, most)
	}
}

func TestClosedSessionKeepsNothingOfTheTape(t *testing.T) {
	tape := &Tape{}
	s := startDirect(tape)
	s.Close(1000, "")
	s.wrote(len(s.next(0)), 1)
	if s.at.chunk != nil {
		t.Error("it keeps a piece of the tape")
	}
	tape.Append(make([]byte, 2*maxBehindBytes))
	if end := tape.end.Load(); s.behind(end) || s.next(end) != nil {
		t.Error("it has something to write after its Close frame")
	}
}

func TestHowFarBehindASessionMayBe(t *testing.T) {
	tape := &Tape{}
	s := startDirect(tape)
	tape.Append(make([]byte, maxBehindBytes-frameSize(1<<20)+1<<20))
	if end := tape.end.Load(); end != maxBehindBytes || s.behind(end) {
		t.Errorf("%d bytes behind: too far %v, want no at the limit", end, s.behind(end))
	}
	tape.Append(nil)
	if end := tape.end.Load(); !s.behind(end) {
		t.Errorf("%d bytes behind is not too far, want it past the limit", end)
	}
}

// TestWhenSessionsAreLookedAt checks each deadline one nanosecond before it, and at
// it.
func TestWhenSessionsAreLookedAt(t *testing.T) {
	for _, tt := range []struct {
		name   string
		happen func(s *Session) // at 1
		after  time.Duration
		ping   bool
		cause  cause
	}{
		{"silence", func(*Session) {}, pingAfter, true, 0},
		{"silence after a Ping", func(s *Session) { s.state.pinged = true }, 2 * pingAfter, false, silent},
		{"unfinished message", func(s *Session) { s.received(1, Within); s.state.pinged = true },
			frameTimeout, false, tooSlow},
		{"unfinished message after others", func(s *Session) {
			s.received(-100, Begun)
			s.received(1, Begun)
			s.received(50, Within)
			s.state.pinged = true
		}, frameTimeout, false, tooSlow},
		{"full socket", func(s *Session) { s.outbox().since = 1 }, writeTimeout, false, tooSlow},
		{"unanswered Close frame", func(s *Session) {
			s.Close(1000, "")
			s.wrote(len(s.next(0)), 1)
		}, closeTimeout, false, peerLeft},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := startDirect(&Tape{})
			tt.happen(s)
			s.schedule()
			at := 1 + instant(tt.after)
			if s.due != at {
				t.Errorf("due at %d, want %d", s.due, at)
			}
			if ping, expire := s.tick(at - 1); ping || expire || s.state.over {
				t.Errorf("before its time: ping %v, expire %v, over %v", ping, expire, s.state.over)
			}
			ping, expire := s.tick(at)
			if ping != tt.ping || expire || s.state.cause != tt.cause || s.state.over == tt.ping {
				t.Errorf("ping %v, expire %v, over %v because of %v, want ping %v, %v",
					ping, expire, s.state.over, s.state.cause, tt.ping, tt.cause)
			}
			if s.due <= at && !s.state.over {
				t.Errorf("due again at %d, which is past", s.due)
			}
		})
	}
}
