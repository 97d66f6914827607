package hub_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/hub"
)

// reviewer decides as messages say: "150ms spam" is decided after that time, and
// denied with the reason spam. Without a reason, it is allowed.
type reviewer struct {
	reviews   chan hub.Review // that it was asked for
	overflows atomic.Int32
}

func (r *reviewer) Review(m hub.Review) hub.Decision {
	r.reviews <- m
	delay, reason, _ := strings.Cut(m.Content, " ")
	d, err := time.ParseDuration(delay)
	if err != nil {
		panic(err)
	}
	time.Sleep(d)
	return hub.Decision{Allow: reason == "", Reason: reason,
		Content: "reviewed " + m.Content, Attributes: map[string]string{"by": "handler"}}
}

func (r *reviewer) Overflow(h parley.ReviewHandler) bool {
	r.overflows.Add(1)
	return h.Fallback == parley.FallbackAllow
}

var handler = parley.ReviewHandler{
	URI: "arn:aws:lambda:us-east-1:000000000000:function:f", Fallback: parley.FallbackAllow}

// newReviewed returns a server whose room has the review handler.
func newReviewed(t *testing.T, quotas parley.Quotas, change parley.RoomChange) (*server, *reviewer) {
	t.Helper()
	if change.ReviewHandler == nil {
		change.ReviewHandler = &handler
	}
	s := newServer(t, quotas, change)
	r := &reviewer{reviews: make(chan hub.Review, 10_000)}
	s.config.Reviewer = r
	s.Hub = hub.New(s.config)
	return s, r
}

// kick is a moderator's request.
const kick = `{"Action":"DISCONNECT_USER","UserId":"bo"}`

func TestReviewedMessageIsDeliveredAsTheHandlerReturnsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		length := 20
		s, r := newReviewed(t, nil, parley.RoomChange{MaxMessageLength: &length})
		ana, ben := s.join("ana", all), s.join("ben", 0)
		begin := time.Now()
		ana.send(`{"Action":"SEND_MESSAGE","Content":"150ms","Attributes":{"a":"b"},"RequestId":"q"}`)
		asked := <-r.reviews
		want := hub.Review{
			Handler: handler, MaxLength: 20, Room: s.room, MessageID: asked.MessageID,
			Content: "150ms", Attributes: map[string]string{"a": "b"}, Client: client,
			Sender: parley.Sender{UserID: "ana", Attributes: map[string]string{"displayName": "ANA"}},
		}
		if diff := cmp.Diff(want, asked, cmpopts.EquateComparable(client)); diff != "" {
			t.Errorf("the reviewer was asked (-want +got):\n%s", diff)
		}
		for _, u := range []*user{ana, ben} {
			want := map[string]any{"Type": "MESSAGE", "Id": asked.MessageID, "RequestId": "q",
				"Content": "reviewed 150ms", "Attributes": map[string]any{"by": "handler"},
				"SendTime": begin.UTC().Format(time.RFC3339Nano),
				"Sender":   map[string]any{"UserId": "ana", "Attributes": map[string]any{"displayName": "ANA"}}}
			if diff := cmp.Diff(want, u.next()); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		}
		if took := time.Since(begin); took != 150*time.Millisecond {
			t.Errorf("delivered after %s, want after the review, 150ms", took)
		}
	})
}

func TestDeniedMessageReachesItsSenderAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := newReviewed(t, nil, parley.RoomChange{})
		ana, anaToo, ben := s.join("ana", all), s.join("ana", all), s.join("ben", 0)
		ana.say("1ms spam, twice")
		asked := <-r.reviews
		want := map[string]any{"Type": "ERROR", "Id": asked.MessageID, "RequestId": "r",
			"ErrorCode": 406.0, "ErrorMessage": "spam, twice"}
		if diff := cmp.Diff(want, ana.next()); diff != "" {
			t.Errorf("answer (-want +got):\n%s", diff)
		}
		anaToo.wantNothing()
		ben.wantNothing()
	})
}

func TestDetachedHandlerReviewsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		detached := parley.ReviewHandler{Fallback: parley.FallbackDeny}
		s, _ := newReviewed(t, nil, parley.RoomChange{ReviewHandler: &detached})
		ana := s.join("ana", all)
		ana.say("hi")
		ana.wantMessage("hi")
	})
}

