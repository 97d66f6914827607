package review_test

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/review"
)

// fragile is an emulator as it is: it breaks when there are two calls at once, and when
// a client goes away during one.
type fragile struct {
	*functionServer
	t       *testing.T
	running atomic.Bool
	paths   sync.Map // of calls
	patient bool     // whether clients may go away
}

func (f *fragile) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		f.paths.Store(r.RequestURI, true)
		if !f.running.CompareAndSwap(false, true) {
			f.t.Error("the emulator was called while its function ran, and would break")
		}
		defer f.running.Store(false)
	}
	f.functionServer.serve(w, r)
	if r.Context().Err() != nil && !f.patient {
		f.t.Error("a call was cancelled, and the emulator would break at the next one")
	}
}

// TestEmulatorIsHandledWithCare has functions take too long: nothing is cancelled, and
// no call begins before the last one has ended.
func TestEmulatorIsHandledWithCare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fragile{functionServer: newFunction(allow, 700*time.Millisecond), t: t}
		r := open(t, configOf(targets(t)["emulator"]), serve(t, f.serve))
		begin := time.Now()
		for range 3 { // the first is called, the others find it busy
			if o := r.Try(denying); o.Result != review.FallbackDenied || o.Failure != review.Invocation ||
				o.Took != 200*time.Millisecond {
				t.Errorf("%s after the beginning: %+v, want the fallback at 200ms", time.Since(begin), o)
			}
		}
		f.take(50 * time.Millisecond)
		if o := r.Try(denying); o.Result != review.Allowed || o.Took != 150*time.Millisecond {
			t.Errorf("%+v, want it to be decided when the first has ended", o)
		}
		if got := f.calls.Load(); got != 2 {
			t.Errorf("%d calls, want 2", got)
		}
		for path := range f.paths.Range {
			if path != "/2015-03-31/functions/function/invocations" {
				t.Errorf("a call of %s, which emulators do not know", path)
			}
		}
	})
}

// TestEmulatorIsHeldFor30Seconds has a function that does not end.
func TestEmulatorIsHeldFor30Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fragile{functionServer: newFunction(allow, time.Hour), t: t, patient: true}
		r := open(t, configOf(targets(t)["emulator"]), serve(t, f.serve))
		r.Try(allowing)
		time.Sleep(29 * time.Second)
		if r.Try(allowing); f.calls.Load() != 1 {
			t.Errorf("%d calls after 29s, want 1", f.calls.Load())
		}
		f.running.Store(false) // it has been started anew
		f.take(0)
		time.Sleep(time.Second)
		if o := r.Try(allowing); o.Result != review.Allowed {
			t.Errorf("after 30s: %+v, want the next call to be made", o)
		}
		time.Sleep(time.Hour)
	})
}

// TestEmulatorAcrossReloads has the configuration replaced while a function runs.
func TestEmulatorAcrossReloads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fragile{functionServer: newFunction(allow, 500*time.Millisecond), t: t}
		cfg, dial := configOf(targets(t)["emulator"]), serve(t, f.serve)
		r := open(t, cfg, dial)
		r.Try(allowing) // 300ms are left
		if err := r.ReloadDialing(cfg, dial); err != nil {
			t.Fatal(err)
		}
		f.take(0)
		if o := r.Try(allowing); o.Failure != review.Invocation || o.Took != 200*time.Millisecond {
			t.Errorf("while the function runs: %+v, want a time-out", o)
		}
		if o := r.Try(allowing); o.Result != review.Allowed || o.Took != 100*time.Millisecond {
			t.Errorf("%+v, want it decided when the function has ended", o)
		}
	})
}

// TestCloseWaitsForEmulators has a server stop while a function runs, which may end, but
// not take for ever.
func TestCloseWaitsForEmulators(t *testing.T) {
	for takes, want := range map[time.Duration]time.Duration{
		time.Second: 800 * time.Millisecond, 10 * time.Second: 2 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fragile{functionServer: newFunction(allow, takes), t: t, patient: takes > 2*time.Second}
			cfg, dial := configOf(targets(t)["emulator"]), serve(t, f.serve)
			r := open(t, cfg, dial)
			r.Try(allowing) // 200ms
			for range 3 {   // some wait for those before them
				if err := r.ReloadDialing(cfg, dial); err != nil {
					t.Fatal(err)
				}
			}
			begin := time.Now()
			r.Close()
			r.Close()
			if took := time.Since(begin); took != want {
				t.Errorf("with a function that takes %s, Close took %s, want %s", takes, took, want)
			}
		})
	}
}

// TestEmulatorFailures has answers as the emulator gives them when a function fails.
func TestEmulatorFailures(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   review.Failure
	}{
		{"error returned", 200, `{"errorMessage":"boom","errorType":"errorString"}`, review.Function},
		{"panic", 502, `{"errorType":"Runtime.ExitError"}`, review.Function},
		{"timed out", 200, `Task timed out after 2.00 seconds`, review.Function},
		{"nothing", 200, ``, review.Function},
		{"an object of the function's own", 200, `{"hello":"world"}`, review.Function},
		{"null", 200, `null`, review.ResponseValidation},
		{"text", 200, `"hello"`, review.ResponseValidation},
		{"another function's name", 404, `404 page not found`, review.Invocation},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := open(t, configOf(targets(t)["emulator"]),
				serve(t, func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					w.WriteHeader(tt.status)
					_, _ = io.WriteString(w, tt.body)
				}))
			if o := r.Try(allowing); o.Failure != tt.want || o.Result != review.FallbackAllowed {
				t.Errorf("%s: %+v, want a failure of the kind %s", tt.name, o, tt.want)
			}
		})
	}
}
