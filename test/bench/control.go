package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// measureControl measures the control plane.
func (b *bench) measureControl(ctx context.Context) ([]figure, error) {
	rooms, err := measureRooms(ctx, b)
	if err != nil {
		return nil, err
	}
	tokens, err := b.measureTokens(ctx)
	if err != nil {
		return nil, err
	}
	if err := b.reportCalls(tokens, rooms); err != nil {
		return nil, err
	}
	return controlFigures(tokens, rooms), nil
}

// contender is a server whose calls are counted.
type contender struct {
	name    string
	server  *server
	request map[string]any
	results []result
}

// result is what one run of a contender showed.
type result struct {
	perSecond float64
	busy      float64 // the share of its CPU that the load took
	p50, p99  time.Duration
}

// measureTokens lets the three servers take turns.
func (b *bench) measureTokens(ctx context.Context) (_ []*contender, err error) {
	loadCPUs, serverCPUs := b.cpus, b.cpus
	if len(b.cpus) > 1 {
		loadCPUs, serverCPUs = b.cpus[:1], b.cpus[len(b.cpus)-1:]
	}
	if err := bindSelf(loadCPUs); err != nil {
		return nil, err
	}
	contenders, err := b.startContenders(ctx, serverCPUs)
	defer func() {
		for _, c := range contenders {
			err = errors.Join(err, c.server.stop())
		}
	}()
	if err != nil {
		return nil, err
	}
	for round := range rounds {
		for _, c := range contenders {
			b.progress("run %d of %d: %s", round+1, rounds, c.name)
			if err := c.measure(b.each); err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
	}
	return contenders, nil
}

// startContenders starts the three servers. With an error, it returns those that it
// has started.
func (b *bench) startContenders(ctx context.Context, cpus []int) ([]*contender, error) {
	const oneCPU = "GOMAXPROCS=1"
	own, err := b.startParley(ctx, cpus, filepath.Join(b.dir, "data"), oneCPU)
	if err != nil {
		return nil, err
	}
	parley := &contender{name: "parley serve", server: own}
	contenders := []*contender{parley}
	answer, err := call(own.addr, "CreateRoom", map[string]any{"name": "bench"})
	if err != nil {
		return contenders, err
	}
	var room struct{ ARN string }
	if err := json.Unmarshal(answer, &room); err != nil {
		return contenders, fmt.Errorf("answer to CreateRoom: %w", err)
	}
	parley.request = map[string]any{"roomIdentifier": room.ARN, "userId": "user-1",
		"capabilities": []string{"SEND_MESSAGE"}, "sessionDurationInMinutes": 30,
		"attributes": map[string]string{"displayName": "José"}}
	if answer, err = call(own.addr, "CreateChatToken", parley.request); err != nil {
		return contenders, err
	}
	self, err := os.Executable()
	if err != nil {
		return contenders, err
	}
	for _, c := range []struct{ name, role string }{
		{"net/http and SigV4", roleSigned}, {"bare net/http", roleBare},
	} {
		s, err := startServer(ctx, cpus, []string{oneCPU, roleVariable + "=" + c.role,
			fmt.Sprintf("%s=%d", sizeVariable, len(answer))}, self)
		if err != nil {
			return contenders, err
		}
		contenders = append([]*contender{{name: c.name, server: s, request: parley.request}},
			contenders...)
	}
	return contenders, nil
}

// measure finds out how many calls the server answers, and how long they take at
// half of that.
func (c *contender) measure(d time.Duration) error {
	l, err := newLoad(c.server.addr, connections, maxAnswerBytes)
	if err != nil {
		return err
	}
	defer l.close()
	if l.request, err = signedRequest(c.server.addr, "CreateChatToken", c.request); err != nil {
		return err
	}
	var r result
	if r.perSecond, r.busy, err = l.full(d); err != nil {
		return err
	}
	took, err := l.paced(r.perSecond/2, d)
	if err != nil {
		return err
	}
	r.p50, r.p99 = percentile(took, 50), percentile(took, 99)
	c.results = append(c.results, r)
	return nil
}
