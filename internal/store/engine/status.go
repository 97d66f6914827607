package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	pingQuiet    = 300 * time.Millisecond // without an answer after which no more are expected
	pingTimeout  = 2 * time.Second
	bucketPrefix = "KV_" // of the streams that buckets are

	// longSilent is how long nobody may have heard of a node that is removed.
	longSilent = 5 * time.Second
)

// Node is a server of a cluster.
type Node struct {
	Name    string
	Address string    // where other nodes reach it; empty when it is away
	Since   time.Time // its start; zero when it is away
	// LastSeen is now when it answers, and otherwise when the leader last heard of it;
	// zero when that was before the leader's own start.
	LastSeen time.Time
	Alive    bool
	Leader   bool   // of the nodes
	Current  bool   // it keeps up with the leader
	Lag      uint64 // changes of streams and nodes that it has yet to take in
}

// Stream is how one bucket is kept.
type Stream struct {
	Bucket   string
	Leader   string // a server's name; empty while there is none
	Messages uint64
	Bytes    uint64
	Replicas []Replica // besides the leader
}

// Replica is a server that keeps a copy.
type Replica struct {
	Node    string
	Current bool
	Offline bool
	Lag     uint64        // messages that it has yet to take in
	Seen    time.Duration // how long ago the leader heard of it
}

// Status is how the servers and the buckets are.
type Status struct {
	Mode    string // single, cluster or external
	Cluster string // name
	Leader  string // of the nodes of a cluster; empty while there is none
	Nodes   []Node // of a cluster, by name
	Streams []Stream
}

// Status asks all servers how they are. What does not answer in time is missing.
func (e *Engine) Status(ctx context.Context) (Status, error) {
	s := Status{Mode: e.mode()}
	var err error
	switch {
	case e.cfg.Cluster != nil:
		s.Cluster = e.cfg.Cluster.Name
		s.Leader, s.Nodes = e.nodes(ctx, pingQuiet)
	case e.cfg.External != nil:
		s.Cluster = e.manage.ConnectedClusterName()
	}
	s.Streams, err = e.streams(ctx)
	return s, err
}

func (e *Engine) mode() string {
	switch {
	case e.cfg.External != nil:
		return "external"
	case e.cfg.Cluster != nil:
		return "cluster"
	}
	return "single"
}

// nodes returns the leader of a cluster and all nodes that answer or that it knows. Nodes
// have answered when there is no other answer for a time that is quiet.
func (e *Engine) nodes(ctx context.Context, quiet time.Duration) (leader string, nodes []Node) {
	now := time.Now()
	known := map[string]Node{}
	for _, a := range e.ping(ctx, "STATSZ", nil, quiet) {
		known[a.Server.Name] = Node{Name: a.Server.Name, Address: a.Server.Metadata[addressKey],
			Since: a.Stats.Start, LastSeen: now, Alive: true, Current: true}
	}
	if meta := e.meta(ctx); meta != nil {
		leader = meta.Leader
		for _, peer := range meta.Replicas {
			node := known[peer.Name]
			node.Name, node.Current, node.Lag = peer.Name, peer.Current && node.Alive, peer.Lag
			if !node.Alive && peer.Active > 0 {
				node.LastSeen = now.Add(-peer.Active)
			}
			known[peer.Name] = node
		}
	}
	for name, node := range known {
		node.Leader = name == leader
		nodes = append(nodes, node)
	}
	slices.SortFunc(nodes, func(a, b Node) int { return cmp.Compare(a.Name, b.Name) })
	return leader, nodes
}

// meta returns what the leader of a cluster's nodes says of them, or nil.
func (e *Engine) meta(ctx context.Context) *server.MetaClusterInfo {
	for _, a := range e.ping(ctx, "JSZ", server.JSzOptions{LeaderOnly: true}, pingQuiet) {
		if a.Data.Meta != nil && a.Data.Meta.Leader == a.Server.Name {
			return a.Data.Meta
		}
	}
	return nil
}

// answer is what a server says to a ping: its statistics, or those of JetStream.
type answer struct {
	Server server.ServerInfo  `json:"server"`
	Stats  server.ServerStats `json:"statsz"`
	Data   server.JSInfo      `json:"data"`
}

