package output

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/parley-chat/parley/internal/awscli/python"
)

// Timestamps says how timestamps are printed.
type Timestamps int

// The ways to print timestamps: as ISO 8601, or as they came.
const (
	ISO8601 Timestamps = iota
	Wire
)

// ParseTimestamps returns the way that a value of the setting cli_timestamp_format
// names. An error is for the user to see.
func ParseTimestamps(setting string) (Timestamps, error) {
	switch setting {
	case "iso8601":
		return ISO8601, nil
	case "wire":
		return Wire, nil
	}
	return 0, python.Errorf("Unknown cli_timestamp_format value: %s, valid values are "+
		`"wire" or "iso8601"`, setting)
}

// reprint returns a timestamp of an answer as it is printed.
func (t Timestamps) reprint(v any) (any, error) {
	v = python.Value(v)
	if t == Wire {
		return v, nil
	}
	switch v := v.(type) {
	case json.Number:
		if printed, ok := printEpoch(v); ok {
			return printed, nil
		}
	case string:
		if printed, ok := printTimestamp(v); ok {
			return printed, nil
		}
	}
	return nil, python.Errorf(`Invalid timestamp "%s"`, python.Str(v))
}

// layout is a form of timestamps. A fraction may follow the seconds.
type layout struct {
	form  string
	zoned bool
}

// layouts are the forms that are understood, besides seconds since 1970.
var layouts = []layout{
	{"2006-01-02T15:04:05Z07:00", true},
	{"2006-01-02T15:04:05Z0700", true},
	{"2006-01-02T15:04:05Z07", true},
	{"2006-01-02 15:04:05Z07:00", true},
	{"2006-01-02T15:04:05", false},
	{"2006-01-02 15:04:05", false},
	{"2006-01-02T15:04Z07:00", true},
	{"2006-01-02", false},
	{"Mon, 02 Jan 2006 15:04:05 GMT", true},
}

// printTimestamp prints a timestamp in one of the forms. One without a zone stays so.
func printTimestamp(text string) (string, bool) {
	if seconds, ok := python.ParseNumber(text); ok {
		return printEpoch(seconds)
	}
	for _, l := range layouts {
		if t, err := time.Parse(l.form, text); err == nil {
			return printTime(t, l.zoned), true
		}
	}
	return "", false
}

// printEpoch prints seconds since 1970 in the local time zone, as the CLI does.
func printEpoch(n json.Number) (string, bool) {
	seconds, err := strconv.ParseFloat(string(n), 64)
	whole, part := math.Modf(seconds)
	if err != nil || math.Abs(whole) > maxEpoch {
		return "", false
	}
	micros := int64(whole)*1e6 + int64(math.RoundToEven(part*1e6))
	t := time.UnixMicro(micros)
	return printTime(t, true), 1 <= t.Year() && t.Year() <= 9999
}

// maxEpoch is more seconds than there are until the year 9999.
const maxEpoch = 1e12

// printTime prints microseconds when there are some.
func printTime(t time.Time, zoned bool) string {
	form := "2006-01-02T15:04:05"
	if t.Nanosecond() >= int(time.Microsecond) {
		form += ".000000"
	}
	if zoned {
		form += "-07:00"
	}
	return t.Format(form)
}
