package engine_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/parley-chat/parley/internal/parleytest/freeport"
	"github.com/parley-chat/parley/internal/store/engine"
)

// newNATS starts a NATS server as others run it, which is stopped at the end of the test.
func newNATS(t testing.TB, change func(*server.Options)) *server.Server {
	t.Helper()
	options := &server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: t.TempDir(),
		LameDuckDuration: time.Second, LameDuckGracePeriod: -time.Millisecond,
	}
	if change != nil {
		change(options)
	}
	s, err := server.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(patience) {
		t.Fatal("the NATS server is not ready")
	}
	return s
}

// newNATSCluster starts three of them that belong together.
func newNATSCluster(t testing.TB) []*server.Server {
	t.Helper()
	at := freeport.Addresses(3)
	var routes []*url.URL
	for _, address := range at {
		routes = append(routes, &url.URL{Scheme: "nats-route", Host: address})
	}
	var all []*server.Server
	for i, address := range at {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, newNATS(t, func(o *server.Options) {
			o.ServerName, o.Routes = fmt.Sprint("nats", i), routes
			o.Cluster = server.ClusterOpts{Name: "theirs", Host: host}
			_, _ = fmt.Sscan(port, &o.Cluster.Port)
		}))
	}
	within(t, "the NATS servers have a leader", func() bool {
		for _, s := range all {
			if s.JetStreamIsLeader() {
				return len(s.JetStreamClusterPeers()) == len(all)
			}
		}
		return false
	})
	return all
}

// external returns the settings for some servers.
func external(servers ...*server.Server) *engine.External {
	x := &engine.External{Prefix: "test", Replicas: len(servers)}
	for _, s := range servers {
		x.URLs = append(x.URLs, s.ClientURL())
	}
	return x
}

func startExternal(t testing.TB, x *engine.External) *node {
	t.Helper()
	n := &node{config: engine.Config{Node: "node", External: x, StartTimeout: patience}}
	n.start(t)
	if t.Failed() {
		t.FailNow()
	}
	return n
}

func TestExternalSaysHowItIs(t *testing.T) {
	noLeaks(t)
	n := startExternal(t, external(newNATSCluster(t)...))
	put(t, n.bucket(t, "b"), "key", "value")
	if n.Quorum() != 0 || n.Replicas() != 3 || !n.Shared() || n.Bucket("b") != "test-b" ||
		n.Prefix() != "test" || n.Node() != "node" {
		t.Errorf("quorum %d, replicas %d, shared %t, bucket %q, prefix %q, name %q; "+
			"want 0, 3, true, test-b, test, node",
			n.Quorum(), n.Replicas(), n.Shared(), n.Bucket("b"), n.Prefix(), n.Node())
	}
	s := n.status(t)
	if s.Mode != "external" || s.Cluster != "theirs" || len(s.Streams) != 1 ||
		s.Streams[0].Bucket != "b" || len(s.Streams[0].Replicas) != 2 {
		t.Errorf("Status() = %+v, want the cluster theirs with a bucket on three servers", s)
	}
	within(t, "the server that answers has the key", func() bool {
		stats, err := n.Stats()
		return err == nil && stats.Bytes > 0
	})
	if err := n.RemoveNode(t.Context(), "nats0"); err == nil {
		t.Error("RemoveNode() of somebody else's server = nil, want an error")
	}
}

func TestTwoUsersOfOneNATSDoNotMeet(t *testing.T) {
	noLeaks(t)
	s := newNATS(t, nil)
	ours, theirs := external(s), external(s)
	theirs.Prefix = "test2"
	a, b := startExternal(t, ours), startExternal(t, theirs)
	put(t, a.bucket(t, "b"), "key", "a")
	if _, err := b.bucket(t, "b").Get(t.Context(), "key"); err == nil {
		t.Error("another prefix sees our key")
	}
	if got := a.status(t).Streams; len(got) != 1 || got[0].Messages != 1 {
		t.Errorf("Status() shows %+v, want our bucket alone", got)
	}
}

