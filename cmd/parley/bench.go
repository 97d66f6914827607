package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/parley-chat/parley/internal/load"
)

// benchCmd holds the commands that put load on a server, and what they share.
type benchCmd struct {
	URL     string   `default:"http://127.0.0.1:8080" help:"Control plane of the server."`
	ChatURL []string `placeholder:"URL" help:"Messaging plane of the server, ws://… or wss://… (the same host). Of a cluster, that of each node: sessions are spread over them."`
	Region  string   `default:"us-east-1" help:"Region of the rooms."`
	Profile string   `placeholder:"NAME" help:"Profile of the shared AWS configuration."`
	Room    string   `placeholder:"ARN" help:"Room to use (rooms of its own, deleted at the end)."`

	AdminURL  []string `placeholder:"URL" help:"Admin listener of a Parley server: to tell what the server uses. Of several, the sum."`
	ServerPID []int    `name:"server-pid" placeholder:"PID" help:"Process of a server on this machine: to tell what it uses. Of several, the sum."`

	Duration time.Duration `default:"10s" help:"How long to measure."`
	JSON     bool          `help:"Print one JSON object instead of a table."`
	Quiet    bool          `help:"Show no progress."`

	Fanout  benchFanoutCmd  `cmd:"" help:"Send messages to the sessions of rooms."`
	Connect benchConnectCmd `cmd:"" help:"Open sessions, as many clients do after a restart."`
	Mint    benchMintCmd    `cmd:"" help:"Mint chat tokens."`
}

type benchFanoutCmd struct {
	Rooms       int     `default:"1" help:"Rooms."`
	Receivers   int     `default:"1000" help:"Sessions in each room; some of them send, too."`
	Senders     int     `default:"1" help:"Sessions in each room that send."`
	Size        int     `default:"150" help:"Bytes in each message's content, 25 to 500."`
	Outstanding int     `default:"1" help:"Messages that each sender keeps on their way."`
	Rate        float64 `placeholder:"N" help:"Messages per second over all rooms, instead of --outstanding."`

	WarmUp             time.Duration `default:"1s" help:"How long to send before measuring."`
	ConnectConcurrency int           `default:"64" help:"Sessions that are opened at once."`
	WaitForAll         bool          `help:"Count a message as outstanding until all receivers have it, not only its sender."`
	BusyPoll           bool          `help:"Take a whole CPU to look for messages, so that the server need not wake this program."`
}

type benchConnectCmd struct {
	Clients     int           `default:"10000" help:"Sessions to open."`
	Concurrency int           `default:"64" help:"Handshakes at once."`
	Hold        time.Duration `default:"0s" help:"How long to keep all sessions open before the server's memory is read."`
	Churn       bool          `help:"Then close sessions and open new ones, for --duration."`
}

type benchMintCmd struct {
	Connections int           `default:"32" help:"Calls at once."`
	Rate        float64       `placeholder:"N" help:"Calls per second, whether or not they are answered (as many as can be)."`
	WarmUp      time.Duration `default:"1s" help:"How long to make calls before measuring."`
}

// Run measures how messages reach the sessions of rooms.
func (c *benchFanoutCmd) Run(b *benchCmd) error {
	return bench(b, fanoutTable, func(ctx context.Context, target load.Target) (
		*load.FanoutResult, error,
	) {
		return load.Fanout(ctx, target, load.FanoutConfig{
			Rooms: c.Rooms, Receivers: c.Receivers, Senders: c.Senders, Room: b.Room,
			ContentBytes: c.Size, Outstanding: c.Outstanding, Rate: c.Rate,
			Duration: b.Duration, WarmUp: c.WarmUp,
			ConnectConcurrency: c.ConnectConcurrency, BusyPoll: c.BusyPoll, WaitForAll: c.WaitForAll,
		}, b.show())
	})
}

