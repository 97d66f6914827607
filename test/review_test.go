package test

// Review of messages by a started server: what handlers get, what becomes of messages,
// and how long they may take.

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/app/config"
	"github.com/parley-chat/parley/internal/parleytest"
	"github.com/parley-chat/parley/internal/review"
)

// reviewFunction is the handler of rooms whose messages are reviewed here.
const reviewFunction = "arn:aws:lambda:us-east-1:000000000000:function:moderate"

// reviewed are the settings of a room with a fallback.
func reviewed(fallback string) map[string]any {
	return map[string]any{"maximumMessageRatePerSecond": 100, "messageReviewHandler": map[string]any{
		"uri": reviewFunction, "fallbackResult": fallback}}
}

// reviewPayload is what a handler gets.
type reviewPayload struct {
	Content    string
	MessageID  string `json:"MessageId"`
	RoomARN    string `json:"RoomArn"`
	Attributes map[string]string
	Sender     struct {
		UserID     string `json:"UserId"`
		Attributes map[string]string
		IP         string `json:"Ip"`
	}
}

// webhook starts a server that answers messages as decide says. It returns the option
// of a server whose messages it reviews.
func webhook(t *testing.T, decide func(reviewPayload) string) func(*app.Config) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			return
		}
		var p reviewPayload
		if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
			t.Errorf("the handler got no JSON: %v", err)
		}
		_, _ = io.WriteString(w, decide(p))
	}))
	t.Cleanup(server.Close)
	t.Setenv("REVIEW_SECRET", "secret")
	return func(cfg *app.Config) {
		cfg.Review.Targets = append(cfg.Review.Targets, review.TargetConfig{
			ARN: "arn:aws:lambda:us-east-1:*:function:mod*", Concurrency: 200,
			Webhook: &review.WebhookConfig{URL: server.URL,
				SecretConfig: review.SecretConfig{SecretEnv: "REVIEW_SECRET"}}})
	}
}

// slowly gives reviews more time than a busy machine needs.
func slowly(cfg *app.Config) { cfg.Review.Timeout = 10 * time.Second }

func allowed(content string) string {
	return fmt.Sprintf(`{"ReviewResult":"ALLOW","Content":%q}`, content)
}

func TestReviewByWebhook(t *testing.T) {
	var got reviewPayload
	srv := parleytest.Start(t, slowly, webhook(t, func(p reviewPayload) string {
		got = p
		if p.Content == "spam" {
			return `{"ReviewResult":"DENY","Attributes":{"Reason":"no spam here"}}`
		}
		return `{"ReviewResult":"ALLOW","Content":"reviewed","Attributes":{"by":"handler"}}`
	}))
	room := srv.CreateRoom(t, reviewed("DENY"))
	ana, ben := srv.Join(t, room, "ana", "SEND_MESSAGE"), srv.Join(t, room, "ben")
	ana.Send(t, `{"Action":"SEND_MESSAGE","Content":"hi","Attributes":{"a":"b"},"RequestId":"q"}`)
	for _, u := range []*parleytest.User{ana, ben} {
		frame := u.Next(t)
		if frame.Content != "reviewed" || frame.ID != got.MessageID || frame.RequestID != "q" ||
			frame.Attributes["by"] != "handler" {
			t.Errorf("%s received %+v, want what the handler returned under %s", u.ID, frame, got.MessageID)
		}
	}
	want := reviewPayload{Content: "hi", MessageID: got.MessageID, RoomARN: room,
		Attributes: map[string]string{"a": "b"}}
	want.Sender.UserID, want.Sender.IP = "ana", "127.0.0.1"
	want.Sender.Attributes = map[string]string{"displayName": "ana"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the handler got (-want +got):\n%s", diff)
	}
	ana.Say(t, "spam")
	if frame := ana.Next(t); frame.ErrorCode != 406 || frame.ErrorMessage != "no spam here" || frame.ID != got.MessageID {
		t.Errorf("received %+v, want ERROR 406 with the reason", frame)
	}
	ana.Say(t, "bye")
	if frame := ben.Next(t); frame.Content != "reviewed" {
		t.Errorf("ben received %+v after a denied message, want the next one", frame)
	}
}

// TestReviewKnowsClientsBehindProxies has sessions come through a balancer that speaks
// the PROXY protocol.
func TestReviewKnowsClientsBehindProxies(t *testing.T) {
	for client, want := range map[string]string{
		"203.0.113.7:4711":          "203.0.113.7",
		"[2001:DB8:0::7]:4711":      "2001:db8::7",
		"[::ffff:203.0.113.8]:4711": "203.0.113.8",
	} {
		ip := make(chan string, 1)
		srv := parleytest.StartOne(t, balanced, slowly, webhook(t, func(p reviewPayload) string {
			ip <- p.Sender.IP
			return allowed(p.Content)
		}))
		c := parleytest.Anonymous(t, balancer(t, srv, 2, client)).As("test", "test")
		ana := c.Join(t, c.CreateRoom(t, reviewed("ALLOW")), "ana", "SEND_MESSAGE")
		ana.Say(t, "hi")
		if got := <-ip; got != want {
			t.Errorf("the handler was told %s of the client %s, want %s", got, client, want)
		}
		ana.Next(t)
	}
}

