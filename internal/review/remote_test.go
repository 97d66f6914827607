package review_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/hub"
	"github.com/parley-chat/parley/internal/review"
)

// TestClock has functions answer a millisecond before and after their time is over.
// Time is that of a bubble, where nothing else takes any: so each try is exact.
func TestClock(t *testing.T) {
	const tries = 1000
	for kind, target := range targets(t) {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFunction(allow, 0)
				r := open(t, configOf(target), serve(t, f.serve))
				for i := range tries {
					delay := 199 * time.Millisecond
					f.take(delay)
					if o := r.Try(denying); o.Result != review.Allowed || o.Took != delay ||
						o.Decision.Content != "reviewed" {
						t.Fatalf("try %d, a function that takes 199ms: %+v, want it to decide", i, o)
					}
					f.take(201 * time.Millisecond)
					if o := r.Try(denying); o.Result != review.FallbackDenied ||
						o.Failure != review.Invocation || o.Took != 200*time.Millisecond {
						t.Fatalf("try %d, a function that takes 201ms: %+v, want the fallback at 200ms", i, o)
					}
					time.Sleep(time.Second) // until an emulator's function has ended
				}
			})
		})
	}
}

func TestTimeoutIsASetting(t *testing.T) {
	for _, timeout := range []time.Duration{10 * time.Millisecond, 10 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			cfg := configOf(targets(t)["webhook"])
			cfg.Timeout = timeout
			f := newFunction(allow, timeout-1)
			r := open(t, cfg, serve(t, f.serve))
			if r.Try(denying).Result != review.Allowed {
				t.Errorf("just before %s the function did not decide", timeout)
			}
			if f.take(timeout + 1); r.Try(denying).Result != review.FallbackDenied {
				t.Errorf("just after %s the fallback did not decide", timeout)
			}
		})
	}
}

// TestTimeRunsUntilTheWholeAnswerIsRead has an answer begin in time and end too late.
func TestTimeRunsUntilTheWholeAnswerIsRead(t *testing.T) {
	for kind, target := range targets(t) {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := open(t, configOf(target), serve(t, func(w http.ResponseWriter, r *http.Request) {
					if _, _ = io.Copy(io.Discard, r.Body); r.Method != http.MethodPost {
						return
					}
					_, _ = io.WriteString(w, allow[:10])
					_ = http.NewResponseController(w).Flush()
					time.Sleep(250 * time.Millisecond)
					_, _ = io.WriteString(w, allow[10:])
				}))
				if o := r.Try(denying); o.Result != review.FallbackDenied || o.Took != 200*time.Millisecond {
					t.Errorf("%+v, want the fallback at 200ms", o)
				}
			})
		})
	}
}

// TestTimeIncludesConnecting has connections that take longer than a review.
func TestTimeIncludesConnecting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial := serve(t, newFunction(allow, 0).serve)
		slow := func(ctx context.Context, network, address string) (net.Conn, error) {
			time.Sleep(250 * time.Millisecond)
			return dial(ctx, network, address)
		}
		r := open(t, configOf(targets(t)["webhook"]), slow)
		if o := r.Try(denying); o.Result != review.FallbackDenied || o.Took != 200*time.Millisecond {
			t.Errorf("%+v, want the fallback at 200ms", o)
		}
		time.Sleep(time.Second) // by now, there are warm ones
		if o := r.Try(denying); o.Result != review.Allowed || o.Took != 0 {
			t.Errorf("%+v, want a warm connection to be used", o)
		}
	})
}

// TestConnectionsStayWarm counts connections over an hour without messages.
func TestConnectionsStayWarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial := serve(t, newFunction(allow, 0).serve)
		var dials atomic.Int32
		r := open(t, configOf(targets(t)["webhook"]),
			func(ctx context.Context, network, address string) (net.Conn, error) {
				dials.Add(1)
				return dial(ctx, network, address)
			})
		if n := dials.Load(); n < 1 || n > 4 {
			t.Errorf("%d connections were made in advance, want 1 to 4", n)
		}
		time.Sleep(time.Hour - time.Second) // it is a while until they are used again
		before := dials.Load()
		if o := r.Try(allowing); o.Err != nil || dials.Load() != before {
			t.Errorf("after an hour: %+v with %d new connections, want none", o, dials.Load()-before)
		}
	})
}

