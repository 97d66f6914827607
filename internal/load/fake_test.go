package load

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"go.uber.org/goleak"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a server that can be told to do wrong. It is a Handler of both planes.
type fake struct {
	// deliver returns what a receiver gets instead of the nth message of a room.
	// Receivers are numbered over all rooms, in the order in which they connected.
	deliver func(receiver, n int, frame []byte) [][]byte
	// refuse returns why the nth message of a room is refused, or nil.
	refuse func(n int) error
	// call and shake answer a call or a handshake themselves when they return true.
	call  func(w http.ResponseWriter, operation string) bool
	shake func(w http.ResponseWriter) bool

	mu        sync.Mutex // guards all below
	made      int        // rooms
	rooms     map[string]*fakeRoom
	receivers int
}

type fakeRoom struct {
	conns    []net.Conn
	numbers  []int // of the receivers
	messages int
}

// startFake serves until the end of the test, and checks that no room is left then.
func startFake(t *testing.T, f *fake) Target {
	t.Helper()
	f.rooms = map[string]*fakeRoom{}
	server := httptest.NewServer(f)
	t.Cleanup(func() {
		f.endSessions()
		server.Close()
		if len(f.rooms) > 0 {
			t.Errorf("%d of %d rooms are left", len(f.rooms), f.made)
		}
	})
	return Target{URL: server.URL, Region: "us-east-1", Credentials: testCredentials}
}

var testCredentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
})

func (f *fake) endSessions() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, room := range f.rooms {
		for _, conn := range room.conns {
			_ = conn.Close()
		}
	}
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		f.serveSession(w, r)
		return
	}
	operation := strings.TrimPrefix(r.URL.Path, "/")
	if f.call != nil && f.call(w, operation) {
		return
	}
	var in struct{ Identifier, RoomIdentifier string }
	_ = json.NewDecoder(r.Body).Decode(&in)
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string]string{}
	switch operation {
	case "CreateRoom":
		f.made++
		out["arn"] = fmt.Sprintf("room-%d", f.made)
		f.rooms[out["arn"]] = &fakeRoom{}
	case "CreateChatToken":
		out["token"] = in.RoomIdentifier
	case "DeleteRoom":
		delete(f.rooms, in.Identifier)
	}
	_ = json.NewEncoder(w).Encode(out)
}

// serveSession serves a session of the room whose name is the token.
func (f *fake) serveSession(w http.ResponseWriter, r *http.Request) {
	if f.shake != nil && f.shake(w) {
		return
	}
	name := r.Header.Get("Sec-WebSocket-Protocol")
	f.mu.Lock()
	room := f.rooms[name]
	up := ws.HTTPUpgrader{Protocol: func(string) bool { return true }}
	conn, _, _, err := up.Upgrade(r, w)
	if err == nil {
		room.conns = append(room.conns, conn)
		room.numbers = append(room.numbers, f.receivers)
		f.receivers++
	}
	f.mu.Unlock()
	for err == nil {
		var request []byte
		if request, err = wsutil.ReadClientText(conn); err == nil {
			f.receive(room, conn, request)
		}
	}
}

// receive does what is wanted with a message.
func (f *fake) receive(room *fakeRoom, from io.Writer, request []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := wire.ParseRequest(request)
	if err != nil {
		panic(err) // of a request of ours
	}
	m, err := r.SendMessage()
	if err != nil {
		panic(err)
	}
	n := room.messages
	room.messages++
	if f.refuse != nil && f.refuse(n) != nil {
		_ = wsutil.WriteServerText(from, wire.EncodeError("Qx7LmZ03tRbe", r.RequestID, f.refuse(n)))
		return
	}
	frame := wire.EncodeMessage(parley.Message{ID: "Qx7LmZ03tRbe", RequestID: r.RequestID,
		Content: m.Content, SendTime: time.Now()}, wire.EncodeSender(parley.Sender{UserID: "ana"}))
	for i, conn := range room.conns {
		frames := [][]byte{frame}
		if f.deliver != nil {
			frames = f.deliver(room.numbers[i], n, frame)
		}
		for _, frame := range frames {
			_ = wsutil.WriteServerText(conn, frame)
		}
	}
}
