package load

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parley-chat/parley/internal/load/sockets"
)

// FanoutConfig says what a fan-out run does. All counts are at least 1.
type FanoutConfig struct {
	Rooms     int
	Receivers int    // sessions per room; the first of them are the senders
	Senders   int    // per room, at most Receivers
	Room      string // ARN of the room to use, with Rooms 1; when empty, rooms are made and deleted

	ContentBytes int // of a message, MinContentBytes to the room's limit

	// Outstanding is how many messages each sender keeps on their way. It does not
	// count when Rate is set.
	Outstanding int
	// WaitForAll has a message count as on its way until all receivers have it, rather
	// than until its sender has.
	WaitForAll bool
	// Rate is how many messages are sent per second over all rooms, whether or not
	// they arrive. 0 means that Outstanding counts.
	Rate float64

	Duration           time.Duration // that is measured
	WarmUp             time.Duration // before it
	ConnectConcurrency int           // sessions that are opened at once

	// BusyPoll takes a whole CPU to look for messages all the time. Then the server
	// spends nothing on waking this program, as it would not if the receivers were
	// on other machines.
	BusyPoll bool
}

// FanoutResult is what a fan-out run measured.
type FanoutResult struct {
	Rooms        int     `json:"rooms"`
	Receivers    int     `json:"receivers_per_room"`
	Senders      int     `json:"senders_per_room"`
	ContentBytes int     `json:"content_bytes"`
	FrameBytes   int     `json:"frame_bytes"` // of the last MESSAGE, with its header
	Outstanding  int     `json:"outstanding_per_sender,omitempty"`
	Rate         float64 `json:"wanted_messages_per_second,omitempty"`

	Sessions       int     `json:"sessions"`
	ConnectSeconds float64 `json:"connect_seconds"` // to mint all tokens and open all sessions

	Seconds             float64 `json:"measured_seconds"`
	Messages            int     `json:"messages"`
	MessagesPerSecond   float64 `json:"messages_per_second"`
	Deliveries          int     `json:"deliveries"`
	DeliveriesPerSecond float64 `json:"deliveries_per_second"`

	// Latency counts from when a message was to be sent until a receiver has read
	// it, over all deliveries. LastReceiver is that of each message's last receiver.
	Latency      Latency `json:"latency"`
	LastReceiver Latency `json:"last_receiver_latency"`

	// The whole run, not only the part that is measured.
	Sent       int            `json:"sent"` // messages
	Expected   int            `json:"expected_deliveries"`
	Lost       int            `json:"lost_deliveries"`
	Duplicates int            `json:"duplicate_deliveries"`
	Disordered int            `json:"disordered_deliveries"`
	NoEcho     int            `json:"echoes_without_request_id"`
	Refused    map[string]int `json:"refused_messages"` // by code and text
	Ended      map[string]int `json:"ended_sessions"`   // by reason
	Strays     int            `json:"deliveries_to_other_rooms"`
	Unsent     int            `json:"unsent_messages"` // due and not sent, with Rate

	Server           *ServerUse `json:"server,omitempty"`
	DeliveriesPerCPU float64    `json:"deliveries_per_server_cpu_second,omitempty"`
	// LoadCores is how much CPU this program took. When it took all of its own, the
	// server can do more than was measured.
	LoadCores float64 `json:"load_cores"`
}

// Problem says what went wrong in a run that has numbers, or returns nil.
func (r *FanoutResult) Problem() error {
	switch {
	case len(r.Refused) > 0:
		return fmt.Errorf("the server refused messages: %s", counts(r.Refused))
	case len(r.Ended) > 0:
		return fmt.Errorf("sessions ended before their time: %s", counts(r.Ended))
	case r.Lost > 0:
		return fmt.Errorf("%d of %d deliveries were lost, or over %s late", r.Lost, r.Expected,
			drainTimeout)
	case r.Duplicates > 0:
		return fmt.Errorf("%d deliveries came twice", r.Duplicates)
	case r.Disordered > 0:
		return fmt.Errorf("%d deliveries came out of order", r.Disordered)
	case r.Strays > 0:
		return fmt.Errorf("%d deliveries went to another room than that of their sender", r.Strays)
	case r.NoEcho > 0:
		return fmt.Errorf("%d echoes did not have the RequestId of their message", r.NoEcho)
	case r.Messages == 0:
		return errors.New("no message was sent in the time that is measured")
	}
	return nil
}

// Fanout opens the sessions of one or more rooms, sends messages, and measures how
// they reach all sessions. The result is nil when nothing was
// measured. When ctx ends early, it is of what was measured until then.
func Fanout(ctx context.Context, target Target, cfg FanoutConfig, show Show) (
	_ *FanoutResult, err error,
) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if err := CheckFiles(cfg.Rooms*cfg.Receivers + cfg.ConnectConcurrency); err != nil {
		return nil, err
	}
	calls := newCalls(target, cfg.ConnectConcurrency)
	defer calls.close()
	rooms, err := openRooms(ctx, calls, cfg.Room, cfg.Rooms)
	defer func() { err = errors.Join(err, rooms.close()) }()
	if err != nil {
		return nil, err
	}
	sessions := cfg.Rooms * cfg.Receivers
	servers, err := target.servers(ctx)
	if err != nil {
		return nil, err
	}
	f := newFanout(cfg, target.Probe, show)
	if f.net, err = sockets.New(servers, sessions, f); err != nil {
		return nil, err
	}
	join := func(ctx context.Context, session int) (string, error) {
		return calls.mint(ctx, rooms.arns[session/cfg.Receivers], userID(session))
	}
	return f.run(ctx, join)
}
