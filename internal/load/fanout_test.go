package load

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley"
)

// small is a run that takes a moment.
var small = FanoutConfig{
	Rooms: 2, Receivers: 3, Senders: 2, ContentBytes: 100, Outstanding: 2,
	Duration: 100 * time.Millisecond, WarmUp: 10 * time.Millisecond, ConnectConcurrency: 4,
}

// paced is one that sends at a rate.
var paced = FanoutConfig{
	Rooms: 1, Receivers: 3, Senders: 1, ContentBytes: 100, Outstanding: 1, Rate: 200,
	Duration: 200 * time.Millisecond, WarmUp: 10 * time.Millisecond, ConnectConcurrency: 4,
}

func fanoutOf(t *testing.T, f *fake, cfg FanoutConfig) *FanoutResult {
	t.Helper()
	r, err := Fanout(t.Context(), startFake(t, f), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestFanoutCountsAll(t *testing.T) {
	for name, cfg := range map[string]FanoutConfig{"closed loop": small, "open loop": paced} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := fanoutOf(t, &fake{}, cfg)
			if err := r.Problem(); err != nil {
				t.Errorf("a good server has the problem: %v", err)
			}
			if want := r.Sent * cfg.Receivers; r.Sent == 0 || r.Expected != want {
				t.Errorf("%d messages, %d deliveries expected, want %d", r.Sent, r.Expected, want)
			}
			if r.Deliveries == 0 || r.Messages == 0 || r.Latency.P50 <= 0 ||
				r.Latency.Max < r.Latency.P50 || r.LastReceiver.Max != r.Latency.Max {
				t.Errorf("measured %+v", r)
			}
			if r.Seconds < cfg.Duration.Seconds() {
				t.Errorf("measured for %v s, want %s", r.Seconds, cfg.Duration)
			}
		})
	}
}

// TestFanoutKeepsItsRate has a server that answers nothing: an open loop sends
// nevertheless, and all is lost.
func TestFanoutKeepsItsRate(t *testing.T) {
	t.Parallel()
	none := func(int, int, []byte) [][]byte { return nil }
	r := fanoutOf(t, &fake{deliver: none}, paced)
	if r.Messages < 30 || r.Messages > 50 { // of 40, at 200/s for 0.2 s
		t.Errorf("%d messages were sent, want 40", r.Messages)
	}
	if r.Lost != r.Expected || r.Lost != r.Sent*paced.Receivers {
		t.Errorf("%d of %d lost, want all of %d", r.Lost, r.Expected, r.Sent*paced.Receivers)
	}
	r = fanoutOf(t, &fake{deliver: none}, small)
	if want := small.Rooms * small.Senders * small.Outstanding; r.Sent != want {
		t.Errorf("a closed loop without answers sent %d, want the %d outstanding", r.Sent, want)
	}
}

// TestFanoutFindsFaults has a server that does wrong to receiver 1, which does not
// send, with messages 3 and 4.
func TestFanoutFindsFaults(t *testing.T) {
	var kept []byte
	type counts struct{ lost, duplicates, disordered, strays, noEcho int }
	at := func(do func(n int, frame []byte) [][]byte) func(int, int, []byte) [][]byte {
		return func(receiver, n int, frame []byte) [][]byte {
			if receiver == 1 && (n == 3 || n == 4) {
				return do(n, frame)
			}
			return [][]byte{frame}
		}
	}
	for _, tt := range []struct {
		name    string
		deliver func(receiver, n int, frame []byte) [][]byte
		want    counts
		problem string
	}{
		{"loses", at(func(int, []byte) [][]byte { return nil }), counts{lost: 2}, "2 of"},
		{"doubles", at(func(_ int, frame []byte) [][]byte { return [][]byte{frame, frame} }),
			counts{duplicates: 2}, "2 deliveries came twice"},
		{"swaps", at(func(n int, frame []byte) [][]byte {
			if n == 3 {
				kept = frame
				return nil
			}
			return [][]byte{frame, kept}
		}), counts{disordered: 1}, "1 deliveries came out of order"},
		{"mangles", at(func(_ int, frame []byte) [][]byte {
			return [][]byte{[]byte(`{"Type":"MESSAGE"}`)}
		}), counts{lost: 2}, "2 of"},
		{"forgets RequestId", func(_, n int, frame []byte) [][]byte {
			if n == 3 {
				frame = bytes.Replace(frame, []byte(`"RequestId":"`), []byte(`"RequestId":"0`), 1)
			}
			return [][]byte{frame}
		}, counts{noEcho: 1}, "1 echoes did not have the RequestId"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg := paced
			cfg.ConnectConcurrency = 1 // so that the first receiver is the sender
			r := fanoutOf(t, &fake{deliver: tt.deliver}, cfg)
			got := counts{r.Lost, r.Duplicates, r.Disordered, r.Strays, r.NoEcho}
			if got != tt.want {
				t.Errorf("found %+v, want %+v", got, tt.want)
			}
			if err := r.Problem(); err == nil || !strings.Contains(err.Error(), tt.problem) {
				t.Errorf("problem %v, want one with %q", err, tt.problem)
			}
		})
	}
}

