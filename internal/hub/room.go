package hub

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/fanout"
	"github.com/parley-chat/parley/internal/trace"
)

// room is what this node holds of a room while it has sessions in it.
type room struct {
	hub     *Hub
	arn     parley.ARN
	serial  uint64 // tells it from an earlier room of the same ARN
	members int    // sessions, counted from before they are added; guarded by Hub.mu

	subscribe sync.Once // the first member subscribes, others wait for it
	err       error     // of subscribe
	stop      func()    // ends the subscription

	tape fanout.Tape

	mu       sync.Mutex // guards what follows
	users    users
	messages bucket
	traffic  traffic
	pending  int // this node's events on the bus; deliver takes them off
	// kicked holds the users that were disconnected while events of theirs may still be
	// on the bus, each with the last serial given out by then: nothing of a
	// disconnected user comes after the event, also when the session has left since.
	kicked map[string]uint64
}

func newRoom(h *Hub, arn parley.ARN, serial uint64) *room {
	return &room{hub: h, arn: arn, serial: serial,
		users: users{}, kicked: map[string]uint64{}}
}

// open makes sure that the room's events reach deliver.
func (r *room) open(ctx context.Context) error {
	r.subscribe.Do(func() {
		// Others wait for it, too: it must not fail because the first one goes away.
		ctx := context.WithoutCancel(ctx)
		r.stop, r.err = r.hub.cfg.Bus.Subscribe(ctx, r.arn, r.deliver)
	})
	return r.err
}

// close ends a room that lost its last session. Events of this node that are
// still on the bus will find nobody, so they are no longer waited for.
func (r *room) close() {
	if r.stop != nil {
		r.stop()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hub.pending.Add(-int64(r.pending))
	r.pending = 0
}

// add puts a session on the tape and among those that deliver may disconnect.
// Both happen under one lock, and deliver takes it too: so a session either gets a
// disconnect event and is closed by it, or gets neither.
func (r *room) add(s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.serial = r.hub.serial.Add(1)
	s.out = r.tape.Join()
	r.users.add(s)
}

func (r *room) remove(s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.users.remove(s)
}

func (r *room) list() []*Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	var sessions []*Session
	for user := range r.users {
		sessions = slices.AppendSeq(sessions, r.users.of(user))
	}
	return sessions
}

// take counts a message against the room's rate.
func (r *room) take(now time.Time, rate int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.messages.take(now, rate)
}

// send publishes an event that was admitted: all sessions of the room get it, on every
// node. What a disconnected session still asks for goes nowhere.
func (r *room) send(req request, e event) {
	s := req.session
	r.mu.Lock()
	kicked := s.kicked
	if !kicked {
		r.pending++
	}
	r.mu.Unlock()
	if kicked {
		r.hub.pending.Add(-1)
		req.span.End(nil)
		return
	}
	span := req.span.Child("publish")
	if span != nil {
		e.span = &span.Context
	}
	e.node, e.room, e.sender, e.from = r.hub.node, r.serial, s.serial, s.userID
	e.action = req.action
	r.hub.publisher.add(outgoing{request: req, event: e.encode(), source: e,
		span: span})
}

// arrived takes one of this node's events off the pending ones.
func (r *room) arrived() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.arrivedLocked()
}

func (r *room) arrivedLocked() {
	if r.pending == 0 {
		return // close has taken it off
	}
	r.pending--
	r.hub.pending.Add(-1)
	if r.pending == 0 {
		clear(r.kicked)
	}
}

// deliver lays an event from the bus on the tape. The bus calls it from one
// goroutine, so the tape's order is the bus's.
func (r *room) deliver(encoded []byte) {
	e, err := decodeEvent(encoded)
	if err != nil {
		r.hub.cfg.Log.Error("room event dropped", "room", r.arn.String(), "err", err)
		return
	}
	n, victims := r.lay(e, r.hub.cfg.Tracer.Continue(e.span, "deliver"))
	r.hub.cfg.Metrics.Deliveries(string(e.action), n)
	for _, s := range victims {
		s.close(endDisconnected, closeNormal, e.reason)
	}
}

// lay puts an event's frame on the tape, unless its sender was disconnected by an
// earlier event. It returns how many sessions get the frame, and those that are
// to be disconnected. The span of the delivery ends with the first write to a socket.
func (r *room) lay(e event, span *trace.Span) (receivers int, victims []*Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last, kicked := r.kicked[e.from]
	kicked = kicked && e.sender <= last
	if e.node == r.hub.node && e.room == r.serial {
		defer r.arrivedLocked()
		if kicked {
			return 0, nil
		}
	}
	receivers = r.append(e.frame, span)
	r.traffic.add(time.Now(), receivers)
	if e.user == "" {
		return receivers, nil
	}
	for s := range r.users.of(e.user) {
		victims = append(victims, s)
		s.kicked = true
	}
	if r.pending > 0 {
		r.kicked[e.user] = r.hub.serial.Load()
	}
	return receivers, victims
}

func (r *room) append(frame []byte, span *trace.Span) (receivers int) {
	if span == nil {
		return r.tape.Append(frame)
	}
	span.SetRoom(r.arn)
	return r.tape.AppendWatched(frame, func(sessions int) {
		span.Set("parley.sessions", sessions)
		span.End(nil)
	})
}
