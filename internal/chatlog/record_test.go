package chatlog

import (
	"compress/gzip"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/chatlog/queue"
	"github.com/parley-chat/parley/internal/hub"
	"github.com/parley-chat/parley/internal/wire"
)

var at = time.Date(2026, 3, 1, 10, 0, 0, 123_999_999, time.UTC)

func TestRecordForm(t *testing.T) {
	ann := wire.EncodeSender(parley.Sender{UserID: "u1", Attributes: map[string]string{"displayName": "Ann"}})
	nobody := wire.EncodeSender(parley.Sender{UserID: "u2"})
	for _, tt := range []struct {
		name   string
		record hub.Record
		want   string
	}{
		{"a message", hub.Record{At: at, Frame: wire.EncodeMessage(parley.Message{
			ID: "A1b2C3d4E5f6", Content: "hi <b> & \"bye\"", SendTime: at, RequestID: "r1",
			Attributes: map[string]string{"k": "v"}}, ann)},
			`{"event_timestamp":"2026-03-01T10:00:00.123Z","type":"MESSAGE","payload":` +
				`{"Type":"MESSAGE","Id":"A1b2C3d4E5f6","RequestId":"r1","Attributes":{"k":"v"},` +
				`"Content":"hi <b> & \"bye\"","SendTime":"2026-03-01T10:00:00.123999999Z",` +
				`"Sender":{"UserId":"u1","Attributes":{"displayName":"Ann"}}},"version":"1.0"}`},
		{"a message without attributes", hub.Record{At: at, Frame: wire.EncodeMessage(parley.Message{
			ID: "A1b2C3d4E5f6", Content: `,"Attributes":null,`, SendTime: at.Truncate(time.Second)}, nobody)},
			`{"event_timestamp":"2026-03-01T10:00:00.123Z","type":"MESSAGE","payload":` +
				`{"Type":"MESSAGE","Id":"A1b2C3d4E5f6","RequestId":"","Attributes":{},` +
				`"Content":",\"Attributes\":null,","SendTime":"2026-03-01T10:00:00Z",` +
				`"Sender":{"UserId":"u2","Attributes":{}}},"version":"1.0"}`},
		{"an event", hub.Record{Event: true, At: at.In(time.FixedZone("", 3600)),
			Frame: wire.EncodeEvent(parley.Event{ID: "A1b2C3d4E5f6", Name: "aws:DELETE_MESSAGE",
				Attributes: map[string]string{"MessageID": "m", "MessageId": "m", "Reason": "rude"},
				SendTime:   at})},
			`{"event_timestamp":"2026-03-01T10:00:00.123Z","type":"EVENT","payload":` +
				`{"Type":"EVENT","Id":"A1b2C3d4E5f6","RequestId":"","EventName":"aws:DELETE_MESSAGE",` +
				`"Attributes":{"MessageID":"m","MessageId":"m","Reason":"rude"},` +
				`"SendTime":"2026-03-01T10:00:00.123999999Z"},"version":"1.0"}`},
	} {
		if diff := cmp.Diff(tt.want, string(appendRecord(nil, tt.record))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestObjectKey(t *testing.T) {
	room := parley.ARN{Region: "us-west-2", Account: "123456789012", Kind: parley.KindRoom, ID: "AbCdEf123456"}
	for _, tt := range []struct{ at, want string }{
		{"2022-10-14T17:44:59.999999999Z", "2022/10/14/17/123456789012_IVSChatLogs_1.0_us-west-2_" +
			"room_AbCdEf123456_20221014T1740Z_0a1b2c3d.log.gz"},
		{"2026-01-01T01:00:00+02:00", "2025/12/31/23/123456789012_IVSChatLogs_1.0_us-west-2_" +
			"room_AbCdEf123456_20251231T2300Z_0a1b2c3d.log.gz"},
	} {
		when, err := time.Parse(time.RFC3339Nano, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		want := "AWSLogs/123456789012/IVSChatLogs/1.0/us-west-2/room_AbCdEf123456/" + tt.want
		got := objectKey(room, stampOf(when), "0a1b2c3d")
		if got != want {
			t.Errorf("at %s: key %s, want %s", tt.at, got, want)
		}
		if stamp, ok := stampOfKey(got); !ok || !stamp.Equal(stampOf(when)) {
			t.Errorf("the stamp of %s is %s, %t; want %s", got, stamp, ok, stampOf(when))
		}
	}
	for _, key := range []string{"", "a.log.gz", "x_20221014T1740Z_.log", "x_2022T1740Z_a.log.gz"} {
		if stamp, ok := stampOfKey(key); ok {
			t.Errorf("the stamp of %q is %s, want none", key, stamp)
		}
	}
}

func TestObjectBody(t *testing.T) {
	make := func(records ...string) (body, hash string) {
		o := newObject()
		for _, r := range records {
			o.add([]byte(r))
		}
		b, hash := o.finish()
		return string(b), hash
	}
	body, hash := make(`{"a":1}`, `{"b":2}`)
	plain, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(plain); err != nil || string(text) != "{\"a\":1}\n{\"b\":2}\n" {
		t.Errorf("the body is %q, %v", text, err)
	}
	if again, sum := make(`{"a":1}`, `{"b":2}`); sum != hash || again != body || len(hash) != 8 {
		t.Errorf("the same records have the hashes %s and %s", hash, sum)
	}
	if _, other := make(`{"a":1}`, `{"b":3}`); other == hash {
		t.Errorf("other records have the hash %s, too", hash)
	}
}

// of returns items with sizes, of rooms and times.
func of(room string, millis int64, sizes ...int) []item {
	var items []item
	for _, size := range sizes {
		items = append(items, item{Item: queue.Item{Room: room, Millis: millis, Bytes: int32(size)}})
	}
	return items
}

// shapes says of each part which room it has, of how many items.
func shapes(parts []part) (all []string) {
	for _, p := range parts {
		all = append(all, fmt.Sprintf("%s %d", p.room, len(p.items)))
	}
	return all
}

func many(n, size int) []int { return slices.Repeat([]int{size}, n) }

func TestObjectsOfOneRoomAndTime(t *testing.T) {
	five := stampLength.Milliseconds()
	items := slices.Concat(of("b", five, 1, 1), of("a", five, 1), of("b", five-1, 1), of("b", 2*five-1, 1))
	var got []string
	for _, p := range (objects{}).split(items) {
		got = append(got, fmt.Sprintf("%s %d from %d", p.room, len(p.items), p.stamp.UnixMilli()))
	}
	want := []string{fmt.Sprint("a 1 from ", five), fmt.Sprint("b 3 from ", five), "b 1 from 0"}
	if !slices.Equal(got, want) {
		t.Errorf("objects %q, want %q", got, want)
	}
}

func TestLimitsOfPutLogEvents(t *testing.T) {
	const most = maxLogBytes/2 - logEventBytes // two of these fill a call
	day := maxLogSpan.Milliseconds()
	for _, tt := range []struct {
		name  string
		items []item
		want  []string
	}{
		{"nothing", nil, nil},
		{"10,000 events", of("r", 0, many(10_000, 1)...), []string{"r 10000"}},
		{"one more", of("r", 0, many(10_001, 1)...), []string{"r 10000", "r 1"}},
		{"as many bytes as may be", of("r", 0, most, most), []string{"r 2"}},
		{"a byte more", of("r", 0, most, most+1), []string{"r 1", "r 1"}},
		{"a day", append(of("r", 0, 1), of("r", day, 1)...), []string{"r 2"}},
		{"a day and more", append(of("r", 0, 1), of("r", day+1, 1)...), []string{"r 1", "r 1"}},
		{"two rooms", slices.Concat(of("b", 0, 1), of("a", 0, 1), of("b", 0, 1)), []string{"a 1", "b 2"}},
	} {
		if got := shapes(logGroup{}.split(tt.items)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: calls %q, want %q", tt.name, got, tt.want)
		}
	}
	sorted := logGroup{}.split(slices.Concat(of("r", 7, 1), of("r", 5, 2), of("r", 7, 3)))
	for i, want := range []int{2, 1, 3} {
		if got := int(sorted[0].items[i].Bytes); got != want {
			t.Errorf("event %d is that of %d bytes, want %d: by time, and then as they came", i, got, want)
		}
	}
}

func TestLimitsOfPutRecordBatch(t *testing.T) {
	const most = maxStreamBytes/2 - 1 // two of these fill a call
	for _, tt := range []struct {
		name  string
		items []item
		want  []string
	}{
		{"nothing", nil, nil},
		{"500 records", of("r", 0, many(500, 1)...), []string{" 500"}},
		{"one more", of("r", 0, many(501, 1)...), []string{" 500", " 1"}},
		{"as many bytes as may be", of("r", 0, most, most), []string{" 2"}},
		{"a byte more", of("r", 0, most, most+1), []string{" 1", " 1"}},
	} {
		if got := shapes(stream{}.split(tt.items)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: calls %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestBackOff(t *testing.T) {
	for failures, full := range map[int]time.Duration{
		1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 9: 256 * time.Second,
		10: 5 * time.Minute, 1000: 5 * time.Minute,
	} {
		for range 100 {
			if got := backOff(failures); got <= full/2 || got > full {
				t.Fatalf("after %d failures: %s, want more than %s and at most %s", failures, got, full/2, full)
			}
		}
	}
}

func TestLike(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"chat-*", "chat-logs", true}, {"chat-*", "chat-", true}, {"chat-*", "chat", false},
		{"*", "", true}, {"*", "a/b", true}, {"?", "", false}, {"?", "a", true}, {"?", "ab", false},
		{"a?c*e", "abcde", true}, {"a?c*e", "abce", true}, {"a?c*e", "abcd", false},
		{"*b*b", "abab", true}, {"*b*b", "aba", false}, {"", "", true}, {"", "a", false},
		{"/chat/*", "/chat/a/b", true}, {"a.c", "abc", false},
	} {
		if got := like(tt.pattern, tt.name); got != tt.want {
			t.Errorf("%q fits %q: %t, want %t", tt.name, tt.pattern, got, tt.want)
		}
	}
}

func TestFileNames(t *testing.T) {
	for name, want := range map[string]string{
		"chat-logs.1": "chat-logs.1", "/chat/logs_#1": "%2Fchat%2Flogs_%231",
		".": "%2E", "..": "%2E%2E", "...": "%2E%2E%2E", "/..": "%2F..", "..a": "..a",
	} {
		if got := fileName(name); got != want {
			t.Errorf("the folder of %q is %q, want %q", name, got, want)
		}
	}
}

// FuzzDecompress reads objects that others wrote: it never panics, and what it accepts
// is read in the same way when it is written again.
func FuzzDecompress(f *testing.F) {
	pack := func(records ...[]byte) []byte {
		o := newObject()
		for _, r := range records {
			o.add(r)
		}
		body, _ := o.finish()
		return slices.Clone(body)
	}
	f.Add([]byte{})
	f.Add(pack())
	f.Add(pack(appendRecord(nil, hub.Record{At: at, Frame: []byte(`{"Id":"a"}`)}), []byte(`{}`)))
	f.Add(pack([]byte(`{"payload":{"SendTime":"2026-03-01T10:00:00Z"}}`), []byte("\n"), []byte(`nonsense`)))
	f.Fuzz(func(t *testing.T, body []byte) {
		lines, err := decompress(strings.NewReader(string(body)))
		if err != nil {
			return
		}
		var records [][]byte
		for _, l := range lines {
			records = append(records, l.text)
		}
		again, err := decompress(strings.NewReader(string(pack(records...))))
		if diff := cmp.Diff(lines, again, cmp.AllowUnexported(line{})); err != nil || diff != "" {
			t.Errorf("written again: %v\n%s", err, diff)
		}
	})
}
