package wire_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/wire"
)

// TestRequestsArriveAsTheyWereSent encodes requests as a client does, and reads them as
// the server does.
func TestRequestsArriveAsTheyWereSent(t *testing.T) {
	parse := func(data []byte) wire.Request {
		r, err := wire.ParseRequest(data)
		if err != nil || r.RequestID != "q" {
			t.Fatalf("%s: request id %q, error %v", data, r.RequestID, err)
		}
		return r
	}
	message := wire.SendMessageRequest{Content: `a "b" <c> ⚽`, Attributes: map[string]string{"k": "v"}}
	if got, err := parse(message.Encode("q")).SendMessage(); err != nil || !cmp.Equal(got, message) {
		t.Errorf("%+v arrived as %+v, error %v", message, got, err)
	}
	deletion := wire.DeleteMessageRequest{ID: "Qx7LmZ03tRbe", Reason: "off topic"}
	if got, err := parse(deletion.Encode("q")).DeleteMessage(); err != nil || got != deletion {
		t.Errorf("%+v arrived as %+v, error %v", deletion, got, err)
	}
	disconnection := wire.DisconnectUserRequest{UserID: "bo", Reason: "spam"}
	if got, err := parse(disconnection.Encode("q")).DisconnectUser(); err != nil || got != disconnection {
		t.Errorf("%+v arrived as %+v, error %v", disconnection, got, err)
	}
}

func TestRequestsLeaveOutWhatIsNotGiven(t *testing.T) {
	for want, got := range map[string][]byte{
		`{"Action":"SEND_MESSAGE","Content":"x"}`:                wire.SendMessageRequest{Content: "x"}.Encode(""),
		`{"Action":"DELETE_MESSAGE","Id":"Qx7LmZ03tRbe"}`:        wire.DeleteMessageRequest{ID: "Qx7LmZ03tRbe"}.Encode(""),
		`{"Action":"DISCONNECT_USER","UserId":"bo"}`:             wire.DisconnectUserRequest{UserID: "bo"}.Encode(""),
		`{"Action":"SEND_MESSAGE","RequestId":"q","Content":""}`: wire.SendMessageRequest{}.Encode("q"),
	} {
		if string(got) != want {
			t.Errorf("encoded %s, want %s", got, want)
		}
	}
}

// The frames are those of the original, see TestFrames, with members left out, null or
// unknown as they may be.
func TestParseFrame(t *testing.T) {
	attributes := map[string]string{"kind": "cheer"}
	for data, want := range map[string]wire.Frame{
		`{"Type":"MESSAGE","Id":"Qx7LmZ03tRbe","RequestId":"7d0f","Attributes":{"kind":"cheer"},"Content":"goal! ⚽",` +
			`"SendTime":"2025-03-09T17:42:07.51390274Z","Sender":{"UserId":"ana","Attributes":{"kind":"cheer"}}}`: wire.MessageFrame{
			Message: parley.Message{ID: "Qx7LmZ03tRbe", RequestID: "7d0f", Content: "goal! ⚽",
				Attributes: attributes, SendTime: sent.UTC()},
			Sender: parley.Sender{UserID: "ana", Attributes: attributes},
		},
		`{"Sender":{"UserId":"ana","Ip":["?"]},"Id":"Q","RequestId":null,"Content":"","Attributes":null,"New":[{}],` +
			`"SendTime":"2025-03-09T18:42:07.51390274+01:00","Type":"MESSAGE"}`: wire.MessageFrame{
			Message: parley.Message{ID: "Q", SendTime: sent.UTC()}, Sender: parley.Sender{UserID: "ana"},
		},
		`{"Type":"EVENT","Id":"a","RequestId":"","EventName":"aws:DELETE_MESSAGE","Attributes":{"kind":"cheer"},` +
			`"SendTime":"2025-03-09T17:42:07.51390274Z"}`: wire.EventFrame{Event: parley.Event{
			ID: "a", Name: parley.EventDeleteMessage, Attributes: attributes, SendTime: sent.UTC()}},
		`{"Type":"ERROR","Id":"J","RequestId":"7d0f","ErrorCode":429,"ErrorMessage":"rate limit exceeded"}`: wire.ErrorFrame{
			ID: "J", RequestID: "7d0f", Code: 429, Message: "rate limit exceeded"},
	} {
		got, err := wire.ParseFrame([]byte(data))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: error %v (-want +got):\n%s", data, err, diff)
		}
	}
}

