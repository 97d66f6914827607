package review_test

import (
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/hub"
	"github.com/parley-chat/parley/internal/metrics"
	"github.com/parley-chat/parley/internal/review"
)

var _ hub.Reviewer = (*review.Reviewer)(nil)

// denies returns a target whose rules deny a word, so that tests see which it was.
func denies(pattern, word string) review.TargetConfig {
	return review.TargetConfig{ARN: pattern, Rules: &review.RulesConfig{Words: []string{word}}}
}

func TestTheFirstPatternThatMatchesCounts(t *testing.T) {
	const prefix = "arn:aws:lambda:us-east-1:123456789012:function:"
	patterns := []string{prefix + "moderate", prefix + "mod?rate", prefix + "mod*:prod",
		"arn:aws:lambda:*:123456789012:*", prefix + "a.b"}
	var cfg review.Config
	for _, pattern := range patterns {
		cfg.Targets = append(cfg.Targets, denies(pattern, "hello"))
	}
	r := start(t, cfg)
	for name, want := range map[string]string{
		prefix + "moderate":      patterns[0],
		prefix + "mod3rate":      patterns[1],
		prefix + "moderate:prod": patterns[2],
		prefix + "mod:prod":      patterns[2],
		prefix + "Moderate":      patterns[3],
		prefix + "axb":           patterns[3],
		"arn:aws:lambda:eu-west-1:123456789012:function:x":     patterns[3],
		"arn:aws:lambda:us-east-1:210987654321:function:a.b":   "unmapped",
		"x" + prefix + "moderate":                              "unmapped",
		"arn:aws:lambda:us-east-1:210987654321:function:a\nb":  "unmapped",
		"arn:aws:lambda:us-east-1:123456789012:function:a\nb":  patterns[3],
		"arn:aws:lambda:us-east-1:123456789012:layer:moderate": patterns[3],
	} {
		m := allowing
		m.Handler.URI = name
		if got := r.Try(m).Target; got != want {
			t.Errorf("%s has the target %s, want %s", name, got, want)
		}
	}
}

func TestUnmappedFunctionsFail(t *testing.T) {
	r := start(t, review.Config{})
	if o := r.Try(denying); o.Result != review.FallbackDenied || o.Failure != review.Invocation {
		t.Errorf("%+v, want a failed invocation", o)
	}
}

func TestStrict(t *testing.T) {
	for strict, want := range map[bool]bool{true: false, false: true} {
		r := start(t, review.Config{Strict: strict, Targets: []review.TargetConfig{denies(function, "x")}})
		if !r.Has(function) {
			t.Errorf("strict %v: a function with a target may not be named", strict)
		}
		if got := r.Has(function + "2"); got != want {
			t.Errorf("strict %v: a function without a target may be named: %v, want %v", strict, got, want)
		}
	}
}

