package load

import (
	"errors"
	"fmt"
	"time"

	"github.com/parley-chat/parley"
)

// The most that a run may have of things, which its memory is for.
const (
	maxSessions    = 5_000_000
	maxOutstanding = 10_000
	maxPerSecond   = 10_000_000
	maxConcurrency = 10_000
	maxPairs       = 50_000_000 // of a session and a sender of its room

	// maxDuration is less than the three hours that sessions live.
	maxDuration = 2 * time.Hour
)

// spareFiles is what a run needs beside its sessions: calls, epoll, the binary.
const spareFiles = 64

// between returns an error unless low ≤ n ≤ high.
func between(what string, n, low, high int) error {
	if n < low || n > high {
		return fmt.Errorf("%s must be %d to %d, not %d", what, low, high, n)
	}
	return nil
}

func rate(n float64) error {
	if !(n >= 0 && n <= maxPerSecond) { // also not when it is no number
		return fmt.Errorf("rate must be 0 to %d, not %v", maxPerSecond, n)
	}
	return nil
}

// spans checks how long a run takes.
func spans(duration, warmUp time.Duration) error {
	if duration <= 0 || warmUp < 0 || max(duration, warmUp) > maxDuration {
		return fmt.Errorf("duration must be above 0s and warm-up at least 0s, both at most %s, "+
			"not %s and %s", maxDuration, duration, warmUp)
	}
	return nil
}

// check returns all mistakes in the configuration.
func (c FanoutConfig) check() error {
	err := errors.Join(
		between("rooms", c.Rooms, 1, maxSessions),
		between("receivers", c.Receivers, 1, maxSessions),
		between("senders", c.Senders, 1, max(1, c.Receivers)),
		between("size", c.ContentBytes, MinContentBytes, parley.MaxMessageLength),
		between("outstanding", c.Outstanding, 1, maxOutstanding),
		between("connect-concurrency", c.ConnectConcurrency, 1, maxConcurrency),
		rate(c.Rate))
	if err == nil {
		err = between("rooms times receivers", c.Rooms*c.Receivers, 1, maxSessions)
	}
	if err == nil {
		err = between("rooms times receivers times senders", c.Rooms*c.Receivers*c.Senders, 1, maxPairs)
	}
	if err == nil && c.Room != "" && c.Rooms > 1 {
		err = errors.New("rooms must be 1 when a room is given")
	}
	return errors.Join(err, spans(c.Duration, c.WarmUp))
}

func (c ConnectConfig) check() error {
	err := errors.Join(
		between("clients", c.Clients, 1, maxSessions),
		between("concurrency", c.Concurrency, 1, maxConcurrency))
	if min(c.Hold, c.Churn) < 0 || max(c.Hold, c.Churn) > maxDuration {
		err = errors.Join(err, fmt.Errorf("hold and duration must be 0s to %s, not %s and %s",
			maxDuration, c.Hold, c.Churn))
	}
	return err
}

func (c MintConfig) check() error {
	err := errors.Join(between("connections", c.Connections, 1, maxConcurrency), rate(c.Rate))
	return errors.Join(err, spans(c.Duration, c.WarmUp))
}
