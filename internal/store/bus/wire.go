package bus

import (
	"encoding/binary"
	"errors"
	"hash/fnv"
)

// Every message begins with the version, the kind and the id of the node that sent
// it. Numbers are varints, texts have their length before them.
const (
	wireVersion = 1

	kindEvent  = 'e'
	kindBeat   = 'b'
	kindAsk    = 'q'
	kindResend = 'r'
	kindAnswer = 'a'
	kindAck    = 'k'

	headerLen = 2 + 8
)

// The flags of messages that have some.
const (
	flagWaiting = 1 << iota // event: its node waits for acknowledgements
	flagBye                 // beat: its node leaves
	flagReset               // ask: forget what was asked before
)

var errMalformed = errors.New("malformed message")

// writer appends what messages are made of.
type writer struct{ buf []byte }

func newWriter(kind byte, node uint64, size int) *writer {
	w := &writer{make([]byte, 0, headerLen+size)}
	w.buf = append(w.buf, wireVersion, kind)
	w.buf = binary.BigEndian.AppendUint64(w.buf, node)
	return w
}

func (w *writer) byte(b byte)     { w.buf = append(w.buf, b) }
func (w *writer) number(n uint64) { w.buf = binary.AppendUvarint(w.buf, n) }
func (w *writer) signed(n int64)  { w.buf = binary.AppendVarint(w.buf, n) }
func (w *writer) fixed(n uint64)  { w.buf = binary.BigEndian.AppendUint64(w.buf, n) }
func (w *writer) rest(b []byte)   { w.buf = append(w.buf, b...) }
func (w *writer) text(s string)   { w.number(uint64(len(s))); w.buf = append(w.buf, s...) }
func (w *writer) bytes(b []byte)  { w.number(uint64(len(b))); w.rest(b) }

// reader takes messages apart. After the first mistake it returns only zeroes, and
// bad is set.
type reader struct {
	buf []byte
	bad bool
}

func (r *reader) fail() { r.buf, r.bad = nil, true }

func (r *reader) byte() byte {
	if len(r.buf) < 1 {
		r.fail()
		return 0
	}
	b := r.buf[0]
	r.buf = r.buf[1:]
	return b
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.buf)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.buf = r.buf[size:]
	return n
}

func (r *reader) signed() int64 {
	n, size := binary.Varint(r.buf)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.buf = r.buf[size:]
	return n
}

func (r *reader) fixed() uint64 {
	if len(r.buf) < 8 {
		r.fail()
		return 0
	}
	n := binary.BigEndian.Uint64(r.buf)
	r.buf = r.buf[8:]
	return n
}

// count returns how many elements follow, each of at least size bytes.
func (r *reader) count(size int) int {
	n := r.number()
	if n > uint64(len(r.buf)/size) {
		r.fail()
		return 0
	}
	return int(n)
}

// bytes returns a part of the message, without copying.
func (r *reader) bytes() []byte {
	n := r.count(1)
	b := r.buf[:n:n]
	r.buf = r.buf[n:]
	return b
}

func (r *reader) text() string { return string(r.bytes()) }

// key returns the key of a room.
func (r *reader) key() string {
	s := r.text()
	if !validKey(s) {
		r.fail()
	}
	return s
}

// pair returns a number and one that is less, as pair wrote them.
func (r *reader) pair() (g, prev uint64) {
	g, less := r.number(), r.number()
	if less > g || less == 0 {
		r.fail()
		return 0, 0
	}
	return g, g - less
}

func (w *writer) pair(g, prev uint64) {
	w.number(g)
	w.number(g - prev)
}

// open checks the beginning of a message.
func open(data []byte) (kind byte, node uint64, r reader, err error) {
	r.buf = data
	version := r.byte()
	kind, node = r.byte(), r.fixed()
	if r.bad || version != wireVersion {
		return 0, 0, r, errMalformed
	}
	return kind, node, r, nil
}

// end returns what was wrong with a message, which must have ended.
func (r *reader) end() error {
	if r.bad || len(r.buf) > 0 {
		return errMalformed
	}
	return nil
}

