package conformance

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sdkRoom is what a ChatRoom of the SDK says of itself.
type sdkRoom struct {
	State                string
	ID                   string
	MaxReconnectAttempts int
}

// TestConstructor checks what of the constructor's arguments matters to a server: the
// address, of which a region becomes that of AWS, and the number of attempts.
func TestConstructor(t *testing.T) {
	r := startChatRoom(t, inNode, fields{})
	for _, test := range []struct {
		name    string
		options fields
		want    sdkRoom // with the id "" for a UUID
		err     string
	}{
		{"defaults", nil, sdkRoom{"disconnected", "", 3}, ""},
		{"all", fields{"id": "mine", "maxReconnectAttempts": 1},
			sdkRoom{"disconnected", "mine", 1}, ""},
		{"region", fields{"regionOrUrl": "us-west-2"}, sdkRoom{"disconnected", "", 3}, ""},
		{"neither region nor address", fields{"regionOrUrl": "us west 2"}, sdkRoom{},
			"Region contains invalid characters"},
	} {
		s, args := r.prepare(test.name, listed("never asked for"), fields{"options": test.options})
		var got sdkRoom
		if err := s.call(t, "create", args, &got); err != nil || test.err != "" {
			if err == nil || err.ErrorMessage != test.err {
				t.Errorf("%s: %+v, %+v, want the error %q", test.name, got, err, test.err)
			}
			continue
		}
		if uuidPattern.MatchString(got.ID) && test.want.ID == "" {
			got.ID = ""
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		s.checkAsked(t, 0)
	}
}

// TestAddresses connects to the forms of the server's address that official samples use.
func TestAddresses(t *testing.T) {
	r := startChatRoom(t, inNode, fields{})
	for name, address := range map[string]string{
		"plain": r.srv.chatURL(), "with a slash": r.srv.chatURL() + "/",
		"with a query": r.srv.chatURL() + "/?room=lobby", "query only": r.srv.chatURL() + "?a=b",
	} {
		ana := r.open(t, name, timeless(minted(r.ARN, "ana", 60, "SEND_MESSAGE")),
			fields{"url": address})
		if echo := ana.send(t, name, nil); echo.Content != name {
			t.Errorf("the echo at %s is %+v, want content %q", address, echo, name)
		}
		ana.call(t, "leave", fields{}, nil)
	}
	lost := r.try(t, "another path", timeless(minted(r.ARN, "ana", 60)),
		fields{"url": r.srv.chatURL() + "/chat"})
	lost.next(t, "connecting", nil)
	lost.nextDisconnect(t, "socketError")
	lost.checkAsked(t, 4)
}

// TestSecureAddress connects through a reverse proxy that has the certificate, as
// pages that are themselves served over HTTPS must.
func TestSecureAddress(t *testing.T) {
	var front *httptest.Server
	behindTLS := place{inNode.name, func(t *testing.T, srv *server, _ *site) *driver {
		target, err := url.Parse(srv.url)
		if err != nil {
			t.Fatal(err)
		}
		front = httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(target))
		t.Cleanup(front.Close)
		file := filepath.Join(srv.dir, "front.pem")
		certificate := pem.EncodeToMemory(&pem.Block{
			Type: "CERTIFICATE", Bytes: front.Certificate().Raw,
		})
		if err := os.WriteFile(file, certificate, 0o600); err != nil {
			t.Fatal(err)
		}
		return startDriver(t, cleanEnv(srv.dir, "NODE_EXTRA_CA_CERTS="+file), node(t), "chat.mjs")
	}}
	r := startChatRoom(t, behindTLS, fields{})
	ana := r.open(t, "ana", minted(r.ARN, "ana", 60, "SEND_MESSAGE"),
		fields{"url": "wss" + strings.TrimPrefix(front.URL, "https")})
	echo := ana.send(t, "behind a proxy", nil)
	ana.nextMessage(t, echo)
	ana.call(t, "leave", fields{}, nil)
	ana.nextDisconnect(t, "clientDisconnect")
}

// TestAttempts checks that a session that is refused ends after as many attempts as it
// may make, each with a token of its own.
func TestAttempts(t *testing.T) {
	r := startChatRoom(t, inNode, fields{})
	for _, attempts := range []int{0, 1, 5} {
		s := r.try(t, fmt.Sprint(attempts, " attempts"), listed("garbage"),
			fields{"options": fields{"maxReconnectAttempts": attempts}})
		s.next(t, "connecting", nil)
		s.nextDisconnect(t, "socketError")
		s.checkAsked(t, 1+attempts)
	}
}

