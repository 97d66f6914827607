package wire_test

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/wire"
)

func parseObject(t *testing.T, data string) wire.Object {
	t.Helper()
	o, err := wire.ParseObject([]byte(data))
	if err != nil {
		t.Fatalf("ParseObject(%q): %v", data, err)
	}
	return o
}

// wantField checks that reading members of data went wrong in the given way only.
func wantField(t *testing.T, data string, o wire.Object, want ...parley.FieldError) {
	t.Helper()
	var got []parley.FieldError
	var e *parley.Error
	if err := o.Err(); errors.As(err, &e) {
		got = e.Fields
		if e.Code != parley.Invalid {
			t.Errorf("%s: code %v, want invalid", data, e.Code)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: wrong field errors (-want +got):\n%s", data, diff)
	}
}

func nested(depth int) string {
	return `{"m":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + `}`
}

func TestParseObjectRefuses(t *testing.T) {
	const (
		notUTF8   = "The request is not valid UTF-8."
		notJSON   = "The request is not valid JSON."
		notObject = "The request is not a JSON object."
	)
	tests := []struct{ name, data, want string }{
		{"space only", " \n", notJSON},
		{"text", "hello", notJSON},
		{"NUL", "\x00", notJSON},
		{"byte order mark", "\ufeff{}", notJSON},
		{"UTF-16", "{\x00}\x00", notJSON},
		{"cut off", `{"m":`, notJSON},
		{"cut off inside a string", `{"m":"`, notJSON},
		{"two objects", `{}{}`, notJSON},
		{"something after the object", `{} x`, notJSON},
		{"comma at the end", `{"m":1,}`, notJSON},
		{"single quotes", `{'m':1}`, notJSON},
		{"name without quotes", `{m:1}`, notJSON},
		{"comment", `{/* m */}`, notJSON},
		{"leading zero", `{"m":01}`, notJSON},
		{"NaN", `{"m":NaN}`, notJSON},
		{"unknown escape", `{"m":"\x"}`, notJSON},
		{"control character in a string", "{\"m\":\"\n\"}", notJSON},
		{"10001 deep", nested(10_001), notJSON},
		{"100000 deep", nested(100_000), notJSON},
		{"not closed, 100000 deep", strings.Repeat(`{"m":`, 100_000), notJSON},
		{"null", "null", notObject},
		{"true", "true", notObject},
		{"number", "7", notObject},
		{"string", `"m"`, notObject},
		{"array", `[{"m":1}]`, notObject},
		{"bad UTF-8 in a value", "{\"m\":\"\xff\"}", notUTF8},
		{"bad UTF-8 in a name", "{\"\xc3\":1}", notUTF8},
		{"encoded surrogate", "{\"m\":\"\xed\xa0\x80\"}", notUTF8},
		{"overlong encoding", "{\"m\":\"\xc0\x80\"}", notUTF8},
		{"bad UTF-8 outside strings", "\xff{}", notUTF8},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := wire.ParseObject([]byte(test.data))
			if err == nil || err.Error() != test.want || parley.CodeOf(err) != parley.Invalid {
				t.Errorf("ParseObject(%.60q): error %v, want code invalid and the text %q",
					test.data, err, test.want)
			}
		})
	}
}