// TestRequestsOfASessionStayInOrder has requests come after one whose review is slow:
// they wait for it, and those of others do not.
func TestRequestsOfASessionStayInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newReviewed(t, nil, parley.RoomChange{})
		ana, ben := s.join("ana", all), s.join("ben", all)
		begin := time.Now()
		ana.say("150ms")
		ana.say("20ms no")
		ana.send(`{"Action":"DELETE_MESSAGE","Id":"ABCdef123456"}`)
		ana.say("10ms")
		ben.say("100ms")
		ben.wantMessage("reviewed 100ms") // it overtakes
		if took := time.Since(begin); took != 100*time.Millisecond {
			t.Errorf("ben's message was delivered after %s, want 100ms", took)
		}
		ben.wantMessage("reviewed 150ms")
		if got := ben.next(); got["EventName"] != "aws:DELETE_MESSAGE" {
			t.Errorf("received %v, want the deletion", got)
		}
		ben.wantMessage("reviewed 10ms")
		if took := time.Since(begin); took != 150*time.Millisecond {
			t.Errorf("all was delivered after %s, want 150ms: reviews go on side by side", took)
		}
		ana.send(`{"Action":"DELETE_MESSAGE","Id":"ABCdef123456"}`) // nothing waits any more
		if got := ben.next(); got["EventName"] != "aws:DELETE_MESSAGE" {
			t.Errorf("received %v, want the deletion", got)
		}
		if synctest.Wait(); len(ana.frames) != 6 { // ben's five, and the denial
			t.Errorf("ana received %d frames, want 6", len(ana.frames))
		}
	})
}

func TestOrderOfManyReviews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newReviewed(t, nil, parley.RoomChange{})
		ana := s.join("ana", all)
		var want []string
		for i := range 500 {
			content := fmt.Sprintf("%dms", i*37%199)
			ana.say(content)
			want = append(want, "reviewed "+content)
			if i%50 == 49 {
				time.Sleep(200 * time.Millisecond) // before too many are under review
			}
		}
		for _, content := range want {
			ana.wantMessage(content)
		}
	})
}

// TestReviewsOfASessionAreBounded checks that what is over the bound is decided by the
// fallback, still in order, and that what waits in line is bounded as well.
func TestReviewsOfASessionAreBounded(t *testing.T) {
	const limit, lineLimit = 64, 256
	for _, tt := range []struct {
		fallback        parley.Fallback
		allowed, denied int // by it
	}{{parley.FallbackAllow, lineLimit - limit, 0}, {parley.FallbackDeny, 0, lineLimit - limit}} {
		synctest.Test(t, func(t *testing.T) {
			handler := parley.ReviewHandler{URI: handler.URI, Fallback: tt.fallback}
			s, r := newReviewed(t, nil, parley.RoomChange{ReviewHandler: &handler})
			ana, ben := s.join("ana", all), s.join("ben", all)
			for range lineLimit {
				ana.say("100ms")
			}
			ana.wantNothing()
			if got := r.overflows.Load(); got != lineLimit-limit || len(r.reviews) != limit {
				t.Errorf("of %d messages, %d are under review and %d overflowed, want %d and %d",
					lineLimit, len(r.reviews), got, limit, lineLimit-limit)
			}
			ana.send(`{"Action":"DELETE_MESSAGE","Id":"ABCdef123456"}`)
			ana.wantError(429, "rate limit exceeded")
			ana.say("0ms")
			ana.wantError(429, "rate limit exceeded")
			for range limit {
				ben.wantMessage("reviewed 100ms")
			}
			for range tt.allowed {
				ben.wantMessage("100ms")
			}
			ben.wantNothing()
			denied := 0
			for range limit + tt.allowed + tt.denied {
				if got := ana.next(); got["ErrorCode"] == 406.0 && got["ErrorMessage"] == "Message rejected" {
					denied++
				}
			}
			if denied != tt.denied {
				t.Errorf("fallback %s denied %d messages, want %d", tt.fallback, denied, tt.denied)
			}
			ana.say("0ms")
			ana.wantMessage("reviewed 0ms")
		})
	}
}

