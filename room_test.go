package parley_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/parley-chat/parley"
)

const handlerARN = "arn:aws:lambda:us-west-2:123456789012:function:"

func handler(uri string, fallback parley.Fallback) parley.RoomChange {
	return parley.RoomChange{ReviewHandler: &parley.ReviewHandler{URI: uri, Fallback: fallback}}
}

func configurations(n int) parley.RoomChange {
	arns := make([]parley.ARN, n)
	return parley.RoomChange{LoggingConfigurations: &arns}
}

func TestRoomChangeLimits(t *testing.T) {
	name := func(s string) parley.RoomChange { return parley.RoomChange{Name: &s} }
	length := func(n int) parley.RoomChange { return parley.RoomChange{MaxMessageLength: &n} }
	rate := func(n int) parley.RoomChange { return parley.RoomChange{MaxMessageRatePerSecond: &n} }
	const (
		badPattern = "' failed to satisfy constraint: Member must satisfy regular expression pattern: "
		badName    = badPattern + `^[a-zA-Z0-9-_]*$`
		badHandler = badPattern + `^$|^arn:aws:lambda:[a-z0-9-]+:[0-9]{12}:function:.+$`
		badLength  = "' failed to satisfy constraint: Member must have length less than or equal to "
		tooSmall   = "' failed to satisfy constraint: Member must have value greater than or equal to 1"
		tooLarge   = "' failed to satisfy constraint: Member must have value less than or equal to "
	)
	tests := []struct {
		name   string
		change parley.RoomChange
		want   string // the failure, or empty
	}{
		{"nothing", parley.RoomChange{}, ""},
		{"empty name", name(""), ""},
		{"name of all characters", name("AZaz09-_"), ""},
		{"longest name", name(strings.Repeat("n", 128)), ""},
		{"name too long", name(strings.Repeat("n", 129)), "Value at 'name" + badLength + "128"},
		{"name with a space", name("a b"), "Value 'a b' at 'name" + badName},
		{"name with a dot", name("a.b"), "Value 'a.b' at 'name" + badName},
		{"name not ASCII", name("é"), "Value 'é' at 'name" + badName},
		{"name with a line feed", name("a\n"), "Value 'a\n' at 'name" + badName},

		{"message length 0", length(0), "Value '0' at 'maximumMessageLength" + tooSmall},
		{"message length negative", length(-1), "Value '-1' at 'maximumMessageLength" + tooSmall},
		{"message length 1", length(1), ""},
		{"message length 500", length(500), ""},
		{"message length 501", length(501), "Value '501' at 'maximumMessageLength" + tooLarge + "500"},

		{"rate 0", rate(0), "Value '0' at 'maximumMessageRatePerSecond" + tooSmall},
		{"rate 1", rate(1), ""},
		{"rate 100", rate(100), ""},
		{"rate 101", rate(101), "Value '101' at 'maximumMessageRatePerSecond" + tooLarge + "100"},

		{"no handler", handler("", parley.FallbackAllow), ""},
		{"handler", handler(handlerARN+"f", parley.FallbackDeny), ""},
		{"longest handler", handler(handlerARN+strings.Repeat("f", 170-len(handlerARN)), "ALLOW"), ""},
		{"handler too long", handler(handlerARN+strings.Repeat("f", 171-len(handlerARN)), "ALLOW"),
			"Value at 'messageReviewHandler.uri" + badLength + "170"},
		{"handler without a function", handler(handlerARN, "ALLOW"),
			"Value '" + handlerARN + "' at 'messageReviewHandler.uri" + badHandler},
		{"handler is a URL", handler("https://example.org", "ALLOW"),
			"Value 'https://example.org' at 'messageReviewHandler.uri" + badHandler},
		{"handler after a line feed", handler("\n"+handlerARN+"f", "ALLOW"),
			"Value '\n" + handlerARN + "f' at 'messageReviewHandler.uri" + badHandler},
		{"handler before a line feed", handler(handlerARN+"f\nx", "ALLOW"),
			"Value '" + handlerARN + "f\nx' at 'messageReviewHandler.uri" + badHandler},
		{"unknown fallback", handler("", "allow"),
			"Value 'allow' at 'messageReviewHandler.fallbackResult' " +
				"failed to satisfy constraint: Member must satisfy enum value set: [ALLOW, DENY]"},

		{"no configurations", configurations(0), ""},
		{"3 configurations", configurations(3), ""},
		{"4 configurations", configurations(4),
			"Value at 'loggingConfigurationIdentifiers" + badLength + "3"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var check parley.Check
			test.change.Check(&check)
			wantFailure(t, test.name, &check, test.want)
		})
	}
}

func tags(n int) map[string]string {
	tags := map[string]string{}
	for i := range n {
		tags[fmt.Sprint("key", i)] = "value"
	}
	return tags
}

