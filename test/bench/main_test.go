package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/load"
)

// TestMain makes the tests one of the servers, as main does.
func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	if err := serveRole(ctx, role); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestAnswered(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: a\r\nContent-Length: 5\r\n\r\n"
	for _, tt := range []struct {
		answer   string
		complete bool
		fails    bool
	}{
		{"", false, false},
		{head[:len(head)-1], false, false},
		{head, false, false},
		{head + "1234", false, false},
		{head + "12345", true, false},
		{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: a\r\n\r\n", true, false},
		{"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{", false, false},
		{"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{}", false, true},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, true},
		{"HTTP/1.1 200 OK\r\nContent-Length: a\r\n\r\n", false, true},
	} {
		complete, err := answered([]byte(tt.answer))
		if complete != tt.complete || (err != nil) != tt.fails {
			t.Errorf("answered(%q) = %t, %v; want %t, failure %t",
				tt.answer, complete, err, tt.complete, tt.fails)
		}
	}
}

func TestPercentiles(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(100-i))
	}
	for _, tt := range []struct {
		values []time.Duration
		p      int
		want   time.Duration
	}{
		{nil, 99, 0}, {hundred[:1], 50, 100}, {hundred[:1], 99, 100},
		{hundred, 50, 51}, {hundred, 99, 100}, {hundred, 0, 1},
	} {
		if got := percentile(tt.values, tt.p); got != tt.want {
			t.Errorf("percentile %d of %d values: %d, want %d", tt.p, len(tt.values), got, tt.want)
		}
	}
	if got := median([]float64{3, 1, 2}); got != 2 {
		t.Errorf("median of 3, 1, 2: %v, want 2", got)
	}
}

// TestLimitServer has the server of the physical limit send messages one at a time, and
// in batches.
func TestLimitServer(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the physical limit is measured on Linux only")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cpus, err := allCPUs()
	if err != nil {
		t.Fatal(err)
	}
	for _, batch := range []int{1, 4} {
		role, err := json.Marshal(limitRole{
			Sessions: 5, FrameBytes: load.RawFrameBytes(100), Batch: batch})
		if err != nil {
			t.Fatal(err)
		}
		s, err := startServer(t.Context(), cpus, []string{
			roleVariable + "=" + roleLimit, limitVariable + "=" + string(role)}, self)
		if err != nil {
			t.Fatal(err)
		}
		r, err := load.Raw(t.Context(), s.addr, nil, load.FanoutConfig{
			Rooms: 1, Receivers: 5, Senders: 1, ContentBytes: 100, Outstanding: 2 * batch,
			Duration: 100 * time.Millisecond, ConnectConcurrency: 2}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Problem(); err != nil || r.Sent < 10 || r.FrameBytes != load.RawFrameBytes(100) {
			t.Errorf("batches of %d: problem %v; %+v", batch, err, r)
		}
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	}
}

func TestParts(t *testing.T) {
	for _, tt := range []struct {
		only, want string
	}{
		{"", "control a b c d e f g h logging cluster"},
		{"b, a", "a b"},
		{"control", "control"},
		{"a,z", ""},
		{",", ""},
	} {
		selected, err := selectParts(tt.only)
		var names []string
		for _, p := range selected {
			names = append(names, p.name)
		}
		if got := strings.Join(names, " "); got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("-only %q: got %q, %v; want %q", tt.only, got, err, tt.want)
		}
	}
}

// TestPartsGoOn has the second of three parts fail.
func TestPartsGoOn(t *testing.T) {
	of := func(name string, err error) part {
		return part{name, name, func(*bench, context.Context) ([]figure, error) {
			return []figure{{name: name}}, err
		}}
	}
	b := &bench{}
	figures, err := b.runParts(t.Context(),
		[]part{of("a", nil), of("b", errors.New("no luck")), of("c", nil)})
	if len(figures) != 3 || err == nil || err.Error() != "part b: no luck" {
		t.Errorf("got %v, %v; want three figures, and that b had no luck", figures, err)
	}
}

func TestReport(t *testing.T) {
	var out strings.Builder
	err := report(&out, []figure{
		atLeast("calls", "%.0f", 10, 10), atLeast("calls", "%.0f", 10, 9.9).note("%d runs", 3),
		below("time", "%.1f ms", 5, 4.9), below("time", "%.1f ms", 5, 5),
		atMost("bytes", "%.0f", 5, 5), atMost("bytes", "%.0f", 5, 6), {name: "size", measured: "1"},
	})
	const want = "figure  wanted    measured     " + `
calls   ≥ 10      10           met
calls   ≥ 10      10 (3 runs)  MISSED
time    < 5.0 ms  4.9 ms       met
time    < 5.0 ms  5.0 ms       MISSED
bytes   ≤ 5       5            met
bytes   ≤ 5       6            MISSED
size              1            ` + "\n"
	if err != nil || out.String() != want {
		t.Errorf("got %v\n%q, want\n%q", err, &out, want)
	}
}

func TestSystemFiles(t *testing.T) {
	const sockstat = "sockets: used 13\nTCP: inuse 1 orphan 0 tw 1 alloc 1 mem 7\nUDP: inuse 0 mem 9\n"
	if got := numberAfter(lineOf(sockstat, "TCP:"), "mem"); got != 7 {
		t.Errorf("memory of TCP: %d, want 7", got)
	}
	if got := numberAfter("MemFree: 5 kB\nSlab:   123 kB\n", "Slab:"); got != 123 {
		t.Errorf("slab: %d, want 123", got)
	}
	for _, text := range []string{"", "Slab:", "other 5"} {
		if got := numberAfter(text, "Slab:"); got != 0 {
			t.Errorf("slab in %q: %d, want 0", text, got)
		}
	}
	const stat = "cpu  100 20 30 4000 500 6 7 8 9 10"
	if got, want := busyTime(stat), 1710*time.Millisecond; got != want {
		t.Errorf("%s: busy for %s, want %s", stat, got, want)
	}
}
