package chatlog

import (
	"bytes"
	"time"

	"github.com/parley-chat/parley/internal/hub"
)

// recordVersion is the version of the form of records, and of the layout of keys.
const recordVersion = "1.0"

// timestampFormat cuts a time to milliseconds.
const timestampFormat = "2006-01-02T15:04:05.000Z"

// Frames say null where a record has an empty map. These bytes are nowhere in a
// string, where a quote has a backslash before it.
var (
	noAttributes    = []byte(`"Attributes":null`)
	emptyAttributes = []byte(`"Attributes":{}`)
)

// appendRecord appends the form of a record to b: one line of JSON without its end.
func appendRecord(b []byte, r hub.Record) []byte {
	b = append(b, `{"event_timestamp":"`...)
	b = cutToMillis(r.At).AppendFormat(b, timestampFormat)
	if r.Event {
		b = append(b, `","type":"EVENT","payload":`...)
	} else {
		b = append(b, `","type":"MESSAGE","payload":`...)
	}
	rest := r.Frame
	for {
		n := bytes.Index(rest, noAttributes)
		if n < 0 {
			break
		}
		b = append(append(b, rest[:n]...), emptyAttributes...)
		rest = rest[n+len(noAttributes):]
	}
	b = append(b, rest...)
	return append(b, `,"version":"`+recordVersion+`"}`...)
}

// cutToMillis returns a time in UTC without what is less than a millisecond.
func cutToMillis(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
