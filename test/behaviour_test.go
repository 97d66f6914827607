package test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/parley-chat/parley/internal/parleytest"
)

// behaviours are what clients rely on, each tried in a room of its own.
var behaviours = []struct {
	name string
	try  func(t *testing.T, srv *parleytest.Server, room string)
}{
	{"the echo has the request's members", tryEcho},
	{"all receive one order", tryOrder},
	{"errors are private", tryErrors},
	{"pings are answered amid traffic", tryPings},
	{"a kick ends with Close", tryKick},
	{"a kick comes after what was said before", tryKickOrder},
	{"violations end with a code", tryViolations},
	{"64 KiB are the most", trySizes},
	{"the client's Close is answered", tryClose},
	{"an abrupt end is noticed", tryAbruptEnd},
	{"a half-close ends the session", tryHalfClose},
	{"frames that come with the handshake count", tryEarlyData},
}

// TestBothPlanesBehaveTheSame runs the same tests where shards serve the sessions and
// where each has goroutines of its own.
func TestBothPlanesBehaveTheSame(t *testing.T) {
	for _, pl := range planes {
		t.Run(pl.name, func(t *testing.T) {
			srv := pl.start(t)
			for _, b := range behaviours {
				t.Run(b.name, func(t *testing.T) { b.try(t, srv, srv.CreateRoom(t, nil)) })
			}
		})
	}
}

func tryEcho(t *testing.T, srv *parleytest.Server, room string) {
	ana, ben := srv.Join(t, room, "ana", "SEND_MESSAGE"), srv.Join(t, room, "ben")
	ana.Send(t, `{"Action":"SEND_MESSAGE","Content":"⚽","Attributes":{"k":"v"},"RequestId":"q"}`)
	for _, u := range []*parleytest.User{ana, ben} {
		got := u.Next(t)
		if got.Type != "MESSAGE" || got.Content != "⚽" || got.RequestID != "q" ||
			got.Attributes["k"] != "v" || got.Sender.UserID != "ana" {
			t.Errorf("%s received %+v, want ana's message with all its members", u.ID, got)
		}
	}
}

// tryOrder has many speak at once. Everyone must hear all of it, what one of them said in
// the order in which he said it, and on one node all of it in one order.
func tryOrder(t *testing.T, srv *parleytest.Server, room string) {
	const senders, each = 8, 50
	users := make([]*parleytest.User, senders)
	for i := range users {
		users[i] = srv.Join(t, room, fmt.Sprint("sender-", i), "SEND_MESSAGE")
	}
	heard := make([][]string, senders)
	var all sync.WaitGroup
	for i, u := range users {
		all.Go(func() { heard[i] = readContents(t, u, senders*each) })
		all.Go(func() {
			for n := range each {
				said := message(fmt.Sprintf("%d-%03d", i, n))
				if err := wsutil.WriteClientText(u.Conn, []byte(said)); err != nil {
					t.Errorf("%s: send: %v", u.ID, err)
					return
				}
			}
		})
	}
	all.Wait()
	for i, got := range heard {
		if parleytest.Nodes() == 1 && !slices.Equal(got, heard[0]) {
			t.Fatalf("session %d heard %q, session 0 %q, want one order", i, got, heard[0])
		}
		for sender := range senders {
			own := slices.DeleteFunc(slices.Clone(got), func(said string) bool {
				return !strings.HasPrefix(said, fmt.Sprint(sender, "-"))
			})
			if len(own) != each || !slices.IsSorted(own) {
				t.Errorf("session %d heard sender %d say %q, want its %d messages in order", i, sender, own, each)
			}
		}
	}
}

// tryErrors makes bad requests while others speak: each gets one ERROR, and nobody else
// hears of it.
func tryErrors(t *testing.T, srv *parleytest.Server, room string) {
	const requests = 100
	ana, ben := srv.Join(t, room, "ana"), srv.Join(t, room, "ben", "SEND_MESSAGE")
	for i := range requests {
		ben.Say(t, fmt.Sprint(i))
		ana.Send(t, fmt.Sprintf(`{"Action":"SEND_MESSAGE","Content":"no right","RequestId":"%d"}`, i))
	}
	var heard, errs int
	for heard+errs < 2*requests {
		switch got := ana.Next(t); {
		case got.Type == "MESSAGE" && got.Content == fmt.Sprint(heard):
			heard++
		case got.ErrorCode == 403 && got.RequestID == fmt.Sprint(errs):
			errs++
		default:
			t.Fatalf("after %d messages and %d errors: received %+v, want the next of either",
				heard, errs, got)
		}
	}
	for i := range requests {
		if got := ben.Next(t); got.Content != fmt.Sprint(i) {
			t.Fatalf("ben received %+v, want message %d", got, i)
		}
	}
}

