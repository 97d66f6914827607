package review

import (
	"testing"
	"time"
)

func TestBreaker(t *testing.T) {
	var b breaker
	now := time.Unix(0, 0)
	wantAllowed := func(want bool, when string) {
		t.Helper()
		if got := b.allow(now); got != want {
			t.Fatalf("%s: allowed is %v, want %v", when, got, want)
		}
	}
	fail := func(times int, step time.Duration, opens bool) {
		t.Helper()
		for i := range times {
			wantAllowed(true, "before it opens")
			if got, want := b.fail(now), opens && i == times-1; got != want {
				t.Fatalf("failure %d of %d opened it: %v, want %v", i+1, times, got, want)
			}
			if i < times-1 {
				now = now.Add(step)
			}
		}
	}
	fail(breakAfter-1, time.Hour, false) // too few
	if b.succeed() {
		t.Error("a success closed what was not open")
	}
	fail(1000, (breakAfterTime-1)/1000, false) // too soon
	b.succeed()
	fail(breakAfter, breakAfterTime/(breakAfter-1)+1, true)
	wantAllowed(false, "when it has opened")
	now = now.Add(breakFor - 1)
	wantAllowed(false, "just before a probe")
	now = now.Add(1)
	wantAllowed(true, "as a probe")
	wantAllowed(false, "beside a probe")
	if b.fail(now) {
		t.Error("a failed probe opened what was open")
	}
	wantAllowed(false, "after a failed probe")
	now = now.Add(breakFor)
	wantAllowed(true, "as a second probe")
	b.abandon()
	wantAllowed(true, "after a probe that was not made")
	if !b.succeed() {
		t.Error("a probe that succeeded did not close it")
	}
	wantAllowed(true, "when it is closed again")
	wantAllowed(true, "beside another, when it is closed")
}
