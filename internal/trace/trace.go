// Package trace records what the server does for one request, step by step: a trace
// is spans that name their parents. It owns what a span is, and which requests are
// traced; sending spans anywhere is left to others. A nil *Tracer and a nil *Span are
// those of requests that are not traced: their methods do nothing, and cost nothing.
package trace

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/parley-chat/parley"
)

// Context is what a span's children must know of it, here or on another machine. The
// zero value is none.
type Context struct {
	TraceID [16]byte
	SpanID  [8]byte
}

// IsZero reports whether there is no span.
func (c Context) IsZero() bool { return c == Context{} }

// contextBytes is how long an encoded context is.
const contextBytes = 24

// Encode returns the context for DecodeContext.
func (c Context) Encode() string { return string(c.TraceID[:]) + string(c.SpanID[:]) }

// DecodeContext undoes Encode. The context is zero for anything else.
func DecodeContext(s string) (c Context) {
	if len(s) == contextBytes {
		copy(c.TraceID[:], s)
		copy(c.SpanID[:], s[len(c.TraceID):])
	}
	return c
}

// ParseHeader reads a traceparent header: the caller's span, and whether the caller
// records it. The context is zero when the header is not valid. Source: W3C Trace
// Context, section 3.2.
func ParseHeader(header string) (c Context, sampled bool) {
	const (
		least      = len("00-") + 32 + len("-") + 16 + len("-00")
		version0   = "00"
		notVersion = "ff"
	)
	if len(header) < least || header[2] != '-' || header[35] != '-' || header[52] != '-' {
		return Context{}, false
	}
	version, flags := header[:2], [1]byte{}
	wrong := version == notVersion || version == version0 && len(header) > least ||
		len(header) > least && header[least] != '-' ||
		!lowerHex(flags[:], version) || !lowerHex(c.TraceID[:], header[3:35]) ||
		!lowerHex(c.SpanID[:], header[36:52]) || !lowerHex(flags[:], header[53:least])
	if wrong || c.TraceID == [16]byte{} || c.SpanID == [8]byte{} {
		return Context{}, false
	}
	return c, flags[0]&1 != 0
}

// lowerHex decodes hexadecimal digits without capitals, and reports whether it could.
func lowerHex(to []byte, digits string) bool {
	_, err := hex.Decode(to, []byte(digits))
	return err == nil && strings.ToLower(digits) == digits
}

// Kind is the side of the work that a span is.
type Kind uint8

// Kinds of spans.
const (
	Internal Kind = iota // a step inside of the server
	Server               // all that is done for a request of a client
)

// maxAttributes is how many attributes a span keeps. No span of the server has as many.
const maxAttributes = 16

// Attribute is something to know about a span. The value is a string, an int or a bool,
// and nothing that a user wrote or is called.
type Attribute struct {
	Key   string
	Value any
}

// Span is one step of a trace. It belongs to one goroutine at a time.
type Span struct {
	tracer *Tracer

	Context    Context
	Parent     Context // zero: the span is the first of its trace
	Name       string
	Kind       Kind
	Start      time.Time
	Finish     time.Time
	Attributes []Attribute
	Error      string // the code of what went wrong; empty: nothing did
	Broken     bool   // it was the server's fault
}

// Tracer decides which requests are traced. Its methods may be called from any
// goroutine.
type Tracer struct {
	sample float64
	take   func(*Span)
}

// New returns a tracer that traces a share of requests, 0 to 1, and has take take the
// spans that have ended: take must not wait.
func New(sample float64, take func(*Span)) *Tracer { return &Tracer{sample, take} }

// Start begins the span of a request that came at a time: of the caller's trace, when
// parent is a span that the caller records, and otherwise of a new one. It returns nil
// when this request is not traced.
func (t *Tracer) Start(parent Context, name string, at time.Time) *Span {
	if t == nil {
		return nil
	}
	return t.start(parent, name, at)
}

func (t *Tracer) start(parent Context, name string, at time.Time) *Span {
	if !parent.IsZero() {
		return t.span(parent, name, Server, at)
	}
	if rand.Float64() >= t.sample {
		return nil
	}
	s := t.span(parent, name, Server, at)
	s.Context.TraceID = newTraceID()
	return s
}

// Continue begins, now, a step of a trace that began elsewhere, perhaps on another
// node. It returns nil when parent is nil.
func (t *Tracer) Continue(parent *Context, name string) *Span {
	if t == nil || parent == nil {
		return nil
	}
	return t.span(*parent, name, Internal, time.Now())
}

func (t *Tracer) span(parent Context, name string, kind Kind, at time.Time) *Span {
	s := &Span{tracer: t, Parent: parent, Name: name, Kind: kind, Start: at}
	s.Context = Context{TraceID: parent.TraceID, SpanID: newSpanID()}
	return s
}

// Child begins a step of a span now.
func (s *Span) Child(name string) *Span {
	if s == nil {
		return nil
	}
	return s.tracer.span(s.Context, name, Internal, time.Now())
}

// Set says something about a span: see Attribute.
func (s *Span) Set(key string, value any) {
	if s != nil && len(s.Attributes) < maxAttributes {
		s.Attributes = append(s.Attributes, Attribute{key, value})
	}
}

// SetRoom says which room a span is about.
func (s *Span) SetRoom(room parley.ARN) {
	if s != nil {
		s.Set("parley.room", room.String())
	}
}

// End ends a span, for good. When err is not nil, the span failed with its code; its
// text is not recorded.
func (s *Span) End(err error) {
	if s != nil {
		s.end(err)
	}
}

func (s *Span) end(err error) {
	s.Finish = time.Now()
	if err != nil {
		code := parley.CodeOf(err)
		s.Error = code.String()
		s.Broken = code == parley.Internal || code == parley.Unavailable
	}
	s.tracer.take(s)
}

// newTraceID and newSpanID return ids, which are random and never zero. They need not
// be secret.
func newTraceID() (id [16]byte) {
	binary.BigEndian.PutUint64(id[:], rand.Uint64())
	binary.BigEndian.PutUint64(id[8:], rand.Uint64()|1)
	return id
}

func newSpanID() (id [8]byte) {
	binary.BigEndian.PutUint64(id[:], rand.Uint64()|1)
	return id
}
