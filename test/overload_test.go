package test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/parley-chat/parley/internal/parleytest"
	"github.com/parley-chat/parley/internal/parleytest/freeport"
)

// shake makes a handshake with a token and returns the answer, and the connection if it
// became a session.
func (p *process) shake(token string, patience time.Duration) (*http.Response, net.Conn, error) {
	conn, err := net.DialTimeout("tcp", p.address(), patience)
	if err != nil {
		return nil, nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, nil, err
	}
	header := upgrade(token)
	if token == "" {
		header.Del("Sec-WebSocket-Protocol")
	}
	var request strings.Builder
	request.WriteString("GET / HTTP/1.1\r\nHost: " + p.address() + "\r\n")
	_ = header.Write(&request) // a builder takes everything
	if _, err = io.WriteString(conn, request.String()+"\r\n"); err == nil {
		var res *http.Response
		if res, err = http.ReadResponse(bufio.NewReader(conn), nil); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusSwitchingProtocols {
				return res, conn, conn.SetDeadline(time.Time{})
			}
			return res, nil, conn.Close()
		}
	}
	_ = conn.Close()
	return nil, nil, err
}

// say checks that what one session says reaches all.
func say(t *testing.T, users []*parleytest.User, content string) {
	t.Helper()
	users[0].Say(t, content)
	for _, u := range users {
		if got := u.Next(t); got.Content != content {
			t.Errorf("%s received %+v, want %q", u.ID, got, content)
		}
	}
}

// TestMaxSessions fills a server. Newcomers are told to come back, as often as they try,
// and use up neither their tokens nor the log; those who are in notice nothing.
func TestMaxSessions(t *testing.T) {
	const most, tries = 5, 100
	p := serve(t, "--dev", fmt.Sprint("--max-sessions=", most))
	c := parleytest.Anonymous(t, p.url).As("test", "test")
	room := c.CreateRoom(t, nil)
	users := make([]*parleytest.User, most)
	for i := range users {
		users[i] = c.Join(t, room, fmt.Sprint("user-", i), "SEND_MESSAGE")
	}
	token := c.Token(t, room, "late")
	for range tries {
		res, _, err := p.shake(token, frameTimeout)
		if err != nil || res.StatusCode != 503 || res.Header.Get("Retry-After") == "" ||
			res.Header.Get("x-amzn-ErrorType") != "ServiceUnavailableException" {
			t.Fatalf("session %d of %d: answered %+v (%v), want 503 ServiceUnavailableException"+
				" with Retry-After", most+1, most, res, err)
		}
	}
	say(t, users, "full")
	_ = users[most-1].Conn.Close()
	waitAtMost(t, patience, "the place to be free", func() bool {
		return p.metric(openSessions) == most-1
	})
	late, err := c.Dial(t, token)
	if err != nil {
		t.Fatalf("after a session had left, the token that was refused for want of a place: %v", err)
	}
	users[most-1] = late
	say(t, users, "full again")
	p.stop()
	if text := p.log(); len(text) > logBound {
		t.Errorf("%d refused handshakes made the server log %d bytes, want under %d:\n%.500s",
			tries, len(text), logBound, text)
	}
}

// TestFloodOfHandshakes makes thousands of handshakes at once beside a chat, of which
// nobody is dropped. Every fourth that names a valid token succeeds: each is tried four
// times.
func TestFloodOfHandshakes(t *testing.T) {
	const handshakes, sharing = 2000, 4
	p := serve(t, "--dev")
	c := parleytest.Anonymous(t, p.url).As("test", "test")
	room := c.CreateRoom(t, nil)
	others := gather(t, c, room, 20)
	quiet := others.chat(t, 50, 500*time.Millisecond, always)
	spans := map[string]span{"quiet": quiet}
	for _, flood := range []struct {
		name   string
		tokens []string
		opened int
	}{
		{"no token", []string{""}, 0},
		{"garbage", []string{strings.Repeat("garbage-", 100)}, 0},
		{"valid tokens", mintMany(t, c, room, "flood", handshakes/sharing), handshakes / sharing},
	} {
		done := make(chan int, 1)
		go func() { done <- p.flood(t, flood.name, flood.tokens, handshakes) }()
		opened := -1
		spans[flood.name] = others.chat(t, 50, 0, func() bool {
			select {
			case opened = <-done:
				return true
			default:
				return false
			}
		})
		if opened != flood.opened {
			t.Errorf("%s: %d of %d handshakes opened a session, want %d",
				flood.name, opened, handshakes, flood.opened)
		}
	}
	others.leave(t)
	for name, during := range spans {
		p99 := others.p99(t, during)
		t.Logf("%s: %d messages, 99 of 100 deliveries took %s", name, during.end-during.first, p99)
		if p99 > neighbourBound {
			t.Errorf("during the flood of handshakes with %s, 99 of 100 deliveries took %s, want under %s",
				name, p99, neighbourBound)
		}
	}
	p.stop()
	if text := p.log(); len(text) > logBound {
		t.Errorf("the server logged %d bytes, want under %d:\n%.500s", len(text), logBound, text)
	}
}

