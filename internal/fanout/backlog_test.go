package fanout_test

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/fanout"
)

// wantBacklog waits for a backlog of so many sessions, which has bytes if there are any.
// Meanwhile it has step done again and again.
func wantBacklog(t *testing.T, e *fanout.Engine, want int, step func()) {
	t.Helper()
	begin := time.Now()
	for {
		sessions, bytes := e.Backlog()
		if sessions == want && (bytes > 0) == (want > 0) {
			return
		}
		if time.Since(begin) > deadline {
			t.Fatalf("the backlog is %d sessions and %d bytes, want %d sessions", sessions, bytes, want)
		}
		step()
	}
}

// TestBacklogIsOfSessionsThatDoNotRead has one stop reading, and catch up, and another
// one that never reads and is dropped.
func TestBacklogIsOfSessionsThatDoNotRead(t *testing.T) {
	forBoth(t, func(t *testing.T, e *fanout.Engine) {
		tape := &fanout.Tape{}
		slow, quick := join(t, e, tape), join(t, e, tape)
		_ = slow.conn.(*net.TCPConn).SetReadBuffer(64 << 10)
		frame := bytes.Repeat([]byte("m"), 16<<10)
		frames := 0
		grow := func() {
			tape.Append(frame)
			quick.wantText(t, string(frame))
			frames++
		}
		wantBacklog(t, e, 1, grow)
		for range frames {
			slow.wantText(t, string(frame))
		}
		wantBacklog(t, e, 0, func() {})
		wantBacklog(t, e, 1, grow)
		for len(slow.ended) == 0 {
			grow()
		}
		slow.wantCause(t, fanout.ErrTooSlow)
		wantBacklog(t, e, 0, func() {})
	})
}
