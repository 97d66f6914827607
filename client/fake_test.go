package client_test

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/wire"
)

// fake is a server that does what a test says, over connections in memory: the test
// plays the server's side of each session. It is used in a bubble of synctest.
type fake struct {
	t     *testing.T
	peers chan *peer // sessions; 100 of them wait for accept
	work  sync.WaitGroup

	mu     sync.Mutex // guards what follows
	answer answerer
	dials  []time.Time
	conns  []net.Conn
	made   int // tokens
}

// answerer returns what is sent instead of the nth 101, from 0, or nothing.
type answerer func(n int, request *http.Request) string

// answers sets what handshakes are answered with from now on.
func (f *fake) answers(answer answerer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

// inBubble runs a test against a fake server, with a clock that goes on when everyone
// waits.
func inBubble(t *testing.T, test func(t *testing.T, f *fake)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &fake{t: t, peers: make(chan *peer, 100)}
		t.Cleanup(func() {
			for _, conn := range f.conns {
				_ = conn.Close()
			}
			f.work.Wait()
		})
		test(t, f)
	})
}

// dial returns the client's end of a new connection.
func (f *fake) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.dials)
	f.dials = append(f.dials, time.Now())
	f.conns = append(f.conns, ours)
	f.work.Go(func() { f.serve(n, ours) })
	return theirs, nil
}

// dialed returns how often a client has connected, and when it did last.
func (f *fake) dialed() (n int, last time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.dials), f.dials[len(f.dials)-1]
}

func (f *fake) serve(n int, conn net.Conn) {
	in := bufio.NewReader(conn)
	request, err := http.ReadRequest(in)
	if err != nil {
		return // the client went away
	}
	f.mu.Lock()
	answer := f.answer
	f.mu.Unlock()
	var instead string
	if answer != nil {
		instead = answer(n, request)
	}
	if instead != "" {
		_, _ = io.WriteString(conn, instead)
		_ = conn.Close()
		return
	}
	_, err = io.WriteString(conn, switching(request, request.Header.Get("Sec-WebSocket-Protocol")))
	if err != nil {
		return
	}
	p := &peer{t: f.t, conn: conn, token: request.Header.Get("Sec-WebSocket-Protocol"),
		frames: make(chan ws.Frame, 1000)}
	f.peers <- p
	p.read(in)
}

