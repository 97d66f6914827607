package messaging

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
	"unsafe"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// heard notes what frames hands on, one entry for each call.
type heard []string

func (h *heard) text(payload []byte) { h.add("text", payload) }
func (h *heard) binary()             { *h = append(*h, "binary") }
func (h *heard) ping(payload []byte) { h.add("ping", payload) }
func (h *heard) closed(code int)     { *h = append(*h, fmt.Sprint("closed ", code)) }

// add shortens long payloads, so that a failed test can be read.
func (h *heard) add(what string, payload []byte) {
	if len(payload) > 200 {
		payload = fmt.Appendf(nil, "%d times %.1q", len(payload), payload[:1])
	}
	*h = append(*h, fmt.Sprintf("%s %q", what, payload))
}

// outcome feeds the pieces of one client and returns what comes of them: the calls,
// then the error or the fact that something has begun. Pieces are copied, since feed
// may change them.
func outcome(pieces ...[]byte) string {
	var f frames
	var got heard
	var end error
	for _, piece := range pieces {
		if err := f.feed(bytes.Clone(piece), &got); err != nil {
			if end != nil {
				got = append(got, "second error")
			}
			end = err
		}
	}
	var violation protocolError
	switch {
	case errors.As(end, &violation):
		got = append(got, fmt.Sprint("error ", int(violation.code)))
	case end != nil:
		got = append(got, end.Error())
	}
	if f.partial() {
		got = append(got, "partial")
	}
	return strings.Join(got, ", ")
}

// client returns a frame as a client sends it.
func client(op ws.OpCode, payload string) []byte { return part(op, true, payload) }

// part returns a client's frame that finishes its message or does not.
func part(op ws.OpCode, fin bool, payload string) []byte {
	f := ws.NewFrame(op, fin, []byte(payload))
	return ws.MustCompileFrame(ws.MaskFrameWith(f, [4]byte{0xa1, 0x5c, 0x07, 0xf3}))
}

// closing returns a client's Close frame.
func closing(code ws.StatusCode, reason string) []byte {
	return client(ws.OpClose, string(ws.NewCloseFrameBody(code, reason)))
}

// raw returns a frame's first bytes as they are given.
func raw(header ...byte) []byte { return header }

func join(pieces ...[]byte) []byte { return slices.Concat(pieces...) }