// TestFanoutFindsStrays has a server that sends each room's messages to another too.
func TestFanoutFindsStrays(t *testing.T) {
	t.Parallel()
	var last [2][]byte // of each room
	cfg := small
	cfg.Receivers, cfg.Senders, cfg.ConnectConcurrency = 1, 1, 1
	r := fanoutOf(t, &fake{deliver: func(receiver, _ int, frame []byte) [][]byte {
		last[receiver] = frame
		return [][]byte{frame, last[1-receiver]}
	}}, cfg)
	if r.Strays == 0 || r.Lost != 0 || r.Duplicates != 0 {
		t.Errorf("found %d strays, %d lost, %d duplicates; want only strays",
			r.Strays, r.Lost, r.Duplicates)
	}
	if err := r.Problem(); err == nil || !strings.Contains(err.Error(), "another room") {
		t.Errorf("problem %v, want one about another room", err)
	}
}

func TestFanoutCountsRefusals(t *testing.T) {
	t.Parallel()
	refuse := func(n int) error {
		if n%3 == 2 {
			return parley.Errorf(parley.Throttled, "too fast")
		}
		return nil
	}
	for _, cfg := range []FanoutConfig{small, paced} {
		r := fanoutOf(t, &fake{refuse: refuse}, cfg)
		refused := 0
		for _, n := range r.Refused {
			refused += n
		}
		if refused == 0 || r.Lost != 0 || r.Expected != (r.Sent-refused)*cfg.Receivers {
			t.Errorf("%d of %d refused, %d of %d lost; want no loss", refused, r.Sent, r.Lost, r.Expected)
		}
		err := r.Problem()
		if err == nil || !strings.Contains(err.Error(), "429 rate limit exceeded") ||
			!strings.Contains(err.Error(), "--quotas none") {
			t.Errorf("problem %v, want 429 and what to do about it", err)
		}
	}
}

// TestFanoutLosesSessions has the server end one session, and then all.
func TestFanoutLosesSessions(t *testing.T) {
	t.Parallel()
	cfg := paced
	cfg.ConnectConcurrency = 1
	f := &fake{}
	f.deliver = func(receiver, n int, frame []byte) [][]byte {
		if receiver == 2 && n == 5 {
			_ = f.rooms["room-1"].conns[2].Close()
		}
		return [][]byte{frame}
	}
	r := fanoutOf(t, f, cfg)
	if len(r.Ended) != 1 || r.Lost != r.Sent-5 {
		t.Errorf("%v ended, %d of %d lost; want one session, and what it missed",
			r.Ended, r.Lost, r.Expected)
	}
	if err := r.Problem(); err == nil || !strings.Contains(err.Error(), "sessions ended") {
		t.Errorf("problem %v, want one about sessions that ended", err)
	}
	all := &fake{}
	all.deliver = func(receiver, n int, frame []byte) [][]byte {
		if receiver == 2 && n == 5 {
			for _, conn := range all.rooms["room-1"].conns {
				_ = conn.Close()
			}
		}
		return [][]byte{frame}
	}
	_, err := Fanout(t.Context(), startFake(t, all), cfg, nil)
	if err == nil || !strings.Contains(err.Error(), "all sessions that send have ended") {
		t.Errorf("error %v, want that all sessions have ended", err)
	}
}

// TestFanoutWaitsForAll has a server that keeps each message back from one receiver
// until the next message comes, which is never when the sender waits for all.
func TestFanoutWaitsForAll(t *testing.T) {
	t.Parallel()
	for _, wait := range []bool{false, true} {
		cfg := small
		cfg.Rooms, cfg.Senders, cfg.Outstanding, cfg.WaitForAll = 1, 1, 1, wait
		cfg.ConnectConcurrency = 1
		var kept [][]byte
		r := fanoutOf(t, &fake{deliver: func(receiver, _ int, frame []byte) [][]byte {
			if receiver != 2 {
				return [][]byte{frame}
			}
			before := kept
			kept = [][]byte{frame}
			return before
		}}, cfg)
		if (r.Sent == 1) != wait || r.Lost != 1 {
			t.Errorf("waiting for all %t: %d messages sent, %d lost", wait, r.Sent, r.Lost)
		}
	}
}

