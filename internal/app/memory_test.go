package app

import (
	"testing"
	"time"
)

func TestWhenMemoryIsGivenBack(t *testing.T) {
	const mib = 1 << 20
	start := time.Now()
	var tr trimmer
	for _, step := range []struct {
		name            string
		after           time.Duration
		held, allocated uint64
		want            bool
	}{
		{"after the start", 0, 30 * mib, 60 * mib, false}, // 60 allocated just now
		{"quiet", 10 * time.Second, 30 * mib, 61 * mib, true},
		{"nothing to give", 90 * time.Second, 33 * mib, 62 * mib, false},
		{"a surge", 100 * time.Second, 200 * mib, 400 * mib, false},
		{"the surge is over", 110 * time.Second, 200 * mib, 401 * mib, true},
		{"grown again, but too soon", 150 * time.Second, 300 * mib, 402 * mib, false},
		{"later", 171 * time.Second, 300 * mib, 403 * mib, true},
	} {
		if got := tr.due(start.Add(step.after), step.held, step.allocated); got != step.want {
			t.Errorf("%s: due %v, want %v", step.name, got, step.want)
		} else if got {
			tr.kept = step.held * 9 / 10
		}
	}
}

func TestHeapIsMeasured(t *testing.T) {
	held, allocated := heap()
	if held == 0 || allocated == 0 {
		t.Errorf("the heap holds %d bytes and allocated %d, want some", held, allocated)
	}
}
