package listen_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/parley-chat/parley/internal/listen"
	"github.com/parley-chat/parley/internal/metrics"
)

// guest is a connection that only has an address and can be closed.
type guest struct {
	net.Conn
	from   net.Addr
	closed bool
}

func (g *guest) RemoteAddr() net.Addr { return g.from }

func (g *guest) Close() error {
	g.closed = true
	return nil
}

func newGuest(address string) *guest {
	return &guest{from: net.TCPAddrFromAddrPort(
		netip.AddrPortFrom(netip.MustParseAddr(address), 4711))}
}

// visit is a sequence of connections and of changes of their states, written as
// words: "a:198.51.100.1" is a new one named a; "a!" and "a~" have a request begin
// and end; "a>" makes it a session; and "a." ends it.
func visit(t *testing.T, d *listen.Door, words string) map[string]*guest {
	t.Helper()
	guests := map[string]*guest{}
	states := map[byte]http.ConnState{'!': http.StateActive, '~': http.StateIdle,
		'>': http.StateHijacked, '.': http.StateClosed}
	for word := range strings.FieldsSeq(words) {
		if name, address, fresh := strings.Cut(word, ":"); fresh {
			guests[name] = newGuest(address)
			d.Watch(guests[name], http.StateNew)
			continue
		}
		name, sign := word[:len(word)-1], word[len(word)-1]
		d.Watch(guests[name], states[sign])
	}
	return guests
}

// TestTooManyConnections checks who has to go when there are too many. With three
// places in all and two for each address, everyone may come who finds one.
func TestTooManyConnections(t *testing.T) {
	for _, test := range []struct {
		name, visits, closed string
	}{
		{"as many as there may be", "a:1.1.1.1 b:2.2.2.2 c:3.3.3.3", ""},
		{"one more", "a:1.1.1.1 b:2.2.2.2 c:3.3.3.3 d:4.4.4.4", "a"},
		{"two more", "a:1.1.1.1 b:2.2.2.2 c:3.3.3.3 d:4.4.4.4 e:5.5.5.5", "a b"},
		{"a session takes no place", "a:1.1.1.1 a! a> b:2.2.2.2 c:3.3.3.3 d:4.4.4.4", ""},
		{"one that ended takes no place", "a:1.1.1.1 b:2.2.2.2 c:3.3.3.3 a. d:4.4.4.4", ""},
		{"a request in progress goes on", "a:1.1.1.1 b:2.2.2.2 c:3.3.3.3 a! d:4.4.4.4", "b"},
		{"requests in progress everywhere", "a:1.1.1.1 b:2.2.2.2 c:3.3.3.3 a! b! c! d:4.4.4.4", "d"},
		{"a request makes younger", "a:1.1.1.1 b:2.2.2.2 c:3.3.3.3 a! a~ d:4.4.4.4", "b"},
		{"the longest idle", "a:1.1.1.1 b:2.2.2.2 c:3.3.3.3 b! b~ a! a~ c! d:4.4.4.4", "b"},
		{"states of one that had to go",
			"a:1.1.1.1 b:2.2.2.2 c:3.3.3.3 d:4.4.4.4 a! a~ a. e:5.5.5.5", "a b"},

		{"as many of an address", "a:1.1.1.1 b:1.1.1.1 c:2.2.2.2", ""},
		{"one more of an address", "a:1.1.1.1 b:1.1.1.1 c:1.1.1.1", "a"},
		{"others are not touched", "o:2.2.2.2 a:1.1.1.1 b:1.1.1.1 c:1.1.1.1", "a"},
		{"its requests go on", "a:1.1.1.1 b:1.1.1.1 a! c:1.1.1.1", "b"},
		{"its requests everywhere", "a:1.1.1.1 b:1.1.1.1 a! b! c:1.1.1.1", "c"},
		{"its sessions take no place", "a:1.1.1.1 b:1.1.1.1 a> b> c:1.1.1.1 d:1.1.1.1", ""},
		{"one more of a /64", "a:2001:db8::1 b:2001:db8::2 c:2001:db8:0:0:f::", "a"},
		{"another /64", "a:2001:db8::1 b:2001:db8::2 c:2001:db8:0:1::", ""},
		{"IPv4 as IPv6", "a:1.1.1.1 b:::ffff:1.1.1.1 c:1.1.1.1", "a"},
		{"a trusted proxy has all places", "a:10.0.0.1 b:10.0.0.1 c:10.0.0.1", ""},
		{"but not more", "a:10.0.0.1 b:10.0.0.1 c:10.0.0.1 d:10.0.0.1", "a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := door(t, listen.Config{MaxConnections: 3, MaxPerAddress: 2,
				Trusted: listen.Trusted{netip.MustParsePrefix("10.0.0.0/8")}})
			guests := visit(t, d, test.visits)
			var closed []string
			for _, name := range []string{"a", "b", "c", "d", "e", "o"} {
				if g := guests[name]; g != nil && g.closed {
					closed = append(closed, name)
				}
			}
			if got := strings.Join(closed, " "); got != test.closed {
				t.Errorf("after %q, closed are %q, want %q", test.visits, got, test.closed)
			}
			for _, g := range guests {
				d.Watch(g, http.StateClosed)
			}
			if connections, addresses := d.Guests(); connections+addresses > 0 {
				t.Errorf("with nobody left, %d connections of %d addresses are remembered",
					connections, addresses)
			}
		})
	}
}

