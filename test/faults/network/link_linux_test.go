package network

import (
	"os"
	"testing"
	"time"
)

// newTestLink returns a link that writes to a pipe, of which it returns the other end.
func newTestLink(t *testing.T, rule Rule) (*link, *os.File) {
	t.Helper()
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = out.Close(), in.Close() })
	l := newLink(in)
	l.set(rule)
	return l, out
}

func TestQueueIsBounded(t *testing.T) {
	l, _ := newTestLink(t, Rule{Delay: time.Hour})
	packet := make([]byte, 1024)
	for range maxQueuedBytes/len(packet) + 1 {
		l.carry(packet)
	}
	if l.queued != maxQueuedBytes || len(l.queue) != maxQueuedBytes/len(packet) {
		t.Errorf("%d packets with %d bytes wait, want %d bytes and no more",
			len(l.queue), l.queued, maxQueuedBytes)
	}
	l.set(Rule{Drop: true})
	if l.carry(packet); l.queued != 0 || len(l.queue) != 0 {
		t.Errorf("%d packets wait on a link that drops all", len(l.queue))
	}
}

// TestNoneOvertakes has a packet follow some that are delayed, when the delay is over.
func TestNoneOvertakes(t *testing.T) {
	l, out := newTestLink(t, Rule{Delay: 50 * time.Millisecond})
	stopped := make(chan struct{})
	go func() { defer close(stopped); l.run() }()
	defer func() { close(l.done); <-stopped }()
	l.carry([]byte("a"))
	l.carry([]byte("b"))
	l.set(Rule{})
	l.carry([]byte("c"))
	var got []byte
	for buffer := make([]byte, 3); len(got) < 3; {
		n, err := out.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, buffer[:n]...)
	}
	if string(got) != "abc" {
		t.Errorf("packets came as %q, want abc", got)
	}
}
