package history

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Changing says that someone is about to give a resource a value: a text that holds all
// that can be seen of it. Without a value, it is about to be deleted. Only one change of
// a resource goes on at a time.
type Changing struct{ Name, Value, How string }

// Changed says that the change was acknowledged.
type Changed struct{ Name string }

// Unchanged says that the change was refused, and so had no effect.
type Unchanged struct{ Name, Why string }

// Doubtful says that the change failed in a way that leaves its effect open. No further
// change is made until it is Agreed.
type Doubtful struct{ Name, Why string }

// NotFound says that a node denied that a resource exists while no change went on.
type NotFound struct{ Name, Node string }

// Listed says what a node knows, while no change goes on: the values of all resources by
// their names.
type Listed struct {
	Node   string
	Values map[string]string
}

// Agreed says that all nodes listed the same, and checked it. What was open is not any
// more.
type Agreed struct{ Values map[string]string }

// resource is what is known of one. A value that is empty says that it does not exist.
type resource struct {
	value string
	next  string // of the change that goes on, or is in doubt
	open  bool   // it may have either value
}

func (e Changing) about(*Checker) string  { return e.Name }
func (e Changed) about(*Checker) string   { return e.Name }
func (e Unchanged) about(*Checker) string { return e.Name }
func (e Doubtful) about(*Checker) string  { return e.Name }
func (e NotFound) about(*Checker) string  { return e.Name }
func (e Listed) about(*Checker) string    { return "" }
func (e Agreed) about(*Checker) string    { return "" }

// String says what happened.
func (e Changing) String() string {
	if e.Value == "" {
		return e.How + " is about to delete it"
	}
	return e.How + " is about to make it " + e.Value
}

// String says what happened.
func (e Changed) String() string { return "the change is acknowledged" }

// String says what happened.
func (e Unchanged) String() string { return "the change is refused: " + e.Why }

// String says what happened.
func (e Doubtful) String() string { return "the change is in doubt: " + e.Why }

// String says what happened.
func (e NotFound) String() string { return "is not found on node " + e.Node }

// String says what happened.
func (e Listed) String() string { return fmt.Sprintf("node %s lists %d", e.Node, len(e.Values)) }

// String says what happened.
func (e Agreed) String() string { return fmt.Sprintf("all nodes list the same %d", len(e.Values)) }

func (e Changing) apply(c *Checker, _ time.Duration) {
	r := c.resources[e.Name]
	if r == nil {
		r = &resource{}
		c.resources[e.Name] = r
	}
	r.next, r.open = e.Value, true
}

func (e Changed) apply(c *Checker, _ time.Duration) {
	r := c.resources[e.Name]
	r.value, r.open = r.next, false
	c.counts["changes acknowledged"]++
}

func (e Unchanged) apply(c *Checker, _ time.Duration) { c.resources[e.Name].open = false }

func (e Doubtful) apply(c *Checker, _ time.Duration) { c.counts["changes in doubt"]++ }

func (e NotFound) apply(c *Checker, at time.Duration) {
	if r := c.resources[e.Name]; r != nil && r.value != "" {
		c.failLocked(at, e.Name, "node %s does not find %s, which is acknowledged", e.Node, e.Name)
	}
}

func (e Listed) apply(*Checker, time.Duration) {}

// Differs returns how what a node lists differs from what was acknowledged.
func (c *Checker) Differs(now time.Duration, e Listed) (found []Violation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wrong := func(name, format string, args ...any) {
		found = append(found, Violation{At: now, About: name,
			Text: fmt.Sprintf("node %s "+format, append([]any{e.Node}, args...)...)})
	}
	for _, name := range slices.Sorted(maps.Keys(c.resources)) {
		r, seen := c.resources[name], e.Values[name]
		switch {
		case seen == r.value, r.open && seen == r.next:
		case seen == "":
			wrong(name, "has lost %s, acknowledged as %s", name, r.value)
		case r.value == "":
			wrong(name, "has %s, which was deleted, as %s", name, seen)
		default:
			wrong(name, "has %s as %s, acknowledged as %s", name, seen, r.value)
		}
	}
	for name := range e.Values {
		if c.resources[name] == nil {
			wrong(name, "has %s, which nobody made", name)
		}
	}
	return found
}

func (e Agreed) apply(c *Checker, _ time.Duration) {
	for name, r := range c.resources {
		r.value, r.open = e.Values[name], false
		c.counts["resources as acknowledged"]++
	}
}