// mintMany makes tokens of a user, several at a time.
func mintMany(t *testing.T, c *parleytest.Client, room, userID string, n int) []string {
	t.Helper()
	tokens := make([]string, n)
	var all sync.WaitGroup
	const clients = 8
	for client := range clients {
		all.Go(func() {
			for i := client; i < n; i += clients {
				a, err := c.TryCall("CreateChatToken", map[string]any{
					"roomIdentifier": room, "userId": userID})
				if err != nil || a.Status != http.StatusOK {
					t.Errorf("CreateChatToken: %+v %v", a, err)
					return
				}
				tokens[i] = a.Body["token"].(string)
			}
		})
	}
	all.Wait()
	return tokens
}

// flood makes handshakes at once, with tokens in turn, and returns how many opened a
// session. Each is answered.
func (p *process) flood(t *testing.T, name string, tokens []string, handshakes int) (opened int) {
	conns := make([]net.Conn, handshakes)
	errs := make([]error, handshakes)
	var all sync.WaitGroup
	for i := range handshakes {
		all.Go(func() {
			res, conn, err := p.shake(tokens[i%len(tokens)], patience)
			if err == nil && conn == nil && res.StatusCode != http.StatusUnauthorized {
				err = errors.New(res.Status)
			}
			conns[i], errs[i] = conn, err
		})
	}
	all.Wait()
	for i, conn := range conns {
		if conn != nil {
			opened++
			_ = conn.Close()
		}
		if errs[i] != nil {
			t.Errorf("%s: handshake %d: %v, want 101 or 401", name, i, errs[i])
			break // the others are most likely of the same kind
		}
	}
	return opened
}

// serveWithFiles starts a process that may open a number of files.
func serveWithFiles(t *testing.T, files int, args ...string) *process {
	t.Helper()
	p := &process{t: t, stderr: &logBuffer{}}
	admin := freeport.Address()
	p.admin = "http://" + admin
	script := fmt.Sprintf(`ulimit -n %d && exec "$0" serve --dev "$@"`, files)
	p.cmd = exec.Command("bash", append([]string{"-c", script, binary,
		"--listen=127.0.0.1:0", "--admin-listen=" + admin}, args...)...)
	p.cmd.Stderr = p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	if _, err := fmt.Fscanf(stdout, "parley: ready %s\n", &p.url); err != nil {
		p.kill()
		t.Fatalf("the server with %d files: %v, want the ready line\n%s", files, err, p.stderr)
	}
	return p
}

// answerBound is how long a handshake may take to be answered. Where no file is left for
// it, none comes.
const answerBound = 10 * time.Second

// fewFiles is how many files a server may open that is to run out of them.
const fewFiles = 256

