package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"os/user"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/internal/awscli"
	"github.com/parley-chat/parley/internal/chatui"
)

// chatCmd joins a room in the terminal.
type chatCmd struct {
	Room         string            `required:"" placeholder:"ROOM" help:"Name or ARN of the room."`
	User         string            `placeholder:"ID" help:"User id (the name of the user who runs this)."`
	Capabilities []string          `default:"SEND_MESSAGE" placeholder:"NAME" help:"SEND_MESSAGE, DELETE_MESSAGE, DISCONNECT_USER; all, or none (SEND_MESSAGE)."`
	Attributes   map[string]string `mapsep:"," placeholder:"KEY=VALUE" help:"What others are told about the user, such as displayName=Ann,color=cyan."`
	Minutes      int               `name:"session-duration-in-minutes" default:"60" help:"Length of a session; the next one follows without a gap."`
	Create       bool              `help:"Make the room when none has the name."`

	ChatURL string `placeholder:"URL" help:"Messaging plane, ws://… or wss://… (what belongs to the control plane)."`

	Plain  bool `help:"Print one line for each message, also on a terminal."`
	Follow bool `help:"Go on after the end of the input, when that is no terminal."`
	IDs    bool `name:"ids" help:"Print the ids of messages and users, too, when plain."`

	endpointFlags `embed:""`
}

// endpointFlags say where and as whom to call the control plane.
type endpointFlags struct {
	Region      string `placeholder:"REGION" help:"Region of the room."`
	Profile     string `placeholder:"NAME" help:"Profile of the shared AWS configuration."`
	EndpointURL string `placeholder:"URL" help:"Control plane (a server of this folder, or what AWS tools are told)."`
	CABundle    string `name:"ca-bundle" placeholder:"FILE" help:"Certificates that are trusted, in PEM form."`
	NoVerifySSL bool   `name:"no-verify-ssl" help:"Trust any certificate."`
}

func (f endpointFlags) resolve(ctx context.Context) (awscli.Settings, error) {
	settings, err := awscli.Resolve(ctx, awscli.Choices{
		Region: f.Region, Profile: f.Profile, EndpointURL: f.EndpointURL,
		CABundle: f.CABundle, NoVerifySSL: f.NoVerifySSL,
	}, findLocal)
	if settings.Notice != "" {
		fmt.Fprintln(os.Stderr, "parley:", settings.Notice)
	}
	return settings, err
}

// Run chats until the user leaves.
func (c *chatCmd) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	capabilities, err := c.capabilities()
	if err != nil {
		return err
	}
	settings, err := c.resolve(ctx)
	if err != nil {
		return err
	}
	backend := api.New(settings.API)
	room, err := c.findRoom(ctx, backend)
	if err != nil {
		return err
	}
	transport := settings.API.HTTP.Transport.(*http.Transport) // Resolve made it
	session, err := client.Dial(ctx, c.chatURL(settings.API),
		c.tokens(backend, room.arn, capabilities), client.Options{TLS: transport.TLSClientConfig})
	if err != nil {
		return fmt.Errorf("join %s: %w", room.name, err)
	}
	defer session.Close()
	return chatui.Run(ctx, chatui.Config{
		Room: session, Title: room.name, UserID: c.userID(),
		Capabilities: capabilities, MaxMessageLength: room.maxLength,
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		Plain: c.Plain, Follow: c.Follow, IDs: c.IDs,
	})
}

// capabilities returns the set that --capabilities names.
func (c *chatCmd) capabilities() (parley.Capabilities, error) {
	names := c.Capabilities
	switch {
	case len(names) == 1 && strings.EqualFold(names[0], "all"):
		names = parley.CapabilityNames()
	case len(names) == 1 && strings.EqualFold(names[0], "none"):
		names = nil
	}
	var check parley.Check
	set := parley.ParseCapabilities(&check, "capabilities", names)
	return set, check.Err()
}

// userID returns who joins.
func (c *chatCmd) userID() string {
	if c.User != "" {
		return c.User
	}
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "me"
}

// chatRoom is what is known of the room to join.
type chatRoom struct {
	arn, name string
	maxLength int // of messages, in code points
}