// rules holds what RFC 6455 asks of a server that reads, and our limit.
var rules = []struct {
	name  string
	input []byte
	want  string
}{
	{"nothing", nil, ""},
	{"text", client(ws.OpText, "hi ⚽"), `text "hi ⚽"`},
	{"empty text", client(ws.OpText, ""), `text ""`},
	{"two texts", join(client(ws.OpText, "a"), client(ws.OpText, "b")), `text "a", text "b"`},
	{"binary", client(ws.OpBinary, "\xff"), "binary"},
	{"empty binary", client(ws.OpBinary, ""), "binary"},
	{"ping", client(ws.OpPing, "p"), `ping "p"`},
	{"empty ping", client(ws.OpPing, ""), `ping ""`},
	{"pong", client(ws.OpPong, "p"), ""},
	{"mask of zeros", join(raw(0x81, 0x82, 0, 0, 0, 0), []byte("hi")), `text "hi"`},

	{"length 125", client(ws.OpText, x(125)), `text "` + x(125) + `"`},
	{"length 126", client(ws.OpText, x(126)), `text "` + x(126) + `"`},
	{"length 65535", client(ws.OpText, x(65535)), `text "65535 times \"x\""`},
	{"length 65536", client(ws.OpText, x(65536)), `text "65536 times \"x\""`},
	{"length 65537", client(ws.OpText, x(65537)), "error 1009"},
	{"binary of 65536", client(ws.OpBinary, x(65536)), "binary"},
	{"binary of 65537", client(ws.OpBinary, x(65537)), "error 1009"},
	{"125 in two bytes", raw(0x81, 0xfe, 0, 125), "error 1002"},
	{"126 in two bytes", raw(0x81, 0xfe, 0, 126), "partial"},
	{"65535 in eight bytes", raw(0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff), "error 1002"},
	{"65536 in eight bytes", raw(0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0), "partial"},
	{"length of 63 bits", raw(0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
		"error 1009"},
	{"length of 64 bits", raw(0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0), "error 1002"},
	{"too big at the header", raw(0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 1), "error 1009"},

	{"unmasked text", raw(0x81, 2, 'h', 'i'), "error 1002"},
	{"unmasked ping", raw(0x89, 0), "error 1002"},
	{"first reserved bit", raw(0xc1, 0x80), "error 1002"},
	{"second reserved bit", raw(0xa1, 0x80), "error 1002"},
	{"third reserved bit", raw(0x91, 0x80), "error 1002"},
	{"reserved bit in a ping", raw(0x99, 0x80), "error 1002"},
	{"reserved bit in a continuation", join(part(ws.OpText, false, "a"), raw(0xc0, 0x80)),
		"error 1002"},
	{"opcode 3", raw(0x83, 0x80), "error 1002"},
	{"opcode 7", raw(0x87, 0x80), "error 1002"},
	{"opcode 11", raw(0x8b, 0x80), "error 1002"},
	{"opcode 15", raw(0x8f, 0x80), "error 1002"},
	{"opcode 3 within a message", join(part(ws.OpText, false, "a"), raw(0x83, 0x80)),
		"error 1002"},

	{"ping of 125", client(ws.OpPing, x(125)), `ping "` + x(125) + `"`},
	{"ping of 126", raw(0x89, 0xfe), "error 1002"},
	{"pong of 126", raw(0x8a, 0xfe), "error 1002"},
	{"close of 126", raw(0x88, 0xfe), "error 1002"},
	{"ping of eight bytes of length", raw(0x89, 0xff), "error 1002"},
	{"fragmented ping", raw(0x09, 0x80), "error 1002"},
	{"fragmented pong", raw(0x0a, 0x80), "error 1002"},
	{"fragmented close", raw(0x08, 0x80), "error 1002"},

	{"fragments", join(part(ws.OpText, false, "a"), part(ws.OpContinuation, false, "b"),
		part(ws.OpContinuation, true, "c")), `text "abc"`},
	{"empty fragments", join(part(ws.OpText, false, ""), part(ws.OpContinuation, false, ""),
		part(ws.OpContinuation, true, "")), `text ""`},
	{"fragments, then text", join(part(ws.OpText, false, "a"), part(ws.OpContinuation, true, "b"),
		client(ws.OpText, "c")), `text "ab", text "c"`},
	{"fragments of binary", join(part(ws.OpBinary, false, "\xff"),
		part(ws.OpContinuation, true, "\xff")), "binary"},
	{"control frames between fragments", join(part(ws.OpText, false, "a"),
		client(ws.OpPing, "1"), client(ws.OpPong, "2"), part(ws.OpContinuation, false, "b"),
		client(ws.OpPing, "3"), part(ws.OpContinuation, true, "c")),
		`ping "1", ping "3", text "abc"`},
	{"close between fragments", join(part(ws.OpText, false, "a"), closing(1001, "")),
		"closed 1001"},
	{"fragments of 65536", join(part(ws.OpText, false, x(40000)),
		part(ws.OpContinuation, true, x(25536))), `text "65536 times \"x\""`},
	{"fragments of 65537", join(part(ws.OpText, false, x(40000)),
		part(ws.OpContinuation, true, x(25537))), "error 1009"},
	{"three fragments of 65537", join(part(ws.OpText, false, x(60000)),
		part(ws.OpContinuation, false, x(5000)), part(ws.OpContinuation, true, x(537))),
		"error 1009"},
	{"binary fragments of 65537", join(part(ws.OpBinary, false, x(65536)),
		part(ws.OpContinuation, true, "x")), "error 1009"},
	{"a full message, then another", join(client(ws.OpBinary, x(65536)), client(ws.OpText, "a")),
		`binary, text "a"`},
	{"text within a message", join(part(ws.OpText, false, "a"), client(ws.OpText, "b")),
		"error 1002"},
	{"binary within a message", join(part(ws.OpText, false, "a"), client(ws.OpBinary, "b")),
		"error 1002"},
	{"continuation of nothing", client(ws.OpContinuation, "a"), "error 1002"},
	{"continuation after the end", join(part(ws.OpText, false, "a"),
		part(ws.OpContinuation, true, "b"), client(ws.OpContinuation, "c")),
		`text "ab", error 1002`},

	{"one byte", raw(0x81), "partial"},
	{"half of a header", client(ws.OpText, "hi")[:5], "partial"},
	{"half of a payload", client(ws.OpText, "hi")[:7], "partial"},
	{"half of a ping", client(ws.OpPing, "hi")[:7], "partial"},
	{"half of a message", part(ws.OpText, false, "hi"), "partial"},
	{"half of a message and a ping", join(part(ws.OpText, false, ""), client(ws.OpPing, "")),
		`ping "", partial`},

	{"character in two fragments", join(part(ws.OpText, false, "\xe2\x9a"),
		part(ws.OpContinuation, true, "\xbd")), `text "⚽"`},
	{"character in four fragments", join(part(ws.OpText, false, "\xf0"),
		part(ws.OpContinuation, false, "\x9f"), part(ws.OpContinuation, false, "\x98"),
		part(ws.OpContinuation, true, "\x80")), `text "😀"`},
	{"ping within a character", join(part(ws.OpText, false, "\xe2\x9a"), client(ws.OpPing, ""),
		part(ws.OpContinuation, true, "\xbd")), `ping "", text "⚽"`},
	{"U+10FFFF", client(ws.OpText, "\xf4\x8f\xbf\xbf"), `text "\U0010ffff"`},
	{"character without its end", client(ws.OpText, "a\xe2\x9a"), "error 1007"},
	{"fragments without the end of a character", join(part(ws.OpText, false, "\xe2"),
		part(ws.OpContinuation, true, "\x9a")), "error 1007"},
	{"empty last fragment after half a character", join(part(ws.OpText, false, "\xe2"),
		part(ws.OpContinuation, true, "")), "error 1007"},
	{"half a character, then another", join(part(ws.OpText, false, "\xe2"),
		part(ws.OpContinuation, false, "a")), "error 1007"},

	{"close", client(ws.OpClose, ""), "closed 1000"},
	{"close with a code", closing(1001, "bye ⚽"), "closed 1001"},
	{"close with the longest reason", closing(4000, x(123)), "closed 4000"},
	{"close of one byte", client(ws.OpClose, "\x03"), "error 1002"},
	{"close with an invalid reason", closing(1000, "\xff"), "error 1007"},
	{"close with half a character", closing(1000, "\xe2\x9a"), "error 1007"},
	{"ignored after close", join(closing(1000, ""), client(ws.OpText, "a"), raw(0xff, 0xff)),
		"closed 1000"},
	{"ignored after an error", join(raw(0x83, 0x80), client(ws.OpText, "a"), raw(0xff, 0xff)),
		"error 1002"},
	{"handed on before the error", join(client(ws.OpText, "a"), client(ws.OpPing, "b"),
		raw(0x83, 0x80)), `text "a", ping "b", error 1002`},
}

func x(n int) string { return strings.Repeat("x", n) }

// TestRules feeds each input whole, byte by byte, and in every two pieces; a long one
// is cut near its ends and at some places between.
func TestRules(t *testing.T) {
	for _, tt := range rules {
		if got := outcome(tt.input); got != tt.want {
			t.Errorf("%s: %.40x whole: %s, want %s", tt.name, tt.input, got, tt.want)
		}
		if got := outcome(slices.Collect(slices.Chunk(tt.input, 1))...); got != tt.want {
			t.Errorf("%s: %.40x byte by byte: %s, want %s", tt.name, tt.input, got, tt.want)
		}
		for cut := 0; cut < len(tt.input); cut++ {
			if 40 < cut && cut < len(tt.input)-40 && len(tt.input) > 1000 {
				cut += 3000
			}
			cut = min(cut, len(tt.input))
			if got := outcome(tt.input[:cut], tt.input[cut:]); got != tt.want {
				t.Errorf("%s: %.40x cut at %d: %s, want %s", tt.name, tt.input, cut, got, tt.want)
			}
		}
	}
}

// TestCloseCodes goes through all codes. Those from 1012 to 1014, which IANA has
// registered for servers to send, are refused like those that nobody has defined.
func TestCloseCodes(t *testing.T) {
	for code := range 1 << 16 {
		legal := 1000 <= code && code <= 1003 || 1007 <= code && code <= 1011 ||
			3000 <= code && code <= 4999
		want := "error 1002"
		if legal {
			want = fmt.Sprint("closed ", code)
		}
		if got := outcome(closing(ws.StatusCode(code), "")); got != want {
			t.Errorf("close with code %d: %s, want %s", code, got, want)
		}
	}
}

// TestInvalidUTF8IsFoundAtItsFirstByte tries all beginnings of characters, each
// followed by all bytes; of those for a fourth byte only the ends of their ranges.
func TestInvalidUTF8IsFoundAtItsFirstByte(t *testing.T) {
	viable := map[string]bool{} // all beginnings of characters
	for r := range utf8.MaxRune + 1 {
		if !utf8.ValidRune(r) {
			continue
		}
		character := utf8.AppendRune(nil, r)
		for n := range character {
			viable[string(character[:n+1])] = true
		}
	}
	mask := [4]byte{1, 2, 3, 4}
	var try func(prefix []byte)
	try = func(prefix []byte) {
		for b := range 256 {
			if len(prefix) == 3 && !slices.Contains([]int{0, 0x7f, 0x80, 0xbf, 0xc0, 0xff}, b) {
				continue
			}
			text := append(slices.Clip(prefix), byte(b))
			var f frames
			feed := func(data []byte) error { return f.feed(data, new(heard)) }
			if err := feed(raw(0x01, 0x80|100, 1, 2, 3, 4)); err != nil {
				t.Fatal(err)
			}
			for i := range prefix {
				if err := feed([]byte{prefix[i] ^ mask[i]}); err != nil {
					t.Fatalf("text that begins with % x: %v, want no error yet", prefix, err)
				}
			}
			err := feed([]byte{byte(b) ^ mask[len(prefix)]})
			if want := viable[string(text)]; (err == nil) != want {
				t.Fatalf("text that begins with % x: error %v, want valid %v", text, err, want)
			}
			if viable[string(text)] && !utf8.Valid(text) {
				try(text)
			}
		}
	}
	try(nil)
}

// handed keeps the last text that it was given, without a copy.
type handed struct {
	heard
	last []byte
}

func (h *handed) text(payload []byte) { h.last = payload }

func TestWholeMessageIsHandedOnFromWhereItLies(t *testing.T) {
	data, header := client(ws.OpText, "hello"), 6
	var f frames
	var h handed
	if err := f.feed(data, &h); err != nil || string(h.last) != "hello" {
		t.Fatalf("handed on %q (%v), want hello", h.last, err)
	}
	if &h.last[0] != &data[header] {
		t.Error("the payload was copied, want it unmasked in place")
	}
	frame := client(ws.OpText, x(200))
	buffer := make([]byte, len(frame))
	allocs := testing.AllocsPerRun(100, func() {
		copy(buffer, frame)
		_ = f.feed(buffer, &h)
	})
	if allocs != 0 || string(h.last) != x(200) || f.unfinished != nil {
		t.Errorf("handed on %q with %v allocations and %+v is kept, want no memory taken",
			h.last, allocs, f.unfinished)
	}
}

func TestIdleFramesAreSmall(t *testing.T) {
	if got, limit := unsafe.Sizeof(frames{}), unsafe.Sizeof(uintptr(0)); got > limit {
		t.Errorf("idle frames take %d bytes, want one word, %d", got, limit)
	}
	if got := unsafe.Sizeof(unfinished{}); got > 64 { // a size class of the allocator
		t.Errorf("an unfinished message takes %d bytes, want at most 64", got)
	}
}

// TestMemoryIsTakenForWhatArrives feeds the beginning of a frame in small pieces and
// looks at what is kept of it.
func TestMemoryIsTakenForWhatArrives(t *testing.T) {
	for _, tt := range []struct {
		name        string
		frame       []byte
		header      int // length of the header, in bytes
		arrived     int // bytes of the payload
		least, most int // bytes that may be kept
	}{
		{"header of a long text", client(ws.OpText, x(65536)), 14, 0, 0, 0},
		{"ten bytes of a long text", client(ws.OpText, x(65536)), 14, 10, 10, 16},
		{"half of a long text", client(ws.OpText, x(65536)), 14, 32768, 32768, 2 * 32768},
		{"binary", client(ws.OpBinary, x(65536)), 14, 65535, 0, 0},
		{"half of a ping", client(ws.OpPing, x(125)), 6, 60, 60, 2 * 60},
	} {
		var f frames
		var h heard
		begun := tt.header + tt.arrived
		for piece := range slices.Chunk(tt.frame[:begun], 5) {
			if err := f.feed(piece, &h); err != nil {
				t.Fatal(err)
			}
		}
		got := cap(f.unfinished.text) + cap(f.unfinished.held)
		if got < tt.least || got > tt.most {
			t.Errorf("%s: %d bytes are kept, want %d to %d", tt.name, got, tt.least, tt.most)
		}
		err := f.feed(tt.frame[begun:], &h)
		if err != nil || len(h) != 1 || f.unfinished != nil {
			t.Errorf("%s: %v (%v) at its end and %+v is kept, want nothing kept",
				tt.name, h, err, f.unfinished)
		}
	}
}

func TestBufferGoesWithItsMessage(t *testing.T) {
	var f frames
	var h heard
	for _, piece := range [][]byte{
		part(ws.OpText, false, x(1000)),
		join(part(ws.OpContinuation, true, ""), raw(0x81)), // and the next one begins
	} {
		if err := f.feed(piece, &h); err != nil {
			t.Fatal(err)
		}
	}
	if got := cap(f.unfinished.text); len(h) != 1 || got > 0 {
		t.Errorf("after %d messages %d bytes are kept, want 1 and none", len(h), got)
	}
}

func TestNothingIsKeptAfterTheEnd(t *testing.T) {
	for _, end := range [][]byte{
		closing(1000, ""), raw(0x83, 0x80), part(ws.OpContinuation, false, "\xff")} {
		var f frames
		var h heard
		for _, piece := range [][]byte{part(ws.OpText, false, x(1000)), end, client(ws.OpText, "")} {
			for b := range slices.Chunk(bytes.Clone(piece), 1) {
				_ = f.feed(b, &h) // some fail
			}
		}
		if got := f.unfinished; f.partial() || !got.ended || cap(got.text)+cap(got.held) > 0 {
			t.Errorf("after % x: partial is %v, and %+v is kept, want no buffers",
				end, f.partial(), got)
		}
	}
}

// FuzzFrames feeds bytes whole and in pieces: both must have the same outcome, and it
// must be that of a decoder that pulls.
func FuzzFrames(f *testing.F) {
	for i, rule := range rules {
		if len(rule.input) < 1000 { // the fuzzer is slow with long ones
			f.Add(rule.input, []byte{byte(i), 3, 0, 40})
		}
	}
	f.Fuzz(func(t *testing.T, data, sizes []byte) {
		whole := outcome(data)
		if got := outcome(cutUp(data, sizes)...); got != whole {
			t.Errorf("%x in pieces of %v: %s, want as whole: %s", data, sizes, got, whole)
		}
		want, sure := pulled(data)
		if sure && whole != want || !strings.HasPrefix(whole, want) {
			t.Errorf("%x: %s, want as gobwas: %s", data, whole, want)
		}
	})
}

// cutUp cuts data into pieces of the given sizes, used over and over. Many pieces of
// size 0 leave a rest, which is the last piece.
func cutUp(data, sizes []byte) (pieces [][]byte) {
	for i := 0; len(data) > 0 && len(sizes) > 0 && i < 1000; i++ {
		n := min(int(sizes[i%len(sizes)]), len(data))
		pieces = append(pieces, data[:n])
		data = data[n:]
	}
	return append(pieces, data)
}

// puller reads a client's bytes with gobwas' reader, frame by frame.
type puller struct {
	heard
	in      *bytes.Reader
	op      ws.OpCode // of the unfinished message
	message []byte
	utf8    *wsutil.UTF8Reader
}

// pulled returns the outcome of a client's bytes. It is not sure when they end within
// a header: frames judges the part that is there, and gobwas' reader does not.
func pulled(data []byte) (outcome string, sure bool) {
	p := puller{in: bytes.NewReader(data)}
	end := ""
	for end == "" && p.in.Len() > 0 {
		end = p.frame()
	}
	if end == "" && p.op != 0 {
		end = "partial"
	}
	sure = end != "header"
	if sure && end != "" && end != "closed" {
		p.heard = append(p.heard, end)
	}
	return strings.Join(p.heard, ", "), sure
}

// frame reads one frame and returns why it is the last.
func (p *puller) frame() (end string) {
	before := p.in.Len()
	header, err := ws.ReadHeader(p.in)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "header"
	}
	state := ws.StateServerSide
	if p.op != 0 {
		state = state.Set(ws.StateFragmented)
	}
	if err != nil || ws.CheckHeader(header, state) != nil ||
		before-p.in.Len() != ws.HeaderSize(header) {
		return "error 1002"
	}
	if !header.OpCode.IsControl() && header.Length > int64(maxMessageBytes-len(p.message)) {
		return "error 1009"
	}
	payload := make([]byte, min(int(header.Length), p.in.Len()))
	_, _ = io.ReadFull(p.in, payload) // in has that many
	ws.Cipher(payload, header.Mask, 0)
	if header.OpCode.IsControl() {
		return p.control(header, payload)
	}
	return p.data(header, payload)
}

