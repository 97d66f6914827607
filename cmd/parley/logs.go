package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/app/config"
	"github.com/parley-chat/parley/internal/chatlog"
)

// logsCmd holds the commands about chat logs.
type logsCmd struct {
	Status logsStatusCmd `cmd:"" help:"Show how the chat logs of a running server are doing."`
	Cat    logsCatCmd    `cmd:"" help:"Print what was logged of a room."`
}

type logsStatusCmd struct {
	adminFlags `embed:""`
	JSON       bool `help:"Print JSON instead of a table."`
}

// Run prints a line per logging configuration.
func (c *logsStatusCmd) Run() error {
	var report app.LogReport
	if err := c.look("/logs", &report); err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(report)
	}
	return printLogs(report, time.Now())
}

func printLogs(report app.LogReport, now time.Time) error {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "CONFIGURATION\tDESTINATION\tQUEUED\tLAG\tDELIVERED\tDROPPED\tSTATE")
	for _, l := range report.LoggingConfigurations {
		id := l.LoggingConfiguration[strings.LastIndex(l.LoggingConfiguration, "/")+1:]
		fmt.Fprintf(table, "%s\t%s %s\t%s\t%s\t%d\t%d\t%s\n", id, l.Kind, l.Name,
			bytesText(l.QueuedBytes), time.Duration(l.LagSeconds*float64(time.Second)).Round(time.Second),
			l.Delivered, l.Dropped, stateText(l.Status, now))
	}
	return table.Flush()
}

// stateText says in a line whether logs reach their destination.
func stateText(s chatlog.Status, now time.Time) string {
	state := "ok"
	if s.Deleted {
		state = "deleted, being emptied"
	}
	if s.FailingSince != nil {
		state = fmt.Sprintf("failing for %s (%s): %s", now.Sub(*s.FailingSince).Round(time.Second),
			s.ErrorKind, s.LastError)
	}
	return strings.Join(strings.Fields(state), " ") // errors can have lines
}

// bytesText returns a number of bytes as people read it.
func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
}

type logsCatCmd struct {
	Room string    `arg:"" help:"Name or ARN of the room."`
	From time.Time `placeholder:"TIME" help:"Not before this time, such as 2026-03-01T10:00:00Z."`
	To   time.Time `placeholder:"TIME" help:"Before this time."`
	Type string    `enum:"MESSAGE,EVENT," default:"" placeholder:"TYPE" help:"MESSAGE or EVENT (both)."`

	Bucket []string `placeholder:"NAME" help:"Bucket to read (the destinations of the room's logging configurations)."`
	Dir    []string `placeholder:"DIR" help:"Folder to read, which holds AWSLogs; the room is an ARN then."`

	File string `name:"config" env:"PARLEY_CONFIG" placeholder:"FILE" help:"The server's configuration file, which says where names lead."`
	Data string `env:"PARLEY_DATA" placeholder:"DIR" help:"The server's data folder (what the file says, or ./parley-data)."`

	endpointFlags `embed:""`
}

// Run prints the records of the room, each once and on a line of its own, by the time
// at which they were sent.
func (c *logsCatCmd) Run() error {
	ctx, stop := interruptible()
	defer stop()
	destinations, err := c.destinations()
	if err != nil {
		return err
	}
	defer destinations.Close()
	room, archives, err := c.archives(ctx, destinations)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	err = chatlog.Read(ctx, archives, room, chatlog.Filter{From: c.From, To: c.To, Type: c.Type},
		func(record []byte) error {
			_, err := out.Write(append(record, '\n'))
			return err
		})
	return errors.Join(err, out.Flush())
}

// destinations returns where the server has its logs.
func (c *logsCatCmd) destinations() (*chatlog.Destinations, error) {
	cfg := config.Default()
	if c.File != "" {
		var err error
		if cfg, err = config.Load(c.File); err != nil {
			return nil, err
		}
	}
	override(&cfg.Data, &c.Data)
	return cfg.LogDestinations(cfg.Data)
}

