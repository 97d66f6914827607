package hub

import (
	"context"
	"sync"

	"github.com/parley-chat/parley/internal/trace"
	"github.com/parley-chat/parley/internal/wire"
)

// publisher hands events of sessions to the bus, one after the other in the order
// of the requests, so that those who read requests never wait for the bus. It has a
// goroutine while there is something to publish. What waits is bounded by
// maxPending.
type publisher struct {
	mu      sync.Mutex // guards what follows
	waiting []outgoing
	running bool
	runs    sync.WaitGroup // Add only under mu
}

// outgoing is an event on its way to the bus, and the request that led to it.
type outgoing struct {
	request request
	event   []byte
	source  event // that was encoded
	span    *trace.Span
}

// request is what must be known of a client's request to answer it.
type request struct {
	session   *Session
	action    wire.Action
	id        string // of the frame that answers it
	requestID string // the client's own
	span      *trace.Span
}

func (p *publisher) add(o outgoing) {
	p.mu.Lock()
	p.waiting = append(p.waiting, o)
	defer p.mu.Unlock()
	if !p.running {
		p.running = true
		p.runs.Go(p.run)
	}
}

// wait returns when nothing is left to publish. Nothing may be added meanwhile.
func (p *publisher) wait() { p.runs.Wait() }

// run publishes until nothing is left.
func (p *publisher) run() {
	var batch []outgoing
	var records []Record
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
		if err := batch[0].request.session.hub.cfg.Bus.Takes(); err != nil {
			for _, o := range batch {
				o.done(err) // what is refused is not logged
			}
			continue
		}
		records = logAll(batch, records)
		for _, o := range batch {
			o.publish()
		}
	}
}

// publish publishes one event.
func (o outgoing) publish() {
	s := o.request.session
	// An accepted request has no end of its own: not that of its session, either.
	o.done(s.hub.cfg.Bus.Publish(context.Background(), s.room.arn, o.event))
}

// done does what follows from the bus's answer. When it did not take the event, the
// request is answered with an error.
func (o outgoing) done(err error) {
	s := o.request.session
	o.span.End(err)
	o.request.span.End(err)
	if err != nil {
		s.refuse(o.request.id, o.request.requestID, err)
		s.room.arrived(o.source) // after the answer, for which a drain waits
		return
	}
	s.hub.cfg.Metrics.Request(string(o.request.action))
	s.hub.put(o.source.notice)
}
