package test

// The rules of a room for what its sessions send: in which order requests are checked,
// what counts against which rate, and what no frame may overtake.

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/parleytest"
)

// An update of a room reaches its sessions within updateTime, but for a machine that is
// busy now and then, within updateTimeAtMost.
const (
	updateTime       = time.Second
	updateTimeAtMost = 10 * time.Second
)

func TestUpdateRoomReachesOpenSessions(t *testing.T) {
	srv := parleytest.Start(t, unhurried)
	room := srv.CreateRoom(t, map[string]any{"maximumMessageRatePerSecond": 100})
	ana := srv.Join(t, room, "ana", "SEND_MESSAGE")
	fastest := updateTimeAtMost
	for _, limit := range []int{5, 6, 1, 500} {
		update(t, srv, room, map[string]any{"maximumMessageLength": limit})
		// The longest that fits is accepted, and one longer is refused.
		took := wantAtMost(t, fmt.Sprint("maximumMessageLength ", limit), func() bool {
			return answerTo(t, ana, strings.Repeat("x", limit)) == 0 &&
				answerTo(t, ana, strings.Repeat("x", limit+1)) == 400
		})
		fastest = min(fastest, took)
	}
	if fastest > updateTime {
		t.Errorf("the fastest of four updates took %s, want %s at most", fastest, updateTime)
	}
	const burst = 20
	update(t, srv, room, map[string]any{"maximumMessageRatePerSecond": 1})
	wantAtMost(t, "a message a second", func() bool {
		accepted, begin := 0, time.Now()
		for range burst {
			if answerTo(t, ana, "x") == 0 {
				accepted++
			}
		}
		return accepted <= 2+int(time.Since(begin)/time.Second) // on a slow machine, it takes some
	})
	update(t, srv, room, map[string]any{"maximumMessageRatePerSecond": 100})
	accepted := 0
	wantAtMost(t, "a hundred messages a second", func() bool {
		if answerTo(t, ana, "x") == 0 {
			accepted++
		}
		return accepted == burst
	})
}

func update(t *testing.T, srv *parleytest.Server, room string, settings map[string]any) {
	t.Helper()
	settings["identifier"] = room
	if a := srv.Call(t, "UpdateRoom", settings); a.Status != 200 {
		t.Fatalf("UpdateRoom %v: %+v", settings, a)
	}
}

// wantAtMost tries until done says yes, for updateTimeAtMost, and returns how long that took.
func wantAtMost(t *testing.T, what string, done func() bool) time.Duration {
	t.Helper()
	begin := time.Now()
	for !done() {
		if time.Since(begin) > updateTimeAtMost {
			t.Errorf("%s is not in force after %s", what, updateTimeAtMost)
			break
		}
	}
	return time.Since(begin)
}

// answerTo sends a message and returns the error code of its answer, 0 for the echo.
func answerTo(t *testing.T, u *parleytest.User, content string) int {
	t.Helper()
	u.Say(t, content)
	return u.Next(t).ErrorCode
}

// limit returns the option of a server that takes one quota for another number.
func limit(quota parley.Quota, n int) func(*app.Config) {
	return func(cfg *app.Config) { cfg.Limits = map[string]int{string(quota): n} }
}

// Requests that fail a check by themselves, or none.
const (
	goodMessage   = `{"Action":"SEND_MESSAGE","Content":"hi","RequestId":"q"}`
	unknownAction = `{"Action":"DANCE","RequestId":"q"}`
	emptyMessage  = `{"Action":"SEND_MESSAGE","RequestId":"q"}`
	badDeletion   = `{"Action":"DELETE_MESSAGE","RequestId":"q"}`
	badKick       = `{"Action":"DISCONNECT_USER","RequestId":"q"}`
)

var wideMessage = `{"Action":"SEND_MESSAGE","Content":"hi","RequestId":"q","Attributes":{"a":"` +
	strings.Repeat("x", 1024) + `"}}`

// Settings of rooms that fail a check.
var (
	slowRoom       = map[string]any{"maximumMessageRatePerSecond": 1}
	slowAndDenying = map[string]any{"maximumMessageRatePerSecond": 1,
		"messageReviewHandler": denying["messageReviewHandler"]}
)

// hasty is a server that takes one request a second from each session.
var hasty = limit(parley.QuotaConnectionRequests, 1)

