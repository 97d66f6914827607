package fanout_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"
	"go.uber.org/goleak"

	"github.com/parley-chat/parley/internal/fanout"
	"github.com/parley-chat/parley/internal/parleytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// deadline is how long a test waits for what must happen.
const deadline = 20 * time.Second

// forBoth runs a test over each way in which an engine runs sessions.
func forBoth(t *testing.T, test func(t *testing.T, e *fanout.Engine)) {
	for name, shards := range map[string]int{"shards": 2, "goroutines": 0} {
		t.Run(name, func(t *testing.T) { test(t, newEngine(t, shards)) })
	}
}

func newEngine(t testing.TB, shards int) *fanout.Engine {
	t.Helper()
	e, err := fanout.NewEngine(shards)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// peer is the client's end of a session, and the session's receiver.
type peer struct {
	*fanout.Session
	conn    net.Conn
	arrived chan []byte   // what the session's receiver got
	expired chan struct{} // closed when its time was up
	ended   chan error    // why it ended
	within  bool          // a message that never ends
}

func (p *peer) Receive(data []byte) fanout.Progress {
	p.arrived <- bytes.Clone(data)
	if p.within {
		return fanout.Within
	}
	return fanout.Between
}

func (p *peer) Expire() { close(p.expired) }

func (p *peer) Ended(cause error) { p.ended <- cause }

func newPeer(s *fanout.Session) *peer {
	return &peer{Session: s, arrived: make(chan []byte, 1000),
		expired: make(chan struct{}), ended: make(chan error, 2)}
}

// connect returns both ends of a TCP connection.
func connect(t testing.TB) (server, client net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return server, client
}

// join starts a session that lives for an hour.
func join(t testing.TB, e *fanout.Engine, tape *fanout.Tape) *peer {
	t.Helper()
	return start(t, e, tape.Join(), "", time.Hour)
}

func start(
	t testing.TB, e *fanout.Engine, s *fanout.Session, early string, life time.Duration,
) *peer {
	t.Helper()
	p := newPeer(s)
	server, client := connect(t)
	p.conn = client
	e.Start(s, server, []byte(early), p, life)
	t.Cleanup(func() { _ = client.Close() })
	return p
}

// next reads one frame.
func (p *peer) next(t testing.TB) ws.Frame {
	t.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(deadline))
	frame, err := parleytest.ReadFrame(p.conn)
	if err != nil {
		t.Fatalf("read frame: %v", err)
	}
	return frame
}

// text reads one frame, which must be a whole text frame without a mask.
func (p *peer) text(t testing.TB) string {
	t.Helper()
	frame := p.next(t)
	want := ws.Header{Fin: true, OpCode: ws.OpText, Length: int64(len(frame.Payload))}
	if frame.Header != want {
		t.Fatalf("frame header %+v, want %+v", frame.Header, want)
	}
	return string(frame.Payload)
}

func (p *peer) wantText(t testing.TB, want string) {
	t.Helper()
	if got := p.text(t); got != want {
		t.Fatalf("received %.80q, want %.80q", got, want)
	}
}

// wantEnd checks that the connection ends without another frame, for a reason.
func (p *peer) wantEnd(t testing.TB, cause error) {
	t.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(deadline))
	if rest, err := io.ReadAll(p.conn); err != nil || len(rest) > 0 {
		t.Fatalf("read %d more bytes (%v), want the end of the connection", len(rest), err)
	}
	p.wantCause(t, cause)
}

func (p *peer) wantCause(t testing.TB, cause error) {
	t.Helper()
	select {
	case got := <-p.ended:
		if !errors.Is(got, cause) {
			t.Errorf("the session ended because of %v, want %v", got, cause)
		}
	case <-time.After(deadline):
		t.Fatal("the session did not end")
	}
	select {
	case got := <-p.ended:
		t.Errorf("the session ended a second time, because of %v", got)
	default:
	}
}

func TestSessionsReceiveTheTapeInOrder(t *testing.T) {
	const sessions, frames = 20, 2000 // over several chunks
	forBoth(t, func(t *testing.T, e *fanout.Engine) {
		tape := &fanout.Tape{}
		tape.Append([]byte("before anyone joined"))
		var wg sync.WaitGroup
		for range sessions {
			p := join(t, e, tape)
			wg.Go(func() {
				for i := range frames {
					if got, want := p.text(t), payload(i); got != want {
						t.Errorf("frame %d is %.40q, want %.40q", i, got, want)
						return
					}
				}
			})
		}
		for i := range frames {
			if got := tape.Append([]byte(payload(i))); got != sessions {
				t.Fatalf("Append returned %d sessions, want %d", got, sessions)
			}
		}
		wg.Wait()
	})
}

