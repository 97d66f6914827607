package hub_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/fanout"
	"github.com/parley-chat/parley/internal/hub"
	"github.com/parley-chat/parley/internal/metrics"
	"github.com/parley-chat/parley/internal/parleytest"
)

// bus carries events within one process: each room's events are delivered from
// one goroutine, in the order of publishing.
type bus struct {
	mu    sync.Mutex
	rooms map[parley.ARN]chan []byte
	fail  error         // of every call
	hold  chan struct{} // if not nil, nothing is delivered until it is closed
	lose  bool          // events do not arrive
	count int           // of the events published
	lost  func()        // of the last subscription

	confirmed atomic.Int64 // events that were published with PublishConfirmed
}

func (b *bus) Takes() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.fail
}

func (b *bus) Publish(_ context.Context, room parley.ARN, event []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		return b.fail
	}
	b.count++
	if events, ok := b.rooms[room]; ok && !b.lose {
		events <- event
	}
	return nil
}

func (b *bus) PublishConfirmed(ctx context.Context, room parley.ARN, event []byte) error {
	b.confirmed.Add(1)
	return b.Publish(ctx, room, event)
}

func (b *bus) Exchange(func() []byte, func(uint64, []byte), func(uint64)) {}

func (b *bus) Subscribe(
	ctx context.Context, room parley.ARN, deliver func([]byte), lost func(),
) (func(), error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := errors.Join(b.fail, ctx.Err()); err != nil {
		return nil, err
	}
	if b.rooms[room] != nil {
		return nil, fmt.Errorf("room %s is subscribed twice", room)
	}
	events, done := make(chan []byte, 20_000), make(chan struct{})
	b.rooms[room] = events
	b.lost = lost
	go func() {
		defer close(done)
		for event := range events {
			b.mu.Lock()
			hold := b.hold
			b.mu.Unlock()
			if hold != nil {
				<-hold
			}
			deliver(event)
		}
	}()
	return func() {
		b.mu.Lock()
		delete(b.rooms, room)
		b.mu.Unlock()
		close(events)
		<-done
	}, nil
}

// setHold replaces hold and returns the old one.
func (b *bus) setHold(hold chan struct{}) chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.hold
	b.hold = hold
	return old
}

// client is the address of every session's client.
var client = netip.MustParseAddr("2001:db8::7")

// oneRoom holds the settings of a room.
type oneRoom struct {
	mu   sync.Mutex // guards room
	room *parley.Room
}

func (r *oneRoom) Room(arn parley.ARN) (parley.Room, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.room == nil || r.room.ARN != arn {
		return parley.Room{}, arn.NotFound()
	}
	return *r.room, nil
}

func (r *oneRoom) FindRoom(_ context.Context, arn parley.ARN) (parley.Room, error) {
	return r.Room(arn)
}

func (r *oneRoom) update(change parley.RoomChange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	changed := r.room.With(change, time.Now())
	r.room = &changed
}

func (r *oneRoom) remove() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.room = nil
}

// server is a hub with one room.
type server struct {
	*hub.Hub
	config hub.Config
	t      *testing.T
	bus    *bus
	rooms  *oneRoom
	room   parley.ARN
}

func newServer(t *testing.T, quotas parley.Quotas, change parley.RoomChange) *server {
	t.Helper()
	room := parley.NewRoom(parley.World{Region: "us-east-1", Account: "000000000000"}, change, nil, time.Now())
	s := &server{t: t, bus: &bus{rooms: map[parley.ARN]chan []byte{}},
		rooms: &oneRoom{room: &room}, room: room.ARN}
	engine, err := fanout.NewEngine(0) // bubbles have no real sockets
	if err != nil {
		t.Fatal(err)
	}
	s.config = hub.Config{
		Bus: s.bus, Rooms: s.rooms, Engine: engine, Quotas: quotas,
		Metrics: metrics.New(), Log: slog.New(slog.DiscardHandler),
	}
	s.Hub = newHub(s)
	return s
}

func newHub(s *server) *hub.Hub { return hub.New(s.config) }

// limit makes it a server that takes so many sessions.
func (s *server) limit(sessions int) {
	s.config.MaxSessions = sessions
	s.Hub = hub.New(s.config)
}

// user is a session and what its client receives.
type user struct {
	*hub.Session
	t      *testing.T
	conn   net.Conn
	frames chan ws.Frame // closed at the end of the connection
	gone   chan struct{} // closed when the session has ended
}

