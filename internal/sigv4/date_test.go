package sigv4_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/sigv4"
)

// Every request is signed over the header that signed names, with the value it
// has, at the time signedAt.
func TestDates(t *testing.T) {
	const (
		iso, rfc1123  = "20261122T120000Z", "Sun, 22 Nov 2026 12:00:00 GMT"
		amzDate, date = "X-Amz-Date", "Date"
	)
	tests := []struct {
		name     string
		header   http.Header
		signed   string
		signedAt string
		want     parley.Code
	}{
		{"x-amz-date", http.Header{amzDate: {iso}}, amzDate, iso, noError},
		{"x-amz-date wins", http.Header{amzDate: {iso}, date: {"Sun, 22 Nov 2020 12:00:00 GMT"}},
			amzDate, iso, noError},
		{"x-amz-date wins even when wrong", http.Header{amzDate: {"noon"}, date: {iso}},
			date, iso, parley.IncompleteSignature},
		{"x-amz-date wins even when unsigned", http.Header{amzDate: {iso}, date: {iso}},
			date, iso, parley.InvalidSignature},
		{"date, basic", http.Header{date: {iso}}, date, iso, noError},
		{"date, GMT", http.Header{date: {rfc1123}}, date, iso, noError},
		{"date, numeric zone", http.Header{date: {"Sun, 22 Nov 2026 13:00:00 +0100"}},
			date, iso, noError},
		{"date, unknown zone", http.Header{date: {"Sun, 22 Nov 2026 12:00:00 -0000"}},
			date, iso, noError},
		{"date, named zone", http.Header{date: {"Sun, 22 Nov 2026 12:00:00 PST"}},
			date, iso, parley.IncompleteSignature},
		{"date, extended", http.Header{date: {"2026-11-22T12:00:00Z"}},
			date, iso, parley.IncompleteSignature},
		{"x-amz-date, GMT", http.Header{amzDate: {rfc1123}}, amzDate, iso, parley.IncompleteSignature},
		{"blanks around", http.Header{amzDate: {" " + iso + "\t"}}, amzDate, iso, noError},
		{"fraction", http.Header{amzDate: {"20261122T120000.0Z"}},
			amzDate, iso, parley.IncompleteSignature},
		{"no zone", http.Header{amzDate: {"20261122T120000"}}, amzDate, iso, parley.IncompleteSignature},
		{"no such day", http.Header{amzDate: {"20261131T120000Z"}},
			amzDate, iso, parley.IncompleteSignature},
		{"empty", http.Header{amzDate: {""}}, amzDate, iso, parley.IncompleteSignature},
		{"twice", http.Header{amzDate: {iso, iso}}, amzDate, iso, parley.IncompleteSignature},
		{"neither", http.Header{}, amzDate, iso, parley.IncompleteSignature},
		{"signed at another time than sent", http.Header{amzDate: {iso}},
			amzDate, "20261122T120001Z", parley.InvalidSignature},
	}
	canonicals := map[string]string{
		amzDate: "POST\n/ListRooms\n\nhost:chat.example:8080\nx-amz-date:<V>\n\nhost;x-amz-date\n",
		date:    "POST\n/ListRooms\n\ndate:<V>\nhost:chat.example:8080\n\ndate;host\n",
	}
	v := newVerifier()
	for _, test := range tests {
		value := strings.Trim(test.header.Get(test.signed), " \t")
		canonical := strings.Replace(canonicals[test.signed], "<V>", value, 1)
		x := listRooms()
		x.request.Header = test.header.Clone()
		x.request.Header.Set("Authorization",
			authorize(canonical+hexSHA256(listRoomsBody), test.signedAt))
		if got := codeOf(x.verify(v)); got != test.want {
			t.Errorf("%s: %v, signed %s: got code %v, want %v",
				test.name, test.header, test.signed, got, test.want)
		}
	}
}

func TestSkew(t *testing.T) {
	const m, s = time.Minute, time.Second
	tests := []struct {
		name   string
		config time.Duration
		early  time.Duration // our clock, by how much it is past the signature's date
		want   parley.Code
	}{
		{"none", 0, 0, noError},
		{"default, oldest", 0, 5 * m, noError},
		{"default, within the same second", 0, 5*m + s - 1, noError},
		{"default, too old", 0, 5*m + s, parley.InvalidSignature},
		{"default, newest", 0, -5 * m, noError},
		{"default, too new", 0, -5*m - s, parley.InvalidSignature},
		{"default, too new by a fraction", 0, -5*m - 1, parley.InvalidSignature},
		{"10 minutes, oldest", 10 * m, 10 * m, noError},
		{"10 minutes, too old", 10 * m, 10*m + s, parley.InvalidSignature},
		{"10 minutes, newest", 10 * m, -10 * m, noError},
		{"10 minutes, too new", 10 * m, -10*m - s, parley.InvalidSignature},
		{"too little counts as 5 minutes", 5*m - 1, 5 * m, noError},
		{"too little counts as 5 minutes, too old", 5*m - 1, 5*m + s, parley.InvalidSignature},
		{"15 minutes, oldest", 15 * m, 15 * m, noError},
		{"15 minutes, too old", 15 * m, 15*m + s, parley.InvalidSignature},
		{"too much counts as 15 minutes", 15*m + s, 15 * m, noError},
		{"too much counts as 15 minutes, too old", 15*m + s, 15*m + s, parley.InvalidSignature},
		{"too much counts as 15 minutes, too new", time.Hour, -15*m - s, parley.InvalidSignature},
	}
	for _, test := range tests {
		v := sigv4.New(sigv4.Config{Regions: []string{captureRegion}, MaxSkew: test.config})
		x := listRooms()
		x.now = noon.Add(test.early)
		if got := codeOf(x.verify(v)); got != test.want {
			t.Errorf("%s: MaxSkew %v, clock %v ahead of the date: got code %v, want %v",
				test.name, test.config, test.early, got, test.want)
		}
	}
}

// The day in the scope is that of the signature, not of our clock.
func TestSignatureFromYesterday(t *testing.T) {
	x := listRooms()
	date := "20261122T235959Z"
	x.now = time.Date(2026, 11, 23, 0, 0, 1, 0, time.UTC)
	x.request.Header.Set("X-Amz-Date", date)
	x.request.Header.Set("Authorization", authorize(
		strings.Replace(listRoomsCanonical(x.request.Host), noonDate, date, 1), date))
	if err := x.verify(newVerifier()); err != nil {
		t.Errorf("signed at %s, received at %v: got error %v, want success", date, x.now, err)
	}
}

func TestZeroConfigAcceptsNoRegion(t *testing.T) {
	_, err := sigv4.New(sigv4.Config{}).Parse(listRooms().request, noon)
	want := "Credential should be scoped to a valid region, not 'us-west-2'."
	if got := toldOf(err); got != (told{parley.InvalidSignature, want}) {
		t.Errorf("got %+v, want code %v and %q", got, parley.InvalidSignature, want)
	}
}

func TestOtherService(t *testing.T) {
	v := sigv4.New(sigv4.Config{Service: "ivs", Regions: []string{captureRegion}})
	_, err := v.Parse(listRooms().request, noon)
	want := "Credential should be scoped to correct service: 'ivs'."
	if got := toldOf(err); got != (told{parley.InvalidSignature, want}) {
		t.Errorf("got %+v, want code %v and %q", got, parley.InvalidSignature, want)
	}
}
