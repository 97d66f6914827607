package load

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parley-chat/parley/internal/load/sockets"
)

// ConnectConfig says what a connect run does. All counts are at least 1.
type ConnectConfig struct {
	Clients     int    // sessions
	Concurrency int    // handshakes, or calls that mint tokens, at once
	Room        string // ARN of the room to use; when empty, one is made and deleted

	Hold  time.Duration // how long all sessions stay open before memory is read
	Churn time.Duration // how long sessions are replaced by new ones; 0 for not at all
}

// ConnectResult is what a connect run measured. Only handshakes are measured, not
// the minting of their tokens.
type ConnectResult struct {
	Clients     int `json:"clients"`
	Concurrency int `json:"concurrency"`

	MintSeconds float64 `json:"mint_seconds"` // for the tokens of the first Clients

	Seconds             float64 `json:"measured_seconds"`
	Handshakes          int     `json:"handshakes"`
	HandshakesPerSecond float64 `json:"handshakes_per_second"`
	// Latency counts from the connect to the answer of the handshake.
	Latency Latency `json:"latency"`

	Sessions int            `json:"sessions"` // open at the end
	Refused  map[string]int `json:"refused_handshakes"`
	Ended    map[string]int `json:"ended_sessions"`

	Server            *ServerUse `json:"server,omitempty"`
	ServerCPUMicros   float64    `json:"server_cpu_us_per_handshake,omitempty"`
	HandshakesPerCPU  float64    `json:"handshakes_per_server_cpu_second,omitempty"`
	ResidentBytesEach float64    `json:"resident_bytes_per_session,omitempty"`
	HeldSeconds       float64    `json:"held_seconds,omitempty"`
	LoadCores         float64    `json:"load_cores"`
}

// Problem says what went wrong in a run that has numbers, or returns nil.
func (r *ConnectResult) Problem() error {
	switch {
	case len(r.Refused) > 0:
		return fmt.Errorf("sessions could not be opened: %s", counts(r.Refused))
	case len(r.Ended) > 0:
		return fmt.Errorf("sessions ended before their time: %s", counts(r.Ended))
	case r.Handshakes == 0:
		return errors.New("no session was opened")
	}
	return nil
}

const (
	// mintFor bounds how long tokens are minted before they are used: they live a
	// minute.
	mintFor = 20 * time.Second
	// maxSlice is how many tokens are minted at most before they are used.
	maxSlice = 20_000
	// maxDead is how many connections may fail, rather than be refused, before the
	// server counts as gone.
	maxDead = 100
)

// Connect opens sessions as fast as it may, and measures that. The result is nil
// when nothing was measured. When ctx ends early, it is of what was measured until
// then.
func Connect(ctx context.Context, target Target, cfg ConnectConfig, show Show) (
	_ *ConnectResult, err error,
) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if err := CheckFiles(cfg.Clients + 2*cfg.Concurrency); err != nil {
		return nil, err
	}
	calls := newCalls(target, cfg.Concurrency)
	defer calls.close()
	rooms, err := openRooms(ctx, calls, cfg.Room, 1)
	defer func() { err = errors.Join(err, rooms.close()) }()
	if err != nil {
		return nil, err
	}
	servers, err := target.servers(ctx)
	if err != nil {
		return nil, err
	}
	c := newConnects(cfg, target.Probe, show)
	if c.net, err = sockets.New(servers, cfg.Clients, c); err != nil {
		return nil, err
	}
	defer show.over()
	return c.run(ctx, func(ctx context.Context, session int) (string, error) {
		return calls.mint(ctx, rooms.arns[0], userID(session))
	})
}