// crowdIn opens idle connections, and then as many sessions as the server takes. It
// returns them, and the answer to the handshake after the last, nil when there is none.
func (p *process) crowdIn(
	t *testing.T, idle int, tokens []string,
) (users []*parleytest.User, refusal *http.Response) {
	t.Helper()
	for range idle {
		conn, err := net.Dial("tcp", p.address())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	for _, token := range tokens {
		res, conn, err := p.shake(token, answerBound)
		if conn == nil {
			t.Logf("%d sessions opened beside %d idle connections; then: %v", len(users), idle, err)
			return users, res
		}
		t.Cleanup(func() { _ = conn.Close() })
		id := fmt.Sprint("user-", len(users))
		users = append(users, &parleytest.User{ID: id, Conn: conn, Stream: conn})
	}
	t.Fatalf("a server with %d files took %d sessions and no end", fewFiles, len(tokens))
	return nil, nil
}

// TestFewFiles has somebody without a token open more connections than a server may open
// files, and others fill it with sessions. Its limits keep files free: the next session
// is refused, and the server still answers.
func TestFewFiles(t *testing.T) {
	t.Parallel() // with others that wait
	p := serveWithFiles(t, fewFiles)
	c := parleytest.Anonymous(t, p.url).As("test", "test")
	tokens := mintMany(t, c, c.CreateRoom(t, nil), "user", fewFiles)
	users, refusal := p.crowdIn(t, fewFiles, tokens)
	if refusal == nil || refusal.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("session %d was answered %+v, want 503", len(users)+1, refusal)
	}
	if len(users) < fewFiles/4 {
		t.Errorf("%d sessions opened with %d files, want a quarter at the least", len(users), fewFiles)
	}
	if a, err := c.TryCall("ListRooms", nil); err != nil || a.Status != http.StatusOK {
		t.Errorf("full, ListRooms answered %+v (%v), want 200", a, err)
	}
	if status, _ := p.get("/readyz"); status != http.StatusOK {
		t.Errorf("full, readiness is %d, want 200", status)
	}
	p.wantAllIn(t, users)
}

// TestNoFilesLeft has a server without limits of its own run out of files: idle
// connections take some, sessions the rest. Nobody who is in is lost, and the server
// answers again as soon as some leave.
func TestNoFilesLeft(t *testing.T) {
	t.Parallel() // with others that wait
	const idle, leaving = 60, 20
	p := serveWithFiles(t, fewFiles, "--max-sessions=0", "--http-connections=0")
	c := parleytest.Anonymous(t, p.url).As("test", "test")
	tokens := mintMany(t, c, c.CreateRoom(t, nil), "user", fewFiles)
	users, refusal := p.crowdIn(t, idle, tokens)
	if refusal != nil {
		t.Errorf("session %d was answered %s, want no answer for want of files",
			len(users)+1, refusal.Status)
	}
	wantAllPinged(t, users)
	for _, u := range users[:leaving] {
		_ = u.Conn.Close()
	}
	begin := time.Now()
	a, err := c.TryCall("ListRooms", nil)
	if took := time.Since(begin); err != nil || a.Status != http.StatusOK || took > answerBound {
		t.Errorf("after %d sessions had left, ListRooms answered %+v (%v) after %s, want 200 within %s",
			leaving, a, err, took, answerBound)
	}
	p.wantAllIn(t, users[leaving:])
}

// wantAllIn checks that there are these sessions and no others, that they go on, and that
// the server has logged next to nothing. It ends the server.
func (p *process) wantAllIn(t *testing.T, users []*parleytest.User) {
	t.Helper()
	wantAllPinged(t, users)
	waitAtMost(t, patience, "the sessions that left to end", func() bool {
		return p.metric(openSessions) <= len(users)
	})
	if n := p.metric(openSessions); n != len(users) {
		t.Errorf("%d sessions are open, want %d", n, len(users))
	}
	p.stop()
	if text := p.log(); len(text) > logBound {
		t.Errorf("the server logged %d bytes, want under %d:\n%.500s", len(text), logBound, text)
	}
}

// wantAllPinged checks that sessions go on: each gets an answer to its ping.
func wantAllPinged(t *testing.T, users []*parleytest.User) {
	t.Helper()
	for _, u := range users {
		write(t, u, ws.NewPingFrame(nil))
		if err := u.Conn.SetReadDeadline(time.Now().Add(frameTimeout)); err != nil {
			t.Fatal(err)
		}
		frame, err := parleytest.ReadFrame(u.Stream)
		if err != nil || frame.Header.OpCode != ws.OpPong {
			t.Fatalf("%s pinged and received %+v (%v), want a Pong", u.ID, frame.Header, err)
		}
	}
}
