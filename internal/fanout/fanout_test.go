package fanout_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"
	"go.uber.org/goleak"

	"github.com/parley-chat/parley/internal/fanout"
	"github.com/parley-chat/parley/internal/parleytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// peer is the client's end of a session.
type peer struct {
	*fanout.Session
	conn net.Conn
}

// join starts a session over a pipe, which has no buffer: a peer that does not
// read blocks the session's writer at once.
func join(t testing.TB, tape *fanout.Tape) *peer {
	t.Helper()
	p := &peer{Session: tape.Join()}
	server, client := net.Pipe()
	p.conn = client
	p.Start(server)
	t.Cleanup(func() {
		_ = client.Close()
		p.Leave()
	})
	return p
}

// next reads one frame.
func (p *peer) next(t testing.TB) ws.Frame {
	t.Helper()
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

// wantEnd checks that the connection ends without another frame.
func (p *peer) wantEnd(t testing.TB) {
	t.Helper()
	if rest, err := io.ReadAll(p.conn); err != nil || len(rest) > 0 {
		t.Fatalf("read %d more bytes (%v), want the end of the connection", len(rest), err)
	}
}

func TestSessionsReceiveTheTapeInOrder(t *testing.T) {
	const sessions, frames = 20, 2000 // over several chunks
	tape := &fanout.Tape{}
	tape.Append([]byte("before anyone joined"))
	var wg sync.WaitGroup
	for range sessions {
		p := join(t, tape)
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
}

func payload(i int) string { return fmt.Sprintf("%d:%s", i, strings.Repeat("x", i%300)) }

func TestFramesOfEverySize(t *testing.T) {
	for _, size := range []int{0, 1, 125, 126, 16<<10 - 5, 16<<10 - 4, 16<<10 - 3, 65535, 65536, 1 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			tape := &fanout.Tape{}
			p := join(t, tape)
			want := strings.Repeat("a", size)
			tape.Append([]byte(want))
			tape.Append([]byte("next"))
			p.wantText(t, want)
			p.wantText(t, "next")
		})
	}
}

func TestSessionReceivesWhatCameBetweenJoinAndStart(t *testing.T) {
	tape := &fanout.Tape{}
	tape.Append([]byte("earlier"))
	s := tape.Join()
	defer s.Leave()
	tape.Append([]byte("between"))
	server, client := net.Pipe()
	defer client.Close()
	s.Start(server)
	(&peer{s, client}).wantText(t, "between")
}

func TestPrivateFramesKeepTheirPlaceAmongTheTape(t *testing.T) {
	tape := &fanout.Tape{}
	p, other := join(t, tape), join(t, tape)
	tape.Append([]byte("one"))
	tape.Append([]byte("two"))
	p.Send([]byte("private"))
	tape.Append([]byte("three"))
	for _, want := range []string{"one", "two", "private", "three"} {
		p.wantText(t, want)
	}
	for _, want := range []string{"one", "two", "three"} {
		other.wantText(t, want)
	}
}

func TestPingAndPong(t *testing.T) {
	p := join(t, &fanout.Tape{})
	p.Ping()
	p.Pong([]byte("as sent"))
	if f := p.next(t); f.Header.OpCode != ws.OpPing || len(f.Payload) != 0 {
		t.Errorf("received %+v, want an empty Ping", f)
	}
	if f := p.next(t); f.Header.OpCode != ws.OpPong || string(f.Payload) != "as sent" {
		t.Errorf("received %+v, want a Pong with the payload", f)
	}
}

func TestSlowReaderDelaysNobodyAndIsDropped(t *testing.T) {
	tape := &fanout.Tape{}
	slow, quick := join(t, tape), join(t, tape)
	want := bytes.Repeat([]byte("m"), 16<<10)
	for i := 0; slow.Cause() == nil; i++ {
		if i > 1000 {
			t.Fatal("the slow reader is 16 MiB behind and still there")
		}
		tape.Append(want)
		quick.wantText(t, string(want))
	}
	if got := slow.Cause(); got != fanout.ErrTooSlow {
		t.Errorf("cause %v, want %v", got, fanout.ErrTooSlow)
	}
	slow.Leave()
	tape.Append([]byte("after"))
	quick.wantText(t, "after")
	if got := tape.Append(nil); got != 1 {
		t.Errorf("%d sessions on the tape, want 1", got)
	}
}

