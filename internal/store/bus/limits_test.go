package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// deadNet is a network on which nothing arrives.
type deadNet struct{}

func (deadNet) Publish(string, []byte) error     { return nil }
func (deadNet) Subscribe(string) (func(), error) { return func() {}, nil }
func (deadNet) Flush(context.Context) error      { return nil }
func (deadNet) Connected() bool                  { return true }
func (deadNet) Close()                           {}

// idleBus returns a bus whose goroutines do not run: the test does what they do.
func idleBus(t testing.TB) *Bus {
	t.Helper()
	b := newBus(Config{Prefix: "p", Node: "n", Log: slog.New(slog.DiscardHandler)})
	b.net = deadNet{}
	return b
}

func arrive(b *Bus, subject string, data []byte) {
	b.arrive(&nats.Msg{Subject: subject, Data: data})
}

// beatOf has a bus hear a beat of a peer.
func beatOf(b *Bus, node uint64, m beatMessage) {
	m.name = fmt.Sprint("peer ", node)
	arrive(b, "p.beat", m.encode(node))
}

func listenIdle(t testing.TB, b *Bus, key string) *subscription {
	t.Helper()
	s := &subscription{deliver: func([]byte) {}, unsubscribe: func() {}}
	if _, err := b.listen(key, s); err != nil {
		t.Fatalf("listen(%s) = %v, want nil", key, err)
	}
	return s
}

// askOf has a bus answer an ask of a peer.
func askOf(b *Bus, node, id uint64, m askMessage) {
	m.id = id
	arrive(b, b.nodeSubject(b.id), m.encode(node, 0))
}

func TestListenedRoomsAreBounded(t *testing.T) {
	b := idleBus(t)
	b.limits.rooms = 2
	listenIdle(t, b, "a")
	s := listenIdle(t, b, "b")
	listenIdle(t, b, "b") // no new room
	if _, err := b.listen("c", s); err == nil {
		t.Error("a room more than the limit is listened to, want an error")
	}
}

// TestRoomsOfOneHash: the last event of each of them is missed when it does not come.
func TestRoomsOfOneHash(t *testing.T) {
	b := idleBus(t)
	var subs []*subscription
	for _, key := range []string{"a", "b", "c"} {
		b.roomLocked(key).hash = 1
		subs = append(subs, listenIdle(t, b, key))
	}
	b.unlisten("b", subs[1])
	beatOf(b, 7, beatMessage{number: 1})
	p := b.peers[7]
	answer := answerMessage{ask: p.ask.id, done: 2}
	arrive(b, b.nodeSubject(b.id), answer.encode(7))
	beatOf(b, 7, beatMessage{number: 2, g: 5, rooms: []roomDigest{{1, 5}}})
	for _, key := range []string{"a", "c"} {
		if s := b.rooms[key].source(p); s.want != 5 {
			t.Errorf("event %d of room %s is missing, want 5", s.want, key)
		}
	}
	b.unlisten("a", subs[0])
	b.unlisten("c", subs[2])
	if len(b.byHash) != 0 {
		t.Errorf("%d rooms have hashes after all was left, want none", len(b.byHash))
	}
}

func TestPeersAreBounded(t *testing.T) {
	b := idleBus(t)
	for i := range uint64(maxPeers + 1) {
		beatOf(b, i+1000, beatMessage{number: 1})
	}
	if n, s := len(b.peers), b.stats.Strangers; n != maxPeers || s != 1 {
		t.Errorf("%d peers and %d strangers, want %d and 1", n, s, maxPeers)
	}
	b.mu.Lock()
	b.suspectLocked(b.peers[1005])
	b.mu.Unlock()
	beatOf(b, 2000, beatMessage{number: 1})
	if b.peers[2000] != nil {
		t.Error("a new node takes the place of one that has just fallen silent")
	}
	b.mu.Lock()
	b.giveUpLocked(b.peers[1005])
	b.mu.Unlock()
	beatOf(b, 2000, beatMessage{number: 1})
	if b.peers[2000] == nil || b.peers[1005] != nil || len(b.peers) != maxPeers {
		t.Error("a new node does not take the place of one that is silent")
	}
}

func TestInterestsAreBounded(t *testing.T) {
	b := idleBus(t)
	b.limits.interests = 2
	beatOf(b, 7, beatMessage{number: 1})
	p := b.peers[7]
	askOf(b, 7, 1, askMessage{rooms: []roomAsk{{key: "a"}, {key: "b"}}})
	if p.all || p.interests != 2 {
		t.Fatalf("%d rooms, all = %t at the limit, want 2, false", p.interests, p.all)
	}
	askOf(b, 7, 2, askMessage{rooms: []roomAsk{{key: "c"}}})
	if !p.all || p.interests != 2 {
		t.Fatalf("%d rooms, all = %t past the limit, want 2, true", p.interests, p.all)
	}
	_ = b.Publish(t.Context(), "d", []byte("x"))
	if b.stats.Sent != 1 || b.held != 0 {
		t.Errorf("%d events sent, %d held, want 1, 0: it gets all, and is not waited for",
			b.stats.Sent, b.held)
	}
	askOf(b, 7, 3, askMessage{reset: true, rooms: []roomAsk{{key: "c"}}})
	if p.all || p.interests != 1 || b.rooms["a"] != nil {
		t.Errorf("%d rooms, all = %t after a reset, want 1, false", p.interests, p.all)
	}
}