// TestDecisions has every kind of target answer in every way that all of them have.
func TestDecisions(t *testing.T) {
	type answer struct {
		status int
		body   string
	}
	allowed := hub.Decision{Allow: true, Content: "reviewed"}
	original := hub.Decision{Allow: true, Content: "hello"}
	for name, tt := range map[string]struct {
		answer  answer
		result  review.Result
		failure review.Failure
		want    hub.Decision
	}{
		"allow":      {answer{200, allow}, review.Allowed, "", allowed},
		"deny":       {answer{200, deny}, review.Denied, "", hub.Decision{Reason: "spam"}},
		"bad result": {answer{200, `{"ReviewResult":"MAYBE"}`}, review.FallbackAllowed, review.ResponseValidation, original},
		"no object":  {answer{200, `"hi"`}, review.FallbackAllowed, review.ResponseValidation, original},
		"largest":    {answer{200, allow + strings.Repeat(" ", 64<<10-len(allow))}, review.Allowed, "", allowed},
		"too large":  {answer{200, allow + strings.Repeat(" ", 64<<10-len(allow)+1)}, review.FallbackAllowed, review.ResponseValidation, original},
		"endless":    {answer{200, strings.Repeat(" ", 4<<20)}, review.FallbackAllowed, review.ResponseValidation, original},
		"400":        {answer{400, `{}`}, review.FallbackAllowed, review.Invocation, original},
		"403":        {answer{403, `{}`}, review.FallbackAllowed, review.Invocation, original},
		"404":        {answer{404, `{}`}, review.FallbackAllowed, review.Invocation, original},
		"413":        {answer{413, `{}`}, review.FallbackAllowed, review.Invocation, original},
		"429":        {answer{429, `{}`}, review.FallbackAllowed, review.Invocation, original},
		"500":        {answer{500, allow}, review.FallbackAllowed, review.Invocation, original},
		"503":        {answer{503, ``}, review.FallbackAllowed, review.Invocation, original},
	} {
		for kind, target := range targets(t) {
			t.Run(name+" from "+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var calls atomic.Int32
					r := open(t, configOf(target), serve(t, func(w http.ResponseWriter, r *http.Request) {
						if _, _ = io.Copy(io.Discard, r.Body); r.Method == http.MethodPost {
							calls.Add(1)
						}
						w.WriteHeader(tt.answer.status)
						_, _ = io.WriteString(w, tt.answer.body)
					}))
					o := r.Try(allowing)
					if diff := cmp.Diff(tt.want, o.Decision); diff != "" || o.Result != tt.result || o.Failure != tt.failure {
						t.Errorf("outcome %+v, want %s %s and (-want +got):\n%s", o, tt.result, tt.failure, diff)
					}
					time.Sleep(time.Minute)
					if got := calls.Load(); got != 1 {
						t.Errorf("the function was called %d times, want once: nothing is tried again", got)
					}
				})
			})
		}
	}
}

func TestFallbackDenies(t *testing.T) {
	for kind, target := range targets(t) {
		synctest.Test(t, func(t *testing.T) {
			r := open(t, configOf(target), func(context.Context, string, string) (net.Conn, error) {
				return nil, errors.New("nobody is there")
			})
			o := r.Try(denying)
			if o.Result != review.FallbackDenied || o.Failure != review.Invocation ||
				o.Decision.Allow || o.Decision.Reason != "" {
				t.Errorf("%s that nobody serves: %+v, want the message denied without a reason", kind, o)
			}
		})
	}
}

