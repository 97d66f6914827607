package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/parley-chat/parley/internal/store/bus"
)

// patience is for what must happen, on a machine with much else to do.
const patience = time.Minute

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// startServer runs a NATS server with routes to the given addresses.
func startServer(t testing.TB, name string, routes ...string) *server.Server {
	t.Helper()
	opts := &server.Options{
		ServerName: name, Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true,
		Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: -1,
			// What servers tell each other leads nowhere: all routes are the given ones.
			Advertise:    "127.0.0.1:1",
			PingInterval: 500 * time.Millisecond, MaxPingsOut: 2},
	}
	for _, r := range routes {
		opts.Routes = append(opts.Routes, &url.URL{Scheme: "nats", Host: r})
	}
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(patience) {
		t.Fatal("the server does not start")
	}
	return s
}

// startCluster runs servers with routes to each other.
func startCluster(t testing.TB, n int) []*server.Server {
	t.Helper()
	servers, _ := startRelayed(t, n, false)
	return servers
}

// startRelayed runs a cluster in which every route goes through a relay: relays[i][j] is
// that of server i to server j, for i > j.
func startRelayed(t testing.TB, n int, relayed bool) ([]*server.Server, [][]*relay) {
	t.Helper()
	var servers []*server.Server
	var relays [][]*relay
	for i := range n {
		var routes []string
		var row []*relay
		for _, s := range servers {
			route := s.ClusterAddr().String()
			if relayed {
				r := startRelay(t, route)
				route = r.addr()
				row = append(row, r)
			}
			routes = append(routes, route)
		}
		servers = append(servers, startServer(t, fmt.Sprint("s", i), routes...))
		relays = append(relays, row)
	}
	eventually(t, "all routes are open", func() bool { return connected(servers) })
	return servers, relays
}

// connected reports whether all servers have routes to each other.
func connected(servers []*server.Server) bool {
	for _, s := range servers {
		if s.NumRemotes() != len(servers)-1 {
			return false
		}
	}
	return true
}

// eventually waits until a condition holds that no event tells.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not so after %s: %s", patience, what)
		}
	}
}

func connector(s *server.Server) func(string, ...nats.Option) (*nats.Conn, error) {
	return func(name string, opts ...nats.Option) (*nats.Conn, error) {
		return nats.Connect("", append([]nats.Option{nats.InProcessServer(s), nats.Name(name),
			nats.MaxReconnects(-1), nats.ReconnectWait(50 * time.Millisecond),
			nats.ReconnectBufSize(-1)}, opts...)...)
	}
}

func open(t testing.TB, cfg bus.Config) *bus.Bus {
	t.Helper()
	return openEach(t, cfg)[0]
}

// openEach opens buses, all at the same time.
func openEach(t testing.TB, configs ...bus.Config) []*bus.Bus {
	t.Helper()
	buses := make([]*bus.Bus, len(configs))
	errs := make([]error, len(configs))
	var opened sync.WaitGroup
	for i, cfg := range configs {
		cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
		cfg.Prefix = "parley"
		opened.Go(func() { buses[i], errs[i] = bus.Open(context.Background(), cfg) })
	}
	opened.Wait()
	for i, b := range buses {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		t.Cleanup(b.Close)
	}
	return buses
}

// openAll opens one bus on each server, all at the same time.
func openAll(t testing.TB, servers ...*server.Server) []*bus.Bus {
	t.Helper()
	configs := make([]bus.Config, len(servers))
	for i, s := range servers {
		configs[i] = bus.Config{Connect: connector(s), Node: fmt.Sprint("n", i)}
	}
	return openEach(t, configs...)
}

// modes runs a test on each kind of bus; every one gets the buses of its nodes.
func modes(t *testing.T, test func(t *testing.T, nodes []*bus.Bus)) {
	t.Run("single", func(t *testing.T) { test(t, []*bus.Bus{open(t, bus.Config{})}) })
	t.Run("one server", func(t *testing.T) {
		s := startServer(t, "s")
		test(t, openAll(t, s, s, s))
	})
	t.Run("cluster", func(t *testing.T) { test(t, openAll(t, startCluster(t, 3)...)) })
}

// listener collects what a subscription gets.
type listener struct {
	events chan string
	lost   chan struct{}
	stop   func()
}

func subscribe(t testing.TB, b *bus.Bus, room string) *listener {
	t.Helper()
	l := &listener{events: make(chan string, 1<<17), lost: make(chan struct{}, 1<<10)}
	stop, err := b.Subscribe(context.Background(), room,
		func(event []byte) { l.events <- string(event) }, func() { l.lost <- struct{}{} })
	if err != nil {
		t.Fatalf("Subscribe(%s) = %v, want nil", room, err)
	}
	l.stop = stop
	t.Cleanup(stop)
	return l
}

func publish(t testing.TB, b *bus.Bus, room, event string) {
	t.Helper()
	if err := b.Publish(context.Background(), room, []byte(event)); err != nil {
		t.Errorf("Publish(%s, %s) = %v, want nil", room, event, err)
	}
}

