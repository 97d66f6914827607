package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/parley-chat/parley/internal/parleytest"
)

// Line 19 of what breaks an official client: a session ends at the time that its token
// tells, whether it is busy or has been idle from its start; and it ends with ERROR 401
// before the Close frame, since without it SDKs stay away. Line 11: a token that nobody
// has used until its own time is refused by then. Line 18: the idle session is asked
// for a sign of life on its way, and stays.
//
// The shortest session lasts a minute, which passes while the tests of the files after
// this one run.
func TestSessionEndsAtItsExpirationTime(t *testing.T) {
	if testing.Short() {
		t.Skip("the shortest session lasts a minute")
	}
	p := serve(t, "--dev")
	c := parleytest.Anonymous(t, p.url).As("test", "test")
	room := c.CreateRoom(t, nil)
	unused := minuteToken(t, c, room, "late")
	idle := watchToItsEnd(t, c, minuteToken(t, c, c.CreateRoom(t, nil), "idle"), 0)
	busy := watchToItsEnd(t, c, minuteToken(t, c, room, "busy"), 5*time.Second)
	t.Parallel()
	if got := <-idle; got.pings == 0 || got.messages != 0 || got.err != nil {
		t.Errorf("the idle session saw %s, want a Ping and its end", got)
	}
	if got := <-busy; got.messages < 6 || got.err != nil { // in time, eleven
		t.Errorf("the busy session saw %s, want its messages and its end", got)
	}
	_, err := c.Dial(t, unused.text)
	if status := ws.StatusError(0); !errors.As(err, &status) || status != http.StatusUnauthorized {
		t.Errorf("a token that was not used in its minute: %v, want 401", err)
	}
	p.stop()
}

// sessionToken is a token with the time until which its session lasts.
type sessionToken struct {
	user, text string
	until      time.Time
}

// minuteToken returns the token of a session that lasts a minute.
func minuteToken(t *testing.T, c *parleytest.Client, room, user string) sessionToken {
	t.Helper()
	a := c.Call(t, "CreateChatToken", map[string]any{
		"roomIdentifier": room, "userId": user, "capabilities": []string{"SEND_MESSAGE"},
		"sessionDurationInMinutes": 1,
	})
	text, _ := a.Body["token"].(string)
	until, err := time.Parse(time.RFC3339, fmt.Sprint(a.Body["sessionExpirationTime"]))
	if err != nil || text == "" {
		t.Fatalf("CreateChatToken: %+v (%v)", a, err)
	}
	return sessionToken{user, text, until}
}

// ending is what a session saw. The error says how its end was not as it has to be.
type ending struct {
	pings, messages int
	err             error
}

func (e ending) String() string {
	return fmt.Sprintf("%d pings, %d messages, and (%v)", e.pings, e.messages, e.err)
}

// endTolerance is how late a session may end on a busy machine.
const endTolerance = 10 * time.Second

// watchToItsEnd opens a session that reads until its end and answers pings. When every
// is not 0, it also sends a message that often.
func watchToItsEnd(
	t *testing.T, c *parleytest.Client, token sessionToken, every time.Duration,
) <-chan ending {
	t.Helper()
	u, err := c.Dial(t, token.text)
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Conn.SetDeadline(token.until.Add(frameTimeout)); err != nil {
		t.Fatal(err)
	}
	if every != 0 {
		ticker := time.NewTicker(every)
		done := make(chan struct{})
		t.Cleanup(func() { ticker.Stop(); close(done) })
		go talkOnTick(u, ticker.C, done)
	}
	end := make(chan ending, 1)
	go func() { end <- readToItsEnd(u, token) }()
	return end
}

// talkOnTick sends messages until the session has ended.
func talkOnTick(u *parleytest.User, tick <-chan time.Time, done <-chan struct{}) {
	for {
		select {
		case <-tick:
		case <-done:
			return
		}
		request := ws.NewTextFrame([]byte(`{"Action":"SEND_MESSAGE","Content":"busy"}`))
		if ws.WriteFrame(u.Conn, ws.MaskFrame(request)) != nil {
			return // readToItsEnd says why
		}
	}
}

func readToItsEnd(u *parleytest.User, token sessionToken) (saw ending) {
	for {
		frame, err := parleytest.ReadFrame(u.Stream)
		if err != nil {
			saw.err = fmt.Errorf("%w before the ERROR", err)
			return saw
		}
		var text parleytest.Frame
		switch _ = json.Unmarshal(frame.Payload, &text); {
		case frame.Header.OpCode == ws.OpPing:
			saw.pings++
			_ = ws.WriteFrame(u.Conn, ws.MaskFrame(ws.NewPongFrame(frame.Payload)))
		case text.Type == "MESSAGE":
			saw.messages++
		case text.Type != "ERROR" || text.ErrorCode != 401 || text.RequestID != "" ||
			!strings.Contains(string(frame.Payload), `"RequestId":""`):
			saw.err = fmt.Errorf("got %+v %s, want ERROR 401", frame.Header, frame.Payload)
			return saw
		default:
			saw.err = checkEnd(u, token)
			return saw
		}
	}
}

// checkEnd checks the time at which ERROR 401 has come, and that it is the last frame
// but for the Close frame.
func checkEnd(u *parleytest.User, token sessionToken) error {
	if late := time.Since(token.until); late < 0 || late > endTolerance {
		return fmt.Errorf("ended %s after the time that was told, want 0s to %s", late, endTolerance)
	}
	frame, err := parleytest.ReadFrame(u.Stream)
	if err != nil {
		return fmt.Errorf("no Close frame after ERROR 401: %w", err)
	}
	code, reason := ws.ParseCloseFrameData(frame.Payload)
	const want = `{"ErrorCode":401,"ErrorMessage":"Session expired"}`
	if frame.Header.OpCode != ws.OpClose || code != ws.StatusNormalClosure || reason != want {
		return fmt.Errorf("after ERROR 401 came %+v %q, want Close 1000 %s",
			frame.Header, frame.Payload, want)
	}
	if err := ws.WriteFrame(u.Conn, ws.MaskFrame(frame)); err != nil {
		return err
	}
	if _, err := parleytest.ReadFrame(u.Stream); !errors.Is(err, io.EOF) {
		return fmt.Errorf("after both Close frames: %v, want the end of the connection", err)
	}
	return nil
}
