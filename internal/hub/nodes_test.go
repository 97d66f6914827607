package hub

import (
	"bytes"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
)

func TestReportSurvivesTheBus(t *testing.T) {
	for _, want := range []report{
		{},
		{clock: math.MaxUint64, worlds: []usage{
			{parley.World{Region: "us-east-1", Account: "000000000000"}, 50_000, [3]int{1000, 0, math.MaxInt32}},
			{parley.World{Region: "eu-west-1", Account: "123456789012"}, 0, [3]int{0, 100, 0}},
		}},
	} {
		got, err := decodeReport(want.encode())
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(report{}, usage{})); err != nil || diff != "" {
			t.Errorf("%+v: error %v (-want +got):\n%s", want, err, diff)
		}
	}
}

// FuzzDecodeReport checks that no bytes panic, and that what is accepted survives being
// encoded again.
func FuzzDecodeReport(f *testing.F) {
	f.Add(report{clock: 1, worlds: []usage{{parley.World{Region: "r", Account: "a"}, 1, [3]int{2, 3, 4}}}}.encode())
	f.Add([]byte{reportVersion})
	f.Add(append([]byte{reportVersion}, bytes.Repeat([]byte{0xff}, 40)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeReport(data)
		if err != nil {
			return
		}
		again, err := decodeReport(r.encode())
		if diff := cmp.Diff(r, again, cmp.AllowUnexported(report{}, usage{})); err != nil || diff != "" {
			t.Errorf("%x: error %v (-first +again):\n%s", data, err, diff)
		}
	})
}

// TestReportsAreBounded reports as many worlds as a report may have, and one more.
func TestReportsAreBounded(t *testing.T) {
	for _, worlds := range []int{maxReported, maxReported + 1} {
		h := New(Config{Bus: alone{}})
		for i := range worlds {
			h.worldLocked(parley.World{Region: "us-east-1", Account: fmt.Sprintf("%012d", i)}).connections = 1
		}
		r, err := decodeReport(h.report())
		if err != nil || len(r.worlds) != maxReported || r.worlds[0].world.Account != "000000000000" {
			t.Errorf("of %d worlds, %d are reported (error %v), want the first %d", worlds, len(r.worlds), err, maxReported)
		}
		r.worlds = append(r.worlds, make([]usage, worlds-maxReported)...)
		if _, err := decodeReport(r.encode()); (err != nil) != (worlds > maxReported) {
			t.Errorf("a report of %d worlds: %v, want at most %d taken", worlds, err, maxReported)
		}
	}
	for size, want := range map[int]bool{maxWorldBytes: true, maxWorldBytes + 1: false} {
		r := report{worlds: []usage{{world: parley.World{Region: strings.Repeat("r", size)}}}}
		if _, err := decodeReport(r.encode()); (err == nil) != want {
			t.Errorf("a region of %d bytes: %v, want it taken: %t", size, err, want)
		}
	}
}

