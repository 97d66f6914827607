package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	balanceEvery   = 30 * time.Second
	balanceTimeout = 20 * time.Second // of one round
)

// Balance keeps the leaders of buckets spread over the nodes of a cluster until ctx
// ends: what one node leads stops for seconds when it dies. The leader of the nodes
// does it for all. Without a cluster it returns at once.
func (e *Engine) Balance(ctx context.Context, buckets []string) {
	if e.cfg.Cluster == nil {
		return
	}
	tick := time.NewTicker(balanceEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if e.server.JetStreamIsLeader() {
			e.balance(ctx, buckets)
		}
	}
}

// balance moves leaders from the nodes that have most to those that have fewest.
func (e *Engine) balance(ctx context.Context, buckets []string) {
	ctx, cancel := context.WithTimeout(ctx, balanceTimeout)
	defer cancel()
	all, err := e.streams(ctx)
	if err != nil {
		e.log.Warn("the leaders of buckets are not spread", "err", err)
		return
	}
	streams := slices.DeleteFunc(all, func(s Stream) bool {
		return !slices.Contains(buckets, s.Bucket)
	})
	for _, m := range moves(streams) {
		if err := e.move(ctx, m); err != nil {
			e.log.Warn("a bucket does not get another leader",
				"bucket", m.bucket, "node", m.to, "err", err)
		}
	}
}

// move is a leader to be replaced.
type move struct{ bucket, to string }

// moves returns how leaders have to move so that no node has two more than another.
// Only servers that are up to date with a bucket come into question.
func moves(streams []Stream) []move {
	led := map[string][]int{} // streams by leader
	for i, s := range streams {
		if s.Leader == "" {
			continue // there is an election
		}
		led[s.Leader] = append(led[s.Leader], i)
		for _, r := range s.Replicas {
			if _, known := led[r.Node]; !known && able(r) {
				led[r.Node] = nil
			}
		}
	}
	var moves []move
	for {
		m, i, ok := nextMove(streams, led)
		if !ok {
			return moves
		}
		moves = append(moves, m)
		from := streams[i].Leader
		led[from] = slices.DeleteFunc(led[from], func(j int) bool { return j == i })
		led[m.to] = append(led[m.to], i)
		streams[i].Leader, streams[i].Replicas = m.to, nil // it moves once
	}
}

// nextMove returns the move that helps most, and of which stream.
func nextMove(streams []Stream, led map[string][]int) (_ move, stream int, ok bool) {
	nodes := make([]string, 0, len(led))
	for node := range led {
		nodes = append(nodes, node)
	}
	slices.SortFunc(nodes, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(led[b]), len(led[a])), cmp.Compare(a, b))
	})
	for _, from := range nodes {
		for _, to := range slices.Backward(nodes) {
			if len(led[from])-len(led[to]) < 2 {
				break // and all that come have more
			}
			for _, i := range led[from] {
				if slices.ContainsFunc(streams[i].Replicas, func(r Replica) bool {
					return r.Node == to && able(r)
				}) {
					return move{streams[i].Bucket, to}, i, true
				}
			}
		}
	}
	return move{}, 0, false
}

// able reports whether a server could lead right now.
func able(r Replica) bool { return r.Current && !r.Offline && r.Lag == 0 }

// move has the leader of a bucket hand over to another server.
func (e *Engine) move(ctx context.Context, m move) error {
	body, err := json.Marshal(server.JSApiLeaderStepdownRequest{
		Placement: &server.Placement{Preferred: m.to},
	})
	if err != nil {
		return err
	}
	subject := fmt.Sprintf(server.JSApiStreamLeaderStepDownT, bucketPrefix+m.bucket)
	msg, err := e.manage.RequestWithContext(ctx, subject, body)
	if err != nil {
		return err
	}
	var reply server.JSApiStreamLeaderStepDownResponse
	if err := json.Unmarshal(msg.Data, &reply); err != nil {
		return err
	}
	if reply.Error != nil {
		return reply.Error
	}
	return nil
}
