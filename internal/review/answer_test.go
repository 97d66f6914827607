package review

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/hub"
)

// message is what is reviewed here.
var message = hub.Review{
	MaxLength: 500, MessageID: "AbCdEfGh1234", Content: "hi",
	Attributes: map[string]string{"a": "b"},
}

func TestPayload(t *testing.T) {
	room, err := parley.ParseARN("arn:aws:ivschat:us-east-1:123456789012:room/AbCdEfGh1234")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		review hub.Review
		want   string
	}{
		"all members": {
			hub.Review{Content: `<b> & "⚽"`, MessageID: "Qx7LmZ03tRbe", Room: room,
				Attributes: map[string]string{"kind": "cheer"}, Client: netip.MustParseAddr("2001:db8::7"),
				Sender: parley.Sender{UserID: "ana", Attributes: map[string]string{"displayName": "Ana"}}},
			`{"Content":"<b> & \"⚽\"","MessageId":"Qx7LmZ03tRbe","RoomArn":"` + room.String() + `",` +
				`"Attributes":{"kind":"cheer"},` +
				`"Sender":{"UserId":"ana","Attributes":{"displayName":"Ana"},"Ip":"2001:db8::7"}}`,
		},
		"nothing that can be left out": {
			hub.Review{Content: "x", MessageID: "Qx7LmZ03tRbe", Room: room, Sender: parley.Sender{UserID: "b"}},
			`{"Content":"x","MessageId":"Qx7LmZ03tRbe","RoomArn":"` + room.String() + `","Attributes":{},` +
				`"Sender":{"UserId":"b","Attributes":{},"Ip":""}}`,
		},
	} {
		if diff := cmp.Diff(tt.want, string(encodePayload(tt.review))); diff != "" {
			t.Errorf("%s: payload (-want +got):\n%s", name, diff)
		}
	}
}

func TestAnswers(t *testing.T) {
	kept := message.Attributes
	limit := strings.Repeat("⚽", message.MaxLength)
	full := strings.Repeat("x", parley.MaxMessageAttributes-1)
	for _, tt := range []struct {
		name, body string
		want       hub.Decision
	}{
		{"content and attributes", `{"ReviewResult":"ALLOW","Content":"x","Attributes":{"c":"d"}}`,
			hub.Decision{Allow: true, Content: "x", Attributes: map[string]string{"c": "d"}}},
		{"no attributes", `{"ReviewResult":"ALLOW","Content":"x"}`,
			hub.Decision{Allow: true, Content: "x", Attributes: kept}},
		{"null attributes", `{"ReviewResult":"ALLOW","Content":"x","Attributes":null}`,
			hub.Decision{Allow: true, Content: "x", Attributes: kept}},
		{"empty attributes", `{"ReviewResult":"ALLOW","Content":"x","Attributes":{}}`,
			hub.Decision{Allow: true, Content: "x", Attributes: map[string]string{}}},
		{"a reason is an attribute", `{"ReviewResult":"ALLOW","Content":"x","Attributes":{"Reason":"r"}}`,
			hub.Decision{Allow: true, Content: "x", Attributes: map[string]string{"Reason": "r"}}},
		{"longest content", `{"ReviewResult":"ALLOW","Content":"` + limit + `"}`,
			hub.Decision{Allow: true, Content: limit, Attributes: kept}},
		{"largest attributes", `{"ReviewResult":"ALLOW","Content":"x","Attributes":{"a":"` + full + `"}}`,
			hub.Decision{Allow: true, Content: "x", Attributes: map[string]string{"a": full}}},
		{"unknown members", `{"ReviewResult":"ALLOW","Content":"x","content":5,"Sender":{},"reviewResult":"DENY"}`,
			hub.Decision{Allow: true, Content: "x", Attributes: kept}},
		{"the last of two counts", `{"ReviewResult":"DENY","ReviewResult":"ALLOW","Content":"x"}`,
			hub.Decision{Allow: true, Content: "x", Attributes: kept}},
		{"surrounded by space", " {\"ReviewResult\":\"DENY\"}\n", hub.Decision{}},
		{"denied with a reason", `{"ReviewResult":"DENY","Content":"x","Attributes":{"Reason":"spam"}}`,
			hub.Decision{Reason: "spam"}},
		{"denied without content", `{"ReviewResult":"DENY"}`, hub.Decision{}},
		{"denied with empty content", `{"ReviewResult":"DENY","Content":""}`, hub.Decision{}},
		{"denied with null", `{"ReviewResult":"DENY","Content":null,"Attributes":null}`, hub.Decision{}},
		{"denied with long content", `{"ReviewResult":"DENY","Content":"` + limit + `x"}`, hub.Decision{}},
		{"denied, reason of another name", `{"ReviewResult":"DENY","Attributes":{"reason":"spam"}}`,
			hub.Decision{}},
	} {
		got, err := parseAnswer([]byte(tt.body), message)
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("%s: error %v, decision (-want +got):\n%s", tt.name, err, diff)
		}
	}
}

