package faults

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/internal/parleytest/freeport"
	"github.com/parley-chat/parley/test/faults/network"
)

const (
	nodeCount = 3
	// clientHost is where the clients are. Faults between nodes do not reach them.
	clientHost = nodeCount
	// clockNode is the node whose clock is off.
	clockNode = nodeCount - 1
)

// cluster is three nodes, and the network between them.
type cluster struct {
	net   *network.Network
	nodes []*node
	http  *http.Client
}

// newCluster returns a cluster in a folder. Its nodes do not run yet. It is closed at the
// end of the test.
func newCluster(t *testing.T, dir string) *cluster {
	t.Helper()
	c := &cluster{}
	var err error
	if c.net, err = network.New(nodeCount + 1); err != nil {
		t.Logf("SKIPPED: cut and slow links: there is no network to break (%v); "+
			"processes are broken, on the loopback", err)
		c.net = network.Loopback(nodeCount + 1)
	}
	t.Cleanup(c.net.Close)
	transport := &http.Transport{MaxIdleConnsPerHost: 100, DisableCompression: true,
		DialContext: c.dial}
	t.Cleanup(transport.CloseIdleConnections)
	c.http = &http.Client{Transport: transport, Timeout: patience}
	writeSettings(t, dir)
	binary := build(t, "github.com/parley-chat/parley/cmd/parley", dir)
	var listen, admin, routes []string
	for i := range nodeCount {
		listen = append(listen, c.address(i, 8080))
		admin = append(admin, c.address(i, 8081))
		routes = append(routes, c.address(i, 6222))
	}
	for i := range nodeCount {
		name := string(rune('a' + i))
		log, err := os.Create(filepath.Join(dir, name+".log"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = log.Close() })
		c.nodes = append(c.nodes, &node{name: name, host: i, net: c.net, log: log, http: c.http,
			url: "http://" + listen[i], admin: "http://" + admin[i], binary: binary,
			args: []string{"serve", "--config=" + filepath.Join(dir, "parley.yaml"),
				"--listen=" + listen[i], "--admin-listen=" + admin[i],
				"--data=" + filepath.Join(dir, name), "--node-name=" + name,
				"--cluster-name=faults", "--cluster-listen=" + routes[i],
				"--cluster-join=" + strings.Join(routes, ","), "--insecure-cluster",
				"--master-key-file=" + filepath.Join(dir, "master.key")}})
	}
	t.Cleanup(c.kill)
	return c
}

// kill ends the processes that still run.
func (c *cluster) kill() {
	for _, n := range c.nodes {
		_ = n.stop(syscall.SIGKILL)
	}
}

func (c *cluster) dial(ctx context.Context, _, address string) (net.Conn, error) {
	return c.net.Dial(ctx, clientHost, address)
}

// address returns where a node can listen: on the port that is wanted when it has a
// network for itself.
func (c *cluster) address(host, port int) string {
	if c.net.Breakable() {
		return fmt.Sprintf("%s:%d", c.net.Addr(host), port)
	}
	return freeport.Address()
}

// client returns a client of a node's control plane, which makes each call once.
func (c *cluster) client(node int) *api.Client {
	return api.New(api.Config{URL: c.nodes[node].url, Region: "us-east-1", HTTP: c.http,
		Attempts: 1, Credentials: aws.CredentialsProviderFunc(
			func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}, nil
			})})
}

const (
	keyID  = "PKFAULTS"
	secret = "faults"
	// settings are those of all nodes.
	settings = `quotas: none
accounts:
  - id: "123456789012"
    users:
      - name: faults
        access_keys:
          - {id: ` + keyID + `, secret_file: secret}
        policies:
          - {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "*", Resource: "*"}]}
`
)

// writeSettings writes what all nodes share.
func writeSettings(t *testing.T, dir string) {
	t.Helper()
	for name, text := range map[string]string{"parley.yaml": settings, "secret": secret,
		"master.key": strings.Repeat("0f", 32)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// ready returns which nodes are not ready, and why.
func (c *cluster) ready(ctx context.Context) error {
	return c.forAll(func(n *node) error { return n.ready(ctx) })
}

// cut sets a rule for what one node sends to others.
func (c *cluster) cut(from int, rule network.Rule, to ...int) {
	for _, other := range to {
		c.net.Set(from, other, rule)
	}
}

// heal makes all links whole.
func (c *cluster) heal() {
	if !c.net.Breakable() {
		return
	}
	for i := range nodeCount {
		c.cut(i, network.Rule{}, others(i)...)
	}
}

// others returns the nodes but one.
func others(node int) []int {
	return []int{(node + 1) % nodeCount, (node + 2) % nodeCount}
}

// pause waits, or until ctx is done.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