// TestExternalThatCannotBeUsed starts with servers that have something missing.
func TestExternalThatCannotBeUsed(t *testing.T) {
	noLeaks(t)
	a := newAuthority(t)
	demanding := func(o *server.Options) {
		certFile, keyFile := a.sign(t)
		cfg, err := server.GenTLSConfig(&server.TLSConfigOpts{CertFile: certFile, KeyFile: keyFile,
			CaFile: a.file, Verify: true})
		if err != nil {
			t.Fatal(err)
		}
		o.TLSConfig, o.TLSVerify = cfg, true
	}
	user := func(o *server.Options) { o.Username, o.Password = "ann", "secret" }
	tests := []struct {
		name   string
		server func(*server.Options)
		change func(*engine.External)
		want   string
	}{
		{"wrong password", user, func(x *engine.External) { x.User, x.Password = "ann", "x" },
			"NATS does not accept nats_creds_file, or nats_user and its password"},
		{"nobody", user, func(*engine.External) {},
			"NATS does not accept nats_creds_file, or nats_user and its password"},
		{"no JetStream", func(o *server.Options) { o.JetStream = false }, func(*engine.External) {},
			"NATS runs without JetStream"},
		{"no JetStream for the account", accountWithout, asAnn,
			"the NATS account may not use JetStream"},
		{"forbidden", forbidding, asAnn,
			"the NATS user may not do what is needed: nats: permissions violation"},
		{"no TLS of ours", demanding, func(*engine.External) {}, "the certificates of NATS"},
		{"unknown authority", demanding, func(x *engine.External) { x.TLS = newAuthority(t).tls(t) },
			"the certificates of NATS"},
		{"no TLS of theirs", nil, func(x *engine.External) { x.TLS = a.tls(t) },
			"NATS does not offer TLS, which the settings ask for"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			x := external(newNATS(t, test.server))
			test.change(x)
			log, _ := newLog(t)
			e, err := engine.Start(context.Background(), engine.Config{Node: "n", External: x,
				StartTimeout: patience}, log)
			if err == nil {
				e.Stop()
				t.Fatal("Start() = nil, want an error")
			}
			if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("Start() = %q, want one line with %q", err, test.want)
			}
		})
	}
}

func asAnn(x *engine.External) { x.User, x.Password = "ann", "secret" }

// accountWithout has a user in an account without JetStream, and another account with.
func accountWithout(o *server.Options) {
	with, without := server.NewAccount("WITH"), server.NewAccount("WITHOUT")
	o.Accounts = []*server.Account{with, without}
	o.Users = []*server.User{{Username: "ann", Password: "secret", Account: without}}
}

// forbidding has a user who may not ask JetStream for anything.
func forbidding(o *server.Options) {
	o.Users = []*server.User{{Username: "ann", Password: "secret", Permissions: &server.Permissions{
		Publish: &server.SubjectPermission{Deny: []string{"$JS.API.>"}},
	}}}
}

// TestForbiddenBucket has a user who may ask JetStream how it is, and no more.
func TestForbiddenBucket(t *testing.T) {
	noLeaks(t)
	x := external(newNATS(t, func(o *server.Options) {
		forbidding(o)
		o.Users[0].Permissions.Publish.Deny = []string{"$JS.API.STREAM.CREATE.>"}
	}))
	asAnn(x)
	n := startExternal(t, x)
	err := n.Await(t.Context(), "a bucket", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
		defer cancel()
		return n.tryBucket(ctx, "b")
	})
	want := "the NATS user may not do what is needed"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("a bucket that may not be made = %v, want an error with %q", err, want)
	}
}

// TestReplicasThatNATSCannotKeep asks for more copies than there are servers.
func TestReplicasThatNATSCannotKeep(t *testing.T) {
	noLeaks(t)
	tests := []struct {
		name    string
		servers []*server.Server
		want    string
	}{
		{"one server", []*server.Server{newNATS(t, nil)},
			"NATS is one server, not a cluster, and cannot keep 5 replicas"},
		{"three servers", newNATSCluster(t), "NATS has too few servers for 5 replicas"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			x := external(test.servers...)
			x.Replicas = 5
			n := startExternal(t, x)
			err := n.Await(t.Context(), "a bucket", func(ctx context.Context) error {
				return n.tryBucket(ctx, "b")
			})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("a bucket with 5 replicas = %v, want an error with %q", err, test.want)
			}
		})
	}
}

// TestExternalWithTLSAndUser and the next connect as their operators want it.
func TestExternalWithTLSAndUser(t *testing.T) {
	noLeaks(t)
	a := newAuthority(t)
	s := newNATS(t, func(o *server.Options) {
		o.Username, o.Password = "ann", "secret"
		o.TLSConfig, o.TLSVerify = a.tls(t), true
	})
	x := external(s)
	x.User, x.Password, x.TLS = "ann", "secret", a.tls(t)
	put(t, startExternal(t, x).bucket(t, "b"), "key", "value")
}

func TestExternalWithCredentials(t *testing.T) {
	noLeaks(t)
	s, creds := newOperated(t)
	x := external(s)
	x.CredsFile = creds
	put(t, startExternal(t, x).bucket(t, "b"), "key", "value")
}

// newOperated starts a server in operator mode, and returns the credentials of a user.
func newOperated(t testing.TB) (s *server.Server, creds string) {
	t.Helper()
	operator, operatorName := newKey(t, nkeys.CreateOperator)
	account, accountName := newKey(t, nkeys.CreateAccount)
	user, userName := newKey(t, nkeys.CreateUser)
	claims := jwt.NewAccountClaims(accountName)
	claims.Limits.JetStreamLimits = jwt.JetStreamLimits{DiskStorage: -1, MemoryStorage: -1,
		Streams: -1, Consumer: -1}
	accountJWT, err := claims.Encode(operator)
	if err != nil {
		t.Fatal(err)
	}
	userJWT, err := jwt.NewUserClaims(userName).Encode(account)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.FormatUserConfig(userJWT, seed)
	if err != nil {
		t.Fatal(err)
	}
	creds = filepath.Join(t.TempDir(), "user.creds")
	if err := os.WriteFile(creds, text, 0o600); err != nil {
		t.Fatal(err)
	}
	_, systemName := newKey(t, nkeys.CreateAccount)
	systemJWT, err := jwt.NewAccountClaims(systemName).Encode(operator)
	if err != nil {
		t.Fatal(err)
	}
	resolver := &server.MemAccResolver{}
	for name, claims := range map[string]string{accountName: accountJWT, systemName: systemJWT} {
		if err := resolver.Store(name, claims); err != nil {
			t.Fatal(err)
		}
	}
	return newNATS(t, func(o *server.Options) {
		o.TrustedKeys, o.AccountResolver = []string{operatorName}, resolver
		o.SystemAccount = systemName
	}), creds
}