// TestRedirectsAreNotFollowed has a webhook point elsewhere.
func TestRedirectsAreNotFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := open(t, configOf(targets(t)["webhook"]), serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				t.Errorf("%s was asked for", r.URL)
			}
			http.Redirect(w, r, "/other", http.StatusTemporaryRedirect)
		}))
		if o := r.Try(allowing); o.Failure != review.Invocation {
			t.Errorf("%+v, want a failed invocation", o)
		}
	})
}

// TestConcurrencyIsBounded has more messages come than may be under review at once:
// they wait, within their time.
func TestConcurrencyIsBounded(t *testing.T) {
	for kind, target := range targets(t) {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				target.Concurrency = 2
				var now, most atomic.Int32
				r := open(t, configOf(target), serve(t, func(w http.ResponseWriter, r *http.Request) {
					if _, _ = io.Copy(io.Discard, r.Body); r.Method != http.MethodPost {
						return
					}
					n := now.Add(1)
					for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
					}
					time.Sleep(90 * time.Millisecond)
					now.Add(-1)
					_, _ = io.WriteString(w, allow)
				}))
				var all sync.WaitGroup
				var allowed, failed atomic.Int32
				for range 7 {
					all.Go(func() {
						if o := r.Try(allowing); o.Err == nil {
							allowed.Add(1)
						} else if o.Failure == review.Invocation && o.Took == 200*time.Millisecond {
							failed.Add(1)
						}
					})
				}
				all.Wait()
				if allowed.Load() != 4 || failed.Load() != 3 || most.Load() != 2 {
					t.Errorf("%d were decided, %d timed out, %d were called at once, want 4, 3 and 2",
						allowed.Load(), failed.Load(), most.Load())
				}
			})
		})
	}
}

// TestBreakerOpens has a target stop answering: after ten time-outs, messages do not
// wait any more, until a probe finds it well.
func TestBreakerOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFunction(allow, time.Second)
		r := open(t, configOf(targets(t)["webhook"]), serve(t, f.serve))
		for i := range 10 {
			if o := r.Try(allowing); o.Took != 200*time.Millisecond {
				t.Fatalf("message %d: %+v, want a time-out", i, o)
			}
		}
		for range 100 {
			if o := r.Try(allowing); o.Took != 0 || o.Result != review.FallbackAllowed || o.Failure != review.Invocation {
				t.Fatalf("while it is open: %+v, want the fallback at once", o)
			}
		}
		time.Sleep(time.Second)
		if o := r.Try(allowing); o.Took != 200*time.Millisecond {
			t.Errorf("a second later: %+v, want a probe", o)
		}
		if got := f.calls.Load(); got != 11 {
			t.Errorf("%d calls, want 11", got)
		}
		f.take(0)
		time.Sleep(time.Second)
		for range 100 {
			if o := r.Try(allowing); o.Result != review.Allowed {
				t.Fatalf("when it answers again: %+v, want it to decide", o)
			}
		}
	})
}

// TestBreakerMindsCallsAlone has a function fail, and messages find no place: neither
// means that the target does not answer.
func TestBreakerMindsCallsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := targets(t)["emulator"]
		f := newFunction(`{"errorMessage":"boom","errorType":"errorString"}`, 0)
		r := open(t, configOf(target), serve(t, f.serve))
		for i := range 30 {
			if o := r.Try(allowing); o.Failure != review.Function {
				t.Fatalf("failure %d: %+v, want that of the function", i, o)
			}
		}
		f.body.Store(allow)
		f.take(190 * time.Millisecond)
		var all sync.WaitGroup
		for range 30 {
			all.Go(func() { r.Try(allowing) })
		}
		all.Wait()
		time.Sleep(time.Second)
		if o := r.Try(allowing); o.Result != review.Allowed {
			t.Errorf("afterwards: %+v, want the function to decide", o)
		}
	})
}

// TestCloseDoesNotWaitForConnections has a target that does not accept any.
func TestCloseDoesNotWaitForConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := open(t, configOf(targets(t)["webhook"]),
			func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			})
		begin := time.Now()
		r.Close()
		if took := time.Since(begin); took != 0 {
			t.Errorf("Close took %s, want no time", took)
		}
	})
}