// TestTokenProviders gives the SDK tokens in the forms that it takes, and what it does
// not take, of which the server never hears.
func TestTokenProviders(t *testing.T) {
	r := startChatRoom(t, inNode, fields{})
	good := minted(r.ARN, "ana", 60)
	for _, test := range []struct {
		name   string
		source tokenSource
		more   fields
		reason string // of its end; empty when it connects
		asked  int
	}{
		{"times as text", good, nil, "", 1},
		{"times as Date", good, fields{"dates": true}, "", 1},
		{"no times", timeless(good), nil, "", 1},
		{"not a date", timeless(good), fields{"dates": true}, "fetchTokenError", 4},
		{"no provider", failing(99), nil, "fetchTokenError", 4},
		{"provider that fails twice", afterFailures(2, good), nil, "", 3},
		{"no subprotocol", listed("not a token"), nil, "socketError", 1},
	} {
		s := r.try(t, test.name, test.source, test.more)
		s.next(t, "connecting", nil)
		if test.reason == "" {
			s.next(t, "connect", nil)
			s.call(t, "leave", fields{}, nil)
		} else {
			s.nextDisconnect(t, test.reason)
		}
		s.checkAsked(t, test.asked)
	}
}

// failing is a source that fails so many times.
func failing(times int) tokenSource { return afterFailures(times, listed("too late")) }

func afterFailures(times int, source tokenSource) tokenSource {
	return func(ctx context.Context, s *site, attempt int) (providedToken, error) {
		if attempt < times {
			return providedToken{}, errors.New("not now")
		}
		return source(ctx, s, attempt)
	}
}

// TestStates takes a session through its states, and calls what is not allowed in each.
func TestStates(t *testing.T) { inEachPlace(t, fields{}, testStates) }

func testStates(t *testing.T, r chatRoom) {
	release := make(chan struct{})
	source := minted(r.ARN, "ana", 60, "SEND_MESSAGE")
	network := startProxy(t, r.srv)
	ana, args := r.prepare("ana", held(release, source), fields{"url": network.chatURL()})
	ana.call(t, "create", args, nil)
	ana.checkState(t, "disconnected")
	ana.checkThrows(t, "send", fields{"content": "too early"}, "Room is not connected")
	ana.call(t, "connect", fields{}, nil)
	ana.next(t, "connecting", nil)
	ana.checkState(t, "connecting")
	ana.checkThrows(t, "connect", fields{}, `State must be "disconnected" but is connecting`)
	ana.checkThrows(t, "deleteMessage", fields{"id": "AbCdEfGh1234"}, "Room is not connected")
	ana.call(t, "leave", fields{}, nil) // while it waits for its token
	ana.nextDisconnect(t, "clientDisconnect")
	close(release)

	for range 2 { // the same object connects again
		ana.call(t, "connect", fields{}, nil)
		ana.next(t, "connecting", nil)
		ana.next(t, "connect", nil)
		ana.checkState(t, "connected")
		ana.checkThrows(t, "connect", fields{}, `State must be "disconnected" but is connected`)
		ana.nextMessage(t, ana.send(t, "hello", nil))
		ana.call(t, "leave", fields{}, nil)
		ana.nextDisconnect(t, "clientDisconnect")
		ana.checkThrows(t, "disconnectUser", fields{"userId": "ana"}, "Room is not connected")
	}
	if got := network.connections(); got != 2 {
		t.Errorf("ana made %d connections, want 2: the first was given up", got)
	}
}

// held is a source that waits until it is released.
func held(release <-chan struct{}, source tokenSource) tokenSource {
	return func(ctx context.Context, s *site, attempt int) (providedToken, error) {
		select {
		case <-release:
			return source(ctx, s, attempt)
		case <-ctx.Done():
			return providedToken{}, ctx.Err()
		}
	}
}

// checkThrows makes a call that the SDK has to refuse without asking the server.
func (s *session) checkThrows(t *testing.T, call string, args fields, want string) {
	t.Helper()
	err := s.call(t, call, args, nil)
	if err == nil || err.ErrorMessage != want || err.ErrorCode != 0 {
		t.Errorf("%s: %s %v: %+v, want the SDK's own %q", s.name, call, args, err, want)
	}
}