// checkOrders has for each pair of neighbours in the order of checks a request that
// fails both: parse, connection rate, action, capability, members, room, room rate,
// account rate, review. The requests before the last one use up a rate.
var checkOrders = []struct {
	name     string
	option   func(*app.Config)
	settings map[string]any
	deleted  bool // the room, before the last request
	viewer   bool // without capabilities
	requests []string
	want     []int // the codes of the answers in order of the code; 0 is the echo
}{
	{name: "parse before connection rate", option: hasty,
		requests: []string{goodMessage, "not JSON"}, want: []int{0, 400}},
	{name: "connection rate before action", option: hasty,
		requests: []string{goodMessage, unknownAction}, want: []int{0, 429}},
	{name: "connection rate before capability", option: hasty, viewer: true,
		requests: []string{goodMessage, goodMessage}, want: []int{403, 429}},
	{name: "action before capability", option: unhurried, viewer: true,
		requests: []string{unknownAction}, want: []int{400}},
	{name: "capability before members of a message", option: unhurried, viewer: true,
		requests: []string{emptyMessage, wideMessage}, want: []int{403, 403}},
	{name: "capability before members of a deletion", option: unhurried, viewer: true,
		requests: []string{badDeletion}, want: []int{403}},
	{name: "capability before members of a disconnection", option: unhurried, viewer: true,
		requests: []string{badKick}, want: []int{403}},
	{name: "members before room", option: unhurried, deleted: true,
		requests: []string{emptyMessage}, want: []int{400}},
	{name: "size of members before room", option: unhurried, deleted: true,
		requests: []string{wideMessage}, want: []int{413}},
	{name: "members of a deletion before room", option: unhurried, deleted: true,
		requests: []string{badDeletion}, want: []int{400}},
	{name: "members of a disconnection before room", option: unhurried, deleted: true,
		requests: []string{badKick}, want: []int{400}},
	{name: "members before room rate", option: unhurried, settings: slowRoom,
		requests: []string{goodMessage, emptyMessage}, want: []int{0, 400}},
	{name: "room before room rate", option: unhurried, deleted: true, settings: slowRoom,
		requests: []string{goodMessage, goodMessage}, want: []int{0, 404}},
	{name: "room before account rate", option: limit(parley.QuotaMessages, 1), deleted: true,
		requests: []string{goodMessage, goodMessage}, want: []int{0, 404}},
	{name: "room before review", option: unhurried, deleted: true, settings: denying,
		requests: []string{goodMessage}, want: []int{404}},
	{name: "room rate before review", option: unhurried, settings: slowAndDenying,
		requests: []string{goodMessage, goodMessage}, want: []int{406, 429}},
	{name: "account rate before review", option: limit(parley.QuotaMessages, 1),
		settings: denying, requests: []string{goodMessage, goodMessage}, want: []int{406, 429}},
}

// TestFirstFailedCheckIsTheAnswer checks the order by requests that fail two checks.
// That the room's rate is before the account's, which have one code, is shown by
// TestAccountRateCountsOnlyWhatPassedTheRoomRate.
func TestFirstFailedCheckIsTheAnswer(t *testing.T) {
	for _, tt := range checkOrders {
		t.Run(tt.name, func(t *testing.T) {
			srv := parleytest.Start(t, tt.option)
			room := srv.CreateRoom(t, tt.settings)
			capabilities := allCapabilities
			if tt.viewer {
				capabilities = nil
			}
			ana := srv.Join(t, room, "ana", capabilities...)
			steps := [][]string{tt.requests}
			if tt.deleted {
				last := len(tt.requests) - 1
				steps = [][]string{tt.requests[:last], tt.requests[last:]}
			}
			var got []int
			for i, requests := range steps {
				if i > 0 {
					deleteRoom(t, srv, room)
				}
				got = append(got, codesOf(t, ana, requests)...)
			}
			slices.Sort(got)
			if !slices.Equal(got, tt.want) {
				t.Errorf("the answers to %.80q are %v, want %v", tt.requests, got, tt.want)
			}
		})
	}
}

// codesOf sends requests in one write and returns the error codes of their answers, in
// no order: errors may overtake the echoes of what was sent before them.
func codesOf(t *testing.T, u *parleytest.User, requests []string) (codes []int) {
	t.Helper()
	if _, err := u.Conn.Write(framesOf(requests...)); err != nil {
		t.Fatal(err)
	}
	for range requests {
		codes = append(codes, u.Next(t).ErrorCode)
	}
	return codes
}

