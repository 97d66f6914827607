package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/gobwas/ws"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/test/faults/history"
)

// call calls an operation at a node, once.
func (r *run) call(
	ctx context.Context, node int, operation string, in api.Object,
) (api.Object, error) {
	op, ok := parley.OperationNamed(operation)
	if !ok {
		return nil, fmt.Errorf("there is no operation %s", operation)
	}
	began := r.watch.begin()
	answer, err := r.clients[node].Call(ctx, op, in)
	if ctx.Err() == nil {
		what := "a call that changes"
		if op.ReadOnly() || operation == "CreateChatToken" {
			what = "a call that reads"
		}
		r.watch.done(what, node, began, callBound, serverFault(err))
	}
	return answer, err
}

// anyNode returns a node at random. What clients do is not repeated by a seed.
func anyNode() int { return rand.IntN(nodeCount) }

// moderate kicks users of a room and deletes messages, at random nodes, until ctx is done.
func (r *run) moderate(ctx context.Context, room string, users []string) {
	var senders [nodeCount]int
	for i := range senders {
		senders[i] = -int(r.numbers.Add(1))
		r.add(history.Speaks{Sender: senders[i], Room: room})
	}
	for number := 1; ctx.Err() == nil; number++ {
		node := anyNode()
		r.deleteMessage(ctx, node, room, senders[node], number)
		pause(ctx, 500*time.Millisecond)
		if number%4 == 0 {
			r.kick(ctx, anyNode(), room, users[rand.IntN(len(users))])
		}
	}
}

// deleteMessage has a node send the event that a message was deleted. Its reason says
// which event it is.
func (r *run) deleteMessage(ctx context.Context, node int, room string, sender, number int) {
	r.add(history.Sent{Sender: sender, Number: number})
	_, err := r.call(ctx, node, "DeleteMessage", api.Object{
		{Name: "roomIdentifier", Value: room},
		{Name: "id", Value: fmt.Sprintf("%012d", number)},
		{Name: "reason", Value: label(sender, number)},
	})
	if err == nil {
		r.add(history.Echoed{Sender: sender, Number: number})
	}
}

func (r *run) kick(ctx context.Context, node int, room, user string) {
	kick := int(r.numbers.Add(1))
	r.add(history.KickBegan{Kick: kick, Room: room, User: user})
	_, err := r.call(ctx, node, "DisconnectUser", api.Object{
		{Name: "roomIdentifier", Value: room}, {Name: "userId", Value: user}})
	if err == nil {
		r.add(history.KickDone{Kick: kick})
	}
}

const (
	// tokenInterval is the time between two tokens that are redeemed twice.
	tokenInterval = 300 * time.Millisecond
	// tokenMemory is for how long a used token is tried again: as long as it would live.
	tokenMemory = 55 * time.Second
	// maxTokens is how many used tokens are kept to be tried again.
	maxTokens = 200
)

// usedToken is a token that was tried, and is tried again when it is due.
type usedToken struct {
	name, text string
	due        time.Time
}

// redeemTwice makes tokens and redeems each at two nodes at the same time, and again
// later, until ctx is done. One of the two nodes has to accept it at most, and one has to
// accept it if nothing is wrong with either.
func (r *run) redeemTwice(ctx context.Context, room string) {
	var used []usedToken
	for i := 0; ctx.Err() == nil; i++ {
		pause(ctx, tokenInterval)
		if len(used) > 0 && used[0].due.Before(time.Now()) {
			_ = r.try(ctx, used[0], anyNode())
			used = used[1:]
		}
		token := usedToken{name: fmt.Sprintf("token %d", i)}
		var err error
		if token.text, err = r.mint(ctx, anyNode(), room, "once"); err != nil {
			continue
		}
		r.redeemAtOnce(ctx, token)
		token.due = time.Now().Add(rand.N(tokenMemory))
		if len(used) < maxTokens {
			used = append(used, token)
		}
	}
}

func (r *run) redeemAtOnce(ctx context.Context, token usedToken) {
	nodes := others(anyNode())
	began := r.watch.begin()
	var errs [2]error
	var both sync.WaitGroup
	for i, node := range nodes {
		both.Go(func() { errs[i] = r.try(ctx, token, node) })
	}
	both.Wait()
	err := errs[0]
	if errs[1] == nil {
		err = nil
	}
	if ctx.Err() == nil && began.under.spares(nodes[0]) && began.under.spares(nodes[1]) {
		r.watch.done("a token at two nodes", nodes[0], began, callBound, err)
	}
}

// try redeems a token at a node, and leaves.
func (r *run) try(ctx context.Context, token usedToken, node int) error {
	conn, _, err := r.redeem(ctx, node, token.text)
	name := r.cluster.nodes[node].name
	if err == nil {
		r.add(history.Redeemed{Token: token.name, Node: name})
		_ = conn.Close()
		return nil
	}
	var status ws.StatusError
	_ = errors.As(err, &status) // else there was no answer
	r.add(history.Refused{Token: token.name, Node: name, Status: int(status)})
	return err
}
