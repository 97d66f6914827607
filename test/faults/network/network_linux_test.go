package network_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/parley-chat/parley/test/faults/network"
)

// patience bounds what is waited for, which a busy machine may be late with.
const patience = time.Minute

// newNetwork returns a network of three hosts, the first of which answers each byte that
// it receives with the same.
func newNetwork(t *testing.T) (_ *network.Network, echo string) {
	t.Helper()
	n, err := network.New(3)
	if err != nil {
		t.Skipf("this machine has no network to break: %v", err)
	}
	t.Cleanup(n.Close)
	var l net.Listener
	err = n.Run(0, func() (err error) {
		l, err = net.Listen("tcp", fmt.Sprintf("%s:0", n.Addr(0)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	return n, l.Addr().String()
}

// dial connects from a host, and fails the test if that is not possible.
func dial(t *testing.T, n *network.Network, host int, address string) net.Conn {
	t.Helper()
	conn, err := try(t, n, host, address)
	if err != nil {
		t.Fatalf("host %d: %v", host, err)
	}
	return conn
}

func try(t *testing.T, n *network.Network, host int, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := n.Dial(ctx, host, address)
	if err == nil {
		t.Cleanup(func() { _ = conn.Close() })
	}
	return conn, err
}

// roundTrip says how long it took to get so many bytes back.
func roundTrip(conn net.Conn, size int, most time.Duration) (time.Duration, error) {
	begin := time.Now()
	if err := conn.SetDeadline(begin.Add(most)); err != nil {
		return 0, err
	}
	sent := make(chan error, 1)
	go func() {
		_, err := conn.Write(make([]byte, size))
		sent <- err
	}()
	_, err := io.ReadFull(conn, make([]byte, size))
	if err == nil {
		err = <-sent
	}
	return time.Since(begin), err
}

func TestHostsReachEachOther(t *testing.T) {
	n, echo := newNetwork(t)
	for host := range 3 {
		if took, err := roundTrip(dial(t, n, host, echo), 1<<20, patience); err != nil {
			t.Errorf("host %d: 1 MiB came not back from host 0 in %s: %v", host, took, err)
		}
	}
}

func TestHostsAreApartFromTheMachine(t *testing.T) {
	_, echo := newNetwork(t)
	if conn, err := net.DialTimeout("tcp", echo, time.Second); err == nil {
		_ = conn.Close()
		t.Errorf("%s of host 0 is reached from the machine's own namespace", echo)
	}
}

func TestDropEndsOneWayAndOnePairOnly(t *testing.T) {
	n, echo := newNetwork(t)
	cut, whole := dial(t, n, 1, echo), dial(t, n, 2, echo)
	for _, way := range [][2]int{{0, 1}, {1, 0}} {
		n.Set(way[0], way[1], network.Rule{Drop: true})
		if _, err := roundTrip(cut, 1, 300*time.Millisecond); err == nil {
			t.Errorf("host 1 got an answer while packets from %d to %d were dropped", way[0], way[1])
		}
		if _, err := roundTrip(whole, 1, patience); err != nil {
			t.Errorf("host 2 got none while packets from %d to %d were dropped: %v", way[0], way[1], err)
		}
		n.Set(way[0], way[1], network.Rule{})
		cut = dial(t, n, 1, echo) // the other may have an answer too many on its way
		if _, err := roundTrip(cut, 1, patience); err != nil {
			t.Errorf("host 1 got no answer after the healing: %v", err)
		}
	}
}

func TestDelay(t *testing.T) {
	n, echo := newNetwork(t)
	const delay = 200 * time.Millisecond
	conn := dial(t, n, 1, echo)
	n.Set(1, 0, network.Rule{Delay: delay})
	if took, err := roundTrip(conn, 1, patience); err != nil || took < delay {
		t.Errorf("an answer took %s (%v), want at least %s", took, err, delay)
	}
	n.Set(1, 0, network.Rule{})
	// The first may be behind what was delayed, and any may be late on a busy machine.
	for tries := 1; ; tries++ {
		took, err := roundTrip(conn, 1, patience)
		if err == nil && took < delay {
			break
		}
		if err != nil || tries == 50 {
			t.Fatalf("answer %d took %s (%v) after the healing, want less than %s",
				tries, took, err, delay)
		}
	}
}

func TestBandwidth(t *testing.T) {
	n, echo := newNetwork(t)
	conn := dial(t, n, 1, echo)
	n.Set(1, 0, network.Rule{BytesPerSecond: 1 << 20})
	took, err := roundTrip(conn, 512<<10, patience)
	if err != nil || took < 450*time.Millisecond {
		t.Errorf("512 KiB at 1 MiB a second took %s (%v), want half a second", took, err)
	}
}

// TestCloseEndsAll closes a network whose links hold packets.
func TestCloseEndsAll(t *testing.T) {
	n, echo := newNetwork(t)
	conn := dial(t, n, 1, echo)
	n.Set(1, 0, network.Rule{Delay: time.Hour})
	if _, err := conn.Write([]byte("late")); err != nil {
		t.Fatal(err)
	}
	n.Close()
	n.Close()
}

func TestLoopbackCannotBeBroken(t *testing.T) {
	n := network.Loopback(2)
	defer n.Close()
	l, err := net.Listen("tcp", n.Addr(0).String()+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_ = dial(t, n, 1, l.Addr().String())
	if n.Breakable() {
		t.Error("the loopback says that it can be broken")
	}
}
