package test

// What a started server tells EventBridge, a webhook and CloudWatch.

import (
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/app/config"
	"github.com/parley-chat/parley/internal/parleytest"
)

// exportKey signs the server's calls in these tests.
func exportKey(t *testing.T, endpoint string) config.AWSConfig {
	t.Setenv("EXPORT_SECRET", "secret")
	return config.AWSConfig{Region: "eu-west-1", Endpoint: endpoint,
		AccessKeyID: "AKIDEXPORT", SecretEnv: "EXPORT_SECRET"}
}

// wantSignedFor checks whom a call to AWS is signed by, and for which service.
func wantSignedFor(t *testing.T, r *http.Request, service string) {
	t.Helper()
	want := "/eu-west-1/" + service + "/aws4_request"
	if got := r.Header.Get("Authorization"); !strings.Contains(got, "Credential=AKIDEXPORT/") ||
		!strings.Contains(got, want) {
		t.Errorf("a call has Authorization %q, want one of AKIDEXPORT for %s", got, want)
	}
}

// told is an event as it is sent.
type told struct {
	Kind      string
	Resources []string
	Detail    map[string]any
}

// doEverything has a server do all there are events of, and returns them.
func doEverything(t *testing.T, srv *parleytest.Server) []told {
	t.Helper()
	room := srv.CreateRoom(t, map[string]any{"name": "lobby"})
	srv.Call(t, "CreateRoom", map[string]any{"name": "over-the-limit"})
	srv.Call(t, "CreateRoom", map[string]any{"name": "over-the-limit"}) // told once a minute
	srv.Call(t, "UpdateRoom", map[string]any{"identifier": room, "name": "hall"})
	ana := srv.Join(t, room, "ana", "SEND_MESSAGE", "DELETE_MESSAGE")
	ana.Say(t, "said in the room alone")
	message := ana.Next(t).ID
	ana.Send(t, fmt.Sprintf(`{"Action":"DELETE_MESSAGE","Id":%q,"Reason":"spam"}`, message))
	ana.Next(t)
	srv.Call(t, "DisconnectUser", map[string]any{"roomIdentifier": room, "userId": "ana"})
	srv.Call(t, "DeleteRoom", map[string]any{"identifier": room})
	id := room[strings.LastIndex(room, "/")+1:]
	return []told{
		{"Room Created", []string{room}, map[string]any{"room_id": id, "room_name": "lobby"}},
		{"Limit Breach", []string{}, map[string]any{"limit_name": "rooms", "limit_value": 1.0,
			"limit_unit": "Count", "exceeded_by": 1.0, "account": "000000000000", "region": "us-east-1"}},
		{"Room Updated", []string{room}, map[string]any{"room_id": id, "room_name": "hall"}},
		{"Message Deleted", []string{room}, map[string]any{"room_id": id, "message_id": message,
			"moderator_user_id": "ana", "reason": "spam"}},
		{"User Disconnected", []string{room}, map[string]any{"room_id": id, "user_id": "ana"}},
		{"Room Deleted", []string{room}, map[string]any{"room_id": id}},
	}
}

func oneRoom(cfg *app.Config) { cfg.Limits = map[string]int{"rooms": 1} }

// sinkLog collects what a server of another system is told.
type sinkLog struct {
	mu    sync.Mutex // guards what follows
	told  []told
	calls int
	grown chan struct{}
}

// await returns all that was told, when it is as much as expected.
func (l *sinkLog) await(t *testing.T, n int) []told {
	t.Helper()
	for timeout := time.After(traceWait); ; {
		l.mu.Lock()
		all := slices.Clone(l.told)
		l.mu.Unlock()
		if len(all) >= n {
			return all
		}
		select {
		case <-l.grown:
		case <-timeout:
			t.Fatalf("told %d events, want %d: %+v", len(all), n, all)
		}
	}
}