func payload(i int) string { return fmt.Sprintf("%d:%s", i, strings.Repeat("x", i%300)) }

func TestFramesOfEverySize(t *testing.T) {
	forBoth(t, func(t *testing.T, e *fanout.Engine) {
		for _, size := range []int{0, 1, 125, 126, 1020, 1021, 16<<10 - 4, 65531, 65532, 65533,
			65535, 65536, 1 << 20} {
			t.Run(fmt.Sprint(size), func(t *testing.T) {
				tape := &fanout.Tape{}
				p := join(t, e, tape)
				want := strings.Repeat("a", size)
				tape.Append([]byte(want))
				tape.Append([]byte("next"))
				p.wantText(t, want)
				p.wantText(t, "next")
			})
		}
	})
}

func TestSessionReceivesWhatCameBetweenJoinAndStart(t *testing.T) {
	forBoth(t, func(t *testing.T, e *fanout.Engine) {
		tape := &fanout.Tape{}
		tape.Append([]byte("earlier"))
		s := tape.Join()
		tape.Append([]byte("between"))
		start(t, e, s, "", time.Hour).wantText(t, "between")
	})
}

func TestSessionThatIsNeverStartedLeaves(t *testing.T) {
	tape := &fanout.Tape{}
	s := tape.Join()
	if got := tape.Append(nil); got != 1 {
		t.Errorf("%d sessions on the tape, want 1", got)
	}
	s.Leave()
	if got := tape.Append(nil); got != 0 {
		t.Errorf("%d sessions on the tape after it left, want 0", got)
	}
}

func TestPrivateFramesKeepTheirPlaceAmongTheTape(t *testing.T) {
	forBoth(t, func(t *testing.T, e *fanout.Engine) {
		tape := &fanout.Tape{}
		p, other := join(t, e, tape), join(t, e, tape)
		for range 200 {
			tape.Append([]byte("one"))
			tape.Append([]byte("two"))
			p.Send([]byte("private"))
			tape.Append([]byte("three"))
		}
		for range 200 {
			for _, want := range []string{"one", "two", "private", "three"} {
				p.wantText(t, want)
			}
			for _, want := range []string{"one", "two", "three"} {
				other.wantText(t, want)
			}
		}
	})
}

func TestReceiverGetsWhatThePeerSends(t *testing.T) {
	forBoth(t, func(t *testing.T, e *fanout.Engine) {
		p := start(t, e, (&fanout.Tape{}).Join(), "early ", time.Hour)
		want := "early " + strings.Repeat("later ", 10_000)
		go func() { _, _ = p.conn.Write([]byte(want[len("early "):])) }()
		var got []byte
		for len(got) < len(want) {
			select {
			case data := <-p.arrived:
				got = append(got, data...)
			case <-time.After(deadline):
				t.Fatalf("received %d bytes, want %d", len(got), len(want))
			}
		}
		if string(got) != want {
			t.Errorf("received other bytes than those sent")
		}
	})
}

func TestPongIsWritten(t *testing.T) {
	forBoth(t, func(t *testing.T, e *fanout.Engine) {
		p := join(t, e, &fanout.Tape{})
		p.Pong([]byte("as sent"))
		if f := p.next(t); f.Header.OpCode != ws.OpPong || string(f.Payload) != "as sent" {
			t.Errorf("received %+v, want a Pong with the payload", f)
		}
	})
}

func TestSlowReaderDelaysNobodyAndIsDropped(t *testing.T) {
	forBoth(t, func(t *testing.T, e *fanout.Engine) {
		tape := &fanout.Tape{}
		slow, quick := join(t, e, tape), join(t, e, tape)
		_ = slow.conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		want := bytes.Repeat([]byte("m"), 16<<10)
		for i := 0; len(slow.ended) == 0; i++ {
			if i > 2000 { // the kernel takes some, too
				t.Fatal("the slow reader is 32 MiB behind and still there")
			}
			tape.Append(want)
			quick.wantText(t, string(want))
		}
		slow.wantCause(t, fanout.ErrTooSlow)
		tape.Append([]byte("after"))
		quick.wantText(t, "after")
		if got := tape.Append(nil); got != 1 {
			t.Errorf("%d sessions on the tape, want 1", got)
		}
	})
}

