package engine

import (
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// Leaders returns which node leads which bucket, as the replicas that this node has know
// it: one that has died leads on until there is another. This node is among them only
// where Leads says so. Without a cluster, and where nothing is known, there are none.
func (e *Engine) Leaders() map[string]string {
	if e.cfg.Cluster == nil {
		return nil
	}
	info, err := e.server.Jsz(&server.JSzOptions{Accounts: true, Streams: true})
	if err != nil {
		return nil
	}
	leaders := map[string]string{}
	for _, account := range info.AccountDetails {
		for _, s := range account.Streams {
			bucket, ok := strings.CutPrefix(s.Name, bucketPrefix)
			if !ok || s.Cluster == nil || s.Cluster.Leader == "" ||
				s.Cluster.Leader == e.Node() && !e.Leads(bucket) {
				continue
			}
			leaders[bucket] = s.Cluster.Leader
		}
	}
	return leaders
}

// Leads reports whether this node of a cluster leads a bucket at this moment, and can. It
// is quickly told.
func (e *Engine) Leads(bucket string) bool {
	return e.server.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, bucketPrefix+bucket)
}

// Connections returns how many connections this node has to others. When it changes, so
// may have Connected; it is quickly told.
func (e *Engine) Connections() int {
	if e.cfg.Cluster == nil {
		return 0
	}
	return e.server.NumRoutes()
}

// Connected returns the names of the nodes that this one has connections to, with its
// own. A node that is killed is missing at once, and one that hangs after seconds.
func (e *Engine) Connected() map[string]bool {
	if e.cfg.Cluster == nil {
		return nil
	}
	connected := map[string]bool{e.server.Name(): true}
	routes, err := e.server.Routez(nil)
	if err != nil {
		return connected
	}
	for _, route := range routes.Routes {
		connected[route.RemoteName] = true
	}
	return connected
}