// tryPings pings amid traffic. Every Pong must be whole and in its turn.
func tryPings(t *testing.T, srv *parleytest.Server, room string) {
	const rounds = 50
	ana := srv.Join(t, room, "ana", "SEND_MESSAGE")
	payload := bytes.Repeat([]byte("p"), 124)
	for i := range rounds {
		ana.Say(t, fmt.Sprint(i))
		write(t, ana, ws.NewPingFrame(append(payload, byte(i))))
	}
	for messages, pongs := 0, 0; messages+pongs < 2*rounds; {
		frame, err := parleytest.ReadFrame(ana.Stream)
		if err != nil {
			t.Fatalf("after %d messages and %d Pongs: %v", messages, pongs, err)
		}
		switch frame.Header.OpCode {
		case ws.OpText:
			messages++
		case ws.OpPong:
			if want := append(payload, byte(pongs)); !bytes.Equal(frame.Payload, want) {
				t.Fatalf("Pong %d has the payload %q, want %q", pongs, frame.Payload, want)
			}
			pongs++
		default:
			t.Fatalf("received %+v, want a message or a Pong", frame.Header)
		}
	}
}

// tryKick disconnects a user with several sessions. Each hears of it, and then gets a
// Close frame with the reason; the others go on.
func tryKick(t *testing.T, srv *parleytest.Server, room string) {
	moderator := srv.Join(t, room, "moderator", "DISCONNECT_USER", "SEND_MESSAGE")
	eves := []*parleytest.User{srv.Join(t, room, "eve"), srv.Join(t, room, "eve")}
	moderator.Send(t, `{"Action":"DISCONNECT_USER","UserId":"eve","Reason":"rude"}`)
	for _, u := range append(eves, moderator) {
		if got := u.Next(t); got.EventName != "aws:DISCONNECT_USER" || got.Attributes["UserId"] != "eve" {
			t.Errorf("%s received %+v, want the event of the disconnection", u.ID, got)
		}
	}
	moderator.Say(t, "without eve")
	if got := moderator.Next(t); got.Content != "without eve" {
		t.Errorf("the moderator received %+v, want his message", got)
	}
	for _, eve := range eves {
		frame, err := eve.Read() // answers the Close frame
		want := wsutil.ClosedError{Code: 1000, Reason: "rude"}
		if closed := (wsutil.ClosedError{}); !errors.As(err, &closed) || closed != want {
			t.Errorf("eve received %+v (%v), want %v", frame, err, want)
		}
		wantEnd(t, eve)
	}
}

// tryKickOrder disconnects a user who is behind: she gets all that was said before.
func tryKickOrder(t *testing.T, srv *parleytest.Server, room string) {
	const messages = 500
	ana := srv.Join(t, room, "ana", "SEND_MESSAGE", "DISCONNECT_USER")
	eve := srv.Join(t, room, "eve")
	for range messages {
		ana.Send(t, wide("before"))
		ana.Next(t)
	}
	ana.Send(t, `{"Action":"DISCONNECT_USER","UserId":"eve"}`)
	ana.Say(t, "after")
	for range 2 {
		ana.Next(t)
	}
	for i := range messages {
		if got := eve.Next(t); !strings.HasPrefix(got.Content, "before") {
			t.Fatalf("eve received %+v as frame %d, want what was said before", got, i)
		}
	}
	if got := eve.Next(t); got.EventName != "aws:DISCONNECT_USER" {
		t.Errorf("eve received %+v, want the event of the disconnection", got)
	}
	wantClosed(t, eve, 1000)
	wantEnd(t, eve)
}

// endBound is how long the end of a connection may take that comes at once: less than the
// 5 seconds for which the server waits for a client's Close frame.
const endBound = 4500 * time.Millisecond

