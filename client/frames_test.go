package client_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/parley-chat/parley/client"
)

// pieces returns a message in frames of so many bytes, with what is between them.
func pieces(text []byte, size int, between []byte) []byte {
	var out []byte
	op := ws.OpText
	for len(text) > size {
		out = append(out, ws.MustCompileFrame(ws.NewFrame(op, false, text[:size]))...)
		out = append(out, between...)
		text, op = text[size:], ws.OpContinuation
	}
	return append(out, ws.MustCompileFrame(ws.NewFrame(op, true, text))...)
}

// TestFramesInAnyForm checks what a server may do.
func TestFramesInAnyForm(t *testing.T) {
	ping := ws.MustCompileFrame(ws.NewPingFrame([]byte("are you there?")))
	text := message("a", "", "goal! ⚽")
	after := func(first ws.Frame) []byte {
		return append(ws.MustCompileFrame(first), ws.MustCompileFrame(ws.NewTextFrame(text))...)
	}
	for name, data := range map[string][]byte{
		"in pieces":                    pieces(text, 7, nil),
		"in single bytes, with pings":  pieces(text, 1, ping),
		"with an empty last piece":     emptyLast(text),
		"after a binary message":       after(ws.NewBinaryFrame(text)),
		"after an empty message":       after(ws.NewTextFrame(nil)),
		"after frames of unknown type": ignored(text),
		"after a Pong without a Ping":  after(ws.NewPongFrame([]byte("x"))),
		"as large as may be":           ws.MustCompileFrame(ws.NewTextFrame(padded(text, 128<<10))),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) {
				room, p := f.join(0, client.Options{})
				p.raw(data)
				expectMessages(t, room, "goal! ⚽")
				expectNothing(t, room)
				if n, _ := f.dialed(); n != 1 {
					t.Errorf("connected %d times, want once", n)
				}
			})
		})
	}
}

func emptyLast(text []byte) []byte {
	return append(ws.MustCompileFrame(ws.NewFrame(ws.OpText, false, text)),
		ws.MustCompileFrame(ws.NewFrame(ws.OpContinuation, true, nil))...)
}

// padded returns a frame of a size.
func padded(text []byte, size int) []byte {
	return append(text, bytes.Repeat([]byte(" "), size-len(text))...)
}

// ignored returns frames that are not understood, and one that is.
func ignored(last []byte) (data []byte) {
	for _, text := range []string{
		`hello`, `[]`, `null`, `{}`, `{"Type":"PRESENCE","Id":"b"}`, `{"Type":"MESSAGE","Id":"b"}`,
		`{"Type":"EVENT","Id":"b","EventName":"aws:DELETE_MESSAGE","SendTime":"2025-03-09T17:42:07Z"}`,
		`{"Type":"EVENT","Id":"b","EventName":"aws:DISCONNECT_USER","SendTime":"2025-03-09T17:42:07Z"}`,
		`{"Type":"ERROR","Id":"b","RequestId":"of nobody","ErrorCode":400,"ErrorMessage":"x"}`,
		string(last),
	} {
		data = append(data, ws.MustCompileFrame(ws.NewTextFrame([]byte(text)))...)
	}
	return data
}

func TestPingsAreAnswered(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		_, p := f.join(0, client.Options{})
		for _, payload := range []string{"", "x", strings.Repeat("y", 125)} {
			p.frame(ws.NewPingFrame([]byte(payload)))
			frame := <-p.frames
			if frame.Header.OpCode != ws.OpPong || string(frame.Payload) != payload {
				t.Errorf("ping %q was answered with %v %q", payload, frame.Header, frame.Payload)
			}
		}
	})
}

// TestPingsWithoutEnd checks that answers which the server does not read are not kept
// without limit.
func TestPingsWithoutEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, p := f.join(0, client.Options{})
		p.stopReading()
		pings := bytes.Repeat(ws.MustCompileFrame(ws.NewPingFrame(make([]byte, 125))), 100)
		begin, size := time.Now(), 0
		for {
			if _, err := p.conn.Write(pings); err != nil {
				break
			}
			if size += len(pings); size > 16<<20 {
				t.Fatalf("%d bytes of pings were read, of which no answer was", size)
			}
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("it took %s", took)
		}
		expectState(t, room, client.Connecting)
		f.accept()
	})
}

