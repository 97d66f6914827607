package api_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/api"
)

func TestJSONKeepsItsOrder(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"members", `{"b":1,"a":{"z":true,"y":null},"c":[{"n":"é<&>"},-1.50]}`,
			`{"b":1,"a":{"z":true,"y":null},"c":[{"n":"é<&>"},-1.50]}`},
		{"space", " { \"a\" :\t[ ] }\n", `{"a":[]}`},
		{"last of two", `{"a":1,"b":2,"a":3}`, `{"a":3,"b":2}`},
		{"scalar", `"x"`, `"x"`},
		{"null", `null`, `null`},
	} {
		value, err := api.ParseJSON([]byte(tt.in))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var out strings.Builder
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(value); err != nil || out.String() != tt.want+"\n" {
			t.Errorf("%s: %s became %s (%v), want %s", tt.name, tt.in, out.String(), err, tt.want)
		}
	}
}

func TestParseJSONRefuses(t *testing.T) {
	deep := strings.Repeat("[", 1000) + strings.Repeat("]", 1000)
	if _, err := api.ParseJSON([]byte(deep)); err != nil {
		t.Errorf("1000 levels: %v, want no error", err)
	}
	for _, in := range []string{"", "{", `{"a"}`, `{"a":1,}`, "[1 2]", "[1,", "{} {}", "nul", "\"\xff",
		"{a:1}", "[" + deep + "]"} {
		if value, err := api.ParseJSON([]byte(in)); err == nil {
			t.Errorf("ParseJSON(%.20q) = %v, want an error", in, value)
		}
	}
}

func TestObject(t *testing.T) {
	var o api.Object
	o.Set("a", "1")
	o.Set("b", 2)
	o.Set("a", "3")
	if got, _ := json.Marshal(o); string(got) != `{"a":"3","b":2}` {
		t.Errorf("after Set: %s", got)
	}
	if got := o.Text("a") + o.Text("b") + o.Text("c"); got != "3" {
		t.Errorf("Text of a, b and c: %q, want only that of a", got)
	}
	if _, ok := o.Get("c"); ok {
		t.Error("Get found c")
	}
	if got, _ := json.Marshal(api.Object(nil)); string(got) != "{}" {
		t.Errorf("no members: %s, want {}", got)
	}
}

func FuzzParseJSON(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,"x",null,{"b":true}]}`, `[]`, `1e400`, `{"":{}}`, `"\ud800"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		value, err := api.ParseJSON(data)
		if err != nil {
			return
		}
		once, err := json.Marshal(value)
		if err != nil {
			t.Fatalf("%q was read and cannot be written: %v", data, err)
		}
		again, err := api.ParseJSON(once)
		if err != nil {
			t.Fatalf("%q was written as %q: %v", data, once, err)
		}
		if twice, _ := json.Marshal(again); string(twice) != string(once) {
			t.Fatalf("%q, then %q", once, twice)
		}
	})
}
