//go:build !linux

package fanout

import (
	"errors"
	"net"
	"time"
)

// shard and walk are for Linux alone: elsewhere each session has goroutines of its
// own.
type shard struct{}

type walk struct{}

// seat is what a shard keeps of a session.
type seat struct{}

func newShard(*Engine) (*shard, error) { return nil, errors.ErrUnsupported }

func (*shard) start(*Session, *net.TCPConn, []byte, Receiver, time.Duration) error {
	return errors.ErrUnsupported
}

func (*shard) lag() time.Duration { return 0 }

func (*shard) stop() {}

func (*walk) wake() {}
