package trace_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/trace"
)

const (
	traceID = "0af7651916cd43dd8448eb211c80319c"
	spanID  = "b7ad6b7169203331"
)

func TestParseHeader(t *testing.T) {
	for _, test := range []struct {
		name, header   string
		valid, sampled bool
	}{
		{"sampled", "00-" + traceID + "-" + spanID + "-01", true, true},
		{"not sampled", "00-" + traceID + "-" + spanID + "-00", true, false},
		{"other flags", "00-" + traceID + "-" + spanID + "-fe", true, false},
		{"later version", "cc-" + traceID + "-" + spanID + "-01", true, true},
		{"later version with more", "cc-" + traceID + "-" + spanID + "-01-what", true, true},
		{"later version run on", "cc-" + traceID + "-" + spanID + "-01what", false, false},
		{"version 0 with more", "00-" + traceID + "-" + spanID + "-01-what", false, false},
		{"no version", "ff-" + traceID + "-" + spanID + "-01", false, false},
		{"capitals", "00-" + strings.ToUpper(traceID) + "-" + spanID + "-01", false, false},
		{"no trace", "00-" + strings.Repeat("0", 32) + "-" + spanID + "-01", false, false},
		{"no span", "00-" + traceID + "-" + strings.Repeat("0", 16) + "-01", false, false},
		{"no digits", "00-" + strings.Repeat("g", 32) + "-" + spanID + "-01", false, false},
		{"short", "00-" + traceID + "-" + spanID + "-1", false, false},
		{"empty", "", false, false},
	} {
		c, sampled := trace.ParseHeader(test.header)
		if c.IsZero() == test.valid || sampled != test.sampled {
			t.Errorf("%s: %q is %+v, sampled %t; want valid %t, sampled %t",
				test.name, test.header, c, sampled, test.valid, test.sampled)
		}
	}
}

func FuzzParseHeader(f *testing.F) {
	f.Add("00-" + traceID + "-" + spanID + "-01")
	f.Fuzz(func(t *testing.T, header string) {
		c, sampled := trace.ParseHeader(header)
		if c.IsZero() && sampled {
			t.Errorf("%q is sampled, and no span", header)
		}
		if got := trace.DecodeContext(c.Encode()); got != c {
			t.Errorf("%q: %+v came back as %+v", header, c, got)
		}
	})
}

// taken collects spans.
type taken []*trace.Span

func (all *taken) take(s *trace.Span) { *all = append(*all, s) }

func TestSpansNameTheirParents(t *testing.T) {
	var spans taken
	tracer := trace.New(1, spans.take)
	root := tracer.Start(trace.Context{}, "root", time.Now())
	child := root.Child("child")
	there := tracer.Continue(&child.Context, "there")
	there.End(nil)
	child.End(parley.Errorf(parley.Throttled, "secret"))
	root.End(context.DeadlineExceeded)
	if len(spans) != 3 {
		t.Fatalf("%d spans ended, want 3", len(spans))
	}
	switch {
	case spans[0].Parent != child.Context, spans[1].Parent != root.Context,
		!spans[2].Parent.IsZero():
		t.Errorf("the parents are wrong: %+v %+v %+v", spans[0], spans[1], spans[2])
	case spans[1].Error != parley.Throttled.String(), spans[1].Broken, !spans[2].Broken:
		t.Errorf("the errors are %q (broken %t) and %q (broken %t)",
			spans[1].Error, spans[1].Broken, spans[2].Error, spans[2].Broken)
	}
	for _, s := range spans {
		if s.Context.TraceID != root.Context.TraceID {
			t.Errorf("%s is in another trace", s.Name)
		}
	}
}

func TestSample(t *testing.T) {
	const requests = 10_000
	for _, share := range []float64{0, 0.1, 1} {
		tracer, n := trace.New(share, func(*trace.Span) {}), 0
		for range requests {
			if tracer.Start(trace.Context{}, "request", time.Now()) != nil {
				n++
			}
		}
		if low, high := 0.8*share*requests, 1.2*share*requests; float64(n) < low || float64(n) > high {
			t.Errorf("%d of %d requests are traced, want a share of %g", n, requests, share)
		}
	}
}

func TestNothingIsTracedForNothing(t *testing.T) {
	var off *trace.Tracer
	rare := trace.New(0, func(*trace.Span) { t.Error("a span ended that never began") })
	now := time.Now()
	for name, tracer := range map[string]*trace.Tracer{"off": off, "not sampled": rare} {
		allocs := testing.AllocsPerRun(100, func() {
			s := tracer.Start(trace.Context{}, "request", now)
			s.SetRoom(parley.ARN{})
			c := s.Child("step")
			c.Set("key", true)
			c.End(nil)
			s.End(nil)
			tracer.Continue(nil, "step").End(nil)
		})
		if allocs != 0 {
			t.Errorf("%s: %g allocations for a request that is not traced", name, allocs)
		}
	}
}

func TestSpansKeepFewAttributes(t *testing.T) {
	s := trace.New(1, func(*trace.Span) {}).Start(trace.Context{}, "request", time.Now())
	for i := range 100 {
		s.Set("key", i)
	}
	if got := len(s.Attributes); got != 16 {
		t.Errorf("a span keeps %d attributes, want 16", got)
	}
}