func TestLeavesAreBounded(t *testing.T) {
	b := idleBus(t)
	b.limits.leaves = 2
	beatOf(b, 7, beatMessage{number: 1})
	p := b.peers[7]
	var subs []*subscription
	for i := range 4 {
		subs = append(subs, listenIdle(t, b, fmt.Sprint("r", i)))
	}
	b.mu.Lock()
	b.askLocked(p, time.Now().Add(askEvery)) // two: the first went with the first room
	b.mu.Unlock()
	answer := answerMessage{ask: p.ask.id, done: uint64(len(p.ask.sources))}
	arrive(b, b.nodeSubject(b.id), answer.encode(7))
	b.mu.Lock()
	b.askLocked(p, time.Now().Add(askEvery))
	b.mu.Unlock()
	for i, s := range subs[:3] {
		b.unlisten(fmt.Sprint("r", i), s)
	}
	if !p.reset || len(p.leaves) != 0 {
		t.Fatalf("%d leaves wait, reset = %t past the limit, want 0, true", len(p.leaves), p.reset)
	}
	s := b.rooms["r3"].source(p)
	if s.complete() || !s.queued && !s.inAsk {
		t.Error("the room that is still listened to is not asked for after the reset")
	}
}

func TestQueueOfAsksIsBounded(t *testing.T) {
	b := idleBus(t)
	beatOf(b, 7, beatMessage{number: 1})
	for range 4 * maxClosed {
		b.unlisten("r", listenIdle(t, b, "r"))
	}
	if n := len(b.peers[7].queue); n > maxClosed+2 {
		t.Errorf("%d sources wait for a peer that does not answer, want at most %d",
			n, maxClosed+2)
	}
}

func TestWaitingEventsAreBounded(t *testing.T) {
	b := newBus(Config{Log: slog.New(slog.DiscardHandler)})
	listenIdle(t, b, "r")
	for i := range maxWaiting {
		if err := b.Publish(t.Context(), "r", nil); err != nil {
			t.Fatalf("Publish of event %d = %v, want nil", i, err)
		}
	}
	if err := b.Publish(t.Context(), "r", nil); !errors.Is(err, ErrFull) {
		t.Errorf("Publish past the limit = %v, want %v", err, ErrFull)
	}
	if err := b.Takes(); !errors.Is(err, ErrFull) {
		t.Errorf("Takes of a full bus = %v, want %v", err, ErrFull)
	}
	if err := b.Check(t.Context()); !errors.Is(err, ErrFull) {
		t.Errorf("Check of a full bus = %v, want %v", err, ErrFull)
	}
	b.deliverQueue(nil)
	if err := b.Publish(t.Context(), "r", nil); err != nil {
		t.Errorf("Publish after deliveries = %v, want nil", err)
	}
}

func TestOutgoingMessagesAreBounded(t *testing.T) {
	for _, size := range []int{10, 100 << 10} {
		b := idleBus(t)
		beatOf(b, 7, beatMessage{number: 1})
		askOf(b, 7, 1, askMessage{rooms: []roomAsk{{key: "r"}}})
		b.peers[7].lagging = true
		b.waitableLocked(b.peers[7])
		var err error
		n := 0
		for ; err == nil && n < 2*maxOutgoing; n++ {
			err = b.Publish(t.Context(), "r", make([]byte, size))
		}
		if !errors.Is(err, ErrFull) {
			t.Errorf("Publish of %d events of %d bytes = %v, want %v", n, size, err, ErrFull)
		}
		bytes := b.outgoingBytes
		b.beatLocked(time.Now(), nil, false)
		if b.outgoingBytes == bytes {
			t.Error("a beat finds no room beside the events")
		}
		for range 2 * maxOutgoing {
			b.outLocked("x", make([]byte, size))
		}
		if len(b.outgoing) > 2*maxOutgoing || b.outgoingBytes > 2*maxOutgoingBytes+size {
			t.Errorf("%d messages, %d bytes wait, want at most twice the limits",
				len(b.outgoing), b.outgoingBytes)
		}
	}
}