// TestRoomRateCountsOnlyWhatPassedTheOtherChecks does much in a room that takes two
// messages a second, and then sends three messages at once.
func TestRoomRateCountsOnlyWhatPassedTheOtherChecks(t *testing.T) {
	srv := parleytest.Start(t, unhurried)
	room := srv.CreateRoom(t, map[string]any{"maximumMessageRatePerSecond": 2})
	ana := srv.Join(t, room, "ana", allCapabilities...)
	viewer := srv.Join(t, room, "viewer")
	const message = `{"Action":"SEND_MESSAGE","Content":"hi"}`
	codesOf(t, viewer, slices.Repeat([]string{message}, 5)) // 403
	other := codesOf(t, ana, slices.Repeat([]string{
		"not JSON",
		`{"Action":"DANCE"}`,
		`{"Action":"SEND_MESSAGE"}`,
		`{"Action":"SEND_MESSAGE","Content":"` + strings.Repeat("x", 501) + `"}`,
		`{"Action":"SEND_MESSAGE","Content":"hi","RequestId":"` + strings.Repeat("x", 257) + `"}`,
		`{"Action":"DELETE_MESSAGE","Id":"AbCdEfGh1234"}`,
		disconnection(absentUser, ""),
	}, 5))
	write(t, ana, ws.NewBinaryFrame([]byte(message)))
	other = append(other, ana.Next(t).ErrorCode)
	for range 5 {
		srv.Call(t, "SendEvent", map[string]any{"roomIdentifier": room, "eventName": "poll"})
		other = append(other, ana.Next(t).ErrorCode)
	}
	if slices.Contains(other, 429) {
		t.Errorf("what is no message was answered with %v, want no 429", other)
	}
	got := codesOf(t, ana, slices.Repeat([]string{message}, 3))
	slices.Sort(got)
	if want := []int{0, 0, 429}; !slices.Equal(got, want) {
		t.Errorf("three messages at once were answered with %v, want %v", got, want)
	}
}

// TestAccountRateCountsOnlyWhatPassedTheRoomRate sends more to one room than it takes,
// and then to another room of the account, which takes two messages a second in all.
func TestAccountRateCountsOnlyWhatPassedTheRoomRate(t *testing.T) {
	srv := parleytest.Start(t, limit(parley.QuotaMessages, 2))
	const message = `{"Action":"SEND_MESSAGE","Content":"hi"}`
	room := srv.CreateRoom(t, map[string]any{"maximumMessageRatePerSecond": 1})
	node := srv.Node(0) // others would hear of what this one has counted a moment later
	ana := node.Join(t, room, "ana", "SEND_MESSAGE")
	ben := node.Join(t, srv.CreateRoom(t, nil), "ben", "SEND_MESSAGE")
	// The account may send another one after half a second: a busy machine needs several tries.
	const tries, before = 10, 400 * time.Millisecond
	var slow, other []int
	for range tries {
		begin := time.Now()
		slow = codesOf(t, ana, slices.Repeat([]string{message}, 3))
		other = codesOf(t, ben, slices.Repeat([]string{message}, 2))
		if time.Since(begin) < before {
			break
		}
		<-time.After(time.Second) // until both rates are whole again
	}
	slices.Sort(slow)
	slices.Sort(other)
	if !slices.Equal(slow, []int{0, 429, 429}) || !slices.Equal(other, []int{0, 429}) {
		t.Errorf("ana was answered with %v, want one of three accepted, and ben then with %v, want"+
			" one of two", slow, other)
	}
}

// TestDeletionNeverOvertakesItsMessage has a moderator delete each message on sight,
// by either plane, while several users talk.
func TestDeletionNeverOvertakesItsMessage(t *testing.T) {
	const senders, each, viewers = 3, 50, 5
	srv := parleytest.Start(t, noQuotas)
	room := srv.CreateRoom(t, nil)
	mod := srv.Join(t, room, "mod", "DELETE_MESSAGE")
	talkers, others := make([]*parleytest.User, senders), make([]*parleytest.User, viewers)
	for i := range talkers {
		talkers[i] = srv.Join(t, room, fmt.Sprint("sender-", i), "SEND_MESSAGE")
	}
	for i := range others {
		others[i] = srv.Join(t, room, fmt.Sprint("viewer-", i))
	}
	var all sync.WaitGroup
	for _, u := range slices.Concat(talkers, others) {
		all.Go(func() { wantDeletionsAfter(t, u, senders*each) })
	}
	for _, u := range talkers {
		all.Go(func() {
			for range each {
				trySend(t, u, `{"Action":"SEND_MESSAGE","Content":"to be deleted"}`)
			}
		})
	}
	for n := 0; n < senders*each; {
		got := mod.Next(t)
		if got.Type != "MESSAGE" {
			continue
		}
		if n++; n%5 != 0 {
			mod.Send(t, fmt.Sprintf(`{"Action":"DELETE_MESSAGE","Id":%q}`, got.ID))
			continue
		}
		srv.Call(t, "DeleteMessage", map[string]string{"roomIdentifier": room, "id": got.ID})
	}
	all.Wait()
}