func newKey(t testing.TB, create func() (nkeys.KeyPair, error)) (key nkeys.KeyPair, name string) {
	t.Helper()
	key, err := create()
	if err == nil {
		name, err = key.PublicKey()
	}
	if err != nil {
		t.Fatal(err)
	}
	return key, name
}

// TestExternalGoesAwayAndComesBack stops the one server and starts it again on its
// port and folder. Meanwhile writes fail at once, and after it they work.
func TestExternalGoesAwayAndComesBack(t *testing.T) {
	noLeaks(t)
	dir := t.TempDir()
	start := func(port int) *server.Server {
		return newNATS(t, func(o *server.Options) { o.StoreDir, o.Port = dir, port })
	}
	s := start(server.RANDOM_PORT)
	_, text, err := net.SplitHostPort(s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	n := startExternal(t, external(s))
	kv := n.bucket(t, "b")
	put(t, kv, "before", "x")
	s.Shutdown()
	s.WaitForShutdown()
	within(t, "a write fails", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := kv.PutString(ctx, "meanwhile", "x")
		return err != nil
	})
	if stats, err := n.Stats(); err == nil || stats != (engine.Stats{}) {
		t.Errorf("Stats() without NATS = %+v, %v; want an error", stats, err)
	}
	var port int
	if _, err := fmt.Sscan(text, &port); err != nil {
		t.Fatal(err)
	}
	start(port)
	within(t, "a write works again", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := kv.PutString(ctx, "after", "x")
		return err == nil
	})
	if _, err := kv.Get(t.Context(), "before"); err != nil {
		t.Errorf("what was saved before is gone: %v", err)
	}
}

// TestLameDuckIsLeft has the server that a connection is on announce its end: the
// connection goes to another one by itself, before it is dropped.
func TestLameDuckIsLeft(t *testing.T) {
	noLeaks(t)
	servers := newNATSCluster(t)
	n := startExternal(t, external(servers...))
	left := make(chan string, 10)
	conn, err := n.Connect("test", nats.ReconnectHandler(func(c *nats.Conn) {
		left <- c.ConnectedServerName()
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	on := conn.ConnectedServerName()
	for _, s := range servers {
		if s.Name() == on {
			go s.LameDuckShutdown() // newNATS waits for its end
		}
	}
	select {
	case now := <-left:
		if now == on {
			t.Errorf("the connection came back to %s, which is about to stop", on)
		}
	case <-time.After(patience):
		t.Fatalf("the connection stays on %s, which is about to stop", on)
	}
}

// TestExternalIsWaitedFor starts before the server does.
func TestExternalIsWaitedFor(t *testing.T) {
	noLeaks(t)
	at := freeport.Address()
	started := make(chan *node)
	go func() {
		n := &node{config: engine.Config{Node: "n", StartTimeout: patience,
			External: &engine.External{URLs: []string{"nats://" + at}, Prefix: "test", Replicas: 1}}}
		n.start(t)
		started <- n
	}()
	select {
	case <-started:
		t.Fatal("Start() returned without a server")
	case <-time.After(500 * time.Millisecond):
	}
	_, port, err := net.SplitHostPort(at)
	if err != nil {
		t.Fatal(err)
	}
	newNATS(t, func(o *server.Options) { _, _ = fmt.Sscan(port, &o.Port) })
	<-started
}

// TestExternalThatIsTooOld starts with something that says what old servers say.
func TestExternalThatIsTooOld(t *testing.T) {
	noLeaks(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	old := make(chan struct{})
	go func() {
		defer close(old)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, `INFO {"version":"2.11.14","max_payload":1048576}`+"\r\n")
		for input := bufio.NewScanner(conn); input.Scan(); {
			if input.Text() == "PING" {
				_, _ = io.WriteString(conn, "PONG\r\n")
			}
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-old
	})
	log, _ := newLog(t)
	e, err := engine.Start(t.Context(), engine.Config{Node: "n", StartTimeout: patience,
		External: &engine.External{URLs: []string{"nats://" + l.Addr().String()}, Prefix: "test",
			Replicas: 1}}, log)
	if err == nil {
		e.Stop()
	}
	want := fmt.Sprintf("NATS at %s is version 2.11.14, and has to be 2.11.15 or later", l.Addr())
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Start() = %v, want an error with %q", err, want)
	}
}