// eventMessage is an event on the wire: the room is in the subject.
type eventMessage struct {
	waiting bool   // for acknowledgements
	g, prev uint64 // its number, and that of the event before in the room
	event   []byte
}

// encodeEvent returns the message, and where the event begins in it.
func encodeEvent(node uint64, m eventMessage) (data []byte, body int) {
	w := newWriter(kindEvent, node, 1+2*binary.MaxVarintLen64+len(m.event))
	w.byte(flag(m.waiting, flagWaiting))
	w.pair(m.g, m.prev)
	body = len(w.buf)
	w.rest(m.event)
	return w.buf, body
}

func decodeEvent(r reader) (m eventMessage, err error) {
	m.waiting = r.byte()&flagWaiting != 0
	m.g, m.prev = r.pair()
	m.event = r.buf
	if r.bad {
		return eventMessage{}, errMalformed
	}
	return m, nil
}

// beatMessage tells the others that a node is there, and how far it is.
type beatMessage struct {
	bye    bool
	number uint64 // one more than in the beat before
	g      uint64 // of its last event
	now    int64  // on its clock
	name   string
	heard  []heardNode
	rooms  []roomDigest
	report []byte
}

// heardNode is a node that another one hears.
type heardNode struct {
	node  uint64
	asked uint64 // the last of its asks that was answered and is in force
	beat  uint64 // its last beat
}

// roomDigest says which is the last event of a room that had some since the beat
// before.
type roomDigest struct{ hash, g uint64 }

func (m *beatMessage) encode(node uint64) []byte {
	size := 64 + len(m.name) + len(m.report) + 28*len(m.heard) + 12*len(m.rooms)
	w := newWriter(kindBeat, node, size)
	w.byte(flag(m.bye, flagBye))
	w.number(m.number)
	w.number(m.g)
	w.signed(m.now)
	w.text(m.name)
	w.number(uint64(len(m.heard)))
	for _, h := range m.heard {
		w.fixed(h.node)
		w.number(h.asked)
		w.number(h.beat)
	}
	w.number(uint64(len(m.rooms)))
	for _, d := range m.rooms {
		w.fixed(d.hash)
		w.number(m.g - d.g)
	}
	w.bytes(m.report)
	return w.buf
}

func decodeBeat(r reader) (m beatMessage, err error) {
	m.bye = r.byte()&flagBye != 0
	m.number, m.g, m.now, m.name = r.number(), r.number(), r.signed(), r.text()
	for range r.count(10) {
		m.heard = append(m.heard, heardNode{r.fixed(), r.number(), r.number()})
	}
	for range r.count(9) {
		hash, less := r.fixed(), r.number()
		if less >= m.g { // a room in a digest had an event
			r.fail()
		}
		m.rooms = append(m.rooms, roomDigest{hash, m.g - less})
	}
	m.report = r.bytes()
	return m, r.end()
}

// askMessage asks a node for the events of rooms, from now on and of the past.
type askMessage struct {
	id     uint64 // more than in the asks before, except when it is said again
	reset  bool
	leaves []string // rooms that are not wanted any more
	rooms  []roomAsk
}

// roomAsk asks for what a room had after an event or, if since is set, from a time on.
type roomAsk struct {
	key   string
	since bool
	after uint64
	time  int64 // on the clock of the node that is asked
}

func (m *askMessage) encode(node uint64, size int) []byte {
	w := newWriter(kindAsk, node, 64+size)
	w.byte(flag(m.reset, flagReset))
	w.number(m.id)
	w.number(uint64(len(m.leaves)))
	for _, key := range m.leaves {
		w.text(key)
	}
	w.number(uint64(len(m.rooms)))
	for _, a := range m.rooms {
		w.text(a.key)
		if a.since {
			w.byte(1)
			w.signed(a.time)
		} else {
			w.byte(0)
			w.number(a.after)
		}
	}
	return w.buf
}