// TestReaderThatCatchesUpLosesNothing stops reading until the server cannot write any
// more, and then reads all of it.
func TestReaderThatCatchesUpLosesNothing(t *testing.T) {
	forBoth(t, func(t *testing.T, e *fanout.Engine) {
		tape := &fanout.Tape{}
		slow, quick := join(t, e, tape), join(t, e, tape)
		_ = slow.conn.(*net.TCPConn).SetReadBuffer(64 << 10)
		const frames = 3 << 20 / 1000 // less than the limit, and more than the kernel takes
		for i := range frames {
			tape.Append([]byte(fmt.Sprintf("%d:%s", i, strings.Repeat("x", 1000))))
			if i%100 == 50 {
				slow.Send([]byte(fmt.Sprint("private ", i)))
			}
		}
		for _, p := range []*peer{quick, slow} {
			for i := range frames {
				if got, want := p.text(t), fmt.Sprint(i, ":"); !strings.HasPrefix(got, want) {
					t.Fatalf("frame %d is %.40q", i, got)
				}
				if p == slow && i%100 == 50 {
					p.wantText(t, fmt.Sprint("private ", i))
				}
			}
		}
	})
}

func TestCloseWritesWhatCameBeforeAndNothingAfter(t *testing.T) {
	forBoth(t, func(t *testing.T, e *fanout.Engine) {
		tape := &fanout.Tape{}
		p := join(t, e, tape)
		tape.Append([]byte("on the tape"))
		p.Send([]byte("private"))
		p.Close(1000, "bye")
		tape.Append([]byte("too late"))
		p.Send([]byte("too late"))
		p.Close(1001, "too late")
		p.wantText(t, "on the tape")
		p.wantText(t, "private")
		code, reason := ws.ParseCloseFrameData(p.next(t).Payload)
		if code != 1000 || reason != "bye" {
			t.Errorf("closed with %d %q, want 1000 \"bye\"", code, reason)
		}
		p.PeerClosed(1000)
		p.wantEnd(t, nil)
	})
}

func TestFailTellsThatNothingFollows(t *testing.T) {
	forBoth(t, func(t *testing.T, e *fanout.Engine) {
		p := join(t, e, &fanout.Tape{})
		p.Fail(1002, "")
		if code, _ := ws.ParseCloseFrameData(p.next(t).Payload); code != 1002 {
			t.Errorf("closed with %d, want 1002", code)
		}
		if n, err := p.conn.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("read %d bytes (%v) after the Close frame, want the end", n, err)
		}
		if len(p.ended) > 0 {
			t.Error("the session ended before its peer left")
		}
		_ = p.conn.Close()
		p.wantCause(t, nil)
	})
}

func TestPeerThatDoesNotAnswerTheCloseFrame(t *testing.T) {
	forBoth(t, func(t *testing.T, e *fanout.Engine) {
		t.Parallel()
		p := join(t, e, &fanout.Tape{})
		p.Close(1000, "")
		begin := time.Now()
		p.next(t)
		p.wantEnd(t, nil)
		if took := time.Since(begin); took < 4*time.Second {
			t.Errorf("the connection ended after %s, want about 5s", took)
		}
	})
}

func TestCloseReasonIsCutAtACharacter(t *testing.T) {
	p := join(t, newEngine(t, 1), &fanout.Tape{})
	p.Close(1000, strings.Repeat("é", 100)) // 200 bytes
	_, reason := ws.ParseCloseFrameData(p.next(t).Payload)
	if want := strings.Repeat("é", 61); reason != want || !utf8.ValidString(reason) {
		t.Errorf("reason %q, want %q", reason, want)
	}
	p.PeerClosed(1000)
}

func TestPeerCloseIsAnsweredWithItsCode(t *testing.T) {
	forBoth(t, func(t *testing.T, e *fanout.Engine) {
		tape := &fanout.Tape{}
		p := join(t, e, tape)
		tape.Append([]byte("before"))
		p.PeerClosed(4001)
		p.wantText(t, "before")
		f := p.next(t)
		if code := binary.BigEndian.Uint16(f.Payload); f.Header.OpCode != ws.OpClose || code != 4001 {
			t.Errorf("received %+v, want Close 4001", f)
		}
		p.wantEnd(t, nil)
	})
}