func refuseWith(status int, kind string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("x-amzn-ErrorType", kind)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"message":"no more"}`))
	}
}

func TestFanoutFails(t *testing.T) {
	throttle := refuseWith(http.StatusTooManyRequests, "ThrottlingException")
	for _, tt := range []struct {
		name string
		fake *fake
		want []string
	}{
		{"CreateRoom is refused", &fake{call: func(w http.ResponseWriter, operation string) bool {
			refuse := operation == "CreateRoom"
			if refuse {
				refuseWith(http.StatusForbidden, "UnrecognizedClientException")(w)
			}
			return refuse
		}}, []string{"CreateRoom: 403 UnrecognizedClientException: no more"}},
		{"CreateChatToken is refused", &fake{call: func(w http.ResponseWriter, operation string) bool {
			refuse := operation == "CreateChatToken"
			if refuse {
				throttle(w)
			}
			return refuse
		}}, []string{"CreateChatToken: 429 ThrottlingException", "--quotas none"}},
		{"the handshake is refused", &fake{shake: func(w http.ResponseWriter) bool {
			throttle(w)
			return true
		}}, []string{"the handshake was refused: 429 ThrottlingException: no more", "--quotas none"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Fanout(t.Context(), startFake(t, tt.fake), small, nil)
			for _, want := range tt.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, want one with %q", err, want)
				}
			}
		})
	}
}

// TestFanoutIsInterrupted ends a run that would take an hour, while it measures.
func TestFanoutIsInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cfg := small
	cfg.Duration = time.Hour
	f := &fake{deliver: func(_, n int, frame []byte) [][]byte {
		if n == 2000 {
			cancel()
		}
		return [][]byte{frame}
	}}
	r, err := Fanout(ctx, startFake(t, f), cfg, nil)
	if err != nil {
		t.Fatalf("got %v, want what was measured until then", err)
	}
	if r.Sent < 2000 || r.Lost != 0 || r.Messages == 0 || r.DeliveriesPerSecond == 0 {
		t.Errorf("measured %+v", r)
	}
}

func TestFanoutIsInterruptedEarly(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f := &fake{call: func(_ http.ResponseWriter, operation string) bool {
		if operation == "CreateChatToken" {
			cancel()
		}
		return false
	}}
	if _, err := Fanout(ctx, startFake(t, f), small, nil); err == nil {
		t.Error("no error, want that it was stopped before all sessions were open")
	}
}

func TestConfigurationsAreChecked(t *testing.T) {
	mistakes := map[string]func(*FanoutConfig){
		"rooms must be 1 to":               func(c *FanoutConfig) { c.Rooms = 0 },
		"receivers must be 1 to":           func(c *FanoutConfig) { c.Receivers = maxSessions + 1 },
		"senders must be 1 to 3, not 4":    func(c *FanoutConfig) { c.Senders = 4 },
		"size must be 25 to 500, not 24":   func(c *FanoutConfig) { c.ContentBytes = 24 },
		"size must be 25 to 500, not 501":  func(c *FanoutConfig) { c.ContentBytes = 501 },
		"outstanding must be 1 to":         func(c *FanoutConfig) { c.Outstanding = 0 },
		"connect-concurrency must be 1 to": func(c *FanoutConfig) { c.ConnectConcurrency = 0 },
		"rate must be 0 to":                func(c *FanoutConfig) { c.Rate = -1 },
		"receivers times senders must be 1 to": func(c *FanoutConfig) {
			c.Receivers, c.Senders = 100_000, 10_000
		},
		"both at most 2h0m0s, not 3h0m0s and":  func(c *FanoutConfig) { c.Duration = 3 * time.Hour },
		"duration must be above 0":             func(c *FanoutConfig) { c.Duration = 0 },
		"rooms must be 1 when a room is given": func(c *FanoutConfig) { c.Room = "arn" },
		"rooms times receivers must be 1 to":   func(c *FanoutConfig) { c.Rooms = maxSessions },
	}
	for want, mistake := range mistakes {
		cfg := small
		mistake(&cfg)
		_, err := Fanout(t.Context(), Target{}, cfg, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if err := small.check(); err != nil {
		t.Errorf("a good configuration: %v", err)
	}
}

func TestScheduleIsSteady(t *testing.T) {
	s := schedule{begin: 1000, perSecond: 3}
	for i, want := range []int64{1000, 333334333, 666667666, 1000001000} {
		if got := s.due(); got != want {
			t.Errorf("message %d is due at %d, want %d", i, got, want)
		}
		s.sent++
	}
	// It does not drift: after an hour, it is where it should be.
	s = schedule{perSecond: 1000.0 / 3, sent: 1_200_000}
	if got := time.Duration(s.due()); got != time.Hour {
		t.Errorf("after 1,200,000 messages: %s, want 1h", got)
	}
}
