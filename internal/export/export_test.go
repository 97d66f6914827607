package export_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/export"
	"github.com/parley-chat/parley/internal/metrics"
	"github.com/parley-chat/parley/internal/notice"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start starts an exporter whose other side is a server in the test.
func start(
	t *testing.T, handler http.HandlerFunc, configure func(cfg *export.Config, url string),
) *export.Exporter {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	cfg := export.Config{Source: "parley", Metrics: metrics.New(), Log: slog.New(slog.DiscardHandler)}
	configure(&cfg, server.URL)
	e, err := export.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func toWebhook(cfg *export.Config, url string) {
	cfg.Webhook = &export.Webhook{URL: url, Secrets: [][]byte{[]byte("secret")}}
}

func aws(url string) export.AWS {
	return export.AWS{Region: "eu-west-1", Endpoint: url, AccessKeyID: "AKID", Secret: "secret"}
}

func created() notice.Notice {
	return notice.Notice{Kind: notice.RoomCreated, Time: time.Now(), Room: parley.ARN{
		Region: "us-east-1", Account: "000000000000", Kind: parley.KindRoom, ID: "abcdefghijkl"}}
}

func wantState(t *testing.T, e *export.Exporter, name string, sent, lost uint64) {
	t.Helper()
	want := metrics.Export{Name: name, Sent: sent, Lost: lost}
	if got := e.State(); len(got) != 1 || got[0] != want {
		t.Errorf("the exporter counts %+v, want %+v", got, want)
	}
}

func TestEventsThatAreRefusedAreLost(t *testing.T) {
	for _, status := range []int{301, 400, 401, 410} {
		e := start(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		}, toWebhook)
		e.Notify(created())
		e.Close()
		wantState(t, e, "webhook", 0, 1)
	}
}

func TestEventsAreSentInTens(t *testing.T) {
	var sizes []int
	e := start(t, func(_ http.ResponseWriter, r *http.Request) {
		var events []any
		if err := json.NewDecoder(r.Body).Decode(&events); err != nil {
			t.Error(err)
		}
		sizes = append(sizes, len(events))
	}, toWebhook)
	for range 21 {
		e.Notify(created())
	}
	e.Close()
	if fmt.Sprint(sizes) != "[10 10 1]" {
		t.Errorf("calls have %v events, want [10 10 1]", sizes)
	}
	wantState(t, e, "webhook", 21, 0)
}

func TestWebhookThatHangs(t *testing.T) {
	const waiting, batch = 1024, 10
	hang, asked := make(chan struct{}), make(chan struct{}, 10)
	e := start(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		asked <- struct{}{}
		<-hang
	}, toWebhook)
	t.Cleanup(func() { close(hang) })
	for range batch {
		e.Notify(created())
	}
	<-asked
	begun := time.Now()
	for range waiting {
		e.Notify(created())
	}
	wantState(t, e, "webhook", 0, 0)
	e.Notify(created())
	wantState(t, e, "webhook", 0, 1)
	if took := time.Since(begun); took > time.Second {
		t.Errorf("Notify waited: %s", took)
	}
	e.Close()
	wantState(t, e, "webhook", 0, batch+waiting+1)
}

func TestPartsOfABatch(t *testing.T) {
	calls := 0
	e := start(t, func(w http.ResponseWriter, r *http.Request) {
		var call struct{ Entries []any }
		if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
			t.Error(err)
		}
		calls++
		switch {
		case calls == 1 && len(call.Entries) == 10:
			_, _ = io.WriteString(w, `{"FailedEntryCount":2,"Entries":[{"EventId":"1"},`+
				`{"ErrorCode":"InternalFailure"},{"EventId":"3"},{"ErrorCode":"MalformedDetail"}]}`)
		case calls == 2 && len(call.Entries) == 1:
			_, _ = io.WriteString(w, `{"FailedEntryCount":0,"Entries":[{"EventId":"2"}]}`)
		default:
			t.Errorf("call %d has %d events", calls, len(call.Entries))
		}
	}, func(cfg *export.Config, url string) { cfg.EventBridge = &export.EventBridge{AWS: aws(url)} })
	for range 10 {
		e.Notify(created())
	}
	await(t, func() bool { s := e.State()[0]; return s.Sent+s.Lost == 10 })
	wantState(t, e, "eventbridge", 9, 1)
}

func await(t *testing.T, done func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.After(20 * time.Second); !done(); {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatal("it did not happen in time")
		}
	}
}

func TestBreachesAreToldOnceAMinute(t *testing.T) {
	var events atomic.Int64
	e := start(t, func(_ http.ResponseWriter, r *http.Request) {
		var batch []any
		_ = json.NewDecoder(r.Body).Decode(&batch)
		events.Add(int64(len(batch)))
	}, toWebhook)
	now := time.Now()
	breach := func(account string, quota parley.Quota, after time.Duration) {
		e.Notify(notice.Notice{Kind: notice.LimitBreach, Quota: quota, Limit: 5, Time: now.Add(after),
			World: parley.World{Region: "us-east-1", Account: account}})
	}
	breach("000000000000", parley.QuotaMessages, 0)
	breach("000000000000", parley.QuotaMessages, time.Minute-1) // too soon
	breach("000000000000", parley.QuotaDeletes, 0)
	breach("111111111111", parley.QuotaMessages, 0)
	breach("000000000000", parley.QuotaMessages, time.Minute)
	e.Close()
	if got := events.Load(); got != 4 {
		t.Errorf("%d breaches were told, want 4", got)
	}
}

func TestMetricsAreSentAgain(t *testing.T) {
	var calls atomic.Int64
	e := start(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
		w.Header().Set("Content-Type", "application/cbor")
		if calls.Add(1) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = w.Write([]byte{0xa0})
	}, func(cfg *export.Config, url string) {
		cfg.CloudWatch = &export.CloudWatch{AWS: aws(url), Namespace: "Test",
			Every: 10 * time.Millisecond}
	})
	await(t, func() bool { return e.State()[0].Sent > 0 })
	if s := e.State()[0]; s.Name != "cloudwatch" || s.Lost > 0 {
		t.Errorf("the exporter counts %+v, want nothing lost", s)
	}
}

func TestStartWithoutCredentialsOfAProfile(t *testing.T) {
	t.Setenv("AWS_CONFIG_FILE", "/nowhere")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
	_, err := export.New(context.Background(), export.Config{Log: slog.New(slog.DiscardHandler),
		EventBridge: &export.EventBridge{AWS: export.AWS{Region: "eu-west-1", Profile: "missing"}}})
	if err == nil {
		t.Error("a profile that does not exist is no error")
	}
}
