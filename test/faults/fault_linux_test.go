package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/parley-chat/parley/test/faults/network"
)

// kind is a way in which the cluster is broken.
type kind string

// The kinds of faults. What was acknowledged must survive all of them. Those that leave
// no two nodes together leave nothing that clients can use meanwhile.
const (
	kill      kind = "kill"      // SIGKILL, and a restart after some time
	terminate kind = "terminate" // SIGTERM, and a restart when the process has ended
	clock     kind = "clock"     // the same with the node whose clock is off; then by another time
	halt      kind = "halt"      // SIGSTOP, and SIGCONT after some time
	relay     kind = "relay"     // SIGKILL, a restart, and SIGKILL of another node before all is well
	blackout  kind = "blackout"  // SIGKILL of all nodes
	partition kind = "partition" // a node is cut from the others
	deafness  kind = "deafness"  // a node does not hear the others, who hear it
	muteness  kind = "muteness"  // the others do not hear a node, which hears them
	rift      kind = "rift"      // two nodes are cut from each other; the third has both
	oneWay    kind = "one way"   // one node does not hear one of the others
	shatter   kind = "shatter"   // all nodes are cut from each other
	slowness  kind = "slowness"  // what a node sends and receives is slow
)

var (
	processKinds = []kind{kill, kill, terminate, clock, halt, relay, blackout}
	networkKinds = []kind{partition, deafness, muteness, rift, oneWay, shatter, slowness}
)

// kinds returns those that this machine can make.
func (c *cluster) kinds() []kind {
	if c.net.Breakable() {
		return slices.Concat(processKinds, networkKinds)
	}
	return processKinds
}

func parseKinds(text string) ([]kind, error) {
	var kinds []kind
	for name := range strings.SplitSeq(text, ",") {
		k := kind(name)
		if !slices.Contains(processKinds, k) && !slices.Contains(networkKinds, k) {
			return nil, fmt.Errorf("there is no kind %q", name)
		}
		kinds = append(kinds, k)
	}
	return kinds, nil
}

// harmless reports whether the clients of the other nodes must not notice a fault at all.
func (k kind) harmless() bool { return k == kill || k == terminate || k == clock }

// fault is what happens to a node for some time.
type fault struct {
	kind   kind
	node   int
	other  int           // with relay, the second; with rift and oneWay, the one on the other side
	calm   time.Duration // before it
	length time.Duration
	slow   network.Rule // with slowness
	clock  int          // seconds by which the clock is off after the start of a process
}

// String says what the fault is.
func (f fault) String() string {
	text := fmt.Sprintf("%s of node %c for %s", f.kind, 'a'+f.node, f.length)
	switch f.kind {
	case relay:
		text += fmt.Sprintf(", after one of node %c", 'a'+f.other)
	case rift:
		text += fmt.Sprintf(", from node %c", 'a'+f.other)
	case oneWay:
		text += fmt.Sprintf(", which does not hear node %c", 'a'+f.other)
	case slowness:
		text += fmt.Sprintf(": %s, %d bytes a second", f.slow.Delay, f.slow.BytesPerSecond)
	case clock:
		text += fmt.Sprintf(", then %+d s off", f.clock)
	}
	return text
}

// begin breaks the cluster.
func (c *cluster) begin(ctx context.Context, f fault) error {
	n, rest, drop := c.nodes[f.node], others(f.node), network.Rule{Drop: true}
	switch f.kind {
	case kill:
		return n.stop(syscall.SIGKILL)
	case terminate, clock:
		return n.stop(syscall.SIGTERM)
	case halt:
		return n.signal(syscall.SIGSTOP)
	case relay:
		return c.relay(ctx, f)
	case blackout:
		return c.forAll(func(n *node) error { return n.stop(syscall.SIGKILL) })
	case partition:
		c.cutBoth(f.node, drop, rest...)
	case shatter:
		c.cutBoth(f.node, drop, rest...)
		c.cutBoth(rest[0], drop, rest[1])
	case muteness:
		c.cut(f.node, drop, rest...)
	case deafness:
		for _, other := range rest {
			c.cut(other, drop, f.node)
		}
	case rift:
		c.cutBoth(f.node, drop, f.other)
	case oneWay:
		c.cut(f.other, drop, f.node)
	case slowness:
		c.cutBoth(f.node, f.slow, rest...)
	}
	return nil
}

// relay kills one node, restarts it, and kills the next when that has had a little time.
func (c *cluster) relay(ctx context.Context, f fault) error {
	err := errors.Join(c.nodes[f.other].stop(syscall.SIGKILL), c.nodes[f.other].start(f.clock))
	pause(ctx, f.calm)
	return errors.Join(err, c.nodes[f.node].stop(syscall.SIGKILL))
}

// forAll does something to all nodes.
func (c *cluster) forAll(do func(*node) error) error {
	var errs []error
	for _, n := range c.nodes {
		errs = append(errs, do(n))
	}
	return errors.Join(errs...)
}

// cutBoth sets a rule for what a node sends to others, and receives of them.
func (c *cluster) cutBoth(node int, rule network.Rule, rest ...int) {
	c.cut(node, rule, rest...)
	for _, other := range rest {
		c.cut(other, rule, node)
	}
}

// end takes back what begin did.
func (c *cluster) end(f fault) error {
	switch f.kind {
	case kill, terminate, clock, relay:
		return c.nodes[f.node].start(f.clock)
	case blackout:
		return c.forAll(func(n *node) error { return n.start(f.clock) })
	case halt:
		return c.nodes[f.node].signal(syscall.SIGCONT)
	}
	c.heal()
	return nil
}
