package test

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/parleytest"
)

// handshake sends an opening request as given and returns the answer.
func handshake(t *testing.T, srv *parleytest.Server, method, target string, header http.Header) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", srv.NextHost())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var request strings.Builder
	request.WriteString(method + " " + target + " HTTP/1.1\r\nHost: chat.example\r\n")
	_ = header.Write(&request)
	request.WriteString("\r\n")
	if _, err := io.WriteString(conn, request.String()); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var body []byte
	if res.StatusCode != http.StatusSwitchingProtocols {
		if body, err = io.ReadAll(res.Body); err != nil {
			t.Fatal(err)
		}
	}
	return res, string(body)
}

// upgrade returns the headers of a good handshake.
func upgrade(token string) http.Header {
	var key [16]byte
	_, _ = rand.Read(key[:])
	return http.Header{
		"Connection":             {"keep-alive, Upgrade"},
		"Upgrade":                {"websocket"},
		"Sec-Websocket-Version":  {"13"},
		"Sec-Websocket-Key":      {base64.StdEncoding.EncodeToString(key[:])},
		"Sec-Websocket-Protocol": {token},
	}
}

func TestHandshakeRefusals(t *testing.T) {
	srv := parleytest.Start(t, func(cfg *app.Config) {
		cfg.Limits = map[string]int{string(parley.QuotaConnections): 1}
	})
	srv.Client = srv.Node(0) // others would hear of its session a moment later
	room := srv.CreateRoom(t, nil)
	other := srv.CreateRoom(t, nil)
	orphan := srv.Token(t, other, "ana")
	if a := srv.Call(t, "DeleteRoom", map[string]string{"identifier": other}); a.Status != http.StatusNoContent {
		t.Fatalf("DeleteRoom: %+v", a)
	}
	used := srv.Token(t, room, "ana")
	holder, err := srv.Dial(t, used)
	if err != nil {
		t.Fatal(err)
	}
	spare := srv.Token(t, room, "ben")
	edit := func(name string, values ...string) http.Header {
		h := upgrade(spare)
		h[name] = values
		return h
	}
	altered := []byte(spare)
	altered[len(altered)/2] ^= 1
	const unauthorized, upgradeRequired = "UnauthorizedException", "BadRequestException"
	for _, tt := range []struct {
		name, method, target string
		header               http.Header
		status               int
		errorType            string
	}{
		{"not an upgrade", "GET", "/", nil, 426, upgradeRequired},
		{"no Connection: Upgrade", "GET", "/", edit("Connection", "close"), 426, upgradeRequired},
		{"not GET", "PUT", "/", upgrade(spare), 426, upgradeRequired},
		{"version 8", "GET", "/", edit("Sec-Websocket-Version", "8"), 426, upgradeRequired},
		{"no key", "GET", "/", edit("Sec-Websocket-Key"), 426, upgradeRequired},
		{"short key", "GET", "/", edit("Sec-Websocket-Key", "c2hvcnQ="), 426, upgradeRequired},
		{"no token", "GET", "/", edit("Sec-Websocket-Protocol"), 401, unauthorized},
		{"empty token", "GET", "/", edit("Sec-Websocket-Protocol", ""), 401, unauthorized},
		{"two tokens in one header", "GET", "/", edit("Sec-Websocket-Protocol", spare+", "+spare), 401, unauthorized},
		{"two headers", "GET", "/", edit("Sec-Websocket-Protocol", spare, spare), 401, unauthorized},
		{"garbage", "GET", "/", edit("Sec-Websocket-Protocol", "garbage"), 401, unauthorized},
		{"altered", "GET", "/", edit("Sec-Websocket-Protocol", string(altered)), 401, unauthorized},
		{"room deleted", "GET", "/", upgrade(orphan), 404, "ResourceNotFoundException"},
		{"too many connections", "GET", "/", upgrade(spare), 429, "ThrottlingException"},
		{"another path", "GET", "/chat", upgrade(spare), 404, "UnknownOperationException"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res, body := handshake(t, srv, tt.method, tt.target, tt.header)
			if res.StatusCode != tt.status || res.Header.Get("x-amzn-ErrorType") != tt.errorType {
				t.Errorf("answered %s %s, want %d %s", res.Status, res.Header.Get("x-amzn-ErrorType"), tt.status, tt.errorType)
			}
			var got map[string]string
			if err := json.Unmarshal([]byte(body), &got); err != nil || got["message"] == "" || len(got) != 1 {
				t.Errorf("body %q, want one message", body)
			}
			if res.Header.Get("x-amzn-RequestId") == "" || res.Header.Get("Content-Type") != "application/json" {
				t.Errorf("headers %v, want a request id and JSON", res.Header)
			}
			if tt.status == 426 && (res.Header.Get("Upgrade") != "websocket" || res.Header.Get("Sec-WebSocket-Version") != "13") {
				t.Errorf("headers %v, want Upgrade and Sec-WebSocket-Version: 13", res.Header)
			}
		})
	}
	_ = holder.Conn.Close()
	t.Run("used before", func(t *testing.T) {
		// The place is free as soon as the server has seen the other session go.
		for res := (*http.Response)(nil); res == nil || res.StatusCode == 429; {
			res, _ = handshake(t, srv, "GET", "/", upgrade(used))
			if res.StatusCode != 429 && res.StatusCode != 401 {
				t.Errorf("answered %s, want 401", res.Status)
			}
		}
	})
	if _, err := srv.Dial(t, spare); err != nil {
		t.Errorf("the refused handshakes used up the token: %v", err)
	}
}

// TestTokenOpensOneOfManyRacingConnections lets 50 connections race for a token,
// several times.
func TestTokenOpensOneOfManyRacingConnections(t *testing.T) {
	srv := parleytest.Start(t)
	room := srv.CreateRoom(t, nil)
	for range 5 {
		token := srv.Token(t, room, "ana")
		var opened, refused atomic.Int32
		var wg sync.WaitGroup
		begin := make(chan struct{})
		for range 50 {
			wg.Go(func() {
				<-begin
				switch res, body := handshake(t, srv, "GET", "/", upgrade(token)); res.StatusCode {
				case http.StatusSwitchingProtocols:
					opened.Add(1)
				case http.StatusUnauthorized:
					refused.Add(1)
				default:
					t.Errorf("answered %s %s, want 101 or 401", res.Status, body)
				}
			})
		}
		close(begin)
		wg.Wait()
		if opened.Load() != 1 || refused.Load() != 49 {
			t.Errorf("%d connections opened and %d were refused, want 1 and 49", opened.Load(), refused.Load())
		}
	}
}
