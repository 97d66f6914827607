package engine

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	greetTimeout  = 2 * time.Second
	maxGreetBytes = 64 << 10 // of what the other side says first
)

// stranger says what a node is found to be that cannot be of this node's cluster,
// whatever happens next.
type stranger struct{ why string }

func (s stranger) Error() string { return s.why }

// greet connects to the address of another node and hears what it says first, which is
// who it is. It returns the node's name. The error says why the two cannot be nodes of
// one cluster; it is a stranger when only another setting can change that.
func (e *Engine) greet(ctx context.Context, address string) (name string, err error) {
	ctx, cancel := context.WithTimeout(ctx, greetTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return "", fmt.Errorf("not reached: %w", inner(err))
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline) // fails only when the connection is closed
	if ours := e.cfg.Cluster.TLS; ours != nil {
		ours = ours.Clone()
		ours.ServerName, _, _ = net.SplitHostPort(address) // it was dialled
		conn = tls.Client(conn, ours)
	}
	info, err := readInfo(conn)
	switch {
	case errors.As(err, new(tls.RecordHeaderError)):
		return "", errors.New("it speaks no TLS, and this node does")
	case err != nil && e.cfg.Cluster.TLS == nil:
		return "", errors.New("it says nothing: it may speak TLS, which this node does not")
	case err != nil:
		return "", inner(err)
	case e.server != nil && info.ID == e.server.ID():
		return info.Name, nil // an address that leads back here
	case info.Cluster != e.cfg.Cluster.Name:
		return "", stranger{fmt.Sprintf("its cluster_name is %q, and this node's %q",
			info.Cluster, e.cfg.Cluster.Name)}
	case info.Name == e.cfg.Node:
		return "", stranger{fmt.Sprintf("it is another node with this node_name, %q", info.Name)}
	}
	return info.Name, nil
}

// readInfo returns what a server says first.
func readInfo(conn net.Conn) (server.Info, error) {
	line, err := bufio.NewReader(io.LimitReader(conn, maxGreetBytes)).ReadBytes('\n')
	if err != nil {
		return server.Info{}, err
	}
	var info server.Info
	body, ok := bytes.CutPrefix(line, []byte("INFO "))
	if !ok {
		return info, errors.New("what listens there is no node")
	}
	return info, json.Unmarshal(body, &info)
}

// inner returns the cause of a network error, without the addresses.
func inner(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return errors.New("no answer")
	}
	op := (*net.OpError)(nil)
	switch {
	case !errors.As(err, &op):
		return err
	case op.Op == "remote error":
		return fmt.Errorf("it answers %w", op.Err)
	}
	return op.Err
}

// greetAll greets other nodes at once, and returns their names and what is wrong, in
// the order of their addresses.
func (e *Engine) greetAll(ctx context.Context, addresses []string) (names []string, errs []error) {
	names, errs = make([]string, len(addresses)), make([]error, len(addresses))
	var greeting sync.WaitGroup
	for i, address := range addresses {
		greeting.Go(func() { names[i], errs[i] = e.greet(ctx, address) })
	}
	greeting.Wait()
	return names, errs
}

// strangers returns an error when a node that is there already cannot be of this node's
// cluster. To become a member under a name that another has would harm both.
func (e *Engine) strangers(ctx context.Context) error {
	others := e.cfg.Cluster.others()
	_, errs := e.greetAll(ctx, others)
	for i, err := range errs {
		if errors.As(err, new(stranger)) {
			return fmt.Errorf("the node at %s is not of this cluster: %w", others[i], err)
		}
	}
	return nil
}

// obstacles says which nodes of a cluster are missing and why, and why one was refused
// if one was. It is empty when there is nothing to say.
func (e *Engine) obstacles(ctx context.Context) string {
	if e.cfg.Cluster == nil {
		return ""
	}
	var missing []string
	present := e.present(ctx)
	others := e.cfg.Cluster.others()
	names, errs := e.greetAll(ctx, others)
	for i, address := range others {
		switch {
		case errs[i] != nil:
			missing = append(missing, fmt.Sprintf("%s (%v)", address, errs[i]))
		case !present[names[i]]:
			missing = append(missing, address)
		}
	}
	var text strings.Builder
	if len(missing) > 0 {
		fmt.Fprintf(&text, "; missing: %s", strings.Join(missing, ", "))
	}
	if why := e.lines.refusal.Load(); why != nil {
		fmt.Fprintf(&text, "; %s", *why)
	}
	return text.String()
}
