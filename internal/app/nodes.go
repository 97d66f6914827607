package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store"
)

// nodesTopic is the name of the questions about how nodes are.
const nodesTopic = "nodes"

// Limits of a look at the cluster.
const (
	statusTime = 4 * time.Second // for the engine to say how it is
	answerTime = 2 * time.Second // for nodes to say how they are
	removeTime = 10 * time.Second
)

// ClusterReport says how the nodes and what they keep are, as the admin listener serves
// it under /cluster.
type ClusterReport struct {
	Mode    string         `json:"mode"`              // single, cluster or external
	Cluster string         `json:"cluster,omitempty"` // name
	Node    string         `json:"node,omitempty"`    // that reports
	Leader  string         `json:"meta_leader,omitempty"`
	Nodes   []NodeReport   `json:"nodes"`
	Buckets []BucketReport `json:"buckets"`
	// Trouble has a sentence for each thing that is not as it should be.
	Trouble []string `json:"trouble"`
}

// NodeReport says how a node is. What is not known of one that does not answer is
// missing.
type NodeReport struct {
	Name      string     `json:"name"`
	Address   string     `json:"address,omitempty"` // of the node for others, or for clients
	Version   string     `json:"version,omitempty"`
	Since     *time.Time `json:"since,omitempty"`      // its start
	LastHeard *time.Time `json:"last_heard,omitempty"` // nil is never
	Sessions  int        `json:"sessions"`
	Ready     bool       `json:"ready"`
	Reason    string     `json:"reason,omitempty"` // why it is not
	Lag       uint64     `json:"lag"`              // changes of buckets that it has yet to take in
}

// BucketReport says how a bucket is kept.
type BucketReport struct {
	Name     string          `json:"name"`
	Leader   string          `json:"leader,omitempty"`
	Entries  uint64          `json:"entries"`
	Bytes    uint64          `json:"bytes"`
	Replicas []ReplicaReport `json:"replicas,omitempty"` // besides the leader
}

// ReplicaReport says how a copy of a bucket is.
type ReplicaReport struct {
	Node    string `json:"node"`
	Current bool   `json:"current"`
	Offline bool   `json:"offline,omitempty"`
	Lag     uint64 `json:"lag"` // entries that it has yet to take in
}

// serveCluster answers with a ClusterReport.
func (a *App) serveCluster(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, a.cluster(r.Context()))
}

// removeNode has the cluster forget a node, and answers with a ClusterReport.
func (a *App) removeNode(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("node")
	ctx, cancel := context.WithTimeout(r.Context(), removeTime)
	defer cancel()
	if err := a.store.RemoveNode(ctx, name); err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	a.log.Info("the cluster has forgotten a node", "node", name)
	writeJSON(w, http.StatusOK, a.cluster(r.Context()))
}

// cluster asks all nodes how they are.
func (a *App) cluster(ctx context.Context) ClusterReport {
	status, err := a.engineStatus(ctx)
	report := ClusterReport{Mode: status.Mode, Cluster: status.Cluster, Node: a.store.Node(),
		Leader: status.Leader, Buckets: []BucketReport{}, Trouble: []string{}}
	for _, s := range status.Streams {
		report.Buckets = append(report.Buckets, bucketReport(s))
	}
	report.Nodes = a.askNodes(ctx, status)
	report.judge(err)
	return report
}

func (a *App) engineStatus(ctx context.Context) (store.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, statusTime)
	defer cancel()
	return a.store.Status(ctx)
}

func bucketReport(s store.StreamStatus) BucketReport {
	b := BucketReport{Name: s.Bucket, Leader: s.Leader, Entries: s.Messages, Bytes: s.Bytes}
	for _, r := range s.Replicas {
		b.Replicas = append(b.Replicas, ReplicaReport{Node: r.Node, Current: r.Current,
			Offline: r.Offline, Lag: r.Lag})
	}
	return b
}

// askNodes returns how all nodes are that answer, that are alive, or that the cluster
// knows, by name.
func (a *App) askNodes(ctx context.Context, status store.Status) []NodeReport {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	known := map[string]NodeReport{}
	expected := a.store.Live()
	for _, n := range status.Nodes {
		known[n.Name] = NodeReport{Name: n.Name, Address: n.Address, Lag: n.Lag,
			LastHeard: unlessZero(n.LastSeen), Reason: "it does not answer"}
		if n.Alive {
			expected = append(expected, n.Name)
		}
	}
	answered := map[string]bool{}
	// What ends with the time are nodes that do not answer: they are reported as such.
	_ = a.store.Ask(ctx, nodesTopic, nil, func(answer []byte) bool {
		var node NodeReport
		if json.Unmarshal(answer, &node) == nil {
			now := time.Now()
			node.LastHeard = &now
			node.Lag = known[node.Name].Lag
			node.Address = cmp.Or(known[node.Name].Address, node.Address)
			known[node.Name], answered[node.Name] = node, true
		}
		return !slices.ContainsFunc(expected, func(name string) bool { return !answered[name] })
	})
	nodes := make([]NodeReport, 0, len(known))
	for _, node := range known {
		nodes = append(nodes, node)
	}
	slices.SortFunc(nodes, func(a, b NodeReport) int { return cmp.Compare(a.Name, b.Name) })
	return nodes
}

// answer has the node say how it is when others ask.
func (a *App) answer() error {
	return errors.Join(
		a.answerAbout(nodesTopic, a.describe),
		nodeMetrics.answer(a), roomTraffic.answer(a), logDeliveries.answer(a),
	)
}

// answerAbout has the node answer questions about a topic until it stops.
func (a *App) answerAbout(topic string, answer func(question []byte) []byte) error {
	end, err := a.store.Answer(topic, answer)
	if err == nil {
		a.unanswer = append(a.unanswer, end)
	}
	return err
}

// describe answers how this node is.
func (a *App) describe([]byte) []byte {
	node := NodeReport{Name: a.store.Node(), Address: a.url, Version: Version(), Since: &a.since}
	for _, use := range a.uses(a.hub.ConnectionsHere) {
		node.Sessions += use.Counts[parley.QuotaConnections]
	}
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	err := a.checkReady(ctx)
	if node.Ready = err == nil; err != nil {
		node.Reason = err.Error()
	}
	text, err := json.Marshal(node)
	if err != nil {
		panic(err) // texts, times and numbers
	}
	return text
}

// judge notes what is not as it should be.
func (r *ClusterReport) judge(err error) {
	wrong := func(format string, args ...any) {
		r.Trouble = append(r.Trouble, fmt.Sprintf(format, args...))
	}
	if err != nil {
		wrong("how the buckets are is not known: %v", err)
	}
	if r.Mode == "cluster" && r.Leader == "" {
		wrong("the nodes have no leader: most of them are needed for one")
	}
	for _, n := range r.Nodes {
		if !n.Ready {
			wrong("node %s is not ready: %s", n.Name, n.Reason)
		}
	}
	behind := map[string]int{} // by node
	for _, b := range r.Buckets {
		if b.Leader == "" && r.Mode == "cluster" {
			wrong("bucket %s has no leader: it takes no writes", b.Name)
		}
		for _, copy := range b.Replicas {
			if copy.Offline || !copy.Current {
				behind[copy.Node]++
			}
		}
	}
	for _, node := range slices.Sorted(maps.Keys(behind)) {
		wrong("%s is not up to date in %d of %d buckets", node, behind[node], len(r.Buckets))
	}
}