func TestParseFrameRefuses(t *testing.T) {
	const (
		sender = `,"Sender":{"UserId":"ana"}`
		sent   = `,"SendTime":"2025-03-09T17:42:07Z"`
	)
	for name, data := range map[string]string{
		"nothing":                 ``,
		"text":                    `hello`,
		"an array":                `[]`,
		"invalid UTF-8":           "{\"Type\":\"MESSAGE\xff\"}",
		"no type":                 `{"Id":"a"}`,
		"an unknown type":         `{"Type":"SECRET","Id":"a"}`,
		"a type in lower case":    `{"Type":"error","Id":"J","ErrorCode":400,"ErrorMessage":"x"}`,
		"no id":                   `{"Type":"MESSAGE","Content":"secret"` + sender + sent + `}`,
		"no content":              `{"Type":"MESSAGE","Id":"a"` + sender + sent + `}`,
		"content of another type": `{"Type":"MESSAGE","Id":"a","Content":{"secret":1}` + sender + sent + `}`,
		"an attribute of another type": `{"Type":"MESSAGE","Id":"a","Content":"secret","Attributes":{"secret":1}` +
			sender + sent + `}`,
		"no sender":              `{"Type":"MESSAGE","Id":"a","Content":"secret"` + sent + `}`,
		"a sender without an id": `{"Type":"MESSAGE","Id":"a","Content":"secret","Sender":{}` + sent + `}`,
		"no time":                `{"Type":"MESSAGE","Id":"a","Content":"secret"` + sender + `}`,
		"a number as the time":   `{"Type":"MESSAGE","Id":"a","Content":"secret","SendTime":1` + sender + `}`,
		"a time of other form":   `{"Type":"MESSAGE","Id":"a","Content":"secret","SendTime":"secret"` + sender + `}`,
		"no event name":          `{"Type":"EVENT","Id":"a"` + sent + `}`,
		"no error code":          `{"Type":"ERROR","Id":"a","ErrorMessage":"secret"}`,
		"a string as error code": `{"Type":"ERROR","Id":"a","ErrorCode":"400","ErrorMessage":"secret"}`,
	} {
		frame, err := wire.ParseFrame([]byte(data))
		if err == nil {
			t.Errorf("%s: %s was read as %+v", name, data, frame)
			continue
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error quotes what was said: %v", name, err)
		}
	}
}

// FuzzParseFrame checks that no frame panics, and that what is read of one is what is
// written into one.
func FuzzParseFrame(f *testing.F) {
	for _, seed := range []string{
		`{"Type":"MESSAGE","Id":"Qx7LmZ03tRbe","RequestId":"7d0f","Attributes":{"kind":"cheer"},"Content":"goal! ⚽",` +
			`"SendTime":"2025-03-09T17:42:07.51390274Z","Sender":{"UserId":"ana","Attributes":{"n":"Ana"}}}`,
		`{"Type":"EVENT","Id":"a","EventName":"aws:DELETE_MESSAGE","Attributes":{},"SendTime":"9999-12-31T23:00:00-01:00"}`,
		`{"Type":"ERROR","Id":"J","RequestId":"7d0f","ErrorCode":429,"ErrorMessage":"rate limit exceeded"}`,
		`{"Type":"EVENT","Id":"\ud800","EventName":"x","SendTime":"0000-01-01T00:00:00+01:00"}`, `null`, "\xff", `{`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		read, err := wire.ParseFrame(data)
		if err != nil {
			return
		}
		var written []byte
		switch read := read.(type) {
		case wire.MessageFrame:
			written = wire.EncodeMessage(read.Message, wire.EncodeSender(read.Sender))
		case wire.EventFrame:
			written = wire.EncodeEvent(read.Event)
		default:
			return // only a parley.Error can be written as one
		}
		again, err := wire.ParseFrame(written)
		if diff := cmp.Diff(read, again); err != nil || diff != "" {
			t.Errorf("%q became %q: error %v (-first +again):\n%s", data, written, err, diff)
		}
	})
}
