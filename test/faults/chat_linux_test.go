package faults

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/test/faults/history"
)

// session is an open WebSocket. It is read by whoever joined.
type session struct {
	number int // of its own among all senders
	node   int
	conn   net.Conn
	in     io.ReadWriter // conn, with what came with the handshake

	mu   sync.Mutex      // guards sent
	sent map[int]attempt // the messages without an answer
}

// frame is a frame of the server.
type frame struct {
	Type       string
	ID         string `json:"Id"`
	RequestID  string `json:"RequestId"`
	Content    string
	EventName  string
	Attributes map[string]string
	ErrorCode  int
}

// mint makes a token at a node.
func (r *run) mint(ctx context.Context, node int, room, user string) (string, error) {
	answer, err := r.call(ctx, node, "CreateChatToken", api.Object{
		{Name: "roomIdentifier", Value: room},
		{Name: "userId", Value: user},
		{Name: "capabilities", Value: []any{"SEND_MESSAGE"}},
		{Name: "sessionDurationInMinutes", Value: 180},
	})
	return answer.Text("token"), err
}

// redeem opens a WebSocket at a node with a token. The error is a ws.StatusError when
// the node refused it.
func (r *run) redeem(ctx context.Context, node int, token string) (net.Conn, *bufio.Reader, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	dialer := ws.Dialer{Protocols: []string{token}, NetDial: r.cluster.dial}
	url := "ws" + strings.TrimPrefix(r.cluster.nodes[node].url, "http")
	conn, early, _, err := dialer.Dial(ctx, url)
	return conn, early, err
}

// join opens a session at a node for a user of a room.
func (r *run) join(ctx context.Context, node int, room, user string) (*session, error) {
	token, err := r.mint(ctx, node, room, user)
	if err != nil {
		return nil, err
	}
	began := r.watch.begin()
	conn, early, err := r.redeem(ctx, node, token)
	if ctx.Err() == nil {
		r.watch.done("a handshake", node, began, callBound, err)
	}
	if err != nil {
		return nil, fmt.Errorf("join at node %s: %w", r.cluster.nodes[node].name, err)
	}
	s := &session{number: int(r.numbers.Add(1)), node: node, conn: conn, in: conn,
		sent: map[int]attempt{}}
	if early != nil {
		s.in = struct {
			io.Reader
			io.Writer
		}{early, conn}
	}
	r.add(history.Joined{Session: s.number, Room: room, User: user, Node: r.cluster.nodes[node].name})
	return s, nil
}

// send sends a message: its content says which it is.
func (r *run) send(s *session, number int) error {
	r.add(history.Sent{Sender: s.number, Number: number})
	s.mu.Lock()
	s.sent[number] = r.watch.begin()
	s.mu.Unlock()
	request := fmt.Appendf(nil, `{"Action":"SEND_MESSAGE","Content":"%[1]s","RequestId":"%[1]s"}`,
		label(s.number, number))
	_, err := s.conn.Write(ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame(request))))
	return err
}

// label names a message, or an event.
func label(sender, number int) string { return fmt.Sprintf("%d/%d", sender, number) }

// parse reads a label. It reports whether it is one.
func parse(label string) (sender, number int, ok bool) {
	n, _ := fmt.Sscanf(label, "%d/%d", &sender, &number)
	return sender, number, n == 2
}

// read tells the history what a session receives until it ends, and calls receive for each
// message. It returns whether the server closed the session in order.
func (r *run) read(s *session, receive func()) (closed bool) {
	for {
		text, err := wsutil.ReadServerText(s.in)
		var end wsutil.ClosedError
		if err != nil {
			closed = errors.As(err, &end)
			r.add(history.Ended{Session: s.number, Closed: closed, Why: err.Error()})
			_ = s.conn.Close()
			return closed
		}
		r.receive(s, text, receive)
	}
}

