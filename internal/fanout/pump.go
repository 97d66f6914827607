package fanout

import (
	"errors"
	"net"
	"sync"
	"time"
)

// readBufferBytes is what a pump reads at a time. Most requests fit.
const readBufferBytes = 512

// pump owns one session over any connection, with a goroutine that writes and
// another that reads. Lock order: Tape.mu, then pump.mu.
type pump struct {
	engine  *Engine
	session *Session
	conn    net.Conn
	wakeup  chan struct{} // capacity 1: there may be something to write
	done    chan struct{} // closed when the reading has ended

	mu      sync.Mutex // guards what follows, and what the session's owner alone may touch
	writing bool       // a write goes on
	owed    int64      // what the engine's backlog has of the session
}

func newPump(e *Engine, s *Session, conn net.Conn) *pump {
	return &pump{engine: e, session: s, conn: conn,
		wakeup: make(chan struct{}, 1), done: make(chan struct{})}
}

func (p *pump) start(early []byte, r Receiver, life time.Duration) {
	t := p.session.tape
	p.session.start(p, r, p.engine.now(), life)
	t.mu.Lock()
	if t.pumps == nil {
		t.pumps = map[*pump]struct{}{}
	}
	t.pumps[p] = struct{}{}
	t.mu.Unlock()
	p.engine.pumps.Add(1)
	go p.read(early)
	go p.write()
}

// post carries a command out at once, and leaves the writing to the writer.
func (p *pump) post(c command) {
	p.mu.Lock()
	c.private.after = p.session.tape.end.Load()
	p.session.apply(c)
	over := p.session.state.over
	p.mu.Unlock()
	if over {
		p.hangUp()
	}
	p.signal()
}

// grown says that the tape has more for the session. It reports whether the
// session may go on: one that is too far behind may not.
func (p *pump) grown() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.session.behind(p.session.tape.end.Load()) {
		p.session.end(tooSlow)
		return false
	}
	if p.writing {
		p.oweLocked(p.session.owes(p.session.tape.end.Load()))
	}
	p.signal()
	return true
}

// oweLocked has the engine's backlog know what a session has yet to write whose socket
// takes longer than the next frame takes to come.
func (p *pump) oweLocked(bytes int64) {
	if bytes != p.owed {
		p.engine.backlog.owes(p.owed, bytes)
		p.owed = bytes
	}
}

// signal tells the writer that there may be something to do. It never blocks: when
// the channel is full, the writer has yet to look.
func (p *pump) signal() {
	select {
	case p.wakeup <- struct{}{}:
	default:
	}
}

// hangUp closes the socket below any layer that would write a farewell, and so
// ends a read or write that waits for it.
func (p *pump) hangUp() {
	conn := p.conn
	if layer, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = layer.NetConn()
	}
	p.mu.Lock()
	cause := p.session.state.cause
	p.mu.Unlock()
	if tcp, ok := conn.(*net.TCPConn); ok && cause.unread() {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
	p.signal()
}

// write writes until the session is over, and then ends it.
func (p *pump) write() {
	defer p.engine.pumps.Done()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for p.flush() {
		timer.Reset(time.Duration(p.tick() - p.engine.now()))
		select {
		case <-p.wakeup:
		case <-timer.C:
		}
	}
	p.hangUp()
	_ = p.conn.Close() // frees what the layer above the socket holds
	<-p.done
	p.mu.Lock()
	p.session.forget()
	p.mu.Unlock()
	t := p.session.tape
	t.mu.Lock()
	delete(t.pumps, p)
	t.mu.Unlock()
	t.leave()
	p.session.receiver.Ended(p.session.state.cause.err())
}

// flush writes all there is to write now. It reports whether the session goes on.
func (p *pump) flush() bool {
	for {
		p.mu.Lock()
		b := p.session.next(p.session.tape.end.Load())
		over := p.session.state.over
		p.writing = !over && len(b) > 0
		p.mu.Unlock()
		if over || len(b) == 0 {
			return !over
		}
		n, err := write(p.conn, b)
		p.mu.Lock()
		p.writing = false
		p.oweLocked(0)
		now := p.engine.now()
		p.session.wrote(n, now)
		if err != nil {
			p.session.end(causeOf(err))
		}
		shut := p.session.state.shut
		p.session.state.shut = false
		due := now >= p.session.due
		p.mu.Unlock()
		if due { // also while there is always more to write
			p.tick()
		}
		if side, ok := p.conn.(interface{ CloseWrite() error }); ok && shut {
			_ = side.CloseWrite() // fails when the peer is gone
		}
	}
}

func write(conn net.Conn, b []byte) (int, error) {
	if err := conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return conn.Write(b)
}

// causeOf returns why a session ends whose socket failed: a peer that is gone is
// no cause of ours.
func causeOf(err error) cause {
	if ne := net.Error(nil); errors.As(err, &ne) && ne.Timeout() {
		return tooSlow
	}
	return peerLeft
}

// tick does what is due, and returns when something will be due again.
func (p *pump) tick() (due instant) {
	now := p.engine.now()
	p.mu.Lock()
	var ping, expire bool
	if now >= p.session.due {
		ping, expire = p.session.tick(now)
	}
	due = p.session.due
	p.mu.Unlock()
	if ping {
		p.session.ping()
	}
	if expire {
		p.session.receiver.Expire()
	}
	return due
}

// read reads until the connection ends.
func (p *pump) read(data []byte) {
	defer close(p.done)
	buffer := make([]byte, readBufferBytes)
	for {
		if len(data) > 0 {
			p.receive(data)
		}
		n, err := p.conn.Read(buffer)
		data = buffer[:n]
		if err != nil && n == 0 {
			p.mu.Lock()
			p.session.end(peerLeft)
			p.mu.Unlock()
			p.signal()
			return
		}
	}
}

func (p *pump) receive(data []byte) {
	now := p.engine.now()
	p.mu.Lock()
	p.session.hear(now)
	p.mu.Unlock()
	progress := p.session.receiver.Receive(data)
	p.mu.Lock()
	p.session.received(now, progress)
	p.mu.Unlock()
}
