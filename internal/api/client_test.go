package api_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/internal/sigv4"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const arn = "arn:aws:ivschat:us-east-1:000000000000:room/g1H2I3j4k5L6"

// request is what a server saw of a call.
type request struct{ Line, Type, Body string }

// serve starts a server that answers every call by answer, and returns a client of it
// and what it was asked.
func serve(t *testing.T, cfg api.Config, answer http.HandlerFunc) (*api.Client, *[]request) {
	t.Helper()
	var seen []request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen = append(seen, request{
			r.Method + " " + r.RequestURI, r.Header.Get("Content-Type"), string(body)})
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	cfg.URL, cfg.Region, cfg.HTTP = server.URL+cfg.URL, "us-east-1", server.Client()
	return api.New(cfg), &seen
}

func text(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func call(t *testing.T, c *api.Client, operation string, in api.Object) (api.Object, error) {
	t.Helper()
	op, ok := parley.OperationNamed(operation)
	if !ok {
		t.Fatalf("there is no operation %s", operation)
	}
	return c.Call(t.Context(), op, in)
}

func TestMembersGoWhereTheOperationHasThem(t *testing.T) {
	const path = "/tags/arn%3Aaws%3Aivschat%3Aus-east-1%3A000000000000%3Aroom%2Fg1H2I3j4k5L6"
	for _, tt := range []struct {
		operation, base string
		in              api.Object
		want            request
	}{
		{"ListRooms", "", nil, request{"POST /ListRooms", "application/json", "{}"}},
		{"CreateRoom", "/base/",
			api.Object{{Name: "name", Value: "a<b"}, {Name: "tags", Value: api.Object{}}},
			request{"POST /base/CreateRoom", "application/json", `{"name":"a<b","tags":{}}`}},
		{"TagResource", "", api.Object{{Name: "tags", Value: api.Object{{Name: "k", Value: "v"}}},
			{Name: "resourceArn", Value: arn}},
			request{"POST " + path, "application/json", `{"tags":{"k":"v"}}`}},
		{"UntagResource", "", api.Object{{Name: "resourceArn", Value: arn},
			{Name: "tagKeys", Value: []any{"a", "b key", "c/d:e+f~&=?é"}}},
			request{"DELETE " + path +
				"?tagKeys=a&tagKeys=b%20key&tagKeys=c%2Fd%3Ae%2Bf~%26%3D%3F%C3%A9", "", ""}},
		{"ListTagsForResource", "", api.Object{{Name: "resourceArn", Value: arn}},
			request{"GET " + path, "", ""}},
	} {
		client, seen := serve(t, api.Config{URL: tt.base}, text(200, "{}"))
		if _, err := call(t, client, tt.operation, tt.in); err != nil {
			t.Errorf("%s: %v", tt.operation, err)
		}
		if diff := cmp.Diff([]request{tt.want}, *seen); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.operation, diff)
		}
	}
}

// TestCallsAreSigned has the server's own verifier look at signatures.
func TestCallsAreSigned(t *testing.T) {
	key := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
	credentials := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return key, nil
	})
	verifier := sigv4.New(sigv4.Config{Regions: []string{"us-east-1"}})
	for operation, in := range map[string]api.Object{
		"CreateRoom": {{Name: "name", Value: "é"}},
		"UntagResource": {{Name: "resourceArn", Value: arn},
			{Name: "tagKeys", Value: []any{"b key", "a+b"}}},
	} {
		var failure error
		client, _ := serve(t, api.Config{Credentials: credentials},
			func(w http.ResponseWriter, r *http.Request) {
				path, query, _ := strings.Cut(r.RequestURI, "?")
				signature, err := verifier.Parse(sigv4.Request{Method: r.Method, Path: path,
					RawQuery: query, Host: r.Host, Header: r.Header, ContentLength: r.ContentLength}, time.Now())
				failure = err
				if err == nil {
					body := map[bool]string{true: `{"name":"é"}`}[operation == "CreateRoom"]
					failure = signature.Verify(
						sigv4.Key{ID: key.AccessKeyID, Secret: key.SecretAccessKey}, []byte(body))
				}
			})
		if _, err := call(t, client, operation, in); err != nil || failure != nil {
			t.Errorf("%s: %v; the server says: %v", operation, err, failure)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		name, header, body string
		want               api.Refusal
	}{
		{"header", "NotFoundX", `{"message":"no"}`, api.Refusal{Code: "NotFoundX", Message: "no"}},
		{"header with URL", "NotFoundX:http://x/", `{"Message":"no"}`,
			api.Refusal{Code: "NotFoundX", Message: "no"}},
		{"header before body", "A", `{"__type":"B"}`, api.Refusal{Code: "A"}},
		{"type in the body", "", `{"__type":"ns#B:url","message":"m"}`,
			api.Refusal{Code: "B", Message: "m"}},
		{"code in the body", "", `{"code":"B"}`, api.Refusal{Code: "B"}},
		{"neither", "", `{}`, api.Refusal{Code: "404"}},
		{"no JSON", "", "<html>", api.Refusal{Code: "404", Message: "<html>"}},
		{"nothing", "", "", api.Refusal{Code: "404"}},
		{"a list", "", "[1]", api.Refusal{Code: "404"}},
	} {
		client, seen := serve(t, api.Config{}, func(w http.ResponseWriter, r *http.Request) {
			if tt.header != "" {
				w.Header().Set("x-amzn-ErrorType", tt.header)
			}
			text(404, tt.body)(w, r)
		})
		_, err := call(t, client, "ListRooms", nil)
		var refused *api.Refusal
		if !errors.As(err, &refused) {
			t.Errorf("%s: error %v, want a refusal", tt.name, err)
			continue
		}
		if refused.Code != tt.want.Code || refused.Message != tt.want.Message ||
			refused.Status != 404 || len(*seen) != 1 || refused.Exhausted {
			t.Errorf("%s: %+v after %d attempts, want %+v after one", tt.name, *refused, len(*seen), tt.want)
		}
	}
}