// TestUnreadableReportsAreTold checks that a node whose reports cannot be read is logged
// once, and its connections forgotten until they can.
func TestUnreadableReportsAreTold(t *testing.T) {
	var log bytes.Buffer
	h := New(Config{Bus: alone{}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	world := parley.World{Region: "us-east-1", Account: "000000000000"}
	good := report{worlds: []usage{{world: world, connections: 5}}}.encode()
	for i, step := range []struct {
		report      []byte
		connections int
		logged      int
	}{{good, 5, 0}, {[]byte{99}, 0, 1}, {nil, 0, 1}, {good, 5, 1}, {good[:len(good)-1], 0, 2}} {
		h.heard(1, step.report)
		if got := h.Connections(world); got != step.connections {
			t.Errorf("after report %d: %d connections, want %d", i, got, step.connections)
		}
		if got := strings.Count(log.String(), "\n"); got != step.logged {
			t.Errorf("after report %d, %d lines are logged, want %d", i, got, step.logged)
		}
	}
	h.gone(1)
	h.gone(1) // does no harm
	if len(h.neighbors) != 0 || h.others.Load() != 0 {
		t.Errorf("%d nodes are known (%d), want none", len(h.neighbors), h.others.Load())
	}
}

// TestDebtsAreBounded charges a bucket with more and more.
func TestDebtsAreBounded(t *testing.T) {
	now := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		requests, others int
		want             time.Duration // until one more is admitted
	}{
		{0, 1, 0},
		{9, 1, 0},
		{10, 1, 100 * time.Millisecond},
		{20, 1, 1100 * time.Millisecond},
		{30, 1, 2100 * time.Millisecond}, // two seconds for the other node
		{31, 1, 2100 * time.Millisecond},
		{math.MaxInt32, 1, 2100 * time.Millisecond},
		{math.MaxInt32, 4, 8100 * time.Millisecond},
	} {
		var b bucket
		b.charge(now, 10, tt.requests, tt.others)
		if tt.want > 0 {
			if early := b; early.take(now.Add(tt.want-1), 10) {
				t.Errorf("charged with %d: one is admitted before %s", tt.requests, tt.want)
			}
		}
		if !b.take(now.Add(tt.want), 10) {
			t.Errorf("charged with %d: none is admitted after %s", tt.requests, tt.want)
		}
	}
	var b bucket
	b.charge(now, 0, 100, 1)
	if b != 0 {
		t.Error("without a limit, a bucket is charged")
	}
	b.charge(now, 10, 50, 4)
	owed := b
	if b.charge(now, 10, 1, 1); b != owed {
		t.Errorf("with fewer nodes, a debt becomes %s, want what it was", time.Duration(b-owed))
	}
}

// TestSpentRatesAreBounded leaves more rooms than are remembered.
func TestSpentRatesAreBounded(t *testing.T) {
	h := New(Config{Bus: alone{}})
	world := parley.World{Region: "us-east-1", Account: "000000000000"}
	leave := func() {
		r := newRoom(h, world.NewRoomARN())
		r.take(time.Now(), 1)
		h.leaveSpentLocked(r)
	}
	for range maxSpent {
		leave()
	}
	if len(h.spent) != maxSpent {
		t.Errorf("%d rooms are remembered, want %d", len(h.spent), maxSpent)
	}
	if leave(); len(h.spent) != 1 {
		t.Errorf("after one more, %d rooms are remembered, want that one", len(h.spent))
	}
	h.leaveSpentLocked(newRoom(h, world.NewRoomARN()))
	if len(h.spent) != 1 {
		t.Error("a room whose rate nobody used is remembered")
	}
}

// TestRecentForgets adds keys at random and compares with a list.
func TestRecentForgets(t *testing.T) {
	begin := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	random := rand.New(rand.NewPCG(1, 2))
	var r recent
	added := map[string]time.Time{}
	numbers := map[string]uint64{}
	now := begin
	for i := range uint64(2000) {
		now = now.Add(time.Duration(random.IntN(2000)) * time.Millisecond)
		key := fmt.Sprint(random.IntN(100))
		if now.Sub(added[key]) > recentFor {
			numbers[key] = 0
		}
		r.add(now, key, i)
		added[key], numbers[key] = now, max(numbers[key], i)
		for key, at := range added {
			want := numbers[key]
			if now.Sub(at) > recentFor {
				want = 0
			}
			if got := r.number(key); got != want {
				t.Fatalf("%s after %q was added: number %d, want %d", now.Sub(at), key, got, want)
			}
		}
	}
	r.add(now, "user", 5)
	if r.add(now, "user", 3); r.number("user") != 5 {
		t.Errorf("a lower number replaces a higher one: %d", r.number("user"))
	}
}

func TestRecentIsBounded(t *testing.T) {
	now := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	var r recent
	for i := range maxRecent {
		r.add(now.Add(time.Duration(i)), fmt.Sprint(i), 1)
	}
	if r.number("0") == 0 {
		t.Errorf("the first of %d keys is forgotten", maxRecent)
	}
	r.add(now.Add(maxRecent), "one more", 1)
	if r.number("0") != 0 || r.number("1") == 0 || len(r.queue) != maxRecent || len(r.keys) != maxRecent {
		t.Errorf("after one more: %d keys of %d, first %d, second %d; want the first forgotten",
			len(r.keys), len(r.queue), r.number("0"), r.number("1"))
	}
}

// TestClockGoesOn checks that numbers grow while the time does not, and go past those
// that are observed.
func TestClockGoesOn(t *testing.T) {
	var c clock
	first := c.next()
	if second := c.next(); second <= first || c.now() != second {
		t.Errorf("%d after %d, and now %d", second, first, c.now())
	}
	ahead := uint64(time.Now().Add(time.Hour).UnixNano())
	c.observe(ahead)
	c.observe(first)
	if next := c.next(); next != ahead+1 {
		t.Errorf("%d after %d was observed, want one more", next, ahead)
	}
}
