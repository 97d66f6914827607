package hub_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/hub"
	"github.com/parley-chat/parley/internal/metrics"
)

// chatLog is a hub.ChatLog. It notes how many events were on the bus when a record came.
type chatLog struct {
	bus *bus

	mu      sync.Mutex // guards records
	records []string
}

func (l *chatLog) Append(records []hub.Record) {
	l.bus.mu.Lock()
	published := l.bus.count
	l.bus.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range records {
		l.records = append(l.records, fmt.Sprintf("event %t of %d configurations, after %d others",
			r.Event, len(r.Configurations), published))
		if len(r.Frame) == 0 || time.Since(r.At) > time.Minute {
			l.records = append(l.records, fmt.Sprintf("a frame %q of %s", r.Frame, r.At))
		}
	}
}

// TestRecordsComeBeforeTheirEvents checks that what is published of a logged room is
// recorded before, whether or not somebody is in the room, and what is not logged is
// not.
func TestRecordsComeBeforeTheirEvents(t *testing.T) {
	b := &bus{rooms: map[parley.ARN]chan []byte{}}
	log := &chatLog{bus: b}
	room := parley.Room{ARN: parley.World{Region: "us-east-1", Account: "000000000000"}.NewRoomARN()}
	rooms := &oneRoom{room: &room}
	h := hub.New(hub.Config{Bus: b, Rooms: rooms, ChatLog: log, Metrics: metrics.New()})
	send := func() {
		t.Helper()
		if _, err := h.SendEvent(t.Context(), room.ARN, "event", nil); err != nil {
			t.Fatal(err)
		}
	}
	send() // the room is not logged
	configurations := []parley.ARN{{Kind: parley.KindLoggingConfiguration, ID: "a"}, {ID: "b"}}
	rooms.update(parley.RoomChange{LoggingConfigurations: &configurations})
	send()
	if err := h.DisconnectUser(t.Context(), room.ARN, "ana", ""); err != nil { // is never logged
		t.Fatal(err)
	}
	if _, err := h.DeleteMessage(t.Context(), room.ARN, parley.NewID(), ""); err != nil {
		t.Fatal(err)
	}
	want := []string{"event true of 2 configurations, after 1 others",
		"event true of 2 configurations, after 3 others"}
	if !slices.Equal(log.records, want) {
		t.Errorf("records %q, want %q", log.records, want)
	}
}

// TestWhatIsRefusedIsNotLogged has the bus refuse a message and an event.
func TestWhatIsRefusedIsNotLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, nil, parley.RoomChange{
			LoggingConfigurations: &[]parley.ARN{{Kind: parley.KindLoggingConfiguration, ID: "a"}}})
		log := &chatLog{bus: s.bus}
		s.config.ChatLog = log
		s.Hub = newHub(s)
		ana := s.join("ana", all)
		s.bus.fail = errors.New("the bus is away")
		ana.say("hi")
		ana.wantError(500, "Internal error")
		if _, err := s.SendEvent(t.Context(), s.room, "event", nil); err == nil {
			t.Error("SendEvent() = nil, want an error")
		}
		if len(log.records) > 0 {
			t.Errorf("records %q, want none", log.records)
		}
	})
}