// TestMetrics has reviews end in every way, and looks at what is counted.
func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := metrics.New()
		f := newFunction(allow, 0)
		emulated := targets(t)["emulator"]
		emulated.ARN = "arn:aws:lambda:*:function:emulated"
		r, err := review.NewDialing(configOf(denies(function, "darn"), emulated), m, serve(t, f.serve))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		reviewOf := func(function, content, answer string) {
			f.body.Store(answer)
			m := denying
			m.Handler.URI, m.Content = function, content
			r.Review(m)
		}
		const emulator = "arn:aws:lambda:us-east-1:123456789012:function:emulated"
		reviewOf(function, "hello", "")
		reviewOf(function, "darn", "")
		reviewOf("arn:aws:lambda:us-east-1:123456789012:function:chosen-by-a-caller", "hello", "")
		reviewOf(emulator, "hello", allow)
		reviewOf(emulator, "hello", `{"errorMessage":"boom"}`)
		reviewOf(emulator, "hello", `[]`)
		f.take(150 * time.Millisecond)
		reviewOf(emulator, "hello", deny)
		f.take(250 * time.Millisecond)
		reviewOf(emulator, "hello", deny)
		for _, name := range []string{emulator, "arn:aws:lambda:us-east-1:123456789012:function:another"} {
			for fallback, want := range map[parley.Fallback]bool{parley.FallbackAllow: true, parley.FallbackDeny: false} {
				if r.Overflow(parley.ReviewHandler{URI: name, Fallback: fallback}) != want {
					t.Errorf("overflow with the fallback %s: not %v", fallback, want)
				}
			}
		}
		page := httptest.NewRecorder()
		m.Handler().ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
		for _, want := range []string{
			`parley_review_results_total{result="allow",uri="` + function + `"} 1`,
			`parley_review_results_total{result="deny",uri="` + function + `"} 1`,
			`parley_review_results_total{result="fallback_deny",uri="unmapped"} 2`,
			`parley_review_results_total{result="fallback_allow",uri="unmapped"} 1`,
			`parley_review_errors_total{kind="invocation",uri="unmapped"} 3`,
			`parley_review_results_total{result="allow",uri="arn:aws:lambda:*:function:emulated"} 1`,
			`parley_review_results_total{result="deny",uri="arn:aws:lambda:*:function:emulated"} 1`,
			`parley_review_results_total{result="fallback_deny",uri="arn:aws:lambda:*:function:emulated"} 4`,
			`parley_review_results_total{result="fallback_allow",uri="arn:aws:lambda:*:function:emulated"} 1`,
			`parley_review_errors_total{kind="function",uri="arn:aws:lambda:*:function:emulated"} 1`,
			`parley_review_errors_total{kind="response_validation",uri="arn:aws:lambda:*:function:emulated"} 1`,
			`parley_review_errors_total{kind="invocation",uri="arn:aws:lambda:*:function:emulated"} 3`,
			`parley_review_duration_seconds_bucket{uri="arn:aws:lambda:*:function:emulated",le="0.15"} 4`,
			`parley_review_duration_seconds_bucket{uri="arn:aws:lambda:*:function:emulated",le="0.2"} 5`,
			`parley_review_duration_seconds_count{uri="arn:aws:lambda:*:function:emulated"} 5`,
		} {
			if !strings.Contains(page.Body.String(), want+"\n") {
				t.Errorf("metrics lack %s", want)
			}
		}
		if strings.Contains(page.Body.String(), "chosen-by-a-caller") {
			t.Error("metrics name a function that a caller of the API chose")
		}
		if t.Failed() {
			for line := range strings.Lines(page.Body.String()) {
				if strings.HasPrefix(line, "parley_review") {
					t.Log(line)
				}
			}
		}
	})
}

// TestReload replaces the targets while messages are under review: each is decided by
// the old ones or by the new.
func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFunction(deny, 100*time.Millisecond)
		dial := serve(t, f.serve)
		r := open(t, configOf(targets(t)["webhook"]), dial)
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if o := r.Try(allowing); o.Result != review.Denied || o.Took != 100*time.Millisecond {
					t.Errorf("a review that goes on: %+v, want the old target to decide", o)
				}
			})
		}
		time.Sleep(50 * time.Millisecond)
		if err := r.ReloadDialing(configOf(denies(function, "goodbye")), dial); err != nil {
			t.Fatal(err)
		}
		if o := r.Try(allowing); o.Result != review.Allowed || o.Took != 0 {
			t.Errorf("a new review: %+v, want the new target to decide", o)
		}
		all.Wait()
		if err := r.ReloadDialing(review.Config{Timeout: 1}, dial); err == nil {
			t.Error("a wrong configuration was accepted")
		}
		if o := r.Try(allowing); o.Result != review.Allowed {
			t.Errorf("after a wrong configuration: %+v, want the one before to be in force", o)
		}
	})
}

// TestCloseOfNothing closes what was never opened.
func TestCloseOfNothing(t *testing.T) {
	var none *review.Reviewer
	none.Close()
	r, err := review.New(review.Config{Timeout: 1}, nil, metrics.New(), slog.New(slog.DiscardHandler))
	if err == nil {
		t.Error("a wrong configuration was accepted")
	}
	r.Close()
}
