package parley_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/parley-chat/parley"
)

const roomARN = "arn:aws:ivschat:us-west-2:123456789012:room/g1H2I3j4k5L6"

// room is what roomARN spells.
var room = parley.ARN{
	Region:  "us-west-2",
	Account: "123456789012",
	Kind:    parley.KindRoom,
	ID:      "g1H2I3j4k5L6",
}

func TestParseARN(t *testing.T) {
	tests := []struct {
		name, text string
		want       parley.ARN
	}{
		{"room", roomARN, room},
		{"logging configuration",
			"arn:aws:ivschat:eu-west-1:000000000000:logging-configuration/ABcdef34ghIJ",
			parley.ARN{Region: "eu-west-1", Account: "000000000000",
				Kind: "logging-configuration", ID: "ABcdef34ghIJ"}},
		{"shortest", "arn:aws:ivschat:-:0:room/-",
			parley.ARN{Region: "-", Account: "0", Kind: "room", ID: "-"}},
		{"longest", "arn:aws:ivschat:r:1:room/" + strings.Repeat("i", 103),
			parley.ARN{Region: "r", Account: "1", Kind: "room", ID: strings.Repeat("i", 103)}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parley.ParseARN(test.text)
			if err != nil || got != test.want {
				t.Errorf("ParseARN(%q) = %+v, error %v, want %+v", test.text, got, err, test.want)
			}
			if got.String() != test.text {
				t.Errorf("%+v is written as %q, want %q", got, got, test.text)
			}
		})
	}
}

func TestParseARNRefuses(t *testing.T) {
	tests := []struct{ name, text string }{
		{"empty", ""},
		{"bare id", "g1H2I3j4k5L6"},
		{"one over the longest", "arn:aws:ivschat:r:1:room/" + strings.Repeat("i", 104)},
		{"other partition", "arn:aws-cn:ivschat:us-west-2:123456789012:room/g1H2I3j4k5L6"},
		{"other service", "arn:aws:ivs:us-west-2:123456789012:room/g1H2I3j4k5L6"},
		{"other kind", "arn:aws:ivschat:us-west-2:123456789012:channel/g1H2I3j4k5L6"},
		{"upper case kind", "arn:aws:ivschat:us-west-2:123456789012:Room/g1H2I3j4k5L6"},
		{"no region", "arn:aws:ivschat::123456789012:room/g1H2I3j4k5L6"},
		{"upper case region", "arn:aws:ivschat:US-WEST-2:123456789012:room/g1H2I3j4k5L6"},
		{"no account", "arn:aws:ivschat:us-west-2::room/g1H2I3j4k5L6"},
		{"account with a letter", "arn:aws:ivschat:us-west-2:12345678901a:room/g1H2I3j4k5L6"},
		{"account in other digits", "arn:aws:ivschat:us-west-2:١٢٣:room/g1H2I3j4k5L6"},
		{"no id", "arn:aws:ivschat:us-west-2:123456789012:room/"},
		{"no slash", "arn:aws:ivschat:us-west-2:123456789012:room"},
		{"id with an underscore", "arn:aws:ivschat:us-west-2:123456789012:room/a_b"},
		{"id with a slash", "arn:aws:ivschat:us-west-2:123456789012:room/a/b"},
		{"id with a colon", "arn:aws:ivschat:us-west-2:123456789012:room/a:b"},
		{"wildcard", "arn:aws:ivschat:us-west-2:123456789012:room/*"},
		{"space before", " " + roomARN},
		{"line feed after", roomARN + "\n"},
		{"second line", roomARN + "\n" + roomARN},
		{"NUL after", roomARN + "\x00"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parley.ParseARN(test.text)
			if parley.CodeOf(err) != parley.Invalid || err == nil || got != (parley.ARN{}) {
				t.Errorf("ParseARN(%q) = %+v, error %v, want code invalid", test.text, got, err)
			}
		})
	}
}

// FuzzARN checks that what ParseARN accepts is written as it was read, and is
// what the checks of requests accept.
func FuzzARN(f *testing.F) {
	for _, seed := range []string{
		"", roomARN, roomARN + "\n", "arn:aws:ivschat:r:1:logging-configuration/x",
		"arn:aws:ivschat:::room/", "arn:aws:ivschat:a:1:room/b:2:room/c",
	} {
		f.Add(seed)
	}
	documented := regexp.MustCompile(
		parley.RoomARNPattern + "|" + parley.LoggingConfigurationARNPattern)
	f.Fuzz(func(t *testing.T, text string) {
		arn, err := parley.ParseARN(text)
		matches := len(text) <= parley.MaxARNLen && documented.MatchString(text)
		if matches != (err == nil) {
			t.Errorf("ParseARN(%q): error %v, but the patterns say %t", text, err, matches)
		}
		var asRoom, asConfiguration parley.Check
		asRoom.ARN("m", text, parley.KindRoom)
		asConfiguration.ARN("m", text, parley.KindLoggingConfiguration)
		if accepted := asRoom.Err() == nil || asConfiguration.Err() == nil; accepted != (err == nil) {
			t.Errorf("ParseARN(%q): error %v, but Check.ARN says %v for a room, %v for a configuration",
				text, err, asRoom.Err(), asConfiguration.Err())
		}
		if err != nil {
			return
		}
		if arn.String() != text {
			t.Errorf("ParseARN(%q) = %+v, which is written as %q", text, arn, arn)
		}
		if again, err := parley.ParseARN(arn.String()); err != nil || again != arn {
			t.Errorf("ParseARN(%q) = %+v, and read again %+v, error %v", text, arn, again, err)
		}
	})
}

func TestNewRoomARN(t *testing.T) {
	world := parley.World{Region: "eu-west-1", Account: "123456789012"}
	arn := world.NewRoomARN()
	if arn.Kind != parley.KindRoom || !parley.ValidID(arn.ID) || arn.World() != world {
		t.Errorf("NewRoomARN in %+v = %+v, want a room there with an id of 12 characters", world, arn)
	}
	if again, err := parley.ParseARN(arn.String()); err != nil || again != arn {
		t.Errorf("%q is read as %+v, error %v, want %+v", arn, again, err, arn)
	}
	if other := world.NewRoomARN(); other == arn {
		t.Errorf("two rooms have the ARN %s", arn)
	}
}

func TestNotFoundNamesTheResource(t *testing.T) {
	tests := []struct {
		kind parley.Kind
		want parley.Resource
	}{
		{parley.KindRoom, parley.Resource{Type: "ROOM", ID: room.ID}},
		{parley.KindLoggingConfiguration, parley.Resource{Type: "LOGGING_CONFIGURATION", ID: room.ID}},
	}
	for _, test := range tests {
		arn := room
		arn.Kind = test.kind
		e := asError(t, arn.NotFound())
		want := "Resource: " + arn.String() + " not found"
		if e.Code != parley.NotFound || e.Resource != test.want || e.Message != want {
			t.Errorf("NotFound of %s = %+v, want code not_found, resource %+v and text %q",
				arn, e, test.want, want)
		}
	}
}