// TestReviewKeepsTheOrderOfSessions has one session's messages take turns in being slow,
// and another's come in between.
func TestReviewKeepsTheOrderOfSessions(t *testing.T) {
	for _, pl := range planes {
		t.Run(pl.name, func(t *testing.T) {
			release := make(chan struct{})
			srv := pl.start(t, slowly, webhook(t, func(p reviewPayload) string {
				if strings.HasPrefix(p.Content, "slow") {
					<-release
				}
				return allowed(p.Content)
			}))
			room := srv.CreateRoom(t, reviewed("DENY"))
			ana, ben := srv.Join(t, room, "ana", allCapabilities...), srv.Join(t, room, "ben", "SEND_MESSAGE")
			for i := range 10 {
				ana.Say(t, fmt.Sprint("slow ", i))
				ana.Say(t, fmt.Sprint("fast ", i))
			}
			ana.Send(t, `{"Action":"DELETE_MESSAGE","Id":"AbCdEfGh1234"}`)
			ben.Say(t, "overtakes")
			if frame := ben.Next(t); frame.Content != "overtakes" {
				t.Errorf("ben received %+v, want his own message before ana's", frame)
			}
			close(release)
			for i := range 10 {
				for _, kind := range []string{"slow ", "fast "} {
					if frame := ben.Next(t); frame.Content != fmt.Sprint(kind, i) {
						t.Errorf("ben received %+v, want %s%d", frame, kind, i)
					}
				}
			}
			if frame := ben.Next(t); frame.EventName != "aws:DELETE_MESSAGE" {
				t.Errorf("ben received %+v, want the deletion after all", frame)
			}
		})
	}
}

// TestReviewClock has a handler take less and more time than it has, 1,000 times each and
// at once. Exactly at the limit, this is tested in internal/review, where time does not
// pass by itself: here, a busy machine may take longer than the handler.
func TestReviewClock(t *testing.T) {
	const sessions, want, most = 25, 1000, 2 * time.Minute
	srv := parleytest.StartOne(t, noQuotas,
		webhook(t, func(p reviewPayload) string {
			takes, err := time.ParseDuration(p.Content)
			if err != nil {
				t.Error(err)
			}
			<-time.After(takes)
			return allowed(p.Content)
		}))
	var slow, quick reviews
	var all sync.WaitGroup
	begin := time.Now()
	for range sessions {
		// Each session is in a room of its own, so that it gets no frames but its own.
		ana := srv.Join(t, srv.CreateRoom(t, reviewed("DENY")), "slow", "SEND_MESSAGE")
		ben := srv.Join(t, srv.CreateRoom(t, reviewed("DENY")), "quick", "SEND_MESSAGE")
		all.Go(func() {
			for slow.late.Load() < want && time.Since(begin) < most && slow.review(t, ana, "1s") {
			}
		})
		all.Go(func() { // as long as the slow ones, so that the handler does not seem to be dead
			for (slow.late.Load() < want || quick.decided.Load() < want) &&
				time.Since(begin) < most && quick.review(t, ben, "20ms") {
			}
		})
	}
	all.Wait()
	if n := slow.decided.Load(); n > 0 {
		t.Errorf("a handler that takes 1s decided on %d messages", n)
	}
	if n := slow.late.Load(); n < want {
		t.Errorf("%d messages were denied since a handler takes 1s, want %d", n, want)
	}
	if n := quick.decided.Load(); n < want {
		t.Errorf("a handler that takes 20ms decided on %d messages, want at least %d", n, want)
	}
	// When all are late, on a busy machine, the server does not wait for a while.
	if n := slow.early.Load() + quick.early.Load(); n > 0 && quick.late.Load() == 0 {
		t.Errorf("%d messages were denied before the time of their review was over", n)
	}
}

// reviews counts what came of messages under review.
type reviews struct {
	decided     atomic.Int64 // by the handler, which allows all
	late, early atomic.Int64 // denied when the time was over, and before
}