// TestErrorsOfProxies checks that a page is not shown as the message.
func TestErrorsOfProxies(t *testing.T) {
	for _, body := range []string{"", " \n", "<html><body>Bad gateway</body></html>"} {
		client, _ := serve(t, api.Config{Attempts: 1}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("x-amzn-ErrorType", "SomethingElse")
			text(502, body)(w, r)
		})
		_, err := call(t, client, "ListRooms", nil)
		refused := (*api.Refusal)(nil)
		if !errors.As(err, &refused) || refused.Code != "502" || refused.Message != "Bad Gateway" {
			t.Errorf("body %q: %v, want 502 Bad Gateway", body, err)
		}
	}
}

func TestWhatMayPassIsTriedAgain(t *testing.T) {
	for _, tt := range []struct {
		name     string
		answers  []int
		attempts int // allowed
		want     int // made
		fails    bool
	}{
		{"fault that passes", []int{500, 200}, 3, 2, false},
		{"fault that stays", []int{503, 503, 503}, 3, 3, true},
		{"once", []int{500}, 1, 1, true},
		{"throttled", []int{429, 200}, 2, 2, false},
		{"bad request", []int{400}, 3, 1, true},
	} {
		n := 0
		client, seen := serve(t, api.Config{Attempts: tt.attempts},
			func(w http.ResponseWriter, r *http.Request) {
				if tt.answers[n] == 429 {
					w.Header().Set("x-amzn-ErrorType", "ThrottlingException")
				}
				text(tt.answers[n], "{}")(w, r)
				n++
			})
		_, err := call(t, client, "ListRooms", nil)
		refused := (*api.Refusal)(nil)
		errors.As(err, &refused)
		if len(*seen) != tt.want || (err != nil) != tt.fails {
			t.Errorf("%s: %d attempts, error %v; want %d", tt.name, len(*seen), err, tt.want)
		}
		exhausted := tt.want == tt.attempts
		if refused != nil && refused.Exhausted != exhausted {
			t.Errorf("%s: exhausted %t, want %t", tt.name, refused.Exhausted, exhausted)
		}
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	client, seen := serve(t, api.Config{}, func(w http.ResponseWriter, r *http.Request) {
		text(500, "{}")(w, r)
		cancel()
	})
	op, _ := parley.OperationNamed("ListRooms")
	if _, err := client.Call(ctx, op, nil); err == nil || len(*seen) != 1 {
		t.Errorf("error %v after %d attempts, want one after 1", err, len(*seen))
	}
}

func TestClockOfThisMachine(t *testing.T) {
	client, _ := serve(t, api.Config{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		text(403, "{}")(w, r)
	})
	_, err := call(t, client, "ListRooms", nil)
	refused := (*api.Refusal)(nil)
	if !errors.As(err, &refused) || refused.Skew.Round(time.Minute) != time.Hour {
		t.Errorf("%v: skew %v, want an hour ahead", err, refused.Skew)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for name, body := range map[string]string{
		"no JSON":   "<html>",
		"a list":    "[]",
		"too large": `"` + strings.Repeat("x", 16<<20) + `"`,
	} {
		client, _ := serve(t, api.Config{}, text(200, body))
		if answer, err := call(t, client, "ListRooms", nil); err == nil {
			t.Errorf("%s: %v, want an error", name, answer)
		}
	}
	client, _ := serve(t, api.Config{}, text(204, ""))
	if answer, err := call(t, client, "DeleteRoom", nil); err != nil || answer != nil {
		t.Errorf("204: %v, %v; want nothing", answer, err)
	}
}

func TestNobodyThere(t *testing.T) {
	client := api.New(api.Config{URL: "http://127.0.0.1:1", Attempts: 1})
	_, err := call(t, client, "ListRooms", nil)
	failed := (*api.NetworkError)(nil)
	if !errors.As(err, &failed) || failed.URL != "http://127.0.0.1:1/ListRooms" {
		t.Errorf("%v, want a NetworkError with the URL", err)
	}
}
