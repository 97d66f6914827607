package hub

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/fanout"
	"github.com/parley-chat/parley/internal/trace"
	"github.com/parley-chat/parley/internal/wire"
)

// room is what this node holds of a room while it has sessions in it.
type room struct {
	hub     *Hub
	arn     parley.ARN
	members int // sessions, counted from before they are added; guarded by Hub.mu

	subscribe sync.Once // the first member subscribes, others wait for it
	err       error     // of subscribe
	stop      func()    // ends the subscription

	tape fanout.Tape

	mu       sync.Mutex // guards what follows
	serial   uint64     // by the hub's clock: tells it from an earlier room of the same ARN
	users    users
	messages bucket
	traffic  traffic
	pending  int // this node's events of this serial on the bus; deliver takes them off
	// kicked holds the users that were disconnected while events of theirs may still be
	// on the bus, each with the last serial given out by then: nothing of a
	// disconnected user comes after the event, also when the session has left since.
	kicked map[string]uint64
	late   late
}

func newRoom(h *Hub, arn parley.ARN) *room {
	return &room{hub: h, arn: arn, serial: h.clock.next(),
		users: users{}, kicked: map[string]uint64{}}
}

// open makes sure that the room's events reach deliver.
func (r *room) open(ctx context.Context) error {
	r.subscribe.Do(func() {
		// Others wait for it, too: it must not fail because the first one goes away.
		ctx := context.WithoutCancel(ctx)
		r.stop, r.err = r.hub.cfg.Bus.Subscribe(ctx, r.arn, r.deliver, r.lost)
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
	r.forgetLocked()
}

// forgetLocked waits no longer for the events on the bus: should they still come, they
// are those of an earlier room.
func (r *room) forgetLocked() {
	r.hub.pending.Add(-int64(r.pending))
	r.pending = 0
	r.serial = r.hub.clock.next()
}

// lost ends all sessions, since this node may have missed events of the room. Without a
// Close frame, their clients come back by themselves, to a room of which they get
// everything again.
func (r *room) lost() {
	r.mu.Lock()
	r.forgetLocked()
	sessions := r.listLocked()
	r.mu.Unlock()
	r.hub.cfg.Log.Warn("sessions are dropped: events of their room may be missing",
		"room", r.arn.String(), "sessions", len(sessions))
	for _, s := range sessions {
		s.end(endDropped)
		s.finish()
	}
}

// add puts a session on the tape and among those that deliver may disconnect.
// Both happen under one lock, and deliver takes it too: so a session either gets a
// disconnect event and is closed by it, or gets neither.
func (r *room) add(s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.serial = r.hub.clock.next()
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
	return r.listLocked()
}

func (r *room) listLocked() []*Session {
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
	e.room = r.serial
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
	e.sender, e.from = s.serial, s.userID
	r.hub.mark(&e, req.action)
	r.hub.publisher.add(outgoing{request: req, event: e.encode(), source: e,
		span: span})
}

// arrived takes an event of this node off the pending ones.
func (r *room) arrived(e event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.arrivedLocked(e)
}

func (r *room) arrivedLocked(e event) {
	if e.room != r.serial || r.pending == 0 {
		return // of an earlier room, or of no session
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
	now := time.Now()
	if e.node != r.hub.node {
		r.charge(e, now)
		r.hub.clock.observe(e.kick)
	}
	n, victims := r.lay(e, now, r.hub.cfg.Tracer.Continue(e.span, "deliver"))
	r.hub.cfg.Metrics.Deliveries(string(e.action), n)
	for _, s := range victims {
		s.close(endDisconnected, closeNormal, e.reason)
	}
}

// charge counts a message that another node has admitted against the room's rate. A room
// that is gone has none.
func (r *room) charge(e event, now time.Time) {
	if e.action != wire.SendMessage {
		return
	}
	room, err := r.hub.cfg.Rooms.Room(r.arn)
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages.charge(now, r.hub.rate(room), 1, int(r.hub.others.Load()))
}

// lay puts an event's frame on the tape, unless it comes too late. It returns how many
// sessions get the frame, and those that are to be disconnected. The span of the
// delivery ends with the first write to a socket.
func (r *room) lay(
	e event, now time.Time, span *trace.Span,
) (receivers int, victims []*Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	own := e.node == r.hub.node
	if own {
		defer r.arrivedLocked(e)
	}
	if r.isLateLocked(e, own) {
		return 0, nil
	}
	if r.late.deleted(e) {
		return r.echoLocked(e, own), nil
	}
	receivers = r.append(e.frame, span)
	r.traffic.add(now, receivers)
	r.late.add(e, now)
	if e.user == "" {
		return receivers, nil
	}
	for s := range r.users.of(e.user) {
		victims = append(victims, s)
		s.kicked = true
	}
	if r.pending > 0 {
		r.kicked[e.user] = r.hub.clock.now()
	}
	return receivers, victims
}

// isLateLocked reports whether an event's sender was disconnected by an earlier one. The
// disconnections of other nodes never come too late: their moderators have the echo.
func (r *room) isLateLocked(e event, own bool) bool {
	if !own {
		return e.user == "" && r.late.disconnected(e)
	}
	last, kicked := r.kicked[e.from]
	return kicked && e.sender <= last
}

// echoLocked gives a message that was deleted before it came to its sender alone, who
// awaits the answer.
func (r *room) echoLocked(e event, own bool) (receivers int) {
	if !own {
		return 0
	}
	for s := range r.users.of(e.from) {
		if s.serial == e.sender {
			s.out.Send(e.frame)
			return 1
		}
	}
	return 0
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
