package control_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley"
)

func TestEveryOperationIsServed(t *testing.T) {
	for _, op := range parley.Operations {
		s := start(nil, aRoom()).with(aConfiguration())
		body := valid(op.Name)
		w := s.call(t, owner, op.Name, body)
		if w.Code != op.Status {
			t.Errorf("%s %s: status %d, want %d; body %s; log %s",
				op.Name, body, w.Code, op.Status, w.Body, s.log)
		}
	}
}

func TestTargets(t *testing.T) {
	const ok, unknown, unsigned = http.StatusOK, http.StatusNotFound, http.StatusForbidden
	s := start(nil, aRoom())
	for _, tt := range []struct {
		method, target string
		signed         bool
		want           int
	}{
		{"POST", "/ListRooms", true, ok},
		{"POST", "/ListRooms?", true, ok},
		{"POST", "/ListRooms?a=b&c", true, ok},
		{"POST", "http://example.com/ListRooms", true, ok},
		{"POST", "http://example.com/ListRooms?", true, ok},
		{"POST", "/ListRooms", false, unsigned},
		{"GET", "/ListRooms", false, unknown},
		{"HEAD", "/ListRooms", false, unknown},
		{"OPTIONS", "*", false, unknown},
		{"POST", "/", false, unknown},
		{"POST", "//ListRooms", false, unknown},
		{"POST", "/ListRooms/", false, unknown},
		{"POST", "/./ListRooms", false, unknown},
		{"POST", "/listrooms", false, unknown},
		{"POST", "/List%52ooms", false, unknown},
		{"POST", "http://example.com//ListRooms", false, unknown},
		{"POST", "http://example.com", false, unknown},
		{"POST", "http://example.com?/ListRooms", false, unknown},
		{"POST", "/SendEverything", true, unknown},

		{"GET", "/tags/" + roomARN, true, ok},
		{"GET", "/tags/" + roomARN + "?", true, ok},
		{"GET", tagsTarget(roomARN), true, ok},
		{"DELETE", tagsTarget(roomARN) + "?tagKeys=a", true, ok},
		{"GET", "http://example.com" + tagsTarget(roomARN), true, ok},
		{"GET", "http://example.com/tags/" + roomARN, true, ok},
		{"GET", tagsTarget(roomARN), false, unsigned},
		{"POST", "/tags/", false, unsigned},
		{"PUT", tagsTarget(roomARN), false, unknown},
		{"HEAD", tagsTarget(roomARN), false, unknown},
		{"GET", "/tags", false, unknown},
		{"GET", "/Tags/" + roomARN, false, unknown},
		{"GET", "//tags/" + roomARN, false, unknown},
		{"GET", "/%74ags/" + roomARN, false, unknown},
		{"POST", "/TagResource", false, unknown},
	} {
		r := httptest.NewRequest(tt.method, tt.target, nil)
		if tt.signed {
			r = sign(t, r, "", owner)
		}
		w := s.serve(r)
		if w.Code != tt.want {
			t.Errorf("%s %s, signed %t: status %d, want %d; body %s",
				tt.method, tt.target, tt.signed, w.Code, tt.want, w.Body)
		}
		name := errorType(w)
		if tt.want == unknown && name != "UnknownOperationException" {
			t.Errorf("%s %s: type %q, want UnknownOperationException", tt.method, tt.target, name)
		}
	}
}

