package sockets

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"go.uber.org/goleak"
)

// patience bounds what a test waits for.
const patience = 20 * time.Second

// events is a Handler that tells a test what happens.
type events struct {
	network Network
	seen    chan string
	ticks   int
}

func (e *events) Opened(i int)            { e.seen <- fmt.Sprintf("%d opened", i) }
func (e *events) Failed(i int, err error) { e.seen <- fmt.Sprintf("%d failed: %v", i, err) }
func (e *events) Message(i int, payload []byte, _ int64) {
	e.seen <- fmt.Sprintf("%d message %s", i, payload)
}
func (e *events) Ended(i int, err error) { e.seen <- fmt.Sprintf("%d ended: %v", i, err) }

func (e *events) Tick(int64) {
	if e.ticks++; e.ticks == 3 {
		e.seen <- "three ticks"
	}
}

// want fails the test unless the next event begins and ends as it should, or ends
// with more than that.
func (e *events) want(t *testing.T, begin, rest string) {
	t.Helper()
	select {
	case got := <-e.seen:
		if !strings.HasPrefix(got, begin) || !strings.Contains(got[len(begin):], rest) {
			t.Fatalf("event %.200q, want %q with %.200q", got, begin, rest)
		}
	case <-time.After(patience):
		t.Fatalf("no event, want %q with %.200q", begin, rest)
	}
}

// do has the network call f.
func (e *events) do(f func(n Network)) {
	done := make(chan struct{})
	e.network.Post(func() {
		defer close(done)
		f(e.network)
	})
	<-done
}

// kinds are the networks that all tests are run with.
func kinds() map[string]func([]Server, int, Handler) (Network, error) {
	return map[string]func([]Server, int, Handler) (Network, error){
		"system's": New,
		"streams": func(servers []Server, sessions int, h Handler) (Network, error) {
			return newStreams(servers, sessions, h), nil
		},
	}
}

// onEach runs a test with each kind of network. Sessions are served by serve, which
// has been through the handshake.
func onEach(t *testing.T, serve func(conn net.Conn), test func(t *testing.T, e *events)) {
	t.Helper()
	for name, kind := range kinds() {
		t.Run(name, func(t *testing.T) {
			server := listen(t, func(conn net.Conn) {
				up := ws.Upgrader{Protocol: func([]byte) bool { return true }}
				if _, err := up.Upgrade(conn); err != nil {
					t.Errorf("the server got a bad handshake: %v", err)
					return
				}
				serve(conn)
			})
			test(t, start(t, []Server{server}, kind))
		})
	}
}

// listen serves connections until the end of the test.
func listen(t *testing.T, serve func(net.Conn)) Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait()
	})
	server, err := Find(t.Context(), "ws://"+l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return server
}

// start runs a network for two sessions until the end of the test.
func start(t *testing.T, servers []Server,
	kind func([]Server, int, Handler) (Network, error)) *events {
	t.Helper()
	before := goleak.IgnoreCurrent()
	e := &events{seen: make(chan string, 10_000)}
	var err error
	if e.network, err = kind(servers, 2, e); err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(e.network.Run)
	t.Cleanup(func() {
		e.network.Post(e.network.Stop)
		running.Wait()
		e.network.Post(func() { t.Error("a function was called after the network stopped") })
		goleak.VerifyNone(t, before)
	})
	return e
}

// echo sends back what it reads, as a server does.
func echo(conn net.Conn) {
	for {
		frame, err := readFrame(conn)
		if err != nil {
			return
		}
		frame = ws.UnmaskFrame(frame)
		frame.Header.Mask = [4]byte{}
		if ws.WriteFrame(conn, frame) != nil || frame.Header.OpCode == ws.OpClose {
			return
		}
	}
}

func TestSessionsSendAndReceive(t *testing.T) {
	onEach(t, echo, func(t *testing.T, e *events) {
		for i := range 2 {
			e.do(func(n Network) { n.Open(i, "token") })
			e.want(t, fmt.Sprint(i), " opened")
			e.do(func(n Network) { n.Send(i, AppendText(AppendText(nil, []byte("a")), []byte("b"))) })
			e.want(t, fmt.Sprint(i), " message a")
			e.want(t, fmt.Sprint(i), " message b")
		}
		e.do(func(n Network) { n.Send(1, AppendClose(nil)) })
		e.want(t, "1 ended: ", "the server closed the session: 1000")
		e.do(func(n Network) { n.Send(1, AppendText(nil, []byte("into the void"))) })
		e.do(func(n Network) { n.Open(1, "token") })
		e.want(t, "1 opened", "")
		e.do(func(n Network) { n.TickEvery(time.Millisecond) })
		e.want(t, "three ticks", "")
	})
}