// ping asks all servers of a cluster, and returns the answers that come until all are
// there, or none has come for a time that is quiet.
func (e *Engine) ping(ctx context.Context, what string, options any, quiet time.Duration,
) []answer {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	body, err := json.Marshal(options)
	if err != nil {
		return nil
	}
	inbox := nats.NewInbox()
	sub, err := e.system.SubscribeSync(inbox)
	if err != nil {
		return nil
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only when the connection is closed
	if err := e.system.PublishRequest("$SYS.REQ.SERVER.PING."+what, inbox, body); err != nil {
		return nil
	}
	var answers []answer
	for {
		msg, err := next(ctx, sub, quiet)
		if err != nil {
			return answers
		}
		var a answer
		if json.Unmarshal(msg.Data, &a) == nil && a.Server.Name != "" {
			answers = append(answers, a)
		}
		if len(answers) == len(e.cfg.Cluster.Nodes()) {
			return answers
		}
	}
}

// present returns the names of the nodes that answer.
func (e *Engine) present(ctx context.Context) map[string]bool {
	present := map[string]bool{}
	for _, a := range e.ping(ctx, "STATSZ", nil, pingQuiet) {
		present[a.Server.Name] = true
	}
	return present
}

// streams returns how the buckets are kept.
func (e *Engine) streams(ctx context.Context) ([]Stream, error) {
	var streams []Stream
	list := e.js.ListStreams(ctx)
	for info := range list.Info() {
		bucket, ok := strings.CutPrefix(info.Config.Name, bucketPrefix+e.Bucket(""))
		if !ok {
			continue // somebody else's
		}
		streams = append(streams, streamOf(bucket, info))
	}
	slices.SortFunc(streams, func(a, b Stream) int { return cmp.Compare(a.Bucket, b.Bucket) })
	return streams, list.Err()
}

func streamOf(bucket string, info *jetstream.StreamInfo) Stream {
	s := Stream{Bucket: bucket, Messages: info.State.Msgs, Bytes: info.State.Bytes}
	if info.Cluster == nil {
		return s
	}
	s.Leader = info.Cluster.Leader
	for _, r := range info.Cluster.Replicas {
		s.Replicas = append(s.Replicas, Replica{Node: r.Name, Current: r.Current,
			Offline: r.Offline, Lag: r.Lag, Seen: r.Active})
	}
	return s
}

// RemoveNode has a cluster forget a node that will not come back, so that others take
// its share. It refuses to remove one that is alive.
func (e *Engine) RemoveNode(ctx context.Context, name string) error {
	if e.cfg.Cluster == nil {
		return errors.New("there is no cluster to remove a node from")
	}
	_, nodes := e.nodes(ctx, pingTimeout) // a slow one is not taken for one that is gone
	i := slices.IndexFunc(nodes, func(n Node) bool { return n.Name == name })
	switch {
	case i < 0:
		return fmt.Errorf("the cluster has no node %q", name)
	case nodes[i].Alive:
		return fmt.Errorf("node %q is alive and would come back: stop it first", name)
	case time.Since(nodes[i].LastSeen) < longSilent:
		return fmt.Errorf("node %q was heard of within the last %s and may only be slow: "+
			"try again", name, longSilent)
	}
	body, err := json.Marshal(server.JSApiMetaServerRemoveRequest{Server: name})
	if err != nil {
		return err
	}
	msg, err := e.system.RequestWithContext(ctx, server.JSApiRemoveServer, body)
	if err != nil {
		return fmt.Errorf("remove node %q: %w", name, err)
	}
	var reply server.JSApiMetaServerRemoveResponse
	if err := json.Unmarshal(msg.Data, &reply); err != nil {
		return fmt.Errorf("remove node %q: %w", name, err)
	}
	if reply.Error != nil {
		return fmt.Errorf("remove node %q: %w", name, reply.Error)
	}
	return nil
}

// next returns the next answer, unless none comes for a time that is quiet.
func next(ctx context.Context, sub *nats.Subscription, quiet time.Duration) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, quiet)
	defer cancel()
	return sub.NextMsgWithContext(ctx)
}
