// Package frames checks a started server against the WebSocket standard, RFC 6455.
//
// The cases are those of the Autobahn test suite, version 25.10.1, under its numbers:
// all of sections 1 to 7 and 10, in its strict reading. Sections 9, 12 and 13 are left
// out: they are about speed, with messages of up to 16 MiB, and about compression, which
// this server does not offer. The suite itself runs on Python 2 only, and expects an
// echo. Here a text is a request, and its answer shows that it was read, and what was
// read.
package frames

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/parleytest"
)

// exchange is one case: what a client sends, and what the server then answers. If the
// connection is still open after that, it is closed with code 1000, which the server
// must return.
type exchange struct {
	number string // in the suite
	rounds []round
}

// round is sent when the answers to the one before are there.
type round struct {
	frames  [][]byte
	answers []string // as answer has them
}

// once returns an exchange of one round.
func once(number string, frames [][]byte, answers ...string) exchange {
	return exchange{number, []round{{frames, answers}}}
}

// Answers that many exchanges have.
const (
	notARequest   = "error 400 "
	tooLarge      = "error 413 q"
	protocolError = "close 1002"
	invalidText   = "close 1007"
)

// caseCount is how many cases the suite has in the sections that are taken from it.
const caseCount = 247

// ways are the ways to cut up what is sent. The answers must be the same.
var ways = []struct {
	name string
	cut  func(frames [][]byte) [][]byte
}{
	{"at once", func(frames [][]byte) [][]byte { return [][]byte{slices.Concat(frames...)} }},
	{"frame by frame", func(frames [][]byte) [][]byte { return frames }},
	{"in small pieces", func(frames [][]byte) [][]byte {
		all, size := slices.Concat(frames...), 1
		if len(all) > 2000 {
			size = 997
		}
		return slices.Collect(slices.Chunk(all, size))
	}},
}

func TestServerKeepsToTheStandard(t *testing.T) {
	srv := parleytest.Start(t, func(cfg *app.Config) { cfg.Quotas = parley.NoQuotas })
	room := srv.CreateRoom(t, nil)
	all := slices.Concat(framing(), pings(), reservedBits(), opcodes(), fragmentation(),
		texts(), closing(), autoFragmentation())
	if len(all) != caseCount {
		t.Errorf("the table has %d cases, want %d", len(all), caseCount)
	}
	for _, way := range ways {
		for _, e := range all {
			c := conversation{User: srv.Join(t, room, "ana", "SEND_MESSAGE")}
			if err := c.have(e, way.cut); err != nil {
				t.Errorf("case %s, sent %s: %v", e.number, way.name, err)
			}
			_ = c.Conn.Close()
		}
	}
}

// conversation is a session in which one exchange happens.
type conversation struct{ *parleytest.User }

const (
	answerTime = 20 * time.Second // bounds the wait for what the server must send
	endTime    = 3 * time.Second  // and the one for the end, which it must not put off
)

// have goes through an exchange. The error says what the server did otherwise.
func (c conversation) have(e exchange, cut func([][]byte) [][]byte) error {
	last := ""
	for _, r := range e.rounds {
		c.send(cut(r.frames))
		for _, want := range r.answers {
			got, err := c.answer(answerTime)
			if err != nil || got != want {
				return fmt.Errorf("sent %s, received %q (%v), want %q",
					short(r.frames), got, err, want)
			}
			last = got
		}
	}
	if !strings.HasPrefix(last, "close") {
		c.send([][]byte{frame(ws.OpClose, code(1000))})
		if got, err := c.answer(answerTime); err != nil || got != "close 1000" {
			return fmt.Errorf("sent Close 1000, received %q (%v), want the same", got, err)
		}
	}
	return c.end()
}

// send writes pieces. The server may have ended the session before all are written;
// what it has answered shows whether it was right.
func (c conversation) send(pieces [][]byte) {
	for _, piece := range pieces {
		if _, err := c.Conn.Write(piece); err != nil {
			return
		}
	}
}

