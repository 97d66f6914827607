package listen_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"

	"github.com/parley-chat/parley/internal/listen"
)

// taken is a connection that a handler took over from its HTTP server.
type taken struct {
	conn  net.Conn
	early []byte // what the HTTP server had read
}

// takeOver returns a handler that takes connections over.
func takeOver(t *testing.T, to chan<- taken) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Errorf("hijack: %v", err)
			return
		}
		early, _ := rw.Reader.Peek(rw.Reader.Buffered())
		to <- taken{conn, bytes.Clone(early)}
	}
}

// TestPlainLosesNothing has a client send the header of the PROXY protocol, its
// handshake and its first frame at once, so that all of them are read together.
func TestPlainLosesNothing(t *testing.T) {
	const request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	header := proxyHeader(t, 2, "203.0.113.7:4711")
	for _, test := range []struct {
		name string
		door listen.Config
		head string
	}{
		{"without a proxy", listen.Config{}, ""},
		{"version 1", behindProxy, proxyHeader(t, 1, "203.0.113.7:4711")},
		{"version 2", behindProxy, header},
		{"version 2, LOCAL", behindProxy, localHeader(t)},
		{"more than one buffer", behindProxy, header},
	} {
		t.Run(test.name, func(t *testing.T) {
			hijacked := make(chan taken, 1)
			address := serve(t, test.door, takeOver(t, hijacked))
			frame := "a frame"
			if test.name == "more than one buffer" {
				frame = strings.Repeat("a frame of many. ", 1000)
			}
			client := dial(t, address)
			go func() { _, _ = io.WriteString(client, test.head+request+frame+"end") }()
			got := <-hijacked
			t.Cleanup(func() { _ = got.conn.Close() })
			tcp, early, ok := listen.Plain(got.conn)
			if !ok {
				t.Fatalf("%T is not plain", got.conn)
			}
			in := io.MultiReader(bytes.NewReader(got.early), bytes.NewReader(early), tcp)
			text := make([]byte, len(frame)+len("end"))
			if _, err := io.ReadFull(in, text); err != nil || string(text) != frame+"end" {
				t.Errorf("read %.40q… (%v), want %.40q…", text, err, frame+"end")
			}
			go func() { _, _ = io.WriteString(tcp, "answer") }()
			if answer, err := io.ReadAll(io.LimitReader(client, 6)); string(answer) != "answer" {
				t.Errorf("the client read %q (%v), want an answer", answer, err)
			}
		})
	}
}

// TestPlainTakesWhatTheHeaderBrought leaves everything after the header unread.
func TestPlainTakesWhatTheHeaderBrought(t *testing.T) {
	d := door(t, behindProxy)
	l, err := d.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client := dial(t, l.Addr().String())
	if _, err := io.WriteString(client, proxyHeader(t, 2, "203.0.113.7:4711")+"early"); err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := conn.RemoteAddr().String(); got != "203.0.113.7:4711" {
		t.Errorf("the client's address is %s, want 203.0.113.7:4711", got)
	}
	tcp, early, ok := listen.Plain(conn)
	if !ok || string(early) != "early" {
		t.Fatalf("Plain = %q, %t, want early", early, ok)
	}
	if _, err := io.WriteString(client, "later\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(tcp).ReadString('\n'); line != "later\n" {
		t.Errorf("then read %q (%v), want later", line, err)
	}
}

func TestPlainIsNotForOthers(t *testing.T) {
	one, other := net.Pipe()
	defer one.Close()
	defer other.Close()
	for _, conn := range []net.Conn{one, tls.Server(one, nil), proxyproto.NewConn(one)} {
		if tcp, early, ok := listen.Plain(conn); ok || tcp != nil || early != nil {
			t.Errorf("Plain of a %T = %v, %q, %t, want nothing", conn, tcp, early, ok)
		}
	}
}
