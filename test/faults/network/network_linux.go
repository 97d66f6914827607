// Package network gives processes of one machine a network that can be broken. Each
// host has a network namespace of its own, with one TUN device; this process is the
// switch that carries packets between the devices, and does to each direction between
// two hosts what its rule says. It needs root, or to be told to use the loopback.
// It leaves nothing behind: namespaces and devices are gone with the files and threads
// that hold them, also when the process is killed.
package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Rule is what happens to packets on their way from one host to another. The zero value
// lets them pass.
type Rule struct {
	Drop           bool
	Delay          time.Duration
	BytesPerSecond int // 0: no limit
}

// Network is some hosts and the links between them.
type Network struct {
	hosts []*host
	links [][]*link // by sender, then by receiver; nil on the loopback
	work  sync.WaitGroup
	once  sync.Once
}

// host is where processes run. One goroutine runs its jobs, on a thread that it keeps: in
// the host's namespace, which is inherited by the processes that are started there.
type host struct {
	addr      netip.Addr
	jobs      chan func() // Close closes it
	namespace *os.File    // nil on the loopback
	device    *os.File    // nil on the loopback
}

// New returns a network of hosts that can be broken. Close has to be called.
func New(hosts int) (_ *Network, err error) {
	n := &Network{}
	defer func() {
		if err != nil {
			n.Close()
		}
	}()
	for i := range hosts {
		h, err := n.addHost(netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}))
		if err != nil {
			return nil, err
		}
		if err := h.enter(); err != nil {
			return nil, fmt.Errorf("make a network namespace: %w", err)
		}
	}
	n.connect()
	return n, nil
}

// Loopback returns a network of hosts that are this machine. No rule can be set.
func Loopback(hosts int) *Network {
	n := &Network{}
	for range hosts {
		_, _ = n.addHost(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	}
	return n
}

// maxHosts is as many as the last byte of an address tells apart.
const maxHosts = 254

func (n *Network) addHost(addr netip.Addr) (*host, error) {
	if len(n.hosts) == maxHosts {
		return nil, fmt.Errorf("a network has at most %d hosts", maxHosts)
	}
	h := &host{addr: addr, jobs: make(chan func())}
	n.hosts = append(n.hosts, h)
	n.work.Go(h.run)
	return h, nil
}

// run runs the host's jobs. The thread is never unlocked, so that it ends with the
// goroutine: nothing else could use it.
func (h *host) run() {
	runtime.LockOSThread()
	for job := range h.jobs {
		job()
	}
}

// do runs a job on the host's thread.
func (h *host) do(job func() error) error {
	done := make(chan error)
	h.jobs <- func() { done <- job() }
	return <-done
}

// enter moves the host's thread to a new namespace, and makes the device there.
func (h *host) enter() error {
	return h.do(func() (err error) {
		if err = unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return err
		}
		if h.namespace, err = os.Open("/proc/thread-self/ns/net"); err != nil {
			return err
		}
		if h.device, err = openDevice(); err != nil {
			return err
		}
		return configure(h.addr)
	})
}

// Breakable reports whether rules can be set.
func (n *Network) Breakable() bool { return n.links != nil }

// Addr returns the address of a host.
func (n *Network) Addr(host int) netip.Addr { return n.hosts[host].addr }

// Run calls f on the thread of a host. Sockets that f makes are the host's, and so are
// processes that it starts. These can ask for a signal at the end of the thread, which
// comes with Close and with the end of this process. One f runs at a time.
func (n *Network) Run(host int, f func() error) error { return n.hosts[host].do(f) }

// Dial connects from a host to an address.
func (n *Network) Dial(ctx context.Context, host int, address string) (net.Conn, error) {
	h := n.hosts[host]
	var dialer net.Dialer
	if h.namespace == nil {
		return dialer.DialContext(ctx, "tcp", address)
	}
	var conn net.Conn
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // the thread ends with the goroutine
		err := unix.Setns(int(h.namespace.Fd()), unix.CLONE_NEWNET)
		if err == nil {
			conn, err = dialer.DialContext(ctx, "tcp", address)
		}
		done <- err
	}()
	return conn, <-done
}

// Set makes a rule for what one host sends to another.
func (n *Network) Set(from, to int, rule Rule) { n.links[from][to].set(rule) }

// connect starts the switch.
func (n *Network) connect() {
	n.links = make([][]*link, len(n.hosts))
	for i := range n.hosts {
		for _, to := range n.hosts {
			n.links[i] = append(n.links[i], newLink(to.device))
		}
	}
	for i, h := range n.hosts {
		for _, l := range n.links[i] {
			n.work.Go(l.run)
		}
		n.work.Go(func() { n.forward(h.device, n.links[i]) })
	}
}

// Close ends the network. Its hosts' processes should have ended before. It may be called
// twice.
func (n *Network) Close() {
	n.once.Do(n.close)
}

func (n *Network) close() {
	for _, h := range n.hosts {
		close(h.jobs)
		if h.device != nil {
			_ = h.device.Close() // ends forward
		}
		if h.namespace != nil {
			_ = h.namespace.Close()
		}
	}
	for _, links := range n.links {
		for _, l := range links {
			close(l.done)
		}
	}
	n.work.Wait()
}

// forward carries what a host sends until its device is closed.
func (n *Network) forward(device *os.File, links []*link) {
	buffer := make([]byte, mtu)
	for {
		size, err := device.Read(buffer)
		if errors.Is(err, os.ErrClosed) {
			return
		}
		if err != nil {
			continue // a packet that does not fit, which nobody sends
		}
		if to, ok := receiver(buffer[:size]); ok && to < len(links) {
			links[to].carry(buffer[:size])
		}
	}
}

// receiver returns which host a packet is for: the last byte of an IPv4 address is one
// more than the number of the host. What is not IPv4 is for nobody.
func receiver(packet []byte) (host int, ok bool) {
	const headerBytes, destinationEnd = 20, 20
	if len(packet) < headerBytes || packet[0]>>4 != 4 {
		return 0, false
	}
	return int(packet[destinationEnd-1]) - 1, packet[destinationEnd-1] > 0
}