// TestBrokenFrames checks that a connection whose server breaks the protocol is left
// with the right code, and made again.
func TestBrokenFrames(t *testing.T) {
	long := func(opcode byte, size uint64) []byte {
		return append([]byte{opcode, 127}, byte(size>>56), byte(size>>48), byte(size>>40), byte(size>>32),
			byte(size>>24), byte(size>>16), byte(size>>8), byte(size))
	}
	text := message("a", "", "goal! ⚽")
	for _, tt := range []struct {
		name string
		data []byte
		code ws.StatusCode
	}{
		{"a terabyte", long(0x81, 1<<40), 1009},
		{"a byte too much", long(0x81, 128<<10+1), 1009},
		{"too much in pieces", pieces(padded(text, 128<<10+1), 128<<10, nil), 1009},
		{"too much that is binary", long(0x82, 1<<40), 1009},
		{"a length over all limits", long(0x81, 1<<63), 1000},
		{"text that is not UTF-8", ws.MustCompileFrame(ws.NewTextFrame([]byte("\xff"))), 1007},
		{"half a character", pieces([]byte("{\"\xe2\x9a"), 3, nil), 1007},
		{"a mask", ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame(text))), 1002},
		{"compression", []byte{0xc1, 1, 'x'}, 1002},
		{"an unknown kind of frame", []byte{0x83, 0}, 1002},
		{"a piece of nothing", []byte{0x80, 0}, 1002},
		{"a message within another", []byte{0x01, 0, 0x81, 0}, 1002},
		{"a ping in pieces", []byte{0x09, 0}, 1002},
		{"a long ping", []byte{0x89, 126, 0, 126}, 1002},
		{"half a code", []byte{0x88, 1, 3}, 1002},
		{"a code that is not for the wire", []byte{0x88, 2, 1006 >> 8, 1006 & 0xff}, 1002},
		{"a reason that is not UTF-8", []byte{0x88, 3, 1000 >> 8, 1000 & 0xff, 0xff}, 1002},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) {
				room, p := f.join(0, client.Options{})
				p.raw(tt.data)
				p.expectClose(tt.code)
				p.expectEnd()
				expectState(t, room, client.Connecting)
				f.accept().say("1")
				expectState(t, room, client.Connected)
				expectMessages(t, room, "1")
			})
		})
	}
}

// TestConnectionThatBreaksWithinAFrame checks every place in one.
func TestConnectionThatBreaksWithinAFrame(t *testing.T) {
	text := message("a", "", strings.Repeat("x", 100))
	frame := ws.MustCompileFrame(ws.NewTextFrame(text))
	for n := range len(frame) {
		inBubble(t, func(t *testing.T, f *fake) {
			room, p := f.join(0, client.Options{})
			p.raw(frame[:n])
			p.drop()
			expectState(t, room, client.Connecting)
			f.accept().text(text)
			expectState(t, room, client.Connected)
			receive[*client.Message](t, room)
		})
	}
}

// TestSlowFrame checks that a server which sends little at a time is alive.
func TestSlowFrame(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		room, p := f.join(0, client.Options{PingInterval: 30 * time.Second})
		for _, b := range ws.MustCompileFrame(ws.NewTextFrame(message("a", "", "1"))) {
			pass(59 * time.Second)
			p.raw([]byte{b})
		}
		expectMessages(t, room, "1")
	})
}

// recorded is a connection whose server says what was recorded, after a handshake.
type recorded struct {
	net.Conn // nil
	request  bytes.Buffer
	answer   *bytes.Reader // nil until the handshake came
	frames   []byte
}

func (c *recorded) Write(p []byte) (int, error) {
	if c.answer == nil {
		c.request.Write(p)
		if request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(c.request.Bytes()))); err == nil {
			c.answer = bytes.NewReader(append([]byte(switching(request, "token")), c.frames...))
		}
	}
	return len(p), nil
}

func (c *recorded) Read(p []byte) (int, error)       { return c.answer.Read(p) }
func (c *recorded) Close() error                     { return nil }
func (c *recorded) SetDeadline(time.Time) error      { return nil }
func (c *recorded) SetReadDeadline(time.Time) error  { return nil }
func (c *recorded) SetWriteDeadline(time.Time) error { return nil }

// FuzzFrames checks that nothing a server sends has the client panic or hang.
func FuzzFrames(f *testing.F) {
	text := message("a", "", "goal! ⚽")
	f.Add(ws.MustCompileFrame(ws.NewTextFrame(text)))
	f.Add(pieces(text, 10, ws.MustCompileFrame(ws.NewPingFrame([]byte("x")))))
	f.Add(ignored(text))
	f.Add(ws.MustCompileFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, "spam"))))
	f.Add([]byte{0x81, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, frames []byte) {
		conns := 0
		room, err := client.Dial(t.Context(), "ws://chat.example",
			func(context.Context) (client.Token, error) { return client.Token{Token: "token"}, nil },
			client.Options{MaxAttempts: 1, MinBackoff: 1, MaxBackoff: 1,
				NetDial: func(context.Context, string, string) (net.Conn, error) {
					if conns++; conns > 1 {
						return nil, os.ErrNotExist
					}
					return &recorded{frames: frames}, nil
				}})
		if err != nil {
			t.Fatal(err)
		}
		defer room.Close()
		var last error
		for _, last = range room.Receive(t.Context()) {
		}
		if !errors.As(last, new(*client.DisconnectedError)) {
			t.Errorf("%q ended with %v", frames, last)
		}
	})
}