// review sends a message, whose handler takes what its content says. It reports whether
// there was a proper answer.
func (r *reviews) review(t *testing.T, u *parleytest.User, content string) (ok bool) {
	begin := time.Now()
	trySend(t, u, fmt.Sprintf(`{"Action":"SEND_MESSAGE","Content":%q}`, content))
	frame, err := u.Read()
	switch took := time.Since(begin); {
	case err != nil || frame.ErrorCode != 0 && frame.ErrorCode != 406:
		t.Errorf("a message whose review takes %s was answered with %+v after %s (%v)",
			content, frame, took, err)
		return false
	case frame.ErrorCode == 0:
		r.decided.Add(1)
	case took >= 200*time.Millisecond:
		r.late.Add(1)
	default:
		r.early.Add(1)
		<-time.After(50 * time.Millisecond)
	}
	return true
}

// TestReviewOutlivesItsSender has the sender leave while a message is under review, and
// the server stop.
func TestReviewOutlivesItsSender(t *testing.T) {
	asked, release := make(chan struct{}, 10), make(chan struct{})
	srv := parleytest.StartOne(t, slowly, webhook(t, func(p reviewPayload) string {
		asked <- struct{}{}
		<-release
		return allowed(p.Content)
	}))
	room := srv.CreateRoom(t, reviewed("DENY"))
	ana, ben := srv.Join(t, room, "ana", "SEND_MESSAGE"), srv.Join(t, room, "ben", "SEND_MESSAGE")
	ana.Say(t, "a last word")
	<-asked
	_ = ana.Conn.Close()
	ben.Say(t, "accepted before the end")
	<-asked
	stopped := make(chan error)
	go func() { stopped <- srv.Close() }()
	for { // until the server has begun to stop
		conn, err := net.Dial("tcp", srv.Addr().String())
		if err != nil {
			break
		}
		_ = conn.Close()
	}
	close(release)
	got := []string{ben.Next(t).Content, ben.Next(t).Content}
	if !cmp.Equal(got, []string{"a last word", "accepted before the end"}) &&
		!cmp.Equal(got, []string{"accepted before the end", "a last word"}) {
		t.Errorf("ben received %q, want both messages", got)
	}
	if frame, err := ben.Read(); err == nil {
		t.Errorf("ben received %+v, want the connection dropped", frame)
	}
	if err := <-stopped; err != nil {
		t.Errorf("stop: %v", err)
	}
}

// TestReviewByRules needs nothing but the server, whose rules are then changed.
func TestReviewByRules(t *testing.T) {
	rules := func(words ...string) func(*app.Config) {
		return func(cfg *app.Config) {
			cfg.Listen, cfg.AdminListen, cfg.Dev = "127.0.0.1:0", "127.0.0.1:0", true
			cfg.Review.Targets = []review.TargetConfig{{ARN: reviewFunction,
				Rules: &review.RulesConfig{Words: words}}}
		}
	}
	srv := parleytest.StartOne(t, rules("darn"))
	ana := srv.Join(t, srv.CreateRoom(t, reviewed("DENY")), "ana", "SEND_MESSAGE")
	wantCodes := func(codes map[string]int) {
		t.Helper()
		for content, want := range codes {
			if got := answerTo(t, ana, content); got != want {
				t.Errorf("%q is answered with %d, want %d", content, got, want)
			}
		}
	}
	wantCodes(map[string]int{"darn": 406, "heck": 0})
	cfg := config.Default()
	rules("heck")(&cfg)
	if err := srv.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	wantCodes(map[string]int{"darn": 0, "heck": 406})
	cfg.Review.Timeout = 1
	if err := srv.Reload(cfg); err == nil {
		t.Error("wrong settings were accepted")
	}
	wantCodes(map[string]int{"darn": 0, "heck": 406})
}

// TestStrictMapping refuses handlers that no target is for.
func TestStrictMapping(t *testing.T) {
	const other = "arn:aws:lambda:us-east-1:000000000000:function:other"
	handler := func(uri string) map[string]any {
		return map[string]any{"messageReviewHandler": map[string]any{"uri": uri}}
	}
	for _, strict := range []bool{true, false} {
		srv := parleytest.Start(t, func(cfg *app.Config) {
			cfg.Review = review.Config{Strict: strict, Targets: []review.TargetConfig{{ARN: reviewFunction,
				Rules: &review.RulesConfig{NoLinks: true}}}}
		})
		room := srv.CreateRoom(t, handler(reviewFunction))
		for _, uri := range []string{reviewFunction, ""} {
			update(t, srv, room, handler(uri))
		}
		in := handler(other)
		for _, operation := range []string{"CreateRoom", "UpdateRoom"} {
			if in["identifier"] = room; operation == "CreateRoom" {
				delete(in, "identifier")
			}
			a := srv.Call(t, operation, in)
			message, _ := a.Body["message"].(string)
			refused := a.Status == 400 && a.Error == "ValidationException" &&
				strings.Contains(message, "messageReviewHandler.uri")
			if refused != strict {
				t.Errorf("strict %v: %s with another function answers %+v", strict, operation, a)
			}
		}
	}
}