func TestEventBridge(t *testing.T) {
	log := &sinkLog{grown: make(chan struct{}, 100)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wantSignedFor(t, r, "events")
		if got := r.Header.Get("X-Amz-Target"); got != "AWSEvents.PutEvents" {
			t.Errorf("the operation is %s", got)
		}
		entries := readEntries(t, r.Body)
		if len(entries) == 0 || len(entries) > 10 {
			t.Errorf("a call has %d events, want 1 to 10", len(entries))
		}
		log.mu.Lock()
		defer log.mu.Unlock()
		log.calls++
		var results []map[string]any
		for i, e := range entries {
			if aws.ToString(e.EventBusName) != "chat" || aws.ToString(e.Source) != "my.chat" {
				t.Errorf("the event is for %s, from %s", aws.ToString(e.EventBusName), aws.ToString(e.Source))
			}
			if log.calls == 1 && i == 0 { // which comes again, and nothing else
				results = append(results, map[string]any{"ErrorCode": "ThrottlingException"})
				continue
			}
			ev := told{Kind: *e.DetailType, Resources: e.Resources}
			if err := json.Unmarshal([]byte(*e.Detail), &ev.Detail); err != nil {
				t.Errorf("the detail %q is no JSON: %v", *e.Detail, err)
			}
			log.told = append(log.told, ev)
			results = append(results, map[string]any{"EventId": fmt.Sprint(i)})
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_ = json.NewEncoder(w).Encode(map[string]any{"FailedEntryCount": 0, "Entries": results})
		log.grown <- struct{}{}
	}))
	t.Cleanup(server.Close)
	srv := parleytest.StartOne(t, oneRoom, func(cfg *app.Config) {
		cfg.Exports.Source = "my.chat"
		cfg.Exports.EventBridge = &config.EventBridgeConfig{
			AWSConfig: exportKey(t, server.URL), Bus: "chat"}
	})
	want := doEverything(t, srv)
	wantTold(t, log.await(t, len(want)), want)
}

// readEntries decodes a call of PutEvents. The SDK's types have no form for the time
// in JSON.
func readEntries(t *testing.T, body io.Reader) []types.PutEventsRequestEntry {
	t.Helper()
	var call struct{ Entries []map[string]any }
	var entries []types.PutEventsRequestEntry
	err := json.NewDecoder(body).Decode(&call)
	for _, e := range call.Entries {
		at, ok := e["Time"].(float64)
		if ago := time.Since(time.Unix(int64(at), 0)); !ok || ago < 0 || ago > time.Minute {
			t.Errorf("the time of an event is %v", e["Time"])
		}
		delete(e, "Time")
	}
	if err == nil {
		var text []byte
		text, _ = json.Marshal(call.Entries)
		decoder := json.NewDecoder(strings.NewReader(string(text)))
		decoder.DisallowUnknownFields()
		err = decoder.Decode(&entries)
	}
	if err != nil {
		t.Errorf("the call of PutEvents: %v", err)
	}
	return entries
}

// wantTold checks events, whose order a retry may change.
func wantTold(t *testing.T, got, want []told) {
	t.Helper()
	byKind := func(a, b told) int { return strings.Compare(a.Kind, b.Kind) }
	slices.SortFunc(got, byKind)
	slices.SortFunc(want, byKind)
	for i := range got {
		if got[i].Resources == nil {
			got[i].Resources = []string{} // the two forms of none
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestEventWebhook(t *testing.T) {
	t.Setenv("HOOK_SECRET", "old")
	t.Setenv("NEXT_HOOK_SECRET", "new")
	log := &sinkLog{grown: make(chan struct{}, 100)}
	ids := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		wantSignature(t, r.Header.Get("Parley-Signature"), body, "old", "new")
		var events []struct {
			Version, ID, Source, Account, Region string
			Kind                                 string `json:"detail-type"`
			Time                                 time.Time
			Resources                            []string
			Detail                               map[string]any
		}
		if err := json.Unmarshal(body, &events); err != nil || len(events) == 0 || len(events) > 10 {
			t.Errorf("the webhook got %s (%v)", body, err)
		}
		log.mu.Lock()
		defer log.mu.Unlock()
		if log.calls++; log.calls == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		for _, e := range events {
			if e.Version != "0" || e.Source != "parley" || e.Account != "000000000000" ||
				e.Region != "us-east-1" || time.Since(e.Time) > time.Minute || ids[e.ID] {
				t.Errorf("the envelope is %+v", e)
			}
			ids[e.ID] = true
			log.told = append(log.told, told{e.Kind, e.Resources, e.Detail})
		}
		log.grown <- struct{}{}
	}))
	t.Cleanup(server.Close)
	srv := parleytest.StartOne(t, oneRoom, func(cfg *app.Config) {
		cfg.Exports.Webhook = &config.EventWebhookConfig{URL: server.URL,
			SecretEnv: "HOOK_SECRET", NextSecretEnv: "NEXT_HOOK_SECRET"}
	})
	want := doEverything(t, srv)
	wantTold(t, log.await(t, len(want)), want)
}