// wantDeletionsAfter reads until so many messages are deleted, none before it came. In a
// cluster, a deletion that overtakes its message replaces it: the message does not come.
func wantDeletionsAfter(t *testing.T, u *parleytest.User, messages int) {
	seen, gone := map[string]bool{}, map[string]bool{}
	for deleted := 0; deleted < messages; {
		got, err := u.Read()
		if err != nil {
			t.Errorf("%s after %d deletions: %v", u.ID, deleted, err)
			return
		}
		if got.Type == "MESSAGE" {
			if seen[got.ID] = true; gone[got.ID] && got.Sender.UserID != u.ID {
				t.Errorf("%s got the message %s after its deletion", u.ID, got.ID)
			}
			continue
		}
		deleted++
		id := got.Attributes["MessageID"]
		if gone[id] = true; !seen[id] && parleytest.Nodes() == 1 {
			t.Errorf("%s got the deletion of %s before the message", u.ID, id)
		}
	}
}

// TestNothingFollowsADisconnectedUser disconnects a user whose many sessions send as
// fast as they are answered: once a session has the event, it gets no message of that
// user. Each of the user's sessions gets the event and a Close frame.
func TestNothingFollowsADisconnectedUser(t *testing.T) {
	const rounds, talkers, viewers = 10, 4, 3
	srv := parleytest.Start(t, noQuotas)
	for round := range rounds {
		room := srv.CreateRoom(t, nil)
		mod := srv.Join(t, room, "mod", allCapabilities...)
		var talk, watch sync.WaitGroup
		for i := range viewers {
			u := srv.Join(t, room, fmt.Sprint("viewer-", i))
			watch.Go(func() { wantNothingOfEve(t, u) })
		}
		for range talkers {
			eve := srv.Join(t, room, "eve", "SEND_MESSAGE")
			talk.Go(func() { talkUntilTheEnd(t, eve) })
		}
		for range 20 {
			mod.Next(t)
		}
		watch.Go(func() { wantNothingOfEve(t, mod) })
		kick(t, srv, mod, room, round)
		talk.Wait() // all that eve could send is on its way, or came to nothing
		mod.Say(t, lastWord)
		watch.Wait()
	}
}

// kick disconnects eve, in turn by a session and by the control plane.
func kick(t *testing.T, srv *parleytest.Server, mod *parleytest.User, room string, round int) {
	t.Helper()
	if round%2 == 0 {
		mod.Send(t, disconnection("eve", "spam"))
		return
	}
	srv.Call(t, "DisconnectUser", map[string]string{
		"roomIdentifier": room, "userId": "eve", "reason": "spam",
	})
}

// lastWord is the message after which nothing is read.
const lastWord = "that is all"

// ahead is how many messages a talker has on their way. A session that takes its
// answers slowly is dropped, which is another story.
const ahead = 8

// talkUntilTheEnd sends messages until the session ends, which has to be by a Close
// frame after the event.
func talkUntilTheEnd(t *testing.T, u *parleytest.User) {
	say := func() {
		// An error is the end of the session, of which reading tells more.
		_ = wsutil.WriteClientText(u.Conn, []byte(`{"Action":"SEND_MESSAGE","Content":"spam"}`))
	}
	for range ahead {
		say()
	}
	var last parleytest.Frame
	for {
		got, err := u.Read()
		if err == nil {
			last = got
			say()
			continue
		}
		_ = u.Conn.Close()
		closed := wsutil.ClosedError{}
		if !errors.As(err, &closed) || closed.Code != 1000 || last.EventName != "aws:DISCONNECT_USER" {
			t.Errorf("eve's session ended with %v after %+v, want Close 1000 after the event", err, last)
		}
		return
	}
}

