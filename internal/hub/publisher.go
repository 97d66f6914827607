package hub

import (
	"context"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/wire"
)

// publishTimeout bounds how long the bus may take to accept an event.
const publishTimeout = 10 * time.Second

// publisher hands events of sessions to the bus, one after the other in the order
// of the requests, so that those who read requests never wait for the bus. It has a
// goroutine while there is something to publish. What waits is bounded by
// maxPending.
type publisher struct {
	mu      sync.Mutex // guards what follows
	waiting []outgoing
	running bool
}

// outgoing is an event on its way to the bus, and the request that led to it.
type outgoing struct {
	request request
	event   []byte
}

// request is what must be known of a client's request to answer it.
type request struct {
	session   *Session
	action    wire.Action
	id        string // of the frame that answers it
	requestID string // the client's own
}

func (p *publisher) add(o outgoing) {
	p.mu.Lock()
	p.waiting = append(p.waiting, o)
	idle := !p.running
	p.running = true
	p.mu.Unlock()
	if idle {
		go p.run()
	}
}

// run publishes until nothing is left.
func (p *publisher) run() {
	var batch []outgoing
	for {
		clear(batch) // so that nothing is kept of what is published
		p.mu.Lock()
		batch, p.waiting = p.waiting, batch[:0]
		if len(batch) == 0 {
			p.running = false
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		for _, o := range batch {
			o.publish()
		}
	}
}

// publish publishes one event. When the bus does not take it, the request is
// answered with an error.
func (o outgoing) publish() {
	s := o.request.session
	ctx, cancel := context.WithTimeout(context.Background(), publishTimeout)
	defer cancel()
	if err := s.hub.cfg.Bus.Publish(ctx, s.room.arn, o.event); err != nil {
		s.room.arrived()
		s.refuse(o.request.id, o.request.requestID, err)
		return
	}
	s.hub.cfg.Metrics.Request(string(o.request.action))
}
