// Package history records what the clients of a cluster did and saw, and finds what must
// not have happened. It knows nothing of how the cluster is run or broken. All that it
// is told has a time, which counts from the beginning of the run.
//
// Some findings are certain at once: a message that came twice, a token that was accepted
// twice. Others are certain only when the cluster had the time to make up for a fault:
// what is Missing then is for the caller to Report.
package history

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// Event is something that a client did or saw.
type Event interface {
	// about names the one thing that the event is about: a room, a token or a resource.
	// It is empty for what concerns all.
	about(c *Checker) string
	// apply has the checker learn from the event. Its lock is held.
	apply(c *Checker, at time.Duration)
	String() string
}

// Note is something that is worth to be seen beside the other events, such as a fault.
type Note string

func (n Note) about(*Checker) string         { return "" }
func (n Note) apply(*Checker, time.Duration) {}

// String returns the note.
func (n Note) String() string { return "--- " + string(n) }

// Violation is something that must not have happened.
type Violation struct {
	At    time.Duration // when it was seen
	About string        // as of events
	Text  string

	// What it is about in a room: others' receiving of other messages is not shown with
	// it. Zero values are for what concerns the whole room.
	session int
	message message
}

// record is an event as it is kept.
type record struct {
	at    time.Duration
	about string
	event Event
}

const (
	// maxRecords is how many events are kept to be shown with a violation.
	maxRecords = 1 << 20
	// maxViolations is how many are kept. One is enough to fail a run; many have one cause.
	maxViolations = 100
)

// Checker checks a history as it grows. Its methods may be called from any goroutine.
type Checker struct {
	mu         sync.Mutex // guards what follows
	records    []record   // no more than maxRecords, and half of that at least when it was full
	violations []Violation
	counts     map[string]int // of what was checked

	chat      chat
	tokens    map[string]string // that were accepted: by which node
	resources map[string]*resource
}

// New returns a Checker of an empty history.
func New() *Checker {
	return &Checker{counts: map[string]int{}, chat: newChat(),
		tokens: map[string]string{}, resources: map[string]*resource{}}
}

// Add adds an event to the history. Events of one client come in their order.
func (c *Checker) Add(at time.Duration, e Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.records) == maxRecords {
		c.records = slices.Delete(c.records, 0, maxRecords/2)
	}
	c.records = append(c.records, record{at, e.about(c), e})
	e.apply(c, at)
}

// failLocked reports a violation.
func (c *Checker) failLocked(at time.Duration, about, format string, args ...any) {
	c.reportLocked(Violation{At: at, About: about, Text: fmt.Sprintf(format, args...)})
}

func (c *Checker) reportLocked(found ...Violation) {
	room := maxViolations - len(c.violations)
	c.violations = append(c.violations, found[:min(len(found), room)]...)
}

// Report adds to the violations what is now certain to be one.
func (c *Checker) Report(found ...Violation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reportLocked(found...)
}

// Violations returns what was found so far.
func (c *Checker) Violations() []Violation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.violations)
}

// Counts returns how often what was checked, by the name of the check.
func (c *Checker) Counts() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := make(map[string]int, len(c.counts))
	for name, n := range c.counts {
		counts[name] = n
	}
	return counts
}

// Around returns what happened before a violation was found, to what it is about or to
// all: the last lines, as many as limit.
func (c *Checker) Around(v Violation, limit int) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var lines []string
	for _, r := range slices.Backward(c.records) {
		if len(lines) == limit {
			break
		}
		if r.at <= v.At && v.shows(r) {
			lines = append(lines, line(r))
		}
	}
	slices.Reverse(lines)
	return lines
}

// shows reports whether an event is shown with the violation.
func (v Violation) shows(r record) bool {
	var session int
	var m message
	switch e := r.event.(type) {
	case Sent:
		m = message(e)
	case Echoed:
		m = message(e)
	case Denied:
		m = message(e)
	case Received:
		session, m = e.Session, message{e.Sender, e.Number}
	}
	within := r.about == "" || r.about == v.About
	other := v.session != 0 && m != message{} && session != v.session && m != v.message
	return within && !other
}

// Lines returns all that is kept of the history.
func (c *Checker) Lines() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	lines := make([]string, len(c.records))
	for i, r := range c.records {
		lines[i] = line(r)
	}
	return lines
}

func line(r record) string {
	return fmt.Sprintf("%9.3f  %-20s  %s", r.at.Seconds(), r.about, r.event)
}