// Run measures how sessions are opened.
func (c *benchConnectCmd) Run(b *benchCmd) error {
	cfg := load.ConnectConfig{
		Clients: c.Clients, Concurrency: c.Concurrency, Room: b.Room, Hold: c.Hold,
	}
	if c.Churn {
		cfg.Churn = b.Duration
	}
	return bench(b, connectTable, func(ctx context.Context, target load.Target) (
		*load.ConnectResult, error,
	) {
		return load.Connect(ctx, target, cfg, b.show())
	})
}

// Run measures how tokens are minted.
func (c *benchMintCmd) Run(b *benchCmd) error {
	return bench(b, mintTable, func(ctx context.Context, target load.Target) (
		*load.MintResult, error,
	) {
		return load.Mint(ctx, target, load.MintConfig{
			Connections: c.Connections, Rate: c.Rate, Room: b.Room,
			Duration: b.Duration, WarmUp: c.WarmUp,
		}, b.show())
	})
}

// bench makes a run, which Ctrl-C ends early, and prints what it measured. It fails
// when the server failed in anything.
func bench[T any, R interface {
	*T
	Problem() error
}](
	b *benchCmd, table func(R) []row, run func(context.Context, load.Target) (R, error),
) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	target, err := b.target(ctx)
	if err != nil {
		return err
	}
	result, err := run(ctx, target)
	switch {
	case result == nil:
		return err
	case b.JSON:
		err = errors.Join(json.NewEncoder(os.Stdout).Encode(result), err)
	default:
		err = errors.Join(printRows(table(result)), err)
	}
	return errors.Join(result.Problem(), err)
}

func (b *benchCmd) target(ctx context.Context) (load.Target, error) {
	t := load.Target{URL: b.URL, ChatURLs: b.ChatURL, Region: b.Region, Probe: b.probe()}
	settings, err := endpointFlags{
		Region: b.Region, Profile: b.Profile, EndpointURL: b.URL,
	}.resolve(ctx)
	t.Credentials = settings.API.Credentials
	return t, err
}

// probe returns what looks at the servers: at their processes, if those are known.
func (b *benchCmd) probe() load.Probe {
	var probes load.Probes
	for _, pid := range b.ServerPID {
		probes = append(probes, load.ProcessProbe{PID: pid})
	}
	for _, address := range b.AdminURL {
		if len(b.ServerPID) == 0 {
			probes = append(probes, load.AdminProbe{URL: address})
		}
	}
	if len(probes) == 0 {
		return nil
	}
	return probes
}

// plainEvery is how many looks at a run are shown as a line when it is no terminal
// that shows them.
const plainEvery = 5

// show returns what shows the progress of a run on standard error.
func (b *benchCmd) show() load.Show {
	if b.Quiet {
		return nil
	}
	const eraseLine = "\r\x1b[K"
	terminal, seen := isTerminal(os.Stderr), 0
	return func(p load.Progress) {
		switch seen++; {
		case p.Over && terminal:
			fmt.Fprint(os.Stderr, eraseLine)
		case p.Over:
		case terminal:
			fmt.Fprint(os.Stderr, eraseLine+progressLine(p))
		case seen%plainEvery == 0:
			fmt.Fprintln(os.Stderr, progressLine(p))
		}
	}
}

func progressLine(p load.Progress) string {
	line := fmt.Sprintf("%s: %d of %d sessions, %s %s", p.Doing, p.Sessions, p.Of,
		number(p.PerSecond), p.Unit)
	if p.Doing == load.Minting {
		line = fmt.Sprintf("%s: %s %s", p.Doing, number(p.PerSecond), p.Unit)
	}
	if p.DeliveriesPerSecond > 0 {
		line += fmt.Sprintf(", %s deliveries/s", number(p.DeliveriesPerSecond))
	}
	if p.P99 > 0 {
		line += fmt.Sprintf(", p99 %s", p.P99.Round(10*time.Microsecond))
	}
	if p.Lost > 0 {
		line += fmt.Sprintf(", %d lost", p.Lost)
	}
	return line
}