func decodeAsk(r reader) (m askMessage, err error) {
	m.reset = r.byte()&flagReset != 0
	m.id = r.number()
	for range r.count(2) {
		m.leaves = append(m.leaves, r.key())
	}
	for range r.count(4) {
		a := roomAsk{key: r.key(), since: r.byte() != 0}
		if a.since {
			a.time = r.signed()
		} else {
			a.after = r.number()
		}
		m.rooms = append(m.rooms, a)
	}
	return m, r.end()
}

// resendMessage brings events again. An answer has a series of them.
type resendMessage struct {
	ask    uint64
	series uint64
	index  uint64 // in the series, from 0
	events []resentEvent
}

type resentEvent struct {
	key     string
	g, prev uint64
	event   []byte
}

func (m *resendMessage) encode(node uint64, size int) []byte {
	w := newWriter(kindResend, node, 64+size)
	w.number(m.ask)
	w.number(m.series)
	w.number(m.index)
	w.number(uint64(len(m.events)))
	for _, e := range m.events {
		w.text(e.key)
		w.pair(e.g, e.prev)
		w.bytes(e.event)
	}
	return w.buf
}

func decodeResend(r reader) (m resendMessage, err error) {
	m.ask, m.series, m.index = r.number(), r.number(), r.number()
	for range r.count(5) {
		e := resentEvent{key: r.key()}
		e.g, e.prev = r.pair()
		e.event = r.bytes()
		m.events = append(m.events, e)
	}
	return m, r.end()
}

// answerMessage ends the series of an ask. The asker then has all events up to g of
// the first rooms that it asked for.
type answerMessage struct {
	ask    uint64
	series uint64
	count  uint64 // of the messages in the series
	beat   uint64 // the node's last
	g      uint64
	done   uint64   // so many rooms, in the order of the ask
	upTo   uint64   // and the next one's events up to here, unless 0
	gone   []uint64 // which of these rooms had events that are not kept any more
}

func (m *answerMessage) encode(node uint64) []byte {
	w := newWriter(kindAnswer, node, 64+3*len(m.gone))
	for _, n := range []uint64{m.ask, m.series, m.count, m.beat, m.g, m.done, m.upTo} {
		w.number(n)
	}
	w.number(uint64(len(m.gone)))
	for _, i := range m.gone {
		w.number(i)
	}
	return w.buf
}

func decodeAnswer(r reader) (m answerMessage, err error) {
	for _, n := range []*uint64{&m.ask, &m.series, &m.count, &m.beat, &m.g, &m.done, &m.upTo} {
		*n = r.number()
	}
	for range r.count(1) {
		m.gone = append(m.gone, r.number())
	}
	return m, r.end()
}

// encodeAck tells a node which of its events have arrived.
func encodeAck(node uint64, events []uint64) []byte {
	w := newWriter(kindAck, node, 16+3*len(events))
	w.number(uint64(len(events)))
	last := uint64(0)
	for _, g := range events { // nearly always in order: the differences are small
		w.signed(int64(g - last))
		last = g
	}
	return w.buf
}

func decodeAck(r reader) (events []uint64, err error) {
	last := uint64(0)
	for range r.count(1) {
		last += uint64(r.signed())
		events = append(events, last)
	}
	return events, r.end()
}

func flag(set bool, bit byte) byte {
	if set {
		return bit
	}
	return 0
}

// hashKey returns what stands for a room in digests, the same on all nodes. A room is
// asked for in vain now and then if another one has its hash.
func hashKey(key string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(key)) // never fails
	return h.Sum64()
}

// validKey reports whether a room's key can be part of a subject: ASCII letters,
// digits and hyphens, in parts that dots separate.
func validKey(key string) bool {
	empty := true // the part
	for i := range len(key) {
		switch c := key[i]; {
		case c == '.':
			if empty {
				return false
			}
			empty = true
		case c == '-', '0' <= c && c <= '9', 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z':
			empty = false
		default:
			return false
		}
	}
	return !empty && len(key) <= maxKeyLen
}
