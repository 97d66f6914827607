package history_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/test/faults/history"
)

// tell returns a checker that was told events, one each second, from the first second on.
func tell(events ...history.Event) *history.Checker {
	c := history.New()
	for i, e := range events {
		c.Add(time.Duration(i+1)*time.Second, e)
	}
	return c
}

// want checks that violations are those with the texts, and no others.
func want(t *testing.T, got []history.Violation, texts ...string) {
	t.Helper()
	found := fmt.Sprintf("%+v", got)
	if len(got) != len(texts) {
		t.Errorf("found %s, want %d", found, len(texts))
	}
	for _, text := range texts {
		if !strings.Contains(found, text) {
			t.Errorf("found %s, want %q", found, text)
		}
	}
}

const (
	always = time.Hour // after all that happens
	room   = "lobby"
)

func join(session int, user string) history.Joined {
	return history.Joined{Session: session, Room: room, User: user, Node: "a"}
}

// get has a session receive a message under the Id that belongs to it.
func get(session, sender, number int) history.Received {
	return history.Received{Session: session, Sender: sender, Number: number,
		ID: fmt.Sprintf("id-%d-%d", sender, number)}
}

// TestSingleEvents plants what is wrong as soon as it is seen.
func TestSingleEvents(t *testing.T) {
	ana, ben := join(1, "ana"), join(2, "ben")
	elsewhere := history.Joined{Session: 3, Room: "other", User: "eve", Node: "b"}
	redeemed := history.Redeemed{Token: "t", Node: "a"}
	closed := history.Ended{Session: 2, Closed: true, Why: "Close 1000"}
	kick, kicked := history.KickBegan{Kick: 1, Room: room, User: "ben"}, history.KickDone{Kick: 1}
	tests := []struct {
		name   string
		events []history.Event
		want   []string
	}{
		{"all is well", []history.Event{ana, ben, get(2, 1, 1), get(1, 1, 1), get(2, 1, 2)}, nil},
		{"twice", []history.Event{ana, ben, get(2, 1, 1), get(2, 1, 1)}, []string{"twice"}},
		{"twice, with another between",
			[]history.Event{ana, ben, get(2, 1, 1), get(2, 1, 2), get(2, 1, 1)}, []string{"twice"}},
		{"out of order", []history.Event{ana, ben, get(2, 1, 2), get(2, 1, 1)},
			[]string{"after number 2"}},
		{"senders do not wait for each other",
			[]history.Event{ana, ben, get(2, 1, 2), get(2, 2, 1), get(2, 1, 3)}, nil},
		{"another room", []history.Event{ana, elsewhere, get(3, 1, 1)}, []string{"which is in room"}},
		{"two Ids", []history.Event{ana, ben, get(1, 1, 1),
			history.Received{Session: 2, Sender: 1, Number: 1, ID: "else"}}, []string{"on another"}},
		{"one Id for two", []history.Event{ana, ben, get(1, 1, 1),
			history.Received{Session: 2, Sender: 1, Number: 2, ID: "id-1-1"}}, []string{"both have Id"}},
		{"token", []history.Event{redeemed, history.Refused{Token: "t", Node: "b", Status: 401}}, nil},
		{"token twice", []history.Event{redeemed, history.Redeemed{Token: "t", Node: "b"}},
			[]string{"accepted twice: by node a, and by node b"}},
		{"closed", []history.Event{ben, closed}, []string{"nobody kicked"}},
		{"dropped", []history.Event{ben, history.Ended{Session: 2, Why: "reset"}}, nil},
		{"kicked", []history.Event{ben, kick, kicked, closed}, nil},
		{"kicked before the answer", []history.Event{ben, kick, closed, kicked}, nil},
		{"another was kicked", []history.Event{ana, ben, kick, kicked,
			history.Ended{Session: 1, Closed: true}}, []string{"nobody kicked"}},
		{"not found", []history.Event{history.NotFound{Name: "r", Node: "a"}}, nil},
		{"not found when acknowledged", []history.Event{history.Changing{Name: "r", Value: "v"},
			history.Changed{Name: "r"}, history.NotFound{Name: "r", Node: "a"}},
			[]string{"does not find r"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want(t, tell(test.events...).Violations(), test.want...)
		})
	}
}

// TestOldKickEndsNobody has a session end that came long after the kick of its user.
func TestOldKickEndsNobody(t *testing.T) {
	c := tell(history.KickBegan{Kick: 1, Room: room, User: "ben"}, history.KickDone{Kick: 1})
	c.Add(40*time.Second, join(2, "ben"))
	c.Add(41*time.Second, history.Ended{Session: 2, Closed: true, Why: "Close 1000"})
	want(t, c.Violations(), "nobody kicked")
}