func TestNoLimitOnConnections(t *testing.T) {
	d := door(t, listen.Config{})
	for i := range 5000 {
		g := newGuest("198.51.100.1")
		if d.Watch(g, http.StateNew); g.closed {
			t.Fatalf("connection %d was closed, though there is no limit", i+1)
		}
	}
}

func TestDroppedConnectionsAreCounted(t *testing.T) {
	m := metrics.New()
	d := door(t, listen.Config{MaxConnections: 3, MaxPerAddress: 2, Metrics: m})
	visit(t, d, "a:1.1.1.1 b:1.1.1.1 c:1.1.1.1 d:2.2.2.2 e:3.3.3.3 f:4.4.4.4")
	text := metricsText(m)
	for _, want := range []string{
		`parley_connections_dropped_total{reason="too_many"} 2`,
		`parley_connections_dropped_total{reason="too_many_from_address"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("the metrics lack %s:\n%s", want, text)
		}
	}
}

// metricsText returns the lines about dropped connections.
func metricsText(m *metrics.Metrics) string {
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	var lines string
	for line := range strings.Lines(answer.Body.String()) {
		if strings.HasPrefix(line, "parley_connections_dropped_total") {
			lines += line
		}
	}
	return lines
}

// TestConnectionsComeAndGoAtOnce checks that nothing is remembered of connections
// whose states change at once, while others have to make room.
func TestConnectionsComeAndGoAtOnce(t *testing.T) {
	d := door(t, listen.Config{MaxConnections: 20, MaxPerAddress: 5})
	var all sync.WaitGroup
	for worker := range 16 {
		all.Go(func() {
			for i := range 500 {
				g := &lockedGuest{from: newGuest(fmt.Sprintf("198.51.100.%d", worker%8)).from}
				for _, state := range []http.ConnState{http.StateNew, http.StateActive,
					http.StateIdle, http.StateActive, http.StateHijacked + http.ConnState(i%2)} {
					d.Watch(g, state)
				}
			}
		})
	}
	all.Wait()
	if connections, addresses := d.Guests(); connections+addresses > 0 {
		t.Errorf("with nobody left, %d connections of %d addresses are remembered",
			connections, addresses)
	}
}

// lockedGuest may be closed by another goroutine.
type lockedGuest struct {
	net.Conn
	from net.Addr
}

func (g *lockedGuest) RemoteAddr() net.Addr { return g.from }
func (g *lockedGuest) Close() error         { return nil }

// TestHonestClientBesideAFlood fills all places with connections on which nothing is
// ever sent. A client that comes then is served, and the oldest of the others is
// gone.
func TestHonestClientBesideAFlood(t *testing.T) {
	const places = 50
	address := serve(t, listen.Config{MaxConnections: places, MaxPerAddress: places},
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "served")
		}))
	var silent []net.Conn
	for range 3 * places {
		silent = append(silent, dial(t, address))
	}
	const request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	if got := ask(t, dial(t, address), request); !strings.HasSuffix(got, "served") {
		t.Errorf("beside %d silent connections, the answer is %q", len(silent), got)
	}
	for i, conn := range silent[:2*places+1] { // the rest, and the client, had places
		if n, err := conn.Read(make([]byte, 1)); err == nil {
			t.Fatalf("silent connection %d read %d bytes, want its end", i+1, n)
		}
	}
}

// TestCloseFresh checks that only connections without a request are closed.
func TestCloseFresh(t *testing.T) {
	d := door(t, listen.Config{})
	guests := visit(t, d, "new:1.1.1.1 active:1.1.1.1 idle:1.1.1.1 active! idle! idle~")
	d.CloseFresh()
	for name, g := range guests {
		if g.closed != (name == "new") {
			t.Errorf("the connection that is %s is closed: %t", name, g.closed)
		}
	}
}

func TestDefaultConnections(t *testing.T) {
	if n := listen.DefaultConnections(); n < 1 || n > 16384 {
		t.Errorf("by default %d connections may be open, want 1 to 16384", n)
	}
}

func BenchmarkWatch(b *testing.B) {
	d := listen.New(listen.Config{MaxConnections: 1000, MaxPerAddress: 100, Metrics: metrics.New()})
	var from [256]net.Addr
	for i := range from {
		from[i] = newGuest(fmt.Sprintf("198.51.100.%d", i)).from
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		d.Watch(&guest{from: from[i%len(from)]}, http.StateNew)
	}
}