// receive tells the history of a frame, and calls receive if it is a message.
func (r *run) receive(s *session, text []byte, receive func()) {
	var f frame
	if err := json.Unmarshal(text, &f); err != nil {
		r.fail(fmt.Errorf("session %d received %q: %w", s.number, text, err))
		return
	}
	if f.Type == "ERROR" {
		r.denied(s, f)
		return
	}
	content := f.Content
	if f.EventName == "aws:DELETE_MESSAGE" {
		content = f.Attributes["Reason"]
	}
	sender, number, ok := parse(content)
	if !ok {
		return // it is about a kick
	}
	r.add(history.Received{Session: s.number, Sender: sender, Number: number, ID: f.ID})
	if sender == s.number {
		r.answered(s, number, nil)
	}
	receive()
}

// errorInternal is the code of an ERROR that blames the server.
const errorInternal = 500

// denied tells the history of an ERROR, for which no node has another reason than a fault.
func (r *run) denied(s *session, f frame) {
	sender, number, ok := parse(f.RequestID)
	if !ok || sender != s.number || f.ErrorCode != errorInternal {
		r.fail(fmt.Errorf("session %d received %+v", s.number, f))
		return
	}
	r.add(history.Denied{Sender: sender, Number: number})
	r.answered(s, number, fmt.Errorf("ERROR %d", f.ErrorCode))
}

// answered measures how long a message waited for its answer.
func (r *run) answered(s *session, number int, err error) {
	s.mu.Lock()
	began, ok := s.sent[number]
	delete(s.sent, number)
	s.mu.Unlock()
	if !ok {
		r.fail(fmt.Errorf("session %d received a second answer to %d", s.number, number))
		return
	}
	r.watch.done("a message", s.node, began, callBound, err)
}

// member is a user of a room with one session, who comes back when it ends. It should be
// on the node at home, but is on any other while that is not there.
type member struct {
	run        *run
	room, user string
	home       int
	speaks     bool

	mu      sync.Mutex // guards session
	session *session   // nil when there is none
}

const (
	messageInterval = 250 * time.Millisecond
	// kickedTime is how long a user who was disconnected stays away.
	kickedTime = 3 * time.Second
	// retryTime is the pause after a node refused.
	retryTime = 50 * time.Millisecond
)

// live has the member be in the room until ctx is done.
func (m *member) live(ctx context.Context) {
	var lost *session
	for next := m.home; ; {
		s := m.join(ctx, next, lost)
		if s == nil {
			return
		}
		closed := m.use(ctx, s)
		lost = nil
		switch {
		case closed:
			pause(ctx, kickedTime)
			next = m.home
		case m.take(nil) == nil: // it wanted to go home
			next = m.home
		default:
			if ctx.Err() == nil {
				m.run.watch.lost(s.node)
			}
			lost, next = s, (s.node+1)%nodeCount
		}
	}
}

// join tries one node after the other until one lets the member in, and returns nil when
// ctx is done before. lost is the session that ended before, unless the member left it.
func (m *member) join(ctx context.Context, next int, lost *session) *session {
	began := m.run.watch.begin()
	for ; ctx.Err() == nil; next = (next + 1) % nodeCount {
		s, err := m.run.join(ctx, next, m.room, m.user)
		if err != nil {
			pause(ctx, retryTime)
			continue
		}
		if lost != nil && began.under != nil && lost.node == began.under.node {
			m.run.watch.done("the return from its node", next, began, returnBound, nil)
		}
		m.take(s)
		return s
	}
	return nil
}

// take sets the session and returns the one before.
func (m *member) take(s *session) *session {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.session
	m.session = s
	return before
}

// goHome ends the member's session if it is not at home, where it then begins another.
func (m *member) goHome() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.session != nil && m.session.node != m.home {
		_ = m.session.conn.Close()
		m.session = nil
	}
}

// use reads a session until it ends, and sends over it if the member speaks.
func (m *member) use(ctx context.Context, s *session) (closed bool) {
	sending, stop := context.WithCancel(ctx)
	defer context.AfterFunc(ctx, func() { _ = s.conn.Close() })()
	var work sync.WaitGroup
	if m.speaks {
		work.Go(func() { m.speak(sending, s) })
	}
	closed = m.run.read(s, func() {})
	stop()
	work.Wait()
	return closed
}

func (m *member) speak(ctx context.Context, s *session) {
	ticker := time.NewTicker(messageInterval)
	defer ticker.Stop()
	for number := 1; ; number++ {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		if m.run.send(s, number) != nil {
			return
		}
	}
}
