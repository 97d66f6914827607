package chatui

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	runes    = ruler{}               // most terminals
	clusters = ruler{clusters: true} // those with mode 2027
)

func TestWrap(t *testing.T) {
	tests := []struct {
		name        string
		ruler       ruler
		text        string
		first, rest int
		want        []string
	}{
		{"empty", runes, "", 10, 10, []string{""}},
		{"fits", runes, "hello you", 9, 9, []string{"hello you"}},
		{"one column too few", runes, "hello you", 8, 8, []string{"hello", "you"}},
		{"spaces at a break", runes, "hello    you", 6, 6, []string{"hello", "you"}},
		{"first is narrow", runes, "hi there you", 4, 9, []string{"hi", "there you"}},
		{"first word goes down", runes, "hello you", 3, 9, []string{"", "hello you"}},
		{"long word", runes, "abcdefghij", 4, 4, []string{"abcd", "efgh", "ij"}},
		{"long word from the first line on", runes, "abcdefghij", 2, 4,
			[]string{"ab", "cdef", "ghij"}},
		{"long word behind a short one", runes, "a bcdefgh", 4, 4, []string{"a", "bcde", "fgh"}},
		{"no columns", runes, "ab", 0, -1, []string{"a", "b"}},
		{"wide characters", runes, "日本語の文", 6, 6, []string{"日本語", "の文"}},
		{"wide characters, odd width", runes, "日本語の文", 5, 5, []string{"日本", "語の", "文"}},
		{"wide between narrow", runes, "ab日本cd", 4, 4, []string{"ab日", "本cd"}},
		{"wider than a line", runes, "日本", 1, 1, []string{"日", "本"}},
		{"combining marks", runes, "e\u0301e\u0301e\u0301", 2, 2,
			[]string{"e\u0301e\u0301", "e\u0301"}},
		{"emoji", runes, "🐱🐱🐱", 4, 4, []string{"🐱🐱", "🐱"}},
		{"family, cluster", clusters, "a👨‍👩‍👧‍👦b", 4, 4, []string{"a👨‍👩‍👧‍👦b"}},
		{"family, runes", runes, runes.fit("a👨‍👩‍👧‍👦b"), 5, 5, []string{"a👨👩", "👧👦b"}},
		{"heart, cluster", clusters, "❤️❤️", 3, 3, []string{"❤️", "❤️"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := test.ruler.wrap(test.text, test.first, test.rest)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("wrap(%q, %d, %d) (-want +got):\n%s",
					test.text, test.first, test.rest, diff)
			}
		})
	}
}

func TestFit(t *testing.T) {
	tests := []struct {
		name, in       string
		runes          string // where clusters are not drawn as one
		width, cluster int    // columns, of runes and of in
	}{
		{"ascii", "abc", "abc", 3, 3},
		{"wide", "日本", "日本", 4, 4},
		{"combining mark", "e\u0301", "e\u0301", 1, 1},
		{"family", "👨‍👩‍👧‍👦", "👨👩👧👦", 8, 2},
		{"skin tone", "👍🏽", "👍", 2, 2},
		{"skin tone alone", "🏽", "🏽", 2, 2},
		{"emoji presentation", "❤️", "❤", 1, 2},
		{"keycap", "1️⃣", "1⃣", 1, 2},
		{"flag", "🇩🇪", "🇩🇪", 2, 2},
		{"half-form keeps its joiner", "क्\u200dष", "क्\u200dष", 2, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := clusters.fit(test.in); got != test.in {
				t.Errorf("with clusters, fit(%q) = %q, want no change", test.in, got)
			}
			if got := clusters.width(test.in); got != test.cluster {
				t.Errorf("with clusters, width(%q) = %d, want %d", test.in, got, test.cluster)
			}
			got := runes.fit(test.in)
			if got != test.runes || runes.width(got) != test.width {
				t.Errorf("fit(%q) = %q with width %d, want %q with width %d",
					test.in, got, runes.width(got), test.runes, test.width)
			}
		})
	}
}

func TestCut(t *testing.T) {
	tests := []struct {
		in    string
		width int
		want  string
	}{
		{"hello", 5, "hello"},
		{"hello", 4, "hel…"},
		{"日本語", 6, "日本語"},
		{"日本語", 5, "日本…"},
		{"日本語", 4, "日…"},
	}
	for _, test := range tests {
		if got := runes.cut(test.in, test.width); got != test.want {
			t.Errorf("cut(%q, %d) = %q, want %q", test.in, test.width, got, test.want)
		}
	}
}

func FuzzWrap(f *testing.F) {
	f.Add("hello there", 3, 7)
	f.Add("日本語 mixed👨‍👩‍👧‍👦 e\u0301", 1, 5)
	f.Fuzz(func(t *testing.T, s string, first, rest int) {
		first, rest = 2+abs(first)%100, 2+abs(rest)%100
		for _, r := range []ruler{runes, clusters} {
			text := r.fit(clean(s))
			lines := r.wrap(text, first, rest)
			for i, line := range lines {
				limit := rest
				if i == 0 {
					limit = first
				}
				if w := r.width(line); w > limit {
					t.Errorf("line %d of wrap(%q) has width %d, limit %d: %q",
						i, text, w, limit, line)
				}
			}
			got := strings.ReplaceAll(strings.Join(lines, ""), " ", "")
			if want := strings.ReplaceAll(text, " ", ""); got != want {
				t.Errorf("wrap(%q) lost text: %q", text, got)
			}
		}
	})
}

func abs(n int) int { return max(n, -(n + 1)) }