// switching is a 101 with a subprotocol, or without one.
func switching(request *http.Request, protocol string) string {
	sum := sha1.Sum([]byte(request.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	answer := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + base64.StdEncoding.EncodeToString(sum[:]) + "\r\n"
	if protocol != "" {
		answer += "Sec-WebSocket-Protocol: " + protocol + "\r\n"
	}
	return answer + "\r\n"
}

// refusing is an answer that is not 101.
func refusing(status int, headers, body string) string {
	return fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Length: %d\r\n%s\r\n%s",
		status, http.StatusText(status), len(body), headers, body)
}

// tokens provides tokens for sessions of a length, which they do not tell when it is 0.
func (f *fake) tokens(life time.Duration) client.TokenProvider {
	return func(context.Context) (client.Token, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.made++
		token := client.Token{Token: fmt.Sprint("token-", f.made)}
		if life != 0 {
			token.SessionExpirationTime = time.Now().Add(life)
		}
		return token, nil
	}
}

// join returns a room whose sessions have a length, and the server's side of its first.
func (f *fake) join(life time.Duration, options client.Options) (*client.Room, *peer) {
	f.t.Helper()
	return f.joinWith(f.tokens(life), options)
}

func (f *fake) joinWith(tokens client.TokenProvider, options client.Options) (*client.Room, *peer) {
	f.t.Helper()
	options.NetDial = f.dial
	options.PingInterval = cmp.Or(options.PingInterval, 24*time.Hour) // nobody answers pings
	room := dial(f.t, "ws://chat.example", tokens, options)
	expectState(f.t, room, client.Connected)
	return room, f.accept()
}

// pass lets time go by, and waits until everyone waits for something.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// accept waits for the next session, and until the client has it, too.
func (f *fake) accept() *peer {
	f.t.Helper()
	select {
	case p := <-f.peers:
		synctest.Wait()
		return p
	case <-time.After(time.Hour):
		f.t.Fatal("nobody connected for an hour")
		return nil
	}
}

// peer is the server's side of a session. What it writes is read at once or never: the
// connection holds nothing.
type peer struct {
	t      *testing.T
	conn   net.Conn
	token  string
	frames chan ws.Frame // from the client, unmasked; closed when it is gone
}

// read reads what the client sends, so that it can send more.
func (p *peer) read(in io.Reader) {
	defer close(p.frames)
	for {
		header, err := ws.ReadHeader(in)
		if err != nil {
			return
		}
		frame := ws.Frame{Header: header, Payload: make([]byte, header.Length)}
		if _, err := io.ReadFull(in, frame.Payload); err != nil {
			return
		}
		if !header.Masked {
			p.t.Errorf("the client sent %v without a mask", header)
		}
		ws.Cipher(frame.Payload, header.Mask, 0)
		p.frames <- frame
	}
}

// stopReading has the server read nothing more of what the client sends.
func (p *peer) stopReading() {
	_ = p.conn.SetReadDeadline(time.Now())
	for range p.frames {
	}
}

// raw writes bytes.
func (p *peer) raw(data []byte) {
	p.t.Helper()
	if _, err := p.conn.Write(data); err != nil {
		p.t.Errorf("write to the client: %v", err)
	}
}

func (p *peer) frame(frame ws.Frame) { p.t.Helper(); p.raw(ws.MustCompileFrame(frame)) }
func (p *peer) text(text []byte)     { p.t.Helper(); p.frame(ws.NewTextFrame(text)) }

func (p *peer) close(code ws.StatusCode, reason string) {
	p.t.Helper()
	p.frame(ws.NewCloseFrame(ws.NewCloseFrameBody(code, reason)))
}

func (p *peer) drop() { _ = p.conn.Close() }

// say sends a message of someone else; its id is its content.
func (p *peer) say(content string) { p.t.Helper(); p.text(message(content, "", content)) }

func message(id, requestID, content string) []byte {
	return wire.EncodeMessage(parley.Message{ID: id, RequestID: requestID, Content: content,
		SendTime: time.Now()}, wire.EncodeSender(parley.Sender{UserID: "someone"}))
}

func (p *peer) event(e parley.Event) {
	p.t.Helper()
	e.SendTime = time.Now()
	p.text(wire.EncodeEvent(e))
}

// kick is what a server sends a user who is disconnected.
func (p *peer) kick() {
	p.t.Helper()
	p.event(parley.Event{ID: "kick", Name: parley.EventDisconnectUser,
		Attributes: map[string]string{"UserId": "ana", "Reason": "spam"}})
	p.close(ws.StatusNormalClosure, "spam")
}

func (p *peer) fail(requestID string, code parley.Code) {
	p.t.Helper()
	p.text(wire.EncodeError(parley.NewID(), requestID, parley.Errorf(code, "as the test wants it")))
}

// next returns the next frame of the client that is not a sign of life.
func (p *peer) next() (ws.Frame, error) {
	for {
		select {
		case frame, ok := <-p.frames:
			if !ok {
				return frame, io.EOF
			}
			if frame.Header.OpCode != ws.OpPing {
				return frame, nil
			}
		case <-time.After(24 * time.Hour):
			return ws.Frame{}, errors.New("nothing for a day")
		}
	}
}

// request returns the next request of the client.
func (p *peer) request() wire.Request {
	p.t.Helper()
	frame, err := p.next()
	if err != nil || frame.Header.OpCode != ws.OpText {
		p.t.Fatalf("the client sent %v %q, error %v, want a request", frame.Header, frame.Payload, err)
	}
	request, err := wire.ParseRequest(frame.Payload)
	if err != nil {
		p.t.Fatalf("the client sent %q: %v", frame.Payload, err)
	}
	return request
}

// expectClose waits for the client's Close frame, with a code.
func (p *peer) expectClose(want ws.StatusCode) {
	p.t.Helper()
	frame, err := p.next()
	if err != nil || frame.Header.OpCode != ws.OpClose {
		p.t.Fatalf("the client sent %v %q, error %v, want Close", frame.Header, frame.Payload, err)
	}
	if code, _ := ws.ParseCloseFrameData(frame.Payload); code != want {
		p.t.Errorf("the client closed with code %d, want %d", code, want)
	}
}

// finish answers the client's Close frame, as the last session of a refresh.
func (p *peer) finish() {
	p.t.Helper()
	p.expectClose(ws.StatusNormalClosure)
	p.close(ws.StatusNormalClosure, "")
	p.expectEnd()
}

// expectEnd waits until the client has ended the connection.
func (p *peer) expectEnd() {
	p.t.Helper()
	if frame, err := p.next(); err != io.EOF {
		p.t.Fatalf("the client sent %v %q, error %v, want the end", frame.Header, frame.Payload, err)
	}
}

// expectMessages receives messages with these contents.
func expectMessages(t *testing.T, room *client.Room, want ...string) {
	t.Helper()
	for _, want := range want {
		if got := receive[*client.Message](t, room); got.Content != want {
			t.Fatalf("received %q, want %q", got.Content, want)
		}
	}
}

// expectNothing checks that nothing is waiting to be received.
func expectNothing(t *testing.T, room *client.Room) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	for received, err := range room.Receive(ctx) {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("received %T %+v, error %v, want nothing", received, received, err)
		}
	}
}

// expectEndOf receives the last that a room gives, for which there is a reason.
func expectEndOf(t *testing.T, room *client.Room, want client.Reason) *client.DisconnectedError {
	t.Helper()
	change := expectState(t, room, client.Disconnected)
	var last error
	for received, err := range room.Receive(t.Context()) {
		if last != nil || err == nil {
			t.Fatalf("received %+v, error %v, want one error alone", received, err)
		}
		last = err
	}
	var got *client.DisconnectedError
	if !errors.As(last, &got) || got.Reason != want || !errors.Is(change.Err, last) {
		t.Fatalf("the room ended with %v (%v), want reason %d", last, change.Err, want)
	}
	return got
}
