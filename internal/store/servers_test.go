package store

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"

	"github.com/parley-chat/parley/internal/parleytest/freeport"
	"github.com/parley-chat/parley/internal/store/engine"
)

// Servers are three NATS servers that form a cluster. The stores that Open returns are
// nodes, each with a server of its own.
type Servers struct {
	t       testing.TB
	options [3]*server.Options
	running [3]*server.Server // nil once killed
	links   [3][3]*link       // from a server to another
}

// StartServers starts servers that have found each other, with files. They are stopped
// and checked for leaks when the test ends.
func StartServers(t testing.TB) *Servers {
	t.Helper()
	before := goleak.IgnoreCurrent()
	s := &Servers{t: t}
	var dirs [3]string
	for i := range dirs {
		dirs[i] = t.TempDir() // removed after what follows
	}
	t.Cleanup(func() {
		for i := range s.running {
			s.Stop(i)
		}
		for _, links := range s.links {
			for _, l := range links {
				l.close()
			}
		}
		WantNoLeaks(t, before)
	})
	for i := range s.options {
		s.options[i] = &server.Options{
			ServerName: "server-" + strconv.Itoa(i), Host: "127.0.0.1", Port: freePort(t),
			NoSigs: true, NoLog: true, JetStream: true, StoreDir: dirs[i],
			JetStreamMaxStore: 1 << 30, DisableJetStreamBanner: true,
			Cluster: server.ClusterOpts{Name: "servers", Host: "127.0.0.1", Port: freePort(t),
				// Nobody listens there: servers find each other through the links alone.
				Advertise: "127.0.0.1:1", NoAdvertise: true,
				Compression: server.CompressionOpts{Mode: server.CompressionOff}},
		}
	}
	for i := range s.links {
		for j := range s.links {
			if i == j {
				continue
			}
			s.links[i][j] = newLink(t, s.options[j].Cluster.Port)
			s.options[i].Routes = append(s.options[i].Routes,
				&url.URL{Scheme: "nats-route", Host: s.links[i][j].address()})
		}
	}
	for i := range s.running {
		s.Run(i)
	}
	s.await()
	return s
}

// WantNoLeaks fails the test if goroutines are left that were not there before. A server
// that was killed, and a machine that is busy, take their time to end all of them.
func WantNoLeaks(t testing.TB, before goleak.Option) {
	t.Helper()
	for begin := time.Now(); goleak.Find(before) != nil && time.Since(begin) < patience; {
	}
	goleak.VerifyNone(t, before)
}

// freePort returns a port that a server has to itself, also while it does not run.
func freePort(t testing.TB) int {
	t.Helper()
	address, err := net.ResolveTCPAddr("tcp", freeport.Address())
	if err != nil {
		t.Fatal(err)
	}
	return address.Port
}

// Run starts a server, for the first time or again.
func (s *Servers) Run(i int) {
	s.t.Helper()
	started, err := server.NewServer(s.options[i].Clone())
	if err != nil {
		s.t.Fatal(err)
	}
	started.Start()
	s.running[i] = started
	s.Heal(i)
	if !started.ReadyForConnections(patience) {
		s.t.Fatalf("server %d does not start", i)
	}
}

// Kill ends a server as when its machine dies: what it leads has no leader for a while.
func (s *Servers) Kill(i int) {
	s.Cut(i)
	s.Stop(i)
}

// Stop ends a server, which tells the others.
func (s *Servers) Stop(i int) {
	if s.running[i] != nil {
		s.running[i].Shutdown()
		s.running[i].WaitForShutdown()
		s.running[i] = nil
	}
}

// Cut separates a server, with its nodes, from the others, until Heal.
func (s *Servers) Cut(i int) { s.cut(i, true) }

// Heal undoes Cut.
func (s *Servers) Heal(i int) { s.cut(i, false) }

func (s *Servers) cut(i int, cut bool) {
	for j := range s.links {
		if i != j && s.links[i][j] != nil {
			s.links[i][j].cut(cut)
			s.links[j][i].cut(cut)
		}
	}
}

