package messaging_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
	"go.uber.org/goleak"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/fanout"
	"github.com/parley-chat/parley/internal/hub"
	"github.com/parley-chat/parley/internal/messaging"
	"github.com/parley-chat/parley/internal/metrics"
	"github.com/parley-chat/parley/internal/parleytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noBus takes events and delivers none.
type noBus struct{}

func (noBus) Takes() error { return nil }

func (noBus) Publish(context.Context, parley.ARN, []byte) error { return nil }

func (noBus) PublishConfirmed(context.Context, parley.ARN, []byte) error { return nil }

func (noBus) Subscribe(context.Context, parley.ARN, func([]byte), func()) (func(), error) {
	return func() {}, nil
}

func (noBus) Exchange(func() []byte, func(uint64, []byte), func(uint64)) {}

// anyRoom has every room, with the default settings.
type anyRoom struct{}

func (anyRoom) Room(arn parley.ARN) (parley.Room, error) {
	return parley.NewRoom(arn.World(), parley.RoomChange{}, nil, time.Now()), nil
}

func (r anyRoom) FindRoom(_ context.Context, arn parley.ARN) (parley.Room, error) {
	return r.Room(arn)
}

// read starts a session of three hours and returns the client's end. The returned
// function waits for the session's end.
func read(t testing.TB, early string) (client net.Conn, wait func()) {
	t.Helper()
	engine, err := fanout.NewEngine(0) // bubbles have no real sockets
	if err != nil {
		t.Fatal(err)
	}
	h := hub.New(hub.Config{Bus: noBus{}, Rooms: anyRoom{}, Engine: engine,
		Metrics: metrics.New(), Log: slog.New(slog.DiscardHandler)})
	token := parley.NewToken(parley.TokenRequest{UserID: "ana", SessionMinutes: 180}, time.Now())
	session, err := h.Join(t.Context(), token, netip.Addr{})
	if err != nil {
		t.Fatal(err)
	}
	server, client := net.Pipe()
	session.Start(server, []byte(early), messaging.NewReader(session))
	t.Cleanup(func() {
		_ = client.Close()
		engine.Close()
	})
	return client, engine.Close
}

func nextFrame(t *testing.T, conn net.Conn) ws.Frame {
	t.Helper()
	frame, err := parleytest.ReadFrame(conn)
	if err != nil {
		t.Fatalf("read frame: %v", err)
	}
	return frame
}

func TestWhatCameWithTheHandshakeIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		early := string(ws.MustCompileFrame(ws.MaskFrame(ws.NewPingFrame([]byte("early")))))
		client, _ := read(t, early)
		if f := nextFrame(t, client); f.Header.OpCode != ws.OpPong || string(f.Payload) != "early" {
			t.Errorf("received %+v %q, want a Pong", f.Header, f.Payload)
		}
	})
}

// TestBusySenderIsNotSlow sends requests without a pause, in pieces that all end in the
// midst of one. Each is complete long before its time is up.
func TestBusySenderIsNotSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := read(t, "")
		go func() { _, _ = io.Copy(io.Discard, client) }()
		request := ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(`{"Action":"NONE"}`))))
		piece := slices.Concat(request[10:], request[:10])
		if _, err := client.Write(request[:10]); err != nil {
			t.Fatal(err)
		}
		for begin := time.Now(); time.Since(begin) < 2*time.Minute; time.Sleep(time.Second) {
			if _, err := client.Write(piece); err != nil {
				t.Fatalf("dropped after %s: %v", time.Since(begin), err)
			}
		}
	})
}

func TestRequestsGetAnAnswerEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := read(t, "")
		for _, f := range []ws.Frame{ws.NewTextFrame([]byte("no JSON")), ws.NewBinaryFrame([]byte("{}"))} {
			if err := ws.WriteFrame(client, ws.MaskFrame(f)); err != nil {
				t.Fatal(err)
			}
			if got := string(nextFrame(t, client).Payload); !strings.Contains(got, `"ErrorCode":400`) {
				t.Errorf("received %s, want ERROR 400", got)
			}
		}
	})
}

// FuzzReader checks that no bytes of a client panic, and that every connection
// comes to its end.
func FuzzReader(f *testing.F) {
	for _, frame := range []ws.Frame{
		ws.NewTextFrame([]byte(`{"Action":"SEND_MESSAGE","Content":"x"}`)),
		ws.NewPingFrame(nil), ws.NewCloseFrame(nil), ws.NewBinaryFrame([]byte("x")),
		ws.NewFrame(ws.OpText, false, []byte("{")), ws.NewFrame(ws.OpContinuation, true, []byte("}")),
	} {
		f.Add(ws.MustCompileFrame(ws.MaskFrame(frame)))
	}
	f.Add([]byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		client, wait := read(t, "")
		go func() {
			for { // answers are not looked at
				if _, err := parleytest.ReadFrame(client); err != nil {
					return
				}
			}
		}()
		_, _ = client.Write(data) // fails when the session ends early
		_ = client.Close()
		wait()
	})
}