// wantEnd checks that a connection ends at once, with nothing before it.
func wantEnd(t *testing.T, u *parleytest.User) {
	t.Helper()
	if err := u.Conn.SetReadDeadline(time.Now().Add(endBound)); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(u.Stream); len(rest) > 0 || isTimeout(err) {
		t.Errorf("%s received %.100q (%v), want the end of the connection", u.ID, rest, err)
	}
}

// tryViolations breaks the protocol. A client that did may never answer the Close frame,
// and is told at once that nothing follows it.
func tryViolations(t *testing.T, srv *parleytest.Server, room string) {
	for _, violation := range []struct {
		name  string
		bytes []byte
		code  ws.StatusCode
	}{
		{"unmasked", []byte{0x81, 2, '{', '}'}, 1002},
		{"reserved bit", []byte{0xc1, 0x80, 0, 0, 0, 0}, 1002},
		{"continuation of nothing", []byte{0x80, 0x80, 0, 0, 0, 0}, 1002},
		{"long ping", []byte{0x89, 0xfe, 0, 126, 0, 0, 0, 0}, 1002},
		{"invalid UTF-8", []byte{0x81, 0x81, 0, 0, 0, 0, 0xff}, 1007},
		{"length over 64 KiB", []byte{0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0}, 1009},
	} {
		eve := srv.Join(t, room, "eve", "SEND_MESSAGE")
		if _, err := eve.Conn.Write(violation.bytes); err != nil {
			t.Fatal(err)
		}
		frame, err := parleytest.ReadFrame(eve.Stream)
		code, _ := ws.ParseCloseFrameData(frame.Payload)
		if err != nil || frame.Header.OpCode != ws.OpClose || code != violation.code {
			t.Errorf("%s: received %+v %q (%v), want Close %d",
				violation.name, frame.Header, frame.Payload, err, violation.code)
		}
		wantEnd(t, eve)
	}
}

func trySizes(t *testing.T, srv *parleytest.Server, room string) {
	ana := srv.Join(t, room, "ana", "SEND_MESSAGE")
	pad := func(size int) string { return blank(size-len(message("hi"))) + message("hi") }
	for _, test := range []struct{ size, code int }{
		{16 << 10, 0}, {16<<10 + 1, 413}, {64 << 10, 413},
	} {
		ana.Send(t, pad(test.size))
		if got := ana.Next(t); got.ErrorCode != test.code || got.RequestID != "q" {
			t.Errorf("request of %d bytes: received %+v, want error code %d", test.size, got, test.code)
		}
	}
	whole := pad(64<<10 + 1)
	write(t, ana, fragment(ws.OpText, whole[:40<<10]),
		ws.NewFrame(ws.OpContinuation, true, []byte(whole[40<<10:])))
	wantClosed(t, ana, 1009)
	wantEnd(t, ana)
}

func tryClose(t *testing.T, srv *parleytest.Server, room string) {
	for _, code := range []ws.StatusCode{1000, 1001, 4999} {
		ana := srv.Join(t, room, "ana", "SEND_MESSAGE")
		ana.Say(t, "last words")
		write(t, ana, ws.NewCloseFrame(ws.NewCloseFrameBody(code, "bye")))
		for answered := false; !answered; {
			frame, err := parleytest.ReadFrame(ana.Stream)
			if err != nil {
				t.Fatalf("after Close %d: %v, want it answered", code, err)
			}
			if answered = frame.Header.OpCode == ws.OpClose; !answered {
				continue // the echo of her last words may still come
			}
			if got, _ := ws.ParseCloseFrameData(frame.Payload); got != code {
				t.Errorf("Close %d was answered with %d, want the same", code, got)
			}
		}
		wantEnd(t, ana)
	}
}

func tryAbruptEnd(t *testing.T, srv *parleytest.Server, room string) {
	const sessions = 20
	ben := srv.Join(t, room, "ben", "SEND_MESSAGE")
	for range sessions {
		ana := srv.Join(t, room, "ana")
		_ = tcpOf(ana).SetLinger(0) // a reset instead of an orderly end
		_ = tcpOf(ana).Close()
	}
	ben.Say(t, "still here")
	if got := ben.Next(t); got.Content != "still here" {
		t.Errorf("received %+v", got)
	}
	_ = ben.Conn.Close()
	wantNobody(t, srv)
}