func TestDropSendsNoCloseFrame(t *testing.T) {
	forBoth(t, func(t *testing.T, e *fanout.Engine) {
		p := join(t, e, &fanout.Tape{})
		p.Drop()
		p.wantEnd(t, fanout.ErrDropped)
		p.Send([]byte("to nobody")) // must do no harm
		p.Drop()
	})
}

func TestFinishWritesWhatCameBeforeAndNoCloseFrame(t *testing.T) {
	forBoth(t, func(t *testing.T, e *fanout.Engine) {
		tape := &fanout.Tape{}
		p := join(t, e, tape)
		tape.Append([]byte("on the tape"))
		p.Send([]byte("private"))
		p.Finish()
		tape.Append([]byte("too late"))
		p.wantText(t, "on the tape")
		p.wantText(t, "private")
		p.wantEnd(t, fanout.ErrDropped)
	})
}

func TestWrittenTellsWhenTheSocketHasIt(t *testing.T) {
	forBoth(t, func(t *testing.T, e *fanout.Engine) {
		tape := &fanout.Tape{}
		p := join(t, e, tape)
		for i := range 100 {
			tape.Append([]byte(fmt.Sprint(i)))
			p.Send([]byte("private"))
			<-p.Written()
			_ = p.conn.SetReadDeadline(time.Now().Add(time.Second)) // it is in the kernel
			p.wantText(t, fmt.Sprint(i))
			p.wantText(t, "private")
		}
		p.Drop()
		<-p.ended
		<-p.Written() // of a session that has ended
	})
}

func TestWrittenEndsWithTheSession(t *testing.T) {
	forBoth(t, func(t *testing.T, e *fanout.Engine) {
		tape := &fanout.Tape{}
		p := join(t, e, tape)
		_ = p.conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		var marks []<-chan struct{}
		for range 3 << 4 { // three fourths of the limit, of which the kernel takes some
			tape.Append(make([]byte, 64<<10))
			marks = append(marks, p.Written())
		}
		p.Drop()
		for _, marked := range marks {
			<-marked
		}
	})
}

func TestPeerThatLeavesEndsTheSession(t *testing.T) {
	forBoth(t, func(t *testing.T, e *fanout.Engine) {
		tape := &fanout.Tape{}
		gone, reset, stays := join(t, e, tape), join(t, e, tape), join(t, e, tape)
		_ = gone.conn.Close()
		gone.wantCause(t, nil)
		_ = reset.conn.(*net.TCPConn).SetLinger(0)
		_ = reset.conn.Close()
		reset.wantCause(t, nil)
		if got := tape.Append([]byte("still here")); got != 1 {
			t.Errorf("%d sessions on the tape, want 1", got)
		}
		stays.wantText(t, "still here")
	})
}

func TestExpiryIsToldOnceAndInTime(t *testing.T) {
	forBoth(t, func(t *testing.T, e *fanout.Engine) {
		begin := time.Now()
		p := start(t, e, (&fanout.Tape{}).Join(), "", 100*time.Millisecond)
		<-p.expired // closed twice, it panics
		if took := time.Since(begin); took < 100*time.Millisecond || took > 10*time.Second {
			t.Errorf("expired after %s, want 100ms", took)
		}
		p.Drop()
		p.wantEnd(t, fanout.ErrDropped)
	})
}

// TestSessionsComeAndGo has sessions join and leave while frames are appended. Those
// that stay must get every frame once and in order.
func TestSessionsComeAndGo(t *testing.T) {
	const staying, passing, frames = 20, 300, 3000
	forBoth(t, func(t *testing.T, e *fanout.Engine) {
		tape := &fanout.Tape{}
		var wg sync.WaitGroup
		for range staying {
			p := join(t, e, tape)
			wg.Go(func() {
				for i := range frames {
					if got, want := p.text(t), payload(i); got != want {
						t.Errorf("frame %d is %.40q, want %.40q", i, got, want)
						return
					}
				}
			})
		}
		wg.Go(func() {
			for i := range passing {
				p := join(t, e, tape)
				switch i % 4 {
				case 0:
					p.Drop()
				case 1:
					p.Close(1000, "")
					p.PeerClosed(1000)
				case 2:
					p.Finish()
				}
				_ = p.conn.Close()
				<-p.ended
			}
		})
		for i := range frames {
			tape.Append([]byte(payload(i)))
		}
		wg.Wait()
		if got := tape.Append(nil); got != staying {
			t.Errorf("%d sessions on the tape, want %d", got, staying)
		}
	})
}

