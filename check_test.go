package parley_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
)

// wantFailure compares what check found wrong with input with the only failure
// that there should be; "" is for none.
func wantFailure(t *testing.T, input any, check *parley.Check, failure string) {
	t.Helper()
	got, want := "", ""
	err := check.Err()
	if err != nil {
		got = err.Error()
	}
	if failure != "" {
		want = "1 validation error detected: " + failure
	}
	if got != want {
		t.Errorf("%+v:\n got %q\nwant %q", input, got, want)
	}
	if err != nil && parley.CodeOf(err) != parley.Invalid {
		t.Errorf("%+v: code %v, want invalid", input, parley.CodeOf(err))
	}
}

func TestCheckTellsAllFailuresAtOnce(t *testing.T) {
	var check parley.Check
	check.Required("roomIdentifier")
	check.Length("userId", "", 1, 128)
	check.Range("sessionDurationInMinutes", 181, 1, 180)
	check.Range("sessionDurationInMinutes", 0, 1, 180) // the member is named already
	e := asError(t, check.Err())
	want := &parley.Error{
		Code: parley.Invalid,
		Message: "3 validation errors detected: " +
			"Value at 'roomIdentifier' failed to satisfy constraint: Member must not be null; " +
			"Value at 'userId' failed to satisfy constraint: " +
			"Member must have length greater than or equal to 1; " +
			"Value '181' at 'sessionDurationInMinutes' failed to satisfy constraint: " +
			"Member must have value less than or equal to 180",
		Fields: []parley.FieldError{
			{Name: "roomIdentifier", Message: "Member must not be null"},
			{Name: "userId", Message: "Member must have length greater than or equal to 1"},
			{Name: "sessionDurationInMinutes", Message: "Member must have value less than or equal to 180"},
		},
	}
	if diff := cmp.Diff(want, e); diff != "" {
		t.Errorf("wrong error (-want +got):\n%s", diff)
	}
}

func TestCheckLengthCountsCodePoints(t *testing.T) {
	tooShort := "Value at 'userId' failed to satisfy constraint: " +
		"Member must have length greater than or equal to 2"
	tooLong := "Value at 'userId' failed to satisfy constraint: " +
		"Member must have length less than or equal to 4"
	tests := []struct{ value, want string }{
		{"", tooShort},
		{"⚽", tooShort},
		{"ab", ""},
		{"abcd", ""},
		{"⚽⚽⚽⚽", ""},
		{"e\u0301e\u0301", ""}, // two letters, each with an accent of its own
		{"abcde", tooLong},
		{"⚽⚽⚽⚽⚽", tooLong},
	}
	for _, test := range tests {
		var check parley.Check
		check.Length("userId", test.value, 2, 4)
		wantFailure(t, test.value, &check, test.want)
	}
}

func TestCheckOneOf(t *testing.T) {
	failure := func(value string) string {
		return "Value '" + value + "' at 'm' failed to satisfy constraint: " +
			"Member must satisfy enum value set: [ALLOW, DENY]"
	}
	tests := []struct{ value, want string }{
		{"ALLOW", ""},
		{"DENY", ""},
		{"deny", failure("deny")},
		{"", failure("")},
	}
	for _, test := range tests {
		var check parley.Check
		check.OneOf("m", test.value, "ALLOW", "DENY")
		wantFailure(t, test.value, &check, test.want)
	}
}

func TestCheckCount(t *testing.T) {
	const failure = "Value at 'tags' failed to satisfy constraint: " +
		"Member must have length less than or equal to 50"
	for n, want := range map[int]string{0: "", 50: "", 51: failure} {
		var check parley.Check
		check.Count("tags", n, 50)
		wantFailure(t, n, &check, want)
	}
}

func TestCheckSizeCountsBytes(t *testing.T) {
	attributes := map[string]string{"é": "⚽"} // 5 bytes
	const failure = "Value at 'attributes' failed to satisfy constraint: " +
		"Keys and values must have at most 4 bytes in total"
	for limit, want := range map[int]string{4: failure, 5: "", 6: ""} {
		var check parley.Check
		check.Size("attributes", attributes, limit)
		wantFailure(t, limit, &check, want)
	}
}

func TestCheckARN(t *testing.T) {
	const (
		length  = "Value at 'id' failed to satisfy constraint: Member must have length "
		pattern = "' at 'id' failed to satisfy constraint: Member must satisfy " +
			"regular expression pattern: ^arn:aws:ivschat:[a-z0-9-]+:[0-9]+:room/[a-zA-Z0-9-]+$"
	)
	configuration := strings.Replace(roomARN, "room", "logging-configuration", 1)
	tooLong := roomARN + strings.Repeat("x", 129-len(roomARN))
	tests := []struct {
		value string
		arn   parley.ARN
		want  string // the failure, or empty
	}{
		{roomARN, room, ""},
		{"", parley.ARN{}, length + "greater than or equal to 1"},
		{tooLong, parley.ARN{}, length + "less than or equal to 128"},
		{"g1H2I3j4k5L6", parley.ARN{}, "Value 'g1H2I3j4k5L6" + pattern},
		{configuration, parley.ARN{}, "Value '" + configuration + pattern},
	}
	for _, test := range tests {
		var check parley.Check
		if got := check.ARN("id", test.value, parley.KindRoom); got != test.arn {
			t.Errorf("Check.ARN(%q) = %+v, want %+v", test.value, got, test.arn)
		}
		wantFailure(t, test.value, &check, test.want)
	}
}

// TestCheckShortensValues sends values around the length up to which they are
// shown, with the cut inside a character too.
func TestCheckShortensValues(t *testing.T) {
	tests := []struct{ value, shown string }{
		{strings.Repeat("v", 256), strings.Repeat("v", 256)},
		{strings.Repeat("v", 257), strings.Repeat("v", 256) + "…"},
		{strings.Repeat("v", 255) + "é", strings.Repeat("v", 255) + "…"},
	}
	for _, test := range tests {
		var check parley.Check
		check.OneOf("m", test.value, "ALLOW")
		wantFailure(t, test.value, &check, "Value '"+test.shown+
			"' at 'm' failed to satisfy constraint: Member must satisfy enum value set: [ALLOW]")
	}
}

func TestAttributesSizeCountsBytes(t *testing.T) {
	tests := []struct {
		attributes map[string]string
		want       int
	}{
		{nil, 0},
		{map[string]string{"": ""}, 0},
		{map[string]string{"key": "value"}, 8},
		{map[string]string{"é": "⚽", "k": ""}, 6},
	}
	for _, test := range tests {
		if got := parley.AttributesSize(test.attributes); got != test.want {
			t.Errorf("AttributesSize(%q) = %d, want %d", test.attributes, got, test.want)
		}
	}
}
