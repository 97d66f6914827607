package sockets

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/gobwas/ws"
)

// serverFrame returns a frame as a library writes it.
func serverFrame(t testing.TB, f ws.Frame) []byte {
	t.Helper()
	data, err := ws.CompileFrame(f)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// readFrame reads a frame as a library does.
func readFrame(in io.Reader) (ws.Frame, error) {
	header, err := ws.ReadHeader(in)
	if err != nil {
		return ws.Frame{}, err
	}
	if header.Length > 2*maxFrameBytes {
		return ws.Frame{}, fmt.Errorf("a frame of %d bytes", header.Length)
	}
	payload := make([]byte, header.Length)
	_, err = io.ReadFull(in, payload)
	return ws.Frame{Header: header, Payload: payload}, err
}

func TestNextFrame(t *testing.T) {
	text := func(n int) []byte {
		return serverFrame(t, ws.NewTextFrame(bytes.Repeat([]byte("a"), n)))
	}
	mask := ws.MaskFrame(ws.NewTextFrame([]byte("a")))
	for _, tt := range []struct {
		name    string
		data    []byte
		opcode  ws.OpCode
		payload int
		err     string
	}{
		{"empty", text(0), ws.OpText, 0, ""},
		{"longest with a short header", text(125), ws.OpText, 125, ""},
		{"shortest with 16 bits", text(126), ws.OpText, 126, ""},
		{"longest with 16 bits", text(65535), ws.OpText, 65535, ""},
		{"longest", text(maxFrameBytes), ws.OpText, maxFrameBytes, ""},
		{"one byte over", text(maxFrameBytes + 1), 0, 0, "over 65536 bytes"},
		{"ping", serverFrame(t, ws.NewPingFrame([]byte("hi"))), ws.OpPing, 2, ""},
		{"close", serverFrame(t, ws.NewCloseFrame(nil)), ws.OpClose, 0, ""},
		{"masked", serverFrame(t, mask), 0, 0, "masked"},
		{"first fragment", []byte{0x01, 1, 'a'}, 0, 0, "fragments"},
		{"last fragment", []byte{0x80, 1, 'a'}, 0, 0, "fragments"},
		{"length of 2^63 or more", []byte("\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff"), 0, 0, "over"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data := append(bytes.Clone(tt.data), "rest"...)
			f, size, err := nextFrame(data)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("got %v, want an error with %q", err, tt.err)
				}
				return
			}
			if err != nil || size != len(tt.data) || f.opcode != tt.opcode || len(f.payload) != tt.payload {
				t.Errorf("got opcode %v, %d bytes of %d, %v; want %v, %d of %d",
					f.opcode, len(f.payload), size, err, tt.opcode, tt.payload, len(tt.data))
			}
			for n := range min(len(tt.data), 200) {
				if _, size, err := nextFrame(tt.data[:n]); size != 0 || err != nil {
					t.Fatalf("of the first %d bytes: size %d, %v; want that it is incomplete", n, size, err)
				}
			}
		})
	}
}

func TestClientFramesAreMasked(t *testing.T) {
	for _, n := range []int{0, 125, 126, 500} {
		payload := bytes.Repeat([]byte("ab"), n)[:n]
		frame, err := readFrame(bytes.NewReader(AppendText(nil, payload)))
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if !frame.Header.Masked || frame.Header.OpCode != ws.OpText || !frame.Header.Fin {
			t.Errorf("%d bytes: header %+v, want a masked text frame", n, frame.Header)
		}
		if got := ws.UnmaskFrame(frame).Payload; !bytes.Equal(got, payload) {
			t.Errorf("%d bytes: got %q, want %q", n, got, payload)
		}
	}
	frame, err := readFrame(bytes.NewReader(AppendClose(nil)))
	if err != nil || frame.Header.OpCode != ws.OpClose {
		t.Fatalf("close: %+v, %v", frame.Header, err)
	}
	if code, _ := ws.ParseCloseFrameData(ws.UnmaskFrame(frame).Payload); code != 1000 {
		t.Errorf("close: code %d, want 1000", code)
	}
}

func TestServerTextIsWhatIsRead(t *testing.T) {
	for _, n := range []int{0, 125, 126, 371} {
		payload := bytes.Repeat([]byte("a"), n)
		frame := AppendServerText([]byte("before"), payload)[len("before"):]
		if want := serverFrame(t, ws.NewTextFrame(payload)); !bytes.Equal(frame, want) {
			t.Errorf("%d bytes: got %q, want %q", n, frame, want)
		}
		if got := FrameBytes(n); got != len(frame) {
			t.Errorf("FrameBytes(%d) = %d, want %d", n, got, len(frame))
		}
	}
}

func TestReadClose(t *testing.T) {
	err := readClose(ws.NewCloseFrameBody(1000, "spam"))
	var closed *CloseError
	if !errors.As(err, &closed) || closed.Code != 1000 || closed.Reason != "spam" {
		t.Errorf("got %#v, want 1000 spam", err)
	}
	if err := readClose(nil); !strings.Contains(err.Error(), "closed") {
		t.Errorf("without a code: %v", err)
	}
}

func FuzzNextFrame(f *testing.F) {
	f.Add([]byte("\x81\x05hello\x89\x00\x88\x02\x03\xe8"))
	f.Add([]byte("\x81\x7e\x00\x80"))
	f.Add([]byte("\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x01a"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for {
			frame, size, err := nextFrame(data)
			if err != nil || size == 0 {
				return
			}
			if size > len(data) || len(frame.payload) > size-2 {
				t.Fatalf("a frame of %d bytes, payload %d, in %d bytes", size, len(frame.payload), len(data))
			}
			// What was read, a library reads too.
			want, err := readFrame(bytes.NewReader(data[:size]))
			if err != nil || want.Header.OpCode != frame.opcode ||
				!bytes.Equal(want.Payload, frame.payload) {
				t.Fatalf("%q: got %v %q, want %v %q, %v", data[:size], frame.opcode, frame.payload,
					want.Header.OpCode, want.Payload, err)
			}
			data = data[size:]
		}
	})
}

func BenchmarkNextFrame(b *testing.B) {
	one := serverFrame(b, ws.NewTextFrame(make([]byte, 371)))
	data := bytes.Repeat(one, 256)
	b.SetBytes(int64(len(one)))
	for i := 0; b.Loop(); i++ {
		at := i % 256 * len(one)
		if _, size, err := nextFrame(data[at:]); size != len(one) || err != nil {
			b.Fatal(size, err)
		}
	}
}
