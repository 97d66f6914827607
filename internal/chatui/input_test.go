package chatui

import (
	"fmt"
	"strings"
	"testing"
)

// edited returns an input after keys; those that are not names of keys are typed. The
// cursor shows as a bar.
func edited(limit int, keys ...string) (*input, string) {
	in := &input{limit: limit}
	for _, key := range keys {
		in.press(key, key)
	}
	return in, in.text[:in.cursor] + "|" + in.text[in.cursor:]
}

func TestInputKeys(t *testing.T) {
	family := "👨‍👩‍👧‍👦"
	tests := []struct {
		name string
		keys []string
		want string
	}{
		{"type", []string{"h", "i"}, "hi|"},
		{"space", []string{"h", " ", " ", "i"}, "h  i|"},
		{"in the middle", []string{"ac", "left", "b"}, "ab|c"},
		{"home and end", []string{"bc", "home", "a", "end", "d"}, "abcd|"},
		{"left at the start", []string{"a", "left", "left", "b"}, "b|a"},
		{"right at the end", []string{"a", "right", "b"}, "ab|"},
		{"backspace", []string{"ab", "backspace"}, "a|"},
		{"backspace at the start", []string{"ab", "home", "backspace"}, "|ab"},
		{"delete", []string{"ab", "home", "delete"}, "|b"},
		{"delete at the end", []string{"ab", "delete"}, "ab|"},
		{"words", []string{"one two  three", "ctrl+left", "ctrl+left"}, "one |two  three"},
		{"words forward", []string{"one two", "home", "ctrl+right"}, "one| two"},
		{"last word forward", []string{"one two", "home", "ctrl+right", "ctrl+right"}, "one two|"},
		{"kill word", []string{"one two ", "ctrl+w"}, "one |"},
		{"kill word forward", []string{"one two", "home", "alt+d"}, "| two"},
		{"kill to the start", []string{"one two", "ctrl+left", "ctrl+u"}, "|two"},
		{"kill to the end", []string{"one two", "ctrl+left", "ctrl+k"}, "one |"},
		{"cluster left", []string{"a" + family, "left"}, "a|" + family},
		{"cluster backspace", []string{"a" + family, "backspace"}, "a|"},
		{"combined backspace", []string{"ae\u0301", "backspace"}, "a|"},
		{"cluster delete", []string{family + "a", "home", "delete"}, "|a"},
		{"clean", []string{"a\x1b[31m\nb\t\u202ec"}, "a� b c|"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, got := edited(500, test.keys...); got != test.want {
				t.Errorf("after %q: %q, want %q", test.keys, got, test.want)
			}
		})
	}
}

func TestInputLimit(t *testing.T) {
	in, got := edited(5, "日本語", "ab")
	if got != "日本語ab|" {
		t.Fatalf("an input of 5 characters has %q, want all five", got)
	}
	if in.insert("x") || in.text != "日本語ab" {
		t.Errorf("an input that is full took one more character: %q", in.text)
	}
	in.press("home", "")
	in.press("delete", "")
	if in.insert("👍👍") || in.text != "👍本語ab" {
		t.Errorf("with place for one character, two make %q, want the first", in.text)
	}
}

func TestCommandLimit(t *testing.T) {
	in := &input{limit: 2, commandLimit: 4}
	tests := []struct {
		typed, want string
		ok          bool
	}{
		{"ab", "ab", true},
		{"abc", "ab", false},
		{"/abc", "/abc", true},
		{"/abcd", "/abc", false},
	}
	for _, test := range tests {
		in.set("")
		if ok := in.insert(test.typed); in.text != test.want || ok != test.ok {
			t.Errorf("%q became %q, all of it: %t, want %q, %t",
				test.typed, in.text, ok, test.want, test.ok)
		}
	}
}

func TestHistory(t *testing.T) {
	in := &input{limit: 500}
	for _, s := range []string{"one", "two", "two"} {
		in.remember(s)
	}
	in.insert("draft")
	steps := []struct {
		name string
		step func()
		want string
	}{
		{"older", in.older, "two"},
		{"older, the repeated line once", in.older, "one"},
		{"older than the oldest", in.older, "one"},
		{"newer", in.newer, "two"},
		{"newer, the draft", in.newer, "draft"},
		{"newer than the draft", in.newer, "draft"},
	}
	for _, s := range steps {
		if s.step(); in.text != s.want || in.cursor != len(in.text) {
			t.Errorf("%s: %q with the cursor at %d, want %q and its end",
				s.name, in.text, in.cursor, s.want)
		}
	}
}

func TestHistoryIsBounded(t *testing.T) {
	in := &input{limit: 500}
	for i := range maxHistory + 1 {
		in.remember(fmt.Sprint(i))
	}
	if len(in.history) != maxHistory || in.history[0] != "1" {
		t.Errorf("the history has %d lines from %q on, want %d from \"1\" on",
			len(in.history), in.history[0], maxHistory)
	}
}

func TestInputView(t *testing.T) {
	tests := []struct {
		name   string
		keys   []string
		width  int
		want   string
		column int
	}{
		{"fits", []string{"hello"}, 10, "hello", 5},
		{"empty", nil, 10, "", 0},
		{"as wide as the line", []string{"0123456789"}, 10, "123456789", 9},
		{"cursor at the end", []string{"0123456789abcdef"}, 10, "789abcdef", 9},
		{"cursor at the start", []string{"0123456789abcdef", "home"}, 10, "0123456789", 0},
		{"cursor near the end", []string{"0123456789abcdef", "left"}, 10, "789abcdef", 8},
		{"sees ahead", []string{"0123456789abcdef", "left", "left", "left", "left"}, 10,
			"56789abcde", 7},
		{"wide", []string{"日本語日本語"}, 10, "語日本語", 8},
		{"one column", []string{"ab"}, 1, "", 0},
		{"taken apart", []string{"👨‍👩‍👧‍👦!"}, 20, "👨👩👧👦!", 9},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in, _ := edited(500, test.keys...)
			shown, column := in.view(runes, test.width)
			if shown != test.want || column != test.column {
				t.Errorf("the view is %q with the cursor in column %d, want %q and %d",
					shown, column, test.want, test.column)
			}
		})
	}
}

func FuzzInput(f *testing.F) {
	f.Add("hello 日本 👨‍👩‍👧‍👦", uint(7), 10)
	f.Add("e\u0301\u0301 x", uint(1), 1)
	f.Fuzz(func(t *testing.T, s string, steps uint, width int) {
		in := &input{limit: 500}
		in.insert(s)
		width = 1 + abs(width)%100
		for range steps % 500 {
			in.press("left", "")
		}
		for _, r := range []ruler{runes, clusters} {
			shown, column := in.view(r, width)
			if r.width(shown) > width && strings.TrimPrefix(shown, r.prefix(shown, 1)) != "" {
				t.Errorf("the view of %q is wider than %d: %q", in.text, width, shown)
			}
			if column < 0 || column > width-1 {
				t.Errorf("the cursor in %q is in column %d of %d", in.text, column, width)
			}
		}
	})
}