// Receive implements fanout.Receiver. Requests are handed to the session directly.
func (u *user) Receive([]byte) fanout.Progress { return fanout.Between }

func (u *user) Ended(cause error) {
	u.Session.Ended(cause)
	close(u.gone)
}

// leave closes the client's end and waits for the session's.
func (u *user) leave() {
	_ = u.conn.Close()
	<-u.gone
}

func (s *server) token(userID string, can parley.Capabilities) parley.Token {
	return parley.NewToken(parley.TokenRequest{Room: s.room, UserID: userID, Capabilities: can,
		Attributes: map[string]string{"displayName": strings.ToUpper(userID)}, SessionMinutes: 1}, time.Now())
}

func (s *server) join(userID string, can parley.Capabilities) *user {
	s.t.Helper()
	session, err := s.Join(s.t.Context(), s.token(userID, can), client)
	if err != nil {
		s.t.Fatalf("join as %s: %v", userID, err)
	}
	return s.start(session)
}

// start begins to serve a session.
func (s *server) start(session *hub.Session) *user {
	near, far := net.Pipe()
	u := &user{Session: session, t: s.t, conn: far,
		frames: make(chan ws.Frame, 10_000), gone: make(chan struct{})}
	session.Start(near, nil, u)
	go func() {
		defer close(u.frames)
		for {
			frame, err := parleytest.ReadFrame(far)
			if err != nil {
				return
			}
			u.frames <- frame
		}
	}()
	s.t.Cleanup(u.leave)
	return u
}

// send hands a request to the session, as its reader would.
func (u *user) send(request string) { u.Request([]byte(request)) }

func (u *user) say(content string) {
	u.send(fmt.Sprintf(`{"Action":"SEND_MESSAGE","Content":%q,"RequestId":"r"}`, content))
}

// next returns the next frame's JSON.
func (u *user) next() map[string]any {
	u.t.Helper()
	frame, ok := <-u.frames
	if !ok || frame.Header.OpCode != ws.OpText {
		u.t.Fatalf("received %v (open: %v), want a text frame", frame.Header, ok)
	}
	var got map[string]any
	if err := json.Unmarshal(frame.Payload, &got); err != nil {
		u.t.Fatalf("received %s: %v", frame.Payload, err)
	}
	return got
}

func (u *user) wantMessage(content string) {
	u.t.Helper()
	if got := u.next(); got["Type"] != "MESSAGE" || got["Content"] != content {
		u.t.Fatalf("received %v, want the message %q", got, content)
	}
}

func (u *user) wantError(code int, text string) {
	u.t.Helper()
	got := u.next()
	if got["Type"] != "ERROR" || got["ErrorCode"] != float64(code) || got["ErrorMessage"] != text {
		u.t.Fatalf("received %v, want ERROR %d %q", got, code, text)
	}
}

// wantClose reads a Close frame.
func (u *user) wantClose(code int, reason string) {
	u.t.Helper()
	frame := <-u.frames
	gotCode, gotReason := ws.ParseCloseFrameData(frame.Payload)
	if frame.Header.OpCode != ws.OpClose || int(gotCode) != code || gotReason != reason {
		u.t.Fatalf("received %+v %d %q, want Close %d %q", frame.Header, gotCode, gotReason, code, reason)
	}
}

// wantNothing waits until everything has settled.
func (u *user) wantNothing() {
	u.t.Helper()
	synctest.Wait()
	select {
	case frame, ok := <-u.frames:
		u.t.Fatalf("received %s (open: %v), want nothing", frame.Payload, ok)
	default:
	}
}

const all = parley.SendMessage | parley.DeleteMessage | parley.DisconnectUser

func TestMessageReachesEverySessionAsOneFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, nil, parley.RoomChange{})
		ana, anaToo, ben := s.join("ana", all), s.join("ana", all), s.join("ben", 0)
		ana.send(`{"Action":"SEND_MESSAGE","Content":"goal! ⚽ <b>","Attributes":{"kind":"cheer"},"RequestId":"7d0f"}`)
		first := <-ana.frames
		got := map[string]any{}
		if err := json.Unmarshal(first.Payload, &got); err != nil {
			t.Fatal(err)
		}
		id := got["Id"].(string)
		if !parley.ValidID(id) {
			t.Errorf("Id %q, want 12 letters and digits", id)
		}
		want := fmt.Sprintf(`{"Type":"MESSAGE","Id":"%s","RequestId":"7d0f","Attributes":{"kind":"cheer"},`+
			`"Content":"goal! ⚽ <b>","SendTime":"%s","Sender":{"UserId":"ana","Attributes":{"displayName":"ANA"}}}`,
			id, time.Now().UTC().Format(time.RFC3339Nano))
		if diff := cmp.Diff(want, string(first.Payload)); diff != "" {
			t.Errorf("frame (-want +got):\n%s", diff)
		}
		for _, u := range []*user{anaToo, ben} {
			if frame := <-u.frames; string(frame.Payload) != string(first.Payload) {
				t.Errorf("another session received %s, want the same frame", frame.Payload)
			}
		}
	})
}

func TestRequestIdAndAttributesWhenNoneAreGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, nil, parley.RoomChange{})
		ana := s.join("ana", all)
		for _, attributes := range []string{``, `,"Attributes":null`} {
			ana.send(`{"action":"SEND_MESSAGE","content":"hi","id":"ignored"` + attributes + `}`)
			got := ana.next()
			if id, ok := got["RequestId"]; !ok || id != "" {
				t.Errorf("RequestId %v (present: %v), want \"\"", id, ok)
			}
			if a, ok := got["Attributes"]; !ok || a != nil {
				t.Errorf("Attributes %v (present: %v), want null", a, ok)
			}
		}
	})
}

func TestBadRequestsAreAnswered(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	const missing = "1 validation error detected: Value at '%s' failed to satisfy constraint: Member must not be null"
	for _, tt := range []struct {
		name, request string
		code          int
		requestID     string
		text          string
	}{
		{"not JSON", `hello`, 400, "", "The request is not valid JSON."},
		{"empty", ``, 400, "", "The request is empty."},
		{"an array", `[1]`, 400, "", "The request is not a JSON object."},
		{"no action", `{"RequestId":"q"}`, 400, "q", "Action is missing or unknown."},
		{"lower-case action", `{"Action":"send_message","RequestId":"q"}`, 400, "q", "Action is missing or unknown."},
		{"no content", `{"Action":"SEND_MESSAGE","RequestId":"q"}`, 400, "q", fmt.Sprintf(missing, "Content")},
		{"empty content", `{"Action":"SEND_MESSAGE","Content":"","RequestId":"q"}`, 400, "q", "Content must not be empty"},
		{"content too long", `{"Action":"SEND_MESSAGE","Content":"` + strings.Repeat("⚽", 501) + `","RequestId":"q"}`, 400, "q",
			"Message exceeds maximum length"},
		{"attribute not a string", `{"Action":"SEND_MESSAGE","Content":"x","Attributes":{"a":1},"RequestId":"q"}`, 400, "q",
			"1 validation error detected: Value at 'Attributes' failed to satisfy constraint: NUMBER_VALUE can not be converted to a String"},
		{"attributes too large", `{"Action":"SEND_MESSAGE","Content":"x","Attributes":{"a":"` + long(1024) + `"},"RequestId":"q"}`, 413, "q",
			"Attributes is too large"},
		{"request id too long", `{"Action":"SEND_MESSAGE","Content":"x","RequestId":"` + long(257) + `"}`, 413, long(257), "RequestId is too large"},
		{"message too large", `{"Action":"SEND_MESSAGE","RequestId":"q","Content":"` + long(16<<10) + `"}`, 413, "q", "The request is too large."},
		{"id too short", `{"Action":"DELETE_MESSAGE","Id":"short","RequestId":"q"}`, 400, "q", "Id must have exactly 12 letters and digits"},
		{"no id", `{"Action":"DELETE_MESSAGE","RequestId":"q"}`, 400, "q", fmt.Sprintf(missing, "Id")},
		{"reason too long", `{"Action":"DELETE_MESSAGE","Id":"ABCdef123456","Reason":"` + long(257) + `"}`, 413, "", "Reason is too large"},
		{"no user id", `{"Action":"DISCONNECT_USER","RequestId":"q"}`, 400, "q", fmt.Sprintf(missing, "UserId")},
		{"user id too long", `{"Action":"DISCONNECT_USER","UserId":"` + long(129) + `"}`, 400, "", "UserId must have 1 to 128 characters"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t, nil, parley.RoomChange{})
				ana, ben := s.join("ana", all), s.join("ben", all)
				ana.send(tt.request)
				got := ana.next()
				if id, _ := got["Id"].(string); !parley.ValidID(id) {
					t.Errorf("Id %v, want 12 letters and digits", got["Id"])
				}
				delete(got, "Id")
				want := map[string]any{"Type": "ERROR", "RequestId": tt.requestID,
					"ErrorCode": float64(tt.code), "ErrorMessage": tt.text}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("ERROR frame (-want +got):\n%s", diff)
				}
				ana.wantNothing()
				ben.wantNothing()
				ana.say("still here")
				ana.wantMessage("still here")
			})
		})
	}
}