// TestSDKRefusesByItself checks what the SDK refuses before it asks the server.
func TestSDKRefusesByItself(t *testing.T) {
	r := startChatRoom(t, inNode, fields{})
	ana := r.join(t, "ana", "SEND_MESSAGE", "DELETE_MESSAGE", "DISCONNECT_USER")
	const unserialized = "Request serialization failed"
	ana.checkThrows(t, "send", fields{"content": 7}, unserialized)
	ana.checkThrows(t, "send", fields{"content": "a", "attributes": "b"}, unserialized)
	ana.checkThrows(t, "deleteMessage", fields{"id": nil}, unserialized)
	ana.checkThrows(t, "disconnectUser", fields{"userId": "a", "reason": 7}, unserialized)
	ana.checkThrows(t, "sendTwice", fields{"content": "twice"}, "Duplicate request id")
	var got chatMessage
	if ana.next(t, "message", &got); got.Content != "twice" {
		t.Errorf("ana got %+v, want the first of two with one request id, and nothing else", got)
	}
	ana.nextMessage(t, ana.send(t, "and no more", nil))
}

// TestListeners removes one of two listeners in each of the two ways.
func TestListeners(t *testing.T) {
	r := startChatRoom(t, inNode, fields{})
	ana := r.join(t, "ana", "SEND_MESSAGE")
	for _, method := range []bool{false, true} {
		ana.call(t, "listen", fields{"event": "message", "as": "second"}, nil)
		echo := ana.send(t, "for both", nil)
		ana.nextMessage(t, echo)
		ana.nextEvent(t, "second", chatEvent{ID: echo.ID, RequestID: echo.RequestID,
			SendTime: echo.SendTime})
		ana.call(t, "unlisten", fields{"as": "second", "method": method}, nil)
		ana.nextMessage(t, ana.send(t, "for one", nil))
	}
	ana.nextMessage(t, ana.send(t, "still for one", nil))
}

// logLevels are the SDK's, with those that it then logs.
var logLevels = map[string]string{"debug": "debug info", "info": "info", "error": ""}

// TestLogger does what a session can do, and looks at what the SDK logs: at no level
// an error, which is how it tells of frames that it cannot read.
func TestLogger(t *testing.T) { inEachPlace(t, fields{}, testLogger) }

func testLogger(t *testing.T, r chatRoom) {
	ben := r.join(t, "ben")
	for level, want := range logLevels {
		ana := r.open(t, "ana at "+level, minted(r.ARN, "ana", 60,
			"SEND_MESSAGE", "DELETE_MESSAGE", "DISCONNECT_USER"), fields{"logLevel": level})
		echo := ana.send(t, "hello", map[string]string{"a": "b"})
		ana.call(t, "deleteMessage", fields{"id": echo.ID, "reason": "spam"}, nil)
		ana.call(t, "disconnectUser", fields{"userId": "nobody"}, nil)
		must(t, r.admin, "SendEvent",
			fields{"roomIdentifier": r.ARN, "eventName": "poll"}, 200, &struct{}{})
		for _, event := range []string{"message", "messageDelete", "userDisconnect", "event"} {
			ana.next(t, event, nil)
			ben.next(t, event, nil)
		}
		ana.call(t, "disconnectUser", fields{"userId": "ana"}, nil)
		ana.next(t, "userDisconnect", nil)
		ben.next(t, "userDisconnect", nil)
		ana.nextDisconnect(t, "serverDisconnect")
		var entries []struct{ Level, Text string }
		ana.call(t, "logs", fields{}, &entries)
		seen := map[string]string{} // a text of each level
		for _, entry := range entries {
			seen[entry.Level] = entry.Text
		}
		for _, each := range []string{"debug", "info", "error"} {
			if (seen[each] != "") != strings.Contains(want, each) {
				t.Errorf("at level %s, the SDK logged the %s %q, want %q and nothing else",
					level, each, seen[each], want)
			}
		}
	}
}

// chatRefusal is a request that the server has to refuse.
type chatRefusal struct {
	name string
	as   string // the session: see testRefusals
	call string
	args fields
	code int
	text string // of which the error's begins; "" for any
}

