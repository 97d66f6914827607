package test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/parleytest"
)

// write sends raw frames, masked as a client must.
func write(t *testing.T, u *parleytest.User, frames ...ws.Frame) {
	t.Helper()
	for _, f := range frames {
		if err := ws.WriteFrame(u.Conn, ws.MaskFrame(f)); err != nil {
			t.Fatalf("write %+v: %v", f.Header, err)
		}
	}
}

// fragment returns a frame that does not finish its message.
func fragment(op ws.OpCode, payload string) ws.Frame {
	return ws.NewFrame(op, false, []byte(payload))
}

func message(content string) string {
	return fmt.Sprintf(`{"Action":"SEND_MESSAGE","Content":"%s","RequestId":"q"}`, content)
}

func TestFragmentsAreJoined(t *testing.T) {
	srv := parleytest.Start(t)
	ana := srv.Join(t, srv.CreateRoom(t, nil), "ana", "SEND_MESSAGE")
	request := message("⚽ in pieces")
	for cut := range len(request) { // also within a character
		if cut%17 != 0 {
			continue
		}
		write(t, ana,
			fragment(ws.OpText, request[:cut]),
			ws.NewPingFrame([]byte("between")),
			fragment(ws.OpContinuation, ""),
			ws.NewFrame(ws.OpContinuation, true, []byte(request[cut:])))
		if got := ana.Next(t); got.Content != "⚽ in pieces" && got.ErrorCode != 429 {
			t.Fatalf("cut at %d: received %+v, want the message", cut, got)
		}
	}
}

func TestPingIsAnsweredAtOnce(t *testing.T) {
	srv := parleytest.Start(t)
	ana := srv.Join(t, srv.CreateRoom(t, nil), "ana")
	payload := bytes.Repeat([]byte("p"), 125)
	write(t, ana, ws.NewPingFrame(payload))
	frame, err := parleytest.ReadFrame(ana.Conn)
	if err != nil || frame.Header.OpCode != ws.OpPong || !bytes.Equal(frame.Payload, payload) {
		t.Errorf("received %+v %q (%v), want a Pong with the same payload", frame.Header, frame.Payload, err)
	}
}

func TestLargeMessages(t *testing.T) {
	srv := parleytest.Start(t)
	ana := srv.Join(t, srv.CreateRoom(t, nil), "ana", "SEND_MESSAGE")
	pad := func(size int) string {
		request := message("hi")
		return strings.Repeat(" ", size-len(request)) + request
	}
	ana.Send(t, pad(parley.MaxRequestBytes))
	if got := ana.Next(t); got.Content != "hi" {
		t.Errorf("request of 16 KiB: received %+v, want the message", got)
	}
	for _, size := range []int{parley.MaxRequestBytes + 1, 64 << 10} {
		ana.Send(t, pad(size))
		if got := ana.Next(t); got.ErrorCode != 413 || got.RequestID != "q" {
			t.Errorf("request of %d bytes: received %+v, want ERROR 413 for q", size, got)
		}
	}
}

func TestProtocolViolationsEndTheSession(t *testing.T) {
	srv := parleytest.Start(t)
	room := srv.CreateRoom(t, nil)
	raw := func(header ...byte) ws.Frame { return ws.Frame{Payload: header} } // written as it is
	for _, tt := range []struct {
		name   string
		frames []ws.Frame
		code   ws.StatusCode
	}{
		{"message over 64 KiB", []ws.Frame{ws.NewTextFrame(make([]byte, 64<<10+1))}, 1009},
		{"fragments over 64 KiB", []ws.Frame{fragment(ws.OpText, strings.Repeat("x", 40<<10)),
			fragment(ws.OpContinuation, strings.Repeat("x", 24<<10+1))}, 1009},
		{"invalid UTF-8", []ws.Frame{ws.NewTextFrame([]byte("{\"\xff\"}"))}, 1007},
		{"unmasked", []ws.Frame{raw(0x81, 0x02, '{', '}')}, 1002},
		{"reserved bit", []ws.Frame{raw(0xc1, 0x80, 0, 0, 0, 0)}, 1002},
		{"reserved opcode", []ws.Frame{raw(0x83, 0x80, 0, 0, 0, 0)}, 1002},
		{"fragmented ping", []ws.Frame{raw(0x09, 0x80, 0, 0, 0, 0)}, 1002},
		{"ping of 126 bytes", []ws.Frame{ws.NewPingFrame(make([]byte, 126))}, 1002},
		{"continuation of nothing", []ws.Frame{ws.NewFrame(ws.OpContinuation, true, nil)}, 1002},
		{"message within a message", []ws.Frame{fragment(ws.OpText, "{"), ws.NewTextFrame([]byte("{}"))}, 1002},
		{"length over 63 bits", []ws.Frame{raw(0x81, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)}, 1002},
		{"close code 1005", []ws.Frame{ws.NewCloseFrame(ws.NewCloseFrameBody(1005, ""))}, 1002},
		{"close payload of one byte", []ws.Frame{ws.NewCloseFrame([]byte{3})}, 1002},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ana := srv.Join(t, room, "ana", "SEND_MESSAGE")
			for _, f := range tt.frames {
				if f.Header == (ws.Header{}) {
					if _, err := ana.Conn.Write(f.Payload); err != nil {
						t.Fatal(err)
					}
					continue
				}
				write(t, ana, f)
			}
			wantClosed(t, ana, tt.code)
		})
	}
}

// wantClosed reads up to the server's Close frame.
func wantClosed(t *testing.T, u *parleytest.User, code ws.StatusCode) {
	t.Helper()
	frame, err := u.Read()
	if closed := (wsutil.ClosedError{}); !errors.As(err, &closed) || closed.Code != code {
		t.Errorf("received %+v (%v), want Close %d", frame, err, code)
	}
}

func TestClientCloseIsAnsweredWithItsCode(t *testing.T) {
	srv := parleytest.Start(t)
	room := srv.CreateRoom(t, nil)
	for _, tt := range []struct {
		frame ws.Frame
		want  ws.StatusCode
	}{
		{ws.NewCloseFrame(nil), 1000},
		{ws.NewCloseFrame(ws.NewCloseFrameBody(1001, "going away")), 1001},
		{ws.NewCloseFrame(ws.NewCloseFrameBody(4999, "")), 4999},
	} {
		ana := srv.Join(t, room, "ana")
		write(t, ana, tt.frame)
		begin := time.Now()
		frame, err := parleytest.ReadFrame(ana.Conn)
		if code, _ := ws.ParseCloseFrameData(frame.Payload); err != nil || code != tt.want {
			t.Errorf("answered %+v %d (%v), want Close %d", frame.Header, code, err, tt.want)
		}
		if n, err := ana.Conn.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("read %d bytes after the Close frame", n)
		}
		if took := time.Since(begin); took > endBound {
			t.Errorf("the connection stayed open for %s after the Close frames", took)
		}
	}
}

func TestAbruptEndLeavesNothingBehind(t *testing.T) {
	srv := parleytest.StartOne(t) // fails on a goroutine that is left
	room := srv.CreateRoom(t, nil)
	ben := srv.Join(t, room, "ben", "SEND_MESSAGE")
	for range 20 {
		ana := srv.Join(t, room, "ana")
		_ = ana.Conn.(*net.TCPConn).SetLinger(0) // a reset instead of an orderly end
		_ = ana.Conn.Close()
	}
	ben.Say(t, "still here")
	if got := ben.Next(t); got.Content != "still here" {
		t.Errorf("received %+v", got)
	}
}