func TestLimitsPassAtTheLimit(t *testing.T) {
	for _, tt := range []struct{ name, request string }{
		{"500 code points", `{"Action":"SEND_MESSAGE","Content":"` + strings.Repeat("⚽", 500) + `"}`},
		{"lone surrogates count one each", `{"Action":"SEND_MESSAGE","Content":"` + strings.Repeat(`\ud800`, 500) + `"}`},
		{"1024 bytes of attributes", `{"Action":"SEND_MESSAGE","Content":"x","Attributes":{"a":"` + strings.Repeat("x", 1023) + `"}}`},
		{"request id of 256", `{"Action":"SEND_MESSAGE","Content":"x","RequestId":"` + strings.Repeat("é", 256) + `"}`},
		{"reason of 256", `{"Action":"DELETE_MESSAGE","Id":"ABCdef123456","Reason":"` + strings.Repeat("é", 256) + `"}`},
		{"reason empty", `{"Action":"DELETE_MESSAGE","Id":"ABCdef123456","Reason":""}`},
		{"reason null", `{"Action":"DELETE_MESSAGE","Id":"ABCdef123456","Reason":null}`},
		{"user id of 128", `{"Action":"DISCONNECT_USER","UserId":"` + strings.Repeat("é", 128) + `"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ana := newServer(t, nil, parley.RoomChange{}).join("ana", all)
				ana.send(tt.request)
				if got := ana.next(); got["Type"] == "ERROR" {
					t.Errorf("received %v, want success", got)
				}
			})
		})
	}
}

func TestCapabilities(t *testing.T) {
	requests := map[parley.Capabilities]string{
		parley.SendMessage:    `{"Action":"SEND_MESSAGE","Content":"x"}`,
		parley.DeleteMessage:  `{"Action":"DELETE_MESSAGE","Id":"ABCdef123456"}`,
		parley.DisconnectUser: `{"Action":"DISCONNECT_USER","UserId":"nobody"}`,
	}
	synctest.Test(t, func(t *testing.T) {
		for has := range requests {
			u := newServer(t, nil, parley.RoomChange{}).join("ana", has)
			for needs, request := range requests {
				u.send(request)
				got := u.next()
				if needs == has {
					if got["Type"] == "ERROR" {
						t.Errorf("with the right to it, %s: %v", request, got)
					}
					continue
				}
				text, _ := got["ErrorMessage"].(string)
				if got["ErrorCode"] != 403.0 || !strings.HasPrefix(text, "Forbidden") {
					t.Errorf("without the right to it, %s: %v, want 403 Forbidden…", request, got)
				}
			}
		}
	})
}

func TestRoomSettingsApplyToOpenSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, nil, parley.RoomChange{})
		ana := s.join("ana", all)
		three := 3
		s.rooms.update(parley.RoomChange{MaxMessageLength: &three})
		ana.say("four")
		ana.wantError(400, "Message exceeds maximum length")
		ana.say("two")
		ana.wantMessage("two")
		s.rooms.remove()
		ana.say("two")
		ana.wantError(404, "Room not found")
		ana.send(`{"Action":"DISCONNECT_USER","UserId":"ana"}`)
		ana.wantError(404, "Room not found")
	})
}

func TestRates(t *testing.T) {
	for _, tt := range []struct {
		name    string
		quotas  parley.Quotas
		room    int // messages a second
		request string
		want    int // accepted in one burst
	}{
		{"connection", parley.Quotas{parley.QuotaConnectionRequests: 10}, 100, `{"Action":"SEND_MESSAGE","Content":"x"}`, 10},
		{"room", parley.Quotas{parley.QuotaRoomMessages: 100}, 7, `{"Action":"SEND_MESSAGE","Content":"x"}`, 7},
		{"room, under a lower ceiling", parley.Quotas{parley.QuotaRoomMessages: 5}, 7, `{"Action":"SEND_MESSAGE","Content":"x"}`, 5},
		{"room, without a ceiling", parley.Quotas{parley.QuotaRoomMessages: 0}, 7, `{"Action":"SEND_MESSAGE","Content":"x"}`, 7},
		{"account", parley.Quotas{parley.QuotaMessages: 4}, 100, `{"Action":"SEND_MESSAGE","Content":"x"}`, 4},
		{"deletes", parley.Quotas{parley.QuotaDeletes: 3}, 1, `{"Action":"DELETE_MESSAGE","Id":"ABCdef123456"}`, 3},
		{"disconnects", parley.Quotas{parley.QuotaDisconnects: 3}, 1, `{"Action":"DISCONNECT_USER","UserId":"nobody"}`, 3},
		{"none", nil, 1, `{"Action":"SEND_MESSAGE","Content":"x"}`, 50},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t, tt.quotas, parley.RoomChange{MaxMessageRatePerSecond: &tt.room})
				ana := s.join("ana", all)
				burst := func() (accepted int) {
					for range 50 {
						ana.send(tt.request)
					}
					for range 50 {
						if got := ana.next(); got["Type"] != "ERROR" {
							accepted++
						} else if got["ErrorCode"] != 429.0 || got["ErrorMessage"] != "rate limit exceeded" {
							t.Fatalf("received %v, want 429 with the documented text", got)
						}
					}
					return accepted
				}
				if got := burst(); got != tt.want {
					t.Errorf("a first burst of 50: %d accepted, want %d", got, tt.want)
				}
				time.Sleep(500 * time.Millisecond) // half of it comes back
				if got, want := burst(), min(50, max(tt.want/2, tt.want*50/100)); tt.quotas != nil && got != want {
					t.Errorf("half a second later: %d accepted, want %d", got, want)
				}
			})
		})
	}
}

func TestConnectionQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, parley.Quotas{parley.QuotaConnections: 2}, parley.RoomChange{})
		s.join("ana", all)
		second, err := s.Join(t.Context(), s.token("ben", 0), client)
		if err != nil {
			t.Fatalf("second connection: %v", err)
		}
		if _, err := s.Join(t.Context(), s.token("cyd", 0), client); parley.CodeOf(err) != parley.Throttled {
			t.Errorf("third connection: %v, want throttled", err)
		}
		second.Leave()
		s.join("cyd", 0)
	})
}

func TestSessionEndsWhenItExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ana := newServer(t, nil, parley.RoomChange{}).join("ana", all)
		start := time.Now()
		if frame := <-ana.frames; frame.Header.OpCode != ws.OpPing {
			t.Fatalf("received %+v, want a Ping", frame.Header)
		}
		time.Sleep(time.Second) // so that the next is not due when the session ends
		if err := ws.WriteFrame(ana.conn, ws.MaskFrame(ws.NewPongFrame(nil))); err != nil {
			t.Fatal(err)
		}
		ana.wantError(401, "Session expired")
		if got := time.Since(start); got != time.Minute {
			t.Errorf("expired after %s, want 1m0s", got)
		}
		ana.wantClose(1000, `{"ErrorCode":401,"ErrorMessage":"Session expired"}`)
		ana.say("too late")
		ana.PeerClosed(1000)
		if frame, ok := <-ana.frames; ok {
			t.Errorf("received %s after the Close frame", frame.Payload)
		}
	})
}

func TestBinaryMessageIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ana := newServer(t, parley.Quotas{parley.QuotaConnectionRequests: 1}, parley.RoomChange{}).join("ana", all)
		ana.RefuseBinary()
		ana.wantError(400, "Requests must be text messages.")
		ana.RefuseBinary()
		ana.wantError(429, "rate limit exceeded")
	})
}

func TestJoinFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, nil, parley.RoomChange{})
		s.bus.fail = errors.New("the bus is away")
		if _, err := s.Join(t.Context(), s.token("ana", all), client); !errors.Is(err, s.bus.fail) {
			t.Errorf("without a bus: %v, want its error", err)
		}
		s.bus.fail = nil
		ana := s.join("ana", all) // the failed try left nothing behind
		ana.say("hi")
		ana.wantMessage("hi")
		gone := s.token("ben", all)
		gone.Room.ID = "gone"
		if _, err := s.Join(t.Context(), gone, client); parley.CodeOf(err) != parley.NotFound {
			t.Errorf("room that does not exist: %v, want not found", err)
		}
	})
}

// TestSubscriptionIsNotItsFirstCallersOwn has the first to join a room go away while
// the room is subscribed, for which others may wait.
func TestSubscriptionIsNotItsFirstCallersOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, nil, parley.RoomChange{})
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		session, err := s.Join(gone, s.token("ana", all), client)
		if err != nil {
			t.Fatalf("join with a context that is done: %v, want the subscription to go on", err)
		}
		session.Leave()
	})
}

func TestFailedPublishIsAnsweredAndForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, nil, parley.RoomChange{})
		ana := s.join("ana", all)
		s.bus.fail = errors.New("the bus is away")
		for range 9000 { // more than may be on the bus at once
			ana.say("hi")
			ana.wantError(500, "Internal error")
		}
		s.bus.fail = nil
		ana.say("back")
		ana.wantMessage("back")
	})
}

func TestWhatIsOnTheBusIsBounded(t *testing.T) {
	const limit = 8192
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, nil, parley.RoomChange{})
		ana := s.join("ana", all)
		s.bus.setHold(make(chan struct{}))
		for range limit {
			ana.say("hi")
		}
		ana.say("one too many")
		ana.wantError(429, "rate limit exceeded")
		close(s.bus.setHold(nil))
		for range limit {
			ana.wantMessage("hi")
		}
		ana.say("again")
		ana.wantMessage("again")
	})
}

// TestPendingEndsWithTheRoom checks that events which find their room without
// sessions are not waited for.
func TestPendingEndsWithTheRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, nil, parley.RoomChange{})
		for range 5 {
			ana := s.join("ana", all)
			s.bus.lose = true
			for range 8000 {
				ana.say("lost")
			}
			ana.leave()
			synctest.Wait() // until the room is gone, too
		}
		s.bus.lose = false
		ana := s.join("ana", all)
		ana.say("hi")
		ana.wantMessage("hi")
	})
}

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, nil, parley.RoomChange{})
		ana, ben := s.join("ana", all), s.join("ben", all)
		ana.say("accepted before the drain")
		s.Drain(t.Context(), 0)
		for _, u := range []*user{ana, ben} {
			u.wantMessage("accepted before the drain")
			if frame, ok := <-u.frames; ok {
				t.Errorf("received %+v, want the connection dropped", frame.Header)
			}
		}
		if _, err := s.Join(t.Context(), s.token("ben", all), client); parley.CodeOf(err) != parley.Unavailable {
			t.Errorf("join after drain: %v, want unavailable", err)
		}
	})
}

func TestDrainEndsSessionsLittleByLittle(t *testing.T) {
	const sessions, over = 40, 10 * time.Second
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, nil, parley.RoomChange{})
		begin := time.Now()
		var ends []time.Duration
		var mu sync.Mutex // guards ends
		for i := range sessions {
			u := s.join(fmt.Sprint("user ", i), all)
			go func() {
				<-u.gone
				mu.Lock()
				defer mu.Unlock()
				ends = append(ends, time.Since(begin))
			}()
		}
		s.Drain(t.Context(), over)
		synctest.Wait()
		for i, at := range ends {
			if even := over * time.Duration(i) / sessions; (at - even).Abs() > over/10 {
				t.Errorf("session %d of %d ended after %s, want about %s", i, sessions, at, even)
			}
		}
	})
}

func TestDrainCanBeCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, nil, parley.RoomChange{})
		for i := range 10 {
			s.join(fmt.Sprint("user ", i), all)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		s.Drain(ctx, time.Hour)
		if took := time.Since(begin); took != time.Second {
			t.Errorf("a drain of an hour, cut short after a second, took %s", took)
		}
	})
}

func TestSessionLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, nil, parley.RoomChange{})
		s.limit(2)
		s.join("ana", all)
		ben := s.join("ben", all)
		if _, err := s.Join(t.Context(), s.token("cyd", 0), client); parley.CodeOf(err) != parley.Unavailable {
			t.Errorf("third session: %v, want unavailable", err)
		}
		ben.leave()
		s.join("cyd", 0)
	})
}