var chatRefusals = []chatRefusal{
	{"Long", "ana", "send", fields{"content": strings.Repeat("🎉", 501)}, 400,
		"Message exceeds maximum length"},
	{"Empty", "ana", "send", fields{"content": ""}, 400, ""},
	{"AttributeThatIsNoText", "ana", "send",
		fields{"content": "x", "attributes": fields{"n": 7}}, 400, ""},
	{"NoMessageID", "ana", "deleteMessage", fields{"id": "short"}, 400, ""},
	{"NoUser", "ana", "disconnectUser", fields{"userId": ""}, 400, ""},
	{"SendAsViewer", "viewer", "send", fields{"content": "x"}, 403, "Forbidden"},
	{"DeleteAsViewer", "viewer", "deleteMessage", fields{"id": "AbCdEfGh1234"}, 403, "Forbidden"},
	{"DisconnectAsViewer", "viewer", "disconnectUser", fields{"userId": "ana"}, 403, "Forbidden"},
	{"SendInDeletedRoom", "orphan", "send", fields{"content": "x"}, 404, "Room not found"},
	{"DeleteInDeletedRoom", "orphan", "deleteMessage", fields{"id": "AbCdEfGh1234"}, 404,
		"Room not found"},
	{"DisconnectInDeletedRoom", "orphan", "disconnectUser", fields{"userId": "ana"}, 404,
		"Room not found"},
	{"DeniedByReview", "reviewed", "send", fields{"content": "x"}, 406, ""},
	{"LargeAttributes", "ana", "send", fields{"content": "x",
		"attributes": fields{"a": strings.Repeat("x", 1024)}}, 413, ""},
	{"LongReasonOfDeletion", "ana", "deleteMessage",
		fields{"id": "AbCdEfGh1234", "reason": strings.Repeat("x", 257)}, 413, ""},
	{"LongReasonOfDisconnection", "ana", "disconnectUser",
		fields{"userId": "eve", "reason": strings.Repeat("x", 257)}, 413, ""},
	{"TooFast", "hasty", "send", fields{"content": "x"}, 429, "rate limit exceeded"},
}

// TestRefusals has each kind of request refused for each reason that there is. The
// SDK's promise is rejected, with the code and the request's id, and the session goes on.
func TestRefusals(t *testing.T) { inEachPlace(t, fields{}, testRefusals) }

func testRefusals(t *testing.T, r chatRoom) {
	everything := []string{"SEND_MESSAGE", "DELETE_MESSAGE", "DISCONNECT_USER"}
	sessions := map[string]*session{
		"ana": r.join(t, "ana", everything...), "viewer": r.join(t, "viewer"),
	}
	for user, settings := range map[string]fields{
		"orphan": {}, "hasty": {"maximumMessageRatePerSecond": 1},
		"reviewed": {"messageReviewHandler": fields{"fallbackResult": "DENY",
			"uri": "arn:aws:lambda:us-east-1:000000000000:function:nowhere"}},
	} {
		r.room = createRoom(t, r.admin, settings)
		sessions[user] = r.join(t, user, everything...)
		if user == "orphan" {
			mustReturnNothing(t, r.admin, "DeleteRoom", fields{"identifier": r.ARN}, 204)
		}
	}
	for _, test := range chatRefusals {
		t.Run(test.name, func(t *testing.T) {
			s := sessions[test.as]
			got := s.refusedEventually(t, test)
			if got.ErrorCode != test.code || !strings.HasPrefix(got.ErrorMessage, test.text) ||
				got.ErrorMessage == "" || !idPattern.MatchString(got.ID) ||
				!uuidPattern.MatchString(got.RequestID) {
				t.Errorf("%s was refused with %+v, want code %d, %q, and both ids",
					s.name, got, test.code, test.text)
			}
			s.checkState(t, "connected")
		})
	}
}

// refusedEventually makes the request until it is refused, of which a rate may need a
// few, all within a second.
func (s *session) refusedEventually(t *testing.T, test chatRefusal) chatError {
	t.Helper()
	const tries = 5
	var answers []<-chan line
	for range tries {
		answers = append(answers, s.start(t, test.call, test.args))
		if test.code != 429 {
			break
		}
	}
	var last *chatError
	for _, answer := range answers {
		if err := s.result(t, test.call, answer, nil); err != nil {
			last = err
		}
	}
	if last == nil {
		t.Fatalf("%s: %s %v: accepted, want code %d", s.name, test.call, test.args, test.code)
	}
	return *last
}
