package parleytest

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// User is a session of a room, from the client's side. It reads only when asked.
type User struct {
	ID   string
	Conn net.Conn // a *net.TCPConn, or a *tls.Conn
	// Stream is Conn with what came with the handshake.
	Stream io.ReadWriter
}

// Dial opens a session with a token. The error has the status of a refusal.
func (c *Client) Dial(t testing.TB, token string) (*User, error) {
	t.Helper()
	dialer := ws.Dialer{Protocols: []string{token}, Timeout: timeout, NetDial: c.dial}
	if c.roots != nil {
		dialer.TLSConfig = &tls.Config{RootCAs: c.roots}
	}
	conn, early, shaken, err := dialer.Dial(t.Context(),
		"ws"+strings.TrimPrefix(c.spread.session(c.URL), "http"))
	if err != nil {
		return nil, err
	}
	if shaken.Protocol != token {
		return nil, fmt.Errorf("the subprotocol is %q, want the token", shaken.Protocol)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if early == nil {
		early = bufio.NewReader(conn)
	}
	return &User{Conn: conn, Stream: struct {
		io.Reader
		io.Writer
	}{early, conn}}, nil
}

// Join opens a session of a room as a user.
func (c *Client) Join(t testing.TB, room, userID string, capabilities ...string) *User {
	t.Helper()
	u, err := c.Dial(t, c.Token(t, room, userID, capabilities...))
	if err != nil {
		t.Fatalf("join as %s: %v", userID, err)
	}
	u.ID = userID
	return u
}

// Send sends a request.
func (u *User) Send(t testing.TB, request string) {
	t.Helper()
	if err := wsutil.WriteClientText(u.Conn, []byte(request)); err != nil {
		t.Fatalf("%s: send: %v", u.ID, err)
	}
}

// Say sends a message.
func (u *User) Say(t testing.TB, content string) {
	t.Helper()
	u.Send(t, fmt.Sprintf(`{"Action":"SEND_MESSAGE","Content":%q}`, content))
}

// Next returns the next frame of the server.
func (u *User) Next(t testing.TB) Frame {
	t.Helper()
	frame, err := u.Read()
	if err != nil {
		t.Fatalf("%s: read: %v", u.ID, err)
	}
	return frame
}

// Read returns the next frame of the server, or why there is none: a
// wsutil.ClosedError after a Close frame, which it answers.
func (u *User) Read() (Frame, error) {
	var frame Frame
	if err := u.Conn.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return frame, err
	}
	data, err := wsutil.ReadServerText(u.Stream)
	if err != nil {
		return frame, err
	}
	return frame, json.Unmarshal(data, &frame)
}

// maxFrameBytes is more than any frame of the server has.
const maxFrameBytes = 2 << 20

// ReadFrame reads one frame of any kind, as it is.
func ReadFrame(in io.Reader) (ws.Frame, error) {
	header, err := ws.ReadHeader(in)
	if err != nil {
		return ws.Frame{}, err
	}
	if header.Length > maxFrameBytes {
		return ws.Frame{}, fmt.Errorf("a frame of %d bytes", header.Length)
	}
	frame := ws.Frame{Header: header, Payload: make([]byte, header.Length)}
	_, err = io.ReadFull(in, frame.Payload)
	return frame, err
}