func TestTagLimits(t *testing.T) {
	const (
		failed  = "' failed to satisfy constraint: Member must "
		pattern = failed + `satisfy regular expression pattern: ^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`
	)
	tests := []struct {
		name string
		tags map[string]string
		want string // the failure, or empty
	}{
		{"none", nil, ""},
		{"50", tags(50), ""},
		{"51", tags(51), "Value at 'tags" + failed + "have length less than or equal to 50"},
		{"empty key", map[string]string{"": "v"},
			"Value at 'tags." + failed + "have length greater than or equal to 1"},
		{"longest key and value",
			map[string]string{strings.Repeat("é", 128): strings.Repeat("é", 256)}, ""},
		{"key too long", map[string]string{strings.Repeat("k", 129): ""},
			"Value at 'tags." + strings.Repeat("k", 129) + failed + "have length less than or equal to 128"},
		{"key too long to be shown", map[string]string{strings.Repeat("k", 257): ""},
			"Value at 'tags." + strings.Repeat("k", 256) + "…" + failed +
				"have length less than or equal to 128"},
		{"value too long", map[string]string{"k": strings.Repeat("v", 257)},
			"Value at 'tags.k" + failed + "have length less than or equal to 256"},
		{"all characters", map[string]string{"é٣ Z_.:/=+-@": "é٣ Z_.:/=+-@"}, ""},
		{"other character in a key", map[string]string{"a#b": ""},
			"Value 'a#b' at 'tags.a#b" + pattern},
		{"other character in a value", map[string]string{"k": "a\n"},
			"Value 'a\n' at 'tags.k" + pattern},
		{"reserved", map[string]string{"AWS:k": ""},
			"Value at 'tags.AWS:k' failed to satisfy constraint: Tag keys starting with aws: are reserved"},
		{"nearly reserved", map[string]string{"awsk": "", "x-aws:": "", "parley:history": "on"}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var check parley.Check
			parley.CheckTags(&check, test.tags)
			wantFailure(t, test.name, &check, test.want)
		})
	}
}

// TestTagErrorsAreSorted makes the answer to a request the same each time.
func TestTagErrorsAreSorted(t *testing.T) {
	var check parley.Check
	parley.CheckTags(&check, map[string]string{"c#": "", "a#": "", "d#": "", "b#": ""})
	var got []string
	for _, field := range asError(t, check.Err()).Fields {
		got = append(got, field.Name)
	}
	if diff := cmp.Diff([]string{"tags.a#", "tags.b#", "tags.c#", "tags.d#"}, got); diff != "" {
		t.Errorf("wrong fields (-want +got):\n%s", diff)
	}
}

func TestNewRoomHasTheDefaults(t *testing.T) {
	world := parley.World{Region: "eu-west-1", Account: "123456789012"}
	now := time.Date(2026, 3, 9, 19, 42, 7, 513_902_741, time.FixedZone("east", 3600))
	tags := map[string]string{"team": "blue"}
	got := parley.NewRoom(world, parley.RoomChange{}, tags, now)
	want := parley.Room{
		MaxMessageLength:        500,
		MaxMessageRatePerSecond: 10,
		Tags:                    tags,
		CreateTime:              now.UTC(),
		UpdateTime:              now.UTC(),
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(parley.Room{}, "ARN")); diff != "" {
		t.Errorf("wrong room (-want +got):\n%s", diff)
	}
	if got.ARN.World() != world || !parley.ValidID(got.ARN.ID) {
		t.Errorf("the room's ARN is %s, want a fresh one in %+v", got.ARN, world)
	}
}

func TestRoomChangeKeepsWhatItDoesNotName(t *testing.T) {
	created := time.Date(2026, 3, 9, 18, 42, 7, 0, time.UTC)
	later := created.Add(time.Hour)
	name, empty, length, rate := "lobby", "", 100, 5
	arns := []parley.ARN{{ID: "ABcdef34ghIJ"}}
	reviewed := parley.ReviewHandler{URI: handlerARN + "f", Fallback: parley.FallbackDeny}
	full := parley.RoomChange{Name: &name, MaxMessageLength: &length, MaxMessageRatePerSecond: &rate,
		ReviewHandler: &reviewed, LoggingConfigurations: &arns}
	room := parley.NewRoom(parley.World{}, full, nil, created)

	want := room
	want.UpdateTime = later
	if diff := cmp.Diff(want, room.With(parley.RoomChange{}, later)); diff != "" {
		t.Errorf("an empty change altered more than the update time (-want +got):\n%s", diff)
	}

	want.Name, want.LoggingConfigurations = "", []parley.ARN{}
	want.ReviewHandler = &parley.ReviewHandler{Fallback: parley.FallbackAllow}
	none := []parley.ARN{}
	clearing := parley.RoomChange{Name: &empty, LoggingConfigurations: &none,
		ReviewHandler: &parley.ReviewHandler{Fallback: parley.FallbackAllow}}
	before := room
	if diff := cmp.Diff(want, room.With(clearing, later)); diff != "" {
		t.Errorf("a change to empty values did not clear them (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, room); diff != "" {
		t.Errorf("With changed the room it was called on (-before +after):\n%s", diff)
	}
	if room.Name != "lobby" || room.MaxMessageLength != 100 || room.MaxMessageRatePerSecond != 5 ||
		room.ReviewHandler != &reviewed || len(room.LoggingConfigurations) != 1 {
		t.Errorf("NewRoom made %+v of a change that names everything", room)
	}
}