func TestFramesInPieces(t *testing.T) {
	var frames []byte
	for _, n := range []int{0, 125, 126, 1000, 65535} {
		frames = AppendServerText(frames, bytes.Repeat([]byte("x"), n))
		frames = append(frames, "\x89\x02hi"...)
	}
	serve := func(conn net.Conn) {
		for i := 0; i < len(frames); i += 61 {
			// Each piece goes into a packet of its own, or several: both happen.
			if _, err := conn.Write(frames[i:min(i+61, len(frames))]); err != nil {
				return
			}
		}
		for range 5 { // pongs
			if f, err := readFrame(conn); err != nil || string(ws.UnmaskFrame(f).Payload) != "hi" {
				t.Errorf("the server got %+v, %v; want a pong with hi", f, err)
				return
			}
		}
		_ = ws.WriteFrame(conn, ws.NewTextFrame([]byte("five pongs")))
		_, _ = io.Copy(io.Discard, conn)
	}
	onEach(t, serve, func(t *testing.T, e *events) {
		e.do(func(n Network) { n.Open(0, "token") })
		e.want(t, "0 opened", "")
		for _, n := range []int{0, 125, 126, 1000, 65535} {
			e.want(t, "0 message ", strings.Repeat("x", n))
		}
		e.want(t, "0 message ", "five pongs")
	})
}

// TestFramesWithTheHandshake has the server send a frame in the packet of the 101.
func TestFramesWithTheHandshake(t *testing.T) {
	for name, kind := range kinds() {
		t.Run(name, func(t *testing.T) {
			server := listen(t, func(conn net.Conn) {
				var answer bytes.Buffer
				up := ws.Upgrader{Protocol: func([]byte) bool { return true }}
				_, err := up.Upgrade(struct {
					io.Reader
					io.Writer
				}{conn, &answer})
				if err != nil {
					t.Error(err)
				}
				_, _ = conn.Write(AppendServerText(answer.Bytes(), []byte("early")))
				_, _ = io.Copy(io.Discard, conn)
			})
			e := start(t, []Server{server}, kind)
			e.do(func(n Network) { n.Open(0, "token") })
			e.want(t, "0 opened", "")
			e.want(t, "0 message ", "early")
		})
	}
}

// TestServerThatReadsLate sends more than sockets hold before the server reads.
func TestServerThatReadsLate(t *testing.T) {
	const frames = 4000
	read := make(chan struct{})
	serve := func(conn net.Conn) {
		<-read
		for i := range frames {
			f, err := readFrame(conn)
			got := string(ws.UnmaskFrame(f).Payload)
			if err != nil || !strings.HasPrefix(got, fmt.Sprintf("%d ", i)) {
				t.Errorf("the server got %.20q, %v; want frame %d", got, err, i)
				return
			}
		}
		_ = ws.WriteFrame(conn, ws.NewTextFrame([]byte("all")))
		_, _ = io.Copy(io.Discard, conn)
	}
	onEach(t, serve, func(t *testing.T, e *events) {
		e.do(func(n Network) { n.Open(0, "token") })
		e.want(t, "0 opened", "")
		e.do(func(n Network) {
			for i := range frames {
				n.Send(0, AppendText(nil, fmt.Appendf(nil, "%d %s", i, strings.Repeat("x", 1000))))
			}
		})
		read <- struct{}{}
		e.want(t, "0 message ", "all")
	})
}

// TestServerThatNeverReads ends a session before its unsent frames take all memory.
func TestServerThatNeverReads(t *testing.T) {
	over := make(chan struct{})
	onEach(t, func(net.Conn) { <-over }, func(t *testing.T, e *events) {
		e.do(func(n Network) { n.Open(0, "token") })
		e.want(t, "0 opened", "")
		e.do(func(n Network) {
			frame := AppendText(nil, bytes.Repeat([]byte("x"), 60_000))
			for range 2 * maxUnsentBytes / len(frame) {
				n.Send(0, frame)
			}
		})
		e.want(t, "0 ended: ", "the server does not read")
		over <- struct{}{}
	})
}

