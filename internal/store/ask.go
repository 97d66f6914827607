package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// askAgain is how long to wait for answers before a question is put again: nobody
	// keeps a question that is lost.
	askAgain = 500 * time.Millisecond

	// maxQuestions is how many questions may wait for their answers on this node. Those
	// past it are lost.
	maxQuestions = 64
)

// Answer has answer reply to the questions that Ask puts about a topic, one after the
// other, until stop, which waits for an answer in progress. It may be asked the same
// again. Answers are at most 1 MiB.
func (s *Store) Answer(topic string, answer func(question []byte) []byte) (stop func(), err error) {
	var mu sync.Mutex // guards stopped, and is held while answering
	stopped := false
	sub, err := s.conn.Subscribe(s.topic(topic), func(msg *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		if !stopped {
			_ = msg.Respond(answer(msg.Data)) // who asks asks again
		}
	})
	if err == nil {
		err = sub.SetPendingLimits(maxQuestions, -1)
	}
	if err != nil {
		return nil, fmt.Errorf("answer questions about %s: %w", topic, err)
	}
	return func() {
		_ = sub.Unsubscribe() // fails only when the connection is closed
		mu.Lock()
		defer mu.Unlock()
		stopped = true
	}, nil
}

// Ask puts a question to all nodes, this one included, until ctx ends or enough
// reports, after a look at an answer, that it has heard enough. It returns the error
// of ctx in the first case. A node may answer several times.
func (s *Store) Ask(ctx context.Context, topic string, question []byte,
	enough func(answer []byte) bool) error {
	inbox := s.conn.NewRespInbox()
	answers := make(chan *nats.Msg, maxQuestions)
	sub, err := s.conn.ChanSubscribe(inbox, answers)
	if err != nil {
		return fmt.Errorf("ask about %s: %w", topic, err)
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only when the connection is closed
	again := time.NewTicker(askAgain)
	defer again.Stop()
	for {
		if err := s.conn.PublishRequest(s.topic(topic), inbox, question); err != nil {
			return fmt.Errorf("ask about %s: %w", topic, err)
		}
		for waiting := true; waiting; {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-again.C:
				waiting = false
			case msg := <-answers:
				if len(msg.Header) == 0 && enough(msg.Data) { // else nobody answers
					return nil
				}
			}
		}
	}
}

// topic returns the subject of questions.
func (s *Store) topic(name string) string { return s.engine.Prefix() + ".ask." + name }