// answer reads one frame of the server and describes it.
func (c conversation) answer(within time.Duration) (string, error) {
	if err := c.Conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		return "", err
	}
	f, err := parleytest.ReadFrame(c.Stream)
	if err != nil {
		return "", err
	}
	switch f.Header.OpCode {
	case ws.OpPong:
		return fmt.Sprintf("pong %q", f.Payload), nil
	case ws.OpClose:
		code, _ := ws.ParseCloseFrameData(f.Payload)
		return fmt.Sprint("close ", code), nil
	}
	var event parleytest.Frame
	if err := json.Unmarshal(f.Payload, &event); err != nil {
		return "", fmt.Errorf("%+v %q: %w", f.Header, f.Payload, err)
	}
	if event.Type == "ERROR" {
		return fmt.Sprintf("error %d %s", event.ErrorCode, event.RequestID), nil
	}
	return fmt.Sprintf("message %q", event.Content), nil
}

// end returns nil when the server ends the connection after its Close frame and sends
// nothing more. It does not wait for a client that has broken the protocol.
func (c conversation) end() error {
	switch got, err := c.answer(endTime); {
	case err == nil:
		return fmt.Errorf("received %q after the Close frame, want nothing", got)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("the connection is open %s after the Close frame", endTime)
	}
	return nil
}

// short describes frames that were sent.
func short(frames [][]byte) string {
	all := slices.Concat(frames...)
	if len(all) > 60 {
		return fmt.Sprintf("%x and %d more bytes", all[:60], len(all)-60)
	}
	return fmt.Sprintf("%x", all)
}

// frame returns a whole message, or a control frame, as a client sends it.
func frame(op ws.OpCode, payload string) []byte {
	return compile(ws.NewFrame(op, true, []byte(payload)))
}

// part returns a frame that does not finish its message.
func part(op ws.OpCode, payload string) []byte {
	return compile(ws.NewFrame(op, false, []byte(payload)))
}

// reserved returns a frame with the three reserved bits as a number.
func reserved(op ws.OpCode, bits byte, payload string) []byte {
	f := ws.NewFrame(op, true, []byte(payload))
	f.Header.Rsv = bits
	return compile(f)
}

func compile(f ws.Frame) []byte {
	return ws.MustCompileFrame(ws.MaskFrameWith(f, [4]byte{0x37, 0xfa, 0x21, 0x3d}))
}

// in returns a message in fragments of the given size.
func in(size int, payload string) (frames [][]byte) {
	op := ws.OpText
	for len(payload) > size {
		frames = append(frames, part(op, payload[:size]))
		payload, op = payload[size:], ws.OpContinuation
	}
	return append(frames, frame(op, payload))
}

// code returns the payload of a Close frame without a reason.
func code(c ws.StatusCode) string { return string(ws.NewCloseFrameBody(c, "")) }

// say returns a request that sends a message. The content needs no escapes.
func say(content string) string {
	return fmt.Sprintf(`{"Action":"SEND_MESSAGE","Content":"%s","RequestId":"q"}`, content)
}

func send(frames ...[]byte) [][]byte { return frames }

// framing is section 1: messages of all lengths. Binary ones are refused, each by one
// answer.
func framing() (all []exchange) {
	for i, n := range []int{0, 125, 126, 127, 128, 65535, 65536, 65536} {
		text, answer := strings.Repeat(" ", n), notARequest
		switch stars := strings.Repeat("*", max(0, n-len(say("")))); {
		case n > parley.MaxRequestBytes:
			text, answer = strings.Repeat(" ", n-len(say("x")))+say("x"), tooLarge
		case n > 0:
			text, answer = say(stars), fmt.Sprintf("message %q", stars)
		}
		binary := frame(ws.OpBinary, strings.Repeat("\xfe", n))
		all = append(all,
			once(fmt.Sprint("1.1.", i+1), send(frame(ws.OpText, text)), answer),
			once(fmt.Sprint("1.2.", i+1), send(binary), notARequest))
	}
	return all
}

