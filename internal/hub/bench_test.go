package hub_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/fanout"
	"github.com/parley-chat/parley/internal/hub"
	"github.com/parley-chat/parley/internal/metrics"
	"github.com/parley-chat/parley/internal/trace"
)

// echo is a bus that brings each event back at once.
type echo struct{ deliver func([]byte) }

func (e *echo) Publish(_ context.Context, _ parley.ARN, event []byte) error {
	e.deliver(event)
	return nil
}

func (e *echo) Takes() error { return nil }

func (e *echo) PublishConfirmed(ctx context.Context, room parley.ARN, event []byte) error {
	return e.Publish(ctx, room, event)
}

func (e *echo) Exchange(func() []byte, func(uint64, []byte), func(uint64)) {}

func (e *echo) Subscribe(
	_ context.Context, _ parley.ARN, deliver func([]byte), _ func(),
) (func(), error) {
	e.deliver = deliver
	return func() {}, nil
}

// BenchmarkRequest measures a message from its request to the room's tape, in a room
// without a review handler.
func BenchmarkRequest(b *testing.B) { benchmarkRequest(b, nil) }

// BenchmarkTracedRequest is BenchmarkRequest with a share of the messages traced.
func BenchmarkTracedRequest(b *testing.B) {
	for _, share := range []float64{0, 0.01, 1} {
		b.Run(fmt.Sprint(share), func(b *testing.B) {
			benchmarkRequest(b, trace.New(share, func(*trace.Span) {}))
		})
	}
}

func benchmarkRequest(b *testing.B, tracer *trace.Tracer) {
	room := parley.NewRoom(parley.World{Region: "us-east-1", Account: "000000000000"},
		parley.RoomChange{}, nil, time.Now())
	engine, err := fanout.NewEngine(0)
	if err != nil {
		b.Fatal(err)
	}
	h := hub.New(hub.Config{Bus: &echo{}, Rooms: &oneRoom{room: &room}, Engine: engine,
		Metrics: metrics.New(), Tracer: tracer, Log: slog.New(slog.DiscardHandler)})
	token := parley.NewToken(parley.TokenRequest{Room: room.ARN, UserID: "ana",
		Capabilities: parley.SendMessage, SessionMinutes: 1}, time.Now())
	s, err := h.Join(b.Context(), token, netip.Addr{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Leave()
	request := []byte(`{"Action":"SEND_MESSAGE","Content":"hello, world","RequestId":"7d0f"}`)
	b.ReportAllocs()
	for b.Loop() {
		s.Request(request)
	}
}
