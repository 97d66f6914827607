package chatui

import (
	"fmt"
	"image/color"
	"testing"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
)

var (
	onBlack   = theme{colorprofile.TrueColor, color.Black}
	onWhite   = theme{colorprofile.TrueColor, color.White}
	solarized = color.RGBA{R: 0x00, G: 0x2b, B: 0x36, A: 0xff}
)

func TestParseColour(t *testing.T) {
	tests := []struct {
		in   string
		want color.Color
	}{
		{"#f80", color.RGBA{0xff, 0x88, 0x00, 0xff}},
		{"#FF8800", color.RGBA{0xff, 0x88, 0x00, 0xff}},
		{"#f1810f", color.RGBA{0xff, 0x88, 0x00, 0xff}},
		{"red", ansi.Red},
		{"Bright Blue", ansi.BrightBlue},
		{"bright-blue", ansi.BrightBlue},
		{"", nil},
		{"#", nil},
		{"#ff", nil},
		{"#ff88000", nil},
		{"#+f8800", nil},
		{"#gggggg", nil},
		{"#日", nil},
		{"ff8800", nil},
		{"rgb(1,2,3)", nil},
		{"\x1b[31m", nil},
	}
	for _, test := range tests {
		if got := parseColour(test.in); got != test.want {
			t.Errorf("parseColour(%q) = %v, want %v", test.in, got, test.want)
		}
	}
}

func TestNameColour(t *testing.T) {
	hashOnBlack, hashOnWhite := onBlack.nameColour("bo", ""), onWhite.nameColour("bo", "")
	tests := []struct {
		name   string
		theme  theme
		wanted string
		want   color.Color
	}{
		{"readable on black", onBlack, "#ff0", parseColour("#ff0")},
		{"too light on white", onWhite, "#ff0", hashOnWhite},
		{"too dark on black", onBlack, "#00f", hashOnBlack},
		{"readable on white", onWhite, "#00f", parseColour("#00f")},
		{"name on black", onBlack, "yellow", ansi.Yellow},
		{"black on black", onBlack, "black", hashOnBlack},
		{"nonsense", onBlack, "#zzz", hashOnBlack},
		{"no colours", theme{colorprofile.ASCII, color.Black}, "#ff0", nil},
		{"no terminal", theme{background: color.Black}, "#ff0", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.theme.nameColour("bo", test.wanted); got != test.want {
				t.Errorf("the name is %v, want %v", got, test.want)
			}
		})
	}
}

// TestHashedColours checks that everyone has a colour that can be read, the same each
// time, and that not everyone has the same.
func TestHashedColours(t *testing.T) {
	profiles := []colorprofile.Profile{
		colorprofile.ANSI, colorprofile.ANSI256, colorprofile.TrueColor}
	for _, profile := range profiles {
		for _, background := range []color.Color{color.Black, color.White, solarized} {
			th := theme{profile, background}
			used := map[color.Color]bool{}
			for i := range 200 {
				user := fmt.Sprint("user", i)
				c := th.nameColour(user, "")
				if c == nil || !th.isReadable(c) {
					t.Fatalf("%v on %v: %s has colour %v, which cannot be read",
						profile, background, user, c)
				}
				if again := th.nameColour(user, ""); again != c {
					t.Fatalf("%s has colour %v, and then %v", user, c, again)
				}
				used[c] = true
			}
			if len(used) < 3 {
				t.Errorf("%v on %v: 200 users share %d colours", profile, background, len(used))
			}
		}
	}
}