// wantNothingOfEve reads to the last word, and in a cluster to the event if that comes
// later, from another node. After the event it may not get anything of eve's.
func wantNothingOfEve(t *testing.T, u *parleytest.User) {
	for gone, last := false, false; !gone || !last; {
		got, err := u.Read()
		switch {
		case err != nil:
			t.Errorf("%s: %v", u.ID, err)
			return
		case got.Content == lastWord:
			if last = true; !gone && parleytest.Nodes() == 1 {
				t.Errorf("%s was not told that eve is disconnected", u.ID)
				return
			}
		case got.EventName == "aws:DISCONNECT_USER":
			gone = true
		case gone && got.Sender.UserID == "eve":
			t.Errorf("%s got %+v after eve was disconnected", u.ID, got)
			return
		}
	}
}

// TestNothingFollowsADisconnectedUserWhoHasLeft lets sessions of a user send and leave
// at the moment at which the user is disconnected, while the room is busy.
func TestNothingFollowsADisconnectedUserWhoHasLeft(t *testing.T) {
	const rounds, talkers = 10, 8
	srv := parleytest.Start(t, noQuotas)
	crowd := framesOf(slices.Repeat([]string{`{"Action":"SEND_MESSAGE","Content":"crowd"}`}, 100)...)
	spam := framesOf(slices.Repeat([]string{`{"Action":"SEND_MESSAGE","Content":"spam"}`}, 20)...)
	for round := range rounds {
		room := srv.CreateRoom(t, nil)
		mod := srv.Join(t, room, "mod", allCapabilities...)
		var all, watch sync.WaitGroup
		viewer := srv.Join(t, room, "viewer")
		watch.Go(func() { wantNothingOfEve(t, viewer) })
		watch.Go(func() { wantNothingOfEve(t, mod) })
		begin := make(chan struct{})
		for i := range talkers {
			fan := srv.Join(t, room, fmt.Sprint("fan-", i), "SEND_MESSAGE")
			eve := srv.Join(t, room, "eve", "SEND_MESSAGE")
			all.Go(func() {
				<-begin
				_, _ = fan.Conn.Write(crowd)
				_, _ = eve.Conn.Write(spam)
				_ = eve.Conn.(*net.TCPConn).CloseWrite()
			})
		}
		all.Go(func() { <-begin; kick(t, srv, mod, room, round) })
		close(begin)
		all.Wait()
		mod.Say(t, lastWord)
		watch.Wait()
	}
}

// framesOf returns the bytes of requests as a client sends them.
func framesOf(requests ...string) []byte {
	var frames bytes.Buffer
	for _, request := range requests {
		// A buffer takes everything.
		_ = ws.WriteFrame(&frames, ws.MaskFrame(ws.NewTextFrame([]byte(request))))
	}
	return frames.Bytes()
}

// TestDisconnectedUserWhoGoesOnSendingGetsTheCloseFrame disconnects a user who sends
// without pause, and does not answer the Close frame for a while. Were the connection
// ended with something unread, its end could overtake the Close frame; and without
// that, official clients come back.
func TestDisconnectedUserWhoGoesOnSendingGetsTheCloseFrame(t *testing.T) {
	const rounds = 5
	srv := parleytest.Start(t)
	room := srv.CreateRoom(t, nil)
	mod := srv.Join(t, room, "mod", allCapabilities...)
	var noise []byte
	for range 100 { // Pongs that nobody asked for are legal, and have no answer
		pong := ws.MustCompileFrame(ws.MaskFrame(ws.NewPongFrame([]byte("noise"))))
		noise = append(noise, pong...)
	}
	for round := range rounds {
		eve := srv.Join(t, room, "eve")
		var sending sync.WaitGroup
		sending.Go(func() {
			for {
				if _, err := eve.Conn.Write(noise); err != nil {
					return // closed below
				}
			}
		})
		kick(t, srv, mod, room, round)
		if got := nextRaw(t, eve); got.what() != "EVENT aws:DISCONNECT_USER" {
			t.Errorf("eve got %s, want the event", got.text)
		}
		if code, reason := nextClose(t, eve); code != 1000 || reason != "spam" {
			t.Errorf("eve was closed with %d %q, want 1000 spam", code, reason)
		}
		_ = eve.Conn.Close()
		sending.Wait()
	}
}
