package otlp_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/parley-chat/parley/internal/metrics"
	"github.com/parley-chat/parley/internal/otlp"
	"github.com/parley-chat/parley/internal/trace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// export starts an exporter to a collector, and returns what takes spans for it.
func export(t *testing.T, collector http.HandlerFunc) (*otlp.Exporter, *trace.Tracer) {
	t.Helper()
	server := httptest.NewServer(collector)
	t.Cleanup(server.Close)
	e := otlp.New(otlp.Config{Endpoint: server.URL, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(e.Close)
	return e, trace.New(1, e.Take)
}

func end(tracer *trace.Tracer, n int) {
	for range n {
		tracer.Start(trace.Context{}, "request", time.Now()).End(nil)
	}
}

func wantState(t *testing.T, e *otlp.Exporter, sent, lost uint64) {
	t.Helper()
	if got, want := e.State(), (metrics.Export{Name: "traces", Sent: sent, Lost: lost}); got != want {
		t.Errorf("the exporter counts %+v, want %+v", got, want)
	}
}

// count returns how many spans a request has.
func count(t *testing.T, r *http.Request) (n int) {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	var data tracepb.TracesData
	if err == nil {
		err = proto.Unmarshal(body, &data)
	}
	if err != nil {
		t.Errorf("the collector got no spans: %v", err)
	}
	for _, resource := range data.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			n += len(scope.Spans)
		}
	}
	return n
}

func TestCloseSendsWhatWaits(t *testing.T) {
	const spans = 1300 // several batches
	got := 0
	e, tracer := export(t, func(_ http.ResponseWriter, r *http.Request) {
		n := count(t, r)
		if n == 0 || n > 512 {
			t.Errorf("a request has %d spans, want 1 to 512", n)
		}
		got += n
	})
	end(tracer, spans)
	e.Close()
	e.Close()
	if got != spans {
		t.Errorf("the collector got %d spans, want %d", got, spans)
	}
	wantState(t, e, spans, 0)
}

func TestBusyCollectorIsAskedAgain(t *testing.T) {
	for _, status := range []int{429, 502, 503, 504} {
		tries := make(chan struct{}, 10)
		e, tracer := export(t, func(w http.ResponseWriter, r *http.Request) {
			count(t, r)
			if tries <- struct{}{}; len(tries) == 1 {
				w.WriteHeader(status)
			}
		})
		end(tracer, 3)
		for deadline := time.After(20 * time.Second); e.State().Sent == 0; {
			select {
			case <-deadline:
				t.Fatalf("status %d: nothing was sent again", status)
			case <-time.After(5 * time.Millisecond):
			}
		}
		e.Close()
		wantState(t, e, 3, 0)
	}
}

func TestRefusedSpansAreLost(t *testing.T) {
	for _, status := range []int{400, 401, 404, 302, 500} {
		tries := 0
		e, tracer := export(t, func(w http.ResponseWriter, r *http.Request) {
			tries++
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		})
		end(tracer, 3)
		e.Close()
		if tries != 1 {
			t.Errorf("status %d: the collector was asked %d times, want once", status, tries)
		}
		wantState(t, e, 0, 3)
	}
}

func TestPartialSuccess(t *testing.T) {
	partial := protowire.AppendTag(nil, 1, protowire.VarintType)
	partial = protowire.AppendVarint(partial, 2)
	answer := protowire.AppendTag(nil, 1, protowire.BytesType)
	answer = protowire.AppendBytes(answer, partial)
	for name, test := range map[string]struct {
		answer     string
		sent, lost uint64
	}{
		"two are rejected":   {string(answer), 3, 2},
		"none is rejected":   {"", 5, 0},
		"malformed":          {string(answer[:len(answer)-1]), 5, 0},
		"more than there is": {"\x0a\x06\x08\xff\xff\xff\xff\x0f", 0, 5},
	} {
		t.Run(name, func(t *testing.T) {
			e, tracer := export(t, func(w http.ResponseWriter, r *http.Request) {
				count(t, r)
				_, _ = io.WriteString(w, test.answer)
			})
			end(tracer, 5)
			e.Close()
			wantState(t, e, test.sent, test.lost)
		})
	}
}

func TestHangingCollector(t *testing.T) {
	const (
		waiting = 4096 // that the queue has room for
		batch   = 512  // that is on its way
	)
	hang, asked := make(chan struct{}), make(chan struct{}, 100)
	e, tracer := export(t, func(_ http.ResponseWriter, r *http.Request) {
		count(t, r)
		asked <- struct{}{}
		<-hang
	})
	t.Cleanup(func() { close(hang) }) // before the server is closed
	end(tracer, batch)
	<-asked
	begun := time.Now()
	end(tracer, waiting)
	wantState(t, e, 0, 0)
	end(tracer, 100) // over the limit
	wantState(t, e, 0, 100)
	if took := time.Since(begun); took > time.Second {
		t.Errorf("those who end spans waited for %s", took)
	}
	e.Close()
	if took := time.Since(begun); took > 8*time.Second {
		t.Errorf("Close took %s", took)
	}
	wantState(t, e, 0, batch+waiting+100)
}
