package fanout_test

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/fanout"
)

func TestFirstWriteIsTold(t *testing.T) {
	forBoth(t, func(t *testing.T, e *fanout.Engine) {
		tape := &fanout.Tape{}
		told := make(chan int, 10)
		written := func(sessions int) { told <- sessions }

		tape.AppendWatched([]byte("to nobody"), written)
		waiting := tape.Join() // not started, so that nothing is written yet
		tape.AppendWatched([]byte("first"), written)
		tape.AppendWatched([]byte("while the first waits"), written)
		select {
		case n := <-told:
			t.Fatalf("told of a first write to one of %d sessions, before there was any", n)
		default:
		}

		p := start(t, e, waiting, "", time.Hour)
		p.wantText(t, "first")
		p.wantText(t, "while the first waits")
		wantTold(t, told)
		tape.AppendWatched([]byte("second"), written)
		p.wantText(t, "second")
		wantTold(t, told)
		if len(told) != 0 {
			t.Error("told more often than there were watched frames")
		}
	})
}

func wantTold(t *testing.T, told <-chan int) {
	t.Helper()
	select {
	case n := <-told:
		if n != 1 {
			t.Errorf("told of %d sessions, want 1", n)
		}
	case <-time.After(deadline):
		t.Fatal("nobody told of the first write")
	}
}
