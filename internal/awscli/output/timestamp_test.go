package output_test

import (
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/awscli/output"
)

// TestTimestamps has how the CLI prints timestamps, and nothing for those that it
// refuses. Seconds since 1970 are printed in the local zone.
func TestTimestamps(t *testing.T) {
	local := func(seconds int64, fraction string) string {
		at := time.Unix(seconds, 0)
		return at.Format("2006-01-02T15:04:05") + fraction + at.Format("-07:00")
	}
	tests := []struct{ wire, want string }{
		{`"2022-03-16T03:45:09Z"`, "2022-03-16T03:45:09+00:00"},
		{`"2022-03-16T03:45:09.123Z"`, "2022-03-16T03:45:09.123000+00:00"},
		{`"2022-03-16T03:45:09.1234567Z"`, "2022-03-16T03:45:09.123456+00:00"},
		{`"2022-03-16T03:45:09.000Z"`, "2022-03-16T03:45:09+00:00"},
		{`"2022-03-16T03:45:09.0000005Z"`, "2022-03-16T03:45:09+00:00"},
		{`"2022-03-16T03:45:09+05:30"`, "2022-03-16T03:45:09+05:30"},
		{`"2022-03-16T03:45:09+0000"`, "2022-03-16T03:45:09+00:00"},
		{`"2022-03-16T03:45:09-08"`, "2022-03-16T03:45:09-08:00"},
		{`"2022-03-16T03:45:09.5"`, "2022-03-16T03:45:09.500000"},
		{`"2022-03-16T03:45:09"`, "2022-03-16T03:45:09"},
		{`"1970-01-01T00:00:00"`, "1970-01-01T00:00:00"},
		{`"2022-03-16 03:45:09Z"`, "2022-03-16T03:45:09+00:00"},
		{`"2022-03-16 03:45:09"`, "2022-03-16T03:45:09"},
		{`"2022-03-16T03:45Z"`, "2022-03-16T03:45:00+00:00"},
		{`"2022-03-16"`, "2022-03-16T00:00:00"},
		{`"Wed, 16 Mar 2022 03:45:09 GMT"`, "2022-03-16T03:45:09+00:00"},
		{`1647402309`, local(1647402309, "")},
		{`"1647402309"`, local(1647402309, "")},
		{`1647402309.25`, local(1647402309, ".250000")},
		{`-1`, local(-1, "")},
		{`"2022-02-30T03:45:09Z"`, ""},
		{`253402387200`, ""}, // in the year 10000
		{`1e20`, ""},
		{`""`, ""},
		{`{}`, ""},
	}
	for _, test := range tests {
		got, err := printTime(t, test.wire, output.ISO8601)
		if ok := test.want != ""; ok != (err == nil) || got != test.want {
			t.Errorf("%s is printed as %s, %v, want %q", test.wire, got, err, test.want)
		}
	}
}

// printTime returns how a createTime is printed.
func printTime(t *testing.T, wire string, way output.Timestamps) (string, error) {
	t.Helper()
	o := options(t, "text", "createTime")
	o.Timestamps = way
	var got strings.Builder
	err := output.Print(&got, operation(t, "GetRoom"), answer(t, `{"createTime":`+wire+`}`), o)
	return strings.TrimSuffix(got.String(), "\n"), err
}

func TestWireTimestamps(t *testing.T) {
	tests := []struct{ wire, want string }{
		{`"2022-03-16T03:45:09Z"`, "2022-03-16T03:45:09Z"},
		{`"soon"`, "soon"},
		{`1647402309.250`, "1647402309.25"},
	}
	for _, test := range tests {
		if got, err := printTime(t, test.wire, output.Wire); err != nil || got != test.want {
			t.Errorf("%s is printed as %s, %v, want %s", test.wire, got, err, test.want)
		}
	}
}

func TestParseTimestamps(t *testing.T) {
	for setting, want := range map[string]output.Timestamps{
		"iso8601": output.ISO8601, "wire": output.Wire} {
		if got, err := output.ParseTimestamps(setting); err != nil || got != want {
			t.Errorf("%s is %v, %v, want %v", setting, got, err, want)
		}
	}
	_, err := output.ParseTimestamps("rfc")
	want := `Unknown cli_timestamp_format value: rfc, valid values are "wire" or "iso8601"`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