func TestPrivateFramesAreBounded(t *testing.T) {
	const limit, header = 64 << 10, 4
	for _, tt := range []struct {
		name  string
		bytes int
		want  error
	}{
		{"at the limit", limit - header, nil},
		{"one past it", limit - header + 1, fanout.ErrTooSlow},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := (&fanout.Tape{}).Join() // not started, so nothing is written
			defer s.Leave()
			half := tt.bytes / 2
			s.Send(make([]byte, half-header))
			s.Send(make([]byte, tt.bytes-half))
			if got := s.Cause(); got != tt.want {
				t.Errorf("cause %v, want %v", got, tt.want)
			}
		})
	}
}

func TestCloseWritesWhatCameBeforeAndNothingAfter(t *testing.T) {
	tape := &fanout.Tape{}
	p := join(t, tape)
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
	p.wantEnd(t)
}

func TestCloseReasonIsCutAtACharacter(t *testing.T) {
	p := join(t, &fanout.Tape{})
	p.Close(1000, strings.Repeat("é", 100)) // 200 bytes
	_, reason := ws.ParseCloseFrameData(p.next(t).Payload)
	if want := strings.Repeat("é", 61); reason != want || !utf8.ValidString(reason) {
		t.Errorf("reason %q, want %q", reason, want)
	}
}

func TestPeerCloseIsAnsweredWithItsCode(t *testing.T) {
	tape := &fanout.Tape{}
	p := join(t, tape)
	tape.Append([]byte("before"))
	p.PeerClosed(4001)
	p.wantText(t, "before")
	f := p.next(t)
	if code := binary.BigEndian.Uint16(f.Payload); f.Header.OpCode != ws.OpClose || code != 4001 {
		t.Errorf("received %+v, want Close 4001", f)
	}
	p.wantEnd(t)
}

func TestDropSendsNoCloseFrame(t *testing.T) {
	p := join(t, &fanout.Tape{})
	p.Drop()
	p.wantEnd(t)
	if got := p.Cause(); got != fanout.ErrDropped {
		t.Errorf("cause %v, want %v", got, fanout.ErrDropped)
	}
}

func TestDropBeforeStart(t *testing.T) {
	s := (&fanout.Tape{}).Join()
	s.Drop()
	server, client := net.Pipe()
	s.Start(server)
	(&peer{s, client}).wantEnd(t)
	s.Leave()
}

func TestLeaveTwice(t *testing.T) {
	tape := &fanout.Tape{}
	p := join(t, tape)
	p.Leave()
	p.Leave()
	if got := tape.Append(nil); got != 0 {
		t.Errorf("%d sessions on the tape, want 0", got)
	}
}

func TestWriteFailureEndsTheSession(t *testing.T) {
	tape := &fanout.Tape{}
	p := join(t, tape)
	_ = p.conn.Close()
	tape.Append([]byte("to nobody"))
	for p.Cause() == nil { // the test times out if the failure goes unnoticed
		runtime.Gosched()
	}
}

// BenchmarkAppend measures one frame to a thousand sessions whose sockets take
// everything: what delivery costs besides the system calls.
func BenchmarkAppend(b *testing.B) {
	const sessions = 1000
	tape := &fanout.Tape{}
	for range sessions {
		s := tape.Join()
		s.Start(discard{})
		defer s.Leave()
	}
	message := make([]byte, 300)
	for b.Loop() {
		tape.Append(message)
	}
	b.ReportMetric(float64(b.N*sessions)/b.Elapsed().Seconds(), "deliveries/s")
}

// discard is a connection that takes everything at once.
type discard struct{ net.Conn }

func (discard) Write(b []byte) (int, error)      { return len(b), nil }
func (discard) SetWriteDeadline(time.Time) error { return nil }
func (discard) Close() error                     { return nil }