// tryHalfClose ends the client's side of connections alone. What it asked for before is
// done, and the session ends.
func tryHalfClose(t *testing.T, srv *parleytest.Server, room string) {
	ben := srv.Join(t, room, "ben")
	for i := range 5 {
		ana := srv.Join(t, room, "ana", "SEND_MESSAGE")
		ana.Say(t, fmt.Sprint("last words ", i))
		if err := tcpOf(ana).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if got := ben.Next(t); got.Content != fmt.Sprint("last words ", i) {
			t.Errorf("ben received %+v, want ana's last words", got)
		}
		if err := ana.Conn.SetReadDeadline(time.Now().Add(endBound)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, ana.Conn); isTimeout(err) {
			t.Error("the connection goes on after the client's end of it")
		}
	}
	_ = ben.Conn.Close()
	wantNobody(t, srv)
}

// wantNobody waits until no session is left on the server.
func wantNobody(t *testing.T, srv *parleytest.Server) {
	t.Helper()
	waitAtMost(t, patience, "all sessions to end", func() bool {
		return metricOf(t, adminPage(t, srv, "/metrics"), openSessions) == 0
	})
}

// tryEarlyData sends frames in one piece with the handshake, of which the last is whole
// only later.
func tryEarlyData(t *testing.T, srv *parleytest.Server, room string) {
	var sent bytes.Buffer
	sent.WriteString("GET / HTTP/1.1\r\nHost: chat.example\r\n")
	_ = upgrade(srv.Token(t, room, "ana", "SEND_MESSAGE")).Write(&sent) // a buffer takes everything
	sent.WriteString("\r\n")
	for _, said := range []string{"first", "second", "third"} {
		_ = ws.WriteFrame(&sent, ws.MaskFrame(ws.NewTextFrame([]byte(message(said)))))
	}
	conn, err := dialLike(srv)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(frameTimeout)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(sent.Bytes()[:sent.Len()-10]); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("answered %+v (%v), want 101", res, err)
	}
	ana := &parleytest.User{ID: "ana", Conn: conn, Stream: struct {
		io.Reader
		io.Writer
	}{in, conn}}
	for _, want := range []string{"first", "second", "third"} {
		if want == "third" {
			if _, err := conn.Write(sent.Bytes()[sent.Len()-10:]); err != nil {
				t.Fatal(err)
			}
		}
		if got := ana.Next(t); got.Content != want {
			t.Errorf("received %+v, want %s", got, want)
		}
	}
}

// dialLike opens a connection as the sessions of a server have it.
func dialLike(srv *parleytest.Server) (net.Conn, error) {
	if !strings.HasPrefix(srv.URL, "https:") {
		return net.Dial("tcp", srv.Addr().String())
	}
	return tls.Dial("tcp", srv.Addr().String(), &tls.Config{InsecureSkipVerify: true})
}

// TestClosingServerSaysAllAndNoClose closes a server in the midst of a conversation.
// Every session gets the same, and all that was echoed, and then the end of its
// connection without a Close frame.
func TestClosingServerSaysAllAndNoClose(t *testing.T) {
	for _, pl := range planes {
		t.Run(pl.name, func(t *testing.T) {
			srv := pl.startOne(t)
			room := srv.CreateRoom(t, nil)
			users := make([]*parleytest.User, 10)
			for i := range users {
				users[i] = srv.Join(t, room, fmt.Sprint("user-", i), "SEND_MESSAGE")
			}
			for i := range 200 {
				users[0].Say(t, fmt.Sprint(i))
			}
			users[0].Next(t) // so they are on their way
			closed := make(chan error, 1)
			go func() { closed <- srv.Close() }()
			counts := make([]int, len(users))
			for i, u := range users {
				for {
					_, err := u.Read()
					if end := (wsutil.ClosedError{}); errors.As(err, &end) {
						t.Errorf("%s got Close %d, after which official clients stay away", u.ID, end.Code)
					}
					if err != nil {
						break
					}
					counts[i]++
				}
			}
			counts[0]++
			for i, n := range counts {
				if n != counts[0] {
					t.Errorf("session %d got %d messages, session 0 %d", i, n, counts[0])
				}
			}
			if err := <-closed; err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
}
