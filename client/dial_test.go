package client_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/client"
)

// tryDial dials a fake server whose handshake is answered so.
func (f *fake) tryDial(options client.Options, answer answerer) error {
	f.t.Helper()
	f.answers(answer)
	options.NetDial = f.dial
	room, err := client.Dial(f.t.Context(), "ws://chat.example", f.tokens(0), options)
	if err == nil {
		_ = room.Close()
		f.t.Error("Dial succeeded")
	}
	return err
}

func TestRefusedHandshake(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		want         client.HandshakeError
		text         string
	}{
		{
			"as the service does",
			refusing(401, "x-amzn-ErrorType: UnauthorizedException\r\n", `{"message":"bad token"}`),
			client.HandshakeError{Status: 401, Type: "UnauthorizedException", Message: "bad token"},
			"the connection was refused with status 401 UnauthorizedException: bad token",
		},
		{
			"with the schema of the type",
			refusing(429, "x-amzn-errortype: ThrottlingException:http://x/\r\nRetry-After: 3\r\n", ""),
			client.HandshakeError{Status: 429, Type: "ThrottlingException", RetryAfter: 3 * time.Second},
			"the connection was refused with status 429 ThrottlingException",
		},
		{
			"by a gateway", refusing(502, "Content-Type: text/html\r\n", "<h1>message</h1>"),
			client.HandshakeError{Status: 502}, "the connection was refused with status 502",
		},
		{
			"with a redirection", refusing(302, "Location: http://elsewhere.example\r\n", ""),
			client.HandshakeError{Status: 302}, "the connection was refused with status 302",
		},
		{
			"with the token", refusing(400, "x-amzn-ErrorType: X\r\n", `{"message":"bad subprotocol token-1"}`),
			client.HandshakeError{Status: 400}, "the connection was refused with status 400",
		},
		{
			"with a long body", refusing(400, "", `{"message":"`+strings.Repeat("x", 9000)+`"}`),
			client.HandshakeError{Status: 400}, "the connection was refused with status 400",
		},
		{
			"with malformed headers", "HTTP/1.1 400 Bad Request\r\nnonsense\r\n\r\n",
			client.HandshakeError{Status: 400}, "the connection was refused with status 400",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) {
				err := f.tryDial(client.Options{}, func(int, *http.Request) string { return tt.answer })
				var got *client.HandshakeError
				if !errors.As(err, &got) {
					t.Fatalf("Dial returned %v, want a HandshakeError", err)
				}
				if diff := cmp.Diff(&tt.want, got); diff != "" || err.Error() != tt.text {
					t.Errorf("Dial returned %q, want %q (-want +got):\n%s", err, tt.text, diff)
				}
				if n, _ := f.dialed(); n != 1 {
					t.Errorf("connected %d times, want one attempt", n)
				}
			})
		})
	}
}

// TestBadHandshake checks answers that a client must not take for a session.
func TestBadHandshake(t *testing.T) {
	for name, answer := range map[string]answerer{
		"without the subprotocol": func(_ int, r *http.Request) string { return switching(r, "") },
		"with another":            func(_ int, r *http.Request) string { return switching(r, "token-2") },
		"with a longer one":       func(_ int, r *http.Request) string { return switching(r, "token-1, token-2") },
		"in another case":         func(_ int, r *http.Request) string { return switching(r, "TOKEN-1") },
		"with a wrong key": func(_ int, r *http.Request) string {
			r.Header.Set("Sec-WebSocket-Key", "x")
			return switching(r, "token-1")
		},
		"of something else": func(int, *http.Request) string { return "SSH-2.0-OpenSSH_9.9\r\n" },
		"without an end":    func(int, *http.Request) string { return "HTTP/1.1 101 Switching Protocols\r\n" },
		"with endless headers": func(_ int, r *http.Request) string {
			long := "\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n"
			return strings.Replace(switching(r, "token-1"), "\r\n", long, 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake) {
				err := f.tryDial(client.Options{}, answer)
				if err == nil || errors.As(err, new(*client.HandshakeError)) ||
					strings.Contains(err.Error(), "token-1") {
					t.Errorf("Dial returned %v, want an error of another kind, without the token", err)
				}
			})
		})
	}
}

func TestDialEndsInTime(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		never := make(chan bool)
		begin := time.Now()
		err := f.tryDial(client.Options{HandshakeTimeout: 3 * time.Second},
			func(int, *http.Request) string { <-never; return "\r\n" })
		if took := time.Since(begin); took != 3*time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %s, Dial returned %v, want after 3s that there was no time left", took, err)
		}
		close(never)
	})
	inBubble(t, func(t *testing.T, f *fake) {
		never := make(chan bool)
		f.answers(func(int, *http.Request) string { <-never; return "\r\n" })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := client.Dial(ctx, "ws://chat.example", f.tokens(0), client.Options{NetDial: f.dial})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Dial returned %v, want that of its context", err)
		}
		close(never)
	})
}

