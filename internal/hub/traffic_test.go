package hub

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/metrics"
	"github.com/parley-chat/parley/internal/wire"
)

// TestTrafficOfTheLastMinute has a room get frames over some minutes.
func TestTrafficOfTheLastMinute(t *testing.T) {
	begin := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	var room traffic
	for _, step := range []struct {
		after     time.Duration
		receivers int // of a frame; 0 only looks
		want      int64
	}{
		{0, 10, 0},
		{59 * time.Second, 5, 0},
		{60 * time.Second, 0, 15},
		{61 * time.Second, 7, 15},
		{50 * time.Second, 1, 15}, // the clock is set back
		{120 * time.Second, 0, 8},
		{180 * time.Second, 0, 0},
		{181 * time.Second, 2, 0},
		{time.Hour, 0, 0}, // nothing for long
	} {
		if step.receivers > 0 {
			room.add(begin.Add(step.after), step.receivers)
		}
		room.turn(begin.Add(step.after))
		if room.before != step.want {
			t.Errorf("after %s, the last minute had %d deliveries, want %d", step.after, room.before, step.want)
		}
	}
	if room.frames != 5 || room.deliveries != 25 {
		t.Errorf("%d frames and %d deliveries, want 5 and 25", room.frames, room.deliveries)
	}
}

// alone is the bus of a node that publishes nothing, and has no others.
type alone struct{ Bus }

func (alone) Exchange(func() []byte, func(uint64, []byte), func(uint64)) {}

// TestRequestsOnTheirWay has as many as there may be, of which moderators may have more.
func TestRequestsOnTheirWay(t *testing.T) {
	m := metrics.New()
	h := New(Config{Bus: alone{}, Metrics: m})
	h.pending.Store(maxPending - 1)
	for _, step := range []struct {
		action  wire.Action
		refused bool
		pending int
	}{
		{wire.SendMessage, false, maxPending},
		{wire.SendMessage, true, maxPending},
		{wire.DeleteMessage, false, maxPending + 1},
	} {
		err := h.admit(step.action)
		if (err != nil) != step.refused || err != nil && parley.CodeOf(err) != parley.Throttled {
			t.Errorf("%s with %d pending: %v, want refused: %t", step.action, step.pending, err, step.refused)
		}
		if got := h.Pending(); got != step.pending {
			t.Errorf("after %s, %d are on their way, want %d", step.action, got, step.pending)
		}
	}
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	const want = `parley_throttled_total{action="SEND_MESSAGE",scope="node"} 1` + "\n"
	if !strings.Contains(w.Body.String(), want) {
		t.Errorf("/metrics lacks %q", want)
	}
}
