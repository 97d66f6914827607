package hub

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/trace"
	"github.com/parley-chat/parley/internal/wire"
)

func TestEventSurvivesTheBus(t *testing.T) {
	for _, want := range []event{
		{action: sendEvent, frame: []byte{}},
		{action: wire.SendMessage, span: &trace.Context{TraceID: [16]byte{1}, SpanID: [8]byte{255}}, node: 1<<64 - 1, room: 1<<64 - 1, sender: 300, from: "ana", user: "bo ⚽", reason: "spam", kick: 1<<64 - 1, message: "ABCdef123456", frame: []byte(`{"a":1}`)},
	} {
		got, err := decodeEvent(want.encode())
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(event{})); err != nil || diff != "" {
			t.Errorf("%+v: error %v (-want +got):\n%s", want, err, diff)
		}
	}
}

// FuzzDecodeEvent checks that no bytes panic, and that what is accepted survives
// being encoded again.
func FuzzDecodeEvent(f *testing.F) {
	f.Add(event{action: wire.DisconnectUser, node: 7, room: 300, sender: 1, from: "ana", user: "bo", kick: 9, reason: "spam", message: "ABCdef123456", frame: []byte("{}")}.encode())
	f.Add([]byte{eventVersion})
	f.Add(bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := decodeEvent(data)
		if err != nil {
			return
		}
		again, err := decodeEvent(e.encode())
		if diff := cmp.Diff(e, again, cmp.AllowUnexported(event{})); err != nil || diff != "" {
			t.Errorf("%x: error %v (-first +again):\n%s", data, err, diff)
		}
	})
}
