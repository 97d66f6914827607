package chatui

import (
	"hash/fnv"
	"image/color"
	"math"
	"strconv"
	"strings"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
)

// minContrast is what a colour has to have against the background to be read.
// Source: WCAG 2, success criterion 1.4.3, large text.
const minContrast = 3

// theme is what the terminal says about its colours. Without a profile there are none.
type theme struct {
	profile    colorprofile.Profile
	background color.Color
}

// Colours of names, on dark and on light backgrounds.
var (
	darkPalette  = []ansi.IndexedColor{203, 209, 214, 185, 113, 79, 80, 75, 105, 141, 176, 205}
	lightPalette = []ansi.IndexedColor{124, 130, 94, 64, 28, 29, 30, 25, 21, 57, 91, 162}
)

// nameColour returns the colour of a user's name: the one that the user wants where it
// can be read, else one that is always the same for this user; nil is none.
func (t theme) nameColour(userID, wanted string) color.Color {
	if t.profile <= colorprofile.ASCII {
		return nil
	}
	if c := parseColour(wanted); c != nil && t.isReadable(c) {
		return c
	}
	palette := darkPalette
	if luminance(t.background) > 0.5 {
		palette = lightPalette
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(userID)) // never fails
	first := int(h.Sum32() % uint32(len(palette)))
	for i := range palette {
		if c := palette[(first+i)%len(palette)]; t.isReadable(c) {
			return c
		}
	}
	return nil
}

// isReadable reports whether c can be read once the terminal made of it what it can.
func (t theme) isReadable(c color.Color) bool {
	a, b := luminance(t.profile.Convert(c)), luminance(t.background)
	return (max(a, b)+0.05)/(min(a, b)+0.05) >= minContrast
}

// luminance returns the relative luminance of c, 0 to 1. Source: WCAG 2.
func luminance(c color.Color) float64 {
	r, g, b, _ := c.RGBA()
	return 0.2126*linear(r) + 0.7152*linear(g) + 0.0722*linear(b)
}

func linear(channel uint32) float64 {
	v := float64(channel) / math.MaxUint16
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

var colourNames = map[string]ansi.BasicColor{
	"black": 0, "red": 1, "green": 2, "yellow": 3, "blue": 4, "magenta": 5, "cyan": 6, "white": 7,
	"gray": 8, "grey": 8, "brightblack": 8, "brightred": 9, "brightgreen": 10,
	"brightyellow": 11, "brightblue": 12, "brightmagenta": 13, "brightcyan": 14,
	"brightwhite": 15,
}

// parseColour returns the colour that s spells, as #rgb, as #rrggbb, or as the name of
// one of the sixteen of all terminals; else nil.
func parseColour(s string) color.Color {
	hex, isHex := strings.CutPrefix(s, "#")
	if !isHex {
		name := strings.NewReplacer(" ", "", "-", "", "_", "").Replace(strings.ToLower(s))
		if c, ok := colourNames[name]; ok {
			return c
		}
		return nil
	}
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	n, err := strconv.ParseUint(hex, 16, 24)
	if err != nil || len(hex) != 6 {
		return nil
	}
	return color.RGBA{R: coarse(n >> 16), G: coarse(n >> 8), B: coarse(n), A: 0xff}
}

// coarse returns the lowest byte of n with 16 steps, not 256. Users choose colours, and
// colorprofile keeps every one that it ever converted.
func coarse(n uint64) uint8 { return uint8(n) >> 4 * 17 }
