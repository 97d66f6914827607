package conformance

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// conversation reads the session's events up to the last word of each speaker, and
// returns what each said. There may be no other events.
func (s *session) conversation(t *testing.T, speakers int) map[string][]string {
	t.Helper()
	said := map[string][]string{}
	for speakers > 0 {
		var got chatMessage
		s.next(t, "message", &got)
		if got.Content == lastWord {
			speakers--
		}
		said[got.Sender.UserID] = append(said[got.Sender.UserID], got.Content)
	}
	return said
}

// TestReconnectAfterCut breaks the connections of a session, with and without something
// on its way. The SDK comes back by itself, with a new token for each connection.
func TestReconnectAfterCut(t *testing.T) { inEachPlace(t, fields{}, testReconnectAfterCut) }

func testReconnectAfterCut(t *testing.T, r chatRoom) {
	network := startProxy(t, r.srv)
	ben := r.join(t, "ben", "SEND_MESSAGE")
	ana := r.open(t, "ana", minted(r.ARN, "ana", 60, "SEND_MESSAGE"),
		fields{"url": network.chatURL()})
	for round := range 3 {
		network.cut()
		ana.next(t, "connecting", nil)
		ana.next(t, "connect", nil)
		ana.checkState(t, "connected")
		ana.checkAsked(t, round+2)
		for _, sender := range []*session{ana, ben} {
			echo := sender.send(t, fmt.Sprint("after cut ", round), nil)
			ana.nextMessage(t, echo)
			ben.nextMessage(t, echo)
		}
	}
	if got := network.connections(); got != 4 {
		t.Errorf("ana made %d connections, want 4", got)
	}
}

// TestRefreshLosesNothing sends ten messages a second to a session whose token is about
// to expire, which also talks itself: half a minute before that, the SDK opens another
// connection, and closes the first when it is open. The session gets each message once,
// in order, and its user does not notice.
func TestRefreshLosesNothing(t *testing.T) {
	inEachPlace(t, fields{"maximumMessageRatePerSecond": 100}, func(t *testing.T, r chatRoom) {
		// Tokens live for a minute, so this refresh comes after half a minute.
		testRefresh(t, r, minted(r.ARN, "ana", 60, "SEND_MESSAGE"), 2)
	})
}

// TestRefreshOfFastClock is TestRefreshLosesNothing for a clock that is 28 seconds
// ahead: it makes the SDK refresh every two seconds.
func TestRefreshOfFastClock(t *testing.T) {
	t.Parallel()
	r := startChatRoom(t, inNode, fields{"maximumMessageRatePerSecond": 100})
	testRefresh(t, r, expiring(minted(r.ARN, "ana", 60, "SEND_MESSAGE"), 32*time.Second), 8)
}

// testRefresh goes on until so many connections were made.
func testRefresh(t *testing.T, r chatRoom, tokens tokenSource, connections int) {
	ben := r.join(t, "ben", "SEND_MESSAGE")
	ana := r.open(t, "ana", tokens, nil)
	sent, promises := talkUntil(t, ana, ben,
		func() bool { return ana.tokens.asked() >= connections })
	for _, s := range []*session{ana, ben} {
		got := s.conversation(t, len(sent))
		for sender, contents := range sent {
			if diff := cmp.Diff(contents, got[sender]); diff != "" {
				t.Errorf("what %s got of %s's %d messages (-sent +got):\n%s",
					s.name, sender, len(contents), diff)
			}
		}
	}
	for _, promise := range promises {
		if refused := ana.result(t, "send", promise, nil); refused != nil {
			t.Fatalf("a message was refused: %+v", *refused)
		}
	}
	ana.checkState(t, "connected")
}

// lastWord is what each speaker says last.
const lastWord = "that is all"

// The pace of the conversation during a refresh.
const (
	pace        = 100 * time.Millisecond
	afterwards  = 20 // messages of ben's after the condition is met
	anaTalks    = 3  // ana sends one message for as many of ben's
	refreshTime = 2 * time.Minute
)