// TestMissing plants what is wrong only when the cluster had time.
func TestMissing(t *testing.T) {
	ana, ben := join(1, "ana"), join(2, "ben")
	sent, echo := history.Sent{Sender: 1, Number: 1}, get(1, 1, 1)
	left := history.Ended{Session: 2, Why: "reset"}
	kick, kicked := history.KickBegan{Kick: 1, Room: room, User: "ben"}, history.KickDone{Kick: 1}
	tests := []struct {
		name   string
		events []history.Event
		want   []string
	}{
		{"received", []history.Event{ana, ben, sent, get(2, 1, 1), echo}, nil},
		{"received later", []history.Event{ana, ben, sent, echo, get(2, 1, 1)}, nil},
		{"lost", []history.Event{ana, ben, sent, echo}, []string{"did not receive message 1 of 1"}},
		{"lost, and the sender has left", []history.Event{ana, ben, sent, echo,
			history.Ended{Session: 1, Why: "reset"}}, []string{"did not receive"}},
		{"no answer", []history.Event{ana, ben, sent},
			[]string{"session 1 (ana on node a) got no answer to message 1"}},
		{"no answer, and the sender has left", []history.Event{ana, ben, sent,
			history.Ended{Session: 1, Why: "reset"}}, nil},
		{"no echo but an ERROR", []history.Event{ana, ben, sent,
			history.Denied{Sender: 1, Number: 1}}, nil},
		{"no answer to a backend", []history.Event{history.Speaks{Sender: -1, Room: room}, ben,
			history.Sent{Sender: -1, Number: 1}}, nil},
		{"came after it", []history.Event{ana, sent, ben, echo}, nil},
		{"left", []history.Event{ana, ben, sent, echo, left}, nil},
		{"kicked", []history.Event{ben, kick, kicked, left}, nil},
		{"still there", []history.Event{ben, kick, kicked}, []string{"still there after kick 1"}},
		{"not acknowledged", []history.Event{ben, kick}, nil},
		{"came while the kick went on", []history.Event{kick, ben, kicked}, nil},
		{"came back", []history.Event{kick, kicked, ben}, nil},
		{"another user", []history.Event{ana, kick, kicked}, nil},
		{"lost event of a backend", []history.Event{history.Speaks{Sender: -1, Room: room}, ben,
			history.Sent{Sender: -1, Number: 1}, history.Echoed{Sender: -1, Number: 1}},
			[]string{"did not receive message 1 of -1"}},
		{"event of a backend", []history.Event{history.Speaks{Sender: -1, Room: room}, ben,
			history.Sent{Sender: -1, Number: 1}, get(2, -1, 1), history.Echoed{Sender: -1, Number: 1}}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := tell(test.events...)
			want(t, c.Violations())
			want(t, c.Missing(always), test.want...)
		})
	}
}

// TestMissingHasATime asks about the time before the echo, and before the answer.
func TestMissingHasATime(t *testing.T) {
	c := tell(join(1, "ana"), join(2, "ben"), history.Sent{Sender: 1, Number: 1}, get(1, 1, 1),
		history.KickBegan{Kick: 1, Room: room, User: "ben"}, history.KickDone{Kick: 1})
	want(t, c.Missing(3*time.Second))
	want(t, c.Missing(4*time.Second), "did not receive")
	want(t, c.Missing(5*time.Second), "did not receive")
	want(t, c.Missing(6*time.Second), "did not receive", "still there")
}

// TestSettleForgets has a message come late when all was settled before: it is missing
// no more, but a second one of it is still found, and so is one that comes too late.
func TestSettleForgets(t *testing.T) {
	c := tell(join(1, "ana"), join(2, "ben"), history.Sent{Sender: 1, Number: 1}, get(2, 1, 1),
		get(1, 1, 1), history.Sent{Sender: 1, Number: 2}, get(1, 1, 2))
	c.Settle(5 * time.Second)
	want(t, c.Missing(always), "did not receive message 2")
	if n := c.Counts()["messages at every session"]; n != 1 {
		t.Errorf("%d messages were at every session, want 1", n)
	}
	c.Add(always, get(2, 1, 1))
	want(t, c.Violations(), "after number 1")
}

func TestKicksAreForgotten(t *testing.T) {
	c := tell(join(2, "ben"), history.KickBegan{Kick: 1, Room: room, User: "ben"},
		history.KickDone{Kick: 1}, history.Ended{Session: 2, Closed: true})
	c.Settle(3 * time.Second)
	c.Settle(always)
	if n := c.Counts()["kicks that ended all sessions"]; n != 1 {
		t.Errorf("%d kicks ended all sessions, want 1", n)
	}
	c.Add(always, join(3, "ben"))
	want(t, c.Missing(always))
}

