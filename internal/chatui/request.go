package chatui

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parley-chat/parley/client"
)

// requestTimeout is how long a request may wait for its result. A result that is lost
// with the connection never comes.
const requestTimeout = 15 * time.Second

// request is what a session asks of its room.
type request struct {
	verb   verb   // say, deleteMessage or disconnectUser
	target string // the id of a message or a user
	text   string // the message, or the reason
}

// outcome is what became of a request.
type outcome struct {
	request
	id      string // of what the room sends for it
	latency time.Duration
	err     error
}

// perform makes a request and waits for its outcome.
func perform(ctx context.Context, room Room, req request) outcome {
	limited, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	start := time.Now()
	id, err := makers[req.verb](limited, room, req)
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		err = errTimeout(err)
	}
	return outcome{request: req, id: id, latency: time.Since(start), err: err}
}

// makers say how a request is made. They return the id of what the room sends for it.
var makers = map[verb]func(context.Context, Room, request) (string, error){
	say: func(ctx context.Context, room Room, r request) (string, error) {
		m, err := room.Send(ctx, r.text, nil)
		if err != nil {
			return "", err
		}
		return m.ID, nil
	},
	deleteMessage: func(ctx context.Context, room Room, r request) (string, error) {
		d, err := room.DeleteMessage(ctx, r.target, r.text)
		if err != nil {
			return "", err
		}
		return d.ID, nil
	},
	disconnectUser: func(ctx context.Context, room Room, r request) (string, error) {
		d, err := room.DisconnectUser(ctx, r.target, r.text)
		if err != nil {
			return "", err
		}
		return d.ID, nil
	},
}

// errTimeout returns what to say of a request that took too long.
func errTimeout(err error) error {
	if errors.Is(err, client.ErrOutcomeUnknown) {
		return fmt.Errorf("no answer within %v, it may have arrived", requestTimeout)
	}
	return fmt.Errorf("no connection within %v", requestTimeout)
}

// codes of refusals that need words of ours. Source: Messaging API reference, errors.
const (
	codeForbidden     = 403
	codeNotAcceptable = 406
	codeTooMany       = 429
)

var refusals = map[int]string{
	codeForbidden:     "not allowed",
	codeNotAcceptable: "rejected by the room's review",
	codeTooMany:       "too fast",
}

// explain returns what to tell the user about an error: clean, with the code and the
// text of the room.
func explain(err error) string {
	var refusal *client.RequestError
	if !errors.As(err, &refusal) {
		return clean(err.Error())
	}
	text := fmt.Sprintf("%s (%d)", clean(refusal.Message), refusal.Code)
	if words, ok := refusals[refusal.Code]; ok {
		return words + ": " + text
	}
	return text
}

func isTooFast(err error) bool {
	var refusal *client.RequestError
	return errors.As(err, &refusal) && refusal.Code == codeTooMany
}
