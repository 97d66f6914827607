package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/app/config"
	"github.com/parley-chat/parley/internal/hub"
	"github.com/parley-chat/parley/internal/metrics"
	"github.com/parley-chat/parley/internal/review"
	"github.com/parley-chat/parley/internal/wire"
)

// reviewCmd holds the commands about the review of messages.
type reviewCmd struct {
	Try reviewTryCmd `cmd:"" help:"Have a message reviewed, and show what is decided."`
}

type reviewTryCmd struct {
	File    string `name:"config" env:"PARLEY_CONFIG" required:"" placeholder:"FILE" help:"Configuration file (YAML)."`
	Handler string `required:"" placeholder:"ARN" help:"ARN of the function that reviews."`
	Text    string `arg:"" help:"What is said."`

	Fallback  string `enum:"ALLOW,DENY" default:"ALLOW" help:"What the room does when the handler fails: ALLOW or DENY."`
	MaxLength int    `default:"500" placeholder:"N" help:"Characters that a message of the room may have."`
	Room      string `default:"arn:aws:ivschat:us-east-1:000000000000:room/AbCdEfGh1234" placeholder:"ARN" help:"The room."`
	User      string `default:"someone" placeholder:"ID" help:"The user who says it."`
	Address   string `default:"192.0.2.1" placeholder:"IP" help:"Address of the user."`

	Attributes       map[string]string `placeholder:"KEY=VALUE" help:"Attributes of the message."`
	SenderAttributes map[string]string `placeholder:"KEY=VALUE" help:"Attributes of the user's token."`
}

// errHandlerFailed makes the command fail after it has said why.
var errHandlerFailed = errors.New("the handler did not decide")

// Run prints the decision, who made it, and what would be sent. It succeeds when the
// handler decided, whatever it was.
func (c *reviewTryCmd) Run() error {
	m, err := c.message()
	if err != nil {
		return err
	}
	cfg, err := config.Load(c.File)
	if err != nil {
		return err
	}
	reviewer, err := review.New(cfg.Review, cfg.Path, metrics.New(), slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer reviewer.Close()
	outcome := reviewer.Try(m)
	c.print(m, outcome)
	if outcome.Err != nil {
		return errHandlerFailed
	}
	return nil
}

// message returns what is to be reviewed.
func (c *reviewTryCmd) message() (m hub.Review, err error) {
	m = hub.Review{
		Handler:    parley.ReviewHandler{URI: c.Handler, Fallback: parley.Fallback(c.Fallback)},
		MaxLength:  c.MaxLength,
		MessageID:  parley.NewID(),
		Content:    c.Text,
		Attributes: c.Attributes,
		Sender:     parley.Sender{UserID: c.User, Attributes: c.SenderAttributes},
	}
	if m.Room, err = parley.ParseARN(c.Room); err != nil {
		return m, fmt.Errorf("--room: %w", err)
	}
	if m.Client, err = netip.ParseAddr(c.Address); err != nil {
		return m, fmt.Errorf("--address: %w", err)
	}
	return m, nil
}

func (c *reviewTryCmd) print(m hub.Review, o review.Outcome) {
	by := "the handler"
	if o.Err != nil {
		by = fmt.Sprintf("the fallback, since the handler failed (%s): %v", o.Failure, o.Err)
	}
	to, frame := "everyone in the room", []byte(nil)
	if err := o.Decision.Err(); err != nil {
		to, frame = "the sender alone", wire.EncodeError(m.MessageID, "", err)
	} else {
		frame = wire.EncodeMessage(parley.Message{ID: m.MessageID, Content: o.Decision.Content,
			Attributes: o.Decision.Attributes, SendTime: time.Now()}, wire.EncodeSender(m.Sender))
	}
	fmt.Printf("result:   %s\ndecided:  by %s\ntarget:   %s\ntook:     %s\nsent to:  %s\n%s\n",
		o.Result, by, o.Target, o.Took.Round(time.Microsecond), to, frame)
}
