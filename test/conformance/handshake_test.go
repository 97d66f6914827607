package conformance

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// The key of the handshakes, and what the server makes of it. Source: RFC 6455, 1.3.
const (
	webSocketKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	webSocketAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// protocol returns the header line that carries a token.
func protocol(token string) string { return "Sec-WebSocket-Protocol: " + token }

// upgrade sends an opening handshake with the given header lines and returns the
// response. The connection stays open until the test ends.
func upgrade(t *testing.T, srv *server, lines ...string) *http.Response {
	t.Helper()
	return readResponse(t, dial(t, srv), openingRequest(srv, "/", lines...))
}

func dial(t *testing.T, srv *server) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(srv.url, "http://"), callTimeout)
	if err != nil {
		t.Fatalf("connect to parley: %v", err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// openingRequest returns the bytes of an opening handshake.
func openingRequest(srv *server, target string, lines ...string) string {
	return "GET " + target + " HTTP/1.1\r\n" +
		"Host: " + strings.TrimPrefix(srv.url, "http://") + "\r\n" +
		"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: " + webSocketKey + "\r\n" +
		strings.Join(append(lines, "\r\n"), "\r\n")
}

// readResponse sends a request and reads the response to it.
func readResponse(t *testing.T, conn net.Conn, request string) *http.Response {
	t.Helper()
	response, err := exchange(conn, request)
	if err != nil {
		t.Fatalf("handshake: %v", err)
	}
	return response
}

func exchange(conn net.Conn, request string) (*http.Response, error) {
	if err := conn.SetDeadline(time.Now().Add(callTimeout)); err != nil {
		return nil, err
	}
	if _, err := conn.Write([]byte(request)); err != nil {
		return nil, err
	}
	return http.ReadResponse(bufio.NewReader(conn), nil)
}

// checkOpened checks a 101, which echoes the token once.
func checkOpened(t *testing.T, response *http.Response, token string) {
	t.Helper()
	if response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("status %s, want 101", response.Status)
	}
	for name, want := range map[string]string{
		"Sec-WebSocket-Protocol":   token,
		"Sec-WebSocket-Accept":     webSocketAccept,
		"Sec-WebSocket-Extensions": "",
	} {
		got := response.Header.Values(name)
		if want == "" && len(got) > 0 || want != "" && (len(got) != 1 || got[0] != want) {
			t.Errorf("the 101 has %s %q, want exactly once %q", name, got, want)
		}
	}
	if got := response.Header.Get("Upgrade"); !strings.EqualFold(got, "websocket") {
		t.Errorf("the 101 has Upgrade %q, want websocket", got)
	}
}

// checkRefused checks the status, the error type and the body of a refusal.
func checkRefused(t *testing.T, response *http.Response, status int, errorType string) {
	t.Helper()
	if response.StatusCode != status {
		t.Fatalf("status %s, want %d", response.Status, status)
	}
	if got := response.Header.Get("x-amzn-ErrorType"); got != errorType {
		t.Errorf("x-amzn-ErrorType %q, want %s", got, errorType)
	}
	if response.Header.Get("x-amzn-RequestId") == "" {
		t.Error("the refusal has no x-amzn-RequestId")
	}
	var body struct{ Message string }
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil || body.Message == "" {
		t.Errorf("the refusal has message %q (%v), want a JSON body with one", body.Message, err)
	}
}

func TestHandshake(t *testing.T) {
	srv := startServer(t)
	admin := startGoSDK(t, srv, srv.credentials)
	arn := createRoom(t, admin, fields{}).ARN
	for _, test := range []struct {
		name   string
		target string
		lines  []string
	}{
		{"Plain", "/", nil},
		{"QueryIsIgnored", "/?room=x", nil},
		{"ForeignOrigin", "/", []string{"Origin: https://elsewhere.example"}},
		{"OfferOfCompression", "/", []string{"Sec-WebSocket-Extensions: permessage-deflate"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			token := createToken(t, admin, arn, "ana")
			request := openingRequest(srv, test.target, append(test.lines, protocol(token))...)
			checkOpened(t, readResponse(t, dial(t, srv), request), token)
		})
	}
	t.Run("TokenUsedTwice", func(t *testing.T) {
		token := createToken(t, admin, arn, "ana")
		checkOpened(t, upgrade(t, srv, protocol(token)), token)
		checkRefused(t, upgrade(t, srv, protocol(token)), 401, "UnauthorizedException")
	})
}

// expiredJWT is a JSON Web Token that expired in 2020.
const expiredJWT = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE2MDAwMDAwMDB9.c2lnbmF0dXJl"

// TestHandshakeRefusals offers what is no token of the server.
func TestHandshakeRefusals(t *testing.T) {
	srv := startServer(t)
	admin := startGoSDK(t, srv, srv.credentials)
	arn := createRoom(t, admin, fields{}).ARN
	token := createToken(t, admin, arn, "ana")
	foreign := startServer(t)
	foreignAdmin := startGoSDK(t, foreign, foreign.credentials)
	foreignARN := createRoom(t, foreignAdmin, fields{}).ARN
	for _, test := range []struct {
		name  string
		lines []string
	}{
		{"NoToken", nil},
		{"EmptyToken", []string{protocol("")}},
		{"Garbage", []string{protocol("garbage")}},
		{"LooksLikeOneOfAWS", []string{protocol(strings.Repeat("aB3-", 220) + "!#1")}},
		{"LooksLikeAnExpiredJWT", []string{protocol(expiredJWT)}},
		{"Altered", []string{protocol(altered(token))}},
		{"CutShort", []string{protocol(token[:len(token)-4])}},
		{"WithATail", []string{protocol(token + "AAAA")}},
		{"OfAnotherServer", []string{protocol(createToken(t, foreignAdmin, foreignARN, "ana"))}},
		{"TwoValues", []string{protocol(token + ", chat")}},
		{"TwoLines", []string{protocol(token), protocol("chat")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			checkRefused(t, upgrade(t, srv, test.lines...), 401, "UnauthorizedException")
		})
	}
	t.Run("NoneOfThemUsedIt", func(t *testing.T) {
		checkOpened(t, upgrade(t, srv, protocol(token)), token)
	})
}

// altered returns the token with another character in its middle.
func altered(token string) string {
	i := len(token) / 2
	other := "A"
	if token[i] == 'A' {
		other = "B"
	}
	return token[:i] + other + token[i+1:]
}

// TestRaceForOneToken lets many connections use one token at once.
func TestRaceForOneToken(t *testing.T) {
	const racers = 50
	srv := startServer(t)
	admin := startGoSDK(t, srv, srv.credentials)
	arn := createRoom(t, admin, fields{}).ARN
	for round := range 3 {
		t.Run(fmt.Sprint("round ", round), func(t *testing.T) {
			conns := make([]net.Conn, racers)
			for i := range conns {
				conns[i] = dial(t, srv)
			}
			request := openingRequest(srv, "/", protocol(createToken(t, admin, arn, "ana")))
			outcomes := make([]string, racers)
			start := make(chan struct{}) // closed to let all of them run
			var done sync.WaitGroup
			for i, conn := range conns {
				done.Go(func() {
					<-start
					response, err := exchange(conn, request)
					if err != nil {
						outcomes[i] = err.Error()
						return
					}
					outcomes[i] = fmt.Sprint(response.StatusCode, " ",
						response.Header.Get("x-amzn-ErrorType"))
				})
			}
			close(start)
			done.Wait()
			got := map[string]int{}
			for _, outcome := range outcomes {
				got[outcome]++
			}
			if got["101 "] != 1 || got["401 UnauthorizedException"] != racers-1 {
				t.Errorf("%d connections with one token: %v, want 101 once and 401 for all others",
					racers, got)
			}
		})
	}
}
