package wire_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/wire"
)

var sent = time.Date(2025, 3, 9, 18, 42, 7, 513902740, time.FixedZone("CET", 3600))

func TestFrames(t *testing.T) {
	for _, tt := range []struct {
		name string
		got  []byte
		want string
	}{
		{
			"message", wire.EncodeMessage(parley.Message{
				ID: "Qx7LmZ03tRbe", RequestID: "7d0f", Content: `a "b" <c> & ⚽` + "\n",
				Attributes: map[string]string{"kind": "cheer", "a": "b"}, SendTime: sent,
			}, wire.EncodeSender(parley.Sender{UserID: "ana", Attributes: map[string]string{"displayName": "Ana"}})),
			`{"Type":"MESSAGE","Id":"Qx7LmZ03tRbe","RequestId":"7d0f","Attributes":{"a":"b","kind":"cheer"},` +
				`"Content":"a \"b\" <c> & ⚽\n","SendTime":"2025-03-09T17:42:07.51390274Z",` +
				`"Sender":{"UserId":"ana","Attributes":{"displayName":"Ana"}}}`,
		},
		{
			"message without attributes or request id", wire.EncodeMessage(parley.Message{
				ID: "Qx7LmZ03tRbe", Content: "x", SendTime: sent.Truncate(time.Second),
			}, wire.EncodeSender(parley.Sender{UserID: "ana"})),
			`{"Type":"MESSAGE","Id":"Qx7LmZ03tRbe","RequestId":"","Attributes":null,"Content":"x",` +
				`"SendTime":"2025-03-09T17:42:07Z","Sender":{"UserId":"ana","Attributes":null}}`,
		},
		{
			"event", wire.EncodeEvent(parley.Event{
				ID: "aK2vP9sYw4Hc", Name: parley.EventDeleteMessage, SendTime: sent,
				Attributes: map[string]string{"MessageID": "Q", "MessageId": "Q"},
			}),
			`{"Type":"EVENT","Id":"aK2vP9sYw4Hc","RequestId":"","EventName":"aws:DELETE_MESSAGE",` +
				`"Attributes":{"MessageID":"Q","MessageId":"Q"},"SendTime":"2025-03-09T17:42:07.51390274Z"}`,
		},
		{
			"error", wire.EncodeError("Jd4Rb7QmTz1x", "7d0f", parley.Errorf(parley.Throttled, "ignored")),
			`{"Type":"ERROR","Id":"Jd4Rb7QmTz1x","RequestId":"7d0f","ErrorCode":429,"ErrorMessage":"rate limit exceeded"}`,
		},
		{
			"error without a code", wire.EncodeError("Jd4Rb7QmTz1x", "", errors.New("secret detail")),
			`{"Type":"ERROR","Id":"Jd4Rb7QmTz1x","RequestId":"","ErrorCode":500,"ErrorMessage":"Internal error"}`,
		},
		{
			"close reason", wire.CloseReason(parley.Errorf(parley.Unauthenticated, "x")),
			`{"ErrorCode":401,"ErrorMessage":"Session expired"}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, string(tt.got)); diff != "" {
				t.Errorf("frame (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEveryCodeHasAnErrorCode also checks that it is one of the eight that the
// closed enumeration of the iOS SDK knows, and that only an ended session is 401.
func TestEveryCodeHasAnErrorCode(t *testing.T) {
	known := map[int]bool{400: true, 401: true, 403: true, 404: true, 406: true, 413: true, 429: true, 500: true}
	for _, code := range parley.Codes() {
		number, text := wire.ErrorOf(fmt.Errorf("wrapped: %w", parley.Errorf(code, "the message")))
		if !known[number] || text == "" {
			t.Errorf("%s has ErrorCode %d and text %q", code, number, text)
		}
		if (number == 401) != (code == parley.Unauthenticated) {
			t.Errorf("%s has ErrorCode %d: 401 makes clients reconnect", code, number)
		}
	}
}

func TestRequestMembersMatchInAnyCase(t *testing.T) {
	for _, data := range []string{
		`{"Action":"SEND_MESSAGE","Content":"hi","Attributes":{"Kind":"A"},"RequestId":"q"}`,
		`{"action":"SEND_MESSAGE","content":"hi","attributes":{"Kind":"A"},"requestId":"q"}`,
		`{"ACTION":"x","aCtIoN":"SEND_MESSAGE","Content":"first","content":"hi","ATTRIBUTES":{"Kind":"A"},"requestid":"q"}`,
	} {
		r, err := wire.ParseRequest([]byte(data))
		if err != nil || r.Action != wire.SendMessage || r.RequestID != "q" {
			t.Errorf("%s: action %q, request id %q, error %v", data, r.Action, r.RequestID, err)
		}
		got, err := r.SendMessage()
		want := wire.SendMessageRequest{Content: "hi", Attributes: map[string]string{"Kind": "A"}}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: error %v (-want +got):\n%s", data, err, diff)
		}
	}
}

// FuzzParseRequest checks that no message panics, that every failure has a code
// for its sender, and that what is accepted can be sent on as valid JSON.
func FuzzParseRequest(f *testing.F) {
	for _, seed := range []string{
		`{"Action":"SEND_MESSAGE","Content":"goal! ⚽","Attributes":{"kind":"cheer"},"RequestId":"7d0f"}`,
		`{"action":"DELETE_MESSAGE","id":"ABCdef123456","reason":null}`,
		`{"Action":"DISCONNECT_USER","UserId":"bo"}`,
		`{"Content":"\ud800","Action":"SEND_MESSAGE"}`, `[]`, `{`, `null`, "\xff", `{"Action":1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := wire.ParseRequest(data)
		wantCode(t, data, err)
		if err != nil {
			return
		}
		_, err = r.DeleteMessage()
		wantCode(t, data, err)
		_, err = r.DisconnectUser()
		wantCode(t, data, err)
		r, _ = wire.ParseRequest(data) // an Object collects errors
		m, err := r.SendMessage()
		wantCode(t, data, err)
		if err != nil {
			return
		}
		frame := wire.EncodeMessage(parley.Message{
			RequestID: r.RequestID, Content: m.Content, Attributes: m.Attributes},
			wire.EncodeSender(parley.Sender{}))
		var got struct {
			RequestID  string `json:"RequestId"`
			Content    string
			Attributes map[string]string
		}
		if err := json.Unmarshal(frame, &got); err != nil {
			t.Fatalf("%q became %q: %v", data, frame, err)
		}
		if got.Content != m.Content || got.RequestID != r.RequestID || !cmp.Equal(got.Attributes, m.Attributes) {
			t.Errorf("%q was read as %+v and arrives as %+v", data, m, got)
		}
	})
}

func wantCode(t *testing.T, data []byte, err error) {
	t.Helper()
	if code := parley.CodeOf(err); err != nil && code != parley.Invalid && code != parley.TooLarge {
		t.Fatalf("%q: error %v has code %s", data, err, code)
	}
}
