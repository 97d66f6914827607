// Package engine runs NATS, or reaches it: a server inside this process that nobody
// else sees, a node of a cluster of such servers, or NATS servers elsewhere. It
// gives out connections, waits until the others are there, and says how they are.
// What is kept in NATS and what is sent through it is left to others.
package engine

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// defaultPrefix begins the subjects of this program's messages.
	defaultPrefix = "parley"

	// clusterReplicas is how many nodes of a cluster keep each entry: the loss of any
	// one leaves a majority.
	clusterReplicas = 3

	// reconnectWait lies between attempts to get a lost connection back.
	reconnectWait = 100 * time.Millisecond
)

// Config says where NATS is. With neither Cluster nor External it is in this process
// and this process's alone.
type Config struct {
	// Dir is the folder for what NATS keeps, made when it is missing. No other process
	// may use it at the same time. Empty, the default, keeps everything in memory and
	// leaves nothing on disk; a cluster needs one, and External ignores it.
	Dir string
	// Node is this node's name, which no other node has. Default the machine's name.
	Node string
	// Cluster makes this process a node of a cluster, and External has it use servers
	// elsewhere. Not both may be set.
	Cluster  *Cluster
	External *External
	// StartTimeout is how long the other nodes, or the servers, may take to be there.
	// Default 2 minutes.
	StartTimeout time.Duration
}

// Engine is NATS as this process has it. Its methods may be called from any
// goroutine; Start makes one and Stop ends it.
type Engine struct {
	cfg      Config
	log      *slog.Logger
	deadline time.Time // until when Await waits

	// With a server in this process.
	server *server.Server
	lines  *serverLog
	login  nats.Option // of ordinary connections to it; nil where none is needed
	system *nats.Conn  // of a cluster: to the account that may manage servers

	// For questions about buckets.
	manage    *nats.Conn
	js        jetstream.JetStream
	forbidden atomic.Pointer[string] // what External's servers last did not allow

	stop    context.CancelFunc // ends what running waits for
	running sync.WaitGroup
	once    sync.Once // Stop
}

// Start runs NATS, or connects to it, and returns when it answers: in a cluster,
// when most nodes have found each other. ctx bounds the start alone. When it returns
// an error nothing is left running, and the error says in one sentence what is wrong.
func Start(ctx context.Context, cfg Config, log *slog.Logger) (_ *Engine, err error) {
	if cfg.StartTimeout == 0 {
		cfg.StartTimeout = defaultStartTimeout
	}
	if cfg.Node == "" {
		cfg.Node, _ = os.Hostname() // without one the name stays empty
	}
	e := &Engine{cfg: cfg, log: log, deadline: time.Now().Add(cfg.StartTimeout),
		lines: newServerLog(cfg, log)}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	e.stop = stop
	defer func() {
		if err != nil {
			e.Stop()
		}
	}()
	switch {
	case cfg.External != nil:
	case cfg.Cluster != nil:
		err = e.startCluster(ctx, run)
	default:
		err = e.startSingle()
	}
	if err == nil {
		err = e.Await(ctx, e.name(), e.reach)
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

// name says what the engine is, in messages.
func (e *Engine) name() string {
	switch {
	case e.cfg.External != nil:
		return "NATS at " + strings.Join(e.cfg.External.URLs, ", ")
	case e.cfg.Cluster != nil:
		return "the cluster's buckets"
	}
	return "the embedded server"
}

// reach connects to NATS if no attempt before did, and returns nil when it has
// JetStream for us.
func (e *Engine) reach(ctx context.Context) (err error) {
	if e.manage == nil {
		if e.manage, err = e.Connect("manager"); err != nil {
			return err
		}
		if e.js, err = jetstream.New(e.manage); err != nil {
			return err
		}
	}
	_, err = e.js.AccountInfo(ctx)
	return err
}

// Connect returns a new connection to NATS. It comes back by itself after a loss, for
// as long as it is not closed; what is sent until then fails, and is not kept.
func (e *Engine) Connect(name string, opts ...nats.Option) (*nats.Conn, error) {
	all := append([]nats.Option{
		nats.Name(name),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // there is none when we close it
				e.log.Error("a connection to NATS was lost", "connection", name, "err", err)
			}
		}),
	}, e.access()...)
	all = append(all, opts...)
	if e.cfg.External == nil {
		return nats.Connect("", all...)
	}
	conn, err := nats.Connect(strings.Join(e.cfg.External.URLs, ","), append(all, e.noteForbidden)...)
	if err != nil {
		return nil, err
	}
	if err := checkVersion(conn); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// access returns what a connection needs to get in.
func (e *Engine) access() []nats.Option {
	if e.cfg.External != nil {
		return e.cfg.External.access()
	}
	options := []nats.Option{nats.InProcessServer(e.server)}
	if e.login != nil {
		options = append(options, e.login)
	}
	return options
}

// Storage returns where buckets keep what they hold.
func (e *Engine) Storage() jetstream.StorageType {
	if e.cfg.Dir == "" && e.cfg.External == nil {
		return jetstream.MemoryStorage
	}
	return jetstream.FileStorage
}

// Replicas returns how many servers keep what a bucket holds.
func (e *Engine) Replicas() int {
	switch {
	case e.cfg.External != nil:
		return e.cfg.External.Replicas
	case e.cfg.Cluster != nil:
		return clusterReplicas
	}
	return 1
}

// Shared reports whether other nodes may be there.
func (e *Engine) Shared() bool { return e.cfg.Cluster != nil || e.cfg.External != nil }

// Bucket returns the name under which NATS has a bucket: servers elsewhere may have
// other users.
func (e *Engine) Bucket(name string) string {
	if e.cfg.External != nil {
		return e.cfg.External.Prefix + "-" + name
	}
	return name
}

// Prefix returns what the subjects of this program's messages begin with.
func (e *Engine) Prefix() string {
	if e.cfg.External != nil {
		return e.cfg.External.Prefix
	}
	return defaultPrefix
}

// Node returns this node's name.
func (e *Engine) Node() string { return e.cfg.Node }

// Quorum returns how many nodes of a cluster are its majority, and 0 without one.
func (e *Engine) Quorum() int {
	if e.cfg.Cluster == nil {
		return 0
	}
	return len(e.cfg.Cluster.Nodes())/2 + 1
}

// Stop ends the engine. A node of a cluster hands what it leads to others first. It
// may be called twice, and returns when nothing is left running.
func (e *Engine) Stop() {
	e.once.Do(func() {
		e.stop()
		e.running.Wait()
		for _, conn := range []*nats.Conn{e.system, e.manage} {
			if conn != nil {
				conn.Close()
			}
		}
		if e.server == nil {
			return
		}
		if e.cfg.Cluster != nil {
			e.server.LameDuckShutdown()
		}
		e.server.Shutdown() // does nothing when the server is down already
		e.server.WaitForShutdown()
	})
}