// await waits until the servers can make buckets.
func (s *Servers) await() {
	s.t.Helper()
	within(s.t, "the servers have a leader", func() bool {
		for _, r := range s.running {
			if r != nil && r.JetStreamIsLeader() {
				return len(r.JetStreamClusterPeers()) == len(s.running)
			}
		}
		return false
	})
}

// Settle waits until all servers have all that is stored.
func (s *Servers) Settle(t testing.TB) {
	t.Helper()
	within(t, "all servers are current", func() bool {
		for _, r := range s.running {
			if r.Healthz(nil).Status != "ok" {
				return false
			}
		}
		return true
	})
}

// Leader returns the server that leads a bucket, as it was opened with a prefix.
func (s *Servers) Leader(prefix, bucket string) int {
	s.t.Helper()
	leader := -1
	within(s.t, bucket+" has a leader", func() bool {
		for i, r := range s.running {
			if r != nil && r.JetStreamIsStreamLeader("$G", "KV_"+prefix+"-"+bucket) {
				leader = i
			}
		}
		return leader >= 0
	})
	return leader
}

// Open returns a store that reaches one of the servers and shares what has the prefix.
// It is closed when the test ends.
func (s *Servers) Open(i int, prefix string) *Store {
	s.t.Helper()
	lines := &safeBuffer{}
	s.t.Cleanup(func() {
		if s.t.Failed() {
			s.t.Logf("log of a store at server %d:\n%s", i, lines)
		}
	})
	opened, err := Open(context.Background(), engine.Config{
		Node: fmt.Sprint("node-", i), StartTimeout: time.Minute,
		External: &engine.External{
			URLs:   []string{fmt.Sprintf("nats://127.0.0.1:%d", s.options[i].Port)},
			Prefix: prefix, Replicas: len(s.running),
		},
	}, slog.New(slog.NewTextHandler(lines, nil)))
	if err != nil {
		s.t.Fatalf("Open() at server %d = %v, want a store", i, err)
	}
	s.t.Cleanup(func() { _ = opened.Close() })
	return opened
}

// OpenAll returns a store for each server.
func (s *Servers) OpenAll(prefix string) []*Store {
	s.t.Helper()
	stores := make([]*Store, len(s.running))
	for i := range stores {
		stores[i] = s.Open(i, prefix)
	}
	return stores
}

// AnnouncedPatience is how long a room waits for the end of a deletion of what it names.
const AnnouncedPatience = announcedPatience

// Promptly has read read from a store until it does so in less time than the store waits
// before it answers with what it knows: then that is what all nodes wrote before.
func Promptly(read func()) {
	for took := readPatience; took >= readPatience; {
		began := time.Now()
		read()
		took = time.Since(began)
	}
}

// link carries connections to a port of this machine, unless it is cut.
type link struct {
	listener net.Listener
	port     int
	serving  sync.WaitGroup

	mu    sync.Mutex // guards what follows
	down  bool
	conns map[net.Conn]struct{}
}

func newLink(t testing.TB, port int) *link {
	t.Helper()
	l := &link{port: port, conns: map[net.Conn]struct{}{}}
	var err error
	if l.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	l.serving.Go(l.serve)
	return l
}

func (l *link) address() string { return l.listener.Addr().String() }

func (l *link) serve() {
	for {
		from, err := l.listener.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", l.port))
		if err != nil {
			_ = from.Close()
			continue
		}
		l.mu.Lock()
		l.conns[from], l.conns[to] = struct{}{}, struct{}{}
		if l.down {
			_, _ = from.Close(), to.Close()
		}
		l.mu.Unlock()
		l.serving.Go(func() { l.carry(from, to) })
		l.serving.Go(func() { l.carry(to, from) })
	}
}

func (l *link) carry(from, to net.Conn) {
	_, _ = io.Copy(to, from)
	_, _ = from.Close(), to.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, from)
	delete(l.conns, to)
}

func (l *link) cut(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = cut
	for conn := range l.conns {
		if cut {
			_ = conn.Close()
		}
	}
}

func (l *link) close() {
	if l == nil {
		return // to the server itself
	}
	_ = l.listener.Close()
	l.cut(true)
	l.serving.Wait()
}