func (l *listener) want(t testing.TB, want string) {
	t.Helper()
	select {
	case got := <-l.events:
		if got != want {
			t.Fatalf("received %q, want %q", got, want)
		}
	case <-time.After(patience):
		t.Fatalf("received nothing for %s, want %q", patience, want)
	}
}

func TestEventsArriveInOrder(t *testing.T) {
	modes(t, func(t *testing.T, nodes []*bus.Bus) {
		var first, second, other []*listener
		for _, b := range nodes {
			first = append(first, subscribe(t, b, "w.1.a"))
			second = append(second, subscribe(t, b, "w.1.a"))
			other = append(other, subscribe(t, b, "w.1.b"))
		}
		const events = 5000
		for i := range events {
			publish(t, nodes[0], "w.1.a", fmt.Sprint("a", i))
			publish(t, nodes[0], "w.1.b", fmt.Sprint("b", i))
		}
		for n := range nodes {
			for i := range events {
				first[n].want(t, fmt.Sprint("a", i))
				second[n].want(t, fmt.Sprint("a", i))
				other[n].want(t, fmt.Sprint("b", i))
			}
		}
	})
}

func TestNoCallAfterStop(t *testing.T) {
	modes(t, func(t *testing.T, nodes []*bus.Bus) {
		b, from := nodes[0], nodes[len(nodes)-1]
		for range 30 {
			var stopped atomic.Bool
			started := make(chan struct{}, 1)
			stop, err := b.Subscribe(context.Background(), "r", func([]byte) {
				select {
				case started <- struct{}{}:
				default:
				}
				runtime.Gosched() // so that stop comes in between
				if stopped.Load() {
					t.Error("deliver runs after stop has returned")
				}
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
			for range 200 {
				publish(t, from, "r", "x")
			}
			<-started
			stop()
			stopped.Store(true)
			stop() // a second time does nothing
		}
		if n := b.Stats().Rooms; n != 0 {
			t.Errorf("%d rooms are listened to after all were left, want none", n)
		}
	})
}

func TestDeliveredEventMayBeKept(t *testing.T) {
	modes(t, func(t *testing.T, nodes []*bus.Bus) {
		kept := make(chan []byte, 1000)
		stop, err := nodes[0].Subscribe(context.Background(), "r",
			func(event []byte) { kept <- event }, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		want := func(i int) string { return strings.Repeat(fmt.Sprint(i%10), 1000) }
		for i := range cap(kept) {
			publish(t, nodes[len(nodes)-1], "r", want(i))
		}
		events := make([][]byte, cap(kept))
		for i := range events {
			events[i] = <-kept
		}
		for i, event := range events {
			if string(event) != want(i) {
				t.Fatalf("event %d changed after its delivery: %.20q…", i, event)
			}
		}
	})
}

// TestCloseAmidEverything closes a bus while it is used in all ways.
func TestCloseAmidEverything(t *testing.T) {
	modes(t, func(t *testing.T, nodes []*bus.Bus) {
		b := nodes[0]
		var users sync.WaitGroup
		use := func(f func() error) {
			users.Go(func() {
				for err := error(nil); !errors.Is(err, bus.ErrClosed); err = f() {
				}
			})
		}
		use(func() error { return b.Publish(context.Background(), "r", []byte("x")) })
		use(func() error { return b.PublishConfirmed(context.Background(), "r", []byte("x")) })
		use(func() error { return b.Check(t.Context()) })
		use(func() error {
			stop, err := b.Subscribe(context.Background(), "r", func([]byte) {}, nil)
			if err == nil {
				stop()
			}
			return err
		})
		subscribe(t, nodes[len(nodes)-1], "r")
		b.Close()
		users.Wait()
		b.Close() // a second time does nothing
	})
}

func TestCheck(t *testing.T) {
	modes(t, func(t *testing.T, nodes []*bus.Bus) {
		if err := nodes[0].Check(t.Context()); err != nil {
			t.Errorf("Check = %v, want nil", err)
		}
		blocked, entered := make(chan struct{}), make(chan struct{})
		stop, err := nodes[0].Subscribe(context.Background(), "r",
			func([]byte) { close(entered); <-blocked }, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		publish(t, nodes[0], "r", "x")
		<-entered
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := nodes[0].Check(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Check while nothing is delivered = %v, want the context's error", err)
		}
		close(blocked)
		if err := nodes[0].Check(t.Context()); err != nil {
			t.Errorf("Check after = %v, want nil", err)
		}
	})
}

func TestSmallMessagesOnly(t *testing.T) {
	s, err := server.NewServer(&server.Options{
		DontListen: true, MaxPayload: 64 << 10, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	defer s.WaitForShutdown()
	defer s.Shutdown()
	_, err = bus.Open(t.Context(), bus.Config{Connect: connector(s), Prefix: "p",
		Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "max_payload") {
		t.Errorf("Open with a server that takes small messages = %v, want an error on max_payload",
			err)
	}
}