func TestSessionsEnd(t *testing.T) {
	for _, tt := range []struct {
		name  string
		serve func(*net.TCPConn)
		want  string
	}{
		{"without a Close frame", func(*net.TCPConn) {}, "the server ended the connection"},
		{"by a reset", func(c *net.TCPConn) { _ = c.SetLinger(0) }, "the server reset the connection"},
		{"by a Close frame", func(c *net.TCPConn) {
			_ = ws.WriteFrame(c, ws.NewCloseFrame(ws.NewCloseFrameBody(1001, "bye")))
		}, "the server closed the session: 1001 bye"},
		{"by nonsense", func(c *net.TCPConn) {
			_, _ = c.Write([]byte{0x81, 0x80, 1, 2, 3, 4})
		}, "masked"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			begin := make(chan struct{}, 1)
			onEach(t, func(c net.Conn) {
				<-begin
				tt.serve(c.(*net.TCPConn))
			}, func(t *testing.T, e *events) {
				e.do(func(n Network) { n.Open(0, "token") })
				e.want(t, "0 opened", "")
				begin <- struct{}{}
				e.want(t, "0 ended: ", tt.want)
			})
		})
	}
}

func TestHandshakesFail(t *testing.T) {
	answer := func(text string) func(net.Conn) {
		return func(conn net.Conn) {
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = conn.Write([]byte(text))
			}
		}
	}
	for _, tt := range []struct {
		name  string
		serve func(net.Conn)
		want  string
	}{
		{"refused", answer("HTTP/1.1 429 Too Many Requests\r\nx-amzn-ErrorType: ThrottlingException\r\n" +
			"Content-Length: 20\r\n\r\n{\"message\":\"enough\"}"),
			"the handshake was refused: 429 ThrottlingException: enough"},
		{"refused without a word", answer("HTTP/1.1 401 Unauthorized\r\n\r\n"),
			"the handshake was refused: 401 Unauthorized"},
		{"another subprotocol", func(conn net.Conn) {
			up := ws.Upgrader{Protocol: func([]byte) bool { return false }}
			_, _ = up.Upgrade(conn)
		}, "another subprotocol"},
		{"wrong accept", answer("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n" +
			"Upgrade: websocket\r\nSec-WebSocket-Protocol: token\r\nSec-WebSocket-Accept: x\r\n\r\n"),
			"another Sec-WebSocket-Accept"},
		{"no HTTP", answer("SSH-2.0-x\r\n\r\n"), "no HTTP"},
		{"too long", answer(strings.Repeat("x", 2*maxHeadBytes)), "over 32768 bytes"},
		{"ended", answer("HTTP/1.1 101"), "the server ended the connection"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, kind := range kinds() {
				t.Run(name, func(t *testing.T) {
					e := start(t, []Server{listen(t, tt.serve)}, kind)
					e.do(func(n Network) { n.Open(0, "token") })
					e.want(t, "0 failed: ", tt.want)
				})
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, err := Find(t.Context(), "http://"+l.Addr().String())
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	for name, kind := range kinds() {
		t.Run(name, func(t *testing.T) {
			e := start(t, []Server{server}, kind)
			e.do(func(n Network) { n.Open(1, "token") })
			e.want(t, "1 failed: ", "refused")
		})
	}
}

// TestTLS opens a session with a server whose certificate is checked.
func TestTLS(t *testing.T) {
	upgrade := func(w http.ResponseWriter, r *http.Request) {
		up := ws.HTTPUpgrader{Protocol: func(string) bool { return true }}
		conn, _, _, err := up.Upgrade(r, w)
		if err != nil {
			return
		}
		defer conn.Close()
		echo(conn)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(upgrade))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that is to fail
	server.StartTLS()
	defer server.Close()
	found, err := Find(t.Context(), "wss"+strings.TrimPrefix(server.URL, "https"))
	if err != nil {
		t.Fatal(err)
	}
	t.Run("certificate of nobody known", func(t *testing.T) {
		e := start(t, []Server{found}, New)
		e.do(func(n Network) { n.Open(0, "token") })
		e.want(t, "0 failed: ", "failed to verify certificate")
	})
	t.Run("good certificate", func(t *testing.T) {
		found.tls = &tls.Config{ServerName: "example.com",
			RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
		e := start(t, []Server{found}, New)
		e.do(func(n Network) { n.Open(0, "token") })
		e.want(t, "0 opened", "")
		e.do(func(n Network) { n.Send(0, AppendText(nil, []byte("hi"))) })
		e.want(t, "0 message ", "hi")
	})
}

func TestSessionsAreSpreadOverServers(t *testing.T) {
	at := make(chan int, 2)
	var servers []Server
	for i := range 2 {
		server := listen(t, func(conn net.Conn) {
			at <- i
			_, _ = io.Copy(io.Discard, conn)
		})
		server.raw = true
		servers = append(servers, server)
	}
	for name, kind := range kinds() {
		t.Run(name, func(t *testing.T) {
			e := start(t, servers, kind)
			for i := range 2 {
				e.do(func(n Network) { n.Open(i, "") })
				e.want(t, fmt.Sprint(i), " opened")
				if got := <-at; got != i {
					t.Errorf("session %d is on server %d", i, got)
				}
			}
		})
	}
}

// TestSessionsAreSpread opens sessions from several loopback addresses.
func TestSessionsAreSpread(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other systems have only 127.0.0.1")
	}
	from := make(chan string, 2)
	server := listen(t, func(conn net.Conn) {
		from <- conn.RemoteAddr().(*net.TCPAddr).IP.String()
		_, _ = io.Copy(io.Discard, conn)
	})
	server.raw = true
	for name, kind := range kinds() {
		t.Run(name, func(t *testing.T) {
			e := start(t, []Server{server}, func(s []Server, _ int, h Handler) (Network, error) {
				return kind(s, portsPerSource+1, h)
			})
			for i, want := range []string{"127.0.0.1", "127.0.0.2"} {
				e.do(func(n Network) { n.Open(i, "") })
				e.want(t, fmt.Sprint(i), " opened")
				if got := <-from; got != want {
					t.Errorf("session %d comes from %s, want %s", i, got, want)
				}
			}
		})
	}
}

func TestSources(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other systems have only 127.0.0.1")
	}
	for _, tt := range []struct {
		ip       string
		sessions int
		want     int
	}{
		{"127.0.0.1", portsPerSource, 0},
		{"127.0.0.1", portsPerSource + 1, 2},
		{"127.0.0.1", 1_000_000, 50},
		{"192.0.2.1", 1_000_000, 0},
		{"::1", 1_000_000, 0},
	} {
		s := Server{addr: &net.TCPAddr{IP: net.ParseIP(tt.ip)}}
		if got := s.sources(tt.sessions); got != tt.want {
			t.Errorf("%d sessions with %s: %d sources, want %d", tt.sessions, tt.ip, got, tt.want)
		}
	}
	seen := map[[4]byte]bool{}
	for i := range 600 {
		seen[source(i, 600)] = true
	}
	if len(seen) != 600 {
		t.Errorf("600 sources are %d addresses", len(seen))
	}
}

func TestFind(t *testing.T) {
	for _, tt := range []struct {
		address string
		tls     bool
		host    string
		path    string
		port    int
		fails   bool
	}{
		{"ws://127.0.0.1:8080", false, "127.0.0.1:8080", "/", 8080, false},
		{"http://127.0.0.1", false, "127.0.0.1", "/", 80, false},
		{"wss://127.0.0.1/", true, "127.0.0.1", "/", 443, false},
		{"https://127.0.0.1:1/chat?a=b", true, "127.0.0.1:1", "/chat?a=b", 1, false},
		{"127.0.0.1:8080", false, "", "", 0, true},
		{"ftp://127.0.0.1", false, "", "", 0, true},
		{"ws://127.0.0.1:99999", false, "", "", 0, true},
	} {
		s, err := Find(t.Context(), tt.address)
		if (err != nil) != tt.fails {
			t.Errorf("Find(%q): error %v, want failure %t", tt.address, err, tt.fails)
		}
		if err != nil {
			continue
		}
		if (s.tls != nil) != tt.tls || s.host != tt.host || s.path != tt.path || s.addr.Port != tt.port {
			t.Errorf("Find(%q) = TLS %t, %q, %q, %s; want %+v",
				tt.address, s.tls != nil, s.host, s.path, s.addr, tt)
		}
	}
}

func TestGoneNamesPorts(t *testing.T) {
	err := gone(fmt.Errorf("connect: %w", syscall.EADDRNOTAVAIL))
	if !errors.Is(err, syscall.EADDRNOTAVAIL) || !strings.Contains(err.Error(), "no port is left") {
		t.Errorf("got %v, want the cause and that no port is left", err)
	}
}