func TestRingIsBounded(t *testing.T) {
	b := idleBus(t)
	b.limits.ringBytes = 10 << 10
	for range 100 {
		_ = b.Publish(t.Context(), "r", make([]byte, 1000))
	}
	if b.ring.bytes > b.limits.ringBytes || b.ring.len() < 5 {
		t.Errorf("the ring has %d events, %d bytes, want at most %d bytes",
			b.ring.len(), b.ring.bytes, b.limits.ringBytes)
	}
	if r := b.rooms["r"]; r.evicted != b.ring.first-1 || r.last != 100 {
		t.Errorf("evicted %d, last %d, want %d, 100", r.evicted, r.last, b.ring.first-1)
	}
}

// TestForgottenRooms publishes in more rooms than are remembered.
func TestForgottenRooms(t *testing.T) {
	b := idleBus(t)
	b.limits.ringBytes, b.limits.history = 0, 3
	for i := range 10 {
		_ = b.Publish(t.Context(), fmt.Sprint("r", i), nil)
	}
	if b.floor != 6 || len(b.rooms) != 4 { // the last one is in the ring
		t.Errorf("floor %d, %d rooms remembered, want 6 and 4", b.floor, len(b.rooms))
	}
	for _, test := range []struct {
		key   string
		after uint64
		want  bool
	}{
		{"r8", 8, true}, {"r8", 9, false}, {"r9", 9, false},
		{"r0", 5, true}, {"r0", 6, false}, {"new", 5, true},
	} {
		r := b.roomLocked(test.key)
		if got := b.goneLocked(r, &roomAsk{after: test.after}); got != test.want {
			t.Errorf("is something gone of %s after event %d? got %t, want %t",
				test.key, test.after, got, test.want)
		}
	}
	_ = b.Publish(t.Context(), "r0", nil)
	if r := b.rooms["r0"]; r.evicted < 6 {
		t.Errorf("a room that was forgotten has events evicted up to %d, want 6", r.evicted)
	}
}

func TestBeatsAreBounded(t *testing.T) {
	b := idleBus(t)
	b.Exchange(func() []byte { return make([]byte, maxReportBytes+1) }, nil, nil)
	if got := b.report(); got != nil {
		t.Errorf("a report of %d bytes is sent, want none", len(got))
	}
	beatOf(b, 7, beatMessage{number: 1})
	var asks []roomAsk
	for i := range maxDigest {
		asks = append(asks, roomAsk{key: fmt.Sprint("r", i)})
	}
	askOf(b, 7, 1, askMessage{rooms: asks})
	for i := range maxDigest {
		if b.beat > 0 {
			t.Fatalf("a beat after %d rooms, want it after %d", i, maxDigest)
		}
		_ = b.Publish(t.Context(), fmt.Sprint("r", i), nil)
	}
	if b.beat != 1 || len(b.touched) != 0 {
		t.Errorf("%d beats, %d rooms left for the next, want 1, 0", b.beat, len(b.touched))
	}
}

func TestEventsAreBounded(t *testing.T) {
	b := newBus(Config{Log: slog.New(slog.DiscardHandler)})
	if err := b.Publish(t.Context(), "r", make([]byte, MaxEventBytes)); err != nil {
		t.Errorf("Publish of the largest event = %v, want nil", err)
	}
	if err := b.Publish(t.Context(), "r", make([]byte, MaxEventBytes+1)); err == nil {
		t.Error("an event larger than the largest is published, want an error")
	}
	if err := b.Publish(t.Context(), "no key", nil); err == nil {
		t.Error("an event is published in a room that has no valid key, want an error")
	}
	if _, err := b.Subscribe(t.Context(), "no key", nil, nil); err == nil {
		t.Error("a room that has no valid key is listened to, want an error")
	}
}

// TestMessagesFit checks the largest messages against the limit of NATS.
func TestMessagesFit(t *testing.T) {
	key := strings.Repeat("k", maxKeyLen)
	event, _ := encodeEvent(1, eventMessage{g: 1<<64 - 1, event: make([]byte, MaxEventBytes)})
	resend := resendMessage{ask: 1<<64 - 1, series: 1<<64 - 1, index: 1<<64 - 1,
		events: []resentEvent{{key, 1<<64 - 1, 0, make([]byte, MaxEventBytes)}}}
	beat := beatMessage{number: 1<<64 - 1, g: 1<<64 - 1, now: -1 << 63, name: key,
		report: make([]byte, maxReportBytes)}
	for range maxPeers {
		beat.heard = append(beat.heard, heardNode{1<<64 - 1, 1<<64 - 1, 1<<64 - 1})
	}
	for range maxDigest {
		beat.rooms = append(beat.rooms, roomDigest{1, 1})
	}
	for name, data := range map[string][]byte{
		"event": event, "resend": resend.encode(1, 0), "beat": beat.encode(1),
	} {
		if len(data) > maxMessageBytes {
			t.Errorf("the largest %s has %d bytes, want at most %d",
				name, len(data), maxMessageBytes)
		}
	}
}