// findRoom returns the room that --room means: the one with the ARN, or the only one
// with the name.
func (c *chatCmd) findRoom(ctx context.Context, backend *api.Client) (chatRoom, error) {
	arn := c.Room
	if !strings.HasPrefix(arn, "arn:") {
		found, err := c.roomNamed(ctx, backend)
		if err != nil {
			return chatRoom{}, err
		}
		arn = found
	}
	answer, err := call(ctx, backend, "GetRoom", api.Object{{Name: "identifier", Value: arn}})
	if err != nil {
		return chatRoom{}, err
	}
	room := chatRoom{arn: arn, name: answer.Text("name")}
	if room.name == "" {
		room.name = arn[strings.LastIndex(arn, "/")+1:]
	}
	if n, ok := answer.Get("maximumMessageLength"); ok {
		_, _ = fmt.Sscan(fmt.Sprint(n), &room.maxLength) // without it, the highest there is
	}
	return room, nil
}

// roomNamed returns the ARN of the only room with the name, which it makes if it may.
func (c *chatCmd) roomNamed(ctx context.Context, backend *api.Client) (string, error) {
	answer, err := call(ctx, backend, "ListRooms", api.Object{{Name: "name", Value: c.Room}})
	if err != nil {
		return "", err
	}
	found, _ := answer.Get("rooms")
	rooms, _ := found.([]any)
	switch {
	case len(rooms) == 0 && c.Create:
		made, err := call(ctx, backend, "CreateRoom", api.Object{{Name: "name", Value: c.Room}})
		return made.Text("arn"), err
	case len(rooms) == 0:
		return "", fmt.Errorf("no room is named %s: make it with --create, "+
			"or see parley list-rooms", c.Room)
	case len(rooms) > 1:
		return "", fmt.Errorf("%d rooms or more are named %s: choose one by its ARN, "+
			"see parley list-rooms --name %s", len(rooms), c.Room, c.Room)
	}
	room, _ := rooms[0].(api.Object)
	return room.Text("arn"), nil
}

// call makes a call of the control plane. The error is for the user.
func call(
	ctx context.Context, backend *api.Client, operation string, in api.Object,
) (api.Object, error) {
	op, _ := parley.OperationNamed(operation)
	answer, err := backend.Call(ctx, op, in)
	return answer, awscli.Explain(err)
}

// tokens returns a provider that mints a token for every session.
func (c *chatCmd) tokens(
	backend *api.Client, room string, capabilities parley.Capabilities,
) client.TokenProvider {
	in := api.Object{
		{Name: "roomIdentifier", Value: room},
		{Name: "userId", Value: c.userID()},
		{Name: "capabilities", Value: texts(capabilities.Names())},
		{Name: "sessionDurationInMinutes", Value: c.Minutes},
		{Name: "attributes", Value: members(c.Attributes)},
	}
	return func(ctx context.Context) (client.Token, error) {
		answer, err := call(ctx, backend, "CreateChatToken", in)
		if err != nil {
			return client.Token{}, lasting(err)
		}
		token := client.Token{Token: answer.Text("token")}
		// Without a time, the room does not refresh, and comes back after the end.
		token.SessionExpirationTime, _ = time.Parse(time.RFC3339, answer.Text("sessionExpirationTime"))
		return token, nil
	}
}

// lasting marks the refusals of the control plane that will not pass.
func lasting(err error) error {
	refused := (*api.Refusal)(nil)
	if errors.As(err, &refused) && refused.Status/100 == 4 && !refused.Exhausted {
		return client.Permanent(err)
	}
	return err
}

func members(values map[string]string) api.Object {
	object := api.Object{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		object.Set(name, values[name])
	}
	return object
}

func texts(list []string) []any {
	values := make([]any, len(list))
	for i, s := range list {
		values[i] = s
	}
	return values
}

// chatURL returns the messaging plane that belongs to a control plane: Amazon's has a
// host of its own, and others have the host of the control plane.
func (c *chatCmd) chatURL(cfg api.Config) string {
	if c.ChatURL != "" {
		return c.ChatURL
	}
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return cfg.URL // dialing says what is wrong with it
	}
	for _, suffix := range []string{".amazonaws.com", ".api.aws"} {
		if strings.HasSuffix(u.Hostname(), suffix) {
			return client.AmazonURL(cfg.Region)
		}
	}
	return "ws" + strings.TrimPrefix(u.Scheme, "http") + "://" + u.Host
}