// pings is section 2.
func pings() []exchange {
	var ten [][]byte
	var pongs []string
	for i := range 10 {
		ten = append(ten, frame(ws.OpPing, fmt.Sprint("payload-", i)))
		pongs = append(pongs, fmt.Sprintf(`pong "payload-%d"`, i))
	}
	bytes := strings.Repeat("\xfe", 125)
	pong := frame(ws.OpPong, "nobody asked")
	return []exchange{
		once("2.1", send(frame(ws.OpPing, "")), `pong ""`),
		once("2.2", send(frame(ws.OpPing, "hello")), `pong "hello"`),
		once("2.3", send(frame(ws.OpPing, "\x00\xff\xfe")), `pong "\x00\xff\xfe"`),
		once("2.4", send(frame(ws.OpPing, bytes)), fmt.Sprintf("pong %q", bytes)),
		once("2.5", send(frame(ws.OpPing, bytes+"\xfe")), protocolError),
		once("2.6", send(frame(ws.OpPing, bytes)), fmt.Sprintf("pong %q", bytes)),
		once("2.7", send(frame(ws.OpPong, ""))),
		once("2.8", send(pong)),
		once("2.9", send(pong, frame(ws.OpPing, "hello")), `pong "hello"`),
		once("2.10", ten, pongs...),
		once("2.11", ten, pongs...),
	}
}

// reservedBits is section 3. They have no meaning without an extension.
func reservedBits() []exchange {
	text, ping := frame(ws.OpText, "hello"), frame(ws.OpPing, "")
	bad := func(bits byte) []byte { return reserved(ws.OpText, bits, "hello") }
	return []exchange{
		once("3.1", send(bad(1)), protocolError),
		once("3.2", send(text, bad(2), ping), notARequest, protocolError),
		once("3.3", send(text, bad(3), ping), notARequest, protocolError),
		once("3.4", send(text, bad(4), ping), notARequest, protocolError),
		once("3.5", send(reserved(ws.OpBinary, 5, "\x00\xff")), protocolError),
		once("3.6", send(reserved(ws.OpPing, 6, "hello")), protocolError),
		once("3.7", send(reserved(ws.OpClose, 7, "")), protocolError),
	}
}

// opcodes is section 4: the reserved ones of data and of control frames.
func opcodes() (all []exchange) {
	text, ping := frame(ws.OpText, "hello"), frame(ws.OpPing, "")
	for kind, first := range []ws.OpCode{3, 11} {
		number := func(i int) string { return fmt.Sprintf("4.%d.%d", kind+1, i) }
		all = append(all,
			once(number(1), send(frame(first, "")), protocolError),
			once(number(2), send(frame(first+1, "hello")), protocolError),
			once(number(3), send(text, frame(first+2, ""), ping), notARequest, protocolError),
			once(number(4), send(text, frame(first+3, "hello"), ping), notARequest, protocolError),
			once(number(5), send(text, frame(first+4, "hello"), ping), notARequest, protocolError))
	}
	return all
}