// talkUntil lets ben talk at the pace, and ana now and then, until the condition has
// been true for some messages. It returns what each said, and the SDK's promises.
func talkUntil(
	t *testing.T, ana, ben *session, done func() bool,
) (sent map[string][]string, promises []<-chan line) {
	t.Helper()
	sent = map[string][]string{}
	say := func(s *session, content string) {
		promises = append(promises, s.start(t, "send", fields{"content": content}))
		sent[s.name] = append(sent[s.name], content)
	}
	tick := time.NewTicker(pace)
	defer tick.Stop()
	deadline := time.After(refreshTime)
	for i, left := 0, afterwards; left > 0; i++ {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("no refresh within %v", refreshTime)
		}
		say(ben, fmt.Sprint("ben ", i))
		if i%anaTalks == 0 {
			say(ana, fmt.Sprint("ana ", i))
		}
		if done() {
			left--
		}
	}
	say(ana, lastWord)
	say(ben, lastWord)
	return sent, promises
}

// TestExpiredSessionComesBack lets the shortest session, of a minute, come to its end,
// which no refresh prevents here. The SDK comes back by itself; a user who was kicked
// in the meantime stays away.
func TestExpiredSessionComesBack(t *testing.T) {
	inEachPlace(t, fields{}, func(t *testing.T, r chatRoom) {
		ben := r.join(t, "ben", "SEND_MESSAGE", "DISCONNECT_USER")
		ana := r.open(t, "ana", timeless(minted(r.ARN, "ana", 1)), nil)
		eve := r.open(t, "eve", minted(r.ARN, "eve", 1), nil)
		var kicked chatEvent
		ben.call(t, "disconnectUser", fields{"userId": "eve"}, &kicked)
		for _, s := range []*session{ana, ben, eve} {
			s.nextEvent(t, "userDisconnect", kicked)
		}
		eve.nextDisconnect(t, "serverDisconnect")
		ana.nextWithin(t, time.Minute+eventTimeout, "connecting", nil)
		ana.next(t, "connect", nil)
		ana.checkAsked(t, 2)
		ana.nextMessage(t, ben.send(t, "welcome back", nil))
		eve.checkState(t, "disconnected")
		eve.checkAsked(t, 1)
	})
}

// TestRestart stops a server and starts it again, on the same address and with the same
// data. The SDK tries four times at once. So it comes back by itself when its user's
// token provider waits for the server; and if not, a client that connects again comes
// back.
func TestRestart(t *testing.T) {
	r := startChatRoom(t, inNode, fields{})
	ana := minted(r.ARN, "ana", 60)
	patientAna := r.open(t, "a patient token provider", patient(ana, 50*time.Millisecond), nil)
	impatient := r.open(t, "an impatient one", ana, nil)
	// Tokens from before the restart do not help: nobody is there to take them.
	stocked := r.open(t, "one with tokens in stock",
		listed(createTokens(t, r, "ana", 5)...), nil)
	persistent := r.open(t, "a client with a retry of its own", ana,
		fields{"comeBackAfter": 100})
	all := []*session{patientAna, impatient, stocked, persistent}

	r.srv.stop(t)
	for _, s := range all {
		s.next(t, "connecting", nil) // the connection was dropped without a Close frame
	}
	impatient.nextDisconnect(t, "fetchTokenError")
	impatient.checkAsked(t, 1+4)
	stocked.nextDisconnect(t, "socketError")
	stocked.checkAsked(t, 1+4)
	persistent.next(t, "disconnect", nil)

	r.srv.start(t)
	patientAna.next(t, "connect", nil)
	patientAna.checkAsked(t, 2)
	persistent.nextConnect(t)
	again := r.join(t, "ben again", "SEND_MESSAGE")
	echo := again.send(t, "the room is there again", nil)
	patientAna.nextMessage(t, echo)
	persistent.nextMessage(t, echo)
	for _, s := range []*session{impatient, stocked} {
		s.checkState(t, "disconnected")
	}
}

func createTokens(t *testing.T, r chatRoom, user string, n int) (tokens []string) {
	t.Helper()
	for range n {
		tokens = append(tokens, createToken(t, r.admin, r.ARN, user))
	}
	return tokens
}

// nextConnect waits until the session is connected, whatever attempts fail before.
func (s *session) nextConnect(t *testing.T) {
	t.Helper()
	deadline := time.After(eventTimeout)
	for {
		select {
		case l := <-s.events:
			if l.Event == "connect" {
				return
			}
			if l.Event != "connecting" && l.Event != "disconnect" {
				t.Fatalf("%s got the event %s %s, want connect", s.name, l.Event, l.Value)
			}
		case <-deadline:
			t.Fatalf("%s got no connect within %v", s.name, eventTimeout)
		}
	}
}
