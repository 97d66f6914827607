package output

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// bestWidth is the column after which a line ends where a scalar has a space.
const bestWidth = 80

// traits are what decides how a string is written.
type traits struct {
	multiline bool // has line breaks
	plain     bool // can stand without quotes
	single    bool // can stand in single quotes
}

// analyze returns the traits of a string.
func analyze(s string) traits {
	if s == "" {
		return traits{plain: true, single: true}
	}
	var special, spaceBreak, breakSpace, multiline bool
	var before rune
	for _, r := range s {
		special = special || r != '\n' && !isPrintable(r)
		multiline = multiline || isBreak(r)
		spaceBreak = spaceBreak || before == ' ' && isBreak(r)
		breakSpace = breakSpace || isBreak(before) && r == ' '
		before = r
	}
	first, _ := utf8.DecodeRuneInString(s)
	last, _ := utf8.DecodeLastRuneInString(s)
	padded := first == ' ' || last == ' '
	return traits{
		multiline: multiline,
		plain:     !special && !multiline && !padded && !hasIndicator(s),
		single:    !special && !spaceBreak && !breakSpace,
	}
}

// hasIndicator reports whether a string without quotes would be taken for something
// else than text.
func hasIndicator(s string) bool {
	if strings.HasPrefix(s, "---") || strings.HasPrefix(s, "...") {
		return true
	}
	if strings.ContainsRune("#,[]{}&*!|>'\"%@`", rune(s[0])) {
		return true
	}
	runes := append([]rune(s), ' ')
	if strings.ContainsRune("?:-", runes[0]) && isBlank(runes[1]) {
		return true
	}
	for i, r := range runes[1:] {
		before, next := runes[i], runes[min(i+2, len(runes)-1)]
		if r == ':' && isBlank(next) || r == '#' && isBlank(before) {
			return true
		}
	}
	return false
}

func isBlank(r rune) bool { return r == ' ' || r == '\t' || isBreak(r) }

func isBreak(r rune) bool {
	return strings.ContainsRune("\n\r\u0085\u2028\u2029", r)
}

// isPrintable reports whether a character is written as it is. LibYAML escapes all
// that is beyond the first 65,536.
func isPrintable(r rune) bool {
	switch {
	case r == '\n' || ' ' <= r && r <= '~':
		return true
	case r == '\ufeff' || r == '\ufffe' || r == '\uffff':
		return false
	}
	return 0xa0 <= r && r <= 0xffff
}

// notText are the strings that without quotes would be a bool, a number, null, a
// timestamp, or what YAML has a meaning for.
var notText = regexp.MustCompile(`^(?:|~|null|Null|NULL|=|<<` +
	`|true|True|TRUE|false|False|FALSE` +
	`|[-+]?0b[01_]+|[-+]?0o?[0-7_]+|[-+0-9][0-9_]*|[-+]?0x[0-9a-fA-F_]+` +
	`|[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?` +
	`|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+` +
	`|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?` +
	`|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)` +
	`|[0-9]{4}-[0-9]{2}-[0-9]{2}` +
	`|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?` +
	`(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?)$`)

// scalar writes a value that is neither list nor object. A key is kept in one line.
func (y *yaml) scalar(value any, key bool) {
	switch v := value.(type) {
	case nil:
		y.plain("null", key)
	case bool:
		y.plain(strconv.FormatBool(v), key)
	case json.Number:
		y.plain(yamlNumber(v), key)
	case string:
		y.text(v, key)
	}
}

func yamlNumber(n json.Number) string {
	switch n {
	case "inf":
		return ".inf"
	case "-inf":
		return "-.inf"
	}
	return string(n)
}

// text writes a string, with the least quotes that it can stand in.
func (y *yaml) text(s string, key bool) {
	t := analyze(s)
	outer := y.indent
	y.indent = max(y.indent, 0) + yamlIndent
	switch {
	case t.plain && !notText.MatchString(s):
		y.plain(s, key)
	case t.single && !(key && t.multiline):
		y.single(s, key)
	default:
		y.double(s, key)
	}
	y.indent = outer
}

// plain writes text without quotes.
func (y *yaml) plain(s string, key bool) {
	if !y.whitespace {
		y.put(' ')
	}
	runes := []rune(s)
	for i, r := range runes {
		if !key && y.foldsAt(runes, i) && !isSpace(runes, i+1) {
			y.line()
		} else {
			y.put(r)
		}
	}
	y.whitespace, y.indention = false, false
}

// foldsAt reports whether the line may end at a space, and is long enough to.
func (y *yaml) foldsAt(runes []rune, i int) bool {
	return isSpace(runes, i) && !isSpace(runes, i-1) && y.column > bestWidth
}

func isSpace(runes []rune, i int) bool {
	return i >= 0 && i < len(runes) && runes[i] == ' '
}

// single writes text in single quotes. A line break becomes an empty line.
func (y *yaml) single(s string, key bool) {
	y.indicator("'", true, false, false)
	runes := []rune(s)
	broken := false // after a line break
	for i, r := range runes {
		inside := i > 0 && i < len(runes)-1
		switch {
		case !key && inside && y.foldsAt(runes, i) && !isSpace(runes, i+1):
			y.line()
		case r == ' ':
			y.put(r)
		case isBreak(r):
			if !broken && r == '\n' {
				y.newline()
			}
			y.lineBreak(r)
			y.indention = true
		default:
			if broken {
				y.line()
			}
			if r == '\'' {
				y.put(r)
			}
			y.put(r)
			y.indention = false
		}
		broken = isBreak(r)
	}
	if broken {
		y.line()
	}
	y.indicator("'", false, false, false)
	y.whitespace, y.indention = false, false
}

// lineBreak writes a line break of a string.
func (y *yaml) lineBreak(r rune) {
	y.put(r)
	y.column = 0
}

// The escapes of a string in double quotes that are shorter than the number of the
// character.
var yamlEscapes = map[rune]string{
	0: `\0`, '\a': `\a`, '\b': `\b`, '\t': `\t`, '\n': `\n`, '\v': `\v`, '\f': `\f`,
	'\r': `\r`, 0x1b: `\e`, '"': `\"`, '\\': `\\`, 0x85: `\N`, 0xa0: `\_`, 0x2028: `\L`,
	0x2029: `\P`,
}

// double writes text in double quotes.
func (y *yaml) double(s string, key bool) {
	y.indicator(`"`, true, false, false)
	runes := []rune(s)
	for i, r := range runes {
		inside := i > 0 && i < len(runes)-1
		switch {
		case !isPrintable(r) || isBreak(r) || r == '"' || r == '\\':
			y.puts(yamlEscape(r))
		case !key && inside && y.foldsAt(runes, i):
			y.line()
			if isSpace(runes, i+1) {
				y.put('\\')
			}
		default:
			y.put(r)
		}
	}
	y.indicator(`"`, false, false, false)
	y.whitespace, y.indention = false, false
}

func yamlEscape(r rune) string {
	short, ok := yamlEscapes[r]
	switch {
	case ok:
		return short
	case r <= 0xff:
		return fmt.Sprintf(`\x%02X`, r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04X`, r)
	}
	return fmt.Sprintf(`\U%08X`, r)
}
