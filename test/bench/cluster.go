package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/parley-chat/parley/internal/load"
	"github.com/parley-chat/parley/internal/parleytest/freeport"
)

const (
	clusterNodes     = 3
	clusterReceivers = 999 // as many on each node
	// busMessages is the metric of what a node sends to others.
	busMessages = "parley_bus_messages_total"
)

// cluster is several servers that are one, all on the servers' CPU.
type cluster struct {
	nodes  []*server
	admins []string // where metrics are
}

// measureCluster shows what it costs that a room's sessions are on several nodes: the
// CPU of all nodes for a delivery, and the messages between nodes for a message of a
// user. Beside it is a single node.
func (b *bench) measureCluster(ctx context.Context) (figures []figure, err error) {
	c, err := b.startCluster(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	for _, l := range []struct {
		name  string
		flags []string
	}{
		{"one message at a time", []string{"--outstanding=1", "--wait-for-all"}},
		{"64 outstanding", []string{fmt.Sprintf("--outstanding=%d", outstanding)}},
	} {
		flags := append(l.flags, fmt.Sprintf("--receivers=%d", clusterReceivers))
		variants := []*variant{b.own("one node, "+l.name, flags...)}
		spread := make([]clusterVariant, clusterNodes)
		for i := range spread {
			spread[i] = clusterVariant{nodes: i + 1}
			variants = append(variants, spread[i].on(b, c, l.name, flags))
		}
		if err := b.takeTurns(ctx, variants...); err != nil {
			return nil, err
		}
		figures = append(figures, clusterFigures(l.name, variants[0], spread)...)
	}
	return figures, nil
}

// clusterVariant is a measurement with sessions on some nodes of a cluster.
type clusterVariant struct {
	*variant
	nodes int
	sent  []float64 // messages between nodes for each message of a user, in each round
}

func (v *clusterVariant) on(b *bench, c *cluster, name string, flags []string) *variant {
	v.variant = &variant{name: fmt.Sprintf("sessions on %d nodes, %s", v.nodes, name),
		measure: func(ctx context.Context) (*load.FanoutResult, error) {
			before, err := c.messages(ctx)
			if err != nil {
				return nil, err
			}
			r, err := b.fanoutOn(ctx, c.nodes[0], append(c.flags(v.nodes), flags...)...)
			if err != nil {
				return nil, err
			}
			after, err := c.messages(ctx)
			v.sent = append(v.sent, (after-before)/float64(max(1, r.Sent)))
			return r, err
		}}
	return v.variant
}

func clusterFigures(name string, single *variant, spread []clusterVariant) (figures []figure) {
	micros := func(v *variant) float64 { return 1e6 / v.median(perCPU) }
	p50 := func(v *variant) float64 {
		return v.median(func(r *load.FanoutResult) float64 { return r.LastReceiver.P50 })
	}
	one := micros(single)
	figures = append(figures, figure{name: "cluster: " + name + ", a single node: CPU of a delivery",
		measured: fmt.Sprintf("%.2f µs; to the last receiver %.2f ms", one, p50(single))})
	for _, v := range spread {
		figures = append(figures, figure{
			name: fmt.Sprintf("cluster: %s, sessions on %d of %d nodes: the same", name, v.nodes, clusterNodes),
			measured: fmt.Sprintf("%.2f µs (%.2f times); to the last receiver %.2f ms; %.2f messages between nodes for each",
				micros(v.variant), micros(v.variant)/one, p50(v.variant), median(v.sent))})
	}
	return figures
}

// flags has the load on the first nodes, and what all of them use measured.
func (c *cluster) flags(nodes int) []string {
	flags := []string{warmUpFlag}
	for i, n := range c.nodes {
		if i < nodes {
			flags = append(flags, "--chat-url=ws://"+n.addr.String())
		}
		if i > 0 { // the first is there already
			flags = append(flags, fmt.Sprintf("--server-pid=%d", n.cmd.Process.Pid))
		}
	}
	return flags
}

// startCluster starts the nodes, none of which is ready before most are there.
func (b *bench) startCluster(ctx context.Context) (*cluster, error) {
	routes, admins := freeport.Addresses(clusterNodes), freeport.Addresses(clusterNodes)
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails: it ends the process instead
	keyFile := filepath.Join(b.dir, "cluster.key")
	if err := os.WriteFile(keyFile, []byte(hex.EncodeToString(key)), 0o600); err != nil {
		return nil, err
	}
	c := &cluster{nodes: make([]*server, clusterNodes)}
	errs := make([]error, clusterNodes)
	var starting sync.WaitGroup
	for i := range clusterNodes {
		c.admins = append(c.admins, "http://"+admins[i])
		data := b.data()
		starting.Go(func() {
			c.nodes[i], errs[i] = startServer(ctx, b.serverCPU(),
				[]string{"GOMAXPROCS=1", "PARLEY_MAX_SESSIONS=0"}, b.parley, "serve",
				"--config="+b.config, "--data="+data, "--listen=127.0.0.1:0",
				"--admin-listen="+admins[i], "--cluster-name=bench", fmt.Sprintf("--node-name=node-%d", i),
				"--cluster-listen="+routes[i], "--cluster-join="+strings.Join(routes, ","),
				"--insecure-cluster", "--master-key-file="+keyFile)
		})
	}
	starting.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return c, nil
}

func (c *cluster) stop() error {
	var errs []error
	for _, n := range c.nodes {
		if n != nil {
			errs = append(errs, n.stop())
		}
	}
	return errors.Join(errs...)
}

// messages returns how many messages the nodes have sent to each other.
func (c *cluster) messages(ctx context.Context) (sum float64, err error) {
	for _, address := range c.admins {
		n, err := readMetric(ctx, address+"/metrics", busMessages)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// readMetric returns a metric without labels.
func readMetric(ctx context.Context, address, name string) (float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("%s has no %s", address, name)
}