// TestResources compares what a node lists with what was acknowledged.
func TestResources(t *testing.T) {
	changing, changed := history.Changing{Name: "r", Value: "one"}, history.Changed{Name: "r"}
	deleting := history.Changing{Name: "r"}
	doubtful, refused := history.Doubtful{Name: "r"}, history.Unchanged{Name: "r"}
	made := []history.Event{changing, changed}
	tests := []struct {
		name   string
		events []history.Event
		listed string // the value of r
		want   []string
	}{
		{"made", made, "one", nil},
		{"lost", made, "", []string{"node b has lost r"}},
		{"old", append(made, history.Changing{Name: "r", Value: "two"}, changed), "one",
			[]string{"has r as one, acknowledged as two"}},
		{"doubt, done", append(made, history.Changing{Name: "r", Value: "two"}, doubtful), "two", nil},
		{"doubt, not done", append(made, history.Changing{Name: "r", Value: "two"}, doubtful),
			"one", nil},
		{"doubt, neither", append(made, history.Changing{Name: "r", Value: "two"}, doubtful), "six",
			[]string{"has r as six"}},
		{"refused", append(made, deleting, refused), "one", nil},
		{"refused, but done", append(made, deleting, refused), "", []string{"has lost r"}},
		{"deleted", append(made, deleting, changed), "", nil},
		{"risen", append(made, deleting, changed), "one", []string{"which was deleted"}},
		{"doubt whether it was made", []history.Event{changing, doubtful}, "one", nil},
		{"doubt whether it was deleted", append(made, deleting, doubtful), "", nil},
		{"unknown", nil, "one", []string{"which nobody made"}},
		{"settled by agreement", append(made, deleting, doubtful,
			history.Agreed{Values: map[string]string{}}), "one", []string{"which was deleted"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			listed := history.Listed{Node: "b", Values: map[string]string{}}
			if test.listed != "" {
				listed.Values["r"] = test.listed
			}
			want(t, tell(test.events...).Differs(always, listed), test.want...)
		})
	}
}

func TestAroundShowsWhatItIsAbout(t *testing.T) {
	c := tell(history.Note("node a is killed"), join(1, "ana"),
		history.Joined{Session: 2, Room: "other", User: "eve", Node: "b"},
		get(1, 1, 1), get(1, 1, 1), get(1, 1, 2))
	lines := c.Around(c.Violations()[0], 3)
	got := strings.Join(lines, "\n")
	for _, part := range []string{"ana joined", "4.000", "5.000"} {
		if !strings.Contains(got, part) {
			t.Errorf("the lines are\n%s\nwant %q", got, part)
		}
	}
	if len(lines) != 3 || len(c.Lines()) != 6 {
		t.Errorf("got %d lines of %d, want 3 of 6", len(lines), len(c.Lines()))
	}
	if all := strings.Join(c.Around(c.Violations()[0], 100), "\n"); strings.Contains(all, "eve") ||
		strings.Contains(all, "6.000") || !strings.Contains(all, "killed") {
		t.Errorf("the lines are\n%s\nwant the fault, and neither the other room nor what came after", all)
	}
}

// TestAroundShowsTheMissingMessage looks at what is shown with a message that one session
// did not receive.
func TestAroundShowsTheMissingMessage(t *testing.T) {
	c := tell(join(1, "ana"), join(2, "ben"), join(3, "eve"),
		history.Sent{Sender: 1, Number: 1}, get(1, 1, 1), get(3, 1, 1),
		history.Sent{Sender: 3, Number: 7}, get(2, 3, 7), get(1, 3, 7))
	missing := c.Missing(6 * time.Second)
	if len(missing) != 1 {
		t.Fatalf("%+v is missing, want one message", missing)
	}
	got := strings.Join(c.Around(missing[0], 100), "\n")
	for _, part := range []string{"eve joined", "1 sends 1", "session 3 received 1 of 1"} {
		if !strings.Contains(got, part) {
			t.Errorf("the lines are\n%s\nwant %q", got, part)
		}
	}
	if strings.Contains(got, "3 sends 7") {
		t.Errorf("the lines are\n%s\nwant no other message", got)
	}
}

// TestWhatIsKeptIsBounded has more violations and events than are kept.
func TestWhatIsKeptIsBounded(t *testing.T) {
	const most, mostEvents = 100, 1 << 20
	c := history.New()
	for i := range mostEvents + 1 {
		c.Add(time.Duration(i), history.Note("tick"))
	}
	if n := len(c.Lines()); n > mostEvents || n < mostEvents/2 {
		t.Errorf("%d events are kept of %d, want between %d and %d",
			n, mostEvents+1, mostEvents/2, mostEvents)
	}
	c.Report(make([]history.Violation, most-1)...)
	c.Report(make([]history.Violation, 2)...)
	c.Report(make([]history.Violation, 2)...)
	if n := len(c.Violations()); n != most {
		t.Errorf("%d violations are kept, want %d", n, most)
	}
}
