package bus

import (
	"bytes"
	"reflect"
	"testing"
)

// messages has one of each kind, and their extremes.
func messages() map[string][]byte {
	event, _ := encodeEvent(7, eventMessage{waiting: true, g: 300, prev: 299, event: []byte("x")})
	first, _ := encodeEvent(1<<64-1, eventMessage{g: 1})
	beat := beatMessage{bye: true, number: 4, g: 1 << 40, now: -5, name: "n0",
		heard:  []heardNode{{1, 2, 3}, {1<<64 - 1, 0, 0}},
		rooms:  []roomDigest{{5, 1 << 40}, {6, 1}},
		report: []byte("report")}
	ask := askMessage{id: 9, reset: true, leaves: []string{"a.b", "c"}, rooms: []roomAsk{
		{key: "r", since: true, time: -1}, {key: "s", after: 1<<64 - 1}}}
	resend := resendMessage{ask: 1, series: 2, index: 3, events: []resentEvent{
		{"r", 5, 4, []byte("x")}, {"r", 6, 0, []byte{}}}}
	answer := answerMessage{ask: 1, series: 2, count: 3, beat: 4, g: 5, done: 6, upTo: 7,
		gone: []uint64{0, 1 << 63}}
	return map[string][]byte{
		"event": event, "first event": first, "beat": beat.encode(1),
		"empty beat": (&beatMessage{}).encode(1), "ask": ask.encode(1, 0),
		"resend": resend.encode(1, 0), "answer": answer.encode(1),
		"ack": encodeAck(1, []uint64{3, 2, 1<<64 - 1}),
	}
}

// again decodes a message and encodes what it found.
func again(data []byte) (value any, encoded []byte, err error) {
	kind, node, r, err := open(data)
	if err != nil {
		return nil, nil, err
	}
	switch kind {
	case kindEvent:
		m, err := decodeEvent(r)
		if err != nil {
			return nil, nil, err
		}
		data, body := encodeEvent(node, m)
		return m, data, checkBody(data[body:], m.event)
	case kindBeat:
		m, err := decodeBeat(r)
		return m, m.encode(node), err
	case kindAsk:
		m, err := decodeAsk(r)
		return m, m.encode(node, 0), err
	case kindResend:
		m, err := decodeResend(r)
		if err != nil {
			return nil, nil, err
		}
		return m, m.encode(node, 0), nil
	case kindAnswer:
		m, err := decodeAnswer(r)
		return m, m.encode(node), err
	case kindAck:
		m, err := decodeAck(r)
		return m, encodeAck(node, m), err
	}
	return nil, nil, errMalformed
}

func checkBody(body, event []byte) error {
	if !bytes.Equal(body, event) {
		return errMalformed
	}
	return nil
}

func TestMessagesSurviveTheWire(t *testing.T) {
	for name, data := range messages() {
		_, encoded, err := again(data)
		if err != nil || !bytes.Equal(encoded, data) {
			t.Errorf("%s: decoded and encoded again: %x, %v, want %x", name, encoded, err, data)
		}
	}
}

func TestCutMessagesAreRefused(t *testing.T) {
	for name, data := range messages() {
		for n := range len(data) {
			if name == "event" && n == len(data)-1 || name == "first event" && n == len(data) {
				continue // an event may have any length
			}
			if _, _, err := again(data[:n]); err == nil {
				t.Errorf("%s: its first %d bytes of %d are taken, want an error",
					name, n, len(data))
			}
		}
	}
}

func FuzzMessages(f *testing.F) {
	for _, data := range messages() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		value, encoded, err := again(data)
		if err != nil {
			return
		}
		same, _, err := again(encoded)
		if err != nil || !reflect.DeepEqual(same, value) {
			t.Errorf("%x is %+v; encoded and decoded again: %+v, %v", data, value, same, err)
		}
	})
}

// FuzzArrivals has a bus handle whatever comes, also from a peer that it has asked, and
// whom it waits for.
func FuzzArrivals(f *testing.F) {
	for _, data := range messages() {
		f.Add("p.room.r", data)
		f.Add("p.node.0", data)
		f.Add("", data)
	}
	f.Fuzz(func(t *testing.T, subject string, data []byte) {
		b := idleBus(t)
		beatOf(b, 1, beatMessage{number: 1})
		listenIdle(t, b, "r")
		askOf(b, 1, 1, askMessage{rooms: []roomAsk{{key: "r"}}})
		for range 2 {
			if err := b.Publish(t.Context(), "r", []byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			arrive(b, subject, data)
		}
		for _, r := range b.rooms {
			if len(r.held) > 2 || r.subs == nil && r.interest == 0 && r.last == 0 {
				t.Errorf("room %s holds %d events, is of no use", r.key, len(r.held))
			}
		}
		b.mu.Lock()
		b.lagLocked(1)
		b.mu.Unlock()
		if b.held != 0 {
			t.Errorf("%d events are held when nobody is waited for, want none", b.held)
		}
	})
}

func TestValidKey(t *testing.T) {
	tests := []struct {
		key  string
		want bool
	}{
		{"a", true},
		{"us-east-1.123456789012.AbC-9", true},
		{string(bytes.Repeat([]byte("a"), maxKeyLen)), true},
		{string(bytes.Repeat([]byte("a"), maxKeyLen+1)), false},
		{"", false},
		{".a", false},
		{"a.", false},
		{"a..b", false},
		{"a.*", false},
		{"a.>", false},
		{"a b", false},
		{"a\n", false},
		{"ä", false},
	}
	for _, test := range tests {
		if got := validKey(test.key); got != test.want {
			t.Errorf("validKey(%q) = %t, want %t", test.key, got, test.want)
		}
	}
}