// wantSignature checks the documented form of a signature, with its own arithmetic.
func wantSignature(t *testing.T, got string, body []byte, secrets ...string) {
	t.Helper()
	at, _, _ := strings.Cut(strings.TrimPrefix(got, "t="), ",")
	want := "t=" + at
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		fmt.Fprintf(mac, "%s.%s", at, body)
		want += ",v1=" + hex.EncodeToString(mac.Sum(nil))
	}
	if got != want {
		t.Errorf("the signature is %q, want %q", got, want)
	}
}

func TestCloudWatch(t *testing.T) {
	sums := map[string]float64{} // of the values, by metric and dimensions
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wantSignedFor(t, r, "monitoring")
		const want = "/service/GraniteServiceVersion20100801/operation/PutMetricData"
		if r.URL.Path != want || r.Header.Get("Smithy-Protocol") != "rpc-v2-cbor" {
			t.Errorf("the call is for %s in %s", r.URL.Path, r.Header.Get("Smithy-Protocol"))
		}
		for name, value := range readData(t, r) {
			sums[name] += value
		}
		w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
		w.Header().Set("Content-Type", "application/cbor")
		_, _ = w.Write([]byte{0xa0}) // an empty map
	}))
	t.Cleanup(server.Close)
	srv := parleytest.StartOne(t, func(cfg *app.Config) {
		cfg.Exports.CloudWatch = &config.CloudWatchConfig{AWSConfig: exportKey(t, server.URL)}
	})
	room := srv.CreateRoom(t, map[string]any{"maximumMessageRatePerSecond": 100})
	ana, ben := srv.Join(t, room, "ana", "SEND_MESSAGE", "DELETE_MESSAGE"), srv.Join(t, room, "ben")
	for range 3 {
		ana.Say(t, "hello")
		ana.Next(t)
		ben.Next(t)
	}
	ana.Send(t, `{"Action":"DELETE_MESSAGE","Id":"abcdefghijkl"}`)
	ana.Next(t)
	if err := srv.Close(); err != nil { // which sends what was counted
		t.Fatal(err)
	}
	want := map[string]float64{
		"ConcurrentChatConnections": 2,
		"MessagingRequests":         4, "Requests Action=SEND_MESSAGE": 3,
		"Requests Action=DELETE_MESSAGE": 1,
		"MessagingDeliveries":            8, "Deliveries Action=SEND_MESSAGE": 6,
		"Deliveries Action=DELETE_MESSAGE": 2,
	}
	maps.DeleteFunc(sums, func(_ string, value float64) bool { return value == 0 })
	if diff := cmp.Diff(want, sums); diff != "" {
		t.Errorf("sums of the metrics (-want +got):\n%s", diff)
	}
}

// readData returns the values of a call of PutMetricData, which the SDK's own types
// decode, by metric and dimensions.
func readData(t *testing.T, r *http.Request) map[string]float64 {
	t.Helper()
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		plain, err := gzip.NewReader(body)
		if err != nil {
			t.Error(err)
			return nil
		}
		body = plain
	}
	mode, err := cbor.DecOptions{ExtraReturnErrors: cbor.ExtraDecErrorUnknownField}.DecMode()
	if err != nil {
		t.Fatal(err)
	}
	var call cloudwatch.PutMetricDataInput
	if err := mode.NewDecoder(body).Decode(&call); err != nil {
		t.Errorf("the call of PutMetricData: %v", err)
	}
	if got := aws.ToString(call.Namespace); got != "Parley/IVSChat" || len(call.MetricData) > 1000 {
		t.Errorf("the call has %d data for %s", len(call.MetricData), got)
	}
	values := map[string]float64{}
	for _, d := range call.MetricData {
		name := *d.MetricName
		for _, dimension := range d.Dimensions {
			name += " " + *dimension.Name + "=" + *dimension.Value
		}
		if d.Unit != "Count" || time.Since(*d.Timestamp) > time.Minute {
			t.Errorf("%s has unit %s and time %s", name, d.Unit, d.Timestamp)
		}
		values[name] += *d.Value
	}
	return values
}