// TestContextOfDialIsForDial checks that the room outlives it.
func TestContextOfDialIsForDial(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake) {
		ctx, cancel := context.WithCancel(t.Context())
		room, err := client.Dial(ctx, "ws://chat.example", f.tokens(0), client.Options{NetDial: f.dial})
		if err != nil {
			t.Fatal(err)
		}
		defer room.Close()
		cancel()
		expectState(t, room, client.Connected)
		f.accept().drop()
		expectState(t, room, client.Connecting)
		expectState(t, room, client.Connected)
	})
}

func TestTokenProviderFailsInDial(t *testing.T) {
	broken := errors.New("the backend is away")
	_, err := client.Dial(t.Context(), "ws://127.0.0.1:1",
		func(context.Context) (client.Token, error) { return client.Token{}, broken }, client.Options{})
	if !errors.Is(err, broken) || err.Error() != "get a token: the backend is away" {
		t.Errorf("Dial returned %v, want the provider's error", err)
	}
}

// TestTokenCannotAddHeaders checks that what is no subprotocol is not sent.
func TestTokenCannotAddHeaders(t *testing.T) {
	for _, token := range []string{"", "a b", "a\r\nX: y", "a,b", "a/b", "a=", "ä"} {
		provider := func(context.Context) (client.Token, error) { return client.Token{Token: token}, nil }
		_, err := client.Dial(t.Context(), "ws://127.0.0.1:1", provider, client.Options{})
		if err == nil || !strings.Contains(err.Error(), "illegal characters") {
			t.Errorf("with token %q, Dial returned %v, want that it is illegal", token, err)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	_, err := client.Dial(t.Context(), "ftp://x", nil, client.Options{
		MinBackoff: -1, MaxBackoff: -2, MaxAttempts: -1, QueueLen: -1, PingInterval: -1, HandshakeTimeout: -1,
		Header: http.Header{"sec-websocket-key": nil}})
	want := `options: MinBackoff must be positive, not -1ns
options: MaxBackoff must be -1ns, as MinBackoff, to 24h0m0s, not -2ns
options: MaxAttempts must not be negative: -1
options: QueueLen must be 1 to 1048576, not -1
options: PingInterval must be positive, not -1ns
options: HandshakeTimeout must be positive, not -1ns
options: Header must not hold sec-websocket-key
the token provider is missing
the address must begin with ws, wss, http or https: "ftp://x"`
	if err == nil || err.Error() != want {
		t.Errorf("Dial returned:\n%v\nwant:\n%s", err, want)
	}
	for _, options := range []client.Options{
		{QueueLen: 1 << 20}, {MinBackoff: time.Minute}, {MaxBackoff: 24 * time.Hour},
		{MinBackoff: 1, MaxBackoff: 1},
	} {
		inBubble(t, func(t *testing.T, f *fake) { f.join(0, options) })
	}
	for _, options := range []client.Options{
		{QueueLen: 1<<20 + 1}, {MaxBackoff: 24*time.Hour + 1}, {MaxBackoff: 1},
	} {
		if _, err := client.Dial(t.Context(), "ws://x", nil, options); err == nil {
			t.Errorf("Dial accepts %+v", options)
		}
	}
}

func TestAddresses(t *testing.T) {
	for _, address := range []string{"", "chat.example", "ws://", "ws:", "wss://\x00", "ftp://x", "//x"} {
		if _, err := client.Dial(t.Context(), address, nil, client.Options{}); err == nil {
			t.Errorf("Dial accepts the address %q", address)
		}
	}
	got, want := client.AmazonURL("eu-central-1"), "wss://edge.ivschat.eu-central-1.amazonaws.com"
	if got != want {
		t.Errorf("the address at Amazon is %s, want %s", got, want)
	}
}

// TestDialOverTLS checks all four schemes of addresses, and headers for a gateway.
func TestDialOverTLS(t *testing.T) {
	srv := start(t)
	chat := srv.CreateRoom(t, nil)
	target, _ := url.Parse(srv.URL)
	proxy := httputil.NewSingleHostReverseProxy(target)
	gateway := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Gateway") != "let me in" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		proxy.ServeHTTP(w, r)
	})
	plain, encrypted := httptest.NewServer(gateway), httptest.NewUnstartedServer(gateway)
	defer plain.Close()
	encrypted.Config.ErrorLog = log.New(io.Discard, "", 0) // it tells of a bad certificate
	encrypted.StartTLS()
	defer encrypted.Close()
	options := client.Options{
		TLS:    encrypted.Client().Transport.(*http.Transport).TLSClientConfig,
		Header: http.Header{"X-Gateway": {"let me in"}},
	}
	for _, address := range []string{
		plain.URL, strings.Replace(plain.URL, "http", "ws", 1) + "/",
		encrypted.URL, strings.Replace(encrypted.URL, "http", "ws", 1) + "/?query=ignored",
	} {
		room := dial(t, address, mint(srv.Client, chat, "ana", 60), options)
		if m := send(t, room, "hello"); m.Content != "hello" {
			t.Errorf("%s: the echo is %+v", address, m)
		}
		_ = room.Close()
	}
	_, err := client.Dial(t.Context(), encrypted.URL, mint(srv.Client, chat, "ana", 60),
		client.Options{Header: options.Header})
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without its root, a certificate was accepted: %v", err)
	}
}
