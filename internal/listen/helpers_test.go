package listen_test

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"
	"go.uber.org/goleak"

	"github.com/parley-chat/parley/internal/listen"
	"github.com/parley-chat/parley/internal/metrics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// timeout bounds what a test waits for.
const timeout = 30 * time.Second

// behindProxy trusts whoever connects from this machine, and wants headers of the
// PROXY protocol.
var behindProxy = listen.Config{
	ProxyProtocol: true, Trusted: listen.Trusted{netip.MustParsePrefix("127.0.0.0/8")},
}

// door returns a door with metrics, which logs with the test.
func door(t *testing.T, c listen.Config) *listen.Door {
	if c.Metrics == nil {
		c.Metrics = metrics.New()
	}
	c.Log = slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return listen.New(c)
}

// testWriter shows a log with the test that it belongs to.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(line []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(line)))
	return len(line), nil
}

// serve serves HTTP behind a door until the test ends, and returns its address.
func serve(t *testing.T, c listen.Config, handler http.Handler) string {
	t.Helper()
	d := door(t, c)
	l, err := d.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: d.Handler(handler), ConnState: d.Watch,
		ReadHeaderTimeout: timeout, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return l.Addr().String()
}

// dial opens a connection that is closed when the test ends.
func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// proxyHeader returns a header of the PROXY protocol for a client.
func proxyHeader(t *testing.T, version byte, client string) string {
	t.Helper()
	addr := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(client))
	destination := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443}
	return format(t, proxyproto.HeaderProxyFromAddrs(version, addr, destination))
}

// localHeader returns the header of a proxy that speaks for itself.
func localHeader(t *testing.T) string {
	t.Helper()
	return format(t, &proxyproto.Header{
		Version: 2, Command: proxyproto.LOCAL, TransportProtocol: proxyproto.UNSPEC,
	})
}

func format(t *testing.T, h *proxyproto.Header) string {
	t.Helper()
	text, err := h.Format()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// ask sends text on a connection and returns all of the answer.
func ask(t *testing.T, conn net.Conn, text string) string {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil && len(answer) == 0 {
		return err.Error()
	}
	return string(answer)
}
