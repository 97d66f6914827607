package awscli_test

import (
	"bytes"
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/awscli"
)

// result is what a command did.
type result struct {
	code     int
	out, err string
}

// execute runs a command line with an access key, and without anything else that a
// machine could have.
func execute(t *testing.T, ctx context.Context, words ...string) result {
	t.Helper()
	alone(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	return executeAs(t, ctx, noLocal, words...)
}

func executeAs(
	t *testing.T, ctx context.Context, find awscli.FindLocal, words ...string,
) result {
	t.Helper()
	var out, errs bytes.Buffer
	command, rest, ok := awscli.Find(awscli.Config{
		Out: &out, Err: &errs, Version: "parley test", FindLocal: find,
	}, words)
	if !ok {
		t.Fatalf("%q names no command", words)
	}
	code := command.Run(ctx, rest)
	return result{code, out.String(), errs.String()}
}

func answer(status int, header, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if name, value, ok := strings.Cut(header, ": "); ok {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestFailuresSayWhatToDo(t *testing.T) {
	hourBehind := "Date: " + time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	closed := httptest.NewServer(nil)
	closed.Close()
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		words  []string
		want   result
	}{
		{"clock", answer(403, hourBehind,
			`{"__type":"InvalidSignatureException","message":"Signature expired: …"}`), nil,
			result{254, "", "behind that of the service: set it right"}},
		{"key of another server", answer(403, "", `{"__type":"UnrecognizedClientException"}`), nil,
			result{254, "", "is it one of another server"}},
		{"no server", nil, []string{"--endpoint-url", closed.URL},
			result{255, "", `Could not connect to the endpoint URL: "` + closed.URL + `/ListRooms"`}},
		{"no API", answer(200, "", "<html>"), nil, result{255, "", "is this its control plane?"}},
		{"redirect", answer(302, "Location: http://127.0.0.1:1/", ""), nil,
			result{254, "", "An error occurred (302) when calling the ListRooms operation"}},
		{"bad query", nil, []string{"--query", "rooms["},
			result{252, "", "Bad value for --query rooms["}},
		{"form of errors", answer(404, "x-amzn-ErrorType: ConflictException", `{"message":"m"}`),
			[]string{"--cli-error-format", "json"}, result{254, "", `"Code": "ConflictException"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(tt.answer)
			defer server.Close()
			words := append([]string{"list-rooms", "--endpoint-url", server.URL}, tt.words...)
			got := execute(t, t.Context(), words...)
			if got.code != tt.want.code || got.out != "" || !strings.Contains(got.err, tt.want.err) {
				t.Errorf("exit %d, out %q, err %q; want exit %d and %q",
					got.code, got.out, got.err, tt.want.code, tt.want.err)
			}
		})
	}
}

func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(answer(200, "", `{"rooms":[]}`))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	got := execute(t, t.Context(), "list-rooms", "--endpoint-url", server.URL)
	if want := "SSL validation failed for " + server.URL; got.code != 255 ||
		!strings.Contains(got.err, want) {
		t.Errorf("untrusted: exit %d, %q; want 255 and %q", got.code, got.err, want)
	}
	got = execute(t, t.Context(), "list-rooms", "--endpoint-url", server.URL, "--no-verify-ssl")
	if got.code != 0 || !strings.Contains(got.out, `"rooms": []`) {
		t.Errorf("--no-verify-ssl: exit %d, out %q, err %q", got.code, got.out, got.err)
	}
}

// TestTimeout has a server that takes connections and does not answer.
func TestTimeout(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		<-release
	}))
	defer server.Close()
	defer close(release)
	got := execute(t, t.Context(), "list-rooms", "--endpoint-url", server.URL,
		"--cli-read-timeout", "1")
	if want := `Read timeout on endpoint URL: "` + server.URL; got.code != 255 ||
		!strings.Contains(got.err, want) {
		t.Errorf("exit %d, %q; want 255 and %q", got.code, got.err, want)
	}
}

func TestInterrupt(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		interrupt()
		<-release
	}))
	defer server.Close()
	defer close(release)
	if got := execute(t, ctx, "list-rooms", "--endpoint-url", server.URL); got.code != 130 {
		t.Errorf("exit %d, %q; want 130", got.code, got.err)
	}
}

// TestDebug checks that what is logged helps, and gives nothing away.
func TestDebug(t *testing.T) {
	server := httptest.NewServer(answer(200, "x-amzn-RequestId: 1234", `{"token":"s3cr3t"}`))
	defer server.Close()
	got := execute(t, t.Context(), "create-chat-token", "--endpoint-url", server.URL, "--debug",
		"--room-identifier", "r", "--user-id", "ann", "--query", "length(token)")
	for _, want := range []string{"CreateChatToken", "status=200", "1234", server.URL} {
		if !strings.Contains(got.err, want) {
			t.Errorf("the log lacks %s:\n%s", want, got.err)
		}
	}
	for _, secret := range []string{"wJalrXUtnFEMI", "s3cr3t", "ann"} {
		if strings.Contains(got.err, secret) {
			t.Errorf("the log has %s:\n%s", secret, got.err)
		}
	}
	if got.code != 0 || got.out != "6\n" {
		t.Errorf("exit %d, out %q; want 0 and 6", got.code, got.out)
	}
}

// TestServerOfThisMachine checks that it is used without a word on the line, and that
// this is said once, where it does not get into what is printed.
func TestServerOfThisMachine(t *testing.T) {
	server := httptest.NewServer(answer(200, "", `{"arn":"a"}`))
	defer server.Close()
	key := filepath.Join(alone(t), "credentials")
	write(t, key, "[default]\naws_access_key_id = LOCAL\naws_secret_access_key = s\n")
	got := executeAs(t, t.Context(), func() (awscli.Local, bool) {
		return awscli.Local{URL: server.URL, Region: "us-east-1", Credentials: key}, true
	}, "create-room", "--query", "arn", "--output", "text")
	want := result{0, "a\n", "parley: using the server at " + server.URL +
		" with the access key in " + key + "\n"}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestDefaultsOfTheFormat(t *testing.T) {
	server := httptest.NewServer(answer(200, "", `{"createTime":"2022-03-16T03:45:09Z"}`))
	defer server.Close()
	words := []string{"create-room", "--endpoint-url", server.URL, "--query", "createTime"}
	for _, tt := range []struct {
		name, env, file string
		want            result
	}{
		{"none", "", "", result{0, "\"2022-03-16T03:45:09+00:00\"\n", ""}},
		{"environment", "text", "output = json", result{0, "2022-03-16T03:45:09+00:00\n", ""}},
		{"profile", "", "output = text\ncli_timestamp_format = wire",
			result{0, "2022-03-16T03:45:09Z\n", ""}},
		{"wrong", "xml", "", result{255, "", "\nparley: [ERROR]: Unknown output type: xml\n"}},
		{"wrong times", "", "cli_timestamp_format = x", result{255, "", "\nparley: [ERROR]: " +
			`Unknown cli_timestamp_format value: x, valid values are "wire" or "iso8601"` + "\n"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(alone(t), "config")
			write(t, path, "[default]\nregion = us-east-1\naws_access_key_id = K\n"+
				"aws_secret_access_key = s\n"+tt.file+"\n")
			t.Setenv("AWS_CONFIG_FILE", path)
			t.Setenv("AWS_DEFAULT_OUTPUT", tt.env)
			if got := executeAs(t, t.Context(), noLocal, words...); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}
