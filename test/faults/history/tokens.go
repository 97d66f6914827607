package history

import (
	"fmt"
	"time"
)

// Redeemed says that a node opened a session with a token.
type Redeemed struct {
	Token string // a name for it
	Node  string
}

// Refused says that a node did not. The status is 0 when it did not answer.
type Refused struct {
	Token, Node string
	Status      int
}

func (e Redeemed) about(*Checker) string { return e.Token }
func (e Refused) about(*Checker) string  { return e.Token }

// String says what happened.
func (e Redeemed) String() string { return fmt.Sprintf("node %s accepted the token", e.Node) }

// String says what happened.
func (e Refused) String() string {
	if e.Status == 0 {
		return fmt.Sprintf("node %s gave no answer to the token", e.Node)
	}
	return fmt.Sprintf("node %s refused the token with %d", e.Node, e.Status)
}

func (e Redeemed) apply(c *Checker, at time.Duration) {
	c.counts["tokens accepted"]++
	if first, again := c.tokens[e.Token]; again {
		c.failLocked(at, e.Token, "it was accepted twice: by node %s, and by node %s",
			first, e.Node)
	}
	c.tokens[e.Token] = e.Node
}

func (e Refused) apply(c *Checker, _ time.Duration) {
	if _, used := c.tokens[e.Token]; used {
		c.counts["used tokens refused"]++
	}
}