// fragmentation is section 5.
func fragmentation() []exchange {
	request := say("fragmented")
	start, rest := part(ws.OpText, request[:30]), frame(ws.OpContinuation, request[30:])
	middle := func(from, to int) []byte { return part(ws.OpContinuation, request[from:to]) }
	ping, joined := frame(ws.OpPing, "ping"), `message "fragmented"`
	text := frame(ws.OpText, "hello")
	last, stray := frame(ws.OpContinuation, "stray"), part(ws.OpContinuation, "stray")
	twice := func(stray []byte) [][]byte {
		return send(stray, start, rest, stray, start, rest)
	}
	slow := []round{
		{send(start, middle(30, 40), ping), []string{`pong "ping"`}},
		{send(middle(40, 50), middle(50, 60), ping, frame(ws.OpContinuation, request[60:])),
			[]string{`pong "ping"`, joined}},
	}
	return []exchange{
		once("5.1", send(part(ws.OpPing, "a"), frame(ws.OpContinuation, "b")), protocolError),
		once("5.2", send(part(ws.OpPong, "a"), frame(ws.OpContinuation, "b")), protocolError),
		once("5.3", send(start, rest), joined),
		once("5.4", send(start, rest), joined),
		once("5.5", send(start, rest), joined),
		once("5.6", send(start, ping, rest), `pong "ping"`, joined),
		once("5.7", send(start, ping, rest), `pong "ping"`, joined),
		once("5.8", send(start, ping, rest), `pong "ping"`, joined),
		once("5.9", send(last, text), protocolError),
		once("5.10", send(last, text), protocolError),
		once("5.11", send(last, text), protocolError),
		once("5.12", send(stray, text), protocolError),
		once("5.13", send(stray, text), protocolError),
		once("5.14", send(stray, text), protocolError),
		once("5.15", send(part(ws.OpText, "a"), frame(ws.OpContinuation, "b"), stray, text),
			notARequest, protocolError),
		once("5.16", twice(stray), protocolError),
		once("5.17", twice(last), protocolError),
		once("5.18", send(start, frame(ws.OpText, request[30:])), protocolError),
		{"5.19", slow},
		{"5.20", slow},
	}
}

// closing is section 7: what closes a connection, what comes after it, and the codes
// that a client may give. The suite leaves 7.1.6 and 7.13 to the server: this one takes
// no message over 64 KiB, and no code that the standard gives no meaning.
func closing() []exchange {
	normal := frame(ws.OpClose, code(1000))
	text := frame(ws.OpText, "hello")
	reason := func(text string) []byte { return frame(ws.OpClose, code(1000)+text) }
	all := []exchange{
		once("7.1.1", send(text), notARequest),
		once("7.1.2", send(normal, frame(ws.OpClose, "")), "close 1000"),
		once("7.1.3", send(normal, frame(ws.OpPing, "")), "close 1000"),
		once("7.1.4", send(normal, text), "close 1000"),
		once("7.1.5", send(part(ws.OpText, "a"), normal, frame(ws.OpContinuation, "b")), "close 1000"),
		once("7.1.6", send(frame(ws.OpText, strings.Repeat(" ", 256<<10)), text, normal,
			frame(ws.OpPing, "")), "close 1009"),
		once("7.3.1", send(frame(ws.OpClose, "")), "close 1000"),
		once("7.3.2", send(frame(ws.OpClose, "a")), protocolError),
		once("7.3.3", send(normal), "close 1000"),
		once("7.3.4", send(reason("goodbye")), "close 1000"),
		once("7.3.5", send(reason(strings.Repeat("*", 123))), "close 1000"),
		once("7.3.6", send(reason(strings.Repeat("*", 124))), protocolError),
		once("7.5.1", send(reason(greek+"\xed\xa0\x80edited")), invalidText),
	}
	for i, c := range []ws.StatusCode{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011,
		3000, 3999, 4000, 4999} {
		all = append(all, once(fmt.Sprint("7.7.", i+1), send(frame(ws.OpClose, code(c))),
			fmt.Sprint("close ", c)))
	}
	for i, c := range []ws.StatusCode{0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999} {
		all = append(all, once(fmt.Sprint("7.9.", i+1), send(frame(ws.OpClose, code(c))),
			protocolError))
	}
	return append(all,
		once("7.13.1", send(frame(ws.OpClose, code(5000))), protocolError),
		once("7.13.2", send(frame(ws.OpClose, code(65535))), protocolError))
}

// autoFragmentation is section 10.
func autoFragmentation() []exchange {
	request := strings.Repeat(" ", 65536-len(say("x"))) + say("x")
	return []exchange{once("10.1.1", in(1300, request), tooLarge)}
}
