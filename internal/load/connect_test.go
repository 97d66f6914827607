package load

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestConnectOpensAll(t *testing.T) {
	t.Parallel()
	f := &fake{}
	target := startFake(t, f)
	target.Probe = &counting{}
	r, err := Connect(t.Context(), target, ConnectConfig{Clients: 50, Concurrency: 8}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Problem(); err != nil {
		t.Errorf("a good server has the problem: %v", err)
	}
	if r.Handshakes != 50 || r.Sessions != 50 || f.receivers != 50 || r.Latency.P50 <= 0 {
		t.Errorf("%d handshakes, %d sessions, the server counts %d; %+v",
			r.Handshakes, r.Sessions, f.receivers, r)
	}
	// It looks at the server four times: first, around the handshakes, and at the end.
	if r.Server == nil || r.Server.CPUSeconds != 1 || r.ResidentBytesEach != 3000.0/50 {
		t.Errorf("the server used %+v, %v bytes each; want 1 s, 60 bytes", r.Server, r.ResidentBytesEach)
	}
}

// counting is a Probe that finds a second more CPU and 1000 bytes more each time.
type counting struct{ looks atomic.Int64 }

func (c *counting) Usage(context.Context) (Usage, error) {
	n := c.looks.Add(1)
	return Usage{CPU: time.Duration(n) * time.Second, Memory: 1000 * n}, nil
}

func TestConnectChurns(t *testing.T) {
	t.Parallel()
	f := &fake{}
	r, err := Connect(t.Context(), startFake(t, f),
		ConnectConfig{Clients: 10, Concurrency: 4, Churn: 100 * time.Millisecond}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Problem() != nil || r.Sessions != 10 || r.Handshakes <= 10 || r.Handshakes != f.receivers {
		t.Errorf("%d handshakes, the server counts %d; %d sessions; problem %v",
			r.Handshakes, f.receivers, r.Sessions, r.Problem())
	}
	if r.Seconds < 0.1 {
		t.Errorf("churned for %v s, want 0.1", r.Seconds)
	}
}

func TestConnectHolds(t *testing.T) {
	t.Parallel()
	f := &fake{}
	target := startFake(t, f)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	// The hour is over with ctx.
	r, err := Connect(ctx, target, ConnectConfig{Clients: 5, Concurrency: 4, Hold: time.Hour}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Sessions != 5 || r.HeldSeconds <= 0 || r.HeldSeconds > 3000 {
		t.Errorf("%d sessions held for %v s", r.Sessions, r.HeldSeconds)
	}
}

func TestConnectCountsRefusals(t *testing.T) {
	t.Parallel()
	var shakes atomic.Int64
	r, err := Connect(t.Context(), startFake(t, &fake{shake: func(w http.ResponseWriter) bool {
		refuse := shakes.Add(1)%5 == 0
		if refuse {
			refuseWith(http.StatusTooManyRequests, "ThrottlingException")(w)
		}
		return refuse
	}}), ConnectConfig{Clients: 50, Concurrency: 8}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Handshakes != 40 || r.Sessions != 40 || len(r.Refused) != 1 {
		t.Errorf("%d handshakes, %d sessions, refused %v; want 40, 40 and one reason",
			r.Handshakes, r.Sessions, r.Refused)
	}
	err = r.Problem()
	if err == nil || !strings.Contains(err.Error(), "10 × the handshake was refused: 429") ||
		!strings.Contains(err.Error(), "--quotas none") {
		t.Errorf("problem %v, want 10 refusals and what to do about them", err)
	}
}

// TestConnectGivesUp has a server that drops all handshakes.
func TestConnectGivesUp(t *testing.T) {
	t.Parallel()
	drop := func(w http.ResponseWriter) bool { panic(http.ErrAbortHandler) }
	_, err := Connect(t.Context(), startFake(t, &fake{shake: drop}),
		ConnectConfig{Clients: 10 * maxDead, Concurrency: 8}, nil)
	const want = "could not be opened, the last because: the server "
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want that sessions cannot be opened, and why", err)
	}
}

func TestMintCountsCalls(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{0, 300} {
		var calls atomic.Int64
		r, err := Mint(t.Context(), startFake(t, &fake{call: func(_ http.ResponseWriter, op string) bool {
			if op == "CreateChatToken" {
				calls.Add(1)
			}
			return false
		}}), MintConfig{Connections: 4, Rate: rate, Duration: 100 * time.Millisecond,
			WarmUp: 20 * time.Millisecond}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Problem() != nil || r.Calls == 0 || int64(r.Calls) > calls.Load() || r.Latency.P50 <= 0 {
			t.Errorf("%d calls, the server counts %d; %+v", r.Calls, calls.Load(), r)
		}
		if rate > 0 && (r.Calls < 20 || r.Calls > 40) {
			t.Errorf("%d calls in 0.1 s at %v/s, want 30", r.Calls, rate)
		}
	}
}

func TestMintCountsFailures(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	r, err := Mint(t.Context(), startFake(t, &fake{call: func(w http.ResponseWriter, op string) bool {
		refuse := op == "CreateChatToken" && calls.Add(1)%2 == 0
		if refuse {
			refuseWith(http.StatusTooManyRequests, "ThrottlingException")(w)
		}
		return refuse
	}}), MintConfig{Connections: 4, Duration: 50 * time.Millisecond}, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = r.Problem()
	if r.Calls == 0 || err == nil || !strings.Contains(err.Error(), "429 ThrottlingException") {
		t.Errorf("%d calls, problem %v; want some, and 429", r.Calls, err)
	}
}

// TestMintGivesUp has a server that drops all calls.
func TestMintGivesUp(t *testing.T) {
	t.Parallel()
	_, err := Mint(t.Context(), startFake(t, &fake{call: func(_ http.ResponseWriter, op string) bool {
		if op == "CreateChatToken" {
			panic(http.ErrAbortHandler)
		}
		return false
	}}), MintConfig{Connections: 4, Duration: time.Hour}, nil)
	if err == nil || !strings.Contains(err.Error(), "calls were not answered") {
		t.Errorf("got %v, want that calls are not answered", err)
	}
}

// TestConnectHoldsNothing has the server end all sessions while they are held.
func TestConnectHoldsNothing(t *testing.T) {
	t.Parallel()
	f := &fake{}
	r, err := Connect(t.Context(), startFake(t, f), ConnectConfig{Clients: 5, Concurrency: 4,
		Hold: time.Hour}, func(p Progress) {
		if p.Doing == Holding {
			f.endSessions()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	err = r.Problem()
	if r.Handshakes != 5 || r.Sessions != 0 || err == nil ||
		!strings.Contains(err.Error(), "5 × the server ") {
		t.Errorf("%d handshakes, %d sessions left, problem %v", r.Handshakes, r.Sessions, err)
	}
}