// archives returns the room, and where its logs are. A server is asked only for what
// is not given.
func (c *logsCatCmd) archives(ctx context.Context, destinations *chatlog.Destinations) (
	room parley.ARN, archives []chatlog.Archive, err error,
) {
	for _, path := range c.Dir {
		archives = append(archives, chatlog.Folder(path))
	}
	isARN := strings.HasPrefix(c.Room, "arn:")
	if isARN {
		if room, err = parley.ParseARN(c.Room); err != nil {
			return room, nil, err
		}
	}
	var names []parley.Destination
	for _, bucket := range c.Bucket {
		names = append(names, parley.Destination{Kind: parley.DestinationS3, Name: bucket})
	}
	if given := len(archives)+len(names) > 0; !isARN || !given {
		var found []parley.Destination
		if room, found, err = c.ask(ctx); err != nil {
			return room, nil, err
		}
		if !given {
			names = found
		}
	}
	for _, to := range names {
		a, err := destinations.Archive(ctx, room.Region, to)
		if errors.Is(err, chatlog.ErrNoArchive) {
			fmt.Fprintln(os.Stderr, "parley:", err)
			continue
		}
		if err != nil {
			return room, nil, err
		}
		archives = append(archives, a)
	}
	if len(archives) == 0 {
		return room, nil, errors.New("the room has no log that can be read back: see --bucket and --dir")
	}
	return room, archives, nil
}

// ask returns the room that --room means, and the destinations of its logs, as the
// control plane knows them.
func (c *logsCatCmd) ask(ctx context.Context) (parley.ARN, []parley.Destination, error) {
	settings, err := c.resolve(ctx)
	if err != nil {
		return parley.ARN{}, nil, err
	}
	backend := api.New(settings.API)
	text, err := c.roomARN(ctx, backend)
	if err != nil {
		return parley.ARN{}, nil, err
	}
	room, err := parley.ParseARN(text)
	if err != nil {
		return parley.ARN{}, nil, err
	}
	answer, err := call(ctx, backend, "GetRoom", api.Object{{Name: "identifier", Value: text}})
	if err != nil {
		return parley.ARN{}, nil, err
	}
	var found []parley.Destination
	named, _ := answer.Get("loggingConfigurationIdentifiers")
	list, _ := named.([]any)
	for _, arn := range list {
		to, err := destinationOf(ctx, backend, arn)
		if err != nil {
			return parley.ARN{}, nil, err
		}
		found = append(found, to)
	}
	return room, found, nil
}

// roomARN returns the ARN of the only room with the name, if it is not given.
func (c *logsCatCmd) roomARN(ctx context.Context, backend *api.Client) (string, error) {
	if strings.HasPrefix(c.Room, "arn:") {
		return c.Room, nil
	}
	answer, err := call(ctx, backend, "ListRooms", api.Object{{Name: "name", Value: c.Room}})
	if err != nil {
		return "", err
	}
	found, _ := answer.Get("rooms")
	rooms, _ := found.([]any)
	if len(rooms) != 1 {
		return "", fmt.Errorf("%d rooms are named %s, want one: name it by its ARN", len(rooms), c.Room)
	}
	room, _ := rooms[0].(api.Object)
	return room.Text("arn"), nil
}

// destinationOf returns the destination of a logging configuration.
func destinationOf(ctx context.Context, backend *api.Client, arn any) (parley.Destination, error) {
	answer, err := call(ctx, backend, "GetLoggingConfiguration",
		api.Object{{Name: "identifier", Value: arn}})
	if err != nil {
		return parley.Destination{}, err
	}
	value, _ := answer.Get("destinationConfiguration")
	union, _ := value.(api.Object)
	for kind, rule := range parley.DestinationKinds {
		member, ok := union.Get(string(kind))
		if o, _ := member.(api.Object); ok {
			return parley.Destination{Kind: kind, Name: o.Text(rule.Member)}, nil
		}
	}
	return parley.Destination{}, fmt.Errorf("%v has a destination that is not known", arn)
}