func TestInvalidAnswers(t *testing.T) {
	for name, body := range map[string]string{
		"empty":                      ``,
		"text":                       `ALLOW`,
		"JSON text":                  `"ALLOW"`,
		"null":                       `null`,
		"list":                       `[{"ReviewResult":"ALLOW","Content":"x"}]`,
		"two objects":                `{"ReviewResult":"DENY"}{}`,
		"cut off":                    `{"ReviewResult":"DENY"`,
		"no result":                  `{"Content":"x"}`,
		"null result":                `{"ReviewResult":null,"Content":"x"}`,
		"result in small letters":    `{"ReviewResult":"allow","Content":"x"}`,
		"result of another kind":     `{"ReviewResult":"MAYBE","Content":"x"}`,
		"result is no text":          `{"ReviewResult":true,"Content":"x"}`,
		"member in small letters":    `{"reviewResult":"ALLOW","content":"x"}`,
		"allowed without content":    `{"ReviewResult":"ALLOW"}`,
		"allowed with null":          `{"ReviewResult":"ALLOW","Content":null}`,
		"allowed with empty content": `{"ReviewResult":"ALLOW","Content":""}`,
		"content too long":           `{"ReviewResult":"ALLOW","Content":"` + strings.Repeat("⚽", 501) + `"}`,
		"content is no text":         `{"ReviewResult":"DENY","Content":5}`,
		"attributes too large": `{"ReviewResult":"ALLOW","Content":"x","Attributes":{"a":"` +
			strings.Repeat("x", 1024) + `"}}`,
		"attributes too large, denied": `{"ReviewResult":"DENY","Attributes":{"Reason":"` +
			strings.Repeat("é", 510) + `"}}`,
		"attribute is a number": `{"ReviewResult":"ALLOW","Content":"x","Attributes":{"a":1}}`,
		"attribute is null":     `{"ReviewResult":"ALLOW","Content":"x","Attributes":{"a":null}}`,
		"attributes are a list": `{"ReviewResult":"ALLOW","Content":"x","Attributes":["a"]}`,
	} {
		got, err := parseAnswer([]byte(body), message)
		if err == nil || failureOf(err) != ResponseValidation {
			t.Errorf("%s: decision %+v, error %v, want a failure of the kind %s",
				name, got, err, ResponseValidation)
		}
	}
}

// FuzzAnswer checks that no answer panics, and that what is accepted can be delivered.
func FuzzAnswer(f *testing.F) {
	f.Add(`{"ReviewResult":"ALLOW","Content":"x","Attributes":{"c":"d"}}`)
	f.Add(`{"ReviewResult":"DENY","Attributes":{"Reason":"\ud800"}}`)
	f.Add(`{"ReviewResult":null}`)
	f.Fuzz(func(t *testing.T, body string) {
		d, err := parseAnswer([]byte(body), message)
		switch n := utf8.RuneCountInString(d.Content); {
		case err != nil && failureOf(err) != ResponseValidation:
			t.Errorf("%q: error %v of the kind %s", body, err, failureOf(err))
		case err == nil && d.Allow && (n < 1 || n > message.MaxLength):
			t.Errorf("%q: allowed with %d characters", body, n)
		case err == nil && parley.AttributesSize(d.Attributes) > parley.MaxMessageAttributes:
			t.Errorf("%q: accepted with attributes that are too large", body)
		case !utf8.ValidString(d.Content + d.Reason + fmt.Sprint(d.Attributes)):
			t.Errorf("%q: accepted with text that is not UTF-8", body)
		}
	})
}
