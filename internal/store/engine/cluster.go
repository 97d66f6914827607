package engine

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	systemAccount = "$SYS"
	routeUser     = "parley"

	// A node that does not answer on its routes is given up after about 6 seconds, and
	// one that takes nothing after 4: long enough for a pause of its process, short
	// enough for elections, which wait that long anyway.
	routePing          = 2 * time.Second
	routePingsOut      = 2
	routeWriteDeadline = 4 * time.Second

	// addressKey is under what a node tells the others its address.
	addressKey = "address"
)

// Cluster makes the process a node of a cluster of three to five.
type Cluster struct {
	// Name is the cluster's, without spaces: nodes of another name are refused.
	Name string
	// Listen is where other nodes connect, host:port; Advertise is what they are told
	// of that, by default the same.
	Listen, Advertise string
	// Join are the addresses of all nodes; this one's may be among them.
	Join []string
	// TLS, with a certificate of this node and the authority of all nodes', has nodes
	// prove who they are. Secret is a password that all nodes have. Default neither.
	TLS    *tls.Config
	Secret string
}

// Nodes returns the addresses of all nodes, this one's included.
func (c *Cluster) Nodes() []string {
	nodes := append(slices.Clone(c.Join), c.address())
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

// others returns the addresses of the nodes but this one's.
func (c *Cluster) others() []string {
	return slices.DeleteFunc(c.Nodes(), func(address string) bool { return address == c.address() })
}

// address is where other nodes reach this one.
func (c *Cluster) address() string {
	if c.Advertise != "" {
		return c.Advertise
	}
	return c.Listen
}

// startCluster starts this node's server and waits until the nodes have a leader.
func (e *Engine) startCluster(ctx, run context.Context) error {
	if e.cfg.Dir == "" {
		return errors.New("a node of a cluster needs a folder")
	}
	if holds(e.cfg.Dir, streamsDir) && !holds(e.cfg.Dir, metaDir) {
		return fmt.Errorf("%s holds what a node without others saved, which a cluster would "+
			"drop: back it up, start the cluster with another data folder, and restore it there",
			e.cfg.Dir)
	}
	if err := e.strangers(ctx); err != nil {
		return err
	}
	options, manager, err := e.clusterOptions()
	if err != nil {
		return err
	}
	if err := e.startServer(options); err != nil {
		return err
	}
	e.system, err = nats.Connect("", nats.InProcessServer(e.server), nats.Name("system"), manager,
		nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait), nats.ReconnectBufSize(-1))
	if err != nil {
		return fmt.Errorf("connect to the embedded server: %w", err)
	}
	e.running.Go(func() { e.watchDisk(run) })
	return e.Await(ctx, "the cluster's nodes", e.led)
}

// clusterOptions are those of a server with routes, and manager is what a connection
// to the account needs that may manage servers. What clients there are are in this
// process, but without a listener for clients the server opens none for routes: that
// one is on the loopback, with passwords that only this process knows.
func (e *Engine) clusterOptions() (options *server.Options, manager nats.Option, err error) {
	system := server.NewAccount(systemAccount)
	ordinary := &server.User{Username: "node", Password: rand.Text()}
	managing := &server.User{Username: "manager", Password: rand.Text(), Account: system}
	e.login = nats.UserInfo(ordinary.Username, ordinary.Password)
	options = embeddedOptions()
	options.DontListen = false
	options.Host, options.Port = "127.0.0.1", server.RANDOM_PORT
	options.ServerName = e.cfg.Node
	options.Metadata = map[string]string{addressKey: e.cfg.Cluster.address()}
	options.Accounts = []*server.Account{system}
	options.SystemAccount = systemAccount
	options.Users = []*server.User{ordinary, managing}
	options.LameDuckGracePeriod = time.Millisecond // no client is left to wait for
	options.LameDuckDuration = time.Second
	options.Cluster, options.Routes, err = e.cfg.Cluster.routing()
	return options, nats.UserInfo(managing.Username, managing.Password), err
}

// routing returns how the server connects to those of other nodes, and where they are.
func (c *Cluster) routing() (server.ClusterOpts, []*url.URL, error) {
	opts := server.ClusterOpts{
		Name: c.Name, Advertise: c.address(), NoAdvertise: true,
		TLSConfig: c.TLS, Compression: server.CompressionOpts{Mode: server.CompressionOff},
		PingInterval: routePing, MaxPingsOut: routePingsOut, WriteDeadline: routeWriteDeadline,
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if err == nil {
		opts.Host = host
		opts.Port, err = strconv.Atoi(port)
	}
	if err != nil {
		return opts, nil, fmt.Errorf("address %q: %w", c.Listen, err)
	}
	// A digest, so that no character of the secret means something to the server, and
	// that having none is a secret like others: who has one is refused.
	digest := sha256.Sum256([]byte(c.Secret))
	opts.Username, opts.Password = routeUser, hex.EncodeToString(digest[:])
	login := url.UserPassword(opts.Username, opts.Password)
	var routes []*url.URL
	for _, node := range c.Nodes() {
		routes = append(routes, &url.URL{Scheme: "nats-route", User: login, Host: node})
	}
	return opts, routes, nil
}

// led returns nil when the nodes have a leader that this one keeps up with, and that
// counts this one among them. A node that was removed is not, for a while, and until then
// it does not hear what happens to the streams whose copies it has.
func (e *Engine) led(ctx context.Context) error {
	if why := e.lines.refusal.Load(); why != nil && *why == sameName {
		return final{errors.New(*why)} // to stay would harm both
	}
	health := e.server.Healthz(&server.HealthzOptions{JSMetaOnly: true, Details: true})
	if len(health.Errors) > 0 {
		return errors.New(health.Errors[0].Error)
	}
	switch meta := e.meta(ctx); {
	case meta == nil:
		return errors.New("the leader of the nodes does not answer")
	case meta.Leader != e.cfg.Node && !slices.ContainsFunc(meta.Replicas, e.isThis):
		return fmt.Errorf("%s, which leads the nodes, does not count this one among them: "+
			"it does not for 5 minutes after a node with this name was removed", meta.Leader)
	}
	return nil
}

// isThis reports whether a server that a leader knows is this node. It may not know the
// name yet.
func (e *Engine) isThis(peer *server.PeerInfo) bool { return peer.Peer == e.server.Node() }

const (
	sameName = "two nodes have the same node_name"
	// otherSecret is also what happens when only one of them has any.
	otherSecret = "the secrets in cluster_secret_file of two nodes differ"
)

// refusals are parts of the server's log lines about routes, and what they mean.
var refusals = []struct{ part, meaning string }{
	{"Authorization Violation", otherSecret},
	{"authentication error", otherSecret},
	{"duplicate name", sameName},
}

// refusal returns what a log line says about a route that did not come about, or
// nothing.
func refusal(line string) string {
	for _, r := range refusals {
		if strings.Contains(line, r.part) {
			return r.meaning
		}
	}
	return ""
}