func (p *puller) data(header ws.Header, payload []byte) (end string) {
	if header.OpCode != ws.OpContinuation {
		p.op, p.message, p.utf8 = header.OpCode, nil, wsutil.NewUTF8Reader(nil)
	}
	p.message = append(p.message, payload...)
	p.utf8.Source = bytes.NewReader(payload)
	if _, err := io.Copy(io.Discard, p.utf8); err != nil && p.op == ws.OpText {
		return "error 1007"
	}
	switch {
	case int64(len(payload)) < header.Length:
		return "partial"
	case !header.Fin:
		return ""
	case p.op == ws.OpBinary:
		p.binary()
	case !p.utf8.Valid():
		return "error 1007"
	default:
		p.text(p.message)
	}
	p.op, p.message = 0, nil
	return ""
}

func (p *puller) control(header ws.Header, payload []byte) (end string) {
	switch {
	case int64(len(payload)) < header.Length:
		return "partial"
	case header.OpCode == ws.OpPing:
		p.ping(payload)
	case header.OpCode == ws.OpClose && len(payload) == 0:
		p.closed(1000)
		return "closed"
	case header.OpCode == ws.OpClose:
		code, reason := ws.ParseCloseFrameData(payload)
		err := ws.CheckCloseFrameData(code, reason)
		if errors.Is(err, ws.ErrProtocolInvalidUTF8) && code < 5000 {
			return "error 1007"
		}
		if err != nil || code >= 5000 {
			return "error 1002"
		}
		p.closed(int(code))
		return "closed"
	}
	return ""
}

// ignored is a handler that does nothing.
type ignored struct{}

func (ignored) text([]byte) {}
func (ignored) binary()     {}
func (ignored) ping([]byte) {}
func (ignored) closed(int)  {}

// BenchmarkFrames feeds one text message per turn, in pieces of some size.
func BenchmarkFrames(b *testing.B) {
	for _, tt := range []struct {
		name    string
		payload int
		piece   int
	}{
		{"200 bytes/whole", 200, 1 << 20},
		{"200 bytes/two pieces", 200, 103},
		{"200 bytes/byte by byte", 200, 1},
		{"16 KiB/whole", 16 << 10, 1 << 20},
		{"16 KiB/pieces of 1400", 16 << 10, 1400},
	} {
		b.Run(tt.name, func(b *testing.B) {
			frame := client(ws.OpText, x(tt.payload))
			buffer := make([]byte, len(frame))
			var f frames
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				copy(buffer, frame) // what a read from the socket does
				for piece := range slices.Chunk(buffer, tt.piece) {
					if err := f.feed(piece, ignored{}); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
