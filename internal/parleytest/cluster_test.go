package parleytest_test

import (
	"fmt"
	"testing"

	"github.com/parley-chat/parley/internal/parleytest"
)

// TestClusterOfThree has a session on each node hear what is said on each.
func TestClusterOfThree(t *testing.T) {
	c := parleytest.StartCluster(t, 3)
	room := c.CreateRoom(t, nil)
	users := make([]*parleytest.User, len(c.Nodes))
	for i, n := range c.Nodes {
		users[i] = n.Join(t, room, fmt.Sprint("user-", i), "SEND_MESSAGE")
	}
	for i, u := range users {
		u.Say(t, fmt.Sprint("hello from ", i))
		for _, other := range users {
			if got := other.Next(t); got.Content != fmt.Sprint("hello from ", i) {
				t.Errorf("%s got %+v, want what %s said", other.ID, got, u.ID)
			}
		}
	}
}