func TestReviewsOfANodeAreBounded(t *testing.T) {
	const limit, perSession = 4096, 64
	synctest.Test(t, func(t *testing.T) {
		s, r := newReviewed(t, nil, parley.RoomChange{})
		for i := range limit / perSession {
			u := s.join(fmt.Sprint("user ", i), all)
			for range perSession {
				u.say("100ms")
			}
		}
		ana := s.join("ana", all)
		ana.say("0ms")
		ana.wantMessage("0ms") // unreviewed, at once
		if got := r.overflows.Load(); got != 1 {
			t.Errorf("%d messages overflowed, want 1", got)
		}
		time.Sleep(100 * time.Millisecond)
		for range limit {
			ana.wantMessage("reviewed 100ms")
		}
		ana.say("0ms")
		ana.wantMessage("reviewed 0ms")
	})
}

// TestWhatWaitsBehindReviewsIsBounded fills the node with messages that wait for
// one under review each, until it takes no more.
func TestWhatWaitsBehindReviewsIsBounded(t *testing.T) {
	const limit, perSession = 8192, 256
	synctest.Test(t, func(t *testing.T) {
		s, _ := newReviewed(t, nil, parley.RoomChange{})
		for i := range limit / perSession {
			u := s.join(fmt.Sprint("user ", i), all)
			for range perSession {
				u.say("100ms")
			}
		}
		ana := s.join("ana", all)
		ana.say("0ms")
		ana.wantError(429, "rate limit exceeded")
		ana.send(`{"Action":"DELETE_MESSAGE","Id":"ABCdef123456"}`) // moderators may
		if got := ana.next(); got["EventName"] != "aws:DELETE_MESSAGE" {
			t.Errorf("received %v, want the deletion", got)
		}
		time.Sleep(100 * time.Millisecond)
		for range limit {
			if got := ana.next(); got["Type"] != "MESSAGE" {
				t.Fatalf("received %v, want a message", got)
			}
		}
		ana.say("0ms")
		ana.wantMessage("reviewed 0ms")
	})
}

// TestDeniedMessagesAreForgotten denies more than may be on their way at once.
func TestDeniedMessagesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newReviewed(t, nil, parley.RoomChange{})
		ana := s.join("ana", all)
		for range 9000 {
			ana.say("0s no")
			ana.wantError(406, "no")
		}
		ana.say("0s")
		ana.wantMessage("reviewed 0s")
	})
}

// TestNothingUnderReviewFollowsADisconnection checks it for a user who stays until the
// end, and for one who leaves before.
func TestNothingUnderReviewFollowsADisconnection(t *testing.T) {
	for name, leaves := range map[string]bool{"stays": false, "leaves": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _ := newReviewed(t, nil, parley.RoomChange{})
				mod, bo := s.join("mod", all), s.join("bo", all)
				bo.say("100ms")
				bo.say("100ms with a reason")
				if leaves {
					bo.leave()
				}
				mod.send(kick)
				if got := mod.next(); got["EventName"] != "aws:DISCONNECT_USER" {
					t.Fatalf("received %v, want the disconnection", got)
				}
				time.Sleep(time.Second)
				mod.wantNothing()
				if s.bus.count != 1 {
					t.Errorf("%d events went over the bus, want the disconnection alone", s.bus.count)
				}
				if !leaves {
					bo.next() // the event
					bo.wantClose(1000, "")
				}
				again := s.join("bo", all) // it is no ban
				again.say("1ms")
				mod.wantMessage("reviewed 1ms")
			})
		})
	}
}

// TestDisconnectionsWhileReviewsGoOn has users kicked at every moment of a review.
func TestDisconnectionsWhileReviewsGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newReviewed(t, nil, parley.RoomChange{})
		mod := s.join("mod", all)
		for i := range 50 {
			bo := s.join("bo", all)
			for j := range 10 {
				bo.say(fmt.Sprintf("%dus", 100*j))
			}
			time.Sleep(time.Duration(i) * 20 * time.Microsecond)
			if err := s.DisconnectUser(t.Context(), s.room, "bo", ""); err != nil {
				t.Fatal(err)
			}
			for kicked := false; !kicked; {
				kicked = mod.next()["EventName"] == "aws:DISCONNECT_USER"
			}
			time.Sleep(time.Millisecond)
			mod.wantNothing()
		}
	})
}

