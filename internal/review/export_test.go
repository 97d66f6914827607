package review

import (
	"context"
	"log/slog"
	"net"

	"github.com/parley-chat/parley/internal/metrics"
)

// Dial opens connections.
type Dial = func(ctx context.Context, network, address string) (net.Conn, error)

// NewDialing is New with connections of another kind.
func NewDialing(cfg Config, m *metrics.Metrics, dial Dial) (*Reviewer, error) {
	r := &Reviewer{metrics: m, log: slog.New(slog.DiscardHandler)}
	return r, r.ReloadDialing(cfg, dial)
}

// ReloadDialing is Reload with connections of another kind.
func (r *Reviewer) ReloadDialing(cfg Config, dial Dial) error {
	t, err := cfg.load(func(path string) string { return path })
	if err != nil {
		return err
	}
	for remote := range t.remotes() {
		poolOf(remote.caller).transport.DialContext = dial
	}
	r.enforce(t)
	return nil
}

func poolOf(c caller) *pool {
	switch c := c.(type) {
	case *webhook:
		return c.pool
	case *emulator:
		return c.pool
	case *invoker:
		return c.pool
	}
	panic("no caller with a pool")
}
