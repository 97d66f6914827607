package load

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/wire"
)

func TestStampsSurvive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := stamp{
			sender: rapid.IntRange(0, 1<<(6*senderDigits)-1).Draw(t, "sender"),
			seq:    rapid.IntRange(0, 1<<(6*seqDigits)-1).Draw(t, "seq"),
			due:    rapid.Int64Range(0, 1<<(6*dueDigits)-1).Draw(t, "due"),
		}
		var b [stampLen]byte
		want.put(b[:])
		if got := readStamp(b[:]); got != want {
			t.Errorf("%q: got %+v, want %+v", b, got, want)
		}
	})
}

// message makes of a request what a server makes of it.
func message(t testing.TB, request []byte) []byte {
	t.Helper()
	r, err := wire.ParseRequest(request)
	if err != nil {
		t.Fatalf("%s: %v", request, err)
	}
	m, err := r.SendMessage()
	if err != nil || r.Action != wire.SendMessage {
		t.Fatalf("%s: %v", request, err)
	}
	return wire.EncodeMessage(parley.Message{
		ID: "Qx7LmZ03tRbe", RequestID: r.RequestID, Content: m.Content,
		SendTime: time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.UTC),
	}, wire.EncodeSender(parley.Sender{UserID: userID(7)}))
}

func TestStampsAreFoundInMessages(t *testing.T) {
	m := newMark()
	request := newTemplate(m, 150)
	want := stamp{sender: 3, seq: 70_000, due: 1234567890123}
	frame := message(t, request.fill(want))
	marked := m.text + string(request.text[request.content:][:stampLen])
	for _, payload := range []string{
		string(frame),
		string(frame), // the place is known by now
		// The members are in another order, so that the place is another one.
		`{"Content":"` + marked + `","Type":"MESSAGE"}`,
		string(frame),
	} {
		if got, ours := m.find([]byte(payload)); !ours || got != want {
			t.Errorf("%s: got %+v, %t; want %+v", payload, got, ours, want)
		}
	}
	other := newMark()
	theirs := newTemplate(other, 150)
	for _, payload := range []string{
		"", "{}", `{"Type":"EVENT"}`, m.text, m.text + "0123456789012345",
		string(message(t, theirs.fill(want))),
	} {
		if got, ours := m.find([]byte(payload)); ours {
			t.Errorf("%q: got %+v, want that it is not of this run", payload, got)
		}
	}
}

// TestRawFramesAreThoseOfTheServer compares what the physical limit is measured with
// to what the server sends.
func TestRawFramesAreThoseOfTheServer(t *testing.T) {
	for _, size := range []int{MinContentBytes, 150, parley.MaxMessageLength} {
		m := newMark()
		request, raw := newTemplate(m, size), newFrameTemplate(m, size)
		s := stamp{seq: 1}
		want := len(message(t, request.fill(s)))
		if got := len(raw.fill(s)); got != want {
			t.Errorf("content of %d: a raw frame has %d bytes, that of the server %d", size, got, want)
		}
		if got, ours := m.find(raw.fill(s)); !ours || got != s {
			t.Errorf("content of %d: got %+v, %t from a raw frame, want %+v", size, got, ours, s)
		}
	}
}

func TestContentHasItsSize(t *testing.T) {
	for _, size := range []int{MinContentBytes, MinContentBytes + 1, 150, 500} {
		request := newTemplate(newMark(), size)
		r, err := wire.ParseRequest(request.fill(stamp{}))
		if err != nil {
			t.Fatal(err)
		}
		m, err := r.SendMessage()
		if err != nil || len(m.Content) != size || len(r.RequestID) != requestIDLen {
			t.Errorf("size %d: content of %d, request id of %d, %v",
				size, len(m.Content), len(r.RequestID), err)
		}
	}
}

func TestEchoes(t *testing.T) {
	request := newTemplate(newMark(), 150)
	s := stamp{sender: 1, seq: 2, due: 3}
	frame := message(t, request.fill(s))
	if !request.echoes(frame, s) {
		t.Errorf("%s does not echo its own RequestId", frame)
	}
	without := strings.Replace(string(frame), `"RequestId":"`, `"RequestId":"","No":"x`, 1)
	if request.echoes([]byte(without), s) {
		t.Errorf("%s echoes the RequestId", without)
	}
}

func TestRefusals(t *testing.T) {
	request := newTemplate(newMark(), 150)
	s := stamp{sender: 1, seq: 2, due: 3}
	r, err := wire.ParseRequest(request.fill(s))
	if err != nil {
		t.Fatal(err)
	}
	throttled := parley.Errorf(parley.Throttled, "too fast")
	got, refused := readRefusal(wire.EncodeError("Qx7LmZ03tRbe", r.RequestID, throttled))
	want := refusal{429, "rate limit exceeded", s, true}
	if !refused || got != want {
		t.Errorf("got %+v, %t; want %+v", got, refused, want)
	}
	got, refused = readRefusal(wire.EncodeError("Qx7LmZ03tRbe", "", throttled))
	if !refused || got.known {
		t.Errorf("without a RequestId: got %+v, %t; want a refusal of nobody knows what", got, refused)
	}
	if got, refused := readRefusal(message(t, request.fill(s))); refused {
		t.Errorf("a MESSAGE is the refusal %+v", got)
	}
}

func BenchmarkFind(b *testing.B) {
	m := newMark()
	request := newTemplate(m, 150)
	frame := message(b, request.fill(stamp{sender: 3, seq: 70_000, due: 1234567890123}))
	for b.Loop() {
		if _, ours := m.find(frame); !ours {
			b.Fatal("not found")
		}
	}
}

func TestChatIsAtTheSameHost(t *testing.T) {
	for _, tt := range []struct {
		url            string
		chatURLs, want []string
	}{
		{"http://h:1/base/", nil, []string{"http://h:1"}},
		{"https://h", nil, []string{"https://h"}},
		{"https://h", []string{"wss://edge/chat?a=b", "ws://two"}, []string{"wss://edge/chat?a=b", "ws://two"}},
	} {
		if got := (Target{URL: tt.url, ChatURLs: tt.chatURLs}).chat(); !slices.Equal(got, tt.want) {
			t.Errorf("%+v: got %q", tt, got)
		}
	}
}