// TestReviewedMessageOfASenderWhoLeft checks that it is delivered, also when nobody on
// this node is left to get it, and that the room closes then.
func TestReviewedMessageOfASenderWhoLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newReviewed(t, nil, parley.RoomChange{})
		ana, ben := s.join("ana", all), s.join("ben", 0)
		ana.say("100ms")
		ana.leave()
		ben.wantMessage("reviewed 100ms")
		ben.leave()
		synctest.Wait() // until the room is gone, too
		ana = s.join("ana", all)
		ana.say("100ms")
		ana.say("100ms denied")
		ana.leave()
		time.Sleep(time.Second)
		synctest.Wait()
		if s.bus.count != 2 || len(s.bus.rooms) != 0 {
			t.Errorf("%d events went over the bus, and %d rooms are subscribed, want 2 and 0",
				s.bus.count, len(s.bus.rooms))
		}
		if n := s.Connections(s.room.World()); n != 0 {
			t.Errorf("%d sessions are left, want none", n)
		}
	})
}

func TestSettingsAtTheStartOfAReviewCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newReviewed(t, nil, parley.RoomChange{})
		ana, ben := s.join("ana", all), s.join("ben", 0)
		ana.say("100ms")
		ana.say("100ms denied")
		one := 1
		s.rooms.update(parley.RoomChange{
			MaxMessageLength: &one, ReviewHandler: &parley.ReviewHandler{}})
		ben.wantMessage("reviewed 100ms")
		ben.wantNothing()
	})
}

// TestMessageThatIsDeletedUnderReview has a handler delete what it is about to allow.
func TestMessageThatIsDeletedUnderReview(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := newReviewed(t, nil, parley.RoomChange{})
		ana, ben := s.join("ana", all), s.join("ben", 0)
		ana.say("100ms")
		if _, err := s.DeleteMessage(t.Context(), s.room, (<-r.reviews).MessageID, ""); err != nil {
			t.Fatal(err)
		}
		for _, u := range []*user{ana, ben} {
			if got := u.next(); got["EventName"] != "aws:DELETE_MESSAGE" {
				t.Fatalf("received %v, want the deletion", got)
			}
		}
		ana.wantMessage("reviewed 100ms") // which answers the request
		ben.wantNothing()
	})
}

func TestReviewedMessageOfARoomThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newReviewed(t, nil, parley.RoomChange{})
		ana, ben := s.join("ana", all), s.join("ben", 0)
		ana.say("100ms")
		s.rooms.remove()
		ana.wantError(404, "Room not found")
		ben.wantNothing()
	})
}

func TestRatesAreCountedBeforeReview(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		two := 2
		s, r := newReviewed(t, parley.Quotas{parley.QuotaRoomMessages: 100},
			parley.RoomChange{MaxMessageRatePerSecond: &two})
		ana := s.join("ana", all)
		for range 3 {
			ana.say("100ms denied")
		}
		ana.wantError(429, "rate limit exceeded") // does not wait for the others
		ana.wantError(406, "denied")
		ana.wantError(406, "denied")
		if len(r.reviews) != 2 {
			t.Errorf("%d reviews, want 2", len(r.reviews))
		}
	})
}

// TestDrainWaitsForReviews has a review take longer than a drain waits for the bus.
func TestDrainWaitsForReviews(t *testing.T) {
	for name, over := range map[string]time.Duration{"at once": 0, "little by little": 10 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _ := newReviewed(t, nil, parley.RoomChange{})
				var users []*user
				for i := range 5 {
					users = append(users, s.join(fmt.Sprint("user ", i), all))
				}
				gone := s.join("gone", all)
				gone.say("5s")
				gone.leave()
				for _, u := range users {
					u.say("4s denied")
				}
				s.Drain(t.Context(), over)
				for _, u := range users {
					u.wantError(406, "denied")
				}
				if s.bus.count != 1 {
					t.Errorf("%d events went over the bus, want that of who left", s.bus.count)
				}
			})
		})
	}
}

func TestDrainThatIsCutShortEndsWithTheReviews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newReviewed(t, nil, parley.RoomChange{})
		ana := s.join("ana", all)
		ana.say("4s")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		begin := time.Now()
		s.Drain(ctx, time.Hour)
		if took := time.Since(begin); took != 4*time.Second {
			t.Errorf("the drain took %s, want as long as the review, 4s", took)
		}
		if frame, ok := <-ana.frames; ok {
			t.Errorf("received %s, want the connection dropped at once", frame.Payload)
		}
	})
}