func TestParseObjectAccepts(t *testing.T) {
	tests := []struct{ name, data string }{
		{"nothing", ""},
		{"empty", "{}"},
		{"space around", " \t\r\n{ } \n"},
		{"10000 deep", nested(10_000)},
		{"brackets in strings", `{"m":"` + strings.Repeat(`[{\"\\`, 100) + `"}`},
		{"many brackets, none deep", `{"m":[` + strings.Repeat("[],", 1000) + `{}]}`},
		{"number too large for any type", `{"m":1e999999}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := parseObject(t, test.data)
			if o.Has("absent") {
				t.Errorf("%.60q has a member named absent", test.data)
			}
			wantField(t, test.data, o)
		})
	}
}

func TestString(t *testing.T) {
	tests := []struct {
		data, want string
		ok         bool
		field      string // what is wrong with the member, or empty
	}{
		{`{"m":"text"}`, "text", true, ""},
		{`{"m":""}`, "", true, ""},
		{`{ "m" : "text" }`, "text", true, ""},
		{`{"\u006d":"text"}`, "text", true, ""},
		{`{"m":"\u0000\"\\\/\u00e9\ud83d\ude00"}`, "\x00\"\\/é😀", true, ""},
		{`{"m":"é😀"}`, "é😀", true, ""},
		{`{"m":"\ud83d"}`, "\ufffd", true, ""},
		{`{"m":"\ude00\ud83d"}`, "\ufffd\ufffd", true, ""},
		{`{}`, "", false, ""},
		{`{"m":null}`, "", false, ""},
		{`{"m" : null }`, "", false, ""},
		{`{"M":"upper case"}`, "", false, ""},
		{`{"m":"first","m":"last"}`, "last", true, ""},
		{`{"m":7,"m":"last"}`, "last", true, ""},
		{`{"m":null,"m":"last"}`, "last", true, ""},
		{`{"m":"first","m":null}`, "", false, ""},
		{`{"n":{"m":"inner"},"m":"outer"}`, "outer", true, ""},
		{`{"m":7}`, "", false, "NUMBER_VALUE can not be converted to a String"},
		{`{"m":-7}`, "", false, "NUMBER_VALUE can not be converted to a String"},
		{`{"m":true}`, "", false, "TRUE_VALUE can not be converted to a String"},
		{`{"m":false}`, "", false, "FALSE_VALUE can not be converted to a String"},
		{`{"m":["text"]}`, "", false, "START_ARRAY can not be converted to a String"},
		{`{"m":{}}`, "", false, "START_OBJECT can not be converted to a String"},
	}
	for _, test := range tests {
		o := parseObject(t, test.data)
		if got, ok := o.String("m"); got != test.want || ok != test.ok {
			t.Errorf("%s: m is %q, %t, want %q, %t", test.data, got, ok, test.want, test.ok)
		}
		wantField(t, test.data, o, fields("m", test.field)...)
	}
}

// fields returns the only field error there should be, or none.
func fields(name, message string) []parley.FieldError {
	if message == "" {
		return nil
	}
	return []parley.FieldError{{Name: name, Message: message}}
}

func TestHas(t *testing.T) {
	tests := map[string]bool{
		`{}`: false, `{"m":null}`: false, `{"M":1}`: false,
		`{"m":0}`: true, `{"m":""}`: true, `{"m":false}`: true, `{"m":[]}`: true, `{"m":{}}`: true,
	}
	for data, want := range tests {
		if got := parseObject(t, data).Has("m"); got != want {
			t.Errorf("%s has m: got %t, want %t", data, got, want)
		}
	}
}

func TestRequiredStringAndText(t *testing.T) {
	const (
		missing = "Member must not be null"
		number  = "NUMBER_VALUE can not be converted to a String"
		boolean = "TRUE_VALUE can not be converted to a String"
	)
	tests := []struct {
		data                string
		str, strField       string
		text, textFieldText string
	}{
		{`{"m":"ana"}`, "ana", "", "ana", ""},
		{`{"m":""}`, "", "", "", ""},
		{`{}`, "", missing, "", missing},
		{`{"m":null}`, "", missing, "", missing},
		{`{"m":true}`, "", boolean, "", boolean},
		{`{"m":11231234}`, "", number, "11231234", ""},
		{`{"m": -1.50e+2 }`, "", number, "-1.50e+2", ""},
		{`{"m":0}`, "", number, "0", ""},
	}
	for _, test := range tests {
		o := parseObject(t, test.data)
		if got := o.RequiredString("m"); got != test.str {
			t.Errorf("%s: RequiredString is %q, want %q", test.data, got, test.str)
		}
		wantField(t, test.data, o, fields("m", test.strField)...)
		o = parseObject(t, test.data)
		if got := o.RequiredText("m"); got != test.text {
			t.Errorf("%s: RequiredText is %q, want %q", test.data, got, test.text)
		}
		wantField(t, test.data, o, fields("m", test.textFieldText)...)
	}
}

func TestInt(t *testing.T) {
	const number = "NUMBER_VALUE can not be converted to an Integer"
	tests := []struct {
		data  string
		want  int
		ok    bool
		field string
	}{
		{`{"m":60}`, 60, true, ""},
		{`{"m":0}`, 0, true, ""},
		{`{"m":-1}`, -1, true, ""},
		{`{"m":9223372036854775807}`, 9223372036854775807, true, ""},
		{`{"m":1,"m":2}`, 2, true, ""},
		{`{}`, 0, false, ""},
		{`{"m":null}`, 0, false, ""},
		{`{"m":9223372036854775808}`, 0, false, number},
		{`{"m":1.0}`, 0, false, number},
		{`{"m":1e2}`, 0, false, number},
		{`{"m":"60"}`, 0, false, "STRING_VALUE can not be converted to an Integer"},
		{`{"m":true}`, 0, false, "TRUE_VALUE can not be converted to an Integer"},
		{`{"m":[60]}`, 0, false, "START_ARRAY can not be converted to an Integer"},
		{`{"m":{}}`, 0, false, "START_OBJECT can not be converted to an Integer"},
	}
	for _, test := range tests {
		o := parseObject(t, test.data)
		if got, ok := o.Int("m"); got != test.want || ok != test.ok {
			t.Errorf("%s: m is %d, %t, want %d, %t", test.data, got, ok, test.want, test.ok)
		}
		wantField(t, test.data, o, fields("m", test.field)...)
	}
}

func TestStrings(t *testing.T) {
	tests := []struct {
		data  string
		want  []string
		ok    bool
		field string
	}{
		{`{"m":["a","b","a"]}`, []string{"a", "b", "a"}, true, ""},
		{`{"m":[]}`, []string{}, true, ""},
		{`{"m":[null,"a",null]}`, []string{"a"}, true, ""},
		{`{}`, nil, false, ""},
		{`{"m":null}`, nil, false, ""},
		{`{"m":[ "a" , null , "\u00e9" ]}`, []string{"a", "é"}, true, ""},
		{`{"m":["a",7,true]}`, nil, false, "NUMBER_VALUE can not be converted to a String"},
		{`{"m":[ ["a"] ]}`, nil, false, "START_ARRAY can not be converted to a String"},
		{`{"m":[{}]}`, nil, false, "START_OBJECT can not be converted to a String"},
		{`{"m":[true]}`, nil, false, "TRUE_VALUE can not be converted to a String"},
		{`{"m":"a"}`, nil, false, "STRING_VALUE can not be converted to a list of Strings"},
		{`{"m":{"a":"b"}}`, nil, false, "START_OBJECT can not be converted to a list of Strings"},
		{`{"m":7}`, nil, false, "NUMBER_VALUE can not be converted to a list of Strings"},
	}
	for _, test := range tests {
		o := parseObject(t, test.data)
		got, ok := o.Strings("m")
		if diff := cmp.Diff(test.want, got); diff != "" || ok != test.ok {
			t.Errorf("%s: ok is %t, want %t (-want +got):\n%s", test.data, ok, test.ok, diff)
		}
		wantField(t, test.data, o, fields("m", test.field)...)
	}
}

func TestStringMap(t *testing.T) {
	const notString = "_VALUE can not be converted to a String"
	tests := []struct {
		data  string
		want  map[string]string
		ok    bool
		field string
	}{
		{`{"m":{"a":"1","A":"2","":""}}`, map[string]string{"a": "1", "A": "2", "": ""}, true, ""},
		{`{"m":{}}`, map[string]string{}, true, ""},
		{`{"m":{"a":null,"b":"1"}}`, map[string]string{"b": "1"}, true, ""},
		{`{"m":{"a":"first","a":"last"}}`, map[string]string{"a": "last"}, true, ""},
		{`{"m":{"a":"first","a":null}}`, map[string]string{}, true, ""},
		{`{"m":{"\u0061":"\ud83d"}}`, map[string]string{"a": "\ufffd"}, true, ""},
		{`{}`, nil, false, ""},
		{`{"m":null}`, nil, false, ""},
		{`{"m":{"a":7,"a":"last"}}`, map[string]string{"a": "last"}, true, ""},
		{`{"m":{"a":7}}`, nil, false, "NUMBER" + notString},
		{`{"m":{"c":7,"a":true,"b":"1"}}`, nil, false, "TRUE" + notString},
		{`{"m":{"a":{"b":"1"}}}`, nil, false, "START_OBJECT can not be converted to a String"},
		{`{"m":{"a":["1"]}}`, nil, false, "START_ARRAY can not be converted to a String"},
		{`{"m":["a"]}`, nil, false, "START_ARRAY can not be converted to a map of Strings"},
		{`{"m":"a"}`, nil, false, "STRING_VALUE can not be converted to a map of Strings"},
	}
	for _, test := range tests {
		o := parseObject(t, test.data)
		got, ok := o.StringMap("m")
		if diff := cmp.Diff(test.want, got); diff != "" || ok != test.ok {
			t.Errorf("%s: ok is %t, want %t (-want +got):\n%s", test.data, ok, test.ok, diff)
		}
		wantField(t, test.data, o, fields("m", test.field)...)
	}
}

func TestNestedObjectNamesItsMembersInFull(t *testing.T) {
	const data = `{"messageReviewHandler":{"uri":7,"deeper":{"list":"x"}},"name":7}`
	o := parseObject(t, data)
	handler, ok := o.Object("messageReviewHandler")
	if !ok {
		t.Fatalf("%s: messageReviewHandler is not read as an object: %v", data, o.Err())
	}
	handler.String("uri")
	handler.RequiredString("fallbackResult")
	deeper, _ := handler.Object("deeper")
	deeper.Strings("list")
	o.String("name")
	wantField(t, data, o,
		parley.FieldError{Name: "messageReviewHandler.uri",
			Message: "NUMBER_VALUE can not be converted to a String"},
		parley.FieldError{Name: "messageReviewHandler.fallbackResult",
			Message: "Member must not be null"},
		parley.FieldError{Name: "messageReviewHandler.deeper.list",
			Message: "STRING_VALUE can not be converted to a list of Strings"},
		parley.FieldError{Name: "name", Message: "NUMBER_VALUE can not be converted to a String"},
	)
}

func TestObjectMember(t *testing.T) {
	tests := []struct {
		data  string
		ok    bool
		field string
	}{
		{`{"m":{}}`, true, ""},
		{`{"m":{"uri":"x"}}`, true, ""},
		{`{"m":{"uri":"first"},"m":{"uri":"x"}}`, true, ""},
		{`{}`, false, ""},
		{`{"m":null}`, false, ""},
		{`{"m":[]}`, false, "START_ARRAY can not be converted to a structure"},
		{`{"m":"{}"}`, false, "STRING_VALUE can not be converted to a structure"},
		{`{"m":7}`, false, "NUMBER_VALUE can not be converted to a structure"},
		{`{"m":false}`, false, "FALSE_VALUE can not be converted to a structure"},
	}
	for _, test := range tests {
		o := parseObject(t, test.data)
		if _, ok := o.Object("m"); ok != test.ok {
			t.Errorf("%s: m is an object: got %t, want %t", test.data, ok, test.ok)
		}
		wantField(t, test.data, o, fields("m", test.field)...)
	}
}

func TestErrorsOfTypesJoinThoseOfValues(t *testing.T) {
	const data = `{"name":7,"maxResults":51}`
	o := parseObject(t, data)
	o.String("name")
	n, _ := o.Int("maxResults")
	o.Check().Range("maxResults", n, 1, 50)
	wantField(t, data, o,
		parley.FieldError{Name: "name", Message: "NUMBER_VALUE can not be converted to a String"},
		parley.FieldError{Name: "maxResults", Message: "Member must have value less than or equal to 50"},
	)
}

// FuzzParseObject compares what is read with what the standard library reads:
// the same texts are objects, and the same members are strings and maps.
func FuzzParseObject(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "null", `{"m":"text"}`, `{"m":{"a":"b","a":null}}`, `{"m":["a",null]}`,
		`{"m":7,"m":null}`, `{"m":-1.5e3}`, `{"\u006d":"\ud83d"}`, nested(32), nested(33),
		"{\"m\":\"\xff\"}", ` { "m" : [ { } ] } `, `{"m":{"m":{"m":null}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := wire.ParseObject(data)
		var want map[string]any
		wantErr := json.Unmarshal(data, &want)
		legal := len(data) == 0 || utf8.Valid(data) && (wantErr == nil || tooLargeNumber(wantErr))
		switch {
		case err != nil && parley.CodeOf(err) != parley.Invalid:
			t.Fatalf("ParseObject(%q): code %v, want invalid", data, parley.CodeOf(err))
		case err == nil && !legal:
			t.Fatalf("ParseObject(%q) accepts what the standard library refuses: %v", data, wantErr)
		case err != nil || wantErr != nil:
			return
		}
		for name, value := range want {
			checkMember(t, data, o, name, value)
		}
	})
}

// tooLargeNumber reports whether a text was refused only for a number that the
// type any has no room for.
func tooLargeNumber(err error) bool {
	var e *json.UnmarshalTypeError
	return errors.As(err, &e) && strings.HasPrefix(e.Value, "number")
}

// checkMember compares one member with its value from the standard library.
func checkMember(t *testing.T, data []byte, o wire.Object, name string, value any) {
	t.Helper()
	if o.Has(name) != (value != nil) {
		t.Errorf("%q has %q: got %t, the standard library reads %v", data, name, o.Has(name), value)
	}
	text, isText := o.String(name)
	if want, ok := value.(string); isText != ok || text != want {
		t.Errorf("%q: %q is the string %q, %t, the standard library reads %v",
			data, name, text, isText, value)
	}
	entries, isObject := value.(map[string]any)
	want, allStrings := map[string]string{}, isObject
	for k, v := range entries {
		if s, ok := v.(string); ok {
			want[k] = s
		} else if v != nil {
			allStrings = false
		}
	}
	if got, ok := o.StringMap(name); ok != allStrings || ok && !maps.Equal(got, want) {
		t.Errorf("%q: %q is the map %q, %t, the standard library reads %v", data, name, got, ok, value)
	}
	if _, ok := o.Object(name); ok != isObject {
		t.Errorf("%q: %q is an object: got %t, the standard library reads %v", data, name, ok, value)
	}
	o.Int(name)
	o.Strings(name)
	o.RequiredText(name)
}