func TestWhoSigns(t *testing.T) {
	s := start(nil)
	for _, tt := range []struct {
		name string
		by   caller
		want string // type of the error
	}{
		{"wrong secret", caller{region, owner.key, "guessed"}, "InvalidSignatureException"},
		{"unknown key", caller{region, "AKIDNOBODY", "guessed"}, "UnrecognizedClientException"},
		{"region not served", caller{"mars-1", owner.key, owner.secret}, "InvalidSignatureException"},
	} {
		w := s.call(t, tt.by, "ListRooms", "{}")
		if got := errorType(w); w.Code != http.StatusForbidden || got != tt.want {
			t.Errorf("%s: status %d, type %q, want 403 %s", tt.name, w.Code, got, tt.want)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/CreateRoom", strings.NewReader(`{"name":"b"}`))
	if w := s.serve(sign(t, r, `{"name":"a"}`, owner)); w.Code != http.StatusForbidden {
		t.Errorf("body that is not the signed one: status %d, want 403", w.Code)
	}
}

func TestAnyContentTypeIsAccepted(t *testing.T) {
	s := start(nil)
	for _, contentType := range []string{"", "application/json", "text/plain; charset=utf-8", "a/b"} {
		r := httptest.NewRequest(http.MethodPost, "/CreateRoom", strings.NewReader("{}"))
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		if w := s.serve(sign(t, r, "{}", owner)); w.Code != http.StatusOK {
			t.Errorf("Content-Type %q: status %d, want 200", contentType, w.Code)
		}
	}
}

// untouchable is a body that must not be read.
type untouchable struct{ t *testing.T }

func (u untouchable) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func TestBodySize(t *testing.T) {
	const limit = 1 << 20
	web := httptest.NewServer(start(nil).handler)
	t.Cleanup(web.Close)
	for _, tt := range []struct {
		size    int
		chunked bool
		want    int
	}{
		{limit, false, http.StatusOK},
		{limit, true, http.StatusOK},
		{limit + 1, false, http.StatusRequestEntityTooLarge},
		{limit + 1, true, http.StatusRequestEntityTooLarge},
	} {
		body := `{"unknown":"` + letters(tt.size-len(`{"unknown":""}`)) + `"}`
		var reader io.Reader = strings.NewReader(body)
		if tt.chunked {
			reader = io.MultiReader(reader) // hides the length
		}
		r, err := http.NewRequest(http.MethodPost, web.URL+"/ListRooms", reader)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := web.Client().Do(sign(t, r, body, owner))
		if err != nil {
			t.Fatalf("%d bytes, chunked %t: %v", tt.size, tt.chunked, err)
		}
		defer answer.Body.Close()
		if answer.StatusCode != tt.want {
			t.Errorf("%d bytes, chunked %t: status %d, want %d",
				tt.size, tt.chunked, answer.StatusCode, tt.want)
		}
	}
}

func TestBodiesAreNotReadInVain(t *testing.T) {
	s := start(nil)
	nobody := caller{region, "AKIDNOBODY", "guessed"}
	for _, tt := range []struct {
		name   string
		path   string
		by     caller
		length int64
		want   int
	}{
		{"too long", "/CreateRoom", owner, 1<<20 + 1, http.StatusRequestEntityTooLarge},
		{"unknown key", "/CreateRoom", nobody, 10, http.StatusForbidden},
		{"unknown operation", "/Nothing", owner, 10, http.StatusNotFound},
	} {
		r := httptest.NewRequest(http.MethodPost, tt.path, untouchable{t})
		r.ContentLength = tt.length
		if w := s.serve(sign(t, r, "", tt.by)); w.Code != tt.want {
			t.Errorf("%s: status %d, want %d", tt.name, w.Code, tt.want)
		}
	}
}

// pipes is a listener whose connections are made by dial, so that they live in
// the bubble of a test.
type pipes chan net.Conn

func (p pipes) dial() net.Conn {
	client, server := net.Pipe()
	p <- server
	return client
}

func (p pipes) Accept() (net.Conn, error) {
	conn, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (p pipes) Close() error {
	close(p)
	return nil
}

func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "pipe"} }

// exchange sends raw bytes to a server on a connection of their own, and returns
// the answer and how long it took.
func exchange(t *testing.T, h http.Handler, raw string) (*http.Response, time.Duration) {
	t.Helper()
	listener := make(pipes)
	web := &http.Server{Handler: h}
	served := make(chan error)
	go func() { served <- web.Serve(listener) }()
	conn := listener.dial()
	defer func() {
		conn.Close()
		web.Close()
		<-served
	}()
	begin := time.Now()
	if _, err := io.WriteString(conn, raw); err != nil {
		t.Fatalf("send %q: %v", raw, err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("answer to %q: %v", raw, err)
	}
	return answer, time.Since(begin)
}

// raw returns a signed request as bytes, without its body.
func raw(t *testing.T, by caller, operation, body string, length int) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/"+operation, nil)
	r.Header.Set("Content-Length", fmt.Sprint(length))
	sign(t, r, body, by)
	var b strings.Builder
	fmt.Fprintf(&b, "POST /%s HTTP/1.1\r\nHost: %s\r\n", operation, r.Host)
	if err := r.Header.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String() + "\r\n"
}

func TestBodyThatDoesNotArrive(t *testing.T) {
	for _, tt := range []struct {
		name string
		by   caller
		want int
	}{
		{"known key", owner, http.StatusRequestTimeout},
		{"unknown key", caller{region, "AKIDNOBODY", "guessed"}, http.StatusForbidden},
	} {
		synctest.Test(t, func(t *testing.T) {
			half := raw(t, tt.by, "CreateRoom", "{}", 100) + `{"name":`
			answer, took := exchange(t, start(nil).handler, half)
			if answer.StatusCode != tt.want || took > 10*time.Second {
				t.Errorf("%s: status %d after %s, want %d within 10 s",
					tt.name, answer.StatusCode, took, tt.want)
			}
			if !answer.Close {
				t.Errorf("%s: the connection stays open after half a body", tt.name)
			}
		})
	}
}

func TestBodyThatEndsEarly(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/CreateRoom", io.MultiReader(
		strings.NewReader("{"), broken{}))
	if w := start(nil).serve(sign(t, r, "{}", owner)); w.Code != http.StatusBadRequest {
		t.Errorf("status %d, want 400; body %s", w.Code, w.Body)
	}
}