// pipe starts a session in a bubble of its own time, over a connection without a
// buffer.
func pipe(t *testing.T, tape *fanout.Tape, life time.Duration) *peer {
	t.Helper()
	e, err := fanout.NewEngine(0)
	if err != nil {
		t.Fatal(err)
	}
	p := newPeer(tape.Join())
	server, client := net.Pipe()
	p.conn = client
	t.Cleanup(func() { _ = client.Close() })
	e.Start(p.Session, server, nil, p, life)
	return p
}

func TestSilentPeerIsPingedAndThenDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pipe(t, &fanout.Tape{}, time.Hour)
		begin := time.Now()
		f, err := parleytest.ReadFrame(p.conn)
		if err != nil || f.Header.OpCode != ws.OpPing || time.Since(begin) != 30*time.Second {
			t.Errorf("after %s: %+v (%v), want a Ping after 30s", time.Since(begin), f.Header, err)
		}
		if f, err := parleytest.ReadFrame(p.conn); err == nil {
			t.Errorf("received %+v, want the connection dropped", f.Header)
		}
		if got := time.Since(begin); got != time.Minute {
			t.Errorf("dropped after %s, want 1m0s", got)
		}
		if cause := <-p.ended; cause != fanout.ErrSilent {
			t.Errorf("cause %v, want %v", cause, fanout.ErrSilent)
		}
	})
}

// TestExpiryIsToldWhileThereIsMoreToWrite has a room that talks as fast as its reader
// reads.
func TestExpiryIsToldWhileThereIsMoreToWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const life = 5 * time.Second
		tape := &fanout.Tape{}
		p := pipe(t, tape, life)
		begin := time.Now()
		tape.Append([]byte("the first"))
		for expired := false; !expired && time.Since(begin) < time.Minute; {
			tape.Append([]byte("the next"))
			if _, err := parleytest.ReadFrame(p.conn); err != nil {
				t.Fatalf("after %s: %v, want frames until the session is dropped", time.Since(begin), err)
			}
			time.Sleep(100 * time.Millisecond)
			select {
			case <-p.expired:
				expired = true
			default:
			}
		}
		if got := time.Since(begin); got > life+time.Second {
			t.Errorf("expired after %s, want %s", got, life)
		}
		p.Drop()
		<-p.ended
	})
}

func TestPeerThatOnlyAnswersPingsStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pipe(t, &fanout.Tape{}, 24*time.Hour)
		begin := time.Now()
		for time.Since(begin) < 2*time.Hour {
			if f, err := parleytest.ReadFrame(p.conn); err != nil || f.Header.OpCode != ws.OpPing {
				t.Fatalf("after %s: %+v (%v), want nothing but Pings", time.Since(begin), f.Header, err)
			}
			if _, err := p.conn.Write([]byte("a sign of life")); err != nil {
				t.Fatal(err)
			}
			<-p.arrived
		}
	})
}

func TestMessageMustArriveInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pipe(t, &fanout.Tape{}, time.Hour)
		p.within = true
		begin := time.Now()
		for range 2 { // the start of a message, and no more
			if _, err := p.conn.Write([]byte{0x81}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(12 * time.Second)
		}
		if cause := <-p.ended; cause != fanout.ErrTooSlow || time.Since(begin) != 30*time.Second {
			t.Errorf("ended after %s because of %v, want 30s, %v", time.Since(begin), cause, fanout.ErrTooSlow)
		}
	})
}

func TestSocketMustTakeBytesInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pipe(t, &fanout.Tape{}, time.Hour)
		begin := time.Now()
		p.Send([]byte("nobody reads this"))
		if cause := <-p.ended; cause != fanout.ErrTooSlow || time.Since(begin) != 10*time.Second {
			t.Errorf("ended after %s because of %v, want 10s, %v", time.Since(begin), cause, fanout.ErrTooSlow)
		}
	})
}
