package review

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/hub"
)

// load returns the rules, which are right.
func load(t testing.TB, c RulesConfig) *rules {
	t.Helper()
	var errs []error
	r := c.load(location{path: "rules", file: func(path string) string { return path }, errs: &errs})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return r
}

func TestRulesDeny(t *testing.T) {
	wordList := RulesConfig{Words: []string{"Darn", "free money", "坏词", "naïve"}}
	links := RulesConfig{NoLinks: true}
	repeats := RulesConfig{MaxRepeats: 2}
	runs := RulesConfig{MaxRun: 3}
	capitals := RulesConfig{MaxCapitals: 0.5}
	for _, tt := range []struct {
		name    string
		rules   RulesConfig
		content string
		reason  string
	}{
		{"word", wordList, "oh darn it", reasonWord},
		{"word in capitals, with punctuation", wordList, "oh DARN!", reasonWord},
		{"word in full width", wordList, "ｄａｒｎ", reasonWord},
		{"word with combining marks", wordList, "nai\u0308ve", reasonWord},
		{"part of a word", wordList, "darned undarn", ""},
		{"phrase", wordList, "Free\n money", reasonWord},
		{"half a phrase", wordList, "free the money", ""},
		{"a phrase that begins twice", wordList, "free free money", reasonWord},
		{"word without spaces", wordList, "这是坏词吗", reasonWord},
		{"other word without spaces", wordList, "这是坏人吗", ""},
		{"link", links, "see http://x", reasonLink},
		{"link with www", links, "WWW.example", reasonLink},
		{"name of a host", links, "go to Example.com now", reasonLink},
		{"name of a host with a path", links, "(example.co.uk/a?b)", reasonLink},
		{"internationalised name", links, "münchen.de", reasonLink},
		{"address of mail", links, "ana@example.com", ""},
		{"sentences without a space", links, "that's it.no way...com on. e.g. 3.5", ""},
		{"scheme alone", links, "it is ://", ""},
		{"word twice", repeats, "no NO, yes no", ""},
		{"word three times", repeats, "no NO, no", reasonRepeats},
		{"three in a row", runs, "haaa", ""},
		{"four in a row", runs, "haAaa", reasonRepeats},
		{"four spaces", runs, "a    b", reasonRepeats},
		{"four digits", runs, "10000", ""},
		{"half of them capitals", capitals, "ABCDEfghij", ""},
		{"more than half of them capitals", capitals, "ABCDEFghij", reasonCapitals},
		{"few letters", capitals, "OK THANKS", ""},
		{"no letters", capitals, "1234567890 !!", ""},
		{"letters without case", capitals, "漢字漢字漢字漢字漢字漢字ABC", ""},
	} {
		got := load(t, tt.rules).decide(hub.Review{Content: tt.content, MaxLength: 500,
			Attributes: map[string]string{"a": "b"}})
		want := hub.Decision{Reason: tt.reason}
		if tt.reason == "" {
			want = hub.Decision{Allow: true, Content: tt.content, Attributes: map[string]string{"a": "b"}}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %q (-want +got):\n%s", tt.name, tt.content, diff)
		}
	}
}

func TestRulesReplace(t *testing.T) {
	c := RulesConfig{Words: []string{"darn", "free money"}, NoLinks: true, MaxRepeats: 2, MaxRun: 3,
		MaxCapitals: 0.5, Replace: "***"}
	for _, tt := range []struct{ content, want string }{
		{"all is well.", "all is well."},
		{"darn, free  money! darn", "***, ***! ***"},
		{"see http://x.com/a?b=c or evil.net, ok", "see *** or ***, ok"},
		{"no no, no no yes", "no no yes"},
		{"daaaaarn", "daaarn"},
		{"THIS IS LOUD Enough", "this is loud enough"},
		{"⚽⚽⚽⚽⚽", "⚽⚽⚽"},
	} {
		got := load(t, c).decide(hub.Review{Content: tt.content, MaxLength: 500})
		if diff := cmp.Diff(hub.Decision{Allow: true, Content: tt.want}, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.content, diff)
		}
	}
}

func TestReplacedMessageFitsTheRoom(t *testing.T) {
	r := load(t, RulesConfig{Words: []string{"a"}, Replace: "⚽⚽"})
	got := r.decide(hub.Review{Content: "a a a", MaxLength: 5})
	if want := "⚽⚽ ⚽⚽"; got.Content != want {
		t.Errorf("content %q, want %q", got.Content, want)
	}
}

// FuzzRules checks that no message panics, and that what is left of one may be
// delivered, and has no forbidden words.
func FuzzRules(f *testing.F) {
	f.Add("you DARN fool, FREE  money at http://x.com/a or www.foo: hahaaaaaaa no no no", 500)
	f.Add("\xff\u0301darn 坏词", 3)
	deny := load(f, RulesConfig{Words: []string{"darn", "坏"}})
	clean := load(f, RulesConfig{Words: []string{"darn", "坏"}, NoLinks: true,
		MaxRepeats: 2, MaxRun: 3, MaxCapitals: 0.5, Replace: "#"})
	f.Fuzz(func(t *testing.T, content string, length int) {
		n := utf8.RuneCountInString(content)
		if n == 0 || length < n || !utf8.ValidString(content) {
			return // the hub lets none of these pass
		}
		d := clean.decide(hub.Review{Content: content, MaxLength: length})
		if n = utf8.RuneCountInString(d.Content); !d.Allow || n < 1 || n > length {
			t.Errorf("%q became %+v, which has %d characters of %d", content, d, n, length)
		}
		if !utf8.ValidString(d.Content) {
			t.Errorf("%q became %q, which is not UTF-8", content, d.Content)
		}
		if n == length {
			return // what was cut off may have made a word
		}
		if d := deny.decide(hub.Review{Content: d.Content, MaxLength: length}); !d.Allow {
			t.Errorf("%q became %q, which breaks a rule: %s", content, d.Content, d.Reason)
		}
	})
}

// BenchmarkRules has the longest message looked at under all rules.
func BenchmarkRules(b *testing.B) {
	r := load(b, RulesConfig{Words: []string{"darn", "free money"}, NoLinks: true, MaxRepeats: 2,
		MaxRun: 3, MaxCapitals: 0.5})
	m := hub.Review{Content: strings.Repeat("all is well. ", 38), MaxLength: 500}
	for b.Loop() {
		if d := r.decide(m); !d.Allow {
			b.Fatalf("denied: %s", d.Reason)
		}
	}
}