// broken is a body whose sender has gone.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestSlowOperations(t *testing.T) {
	for _, tt := range []struct {
		name  string
		needs time.Duration
		want  int
	}{
		{"longer than a body may take", 14 * time.Second, http.StatusOK},
		{"too long", time.Hour, http.StatusServiceUnavailable},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := start(nil)
			s.store.before = func(ctx context.Context) error {
				select {
				case <-time.After(tt.needs):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			answer, took := exchange(t, s.handler, raw(t, owner, "CreateRoom", "{}", 2)+"{}")
			if answer.StatusCode != tt.want || took > 15*time.Second {
				t.Errorf("%s: status %d after %s, want %d within 15 s",
					tt.name, answer.StatusCode, took, tt.want)
			}
		})
	}
}

// FuzzBodies has the API called with any body: the server never fails and never
// panics, and answers JSON or nothing.
func FuzzBodies(f *testing.F) {
	for i, op := range parley.Operations {
		for _, body := range []string{
			"", "{}", "[]", "null", "\xff", `{"a":`, valid(op.Name),
			valid(op.Name, member("name", "a"), member("tags", tagsOf(2)), toS3("chat-logs")),
			valid(op.Name, `"reason":""`, `"attributes":{"\u00e9":"\ud800"}`),
			valid(op.Name, logs(lcARN), `"messageReviewHandler":{"uri":""}`),
			valid(op.Name, `"destinationConfiguration":{"s3":{},"firehose":[]}`),
			`{"maxResults":1e3,"nextToken":"AAAAAAAAAAAAAAAAAAAAAAAAAA"}`,
			strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40),
		} {
			f.Add(uint8(i), body)
		}
	}
	f.Fuzz(func(t *testing.T, i uint8, body string) {
		op := parley.Operations[int(i)%len(parley.Operations)]
		s := start(nil, aRoom()).with(aConfiguration())
		w := s.call(t, owner, op.Name, body)
		if w.Code >= 500 || s.log.Len() > 0 {
			t.Errorf("%s %q: status %d, log %s", op.Name, body, w.Code, s.log)
		}
		if w.Code != op.Status || w.Body.Len() > 0 {
			members(t, w.Body)
		}
	})
}

func BenchmarkCreateChatToken(b *testing.B) {
	s := start(nil, aRoom())
	body := token(`"capabilities":["SEND_MESSAGE"]`, `"sessionDurationInMinutes":30`,
		`"attributes":{"displayName":"José"}`)
	r := httptest.NewRequest(http.MethodPost, "/CreateChatToken", strings.NewReader(body))
	sign(b, r, body, owner)
	b.ReportAllocs()
	for b.Loop() {
		r.Body = io.NopCloser(strings.NewReader(body))
		if w := s.serve(r); w.Code != http.StatusOK {
			b.Fatalf("status %d: %s", w.Code, w.Body)
		}
	}
}
